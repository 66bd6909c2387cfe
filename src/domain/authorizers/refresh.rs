//! Keeps an access token fresh, under a fenced lease: many callers, one token call, nothing lost.
//!
//! The lease is two columns taken by compare-and-set; the call is made outside any transaction and is shorter than
//! the lease; the new pair is stored, if the generation is unchanged, before anyone uses it.
use std::time::Duration;

use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{ending, history, sealed, verdict};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::Verdict;
use crate::model::cause::Cause;
use crate::model::credentials::Tokens;
use crate::model::report::Fault;
use crate::model::time::Moment;
use crate::store::{self, authorizers::Lease};

/// Longer than the token call may take (`outbound`: 10 s), so that no second caller starts while one is on the wire.
const LEASE: Duration = Duration::from_secs(30);
/// How long a caller waits for another one's refresh.
const WAIT: Duration = Duration::from_secs(12);
const POLL: Duration = Duration::from_millis(150);
pub const MARGIN: Duration = Duration::from_secs(300);

/// The account with a token that may be used now.
pub async fn fresh(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    match account.credentials.tokens.as_ref() {
        Some(tokens) if account.auth.oauth2.is_some() && is_due(tokens, ctx.clock.now()) => renew(ctx, account).await,
        _ => Ok(account),
    }
}

/// After a 401 on a token that should be valid: one refresh, whatever the clock says.
pub async fn force(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    renew(ctx, account).await
}

/// Within min(5 min, 20 % of its lifetime) of its end. A token of unknown end is used until it is refused.
fn is_due(tokens: &Tokens, now: Moment) -> bool {
    tokens.expires_at.is_some_and(|end| now.plus(margin(tokens.issued_at, end)) >= end)
}

fn margin(issued_at: Moment, end: Moment) -> Duration {
    MARGIN.min(end.since(issued_at) / 5)
}

fn is_expired(tokens: &Tokens, now: Moment) -> bool {
    tokens.expires_at.is_some_and(|end| end <= now)
}

async fn renew(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let Some(tokens) = account.credentials.tokens.as_ref() else { return Ok(account) };
    if tokens.refresh.is_none() {
        return without_refresh_token(ctx, account).await;
    }
    let (id, owner, now) = (account.authorizer.id.clone(), ctx.site.instance.clone(), ctx.clock.now());
    let taken = ctx.db.write(move |c| store::authorizers::take_lease(c, &id, &owner, now, now.plus(LEASE))).await?;
    match taken {
        Some(lease) => with_lease(ctx, account, lease).await,
        None => wait_for_other(ctx, account).await,
    }
}

async fn without_refresh_token(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let is_expired = account.credentials.tokens.as_ref().is_some_and(|tokens| is_expired(tokens, ctx.clock.now()));
    if !is_expired {
        return Ok(account);
    }
    let fault = Fault::new(Cause::TokenExpired);
    verdict::record(ctx, &account.authorizer, Verdict::failed(Cause::TokenExpired, Vec::new(), None)).await?;
    Err(Error::Fault(fault))
}

/// Another caller is refreshing: its result is ours. A token that is still valid is served at once.
async fn wait_for_other(ctx: &Ctx, account: OpenAccount) -> Result<OpenAccount, Error> {
    let is_valid = account.credentials.tokens.as_ref().is_some_and(|tokens| !is_expired(tokens, ctx.clock.now()));
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
        if !again.authorizer.is_usable() {
            return Err(Error::Fault(Fault::new(again.authorizer.cause.unwrap_or(Cause::TokenExpired))));
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
    let (id, generation, now) = (account.authorizer.id.clone(), lease.generation, ctx.clock.now());
    if !ctx.db.write(move |c| store::authorizers::mark_refresh_started(c, &id, generation, now)).await? {
        return wait_for_other(ctx, account).await;
    }
    match ctx.outbound.refresh(&account.account()).await {
        Ok(tokens) => save(ctx, account, &lease, tokens).await,
        Err(fault) => refused(ctx, account, &lease, fault).await,
    }
}

async fn save(ctx: &Ctx, mut account: OpenAccount, lease: &Lease, tokens: Tokens) -> Result<OpenAccount, Error> {
    let access_expires_at = tokens.expires_at;
    let old = account.credentials.tokens.replace(tokens);
    let wanted = account.authorizer.id.clone();
    let before = ctx.db.read(move |c| store::authorizers::ending(c, &wanted)).await?;
    let ending = before.zip(old.as_ref()).map(|(before, old)| {
        let way = (&account.service, &account.auth);
        ending::after_refresh(way, (&account.authorizer, before), (old, &account.credentials))
    });
    let sealed = sealed::seal_credentials(ctx, &account.authorizer.id, &account.credentials)?;
    let (id, generation, now) = (account.authorizer.id.clone(), lease.generation, ctx.clock.now());
    let (scope, row) = (ctx.clone(), account.authorizer.clone());
    let is_saved = ctx
        .db
        .write(move |c| {
            if !store::authorizers::save_refreshed(c, &id, generation, &sealed, access_expires_at, now)? {
                return Ok(false);
            }
            if let Some(ending) = &ending {
                store::authorizers::update_ending(c, &id, ending)?;
            }
            history::refreshed(c, &scope, &row)?;
            Ok::<_, store::StoreError>(true)
        })
        .await?;
    if is_saved {
        account.authorizer.credential_version += 1;
        return Ok(account);
    }
    // The row moved on under us (reauthorized, revoked): what it says now is right.
    let again = account::open_as_is(ctx, &account.authorizer.id).await?;
    if again.authorizer.is_usable() { Ok(again) } else { Err(Error::WrongState("changed while its token was refreshed")) }
}

async fn refused(ctx: &Ctx, account: OpenAccount, lease: &Lease, mut fault: Fault) -> Result<OpenAccount, Error> {
    // A mark that an earlier refresh left behind: its answer, with the rotated token, was lost on the way or in a crash.
    if fault.cause == Cause::GrantRevoked && lease.unfinished_since.is_some() {
        fault.cause = Cause::RotationLost;
    }
    let is_lost = matches!(fault.cause, Cause::Timeout | Cause::MalformedAnswer);
    let unfinished = if is_lost { Some(ctx.clock.now()) } else { lease.unfinished_since.filter(|_| fault.cause.is_passing()) };
    let (id, generation) = (account.authorizer.id.clone(), lease.generation);
    ctx.db.write(move |c| store::authorizers::release_unfinished(c, &id, generation, unfinished)).await?;
    verdict::record(ctx, &account.authorizer, fault.verdict(ctx.clock.now())).await?;
    let is_valid = account.credentials.tokens.as_ref().is_some_and(|tokens| !is_expired(tokens, ctx.clock.now()));
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
        assert!(!is_due(&tokens(20), at(15)));
        assert!(is_due(&tokens(20), at(16)));
        assert!(!is_due(&tokens(7200), at(6899)));
        assert!(is_due(&tokens(7200), at(6900)));
    }
}
