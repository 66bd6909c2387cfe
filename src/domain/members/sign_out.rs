//! *Sign out everywhere*: the epoch rises, and every session begun before is void.
use crate::domain::{Actor, Ctx, Error};
use crate::model::ids::UserId;
use crate::model::role::Permission;
use crate::store;

use super::{managed, note};

pub async fn everywhere(ctx: &Ctx, actor: &Actor, id: &UserId) -> Result<(), Error> {
    actor.must(Permission::ManageMembers)?;
    let (ctx, actor, id) = (ctx.clone(), actor.clone(), id.clone());
    let db = ctx.db.clone();
    db.write(move |c| {
        let user = managed(c, &actor, &id)?;
        store::users::raise_epoch(c, &id)?;
        note(c, (&ctx, Some(&actor)), "signed_out_everywhere", (&user, String::new()))?;
        Ok(())
    })
    .await
}
