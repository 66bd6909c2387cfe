//! *Delete*: offered where nothing uses the authorizer, refused everywhere else.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use super::show::{FlowView, flow_views};
use crate::catalog::Service;
use crate::domain::authorizers::delete::{self, AccessLeft};
use crate::domain::authorizers::{find, revoke};
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Lifecycle};
use crate::model::ids::AuthorizerId;
use crate::model::role::Permission;
use crate::web::csrf::Protected;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::swaps::choose::may_replace;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "authorizers/delete.html")]
struct DeletePage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    lead: String,
    service_name: String,
    used_by: Vec<FlowView>,
    may_revoke_first: bool,
    /// What stays valid at the service, because nobody can be asked to end it.
    lives_on: Option<String>,
    provider_page: Option<String>,
    may_replace: bool,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct DeleteForm {
    revoke: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    page::ok(&page_of(&ctx, &visitor, &AuthorizerId::from(id.as_str())).await?)
}

async fn page_of(ctx: &Ctx, visitor: &Visitor, id: &AuthorizerId) -> PageResult<DeletePage> {
    visitor.must(Permission::DeleteAuthorizers)?;
    let row = find::authorizer(ctx, id).await?;
    let used_by = find::used_by(ctx, id).await?;
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let may_revoke =
        row.lifecycle == Lifecycle::Active && visitor.actor.may(Permission::RevokeAuthorizers);
    let has_endpoint =
        may_revoke && revoke::blast_radius(ctx, &visitor.actor, id).await?.has_endpoint;
    let lives_on =
        (row.lifecycle == Lifecycle::Active && !has_endpoint).then(|| lives_on(service, &row));
    let provider_page =
        service.and_then(|service| service.lifetime_of(&row.auth_id).provider_page.clone());
    let up = paths::authorizer(id);
    Ok(DeletePage {
        layout: Layout::new(visitor, Section::Authorizers, &format!("Delete {}?", row.name)),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers()), (&row.name, &up)], "Delete"),
        tile: Tile::of(service, &row.service_id),
        id: row.id.to_string(),
        lead: super::lead(&service_name, &row.identity.label),
        used_by: flow_views(&used_by),
        may_revoke_first: has_endpoint,
        provider_page: provider_page.filter(|_| lives_on.is_some()),
        lives_on,
        may_replace: may_replace(visitor).is_ok(),
        name: row.name,
        service_name,
    })
}

/// Deleting here ends nothing there.
fn lives_on(service: Option<&Service>, row: &Authorizer) -> String {
    let name = service.map_or(row.service_id.as_str(), |service| service.head.name.as_str());
    let is_oauth = service
        .and_then(|service| service.auth(&row.auth_id))
        .is_some_and(|auth| auth.oauth2.is_some());
    if is_oauth {
        return format!(
            "We have no address where we could ask {name} to end this access. It stays valid there until you remove \
             our app from the account."
        );
    }
    format!(
        "The password or key itself stays valid at {name}. Change or delete it there if nothing else needs it."
    )
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(form): Protected<DeleteForm>,
) -> PageResult {
    let id = AuthorizerId::from(id.as_str());
    match delete::delete(&ctx, &visitor.actor, &id, form.revoke == "true").await {
        Ok(left) => {
            flash::success(&session, deleted(left));
            page::see_other(paths::authorizers())
        }
        // The page says what uses it, as of now: somebody may have been faster.
        Err(Error::InUse) => {
            page::html(actix_web::http::StatusCode::CONFLICT, &page_of(&ctx, &visitor, &id).await?)
        }
        Err(other) => Err(other.into()),
    }
}

fn deleted(left: AccessLeft) -> &'static str {
    match left {
        AccessLeft::None => "Deleted.",
        AccessLeft::Asked(outcome) if outcome.is_ended() => {
            "Deleted. The service revoked the access."
        }
        AccessLeft::Asked(_) => {
            "Deleted. The access may still be active at the service; see Activity."
        }
        AccessLeft::Pending => {
            "Deleted. The service has not confirmed yet that the access is revoked. We ask again \
             automatically; Activity will tell the result."
        }
        AccessLeft::LeftActive => {
            "Deleted. The access stays active at the service until you remove it there."
        }
    }
}
