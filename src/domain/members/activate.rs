//! *Deactivate* and *Reactivate*. Whoever is deactivated is out at once and everywhere; what they made stays.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::UserId;
use crate::model::role::Permission;
use crate::store;

use super::{keep_an_owner, managed, note, refused};

pub async fn deactivate(ctx: &Ctx, actor: &Actor, id: &UserId) -> Result<(), Error> {
    actor.must(Permission::ManageMembers)?;
    if actor.user_id == *id {
        return Err(refused("You cannot deactivate yourself. Ask another owner or admin."));
    }
    let (ctx, actor, id, now) = (ctx.clone(), actor.clone(), id.clone(), ctx.clock.now());
    let db = ctx.db.clone();
    db.write(move |c| {
        store::users::lock_owners(c, now)?;
        let user = managed(c, &actor, &id)?;
        if !user.is_active {
            return Ok(());
        }
        keep_an_owner(c, &user, now)?;
        store::users::update_active(c, &id, false, now)?;
        store::users::raise_epoch(c, &id)?;
        store::invitations::void(c, &id, now)?;
        store::calendar_feeds::delete(c, &id)?;
        note(c, (&ctx, Some(&actor)), "deactivated", (&user, String::new()))?;
        Ok(())
    })
    .await
}

pub async fn activate(ctx: &Ctx, actor: &Actor, id: &UserId) -> Result<(), Error> {
    actor.must(Permission::ManageMembers)?;
    let (ctx, actor, id, now) = (ctx.clone(), actor.clone(), id.clone(), ctx.clock.now());
    let db = ctx.db.clone();
    db.write(move |c| {
        let user = managed(c, &actor, &id)?;
        if user.is_active {
            return Ok(());
        }
        store::users::update_active(c, &id, true, now)?;
        note(c, (&ctx, Some(&actor)), "activated", (&user, String::new()))?;
        Ok(())
    })
    .await
}
