//! Grants that are not to stay alive: each is withdrawn at its service, and activity says what became of it. Stored with
//! the event that gave it up, asked for at once in the background, and again by the worker.
mod ask;
mod secrets;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::crypto::{Sealed, token};
use crate::domain::authorizers::account::OpenAccount;
use crate::domain::{Actor, Ctx, Error, activity};
use crate::model::activity::{NewActivity, SubjectKind};
use crate::model::credentials::Credentials;
use crate::model::ids::{AuthorizerId, OAuthAppId, ServiceId, WithdrawalId};
use crate::model::oauth_app::OAuthClient;
use crate::model::revocation::{Requester, RevocationOutcome, Withdrawal, WithdrawalReason};
use crate::store::{self, AnyConnection, StoreError};

pub use ask::run_due;
use secrets::GrantSecrets;

/// So often a service is asked that does not answer, or that lets the old token in.
pub const TRIES: i32 = 6;
/// Before the second try; each further wait is twice as long.
const FIRST_WAIT: Duration = Duration::from_secs(60);

impl Requester {
    pub fn from_actor(actor: &Actor) -> Self {
        Self { id: actor.user_id.clone(), name: actor.name.clone() }
    }
}

/// A grant that nobody keeps. Never `Debug`.
pub struct Grant {
    pub reason: WithdrawalReason,
    pub service_id: ServiceId,
    pub auth_id: String,
    /// The authorizer that it belonged to, if that is still there.
    pub authorizer_id: Option<AuthorizerId>,
    pub oauth_app_id: Option<OAuthAppId>,
    pub subject_kind: SubjectKind,
    pub subject_id: String,
    pub name: String,
    /// Empty if nobody knows whose account it is.
    pub identity_key: String,
    pub credentials: Credentials,
    pub client: Option<OAuthClient>,
    /// Where its service file let the secrets go when they were typed. `None`: as the file says now, which was checked.
    pub destinations: Option<BTreeSet<String>>,
    /// A refresh of it is on the wire or got lost: its refresh token is not spent again.
    pub is_refresh_in_doubt: bool,
}

impl Grant {
    /// Returns what an authorizer holds.
    pub fn from_account(open: &OpenAccount, reason: WithdrawalReason) -> Self {
        let row = &open.authorizer;
        Self {
            reason,
            service_id: row.service_id.clone(),
            auth_id: row.auth_id.clone(),
            authorizer_id: Some(row.id.clone()),
            oauth_app_id: row.oauth_app_id.clone(),
            subject_kind: SubjectKind::Authorizer,
            subject_id: row.id.to_string(),
            name: row.name.clone(),
            identity_key: row.identity.key.clone(),
            credentials: open.credentials.clone(),
            client: open.app.clone(),
            destinations: None,
            is_refresh_in_doubt: false,
        }
    }
}

/// A withdrawal that is ready to be stored with the event that gave the grant up.
pub struct PreparedWithdrawal {
    row: Withdrawal,
    sealed: Option<Sealed>,
    /// Of what is known at once.
    line: Option<activity::Line>,
}

/// Prepares to withdraw a grant. Where the service offers no way, that is all there is to say, and it is said.
pub fn prepare(
    ctx: &Ctx,
    requester: Option<Requester>,
    grant: &Grant,
) -> Result<PreparedWithdrawal, Error> {
    let found = ctx.catalog.get(grant.service_id.as_str()).and_then(|service| {
        let auth = service.auth(&grant.auth_id)?;
        Some((service, auth))
    });
    let has_value = |field: &str| grant.credentials.get(field).is_some();
    // A file that is missing may come back before the last try.
    let has_endpoint = found.is_none_or(|(_, auth)| auth.is_revocable(has_value));
    if !has_endpoint {
        return Ok(prepare_known(ctx, requester, grant, RevocationOutcome::NoEndpoint));
    }
    let row = new_row(ctx, requester, grant);
    let mut secrets = GrantSecrets::of_grant(grant);
    if let (None, Some((service, auth))) = (&secrets.destinations, found) {
        secrets.destinations = Some(service.destinations(auth));
    }
    let sealed = Some(secrets.seal(ctx, &row.id)?);
    Ok(PreparedWithdrawal { row, sealed, line: None })
}

/// Prepares to write down a grant of which is known at once what becomes of it.
pub fn prepare_known(
    ctx: &Ctx,
    requester: Option<Requester>,
    grant: &Grant,
    outcome: RevocationOutcome,
) -> PreparedWithdrawal {
    let row =
        Withdrawal { outcome: Some(outcome), next_try_at: None, ..new_row(ctx, requester, grant) };
    let line = Some(outcome_line(ctx, &row, outcome));
    PreparedWithdrawal { row, sealed: None, line }
}

fn new_row(ctx: &Ctx, requester: Option<Requester>, grant: &Grant) -> Withdrawal {
    let now = ctx.clock.now();
    Withdrawal {
        id: WithdrawalId::new(now, token::ten()),
        service_id: grant.service_id.clone(),
        auth_id: grant.auth_id.clone(),
        authorizer_id: grant.authorizer_id.clone(),
        oauth_app_id: grant.oauth_app_id.clone(),
        subject_kind: grant.subject_kind,
        subject_id: grant.subject_id.clone(),
        name: grant.name.clone(),
        identity_key: grant.identity_key.clone(),
        reason: grant.reason,
        outcome: None,
        detail: None,
        tries: 0,
        next_try_at: Some(now),
        requester,
        created_at: now,
    }
}

/// Returns the line that says what became of it.
fn outcome_line(ctx: &Ctx, row: &Withdrawal, outcome: RevocationOutcome) -> activity::Line {
    let new = NewActivity {
        verb: row.reason.verb(outcome.is_ended()),
        subject_kind: row.subject_kind,
        subject_id: row.subject_id.clone(),
        subject_name: row.name.clone(),
        note: outcome.code().to_owned(),
    };
    activity::line(ctx, None, new).requested_by(row.requester.as_ref()).of_service(&row.service_id)
}

impl PreparedWithdrawal {
    /// Writes it, in the transaction of its event.
    pub fn write(&self, c: &mut AnyConnection) -> Result<(), StoreError> {
        let finished_at = self.line.as_ref().map(|_| self.row.created_at);
        store::withdrawals::insert(c, &self.row, self.sealed.as_ref(), finished_at)?;
        self.line.as_ref().map_or(Ok(()), |line| line.write(c))
    }

    /// What is known before anybody is asked.
    pub fn known_outcome(&self) -> Option<RevocationOutcome> {
        self.line.as_ref().and(self.row.outcome)
    }

    /// Asks the service once and returns what that came to. `None`: it is asked again later.
    pub async fn ask(self, ctx: &Ctx) -> Result<Option<RevocationOutcome>, Error> {
        match self.known_outcome() {
            Some(outcome) => Ok(Some(outcome)),
            None => ask::ask(ctx, self.row).await,
        }
    }

    /// Asks the service in the background; nobody waits for it.
    pub fn ask_in_background(self, ctx: &Ctx) {
        let scope = ctx.clone();
        ctx.tasks.start(async move {
            let id = self.row.id.clone();
            if let Err(error) = Box::pin(self.ask(&scope)).await {
                tracing::warn!(%error, withdrawal = %id, "a grant is not withdrawn yet; it is tried again");
            }
        });
    }
}

/// Stores a grant that was given up without an event of its own, and asks in the background.
pub async fn withdraw(ctx: &Ctx, requester: Option<Requester>, grant: Grant) -> Result<(), Error> {
    let prepared = std::sync::Arc::new(prepare(ctx, requester, &grant)?);
    let written = std::sync::Arc::clone(&prepared);
    ctx.db.write(move |c| written.write(c)).await?;
    if let Some(prepared) = std::sync::Arc::into_inner(prepared) {
        prepared.ask_in_background(ctx);
    }
    Ok(())
}
