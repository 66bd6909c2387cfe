//! Renews tokens in time, tries passing faults again, ends revocations whose process died.
use crate::domain::authorizers::{revoke, upkeep};
use crate::domain::{Ctx, Error};

pub async fn run_once(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    let ended = revoke::finish_stuck(ctx).await?;
    if ended > 0 {
        tracing::info!(ended, "revocations were ended that a stopped process had left");
    }
    let seen_to = upkeep::run(ctx, is_stopped).await?;
    if seen_to > 0 {
        tracing::debug!(seen_to, "authorizers were kept up");
    }
    Ok(())
}
