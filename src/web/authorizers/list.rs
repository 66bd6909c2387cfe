//! The Authorizers page.
use std::sync::Arc;

use actix_web::{HttpRequest, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::Ctx;
use crate::domain::authorizers::list::{self, Attention};
use crate::model::authorizer::{AuthorizerRow, Badge, Filter, Sort};
use crate::model::ids::ServiceId;
use crate::model::page::Cursor;
use crate::model::role::Permission;
use crate::web::error::PageError;
use crate::web::fragment::{self, Fragment, Key};
use crate::web::layout::{Layout, Section};
use crate::web::page::PageResult;
use crate::web::ui::{Entry, Pager, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{Frame, paths, wording};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    q: String,
    service: String,
    status: String,
    sort: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "authorizers/list.html")]
struct ListPage<'a> {
    layout: Layout,
    content: &'a str,
    may_test: bool,
}

/// All that is the same for everybody of a role.
#[derive(Template)]
#[template(path = "authorizers/_list.html")]
struct Content {
    may_add: bool,
    /// Who may not add an account asks for it.
    may_ask: bool,
    attention: Option<String>,
    attention_kind: &'static str,
    broken: i64,
    due_soon: i64,
    /// Nothing is there yet, whatever was asked.
    is_first: bool,
    service_count: usize,
    search: String,
    services: Vec<Entry>,
    statuses: Vec<Entry>,
    sorts: Vec<Entry>,
    caption: String,
    rows: Vec<RowView>,
    pager: Pager,
}

/// One row as it is drawn.
struct RowView {
    id: String,
    name: String,
    service_name: String,
    tile: Tile,
    account: String,
    badge: Badge,
    cause: Option<String>,
    used_by: Vec<String>,
    checked: Option<When>,
    is_urgent: bool,
    may_reauthorize: bool,
    may_edit: bool,
    may_test: bool,
    may_revoke: bool,
    may_delete: bool,
    is_delete_waiting: bool,
}

impl RowView {
    fn has_actions(&self) -> bool {
        self.may_edit || self.may_test || self.may_revoke || self.may_delete
    }
}

pub async fn get(
    ctx: web::Data<Ctx>,
    frame: web::Data<Frame>,
    visitor: Visitor,
    query: web::Query<Query>,
    request: HttpRequest,
) -> PageResult {
    visitor.must(Permission::SeeAuthorizers)?;
    let key = || Key {
        part: "authorizers",
        role: visitor.actor.role,
        query: request.query_string().to_owned(),
    };
    let now = ctx.clock.now();
    let content = match frame.fragments.get(&visitor.version, now, &key()) {
        Some(known) => known,
        None => {
            let drawn = Fragment::draw(&content(&ctx, &visitor, &query).await?)?;
            frame.fragments.put(&visitor.version, now, key(), Arc::clone(&drawn));
            drawn
        }
    };
    let layout = Layout::new(&visitor, Section::Authorizers, "Authorizers");
    let page = ListPage {
        layout,
        content: &content.html,
        may_test: visitor.actor.may(Permission::TestAuthorizers),
    };
    fragment::page(&page, &content)
}

async fn content(ctx: &Ctx, visitor: &Visitor, query: &Query) -> Result<Content, PageError> {
    let filter = filter(query);
    let sort = filter.sort;
    let attention = visitor.attention;
    let page = list::list(ctx, &visitor.actor, filter, Cursor(query.after.clone())).await?;
    let is_filtered = !query.q.is_empty()
        || !query.service.is_empty()
        || !query.status.is_empty()
        || query.after.is_some();
    let rows: Vec<RowView> = page.rows.into_iter().map(|row| row_view(ctx, visitor, row)).collect();
    Ok(Content {
        may_add: visitor.actor.may(Permission::EditAuthorizers),
        may_ask: !visitor.actor.may(Permission::EditAuthorizers)
            && visitor.actor.may(Permission::RequestAccounts),
        attention: attention_text(attention),
        attention_kind: if attention.broken > 0 { "bad" } else { "warn" },
        broken: attention.broken,
        due_soon: attention.due_soon,
        is_first: rows.is_empty() && !is_filtered,
        service_count: ctx.catalog.all().len(),
        search: query.q.clone(),
        services: services(ctx, &query.service),
        statuses: statuses(&query.status),
        sorts: sorts(sort),
        caption: caption(sort).to_owned(),
        rows,
        pager: Pager::new(
            paths::authorizers(),
            &pager_params(query),
            page.next,
            query.after.is_some(),
        ),
    })
}

fn filter(query: &Query) -> Filter {
    let badge = Badge::from_code(&query.status);
    Filter {
        search: query.q.chars().take(120).collect::<String>().trim().to_owned(),
        service_id: Some(query.service.as_str()).filter(|id| !id.is_empty()).map(ServiceId::from),
        badge,
        sort: Sort::from_code(&query.sort).unwrap_or_default().among(badge),
    }
}

fn pager_params(query: &Query) -> Vec<(&'static str, String)> {
    vec![
        ("q", query.q.clone()),
        ("service", query.service.clone()),
        ("status", query.status.clone()),
        ("sort", query.sort.clone()),
    ]
}

fn row_view(ctx: &Ctx, visitor: &Visitor, row: AuthorizerRow) -> RowView {
    let now = ctx.clock.now();
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let may = |permission| visitor.actor.may(permission);
    let is_unused = row.source_count + row.destination_count == 0;
    let is_active = !row.badge.is_revoked();
    RowView {
        cause: wording::row_cause(&row, &service_name, now),
        tile: Tile::of(service, &row.service_id),
        is_urgent: matches!(row.badge, Badge::Broken | Badge::Locked | Badge::DueSoon),
        used_by: used_by(row.source_count, row.destination_count),
        checked: row.last_checked_at.map(|at| When::ago(at, now)),
        may_reauthorize: may(Permission::EditAuthorizers) && service.is_some(),
        may_edit: may(Permission::EditAuthorizers) && service.is_some(),
        may_test: may(Permission::TestAuthorizers) && is_active,
        may_revoke: may(Permission::RevokeAuthorizers) && is_active,
        may_delete: may(Permission::DeleteAuthorizers) && is_unused,
        is_delete_waiting: may(Permission::DeleteAuthorizers) && !is_unused,
        id: row.id.to_string(),
        name: row.name,
        service_name,
        account: row.identity_label,
        badge: row.badge,
    }
}

/// `3 sources`, `1 destination`.
pub fn used_by(sources: i64, destinations: i64) -> Vec<String> {
    let count = |number: i64, one: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        more => Some(format!("{more} {one}s")),
    };
    [count(sources, "source"), count(destinations, "destination")].into_iter().flatten().collect()
}

fn attention_text(attention: Attention) -> Option<String> {
    let people = |count: i64| {
        if count >= 1000 { "More than 1,000".to_owned() } else { count.to_string() }
    };
    let verb = |count: i64| if count == 1 { "is" } else { "are" };
    let noun = |count: i64| {
        if count == 1 { "authorizer" } else { "authorizers" }
    };
    match (attention.broken, attention.due_soon) {
        (0, 0) => None,
        (0, due) => Some(format!("{} {} {} due soon.", people(due), noun(due), verb(due))),
        (broken, 0) => {
            Some(format!("{} {} {} broken.", people(broken), noun(broken), verb(broken)))
        }
        (broken, due) => Some(format!(
            "{} {} {} broken, {} {} due soon.",
            people(broken),
            noun(broken),
            verb(broken),
            people(due),
            verb(due)
        )),
    }
}

fn services(ctx: &Ctx, chosen: &str) -> Vec<Entry> {
    ctx.catalog
        .all()
        .iter()
        .map(|service| Entry::new(service.id().as_str(), &service.head.name, chosen))
        .collect()
}

fn statuses(chosen: &str) -> Vec<Entry> {
    Badge::ALL
        .iter()
        .map(|badge| Entry::new(badge.code(), wording::badge(*badge), chosen))
        .collect()
}

fn sorts(chosen: Sort) -> Vec<Entry> {
    let label = |sort: &Sort| match sort {
        Sort::Attention => "Needs attention first",
        Sort::Name => "Name",
        Sort::Newest => "Newest first",
        Sort::LastChecked => "Last checked",
        Sort::EndsFirst => "Ends first",
    };
    Sort::ALL.iter().map(|sort| Entry::new(sort.code(), label(sort), chosen.code())).collect()
}

fn caption(sort: Sort) -> &'static str {
    match sort {
        Sort::Attention => "Authorizers, those that need attention first",
        Sort::Name => "Authorizers by name",
        Sort::Newest => "Authorizers, the newest first",
        Sort::LastChecked => "Authorizers by last check",
        Sort::EndsFirst => "Authorizers, those that end soonest first",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn used_by_counts_in_words() {
        assert_eq!(used_by(1, 4), ["1 source", "4 destinations"]);
        assert!(used_by(0, 0).is_empty());
    }

    #[test]
    fn the_banner_says_how_many_and_agrees_in_number() {
        assert_eq!(
            attention_text(Attention { broken: 1, due_soon: 0 }).unwrap(),
            "1 authorizer is broken."
        );
        assert_eq!(
            attention_text(Attention { broken: 3, due_soon: 2 }).unwrap(),
            "3 authorizers are broken, 2 are due soon."
        );
        assert_eq!(attention_text(Attention::default()), None);
    }
}
