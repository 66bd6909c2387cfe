//! Records, once after the start, what secrets are bound to that were stored before there was such a record.
use crate::domain::{Ctx, Error, authorizers};

pub async fn run_once(ctx: &Ctx) -> Result<(), Error> {
    let recorded = authorizers::record_bindings(ctx).await?;
    if recorded > 0 {
        tracing::info!(recorded, "recorded the hosts that stored secrets may be sent to");
    }
    Ok(())
}
