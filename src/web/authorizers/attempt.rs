//! An attempt that did not succeed: what happened, what to do, *Try again*.
use actix_session::Session;
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::web;
use askama::Template;

use super::{callback, leaving};
use crate::domain::Ctx;
use crate::domain::authorizers::start::RetryResult;
use crate::domain::authorizers::{complete, finish, start};
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
    icon: &'static str,
    title_text: String,
    text: String,
    cure: Option<String>,
    /// The attempt that can be repeated.
    again: Option<String>,
    back: String,
    back_label: &'static str,
    missing: Vec<String>,
    detail: Option<String>,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let attempt = complete::find(&ctx, &visitor.actor, &AttemptId::from(id.as_str())).await?;
    let service = ctx.catalog.get(attempt.service_id.as_str());
    let name =
        service.map_or_else(|| attempt.service_id.to_string(), |service| service.head.name.clone());
    match (&attempt.result_authorizer_id, attempt.state) {
        (Some(done), AttemptState::Completed) => {
            let end = callback::end_of(&ctx, &visitor, &attempt, done).await?;
            return page::see_other(&end.path);
        }
        (_, AttemptState::OtherAccount) => {
            return page::see_other(&paths::other_account(&attempt.id));
        }
        (_, AttemptState::Taken) if !finish::is_cut_off(&attempt, ctx.clock.now()) => {
            return under_way(&visitor, &attempt, &name);
        }
        _ => {}
    }
    let is_cut_off = attempt.state == AttemptState::Taken;
    let attempt =
        if is_cut_off { Attempt { cause: Some(Cause::Interrupted), ..attempt } } else { attempt };
    let mut body = page_of(&visitor, wording::attempt(&attempt, &name, ctx.clock.now()));
    if attempt.cause == Some(Cause::UserDenied) {
        body.kind = "warn";
    }
    body.again = Some(attempt.id.to_string()).filter(|_| service.is_some());
    body.missing.clone_from(&attempt.missing_scopes);
    body.detail = attempt.detail.clone().filter(|_| visitor.actor.may(Permission::Administer));
    (body.back, body.back_label) = match callback::waiting_form(&ctx, &visitor, &attempt).await? {
        Some(path) => (format!("{path}&attempt={}", attempt.id), "Back to the form"),
        None => back(&attempt),
    };
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
    match start::again(&ctx, &visitor.actor, &id, session::browser(&session)).await? {
        RetryResult::Leaving(to) => leaving::page(&visitor, service, &to.url, &paths::attempt(&id)),
        // What is stored was changed since: the form says what differs.
        RetryResult::Switch => match &attempt.authorizer_id {
            Some(authorizer) => page::see_other(&paths::reauthorize(authorizer)),
            None => Err(PageError::Stale),
        },
        RetryResult::Completed(done) => callback::answer(&ctx, &visitor, &session, *done).await,
    }
}

/// How often a page that waits for the service asks for itself again, in seconds.
const FOLLOW_EVERY: u32 = 2;

/// The service has not answered yet. The page asks for itself again until it has.
fn under_way(visitor: &Visitor, attempt: &Attempt, service: &str) -> PageResult {
    let words = wording::Words {
        title: "Finishing the authorization".to_owned(),
        text: format!(
            "{service} takes longer than usual to answer. You can leave this page: it goes on."
        ),
        cure: String::new(),
    };
    let mut body = page_of(visitor, words);
    (body.kind, body.icon, body.cure) = ("info", "refresh", None);
    let here = paths::attempt(&attempt.id);
    let mut response = page::ok(&body)?;
    if let Ok(refresh) = HeaderValue::from_str(&format!("{FOLLOW_EVERY}; url={here}")) {
        response.headers_mut().insert(HeaderName::from_static("refresh"), refresh);
    }
    Ok(response)
}

/// Nothing of the attempt is told: it may be somebody else's.
pub fn refused(visitor: &Visitor, cause: Cause) -> PageResult {
    let words = wording::cause(cause, "the service");
    page::html(actix_web::http::StatusCode::CONFLICT, &page_of(visitor, words))
}

fn page_of(visitor: &Visitor, words: wording::Words) -> AttemptPage {
    AttemptPage {
        layout: Layout::new(visitor, Section::Authorizers, &words.title),
        crumbs: Crumbs::new(&[("Authorizers", paths::authorizers())], "Authorization"),
        kind: "bad",
        icon: "alert-octagon",
        title_text: words.title,
        text: words.text,
        cure: Some(words.cure),
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
