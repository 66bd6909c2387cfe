//! The key icon. By credentials: the form, with the secrets to type. By OAuth: the fields before the redirect, then the provider.
use actix_session::Session;
use actix_web::web;

use super::form::{self, AccountPage, Start};
use super::set_up::Wrong;
use super::{app_missing, edit, leaving};
use crate::domain::authorizers::account::{self, OpenAccount};
use crate::domain::authorizers::{find, start};
use crate::domain::drafts::Typed;
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::ids::AuthorizerId;
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{paths, session};

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let id = AuthorizerId::from(id.as_str());
    let authorizer = find::authorizer(&ctx, &id).await?;
    let (service, auth) = account::spec(&ctx, &authorizer)?;
    if auth.oauth2.is_none() {
        return edit::draw(&ctx, &visitor, &id, true).await;
    }
    if authorizer.oauth_app_id.is_none()
        && let Some(page) = app_missing::instead(&ctx, &visitor, &service, &auth).await?
    {
        return Ok(page);
    }
    page::ok(&draw(&ctx, &visitor, &id, &Problems::new()).await?)
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    Protected(raw): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::EditAuthorizers)?;
    let id = AuthorizerId::from(id.as_str());
    let authorizer = find::authorizer(&ctx, &id).await?;
    let (service, auth) = account::spec(&ctx, &authorizer)?;
    let (mut values, _) = form::typed(&ctx, &visitor.actor, &auth, &raw).await?;
    fill_from_stored(&ctx, &id, &mut values).await;
    let asked = start::Start {
        service_id: service.id().clone(),
        auth_id: auth.id.clone(),
        name: String::new(),
        values,
        authorizer_id: Some(id.clone()),
        draft_id: None,
        asks_for_all: false,
        browser: session::browser(&session),
    };
    match start::start(&ctx, &visitor.actor, asked).await {
        Ok(to) => leaving::page(&visitor, &service, &to.url, &paths::authorizer(&id)),
        Err(error) => {
            let wrong = Wrong::of(error)?;
            let page = draw(&ctx, &visitor, &id, &wrong.problems(&service.head.name)).await?;
            page::unprocessable(&page.report(wrong.report(), &visitor))
        }
    }
}

/// What is not asked again, such as the secret of an authorizer's own OAuth app, is taken from what is stored.
async fn fill_from_stored(ctx: &Ctx, id: &AuthorizerId, values: &mut Typed) {
    let Ok(open) = account::open_as_is(ctx, id).await else {
        return;
    };
    let moved = open.auth.fields.iter().any(|spec| {
        spec.is_destination()
            && values
                .get(&spec.key)
                .is_some_and(|typed| open.credentials.get(&spec.key) != Some(typed.expose()))
    });
    for spec in open.auth.fields.iter().filter(|spec| !moved || !spec.secret) {
        let is_empty = values.get(&spec.key).is_none_or(|value| value.is_empty());
        if let Some(stored) = open.credentials.values.get(&spec.key).filter(|_| is_empty) {
            values.insert(spec.key.clone(), stored.clone());
        }
    }
    // Revoking wiped what was typed; the authorizer's own OAuth app is still registered, and has its secret.
    let is_empty = values.get(OWN_SECRET_FIELD).is_none_or(|value| value.is_empty());
    if let Some(secret) = own_client_secret(&open).filter(|_| is_empty && !moved) {
        values.insert(OWN_SECRET_FIELD.to_owned(), secret.clone());
    }
}

/// The field in which the client secret of an authorizer's own OAuth app is typed.
const OWN_SECRET_FIELD: &str = "client_secret";

/// The secret of the authorizer's own OAuth app, as long as it is the one that its client id belongs to.
fn own_client_secret(open: &OpenAccount) -> Option<&Secret> {
    let is_own = open.auth.oauth2.as_ref().is_some_and(|oauth2| oauth2.own_app);
    let app = open.app.as_ref().filter(|_| is_own)?;
    let is_same = open.credentials.get("client_id") == Some(app.client_id.as_str());
    app.client_secret.as_ref().filter(|_| is_same)
}

async fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    id: &AuthorizerId,
    problems: &Problems,
) -> Result<AccountPage, Error> {
    let authorizer = find::authorizer(ctx, id).await?;
    let (service, auth) = account::spec(ctx, &authorizer)?;
    let open = account::open_as_is(ctx, id).await.ok();
    let has_own_secret = open.as_ref().is_some_and(|open| own_client_secret(open).is_some());
    let stored = open.map(|open| open.credentials.values).unwrap_or_default();
    let is_kept =
        |key: &str| stored.contains_key(key) || (key == OWN_SECRET_FIELD && has_own_secret);
    let kept = auth
        .fields
        .iter()
        .filter(|spec| spec.secret && is_kept(&spec.key))
        .map(|spec| spec.key.clone());
    let mut page = AccountPage::new(Start {
        visitor,
        service: &service,
        auth: &auth,
        values: form::open_values(&auth, &stored),
        name: authorizer.name.clone(),
        problems,
        stored: kept.collect(),
        edited: Some(form::open_values(&auth, &stored)),
        title: format!("Reauthorize {}", authorizer.name),
    });
    page.form.fields.retain(|field| field.name != "name");
    let up = paths::authorizer(id);
    page.crumbs = Crumbs::new(
        &[("Authorizers", paths::authorizers()), (&authorizer.name, &up)],
        "Reauthorize",
    );
    page.lead = format!(
        "Sign in at {} with the same account: {}.",
        service.head.name, authorizer.identity.label
    );
    page.action = paths::reauthorize(id);
    page.cancel = up;
    Ok(page)
}
