//! What is done for authorizers that nobody uses just now: tokens are renewed in time, passing faults are tried again.
use futures_util::stream::{self, StreamExt};

use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Health, Verdict};
use crate::model::cause::Cause;
use crate::model::ids::AuthorizerId;
use crate::store;

use super::{account, find, refresh, test, verdict};

/// Calls to services under way at once.
const AT_ONCE: usize = 8;

/// How many were due. One that fails keeps no other one waiting. Once told to stop, none is begun; a call that is
/// under way is waited for, because its answer may be a rotated token.
pub async fn run(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let due = ctx.db.read(move |c| store::authorizers::list_due(c, now.plus(refresh::MARGIN), now)).await?;
    let number = due.len();
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, async |id| {
            if !is_stopped() {
                see_to(ctx, id).await;
            }
        })
        .await;
    Ok(number)
}

async fn see_to(ctx: &Ctx, id: AuthorizerId) {
    match one(ctx, &id).await {
        // What a service answered stands in the row.
        Ok(()) | Err(Error::Fault(_) | Error::NotFound | Error::WrongState(_)) => {}
        Err(error) => tracing::error!(%error, authorizer = %id, "an authorizer could not be kept up; it is tried again"),
    }
}

async fn one(ctx: &Ctx, id: &AuthorizerId) -> Result<(), Error> {
    let authorizer = find::authorizer(ctx, id).await?;
    if authorizer.health == Health::Retrying {
        test::run_once(ctx, id, &mut |_| ()).await?;
        return Ok(());
    }
    match account::open(ctx, id).await {
        Err(Error::Locked) => verdict::record(ctx, &authorizer, Verdict::failed(Cause::KeyMissing, Vec::new(), None)).await,
        opened => opened.map(|_| ()),
    }
}
