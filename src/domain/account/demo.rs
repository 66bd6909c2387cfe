//! The demonstration's owner: whoever opens it is signed in as her.
use crate::crypto::token;
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::{SessionId, UserId};
use crate::model::role::Role;
use crate::model::user::User;
use crate::store;

use super::{Client, set_up::new_session};

const EMAIL: &str = "anna.kovacs@harbourpine.example";

/// The sample owner, made when she is not there yet. Refused outside the demonstration.
pub async fn owner(ctx: &Ctx) -> Result<Actor, Error> {
    if !ctx.site.is_demo {
        return Err(Error::NotFound);
    }
    let now = ctx.clock.now();
    let user =
        User::newcomer(UserId::new(now, token::ten()), (EMAIL, "Anna Kovács"), Role::Owner, now);
    let user = ctx
        .db
        .write(move |c| {
            if let Some(there) = store::users::find_by_email(c, EMAIL)? {
                return Ok(there);
            }
            store::users::insert(c, &user, None)?;
            Ok::<_, store::StoreError>(user)
        })
        .await?;
    let session_id = SessionId::from("");
    Ok(Actor {
        user_id: user.id,
        session_id,
        name: user.name,
        email: user.email,
        role: user.role,
        theme: user.theme,
    })
}

/// A session for her.
pub async fn enter(ctx: &Ctx, client: Client) -> Result<SessionId, Error> {
    let owner = owner(ctx).await?;
    let session = new_session(&owner.user_id, client, ctx.clock.now());
    let id = session.id.clone();
    ctx.db.write(move |c| store::sessions::insert(c, &session)).await?;
    Ok(id)
}
