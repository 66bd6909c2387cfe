//! The guide of a service: what the account needs, where to find it, how long it lives, how it ends.
use actix_web::web;
use askama::Template;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::Ctx;
use crate::domain::authorizers::methods;
use crate::model::role::Permission;
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;

#[derive(Template)]
#[template(path = "services/guide.html")]
struct GuidePage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    id: String,
    name: String,
    summary: String,
    permission: String,
    docs: String,
    provider_page: Option<String>,
    roles: String,
    ways: Vec<Way>,
    app_steps: Vec<String>,
    redirect_uri: String,
    steps: Vec<String>,
    notes: Vec<String>,
    grants: Option<Grants>,
    may_authorize: bool,
    may_manage_apps: bool,
}

/// One way to authorize.
struct Way {
    label: String,
    scopes: Vec<String>,
    optional_scopes: Vec<String>,
    asked: Vec<Asked>,
    lives: String,
    revoked: &'static str,
}

struct Asked {
    label: String,
    help: Option<String>,
    is_optional: bool,
    is_secret: bool,
}

/// Statements to copy.
struct Grants {
    text: String,
    rows: usize,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let service = ctx.catalog.get(&id).ok_or(PageError::NotFound)?;
    let guide = &service.guide;
    let methods = methods::list(&ctx, service).await?;
    let has_shared_app =
        service.auths.iter().any(|auth| auth.oauth2.as_ref().is_some_and(|oauth| !oauth.own_app));
    let title = format!("{}: what it needs", service.head.name);
    let may_authorize = visitor.actor.may(Permission::EditAuthorizers);
    let above =
        [("Authorizers", paths::authorizers()), ("Choose a service", paths::new_authorizer())];
    let page = GuidePage {
        layout: Layout::new(&visitor, Section::Authorizers, &title),
        crumbs: Crumbs::new(
            above.get(..if may_authorize { 2 } else { 1 }).unwrap_or_default(),
            &service.head.name,
        ),
        tile: Tile::of(Some(service), service.id()),
        id: service.id().to_string(),
        name: service.head.name.clone(),
        summary: service.head.summary.clone(),
        permission: service.head.permission.clone(),
        docs: service.head.docs.clone(),
        provider_page: service.lifetime.provider_page.clone(),
        roles: super::roles(service),
        ways: methods.into_iter().map(|auth| way(service, auth)).collect(),
        app_steps: if has_shared_app { guide.app_steps.clone() } else { Vec::new() },
        redirect_uri: if service.auths.iter().any(|auth| auth.oauth2.is_some()) {
            ctx.site.redirect_uri()
        } else {
            String::new()
        },
        steps: guide.steps.clone(),
        notes: guide.notes.clone(),
        grants: guide
            .grants
            .as_ref()
            .map(|text| Grants { text: text.trim().to_owned(), rows: text.trim().lines().count() }),
        may_authorize,
        may_manage_apps: visitor.actor.may(Permission::ManageOAuthApps) && has_shared_app,
    };
    page::ok(&page)
}

fn way(service: &Service, auth: &AuthSpec) -> Way {
    let oauth = auth.oauth2.as_ref();
    let scopes = |list: Option<&Vec<String>>| {
        let known = list.into_iter().flatten().filter(|scope| !scope.contains('{'));
        known.cloned().collect::<Vec<String>>()
    };
    let asked = auth.fields.iter().filter(|field| !field.is_note()).map(|field| Asked {
        label: field.label.clone(),
        help: field.help.clone(),
        is_optional: !field.required || field.when.is_some(),
        is_secret: field.secret,
    });
    Way {
        label: auth.label.clone(),
        scopes: scopes(oauth.map(|oauth| &oauth.scopes)),
        optional_scopes: scopes(oauth.map(|oauth| &oauth.optional_scopes)),
        asked: asked.collect(),
        lives: service.lifetime_of(&auth.id).note.clone().unwrap_or_default(),
        revoked: match oauth {
            _ if auth.is_revocable(|_| true) => {
                "Revoke Token asks the service to revoke our access, and then checks whether what was stored still works."
            }
            Some(_) => {
                "The service offers no call that takes our access away. Revoke Token forgets the tokens here; remove the app at the service, too."
            }
            None => {
                "Revoke Token forgets what is stored here. Delete or change it at the service, too."
            }
        },
    }
}
