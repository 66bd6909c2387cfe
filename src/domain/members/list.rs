//! All members, and one.
use crate::domain::account::session::IDLE;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::UserId;
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::model::user::{Session, User};
use crate::store;

/// By name. A team is small: there are no pages.
pub async fn list(ctx: &Ctx, actor: &Actor) -> Result<Vec<User>, Error> {
    actor.must(Permission::ManageMembers)?;
    Ok(ctx.db.read(store::users::list).await?)
}

/// One member with all that a decision needs.
pub struct Details {
    pub user: User,
    pub sessions: Vec<Session>,
    /// A link to set a password waits, until then.
    pub link_until: Option<Moment>,
}

pub async fn find(ctx: &Ctx, actor: &Actor, id: &UserId) -> Result<Details, Error> {
    actor.must(Permission::ManageMembers)?;
    let (id, now) = (id.clone(), ctx.clock.now());
    ctx.db
        .read(move |c| {
            let user = store::users::find(c, &id)?.ok_or(Error::NotFound)?;
            let sessions = if user.is_active {
                store::sessions::list(c, &id, now.minus(IDLE))?
            } else {
                Vec::new()
            };
            let link_until = store::invitations::open_until(c, &id, now)?;
            Ok(Details { user, sessions, link_until })
        })
        .await
}
