//! An OAuth service without an OAuth app: an admin is led to add it, others read whom to ask.
use actix_web::HttpResponse;
use askama::Template;

use super::form::{self, Way};
use super::set_up;
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::authorizers::methods;
use crate::domain::{Ctx, members};
use crate::model::role::Permission;
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::page;
use crate::web::paths;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "authorizers/app_missing.html")]
struct AppMissingPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    service_name: String,
    /// Name and e-mail.
    admins: Vec<(String, String)>,
    ways: Vec<Way>,
    back: String,
}

/// The page that stands in place of the form; `None` if the service can be authorized.
pub async fn instead(
    ctx: &Ctx,
    visitor: &Visitor,
    service: &Service,
    auth: &AuthSpec,
) -> Result<Option<HttpResponse>, PageError> {
    if set_up::has_app(ctx, service, auth).await? {
        return Ok(None);
    }
    if visitor.actor.may(Permission::ManageOAuthApps) {
        let next = paths::way(service.id(), &auth.id);
        let next: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
        return Ok(Some(page::see_other(&format!(
            "{}?next={next}",
            paths::new_oauth_app(service.id())
        ))?));
    }
    let title = format!("{} is not set up here yet", service.head.name);
    let body = AppMissingPage {
        layout: Layout::new(visitor, Section::Authorizers, &title),
        crumbs: Crumbs::new(
            &[("Authorizers", paths::authorizers()), ("Choose a service", paths::new_authorizer())],
            &service.head.name,
        ),
        tile: Tile::of(Some(service), service.id()),
        service_name: service.head.name.clone(),
        admins: members::admins(ctx).await?,
        ways: form::ways(service, &methods::list(ctx, service).await?, &auth.id),
        back: paths::new_authorizer().to_owned(),
    };
    Ok(Some(page::ok(&body)?))
}
