//! What is done for authorizers that nobody uses just now: tokens are renewed in time, passing faults are tried again,
//! what has no token to renew is tested once a day, and what has come to its end is told.
use futures_util::stream::{self, StreamExt};

use crate::domain::{Ctx, Error};
use crate::model::ids::AuthorizerId;
use crate::model::time::DAY;
use crate::store;
use crate::store::authorizers::{CLAIM, ROUND, Waiting};

use super::account::OpenAccount;
use super::refresh::Waiter;
use super::{account, find, locked, refresh, test};

/// Calls to services under way at once.
const AT_ONCE: usize = 8;

/// How many were due. One that fails keeps no other one waiting. Once told to stop, none is begun; a call that is
/// under way is waited for, because its answer may be a rotated token.
pub async fn run(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
    let services: Vec<String> =
        ctx.catalog.all().iter().map(|service| service.id().to_string()).collect();
    Ok(renew_all(ctx, &services, is_stopped).await? + try_all(ctx, &services, is_stopped).await?)
}

async fn renew_all(
    ctx: &Ctx,
    services: &[String],
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<usize, Error> {
    let soon = ctx.clock.now().plus(refresh::MARGIN);
    let (mut after, mut number) = ((i64::MIN, String::new()), 0);
    loop {
        let (services, from) = (services.to_vec(), after.clone());
        let due = ctx
            .db
            .read(move |c| store::authorizers::list_renewals(c, &services, soon, &from))
            .await?;
        number += due.len();
        let is_last = due.len() < ROUND;
        if let Some((id, end)) = due.last() {
            after = (*end, id.to_string());
        }
        let ids = due.into_iter().map(|(id, _)| id);
        stream::iter(ids)
            .for_each_concurrent(AT_ONCE, async |id| {
                if !is_stopped() {
                    told(&id, renew(ctx, &id).await);
                }
            })
            .await;
        if is_last || is_stopped() {
            return Ok(number);
        }
    }
}

/// Each try is claimed, and comes back no sooner than its claim ends: the list gets shorter.
async fn try_all(
    ctx: &Ctx,
    services: &[String],
    is_stopped: &(dyn Fn() -> bool + Sync),
) -> Result<usize, Error> {
    let mut number = 0;
    loop {
        let (services, now, with_working) =
            (services.to_vec(), ctx.clock.now(), ctx.site.retest_every.is_some());
        let due = ctx
            .db
            .read(move |c| store::authorizers::list_tries(c, &services, now, with_working))
            .await?;
        number += due.len();
        let is_last = due.len() < ROUND;
        stream::iter(due)
            .for_each_concurrent(AT_ONCE, async |waiting| {
                if !is_stopped() {
                    told(&waiting.id.clone(), try_again(ctx, waiting).await);
                }
            })
            .await;
        if is_last || is_stopped() {
            return Ok(number);
        }
    }
}

fn told(id: &AuthorizerId, result: Result<(), Error>) {
    match result {
        // What a service answered stands in the row.
        Ok(())
        | Err(
            Error::Fault(_)
            | Error::NotFound
            | Error::WrongState(_)
            | Error::Paused
            | Error::Renewing,
        ) => {}
        Err(error) => {
            tracing::error!(%error, authorizer = %id, "an authorizer could not be kept up; it is tried again")
        }
    }
}

async fn renew(ctx: &Ctx, id: &AuthorizerId) -> Result<(), Error> {
    let authorizer = find::authorizer(ctx, id).await?;
    match account::open_for(ctx, id, Waiter::Background).await {
        Err(Error::Locked) => locked::record(ctx, &authorizer).await,
        opened => opened.map(|_| ()),
    }
}

async fn try_again(ctx: &Ctx, waiting: Waiting) -> Result<(), Error> {
    let (id, until) = (waiting.id.clone(), ctx.clock.now().plus(CLAIM));
    if !ctx.db.write(move |c| store::authorizers::claim_try(c, &waiting, until)).await? {
        return Ok(());
    }
    if let Ok(open) = account::open_as_is(ctx, &id).await
        && is_idle(ctx, &open)
    {
        refresh::force(ctx, &open, Waiter::Background).await?;
    }
    Box::pin(test::run_once(ctx, &id, &mut |_| ())).await?;
    Ok(())
}

/// A token without an end whose grant dies when it is not refreshed for a time: a third of that has gone by. Looking once a
/// day, half of sixty days could be the thirty before its end, of which people are told.
fn is_idle(ctx: &Ctx, open: &OpenAccount) -> bool {
    let limit = open
        .service
        .lifetime_of(&open.authorizer.auth_id)
        .idle_days
        .map(|days| DAY.saturating_mul(days));
    let tokens = open
        .credentials
        .tokens
        .as_ref()
        .filter(|tokens| tokens.refresh.is_some() && tokens.expires_at.is_none());
    limit
        .zip(tokens)
        .is_some_and(|(limit, tokens)| ctx.clock.now().since(tokens.issued_at) >= limit / 3)
}
