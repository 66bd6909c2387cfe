//! Finishes an attempt that a callback has taken. A grant that the provider has given is finished, kept for *Try again*,
//! or withdrawn; it is never forgotten.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::domain::withdrawals::{self, Grant as AbandonedGrant, PreparedWithdrawal};
use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::SubjectKind;
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::credentials::{Credentials, Secret};
use crate::model::report::Fault;
use crate::model::revocation::{Requester, RevocationOutcome, WithdrawalReason};
use crate::model::time::Moment;
use crate::outbound::oauth::{Arrival, Grant};
use crate::outbound::{Account, TOKEN_LIMIT};
use crate::store::attempts::SealedPart;
use crate::store::{self, AnyConnection, StoreError};

use super::complete::{self, Completed};
use super::grant::{self, Proven};
use super::pending::{GRANT_KEPT, PendingAuthorization};
use super::refresh::save::persist;
use super::{account, other_account};

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
    params: BTreeMap<String, String>,
) -> Result<Completed, Error> {
    let mut open = InProgress { ctx, actor, attempt, pending };
    let arrival = Arrival {
        params,
        verifier: open.pending.verifier.clone().map(Secret::new),
        redirect_uri: ctx.site.redirect_uri(),
    };
    let mut credentials = Credentials { values: open.pending.typed(), ..Credentials::default() };
    let context = GrantContext::load(ctx, &open.attempt).await?;
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
        None => open.prove(credentials).await,
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
    InProgress { ctx, actor, attempt, pending }.prove(credentials).await
}

/// How a grant is used: the service, its way, and the OAuth app.
struct GrantContext {
    service: crate::catalog::Service,
    auth: crate::catalog::auth::AuthSpec,
    client: crate::model::oauth_app::OAuthClient,
}

impl GrantContext {
    async fn load(ctx: &Ctx, attempt: &Attempt) -> Result<Self, Error> {
        let (service, auth) = complete::spec(ctx, attempt)?;
        let app = attempt
            .oauth_app_id
            .as_ref()
            .ok_or(Error::WrongState("its OAuth app was deleted meanwhile"))?;
        Ok(Self { service, auth, client: account::open_app(ctx, app).await? })
    }

    fn account<'a>(&'a self, credentials: &'a Credentials) -> Account<'a> {
        Account { service: &self.service, auth: &self.auth, credentials, app: Some(&self.client) }
    }
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
        let context = GrantContext::load(self.ctx, &self.attempt).await?;
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
        let before = super::find::authorizer(self.ctx, &id).await?;
        let is_same = before.identity.key.is_empty() || before.identity.key == proven.identity.key;
        if !is_same {
            other_account::park(self.ctx, &attempt, &self.pending).await?;
            return Ok(Completed::OtherAccount(attempt));
        }
        let again = grant::NewGrant { id: id.clone(), proven, verb: "reauthorized" };
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
        given_up.client = Some(GrantContext::load(self.ctx, &self.attempt).await?.client);
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
        abandoned_grant(
            self.ctx,
            &self.attempt,
            WithdrawalReason::Unfinished,
            credentials,
            identity,
        )
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

/// What an attempt gives up, as activity names it: by its authorizer, or by the OAuth app that it was granted to.
pub(super) fn abandoned_grant(
    ctx: &Ctx,
    attempt: &Attempt,
    reason: WithdrawalReason,
    credentials: Credentials,
    identity: Option<Identity>,
) -> AbandonedGrant {
    let service = ctx.catalog.get(attempt.service_id.as_str());
    let service_name =
        service.map_or_else(|| attempt.service_id.to_string(), |found| found.head.name.clone());
    let name = match &identity {
        Some(identity) if !identity.label.is_empty() => {
            format!("{service_name} – {}", identity.label)
        }
        Some(_) | None => service_name,
    };
    let (subject_kind, subject_id) = match (&attempt.authorizer_id, &attempt.oauth_app_id) {
        (Some(id), _) => (SubjectKind::Authorizer, id.to_string()),
        (None, Some(app)) => (SubjectKind::OAuthApp, app.to_string()),
        (None, None) => (SubjectKind::System, attempt.service_id.to_string()),
    };
    AbandonedGrant {
        reason,
        service_id: attempt.service_id.clone(),
        auth_id: attempt.auth_id.clone(),
        authorizer_id: attempt.authorizer_id.clone(),
        oauth_app_id: attempt.oauth_app_id.clone(),
        subject_kind,
        subject_id,
        name,
        identity_key: identity.map(|identity| identity.key).unwrap_or_default(),
        credentials,
        client: None,
        is_refresh_in_doubt: false,
    }
}

/// An answer that misses a required scope or an expected refresh token is not a success.
fn find_shortfall(grant: &Grant) -> Option<Fault> {
    if !grant.missing_scopes.is_empty() {
        return Some(Fault::new(Cause::MissingScope).cure(grant.missing_scopes.join(" ")));
    }
    grant.missing_refresh_token.then(|| Fault::new(Cause::MissingRefreshToken))
}

/// Withdraws grants that were kept for *Try again* or for a choice, and were not finished in time; says of attempts whose
/// process died that they were cut off. Returns how many there were.
pub async fn collect_given_up(ctx: &Ctx) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let before = now.minus(TAKEN_LIMIT);
    let given_up = ctx.db.read(move |c| store::attempts::list_given_up(c, now, before)).await?;
    let number = given_up.len();
    for attempt in given_up {
        let id = attempt.id.clone();
        match collect(ctx, attempt, now).await {
            Ok(()) => {}
            Err(Error::Locked) => {
                tracing::debug!(attempt = %id, "an attempt is sealed with a key that is not here");
            }
            Err(error) => {
                tracing::error!(%error, attempt = %id, "could not withdraw the grant of an attempt; trying again");
            }
        }
    }
    Ok(number)
}

async fn collect(ctx: &Ctx, mut attempt: Attempt, now: Moment) -> Result<(), Error> {
    let id = attempt.id.clone();
    let held = ctx.db.read(move |c| store::attempts::find_held(c, &id)).await?;
    let sealed = held.and_then(|held| held.sealed);
    // What is sealed with a key that is not here is left to a process that has it.
    let mut pending = sealed
        .map(|sealed| PendingAuthorization::open(ctx, &attempt.id, &sealed))
        .transpose()?
        .unwrap_or_default();
    let grant = pending.grant()?;
    let reason = match attempt.state {
        AttemptState::OtherAccount => WithdrawalReason::Declined,
        AttemptState::Pending
        | AttemptState::Taken
        | AttemptState::Completed
        | AttemptState::Failed => WithdrawalReason::Unfinished,
    };
    let prepared = match grant {
        Some(credentials) => {
            let mut grant = abandoned_grant(ctx, &attempt, reason, credentials, pending.identity());
            grant.client = match &attempt.oauth_app_id {
                Some(app) => account::open_app(ctx, app).await.ok(),
                None => None,
            };
            withdrawals::prepare(ctx, None, &grant)?
        }
        // Cut off while the service answered: whether it granted anything is not known.
        None => {
            let grant = abandoned_grant(ctx, &attempt, reason, Credentials::default(), None);
            withdrawals::prepare_known(ctx, None, &grant, RevocationOutcome::NeverReceived)
        }
    };
    pending.forget_grant();
    let seen = attempt.state;
    if attempt.state == AttemptState::Taken {
        attempt.cause = Some(Cause::Interrupted);
    }
    attempt.cause = attempt.cause.filter(|cause| *cause != Cause::OtherAccount);
    attempt.state = AttemptState::Failed;
    let (ending, sealed) = (complete::ending(&attempt), pending.seal(ctx, &attempt.id)?);
    let written = ctx
        .db
        .write(move |c| {
            // Somebody has finished it, or pressed a button, since we looked.
            if !store::attempts::take_from(c, &attempt.id, seen, now)? {
                return Ok(None);
            }
            let kept = SealedPart { sealed: &sealed, grant_until: None };
            store::attempts::finish(c, &attempt.id, &ending, Some(&kept))?;
            prepared.write(c)?;
            Ok::<_, StoreError>(Some(prepared))
        })
        .await?;
    if let Some(prepared) = written {
        prepared.ask_in_background(ctx);
    }
    Ok(())
}
