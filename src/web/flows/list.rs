//! All sources, or all destinations.
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::{Kind, words};
use crate::domain::flows::find;
use crate::domain::{Ctx, drafts};
use crate::model::authorizer::Badge;
use crate::model::draft::Draft;
use crate::model::flow::{FlowFilter, FlowKind, FlowRow};
use crate::model::ids::ServiceId;
use crate::model::page::Cursor;
use crate::model::role::Permission;
use crate::web::layout::Layout;
use crate::web::page::{self, PageResult};
use crate::web::ui::{Entry, Pager, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    q: String,
    service: String,
    status: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "flows/list.html")]
struct ListPage {
    layout: Layout,
    words: super::Words,
    lead: &'static str,
    may_add: bool,
    is_first: bool,
    search: String,
    services: Vec<Entry>,
    statuses: Vec<Entry>,
    /// `3 sources stand still`, and where they are.
    stopped: Option<(String, String)>,
    drafts: Vec<DraftView>,
    rows: Vec<RowView>,
    pager: Pager,
}

/// The filter's word for those whose account does not work.
const STOPPED: &str = "broken";

/// An unfinished form, to go on with.
struct DraftView {
    path: String,
    discard: String,
    name: String,
    service_name: String,
    until: When,
}

struct RowView {
    path: String,
    name: String,
    tile: Tile,
    service_name: String,
    account_path: String,
    account: String,
    identity: String,
    badge: Badge,
    cause: Option<String>,
    updated: When,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    Kind(kind): Kind,
    query: web::Query<Query>,
) -> PageResult {
    let words = words(kind);
    let filter = FlowFilter {
        search: query.q.chars().take(120).collect::<String>().trim().to_owned(),
        is_stopped: query.status == STOPPED,
        service_id: Some(query.service.as_str()).filter(|id| !id.is_empty()).map(ServiceId::from),
    };
    let is_filtered = !query.q.is_empty()
        || !query.service.is_empty()
        || !query.status.is_empty()
        || query.after.is_some();
    let rows =
        find::list(&ctx, &visitor.actor, kind, (filter, Cursor(query.after.clone()))).await?;
    let params = [
        ("q", query.q.clone()),
        ("service", query.service.clone()),
        ("status", query.status.clone()),
    ];
    let pager = Pager::new(words.list, &params, rows.next, query.after.is_some());
    let rows: Vec<RowView> = rows.rows.into_iter().map(|row| row_view(&ctx, kind, row)).collect();
    let all = ctx.catalog.all().iter().filter(|service| service.flow(kind).is_some());
    let stopped = find::stopped(&ctx, &visitor.actor, kind).await?;
    let drafts = match visitor.actor.may(Permission::EditFlows) {
        true => drafts::list(&ctx, &visitor.actor, kind.into()).await?,
        false => Vec::new(),
    };
    let drafts: Vec<DraftView> =
        drafts.iter().filter_map(|draft| draft_view(&ctx, kind, draft)).collect();
    page::ok(&ListPage {
        layout: Layout::new(&visitor, words.section, words.many),
        lead: match kind {
            FlowKind::Source => "Places that data is read from.",
            FlowKind::Destination => "Places that data is written to.",
        },
        words,
        may_add: visitor.actor.may(Permission::EditFlows),
        is_first: rows.is_empty() && !is_filtered,
        statuses: vec![Entry::new(STOPPED, "Broken or revoked", &query.status)],
        stopped: (stopped > 0).then(|| said(kind, stopped)),
        drafts,
        search: query.q.clone(),
        services: all
            .map(|service| Entry::new(service.id().as_str(), &service.head.name, &query.service))
            .collect(),
        rows,
        pager,
    })
}

fn said(kind: FlowKind, count: i64) -> (String, String) {
    let words = words(kind);
    let text = match count {
        1 => format!("1 {} stands still", words.small),
        1000.. => format!("999+ {} stand still", words.many.to_lowercase()),
        more => format!("{more} {} stand still", words.many.to_lowercase()),
    };
    (text, format!("{}?status={STOPPED}", words.list))
}

fn draft_view(ctx: &Ctx, kind: FlowKind, draft: &Draft) -> Option<DraftView> {
    let service = ctx.catalog.get(draft.service_id.as_str())?;
    let name =
        draft.values.get("name").map(|name| name.expose().trim()).filter(|name| !name.is_empty());
    let untitled = format!("A {} without a name", words(kind).small);
    Some(DraftView {
        path: paths::draft(draft)?,
        discard: paths::discard_draft(kind, &draft.id),
        name: name.map_or(untitled, str::to_owned),
        service_name: service.head.name.clone(),
        until: When::at(draft.expires_at),
    })
}

fn row_view(ctx: &Ctx, kind: FlowKind, row: FlowRow) -> RowView {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let is_bad = matches!(row.badge, Badge::Broken | Badge::Locked | Badge::Retrying)
        || row.badge.is_revoked();
    let cause = row
        .cause
        .filter(|_| is_bad)
        .map(|cause| format!("{}.", wording::cause(cause, &service_name).title));
    RowView {
        path: paths::flow(kind, &row.id),
        tile: Tile::of(service, &row.service_id),
        account_path: paths::authorizer(&row.authorizer_id),
        account: row.authorizer_name,
        identity: row.identity_label,
        badge: row.badge,
        cause,
        updated: When::ago(row.updated_at, ctx.clock.now()),
        name: row.name,
        service_name,
    }
}
