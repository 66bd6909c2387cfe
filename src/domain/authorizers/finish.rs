//! Finishes an attempt that a callback has taken. A grant that the provider has given is finished, kept for *Try again*,
//! or withdrawn; it is never forgotten.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::withdrawals::{self, Grant as AbandonedGrant, PreparedWithdrawal};
use crate::domain::{Actor, Ctx, Error, oauth_apps};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::Identity;
use crate::model::callback::CallbackParams;
use crate::model::cause::Cause;
use crate::model::credentials::{Credentials, Secret};
use crate::model::oauth_app::OAuthClient;
use crate::model::report::Fault;
use crate::model::revocation::{Requester, RevocationOutcome, WithdrawalReason};
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::outbound::oauth::{Arrival, Grant};
use crate::outbound::{Account, TOKEN_LIMIT};
use crate::store::attempts::SealedPart;
use crate::store::{self, AnyConnection, StoreError};

use super::complete::{self, Completed};
use super::grant::{self, Proven};
use super::pending::{GRANT_KEPT, PendingAuthorization};
use super::refresh::save::persist;
use super::{abandoned, account, other_account, service_file, start};

/// After this long nobody finishes an attempt any more that a callback has taken: its process is gone.
pub const TAKEN_LIMIT: Duration = Duration::from_secs(120);
const _: () = assert!(TAKEN_LIMIT.as_secs() > 3 * TOKEN_LIMIT.as_secs());

/// Whether a callback took it, and whoever was finishing it is gone.
pub fn is_cut_off(attempt: &Attempt, now: Moment) -> bool {
    attempt.state == AttemptState::Taken
        && attempt.taken_at.is_none_or(|taken| now.since(taken) >= TAKEN_LIMIT)
}

/// An attempt that is being finished, and what it keeps.
struct InProgress<'a> {
    ctx: &'a Ctx,
    actor: &'a Actor,
    attempt: Attempt,
    pending: PendingAuthorization,
}

/// Exchanges the code, stores the grant that came for it, and goes on.
pub(super) async fn redeem(
    ctx: &Ctx,
    actor: &Actor,
    attempt: Attempt,
    pending: PendingAuthorization,
    params: CallbackParams,
) -> Result<Completed, Error> {
    let mut open = InProgress { ctx, actor, attempt, pending };
    let arrival = Arrival {
        params,
        verifier: open.pending.verifier.clone().map(Secret::new),
        redirect_uri: ctx.site.redirect_uri(),
    };
    let mut credentials = Credentials { values: open.pending.typed(), ..Credentials::default() };
    let context = match GrantContext::load(ctx, &open.attempt, &open.pending).await {
        Ok(context) => context,
        Err(Error::Fault(fault)) => return open.fail_without_grant(fault).await,
        Err(error) => return Err(error),
    };
    let redeemed = match ctx.outbound.redeem(&context.account(&credentials), &arrival).await {
        Ok(redeemed) => redeemed,
        Err(fault) => return open.fail_without_grant(fault).await,
    };
    credentials.tokens = Some(redeemed.tokens);
    credentials.kept = redeemed.kept;
    open.pending.keep_grant(&credentials, None)?;
    open.store_grant().await?;
    match redeemed.fault {
        Some(fault) => open.give_up(credentials, None, fault).await,
        None => Box::pin(open.prove(credentials)).await,
    }
}

/// *Try again* with the grant that is kept: nobody has to sign in for it.
pub(super) async fn resume(
    ctx: &Ctx,
    actor: &Actor,
    attempt: Attempt,
    pending: PendingAuthorization,
) -> Result<Completed, Error> {
    let credentials = pending.grant()?.ok_or(Error::NotFound)?;
    Box::pin(InProgress { ctx, actor, attempt, pending }.prove(credentials)).await
}

/// How a grant is used: the service, its way, and the OAuth app.
struct GrantContext {
    service: Service,
    auth: AuthSpec,
    client: OAuthClient,
}

impl GrantContext {
    /// A fault if what was typed for the attempt may not go where the service file sends it now.
    async fn load(
        ctx: &Ctx,
        attempt: &Attempt,
        pending: &PendingAuthorization,
    ) -> Result<Self, Error> {
        check_destinations(ctx, attempt, pending).map_err(Error::Fault)?;
        let (service, auth) = complete::spec(ctx, attempt)?;
        let client = open_client(ctx, attempt, &auth, &pending.typed()).await?;
        Ok(Self { service, auth, client })
    }

    fn account<'a>(&'a self, credentials: &'a Credentials) -> Account<'a> {
        Account { service: &self.service, auth: &self.auth, credentials, app: Some(&self.client) }
    }
}

/// Decides whether what was typed for an attempt goes only where its service file let it go then.
pub(super) fn check_destinations(
    ctx: &Ctx,
    attempt: &Attempt,
    pending: &PendingAuthorization,
) -> Result<(), Fault> {
    let checked = service_file::find(ctx, &attempt.service_id, &attempt.auth_id).and_then(
        |(service, auth)| match &pending.destinations {
            Some(known) => service_file::check_places(service, auth, known, |field| {
                pending.values.get(field).is_some_and(|value| !value.is_empty())
            }),
            None => Ok(()),
        },
    );
    checked.map_err(|problem| service_file::fault(&problem))
}

/// Returns the OAuth app of an attempt: typed with it, or stored.
pub(super) async fn open_client(
    ctx: &Ctx,
    attempt: &Attempt,
    auth: &AuthSpec,
    values: &BTreeMap<String, Secret>,
) -> Result<OAuthClient, Error> {
    if auth.oauth2.as_ref().is_some_and(|oauth2| oauth2.own_app) {
        return Ok(oauth_apps::own::client(values)?);
    }
    let app_id = attempt.oauth_app_id.as_ref();
    let app_id = app_id.ok_or(Error::WrongState("its OAuth app was deleted meanwhile"))?;
    account::open_app(ctx, app_id).await
}

impl InProgress<'_> {
    /// One write, before anything else is called. A database that is away for a moment does not lose the grant.
    async fn store_grant(&mut self) -> Result<(), Error> {
        let until = self.ctx.clock.now().plus(GRANT_KEPT);
        self.attempt.grant_until = Some(until);
        let sealed = self.pending.seal(self.ctx, &self.attempt.id)?;
        let save = || {
            let (db, id) = (self.ctx.db.clone(), self.attempt.id.clone());
            let sealed = sealed.clone();
            let save = move |c: &mut AnyConnection| {
                let kept = SealedPart { sealed: &sealed, grant_until: Some(until) };
                store::attempts::update_sealed(c, &id, &kept)
            };
            async move { db.write(save).await }
        };
        Ok(persist(save).await?)
    }

    async fn prove(mut self, mut credentials: Credentials) -> Result<Completed, Error> {
        let context = match GrantContext::load(self.ctx, &self.attempt, &self.pending).await {
            Ok(context) => context,
            Err(Error::Fault(fault)) => return self.fail_with_grant(fault).await,
            Err(error) => return Err(error),
        };
        let proved = self.ctx.outbound.prove(&context.account(&credentials)).await;
        let grant = match proved {
            Ok(grant) => grant,
            // What passes, and a token that is not known everywhere yet: *Try again* goes on with it.
            Err(fault) if fault.cause.is_passing() || fault.cause.is_of_token() => {
                return self.fail_with_grant(fault).await;
            }
            Err(fault) => return self.give_up(credentials, None, fault).await,
        };
        if let Some(fault) = find_shortfall(&grant) {
            let identity = grant.identity.clone();
            credentials.tokens = Some(grant.tokens);
            return self.give_up(credentials, Some(identity), fault).await;
        }
        let proven = Proven::new(credentials, grant);
        self.pending.keep_grant(&proven.credentials, Some(&proven.identity))?;
        match self.save(proven).await {
            // The grant is kept; whatever it was may have passed when somebody tries again.
            Err(error) => {
                tracing::warn!(%error, attempt = %self.attempt.id, "an authorization could not be saved");
                self.fail_with_grant(Fault::new(Cause::Interrupted)).await
            }
            saved => saved,
        }
    }

    async fn save(&self, proven: Proven) -> Result<Completed, Error> {
        let attempt = self.attempt.clone();
        let Some(id) = attempt.authorizer_id.clone() else {
            let id = grant::save_new(self.ctx, self.actor, &attempt, proven).await?;
            return Ok(Completed::Saved { attempt, id });
        };
        let stored = account::open_for_editing(self.ctx, &id).await?;
        let known_key = &stored.authorizer.identity.key;
        let is_same = known_key.is_empty() || *known_key == proven.identity.key;
        let values = &proven.credentials.values;
        let changes = start::switched_values(self.ctx, &stored, values).await?;
        let may_switch = self.pending.is_switch && self.actor.may(Permission::SwitchAccounts);
        if !is_same || (!changes.is_empty() && !may_switch) {
            other_account::park(self.ctx, &attempt, &self.pending).await?;
            return Ok(Completed::OtherAccount(attempt));
        }
        let verb = if changes.is_empty() { "reauthorized" } else { "switched" };
        let again = grant::NewGrant { id: id.clone(), proven, verb, changes };
        grant::save_again(self.ctx, self.actor, &attempt, again).await?;
        Ok(Completed::Saved { attempt, id })
    }

    /// No grant came. One whose answer got lost may live at the service all the same: activity says so.
    async fn fail_without_grant(mut self, fault: Fault) -> Result<Completed, Error> {
        let may_be_lost =
            fault.is_in_doubt || (fault.cause == Cause::MalformedAnswer && !fault.is_unexplained);
        let lost = may_be_lost.then(|| {
            let given_up = self.abandoned_grant(Credentials::default(), None);
            let outcome = RevocationOutcome::NeverReceived;
            withdrawals::prepare_known(
                self.ctx,
                Some(Requester::from_actor(self.actor)),
                &given_up,
                outcome,
            )
        });
        self.blame(fault);
        self.write_end(lost).await
    }

    /// The grant stays for *Try again*, as long as it is kept.
    async fn fail_with_grant(mut self, fault: Fault) -> Result<Completed, Error> {
        self.blame(fault);
        self.attempt.grant_until = Some(self.ctx.clock.now().plus(GRANT_KEPT));
        self.write_end(None).await
    }

    /// The grant is not what is needed, and never will be: it is withdrawn.
    async fn give_up(
        mut self,
        credentials: Credentials,
        identity: Option<Identity>,
        fault: Fault,
    ) -> Result<Completed, Error> {
        let mut given_up = self.abandoned_grant(credentials, identity);
        given_up.client =
            abandoned::find_client(self.ctx, &self.attempt, &given_up.credentials).await;
        let requester = Some(Requester::from_actor(self.actor));
        let prepared = withdrawals::prepare(self.ctx, requester, &given_up)?;
        self.blame(fault);
        self.pending.forget_grant();
        self.attempt.grant_until = None;
        self.write_end(Some(prepared)).await
    }

    fn abandoned_grant(
        &self,
        credentials: Credentials,
        identity: Option<Identity>,
    ) -> AbandonedGrant {
        let (attempt, reason) = (&self.attempt, WithdrawalReason::Unfinished);
        let grant = abandoned::of_attempt(self.ctx, attempt, reason, credentials, identity);
        AbandonedGrant { destinations: self.pending.destinations.clone(), ..grant }
    }

    fn blame(&mut self, fault: Fault) {
        self.attempt.state = AttemptState::Failed;
        self.attempt.cause = Some(fault.cause);
        self.attempt.detail = fault.detail;
        if fault.cause == Cause::MissingScope {
            self.attempt.missing_scopes =
                fault.cure.iter().flat_map(|list| list.split(' ')).map(str::to_owned).collect();
        }
    }

    /// Writes how it ended, with the withdrawal of what was given up. What was typed stays until the attempt is purged.
    async fn write_end(self, prepared: Option<PreparedWithdrawal>) -> Result<Completed, Error> {
        let (id, ending) = (self.attempt.id.clone(), complete::ending(&self.attempt));
        let (sealed, grant_until) = (self.pending.seal(self.ctx, &id)?, self.attempt.grant_until);
        let prepared = write_with(self.ctx, prepared, move |c| {
            let kept = SealedPart { sealed: &sealed, grant_until };
            store::attempts::finish(c, &id, &ending, Some(&kept))
        })
        .await?;
        if let Some(prepared) = prepared {
            prepared.ask_in_background(self.ctx);
        }
        Ok(Completed::Failed(self.attempt))
    }
}

/// Writes an event and the withdrawal that comes with it in one transaction, and returns the withdrawal.
pub(super) async fn write_with(
    ctx: &Ctx,
    prepared: Option<PreparedWithdrawal>,
    event: impl FnOnce(&mut AnyConnection) -> Result<(), StoreError> + Send + 'static,
) -> Result<Option<PreparedWithdrawal>, Error> {
    let written = ctx
        .db
        .write(move |c| {
            event(c)?;
            if let Some(prepared) = &prepared {
                prepared.write(c)?;
            }
            Ok::<_, StoreError>(prepared)
        })
        .await?;
    Ok(written)
}

/// An answer that misses a required scope or an expected refresh token is not a success.
fn find_shortfall(grant: &Grant) -> Option<Fault> {
    if !grant.missing_scopes.is_empty() {
        return Some(Fault::new(Cause::MissingScope).cure(grant.missing_scopes.join(" ")));
    }
    grant.missing_refresh_token.then(|| Fault::new(Cause::MissingRefreshToken))
}
