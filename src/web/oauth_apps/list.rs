//! All OAuth apps, and the services that wait for one.
use actix_web::web;
use askama::Template;

use crate::domain::{Ctx, oauth_apps};
use crate::model::ids::ServiceId;
use crate::model::oauth_app::OAuthAppRow;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Tile;
use crate::web::visitor::Visitor;
use crate::web::{paths, wording};

#[derive(Template)]
#[template(path = "oauth_apps/list.html")]
struct ListPage {
    layout: Layout,
    redirect_uri: String,
    rows: Vec<RowView>,
    missing: Vec<MissingView>,
    own: Vec<OwnView>,
}

/// Authorizers with an app of their own.
struct OwnView {
    path: String,
    tile: Tile,
    service_name: String,
    count: String,
}

struct RowView {
    id: String,
    tile: Tile,
    service_name: String,
    client_id: String,
    used_by: String,
}

struct MissingView {
    id: String,
    tile: Tile,
    service_name: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let rows = oauth_apps::find::list(&ctx, &visitor.actor).await?;
    let missing = missing(&ctx, &rows);
    let own = oauth_apps::find::count_own(&ctx, &visitor.actor).await?;
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::OAuthApps, "OAuth apps"),
        redirect_uri: ctx.site.redirect_uri(),
        rows: rows.into_iter().map(|row| row_view(&ctx, row)).collect(),
        missing,
        own: own.into_iter().map(|(service, count)| own_view(&ctx, &service, count)).collect(),
    })
}

fn row_view(ctx: &Ctx, row: OAuthAppRow) -> RowView {
    let service = ctx.catalog.get(row.app.service_id.as_str());
    RowView {
        tile: Tile::of(service, &row.app.service_id),
        service_name: service
            .map_or_else(|| row.app.service_id.to_string(), |service| service.head.name.clone()),
        id: row.app.id.to_string(),
        client_id: row.app.client_id,
        used_by: match row.authorizer_count {
            0 => "not used yet".to_owned(),
            count => format!(
                "used by {}",
                wording::count(usize::try_from(count).unwrap_or(0), "authorizer")
            ),
        },
    }
}

fn own_view(ctx: &Ctx, id: &ServiceId, count: i64) -> OwnView {
    let service = ctx.catalog.get(id.as_str());
    OwnView {
        path: format!("{}?service={id}", paths::authorizers()),
        tile: Tile::of(service, id),
        service_name: service.map_or_else(|| id.to_string(), |service| service.head.name.clone()),
        count: wording::count(usize::try_from(count).unwrap_or(0), "authorizer"),
    }
}

fn missing(ctx: &Ctx, rows: &[OAuthAppRow]) -> Vec<MissingView> {
    let has_app = |id: &ServiceId| rows.iter().any(|row| row.app.service_id == *id);
    let wants = |service: &&crate::catalog::Service| {
        service.auths.iter().filter_map(|auth| auth.oauth2.as_ref()).any(|oauth2| !oauth2.own_app)
            && !has_app(service.id())
    };
    let view = |service: &crate::catalog::Service| MissingView {
        id: service.id().to_string(),
        tile: Tile::of(Some(service), service.id()),
        service_name: service.head.name.clone(),
    };
    ctx.catalog.all().iter().filter(wants).map(view).collect()
}
