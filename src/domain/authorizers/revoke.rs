//! *Revoke Token*: what will stop, the service's revocation, the receipt. Our secrets are wiped whatever it answers.
use std::collections::BTreeMap;
use std::time::Duration;

use crate::catalog::auth::AuthSpec;
use crate::domain::withdrawals::{self, Grant, PreparedWithdrawal};
use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::SubjectKind;
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::credentials::Credentials;
use crate::model::ids::AuthorizerId;
use crate::model::revocation::{
    PendingRevocation, Requester, Revocation, RevocationOutcome, WithdrawalReason,
};
use crate::model::role::Permission;
use crate::store;
use crate::store::StoreError;
use crate::store::authorizers::{CLAIM, Waiting};

use super::account;
use super::find::{self, Dependent};
use super::refresh::{self, LEASE, PAGE_WAIT};
use super::sealed;

/// A refresh that is on the wire when *Revoke Token* is pressed ends within this time, one way or the other.
const IDLE_WAIT: Duration = LEASE.saturating_add(Duration::from_secs(5));
/// How often the credentials may change between being read and being handed over.
const HAND_OVER_TRIES: usize = 5;

/// Who is hit by a revocation.
pub struct BlastRadius {
    pub authorizer: Authorizer,
    pub used_by: Vec<Dependent>,
    /// Authorizers of the same account and OAuth app, where the service ends them together.
    pub siblings: Vec<Authorizer>,
    /// The service has a revocation endpoint that we call.
    pub has_endpoint: bool,
}

pub async fn blast_radius(
    ctx: &Ctx,
    actor: &Actor,
    id: &AuthorizerId,
) -> Result<BlastRadius, Error> {
    actor.must(Permission::RevokeAuthorizers)?;
    let authorizer = find::authorizer(ctx, id).await?;
    let used_by = find::used_by(ctx, id).await?;
    let open = account::open_for_editing(ctx, id).await.ok();
    let has_endpoint = open
        .as_ref()
        .is_some_and(|open| open.auth.is_revocable(|field| open.credentials.get(field).is_some()));
    let auth = open.map(|open| open.auth);
    let siblings = match auth.as_ref().and_then(|auth| auth.oauth2.as_ref()) {
        Some(oauth2) if oauth2.revoke_kills_siblings => siblings(ctx, &authorizer).await?,
        _ => Vec::new(),
    };
    Ok(BlastRadius { authorizer, used_by, siblings, has_endpoint })
}

async fn siblings(ctx: &Ctx, authorizer: &Authorizer) -> Result<Vec<Authorizer>, Error> {
    let row = authorizer.clone();
    let all = ctx
        .db
        .read(move |c| store::authorizers::find_by_identity(c, &row.service_id, &row.identity.key))
        .await?;
    let is_sibling = |other: &Authorizer| {
        other.id != authorizer.id
            && other.oauth_app_id == authorizer.oauth_app_id
            && other.lifecycle == Lifecycle::Active
    };
    Ok(all.into_iter().filter(is_sibling).collect())
}

/// Takes it out of use at once and asks the service. What it answers is waited for as long as a page may; the receipt
/// tells the rest.
pub async fn revoke(ctx: &Ctx, actor: &Actor, id: &AuthorizerId) -> Result<(), Error> {
    actor.must(Permission::RevokeAuthorizers)?;
    ctx.standing.must_be_live()?;
    let authorizer = find::authorizer(ctx, id).await?;
    let (wanted, now) = (id.clone(), ctx.clock.now());
    // Nobody starts a refresh or a load from here on; a second click finds nothing to do.
    if !ctx.db.write(move |c| store::authorizers::begin_revoking(c, &wanted, now)).await? {
        return match authorizer.lifecycle {
            Lifecycle::Active => Err(Error::Stale),
            Lifecycle::Draft | Lifecycle::Revoking | Lifecycle::Revoked => {
                Err(Error::WrongState("already revoked"))
            }
        };
    }
    let (scope, id, requester) = (ctx.clone(), id.clone(), Requester::from_actor(actor));
    let work = async move { Box::pin(hand_over(&scope, &id, Some(requester))).await };
    match tokio::time::timeout(PAGE_WAIT, ctx.tasks.run(work)).await {
        Ok(Some(done)) => done,
        // It goes on; the receipt follows it.
        Ok(None) | Err(_) => Ok(()),
    }
}

/// Goes on with revocations whose process died before the grant was handed over. Returns how many there were.
pub async fn finish_stuck(ctx: &Ctx) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let stuck = ctx.db.read(move |c| store::authorizers::list_stuck_revoking(c, now)).await?;
    for authorizer in &stuck {
        let Some(next_try_at) = authorizer.next_try_at else {
            continue;
        };
        let waiting = Waiting { id: authorizer.id.clone(), next_try_at };
        if !ctx
            .db
            .write(move |c| store::authorizers::claim_try(c, &waiting, now.plus(CLAIM)))
            .await?
        {
            continue;
        }
        if let Err(error) = Box::pin(hand_over(ctx, &authorizer.id, None)).await {
            tracing::error!(%error, authorizer = %authorizer.id, "a revocation could not be ended; it is tried again");
        }
    }
    Ok(stuck.len())
}

/// Hands the grant to those that are withdrawn, and wipes it here. A refresh that is on the wire is waited for: what it
/// brings is what has to be revoked.
async fn hand_over(
    ctx: &Ctx,
    id: &AuthorizerId,
    requester: Option<Requester>,
) -> Result<(), Error> {
    for _ in 0..HAND_OVER_TRIES {
        refresh::wait_until_idle(ctx, id, IDLE_WAIT).await?;
        let Some(prepared) = try_hand_over(ctx, id, requester.clone()).await? else {
            continue;
        };
        prepared.ask(ctx).await?;
        return Ok(());
    }
    Err(Error::Stale)
}

/// `None`: it changed meanwhile.
async fn try_hand_over(
    ctx: &Ctx,
    id: &AuthorizerId,
    requester: Option<Requester>,
) -> Result<Option<PreparedWithdrawal>, Error> {
    let row = find::authorizer(ctx, id).await?;
    let (prepared, kept) = match account::open_as_is(ctx, id).await {
        Ok(open) if open.authorizer.credential_version != row.credential_version => {
            return Ok(None);
        }
        Ok(open) => {
            let grant = Grant {
                is_refresh_in_doubt: refresh::is_in_doubt(ctx, id).await?,
                ..Grant::from_account(&open, WithdrawalReason::Revoked)
            };
            let kept = open_values(&open.auth, &open.credentials)
                .map(|kept| sealed::seal_credentials(ctx, id, &kept))
                .transpose()?;
            (withdrawals::prepare(ctx, requester, &grant)?, kept)
        }
        // A locked row, or one whose service file is gone, has no token that could be sent.
        Err(Error::Locked | Error::WrongState(_) | Error::Fault(_)) => {
            let outcome = RevocationOutcome::NotAsked;
            (withdrawals::prepare_known(ctx, requester, &unreadable_grant(&row), outcome), None)
        }
        Err(error) => return Err(error),
    };
    let (id, version, now) = (id.clone(), row.credential_version, ctx.clock.now());
    let written = ctx
        .db
        .write(move |c| {
            if !store::authorizers::wipe_for_revocation(c, &id, version, kept.as_ref(), now)? {
                return Ok(None);
            }
            prepared.write(c)?;
            if let Some(outcome) = prepared.known_outcome() {
                store::authorizers::finish_revoking(c, &id, outcome, None, now)?;
            }
            Ok::<_, StoreError>(Some(prepared))
        })
        .await?;
    Ok(written)
}

/// What a form needs that nobody should have to type again: everything that is no secret.
fn open_values(auth: &AuthSpec, credentials: &Credentials) -> Option<Credentials> {
    let is_open = |key: &String| auth.fields.iter().any(|spec| spec.key == *key && !spec.secret);
    let open = credentials.values.iter().filter(|(key, _)| is_open(key));
    let values: BTreeMap<_, _> = open.map(|(key, value)| (key.clone(), value.clone())).collect();
    (!values.is_empty()).then(|| Credentials { values, ..Credentials::default() })
}

/// A grant of which nothing can be read.
fn unreadable_grant(row: &Authorizer) -> Grant {
    Grant {
        reason: WithdrawalReason::Revoked,
        service_id: row.service_id.clone(),
        auth_id: row.auth_id.clone(),
        authorizer_id: Some(row.id.clone()),
        oauth_app_id: row.oauth_app_id.clone(),
        subject_kind: SubjectKind::Authorizer,
        subject_id: row.id.to_string(),
        name: row.name.clone(),
        identity_key: row.identity.key.clone(),
        credentials: Credentials::default(),
        client: None,
        destinations: None,
        is_refresh_in_doubt: false,
    }
}

/// Returns how the revocation of this authorizer stands, for its page and its receipt.
pub async fn find_revocation(ctx: &Ctx, row: &Authorizer) -> Result<Revocation, Error> {
    if row.lifecycle != Lifecycle::Revoking {
        let id = row.id.clone();
        let find =
            move |c: &mut store::AnyConnection| store::authorizers::find_revocation_detail(c, &id);
        let detail = ctx.db.read(find).await?;
        return Ok(Revocation { outcome: row.revocation, detail, pending: None });
    }
    let id = row.id.clone();
    let found = ctx.db.read(move |c| store::withdrawals::find_newest_revocation(c, &id)).await?;
    let found = found.filter(|found| found.next_try_at.is_some());
    let pending = PendingRevocation {
        tries: found.as_ref().map_or(0, |found| found.tries),
        next_try_at: found.as_ref().and_then(|found| found.next_try_at),
    };
    let (outcome, detail) = found.map_or((None, None), |found| (found.outcome, found.detail));
    Ok(Revocation { outcome, detail, pending: Some(pending) })
}
