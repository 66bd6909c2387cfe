//! What nobody asks for, and must be done all the same.
use std::time::Duration;

use crate::domain::{Ctx, Error, account::session::IDLE, authorizers};
use crate::model::time::DAY;
use crate::store::{self, StoreError};

/// A failed attempt can be tried again for this long.
const ATTEMPTS: Duration = Duration::from_secs(3600);
/// So long somebody with an old link is told that it is old, and a swap that can no longer be undone is shown.
const LINKS: Duration = DAY.saturating_mul(30);
/// Longer than anybody waits for the answer to a form.
const ANSWERS: Duration = Duration::from_secs(600);
const NOTICES: Duration = DAY.saturating_mul(90);
/// Lines of activity and tests go in pieces: a round takes no longer because a shorter time was set.
const PIECE: i64 = 2_000;

/// How many rows are gone.
pub async fn purge(ctx: &Ctx) -> Result<usize, Error> {
    let now = ctx.clock.now();
    let kept_since = now.minus(ctx.site.keep_activity);
    let gone = ctx
        .db
        .write(move |c| {
            let attempts = store::attempts::purge(c, now.minus(ATTEMPTS))?;
            let apps = store::oauth_apps::purge_own(c, now.minus(ATTEMPTS), PIECE)?;
            let drafts = store::drafts::purge(c, now)?;
            let answers = store::submissions::purge(c, now.minus(ANSWERS))?;
            let sessions = store::sessions::purge(c, now.minus(IDLE))?;
            let links = store::invitations::purge(c, now.minus(LINKS))?;
            let tests = store::tests::purge(c, kept_since, PIECE)?;
            let lines = store::activity::purge(c, kept_since, PIECE)?;
            let notices = store::notices::purge(c, now.minus(NOTICES))?;
            let swaps = store::swaps::purge(c, now.minus(LINKS))?;
            let withdrawals = store::withdrawals::purge(c, kept_since)?;
            store::tests::give_up(c, now.minus(authorizers::test::LIMIT), now)?;
            Ok::<_, StoreError>(
                attempts
                    + apps
                    + drafts
                    + answers
                    + sessions
                    + links
                    + tests
                    + lines
                    + notices
                    + swaps
                    + withdrawals,
            )
        })
        .await?;
    authorizers::ending::mark_ended(ctx).await?;
    ctx.db.tidy().await?;
    Ok(gone)
}
