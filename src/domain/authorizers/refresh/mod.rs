//! Keeps an access token fresh, under a fenced lease: many callers, one token call, nothing lost.
//!
//! The lease is two columns taken by compare-and-set; the call is made outside any transaction, in a task of its own that
//! no caller can cut off, and is shorter than the lease; the new pair is stored, if the generation is unchanged, before
//! anyone uses it.
mod refusal;
mod renewal;
pub mod save;

use std::time::{Duration, Instant};

use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{schedule, verdict};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Lifecycle, Verdict};
use crate::model::cause::Cause;
use crate::model::credentials::Tokens;
use crate::model::ids::AuthorizerId;
use crate::model::report::Fault;
use crate::model::time::Moment;
use crate::outbound::TOKEN_LIMIT;
use crate::store;
use crate::store::authorizers::LeaseState;

use renewal::{Renewal, RenewalRequest};

/// How long one caller alone may refresh: no second call begins while one is on the wire or its answer is being stored.
pub const LEASE: Duration = Duration::from_secs(45);
/// How long the lease leaves for storing what the call brought, while the database is away.
const SAVE_LIMIT: Duration = Duration::from_secs(20);
const _: () = assert!(
    LEASE.as_secs() >= TOKEN_LIMIT.as_secs() + SAVE_LIMIT.as_secs(),
    "a lease outlives the call and the storing of its answer"
);
/// How long a test or a job in the background waits for a new token: a process that died in a refresh keeps its lease.
pub const BACKGROUND_WAIT: Duration = Duration::from_secs(50);
const _: () = assert!(BACKGROUND_WAIT.as_secs() > LEASE.as_secs());
/// How long a page waits for a new token, or for the end of a refresh.
pub const PAGE_WAIT: Duration = Duration::from_secs(8);
/// As `PAGE_WAIT`, while the old token still works.
const PAGE_WAIT_IF_VALID: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(150);
pub const MARGIN: Duration = Duration::from_secs(300);

/// Who waits for a new token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waiter {
    /// A page that must answer soon: it says that the token is being renewed.
    Page,
    /// A test or a job, for which a person does not wait.
    Background,
}

impl Waiter {
    fn limit(self, can_serve_old: bool) -> Duration {
        match self {
            Self::Page if can_serve_old => PAGE_WAIT_IF_VALID,
            Self::Page => PAGE_WAIT,
            Self::Background => BACKGROUND_WAIT,
        }
    }
}

/// Why a token is renewed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum RenewalReason {
    /// It ends soon. Until then it is served if it cannot be renewed.
    Due,
    /// The service refused it, whatever the clock says.
    Refused,
}

impl RenewalReason {
    /// The token is as good as before if no new one comes.
    fn can_serve(self, tokens: &Tokens, now: Moment) -> bool {
        self == Self::Due && !is_expired(tokens, now)
    }
}

/// Returns the account with a token that may be used now.
pub async fn fresh(ctx: &Ctx, account: OpenAccount, waiter: Waiter) -> Result<OpenAccount, Error> {
    match account.credentials.tokens.as_ref() {
        Some(tokens)
            if account.auth.oauth2.is_some()
                && is_due(tokens, &account.authorizer, ctx.clock.now()) =>
        {
            // Seldom, and large: boxed, or everything that opens an account would hold it.
            Box::pin(renew(ctx, account, RenewalReason::Due, waiter)).await
        }
        _ => Ok(account),
    }
}

/// Returns the account with another token than this one, which the service refused: one refresh, whatever the clock says.
pub async fn force(ctx: &Ctx, account: &OpenAccount, waiter: Waiter) -> Result<OpenAccount, Error> {
    Box::pin(renew(ctx, account.clone(), RenewalReason::Refused, waiter)).await
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

pub fn is_expired(tokens: &Tokens, now: Moment) -> bool {
    tokens.expires_at.is_some_and(|end| end <= now)
}

async fn renew(
    ctx: &Ctx,
    account: OpenAccount,
    reason: RenewalReason,
    waiter: Waiter,
) -> Result<OpenAccount, Error> {
    let Some(tokens) = account.credentials.tokens.as_ref() else {
        return Ok(account);
    };
    let can_serve = reason.can_serve(tokens, ctx.clock.now());
    if ctx.standing.doubt().is_some() && can_serve {
        return Ok(account);
    }
    ctx.standing.must_be_live()?;
    if tokens.refresh.is_none() {
        return without_refresh_token(ctx, account).await;
    }
    let (began, limit) = (Instant::now(), waiter.limit(can_serve));
    loop {
        let left = limit.saturating_sub(began.elapsed());
        let work = renewal::run(ctx.clone(), RenewalRequest::new(&account, reason));
        match tokio::time::timeout(left, ctx.tasks.run(work)).await {
            Ok(Some(Ok(Renewal::Done(renewed)))) => return Ok(*renewed),
            Ok(Some(Ok(Renewal::TakenByOther))) if can_serve => return Ok(account),
            Ok(Some(Ok(Renewal::TakenByOther))) => {
                let left = limit.saturating_sub(began.elapsed());
                if let Some(renewed) = wait_for_other(ctx, &account, left).await? {
                    return Ok(renewed);
                }
            }
            Ok(Some(Err(error))) => return Err(error),
            // The call goes on; its answer is stored for whoever asks next.
            Ok(None) | Err(_) if can_serve => return Ok(account),
            Ok(None) | Err(_) => return Err(Error::Renewing),
        }
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

/// Another caller is refreshing: its result is ours. `None`: its process died, and left the refresh to us.
async fn wait_for_other(
    ctx: &Ctx,
    account: &OpenAccount,
    limit: Duration,
) -> Result<Option<OpenAccount>, Error> {
    let (id, version) = (&account.authorizer.id, account.authorizer.credential_version);
    let began = Instant::now();
    loop {
        let lease = find_lease(ctx, id).await?;
        if lease.lifecycle != Lifecycle::Active {
            return Err(Error::WrongState("revoked"));
        }
        if lease.credential_version != version {
            return account::open_as_is(ctx, id).await.map(Some);
        }
        if lease.is_abandoned {
            return Ok(None);
        }
        if !lease.is_held {
            // It ended without a new token. Why stands in the row, if it was worth writing down.
            let row = super::find::authorizer(ctx, id).await?;
            return Err(Error::Fault(Fault::new(row.cause.unwrap_or(Cause::RenewalRefused))));
        }
        if began.elapsed() >= limit {
            return Err(Error::Renewing);
        }
        tokio::time::sleep(POLL).await;
    }
}

/// Waits until nobody refreshes this one. False if somebody still does after `limit`.
pub async fn wait_until_idle(ctx: &Ctx, id: &AuthorizerId, limit: Duration) -> Result<bool, Error> {
    let began = Instant::now();
    while find_lease(ctx, id).await?.is_held {
        if began.elapsed() >= limit {
            return Ok(false);
        }
        tokio::time::sleep(POLL).await;
    }
    Ok(true)
}

/// Whether the refresh token may be spent: sending it again could end the grant, and a refusal of it proves nothing.
pub async fn is_in_doubt(ctx: &Ctx, id: &AuthorizerId) -> Result<bool, Error> {
    Ok(find_lease(ctx, id).await?.is_refresh_in_doubt)
}

async fn find_lease(ctx: &Ctx, id: &AuthorizerId) -> Result<LeaseState, Error> {
    let (wanted, now) = (id.clone(), ctx.clock.now());
    let found = ctx.db.read(move |c| store::authorizers::find_lease(c, &wanted, now)).await?;
    found.ok_or(Error::NotFound)
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
