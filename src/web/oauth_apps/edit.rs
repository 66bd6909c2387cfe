//! Adds or changes an OAuth app: the redirect URL to copy, client id and secret to paste.
use actix_session::Session;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::catalog::Service;
use crate::domain::oauth_apps::save::{self, AppForm};
use crate::domain::oauth_apps::{delete, find};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::ids::{OAuthAppId, ServiceId};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, wording};

#[derive(Template)]
#[template(path = "oauth_apps/edit.html")]
struct EditPage {
    layout: Layout,
    crumbs: Crumbs,
    tile: Tile,
    heading: String,
    lead: String,
    service_name: String,
    action: String,
    cancel: String,
    version: Option<i64>,
    steps: Vec<String>,
    redirect_uri: String,
    scopes: Vec<String>,
    form: FormState,
    primary: &'static str,
    used_by: Option<String>,
    delete_path: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    /// Where the admin came from: back there, once the app is saved.
    next: String,
}

pub async fn new(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    query: web::Query<Query>,
) -> PageResult {
    visitor.must(Permission::ManageOAuthApps)?;
    let service = ctx.catalog.get(&id).ok_or(PageError::NotFound)?;
    if let Some(app) = find::shared(&ctx, service.id()).await? {
        return page::see_other(&paths::oauth_app(app.id));
    }
    page::ok(&new_page(&ctx, &visitor, service, (&query.next, "", &Problems::new())))
}

pub async fn create(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, query): (web::Path<String>, web::Query<Query>),
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    let service = ctx.catalog.get(&id).ok_or(PageError::NotFound)?;
    match save::create(&ctx, &visitor.actor, &ServiceId::from(id.as_str()), app_form(&raw)).await {
        Ok(app) => {
            flash::success(&session, format!("The OAuth app of {} is saved.", service.head.name));
            page::see_other(paths::local(&query.next).unwrap_or(&paths::oauth_app(app)))
        }
        Err(Error::Problems(problems)) => page::unprocessable(&new_page(
            &ctx,
            &visitor,
            service,
            (&query.next, raw.text("client_id"), &problems),
        )),
        Err(other) => Err(other.into()),
    }
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let id = OAuthAppId::from(id.as_str());
    // One that belongs to an authorizer is changed there.
    if let Some(owner) = find::owner(&ctx, &visitor.actor, &id).await? {
        return page::see_other(&paths::authorizer(owner));
    }
    let row = find::one(&ctx, &visitor.actor, &id).await?;
    let client_id = row.app.client_id.clone();
    page::ok(&edit_page(&ctx, &visitor, row, (&client_id, &Problems::new())))
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    let id = OAuthAppId::from(id.as_str());
    let version = raw.text("version").parse().map_err(|_| PageError::BadForm)?;
    match save::change(&ctx, &visitor.actor, &id, (version, app_form(&raw))).await {
        Ok(()) => {
            flash::success(&session, "Saved.");
            page::see_other(paths::oauth_apps())
        }
        Err(Error::Problems(problems)) => {
            let row = find::one(&ctx, &visitor.actor, &id).await?;
            page::unprocessable(&edit_page(&ctx, &visitor, row, (raw.text("client_id"), &problems)))
        }
        Err(other) => Err(other.into()),
    }
}

pub async fn delete(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    delete::delete(&ctx, &visitor.actor, &OAuthAppId::from(id.as_str())).await?;
    flash::success(&session, "The OAuth app is deleted.");
    page::see_other(paths::oauth_apps())
}

fn app_form(raw: &RawForm) -> AppForm {
    AppForm {
        client_id: raw.text("client_id").to_owned(),
        client_secret: Secret::new(raw.text("client_secret").trim()),
    }
}

fn form(client_id: &str, has_secret: bool, problems: &Problems) -> FormState {
    let id = FieldState::text("client_id", "Client ID").value(client_id).problems(problems);
    let mut secret = FieldState::new(InputKind::Password, "client_secret", "Client secret")
        .hint("Stored encrypted and never shown again.")
        .autocomplete("off")
        .problems(problems);
    secret.is_stored = has_secret;
    FormState::new(vec![id, secret]).problems(problems)
}

fn new_page(
    ctx: &Ctx,
    visitor: &Visitor,
    service: &Service,
    (next, client_id, problems): (&str, &str, &Problems),
) -> EditPage {
    let encoded: String = url::form_urlencoded::byte_serialize(next.as_bytes()).collect();
    let form = form(client_id, false, problems);
    let mut page = page_of(ctx, visitor, (Some(service), service.id()), form);
    page.heading = format!("Set up the OAuth app for {}", service.head.name);
    page.lead = format!(
        "{} has to know this installation first. You do this once; then everyone here can authorize {} accounts.",
        service.head.name, service.head.name
    );
    page.action = if next.is_empty() {
        paths::new_oauth_app(service.id())
    } else {
        format!("{}?next={encoded}", paths::new_oauth_app(service.id()))
    };
    page.primary = if next.is_empty() { "Save the app" } else { "Save the app and go on" };
    page
}

fn edit_page(
    ctx: &Ctx,
    visitor: &Visitor,
    row: crate::model::oauth_app::OAuthAppRow,
    (client_id, problems): (&str, &Problems),
) -> EditPage {
    let app = row.app;
    let form = form(client_id, app.has_secret, problems);
    let mut page =
        page_of(ctx, visitor, (ctx.catalog.get(app.service_id.as_str()), &app.service_id), form);
    page.heading = format!("OAuth app of {}", page.service_name);
    page.lead =
        "A new secret takes effect at once, for every authorizer that uses this app.".to_owned();
    page.action = paths::oauth_app(&app.id);
    page.version = Some(app.version);
    page.primary = "Save";
    page.used_by = Some(match row.authorizer_count {
        0 => "No authorizer uses it.".to_owned(),
        count => {
            format!("{} use it.", wording::count(usize::try_from(count).unwrap_or(0), "authorizer"))
        }
    });
    page.delete_path = (row.authorizer_count == 0).then(|| paths::delete_oauth_app(&app.id));
    page
}

fn page_of(
    ctx: &Ctx,
    visitor: &Visitor,
    (service, id): (Option<&Service>, &ServiceId),
    form: FormState,
) -> EditPage {
    let service_name = service.map_or_else(|| id.to_string(), |service| service.head.name.clone());
    let oauth2 =
        service.and_then(|service| service.auths.iter().find_map(|auth| auth.oauth2.as_ref()));
    EditPage {
        layout: Layout::new(
            visitor,
            Section::OAuthApps,
            &format!("{}OAuth app of {service_name}", form.title_prefix()),
        ),
        crumbs: Crumbs::new(&[("OAuth apps", paths::oauth_apps())], &service_name),
        tile: Tile::of(service, id),
        heading: String::new(),
        lead: String::new(),
        action: String::new(),
        cancel: paths::oauth_apps().to_owned(),
        version: None,
        steps: service.map(|service| service.guide.app_steps.clone()).unwrap_or_default(),
        redirect_uri: ctx.site.redirect_uri(),
        scopes: oauth2.map(|oauth2| oauth2.scopes.clone()).unwrap_or_default(),
        form,
        primary: "Save",
        used_by: None,
        delete_path: None,
        service_name,
    }
}
