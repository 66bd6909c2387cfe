//! Lists and looks up.
use crate::domain::{Actor, Ctx, Error};
use crate::model::activity::Activity;
use crate::model::flow::{Flow, FlowFilter, FlowKind, FlowRow};
use crate::model::page::{Cursor, Page};
use crate::model::role::Permission;
use crate::store;

pub async fn list(
    ctx: &Ctx,
    actor: &Actor,
    kind: FlowKind,
    (filter, cursor): (FlowFilter, Cursor),
) -> Result<Page<FlowRow>, Error> {
    actor.must(Permission::SeeFlows)?;
    let now = ctx.clock.now();
    Ok(ctx.db.read(move |c| store::flows::list(c, kind, (&filter, &cursor), now)).await?)
}

/// How many stand still because of their account.
pub async fn stopped(ctx: &Ctx, actor: &Actor, kind: FlowKind) -> Result<i64, Error> {
    actor.must(Permission::SeeFlows)?;
    let now = ctx.clock.now();
    Ok(ctx.db.read(move |c| store::flows::count_stopped(c, kind, now)).await?)
}

pub async fn one(ctx: &Ctx, actor: &Actor, kind: FlowKind, id: &str) -> Result<Flow, Error> {
    actor.must(Permission::SeeFlows)?;
    let id = id.to_owned();
    ctx.db.read(move |c| store::flows::find(c, kind, &id)).await?.ok_or(Error::NotFound)
}

/// The latest lines of its history.
pub async fn history(ctx: &Ctx, kind: FlowKind, id: &str) -> Result<Vec<Activity>, Error> {
    let filter = store::activity::Filter {
        subject: Some((super::subject(kind), id.to_owned())),
        ..Default::default()
    };
    Ok(ctx.db.read(move |c| store::activity::list(c, &filter, &Cursor::default())).await?.rows)
}
