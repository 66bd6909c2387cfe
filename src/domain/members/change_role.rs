//! *Change role*. It holds from the member's next request on.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::UserId;
use crate::model::problems::{Complaint, Problems};
use crate::model::role::{Permission, Role};
use crate::store;

use super::{keep_an_owner, managed, may_manage, note};

pub async fn change_role(ctx: &Ctx, actor: &Actor, id: &UserId, role: &str) -> Result<(), Error> {
    actor.must(Permission::ManageMembers)?;
    let role =
        Role::from_code(role).ok_or_else(|| Problems::field("role", Complaint::NotAChoice))?;
    if !may_manage(actor, role) {
        actor.must(Permission::ManageOwners)?;
    }
    let (ctx, actor, id, now) = (ctx.clone(), actor.clone(), id.clone(), ctx.clock.now());
    let db = ctx.db.clone();
    db.write(move |c| {
        // First of all: what is read below must be true until the end.
        store::users::lock_owners(c, now)?;
        let user = managed(c, &actor, &id)?;
        if user.role == role {
            return Ok(());
        }
        keep_an_owner(c, &user, now)?;
        store::users::update_role(c, &id, role, now)?;
        let words = format!("{} → {}", user.role.code(), role.code());
        note(c, (&ctx, Some(&actor)), "role_changed", (&user, words))?;
        Ok(())
    })
    .await
}
