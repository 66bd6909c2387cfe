//! *Sign in*, and back to where the visitor wanted to go.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpResponse, web};
use askama::Template;
use serde::Deserialize;

use crate::domain::{Ctx, Error, account};
use crate::model::credentials::Secret;
use crate::model::outage::Outage;
use crate::web::caller::Caller;
use crate::web::csrf::{FromRaw, Protected, RawForm};
use crate::web::error::PageError;
use crate::web::layout::Solo;
use crate::web::page::{self, PageResult};
use crate::web::resend::{Resend, Why};
use crate::web::{Frame, flash, outage, paths, session, ui, visitor, wording};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    back: String,
}

/// As sent. Never `Debug`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SignInForm {
    email: String,
    password: String,
    back: String,
    /// A form that waits to be sent again: `web::resend`.
    again_to: String,
    again_fields: String,
    again_partial: String,
}

impl SignInForm {
    fn again(&self) -> Option<Resend> {
        Resend::carried(&self.again_to, &self.again_fields, &self.again_partial)
    }
}

#[derive(Template)]
#[template(path = "account/sign_in.html")]
struct SignInPage {
    layout: Solo,
    email: String,
    back: String,
    problem: Option<String>,
    again: Option<Resend>,
}

pub async fn get(ctx: web::Data<Ctx>, session: Session, query: web::Query<Query>) -> PageResult {
    if !account::is_set_up(&ctx).await? {
        return page::see_other(paths::set_up());
    }
    if visitor::find(&ctx, &session).await?.is_some() {
        return page::see_other(after(&query.back));
    }
    let form = SignInForm { back: query.into_inner().back, ..SignInForm::default() };
    draw(&session, form, StatusCode::OK, None)
}

pub async fn post(
    ctx: web::Data<Ctx>,
    frame: web::Data<Frame>,
    session: Session,
    caller: Caller,
    Protected(form): Protected<SignInForm>,
) -> PageResult {
    let (email, limits) = (form.email.clone(), &frame.sign_in_limits);
    let attempt = super::attempt(&ctx, limits, &caller, &email).await?;
    if let Err(wait) = limits.take(&attempt, ctx.clock.uptime()) {
        return too_many(&session, form, wait.seconds());
    }
    let password = Secret::new(form.password.as_str());
    match account::sign_in(&ctx, &email, &password, caller.into()).await {
        Ok(id) => {
            limits.give_back(&attempt);
            session::begin(&session, &id);
            match form.again() {
                Some(again) => {
                    let text = "You're signed in again. What you typed is still here.";
                    again.page(&session, StatusCode::OK, Why::new("Send it again", text))
                }
                None => page::see_other(after(&form.back)),
            }
        }
        Err(Error::Problems(_)) => {
            let problem = "The e-mail or the password is wrong.".to_owned();
            draw(&session, form, StatusCode::UNPROCESSABLE_ENTITY, Some(problem))
        }
        Err(other) => {
            // Nobody learned anything about the password.
            limits.give_back_try(&attempt);
            match other.outage() {
                Some(outage) => unavailable(&session, form, outage),
                None => Err(other.into()),
            }
        }
    }
}

/// The database can't take a new session: the form stays, with the reason.
fn unavailable(session: &Session, form: SignInForm, outage: Outage) -> PageResult {
    tracing::warn!(error = %outage, "could not sign a member in");
    let problem = Some(outage::sign_in_problem(outage));
    let mut response = draw(session, form, StatusCode::SERVICE_UNAVAILABLE, problem)?;
    let retry_after = HeaderValue::from_static(outage::retry_after(outage));
    response.headers_mut().insert(header::RETRY_AFTER, retry_after);
    Ok(response)
}

fn too_many(session: &Session, form: SignInForm, seconds: u64) -> PageResult {
    let problem = format!("Too many tries. Wait {}, then try again.", wording::wait(seconds));
    let mut response = draw(session, form, StatusCode::TOO_MANY_REQUESTS, Some(problem))?;
    response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
    Ok(response)
}

/// Instead of the page that a form was sent to, when nobody is signed in any more.
pub fn ran_out(session: &Session, again: &Resend) -> PageResult {
    let form = SignInForm {
        again_to: again.to.clone(),
        again_fields: again.packed(),
        again_partial: again.is_partial.to_string(),
        ..SignInForm::default()
    };
    draw(session, form, StatusCode::UNAUTHORIZED, None)
}

/// The sign-in form itself came too late.
pub fn too_old(session: &Session, raw: RawForm) -> PageResult {
    let form = SignInForm::from_raw(raw)?;
    let problem =
        "This page was open for too long, or this browser keeps no cookies. Please try once more."
            .to_owned();
    draw(session, form, StatusCode::FORBIDDEN, Some(problem))
}

fn draw(
    session: &Session,
    form: SignInForm,
    status: StatusCode,
    problem: Option<String>,
) -> Result<HttpResponse, PageError> {
    let title = if problem.is_some() { "Not signed in" } else { "Sign in" };
    let mut layout = Solo::new(title, &session::csrf(session));
    layout.flash = flash::take(session);
    let again = form.again();
    page::html(status, &SignInPage { layout, email: form.email, back: form.back, problem, again })
}

/// Only pages of ours: a link must not send somebody elsewhere after signing in.
fn after(back: &str) -> &str {
    paths::local(back).unwrap_or(paths::authorizers())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_in_never_leads_to_another_host() {
        assert_eq!(after("/sources?page=2"), "/sources?page=2");
        assert_eq!(after("//evil.example"), paths::authorizers());
        assert_eq!(after(""), paths::authorizers());
    }
}
