//! Tells people and webhooks what happened: addresses new notices, sends what waits.
use std::time::Duration;

use crate::domain::{Ctx, Error, notices, webhooks};

/// A new notice waits for the next round at most so long.
const LONGEST: Duration = Duration::from_secs(60);
/// What cannot be sent now is not asked for without end.
const SHORTEST: Duration = Duration::from_secs(5);

pub async fn run_once(ctx: &Ctx) -> Result<(), Error> {
    run(ctx, &|| false).await
}

/// Mails wait for no webhook, and the other way round. Once told to stop, none is begun; what waits is the next start's.
pub async fn run(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    let spread = notices::spread::run(ctx).await;
    let (mailed, posted) =
        tokio::join!(notices::mails::run(ctx, is_stopped), webhooks::deliver::run(ctx, is_stopped));
    let (spread, mailed, posted) = (spread?, mailed?, posted?);
    if spread + mailed + posted > 0 {
        tracing::debug!(spread, mailed, posted, "notices were seen to");
    }
    Ok(())
}

/// Until the next round: a second try may be due in seconds. A clock that stands still brings nothing by itself.
pub async fn wait(ctx: &Ctx) -> Duration {
    if ctx.clock.is_fixed() {
        return LONGEST;
    }
    let next = notices::next_due(ctx, LONGEST).await;
    next.map_or(LONGEST, |next| next.since(ctx.clock.now()).clamp(SHORTEST, LONGEST))
}
