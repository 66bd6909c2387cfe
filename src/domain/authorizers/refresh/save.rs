//! Stores what a refresh brought. The database may be gone for a while, and the token before it is worth nothing any
//! more. The lease leaves `SAVE_LIMIT` for it; after that it is still tried, and stored if nobody else has taken over.
use std::time::{Duration, Instant};

use crate::crypto::Sealed;
use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{ending, history, sealed};
use crate::domain::withdrawals;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::credentials::{Credentials, Tokens};
use crate::model::ending::Ending;
use crate::model::revocation::WithdrawalReason;
use crate::model::time::Moment;
use crate::store::authorizers::Lease;
use crate::store::{self, StoreError};

use super::SAVE_LIMIT;
use super::renewal::RenewalContext;

/// Before the second try; each further wait is twice as long, up to the longest.
const FIRST_WAIT: Duration = Duration::from_millis(100);
const LONGEST_WAIT: Duration = Duration::from_secs(3);
/// How long it is tried. A database that is away for everybody lets nobody take over, either.
const SAVE_PATIENCE: Duration = Duration::from_secs(300);
const _: () = assert!(SAVE_PATIENCE.as_secs() > SAVE_LIMIT.as_secs());

/// Tries again while the database fails, for `SAVE_PATIENCE`.
pub async fn persist<T, E, F>(mut once: impl FnMut() -> F) -> Result<T, E>
where
    E: std::fmt::Display,
    F: Future<Output = Result<T, E>>,
{
    let (began, mut wait) = (Instant::now(), FIRST_WAIT);
    loop {
        match once().await {
            Err(error) if began.elapsed() + wait < SAVE_PATIENCE => {
                tracing::warn!(%error, "could not store a new token; trying again");
                tokio::time::sleep(wait).await;
                wait = (wait * 2).min(LONGEST_WAIT);
            }
            done => return done,
        }
    }
}

/// Stores the new pair and gives the lease back. If the row has moved on under us, the pair is not left alive unknown.
pub(super) async fn save(
    ctx: &Ctx,
    ready: RenewalContext,
    lease: &Lease,
    tokens: Tokens,
) -> Result<OpenAccount, Error> {
    let RenewalContext { mut account, ending: before } = ready;
    let access_expires_at = tokens.expires_at;
    let old = account.credentials.tokens.replace(tokens);
    let ending = before.zip(old.as_ref()).map(|(before, old)| {
        let way = (&account.service, &account.auth);
        ending::after_refresh(way, (&account.authorizer, before), (old, &account.credentials))
    });
    let sealed = sealed::seal_credentials(ctx, &account.authorizer.id, &account.credentials)?;
    let renewed = NewTokens { sealed, access_expires_at, ending };
    let generation = lease.generation;
    let row = account.authorizer.clone();
    if persist(|| save_once(ctx.clone(), row.clone(), generation, renewed.clone())).await? {
        account.authorizer.credential_version += 1;
        return Ok(account);
    }
    handle_row_changed(ctx, account, before).await
}

#[derive(Clone)]
struct NewTokens {
    sealed: Sealed,
    access_expires_at: Option<Moment>,
    ending: Option<Ending>,
}

async fn save_once(
    ctx: Ctx,
    row: Authorizer,
    generation: i64,
    renewed: NewTokens,
) -> Result<bool, StoreError> {
    let NewTokens { sealed, access_expires_at, ending } = renewed;
    let (scope, now) = (ctx.clone(), ctx.clock.now());
    ctx.db
        .write(move |c| {
            if !store::authorizers::save_refreshed(
                c,
                &row.id,
                generation,
                &sealed,
                access_expires_at,
                now,
            )? {
                return Ok(false);
            }
            if let Some(ending) = &ending {
                store::authorizers::update_ending(c, &row.id, ending)?;
            }
            history::refreshed(c, &scope, &row)?;
            Ok(true)
        })
        .await
}

/// The row was reauthorized, revoked or deleted meanwhile: what it says now is right, and what the call brought belongs
/// to a grant that nobody keeps.
async fn handle_row_changed(
    ctx: &Ctx,
    brought: OpenAccount,
    before: Option<Ending>,
) -> Result<OpenAccount, Error> {
    let id = &brought.authorizer.id;
    let now = match account::open_as_is(ctx, id).await {
        Ok(now) => Some(now),
        Err(Error::NotFound) => None,
        Err(error) => return Err(error),
    };
    let reason = match &now {
        None => Some(WithdrawalReason::Deleted),
        Some(now) if now.authorizer.lifecycle != Lifecycle::Active => {
            Some(WithdrawalReason::Revoked)
        }
        Some(_) => {
            let wanted = id.clone();
            let ending = ctx.db.read(move |c| store::authorizers::ending(c, &wanted)).await?;
            let consent = |ending: Option<Ending>| ending.and_then(|ending| ending.consented_at);
            // Somebody else has refreshed the same grant: it is in use.
            (consent(ending) != consent(before)).then_some(WithdrawalReason::Replaced)
        }
    };
    if let Some(reason) = reason {
        let row = &brought.authorizer;
        let held = now.as_ref().map(|now| &now.credentials);
        let grant = withdrawals::Grant {
            authorizer_id: now.as_ref().map(|_| row.id.clone()),
            ..withdrawals::Grant::from_account(&brought, reason)
        };
        if !held.is_some_and(|held| shares_token(held, &brought.credentials)) {
            withdrawals::withdraw(ctx, None, grant).await?;
        }
    }
    match now {
        Some(now) if now.authorizer.is_usable() => Ok(now),
        Some(_) => Err(Error::WrongState("revoked")),
        None => Err(Error::NotFound),
    }
}

/// Some services answer with the token that they gave before.
pub fn shares_token(one: &Credentials, other: &Credentials) -> bool {
    fn tokens(credentials: &Credentials) -> impl Iterator<Item = &str> {
        let tokens = credentials.tokens.iter();
        tokens
            .flat_map(|tokens| [Some(&tokens.access), tokens.refresh.as_ref()])
            .flatten()
            .map(crate::model::credentials::Secret::expose)
    }
    tokens(one).any(|token| tokens(other).any(|same| same == token))
}
