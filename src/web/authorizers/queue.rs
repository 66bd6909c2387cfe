//! Those that wait for a person, to be reauthorized one after the other.
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::authorizers::list;
use crate::model::authorizer::{AuthorizerRow, Badge};
use crate::model::cause::Cause;
use crate::model::role::Permission;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Template)]
#[template(path = "authorizers/queue.html")]
struct QueuePage {
    layout: Layout,
    crumbs: Crumbs,
    lead: String,
    rows: Vec<RowView>,
}

struct RowView {
    name: String,
    path: String,
    tile: Tile,
    lead: String,
    badge: Badge,
    cause: Option<String>,
    /// What cures it, and its words.
    cure: (String, &'static str),
    is_first: bool,
}

/// The next one that waits, as an authorizer's page offers it.
pub struct Next {
    pub name: String,
    pub path: String,
    pub others: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let rows = list::queue(&ctx, &visitor.actor).await?;
    let lead = match rows.len() {
        0 => "Nobody has to do anything.".to_owned(),
        1 => "One waits for you.".to_owned(),
        number => {
            format!("{number} wait for you. Each page that you come back to leads to the next one.")
        }
    };
    let rows = rows
        .into_iter()
        .enumerate()
        .map(|(at, row)| row_view(&ctx, &visitor, (row, at == 0)))
        .collect();
    page::ok(&QueuePage {
        layout: Layout::new(&visitor, Section::Authorizers, "One after the other"),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers())], "One after the other"),
        lead,
        rows,
    })
}

fn row_view(ctx: &Ctx, visitor: &Visitor, (row, is_first): (AuthorizerRow, bool)) -> RowView {
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    // A refused app is not cured by consenting again.
    let is_own_app = service.is_some_and(|service| {
        service.auths.iter().filter_map(|auth| auth.oauth2.as_ref()).any(|oauth2| oauth2.own_app)
    });
    let cure = if row.cause == Some(Cause::AppRejected)
        && !is_own_app
        && visitor.actor.may(Permission::ManageOAuthApps)
    {
        (paths::oauth_apps().to_owned(), "Correct the OAuth app")
    } else if service.is_none() {
        (paths::authorizer(&row.id), "Look at it")
    } else {
        (paths::reauthorize(&row.id), "Reauthorize")
    };
    RowView {
        path: paths::authorizer(&row.id),
        tile: Tile::of(service, &row.service_id),
        lead: super::lead(&service_name, &row.identity_label),
        badge: row.badge,
        cause: wording::row_cause(&row, &service_name, ctx.clock.now()),
        cure,
        is_first,
        name: row.name,
    }
}

/// For the page of an authorizer that works: the one to go on with.
pub async fn next(ctx: &Ctx, visitor: &Visitor) -> Result<Option<Next>, crate::domain::Error> {
    if visitor.attention.broken == 0 || !visitor.actor.may(Permission::EditAuthorizers) {
        return Ok(None);
    }
    let rows = list::queue(ctx, &visitor.actor).await?;
    let broken = rows.iter().filter(|row| row.badge != Badge::DueSoon).count();
    let others =
        if broken == 1 { "One is broken".to_owned() } else { format!("{broken} are broken") };
    Ok(rows.into_iter().next().map(|row| Next {
        path: paths::reauthorize(&row.id),
        name: row.name,
        others,
    }))
}
