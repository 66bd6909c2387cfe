//! Members: who belongs to this installation.
use crate::domain::{Ctx, Error};
use crate::model::role::Role;
use crate::store;

/// Name and e-mail of those who may set things up: whom to ask.
pub async fn admins(ctx: &Ctx) -> Result<Vec<(String, String)>, Error> {
    let all = ctx.db.read(store::users::list).await?;
    let is_admin = |role: Role| matches!(role, Role::Owner | Role::Admin);
    Ok(all.into_iter().filter(|user| user.is_active && is_admin(user.role)).map(|user| (user.name, user.email)).collect())
}
