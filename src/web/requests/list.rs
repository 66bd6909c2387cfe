//! The list of requests: open ones, or answered ones.
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::Ctx;
use crate::domain::requests::list;
use crate::model::page::Cursor;
use crate::model::request::AccountRequest;
use crate::model::role::Permission;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::{Pager, Tile, When};
use crate::web::visitor::Visitor;

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// `answered`, or open ones.
    state: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "requests/list.html")]
struct ListPage {
    layout: Layout,
    is_answered: bool,
    may_answer: bool,
    may_ask: bool,
    rows: Vec<RowView>,
    pager: Pager,
}

struct RowView {
    id: String,
    tile: Tile,
    service_name: String,
    asked_by: String,
    asked: When,
    note: String,
    standing: (&'static str, &'static str, &'static str),
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, query: web::Query<Query>) -> PageResult {
    let is_answered = query.state == "answered";
    let page = list::list(&ctx, &visitor.actor, !is_answered, Cursor(query.after.clone())).await?;
    let params = [("state", if is_answered { "answered".to_owned() } else { String::new() })];
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::Requests, "Requests"),
        is_answered,
        may_answer: visitor.actor.may(Permission::AnswerRequests),
        may_ask: visitor.actor.may(Permission::RequestAccounts),
        rows: page.rows.into_iter().map(|row| row_view(&ctx, row)).collect(),
        pager: Pager::new(paths::requests(), &params, page.next, query.after.is_some()),
    })
}

fn row_view(ctx: &Ctx, row: AccountRequest) -> RowView {
    let service = ctx.catalog.get(row.service_id.as_str());
    RowView {
        tile: Tile::of(service, &row.service_id),
        service_name: service
            .map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone()),
        asked: When::ago(row.created_at, ctx.clock.now()),
        standing: super::standing(row.state),
        id: row.id.to_string(),
        asked_by: row.requested_by_name,
        note: row.note,
    }
}
