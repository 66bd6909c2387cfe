//! *Delete* of a source or destination: a page first.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use super::{Kind, words};
use crate::domain::Ctx;
use crate::domain::flows::{delete, find};
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::Layout;
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "flows/delete.html")]
struct DeletePage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    words: super::Words,
    name: String,
    action: String,
    keep: String,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    Kind(kind): Kind,
    id: web::Path<String>,
) -> PageResult {
    visitor.must(Permission::EditFlows)?;
    let flow = find::one(&ctx, &visitor.actor, kind, &id).await?;
    let words = words(kind);
    let up = paths::flow(kind, &flow.id);
    page::ok(&DeletePage {
        layout: Layout::new(&visitor, words.section, &format!("Delete {}?", flow.name)),
        crumbs: Crumbs::new(&[(words.many, words.list), (&flow.name, &up)], "Delete"),
        tile: Tile::of(ctx.catalog.get(flow.service_id.as_str()), &flow.service_id),
        action: paths::delete_flow(kind, &flow.id),
        keep: up,
        name: flow.name,
        words,
    })
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (Kind(kind), id): (Kind, web::Path<String>),
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    delete::delete(&ctx, &visitor.actor, kind, &id).await?;
    flash::success(&session, format!("{} deleted.", words(kind).one));
    page::see_other(words(kind).list)
}
