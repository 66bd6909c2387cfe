//! *Your account*: name, colours, e-mail, password, and where you are signed in.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::account::{profile, sessions};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::problems::Problems;
use crate::model::user::Session as Signed;
use crate::web::caller::Caller;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::limits::PasswordAttempt;
use crate::web::page::{self, PageResult};
use crate::web::ui::When;
use crate::web::visitor::Visitor;
use crate::web::{Frame, flash, paths, session as cookie, wording};

use super::agent;

#[derive(Template)]
#[template(path = "account/profile.html")]
struct ProfilePage {
    layout: Layout,
    role: &'static str,
    profile: FormState,
    email: FormState,
    password: FormState,
    sessions: Vec<SessionView>,
}

struct SessionView {
    name: String,
    browser: String,
    address: String,
    seen: When,
    since: When,
    is_this: bool,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    draw(&ctx, &visitor, &RawForm::default(), &Problems::new()).await
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let done = profile::change(&ctx, &visitor.actor, form.text("name"), form.text("theme")).await;
    after(&ctx, &visitor, (&session, "Saved."), (&form, done)).await
}

pub async fn email(
    (ctx, frame): (web::Data<Ctx>, web::Data<Frame>),
    visitor: Visitor,
    (session, caller): (Session, Caller),
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let attempt = take(&ctx, &frame, &caller, &visitor).await?;
    let present = Secret::new(form.text("password"));
    let done = profile::change_email(&ctx, &visitor.actor, form.text("email"), &present).await;
    if done.is_ok() {
        frame.sign_in_limits.give_back(&attempt);
    }
    after(
        &ctx,
        &visitor,
        (&session, "Saved. You sign in with the new address from now on."),
        (&form, done),
    )
    .await
}

pub async fn password(
    (ctx, frame): (web::Data<Ctx>, web::Data<Frame>),
    visitor: Visitor,
    (session, caller): (Session, Caller),
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let attempt = take(&ctx, &frame, &caller, &visitor).await?;
    let (present, new) =
        (Secret::new(form.text("present_password")), Secret::new(form.text("new_password")));
    let done = profile::change_password(&ctx, &visitor.actor, &present, &new).await;
    if done.is_ok() {
        frame.sign_in_limits.give_back(&attempt);
    }
    let said = "The password is changed. Everywhere else you are signed out.";
    after(&ctx, &visitor, (&session, said), (&form, done)).await
}

/// One other session, or all others.
pub async fn sessions(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    match form.text("session") {
        "others" => {
            let ended = sessions::end_others(&ctx, &visitor.actor).await?;
            let said = if ended == 0 {
                "You were signed in nowhere else."
            } else {
                "Everywhere else you are signed out."
            };
            flash::success(&session, said);
        }
        name => {
            sessions::end(&ctx, &visitor.actor, name).await?;
            if name == sessions::public_name(&visitor.actor.session_id) {
                cookie::end(&session);
                return page::see_other(paths::sign_in());
            }
            flash::success(&session, "Signed out there.");
        }
    }
    page::see_other(paths::account())
}

/// A password is guessed here as well as on the sign-in page.
async fn take<'a>(
    ctx: &Ctx,
    frame: &Frame,
    caller: &Caller,
    visitor: &'a Visitor,
) -> Result<PasswordAttempt<'a>, PageError> {
    let limits = &frame.sign_in_limits;
    let attempt = super::attempt(ctx, limits, caller, &visitor.actor.email).await?;
    let taken = limits.take(&attempt, ctx.clock.uptime());
    taken.map_err(|wait| PageError::TooMany(wait.seconds()))?;
    Ok(attempt)
}

async fn after(
    ctx: &Ctx,
    visitor: &Visitor,
    (session, said): (&Session, &str),
    (form, done): (&RawForm, Result<(), Error>),
) -> PageResult {
    match done {
        Ok(()) => {
            flash::success(session, said);
            page::see_other(paths::account())
        }
        Err(Error::Problems(problems)) => draw(ctx, visitor, form, &problems).await,
        Err(other) => Err(other.into()),
    }
}

async fn draw(ctx: &Ctx, visitor: &Visitor, typed: &RawForm, problems: &Problems) -> PageResult {
    let now = ctx.clock.now();
    let actor = &visitor.actor;
    let or = |name: &str, stored: &str| typed.get(name).unwrap_or(stored).to_owned();
    let profile = FormState::new(vec![
        FieldState::text("name", "Name")
            .autocomplete("name")
            .value(&or("name", &actor.name))
            .problems(problems),
        FieldState::new(InputKind::Choice, "theme", "Colours")
            .choices([("system", "As the system"), ("light", "Light"), ("dark", "Dark")])
            .value(&or("theme", actor.theme.code()))
            .problems(problems),
    ]);
    let email = FieldState::new(InputKind::Email, "email", "E-mail");
    let present = FieldState::new(InputKind::Password, "password", "Password")
        .autocomplete("current-password");
    let email = FormState::new(vec![
        email.autocomplete("username").value(&or("email", &actor.email)).problems(problems),
        present.hint("To be sure that it is you.").problems(problems),
    ]);
    let present = FieldState::new(InputKind::Password, "present_password", "Present password");
    let new = FieldState::new(InputKind::Password, "new_password", "New password");
    let password = FormState::new(vec![
        present.autocomplete("current-password").problems(problems),
        new.hint("At least 10 characters; a few words are better than odd signs.")
            .problems(problems),
    ]);
    let errors = profile.error_count() + email.error_count() + password.error_count();
    let title = format!("{}Your account", crate::web::forms::state::title_prefix(errors));
    let own = actor.session_id.clone();
    let view = |one: Signed| SessionView {
        name: sessions::public_name(&one.id),
        browser: agent::name(&one.user_agent),
        is_this: one.id == own,
        address: one.address,
        seen: When::ago(one.last_seen_at, now),
        since: When::at(one.created_at),
    };
    let body = ProfilePage {
        layout: Layout::new(visitor, Section::Account, &title),
        role: wording::role(actor.role),
        sessions: sessions::list(ctx, actor).await?.into_iter().map(view).collect(),
        profile,
        email,
        password,
    };
    page::html(if errors == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY }, &body)
}
