//! The forecast: what ends when, what stops then, and the address of the calendar that says the same.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::authorizers::forecast::{self, Forecast, Span};
use crate::domain::{Ctx, calendar};
use crate::model::ending::EndingRow;
use crate::model::page::Cursor;
use crate::model::role::Permission;
use crate::model::time::Moment;
use crate::web::calendar::address;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Pager, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

use super::show::{FlowView, flow_views};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "authorizers/forecast.html")]
struct ForecastPage {
    layout: Layout,
    /// There is no authorizer at all.
    is_first: bool,
    may_add: bool,
    counts: Vec<(&'static str, String)>,
    without_end: String,
    without_end_path: Option<String>,
    groups: Vec<GroupView>,
    pager: Pager,
    /// Just made; shown this once.
    address: Option<String>,
    since: Option<When>,
}

struct GroupView {
    id: String,
    title: &'static str,
    count: String,
    rows: Vec<RowView>,
}

struct RowView {
    id: String,
    name: String,
    service_name: String,
    tile: Tile,
    account: String,
    date: String,
    machine: String,
    far: String,
    kind: &'static str,
    what: String,
    flows: Vec<FlowView>,
    more: Option<String>,
    is_urgent: bool,
    may_reauthorize: bool,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    query: web::Query<Query>,
) -> PageResult {
    let found = forecast::forecast(&ctx, &visitor.actor, Cursor(query.after.clone())).await?;
    let since = calendar::since(&ctx, &visitor.actor).await?;
    let is_later = query.after.is_some();
    let total: i64 = found.counts.iter().map(|(_, count)| count).sum();
    let groups = groups(&ctx, &visitor, &found);
    let endless = Some(found.without_end).filter(|count| *count > 0);
    let params = [("sort", "ends_first".to_owned())];
    page::ok(&ForecastPage {
        layout: Layout::new(&visitor, Section::Forecast, "Forecast"),
        is_first: total == 0 && found.without_end == 0,
        may_add: visitor.actor.may(Permission::EditAuthorizers),
        counts: found
            .counts
            .iter()
            .filter(|(_, count)| *count > 0)
            .map(|(span, count)| (wording::span(*span), many(*count)))
            .collect(),
        without_end: many(found.without_end),
        without_end_path: endless.map(|_| {
            Pager::link(paths::authorizers(), &params, found.first_without_end.0.as_deref())
        }),
        groups,
        pager: Pager::new(paths::forecast(), &[], found.page.next, is_later),
        address: address::take(&ctx, &visitor, &session),
        since: since.map(When::at),
    })
}

/// Counts stop at a thousand.
fn many(count: i64) -> String {
    if count >= 1000 { "999+".to_owned() } else { count.to_string() }
}

/// Rows come in the order of their ends: each span is one piece.
fn groups(ctx: &Ctx, visitor: &Visitor, found: &Forecast) -> Vec<GroupView> {
    let now = ctx.clock.now();
    let mut groups: Vec<(Span, GroupView)> = Vec::new();
    for row in &found.page.rows {
        let span = Span::of(row.at, now);
        if groups.last().is_none_or(|(last, _)| *last != span) {
            let count =
                found.counts.iter().find(|(of, _)| *of == span).map_or(0, |(_, count)| *count);
            let group = GroupView {
                id: format!("{span:?}").to_lowercase(),
                title: wording::span(span),
                count: if count == 1 {
                    "1 authorizer".to_owned()
                } else {
                    format!("{} authorizers", many(count))
                },
                rows: Vec::new(),
            };
            groups.push((span, group));
        }
        if let Some((_, group)) = groups.last_mut() {
            group.rows.push(row_view(ctx, visitor, row, now));
        }
    }
    groups.into_iter().map(|(_, group)| group).collect()
}

fn row_view(ctx: &Ctx, visitor: &Visitor, row: &EndingRow, now: Moment) -> RowView {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let named = i64::try_from(row.stops.named.len()).unwrap_or(0);
    RowView {
        id: row.id.to_string(),
        name: row.name.clone(),
        tile: Tile::of(service, &row.service_id),
        account: row.identity_label.clone(),
        date: wording::date(row.at),
        machine: wording::machine(row.at),
        far: if row.at <= now { wording::ago(row.at, now) } else { wording::in_days(row.at, now) },
        kind: wording::end_kind(row.kind),
        what: wording::end_row(row, &service_name),
        flows: flow_views(&row.stops.named),
        more: Some(row.stops.total - named)
            .filter(|more| *more > 0)
            .map(|more| format!("and {more} more")),
        is_urgent: Span::of(row.at, now) <= Span::Month,
        may_reauthorize: visitor.actor.may(Permission::EditAuthorizers) && service.is_some(),
        service_name,
    }
}
