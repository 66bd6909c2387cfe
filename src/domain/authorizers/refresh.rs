//! Keeps an access token fresh, under a fenced lease: many callers, one token call, nothing lost.
//!
//! The lease is two columns taken by compare-and-set; the call is made outside any transaction and is shorter than
//! the lease; the new pair is stored, if the generation is unchanged, before anyone uses it.
use std::time::Duration;

use crate::crypto::Sealed;
use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{ending, history, schedule, sealed, verdict};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Verdict};
use crate::model::cause::Cause;
use crate::model::credentials::Tokens;
use crate::model::ending::Ending;
use crate::model::report::Fault;
use crate::model::time::Moment;
use crate::store::{self, StoreError, authorizers::Lease};

/// Longer than the token call may take (`outbound`: 10 s), so that no second caller starts while one is on the wire.
const LEASE: Duration = Duration::from_secs(30);
/// Waits, in milliseconds, between tries to store what a token call brought: the database may be gone for a moment, and
/// the token before it is worth nothing any more. In all they stay within the lease.
const SAVE_WAITS: [u64; 7] = [100, 300, 1_000, 2_000, 3_000, 4_000, 5_000];
/// How long a caller waits for another one's refresh.
const WAIT: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(150);
pub const MARGIN: Duration = Duration::from_secs(300);

/// The account with a token that may be used now.
pub async fn fresh(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    match account.credentials.tokens.as_ref() {
        Some(tokens)
            if account.auth.oauth2.is_some()
                && is_due(tokens, &account.authorizer, ctx.clock.now()) =>
        {
            // Seldom, and large: boxed, or everything that opens an account would hold it.
            Box::pin(renew(ctx, account)).await
        }
        _ => Ok(account),
    }
}

/// After a 401 on a token that should be valid: one refresh, whatever the clock says.
pub async fn force(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    Box::pin(renew(ctx, account)).await
}

/// Within min(5 min, 20 % of its lifetime) of its end, and up to a quarter of that later for some: tokens that were
/// got together are not renewed together. A token of unknown end is used until it is refused.
fn is_due(tokens: &Tokens, row: &Authorizer, now: Moment) -> bool {
    let Some(end) = tokens.expires_at else {
        return false;
    };
    let margin = MARGIN.min(end.since(tokens.issued_at) / 5);
    now.plus(margin.saturating_sub(schedule::share(row, margin / 4))) >= end
}

fn is_expired(tokens: &Tokens, now: Moment) -> bool {
    tokens.expires_at.is_some_and(|end| end <= now)
}

async fn renew(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let Some(tokens) = account.credentials.tokens.as_ref() else {
        return Ok(account);
    };
    if ctx.standing.doubt().is_some() && !is_expired(tokens, ctx.clock.now()) {
        return Ok(account);
    }
    ctx.standing.must_be_live()?;
    if tokens.refresh.is_none() {
        return without_refresh_token(ctx, account).await;
    }
    let (id, owner, now) =
        (account.authorizer.id.clone(), ctx.site.instance.clone(), ctx.clock.now());
    let taken = ctx
        .db
        .write(move |c| store::authorizers::take_lease(c, &id, &owner, now, now.plus(LEASE)))
        .await?;
    match taken {
        Some(lease) => Box::pin(with_lease(ctx, account, lease)).await,
        None => wait_for_other(ctx, account).await,
    }
}

async fn without_refresh_token(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let is_expired = account
        .credentials
        .tokens
        .as_ref()
        .is_some_and(|tokens| is_expired(tokens, ctx.clock.now()));
    if !is_expired {
        return Ok(account);
    }
    let fault = Fault::new(Cause::TokenExpired);
    verdict::record(
        ctx,
        &account.authorizer,
        Verdict::failed(Cause::TokenExpired, Vec::new(), None),
    )
    .await?;
    Err(Error::Fault(fault))
}

/// Another caller is refreshing: its result is ours. A token that is still valid is served at once.
async fn wait_for_other(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let is_valid = account
        .credentials
        .tokens
        .as_ref()
        .is_some_and(|tokens| !is_expired(tokens, ctx.clock.now()));
    if is_valid {
        return Ok(account);
    }
    let version = account.authorizer.credential_version;
    let tries = WAIT.as_millis() / POLL.as_millis();
    for _ in 0..tries {
        tokio::time::sleep(POLL).await;
        let again = account::open_as_is(ctx, &account.authorizer.id).await?;
        if again.authorizer.credential_version != version {
            return Ok(again);
        }
        let has_failed = again.authorizer.failure_count != account.authorizer.failure_count;
        if has_failed || !again.authorizer.is_usable() {
            return Err(Error::Fault(Fault::new(
                again.authorizer.cause.unwrap_or(Cause::TokenExpired),
            )));
        }
    }
    Err(Error::Fault(Fault::new(Cause::Timeout)))
}

async fn with_lease(ctx: &Ctx, before: OpenAccount, lease: Lease) -> Result<OpenAccount, Error> {
    // Somebody may have refreshed between our reading and our lease.
    let account = account::open_as_is(ctx, &before.authorizer.id).await?;
    if account.authorizer.credential_version != before.authorizer.credential_version {
        release(ctx, &account, &lease).await?;
        return Ok(account);
    }
    // Somebody else has just been refused: the same question would get the same answer.
    if before.authorizer.is_usable() && !account.authorizer.is_usable() {
        let (id, generation, unfinished) =
            (account.authorizer.id.clone(), lease.generation, lease.unfinished_since);
        ctx.db
            .write(move |c| store::authorizers::release_unfinished(c, &id, generation, unfinished))
            .await?;
        return Err(Error::Fault(Fault::new(
            account.authorizer.cause.unwrap_or(Cause::TokenExpired),
        )));
    }
    let (id, generation, now) = (account.authorizer.id.clone(), lease.generation, ctx.clock.now());
    // All that saving needs is read before the call: after it, the database may be away.
    let begun = ctx.db.write(move |c| {
        let is_marked = store::authorizers::mark_refresh_started(c, &id, generation, now)?;
        Ok::<_, StoreError>((is_marked, store::authorizers::ending(c, &id)?))
    });
    let (is_marked, ending) = begun.await?;
    if !is_marked {
        return wait_for_other(ctx, account).await;
    }
    match ctx.outbound.refresh(&account.account()).await {
        Ok(tokens) => save(ctx, account, &lease, (tokens, ending)).await,
        Err(fault) => refused(ctx, account, &lease, fault).await,
    }
}

async fn save(
    ctx: &Ctx,
    mut account: OpenAccount,
    lease: &Lease,
    (tokens, before): (Tokens, Option<Ending>),
) -> Result<OpenAccount, Error> {
    let access_expires_at = tokens.expires_at;
    let old = account.credentials.tokens.replace(tokens);
    let ending = before.zip(old.as_ref()).map(|(before, old)| {
        let way = (&account.service, &account.auth);
        ending::after_refresh(way, (&account.authorizer, before), (old, &account.credentials))
    });
    let sealed = sealed::seal_credentials(ctx, &account.authorizer.id, &account.credentials)?;
    if keep_saving(
        ctx,
        (&account.authorizer, lease.generation),
        (&sealed, access_expires_at, ending),
    )
    .await?
    {
        account.authorizer.credential_version += 1;
        return Ok(account);
    }
    // The row moved on under us (reauthorized, revoked): what it says now is right.
    let again = account::open_as_is(ctx, &account.authorizer.id).await?;
    if again.authorizer.is_usable() {
        Ok(again)
    } else {
        Err(Error::WrongState("changed while its token was refreshed"))
    }
}

type Renewed<'a> = (&'a Sealed, Option<Moment>, Option<Ending>);

async fn keep_saving(
    ctx: &Ctx,
    (row, generation): (&Authorizer, i64),
    renewed: Renewed<'_>,
) -> Result<bool, Error> {
    let mut waits = SAVE_WAITS.iter();
    loop {
        match (save_once(ctx, (row, generation), &renewed).await, waits.next()) {
            (Ok(is_saved), _) => return Ok(is_saved),
            (Err(error), None) => return Err(error.into()),
            (Err(error), Some(wait)) => {
                tracing::warn!(%error, "a renewed token is not stored yet; it is tried again");
                tokio::time::sleep(Duration::from_millis(*wait)).await;
            }
        }
    }
}

async fn save_once(
    ctx: &Ctx,
    (row, generation): (&Authorizer, i64),
    renewed: &Renewed<'_>,
) -> Result<bool, StoreError> {
    let (sealed, access_expires_at, ending) = (renewed.0.clone(), renewed.1, renewed.2);
    let (scope, row, now) = (ctx.clone(), row.clone(), ctx.clock.now());
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

async fn refused(
    ctx: &Ctx,
    account: OpenAccount,
    lease: &Lease,
    mut fault: Fault,
) -> Result<OpenAccount, Error> {
    // A mark that an earlier refresh left behind: its answer, with the rotated token, was lost on the way or in a crash.
    if fault.cause == Cause::GrantRevoked && lease.unfinished_since.is_some() {
        fault.cause = Cause::RotationLost;
    }
    let is_lost = fault.is_in_doubt || fault.cause == Cause::MalformedAnswer;
    // The mark stays until a refresh succeeds: whoever asks next is told the same.
    let unfinished = if is_lost { Some(ctx.clock.now()) } else { lease.unfinished_since };
    let (id, generation) = (account.authorizer.id.clone(), lease.generation);
    ctx.db
        .write(move |c| store::authorizers::release_unfinished(c, &id, generation, unfinished))
        .await?;
    verdict::record(ctx, &account.authorizer, fault.verdict(ctx.clock.now())).await?;
    let is_valid = account
        .credentials
        .tokens
        .as_ref()
        .is_some_and(|tokens| !is_expired(tokens, ctx.clock.now()));
    if fault.cause.is_passing() && is_valid { Ok(account) } else { Err(Error::Fault(fault)) }
}

async fn release(ctx: &Ctx, account: &OpenAccount, lease: &Lease) -> Result<(), Error> {
    let (id, generation) = (account.authorizer.id.clone(), lease.generation);
    ctx.db.write(move |c| store::authorizers::release_lease(c, &id, generation)).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::credentials::Secret;

    fn tokens(lifetime_s: i64) -> Tokens {
        Tokens {
            access: Secret::new("a"),
            refresh: None,
            expires_at: Some(Moment::from_micros(lifetime_s * 1_000_000)),
            refresh_expires_at: None,
            issued_at: Moment::from_micros(0),
            scopes: Vec::new(),
        }
    }

    #[test]
    fn a_short_token_is_refreshed_in_its_last_fifth_only() {
        let at = |s: i64| Moment::from_micros(s * 1_000_000);
        let row = Authorizer::sample("a");
        assert!(!is_due(&tokens(20), &row, at(15)));
        assert!(is_due(&tokens(20), &row, at(17)));
        assert!(!is_due(&tokens(7200), &row, at(6899)));
        assert!(is_due(&tokens(7200), &row, at(6975)));
    }

    #[test]
    fn tokens_that_were_got_together_are_not_renewed_together() {
        let due = |id: u32, at: i64| {
            is_due(
                &tokens(7200),
                &Authorizer::sample(&id.to_string()),
                Moment::from_micros(at * 1_000_000),
            )
        };
        let early = (0..100).filter(|id| due(*id, 6930)).count();
        assert!((20..80).contains(&early), "{early} of 100 in the first half");
    }
}
