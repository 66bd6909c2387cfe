//! An attempt that did not succeed: what happened, what to do, *Try again*.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use super::leaving;
use crate::domain::Ctx;
use crate::domain::authorizers::{complete, start};
use crate::model::attempt::{Attempt, AttemptState};
use crate::model::cause::Cause;
use crate::model::ids::AttemptId;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{paths, session, wording};

#[derive(Template)]
#[template(path = "authorizers/attempt.html")]
struct AttemptPage {
    layout: Layout,
    crumbs: Crumbs,
    kind: &'static str,
    title_text: String,
    text: String,
    cure: String,
    /// The attempt that can be repeated.
    again: Option<String>,
    back: String,
    back_label: &'static str,
    missing: Vec<String>,
    detail: Option<String>,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let attempt = complete::find(&ctx, &visitor.actor, &AttemptId::from(id.as_str())).await?;
    match (&attempt.result_authorizer_id, attempt.state) {
        (Some(done), AttemptState::Completed) => return page::see_other(&paths::authorizer(done)),
        (_, AttemptState::OtherAccount) => {
            return page::see_other(&paths::other_account(&attempt.id));
        }
        _ => {}
    }
    let service = ctx.catalog.get(attempt.service_id.as_str());
    let name =
        service.map_or_else(|| attempt.service_id.to_string(), |service| service.head.name.clone());
    let cause = attempt.cause.unwrap_or(Cause::AttemptExpired);
    let mut body = page_of(&visitor, cause, &name);
    body.again = Some(attempt.id.to_string()).filter(|_| service.is_some());
    body.missing.clone_from(&attempt.missing_scopes);
    body.detail = attempt.detail.clone().filter(|_| visitor.actor.may(Permission::Administer));
    (body.back, body.back_label) = back(&attempt);
    page::ok(&body)
}

/// *Try again*: the same form once more, with everything that was typed.
pub async fn again(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    let id = AttemptId::from(id.as_str());
    let attempt = complete::find(&ctx, &visitor.actor, &id).await?;
    let service = ctx.catalog.get(attempt.service_id.as_str()).ok_or(PageError::NotFound)?;
    let to = start::again(&ctx, &visitor.actor, &id, session::browser(&session)).await?;
    leaving::page(&visitor, service, &to.url, &paths::attempt(&id))
}

/// Nothing of the attempt is told: it may be somebody else's.
pub fn refused(visitor: &Visitor, cause: Cause) -> PageResult {
    page::html(actix_web::http::StatusCode::CONFLICT, &page_of(visitor, cause, "the service"))
}

fn page_of(visitor: &Visitor, cause: Cause, service: &str) -> AttemptPage {
    let words = wording::cause(cause, service);
    AttemptPage {
        layout: Layout::new(visitor, Section::Authorizers, &words.title),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers())], "Authorization"),
        kind: if cause == Cause::UserDenied { "warn" } else { "bad" },
        title_text: words.title,
        text: words.text,
        cure: words.cure,
        again: None,
        back: paths::authorizers().to_owned(),
        back_label: "Back to Authorizers",
        missing: Vec::new(),
        detail: None,
    }
}

fn back(attempt: &Attempt) -> (String, &'static str) {
    match &attempt.authorizer_id {
        Some(id) => (paths::authorizer(id), "Back to the authorizer"),
        None => (paths::way(&attempt.service_id, &attempt.auth_id), "Back to the form"),
    }
}
