//! Sessions: a row each, so that they can be listed and ended.
use std::time::Duration;

use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::SessionId;
use crate::model::time::{DAY, Moment};
use crate::store;

/// Ends when it was not used for this long.
pub const IDLE: Duration = DAY.saturating_mul(30);
/// *Last seen* is written no oftener than this.
const TOUCH: Duration = Duration::from_secs(60);

/// Who is signed in with this session; `None` when it has ended, wherever it was ended.
pub async fn resume(ctx: &Ctx, id: &SessionId) -> Result<Option<Actor>, Error> {
    let (wanted, now) = (id.clone(), ctx.clock.now());
    let found = ctx.db.read(move |c| store::sessions::find_living(c, &wanted, now.minus(IDLE))).await?;
    let Some((session, user)) = found else { return Ok(None) };
    if now.since(session.last_seen_at) >= TOUCH {
        touch(ctx, &session.id, &user.id, now).await?;
    }
    Ok(Some(Actor {
        user_id: user.id,
        session_id: session.id,
        name: user.name,
        email: user.email,
        role: user.role,
        theme: user.theme,
    }))
}

async fn touch(ctx: &Ctx, id: &SessionId, user: &crate::model::ids::UserId, now: Moment) -> Result<(), Error> {
    let (id, user) = (id.clone(), user.clone());
    ctx.db
        .write(move |c| {
            store::sessions::update_last_seen(c, &id, now)?;
            store::users::update_last_seen(c, &user, now)
        })
        .await?;
    Ok(())
}
