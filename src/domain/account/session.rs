//! Sessions: a row each, so that they can be listed and ended.
use std::time::Duration;

use crate::domain::authorizers::list::Attention;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::SessionId;
use crate::model::role::Permission;
use crate::model::time::{DAY, Moment};
use crate::store;

/// Ends when it was not used for this long.
pub const IDLE: Duration = DAY.saturating_mul(30);
/// *Last seen* is written no oftener than this.
const TOUCH: Duration = Duration::from_secs(60);

/// Who is signed in, and what every page says beside it.
pub struct Resumed {
    pub actor: Actor,
    pub attention: Attention,
    /// Requests that this person may answer.
    pub open_requests: i64,
}

/// Who is signed in with this session, and what needs somebody, which every page says; `None` when the session has
/// ended, wherever it was ended. One visit to the database: it is made for every page.
pub async fn resume(ctx: &Ctx, id: &SessionId) -> Result<Option<Resumed>, Error> {
    let (wanted, now) = (id.clone(), ctx.clock.now());
    let found = ctx
        .db
        .read(move |c| {
            let Some(found) = store::sessions::find_living(c, &wanted, now.minus(IDLE))? else { return Ok(None) };
            let (broken, due_soon) = store::authorizers::count_attention(c, now)?;
            let may_answer = found.1.role.may(Permission::AnswerRequests);
            let open = if may_answer { store::requests::count_open(c)? } else { 0 };
            Ok::<_, Error>(Some((found, Attention { broken, due_soon }, open)))
        })
        .await?;
    let Some(((session, user), attention, open_requests)) = found else { return Ok(None) };
    if now.since(session.last_seen_at) >= TOUCH {
        touch(ctx, &session.id, &user.id, now).await?;
    }
    let actor =
        Actor { user_id: user.id, session_id: session.id, name: user.name, email: user.email, role: user.role, theme: user.theme };
    Ok(Some(Resumed { actor, attention, open_requests }))
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
