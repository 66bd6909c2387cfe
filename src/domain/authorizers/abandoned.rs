//! Grants of attempts that nobody finished: who they belong to, and how they are withdrawn.
use crate::domain::withdrawals::{self, Grant};
use crate::domain::{Ctx, Error};
use crate::model::activity::SubjectKind;
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::authorizer::Identity;
use crate::model::cause::Cause;
use crate::model::credentials::Credentials;
use crate::model::oauth_app::OAuthClient;
use crate::model::revocation::{RevocationOutcome, WithdrawalReason};
use crate::model::time::Moment;
use crate::store::attempts::SealedPart;
use crate::store::{self, StoreError};

use super::complete;
use super::finish::{TAKEN_LIMIT, open_client};
use super::pending::PendingAuthorization;

/// Returns the OAuth app with which the grant of an attempt is withdrawn, if it can still be had.
pub(super) async fn find_client(
    ctx: &Ctx,
    attempt: &Attempt,
    credentials: &Credentials,
) -> Option<OAuthClient> {
    let (_, auth) = complete::spec(ctx, attempt).ok()?;
    open_client(ctx, attempt, &auth, &credentials.values).await.ok()
}

/// What an attempt gives up, as activity names it: by its authorizer, or by the OAuth app that it was granted to.
pub(super) fn of_attempt(
    ctx: &Ctx,
    attempt: &Attempt,
    reason: WithdrawalReason,
    credentials: Credentials,
    identity: Option<Identity>,
) -> Grant {
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
    Grant {
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
        destinations: None,
        is_refresh_in_doubt: false,
    }
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
            let mut grant = of_attempt(ctx, &attempt, reason, credentials, pending.identity());
            grant.client = find_client(ctx, &attempt, &grant.credentials).await;
            grant.destinations.clone_from(&pending.destinations);
            withdrawals::prepare(ctx, None, &grant)?
        }
        // Cut off while the service answered: whether it granted anything is not known.
        None => {
            let grant = of_attempt(ctx, &attempt, reason, Credentials::default(), None);
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
