//! Renews tokens in time, tries passing faults again, withdraws grants that nobody keeps.
use crate::domain::authorizers::{abandoned, revoke, upkeep};
use crate::domain::{Ctx, Error, withdrawals};

pub async fn run_once(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    // A token that is due waits for no service that is slow to revoke another.
    let (withdrawn, seen_to) =
        tokio::join!(withdraw(ctx, is_stopped), Box::pin(upkeep::run(ctx, is_stopped)));
    withdrawn?;
    let seen_to = seen_to?;
    if seen_to > 0 {
        tracing::debug!(seen_to, "authorizers were kept up");
    }
    Ok(())
}

async fn withdraw(ctx: &Ctx, is_stopped: &(dyn Fn() -> bool + Sync)) -> Result<(), Error> {
    let ended = revoke::finish_stuck(ctx).await?;
    if ended > 0 {
        tracing::info!(ended, "revocations were ended that a stopped process had left");
    }
    let given_up = abandoned::collect_given_up(ctx).await?;
    let asked = withdrawals::run_due(ctx, is_stopped).await?;
    if given_up + asked > 0 {
        tracing::debug!(given_up, asked, "asked services to withdraw grants");
    }
    Ok(())
}
