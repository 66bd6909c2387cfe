//! The Activity page: all lines, by kind, verb and person.
use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::{Activity, SubjectKind};
use crate::model::ids::UserId;
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::store;

/// Everything by default.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    pub kind: Option<SubjectKind>,
    pub verb: Option<String>,
    pub actor: Option<UserId>,
}

/// Newest first.
pub async fn list(ctx: &Ctx, actor: &Actor, filter: Filter, cursor: Cursor) -> Result<Page<Activity>, Error> {
    actor.must(Permission::SeeActivity)?;
    let filter =
        store::activity::Filter { subject: filter.kind.map(|kind| (kind, String::new())), verb: filter.verb, actor: filter.actor, ..Default::default() };
    Ok(ctx.db.read(move |c| store::activity::list(c, &filter, &cursor)).await?)
}

/// Whom lines can be filtered by: id and name.
pub async fn people(ctx: &Ctx, actor: &Actor) -> Result<Vec<(UserId, String)>, Error> {
    actor.must(Permission::SeeActivity)?;
    let all = ctx.db.read(store::users::list).await?;
    Ok(all.into_iter().map(|user| (user.id, user.name)).collect())
}
