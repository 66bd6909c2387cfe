//! Authorizers whose stored secret doesn't open.
//!
//! The row is shared by all processes, so *Locked* is written into it only where it is true for all
//! of them: the key was given up by an operator (`keys abandon`), or the bytes were altered. That a
//! key isn't in the ring of one process is that process's own matter: it says so to who asks it, and
//! leaves the row alone. What is written heals: every use opens the secret again, the worker does
//! every few minutes, and each start asks for it.
use std::time::Duration;

use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Lifecycle, Verdict};
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::store::{self, StoreError};

use super::{find, verdict};

/// When altered bytes are looked at again.
const RECHECK: Duration = Duration::from_secs(600);

/// Why a secret doesn't open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Reason {
    /// Under a key that this process doesn't have, and others may.
    NotOurs,
    Abandoned,
    Altered,
}

/// Notes that this one doesn't open, unless that is true of this process alone.
pub async fn record(ctx: &Ctx, authorizer: &Authorizer) -> Result<(), Error> {
    let next_try_at = match reason(ctx, authorizer).await? {
        Reason::NotOurs => {
            tracing::warn!(
                authorizer = %authorizer.id,
                "left an authorizer alone: its key is not in the ring of this process"
            );
            return Ok(());
        }
        // Nobody has the key. If it is found, the start with it looks again.
        Reason::Abandoned => None,
        Reason::Altered => Some(ctx.clock.now().plus(RECHECK)),
    };
    let failed = Verdict::failed(Cause::KeyMissing, Vec::new(), None);
    verdict::record(ctx, authorizer, Verdict { next_try_at, ..failed }).await
}

async fn reason(ctx: &Ctx, authorizer: &Authorizer) -> Result<Reason, Error> {
    let (id, app_id) = (authorizer.id.clone(), authorizer.oauth_app_id.clone());
    let (vault, secret, abandoned) = ctx
        .db
        .read(move |c| {
            let secret = match &app_id {
                Some(app_id) => store::oauth_apps::sealed_secret(c, app_id)?,
                None => None,
            };
            let vault = store::authorizers::open_vault(c, &id)?;
            Ok::<_, StoreError>((vault, secret, store::key_facts::list_abandoned(c)?))
        })
        .await?;
    let keys = vault.into_iter().map(|vault| vault.sealed.key_id);
    let keys = keys.chain(secret.into_iter().map(|secret| secret.key_id));
    let missing: Vec<String> = keys.filter(|id| ctx.cipher.ring().find(id).is_none()).collect();
    Ok(if missing.is_empty() {
        Reason::Altered
    } else if missing.iter().all(|id| abandoned.contains(id)) {
        Reason::Abandoned
    } else {
        Reason::NotOurs
    })
}

/// A locked one has opened after all: it counts as not tested, and is tested next.
pub async fn heal(ctx: &Ctx, row: &mut Authorizer) -> Result<(), Error> {
    let opened = Verdict {
        health: Health::Unverified,
        cause: None,
        fields: Vec::new(),
        detail: None,
        next_try_at: Some(ctx.clock.now()),
    };
    verdict::record(ctx, row, opened).await?;
    (row.health, row.cause) = (Health::Unverified, None);
    Ok(())
}

/// Lets everything that is locked and whose key is in the ring be tried in the next round. For the
/// start: the right keys may be back.
pub async fn retry_all(ctx: &Ctx) -> Result<usize, Error> {
    let keys: Vec<String> = ctx.cipher.ring().all().map(|key| key.id.clone()).collect();
    let now = ctx.clock.now();
    Ok(ctx.db.write(move |c| store::authorizers::retry_locked(c, &keys, now)).await?)
}

/// Locks what a given-up key seals, row by row, so that people are told as of any other failure.
pub async fn lock_abandoned(
    ctx: &Ctx,
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<(), Error> {
    let abandoned = ctx.db.read(store::key_facts::list_abandoned).await?;
    for key in abandoned.into_iter().filter(|id| ctx.cipher.ring().find(id).is_none()) {
        let mut after = AuthorizerId::from("");
        loop {
            let (wanted, from) = (key.clone(), after.clone());
            let ids =
                ctx.db.read(move |c| store::authorizers::list_sealed_by(c, &wanted, &from)).await?;
            let Some(last) = ids.last() else { break };
            after = last.clone();
            for id in ids {
                if is_stopped() {
                    return Ok(());
                }
                lock(ctx, &id).await?;
            }
        }
    }
    Ok(())
}

async fn lock(ctx: &Ctx, id: &AuthorizerId) -> Result<(), Error> {
    let authorizer = match find::authorizer(ctx, id).await {
        Err(Error::NotFound) => return Ok(()),
        found => found?,
    };
    let is_open = authorizer.lifecycle == Lifecycle::Active && authorizer.health != Health::Locked;
    if is_open { record(ctx, &authorizer).await } else { Ok(()) }
}
