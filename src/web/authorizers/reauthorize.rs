//! The key icon. By credentials: the form, with the secrets to type. By OAuth: the fields before the redirect, then the provider.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;

use super::form::{self, AccountPage, Other, Start};
use super::set_up::Wrong;
use super::{app_missing, edit, leaving};
use crate::domain::authorizers::account;
use crate::domain::authorizers::start::Started;
use crate::domain::authorizers::{find, start};
use crate::domain::drafts::Typed;
use crate::domain::fields::known::ValueChange;
use crate::domain::{Ctx, Error};
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
    page::ok(&draw(&ctx, &visitor, &id, &Problems::new(), None).await?)
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
    let (values, draft) = form::typed(&ctx, &visitor.actor, &service, &auth, &raw).await?;
    let asked = start::Start {
        service_id: service.id().clone(),
        auth_id: auth.id.clone(),
        name: String::new(),
        values: values.clone(),
        authorizer_id: Some(id.clone()),
        draft_id: None,
        asks_for_all: false,
        may_switch: raw.text("action") == "switch",
        browser: session::browser(&session),
    };
    let again = match start::start(&ctx, &visitor.actor, asked).await {
        Ok(Started::Leaving(to)) => {
            return leaving::page(&visitor, &service, &to.url, &paths::authorizer(&id));
        }
        Ok(Started::Switch(changes)) => Again::Switch(changes),
        Err(error) => Again::Wrong(Wrong::of(error)?),
    };
    let problems = match &again {
        Again::Wrong(wrong) => wrong.problems(&service.head.name),
        Again::Switch(_) => Problems::new(),
    };
    let mut page = draw(&ctx, &visitor, &id, &problems, Some(&values)).await?;
    // Nothing that was typed is typed twice.
    let (draft, kept) =
        form::keep(&ctx, &visitor.actor, draft.as_ref(), (service.id(), &auth, &values)).await?;
    for key in &kept {
        if let Some(field) = page.form.get_mut(key) {
            field.is_stored = true;
        }
    }
    page.draft = Some(draft.to_string());
    match again {
        Again::Wrong(wrong) => page::unprocessable(&page.report(wrong.report(), &visitor)),
        Again::Switch(changes) => {
            let used_by = find::used_by(&ctx, &id).await?;
            let other = Other::new(&visitor, &authorizer.identity.label, &changes, &used_by);
            page.other = Some(other);
            page::html(StatusCode::CONFLICT, &page)
        }
    }
}

/// Why the form is drawn again.
enum Again {
    Wrong(Wrong),
    /// The authorizer would live elsewhere.
    Switch(Vec<ValueChange>),
}

/// The form with what is stored, or with what was typed.
async fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    id: &AuthorizerId,
    problems: &Problems,
    typed: Option<&Typed>,
) -> Result<AccountPage, Error> {
    let open = account::open_for_editing(ctx, id).await?;
    let (authorizer, service, auth) = (open.authorizer, open.service, open.auth);
    let stored = open.credentials.values;
    let kept = auth
        .fields
        .iter()
        .filter(|spec| spec.secret && !open.is_moved && stored.contains_key(&spec.key))
        .map(|spec| spec.key.clone());
    let mut values = form::open_values(&auth, &stored);
    values.extend(typed.map(|typed| form::open_values(&auth, typed)).unwrap_or_default());
    let mut page = AccountPage::new(Start {
        visitor,
        service: &service,
        auth: &auth,
        values,
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
