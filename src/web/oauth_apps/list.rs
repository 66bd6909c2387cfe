//! All OAuth apps, and the services that wait for one.
use actix_web::web;
use askama::Template;

use crate::domain::{Ctx, oauth_apps};
use crate::model::oauth_app::OAuthAppRow;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Tile;
use crate::web::visitor::Visitor;
use crate::web::wording;

#[derive(Template)]
#[template(path = "oauth_apps/list.html")]
struct ListPage {
    layout: Layout,
    redirect_uri: String,
    rows: Vec<RowView>,
    missing: Vec<MissingView>,
}

struct RowView {
    id: String,
    tile: Tile,
    service_name: String,
    client_id: String,
    used_by: String,
    is_shared: bool,
}

struct MissingView {
    id: String,
    tile: Tile,
    service_name: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let rows = oauth_apps::find::list(&ctx, &visitor.actor).await?;
    let missing = missing(&ctx, &rows);
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::OAuthApps, "OAuth apps"),
        redirect_uri: ctx.site.redirect_uri(),
        rows: rows.into_iter().map(|row| row_view(&ctx, row)).collect(),
        missing,
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
        is_shared: row.app.is_shared,
    }
}

fn missing(ctx: &Ctx, rows: &[OAuthAppRow]) -> Vec<MissingView> {
    let has_app = |id: &crate::model::ids::ServiceId| {
        rows.iter().any(|row| row.app.is_shared && row.app.service_id == *id)
    };
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
