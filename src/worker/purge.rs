//! Forgets what is over: attempts, drafts, sessions, old tests.
use crate::domain::{Ctx, Error, housekeeping};

pub async fn run_once(ctx: &Ctx) -> Result<(), Error> {
    let gone = housekeeping::purge(ctx).await?;
    if gone > 0 {
        tracing::debug!(gone, "what was over is forgotten");
    }
    Ok(())
}
