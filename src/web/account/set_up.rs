//! *Set up*: the first page of a new installation makes its owner. Later it only leads to the sign-in page.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::account::set_up::SetUp;
use crate::domain::{Ctx, Error, account};
use crate::model::credentials::Secret;
use crate::model::problems::Problems;
use crate::web::caller::Caller;
use crate::web::csrf::Protected;
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::Solo;
use crate::web::limits::PasswordAttempt;
use crate::web::page::{self, PageResult};
use crate::web::{Frame, flash, paths, session, ui};

/// As sent. Never `Debug`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct SetUpForm {
    name: String,
    email: String,
    password: String,
    code: String,
}

#[derive(Template)]
#[template(path = "account/set_up.html")]
struct SetUpPage {
    layout: Solo,
    form: FormState,
}

pub async fn get(ctx: web::Data<Ctx>, session: Session, caller: Caller) -> PageResult {
    if account::is_set_up(&ctx).await? {
        return page::see_other(paths::sign_in());
    }
    draw(&session, &caller, &SetUpForm::default(), &Problems::new())
}

pub async fn post(
    ctx: web::Data<Ctx>,
    frame: web::Data<Frame>,
    session: Session,
    caller: Caller,
    Protected(form): Protected<SetUpForm>,
) -> PageResult {
    if account::is_set_up(&ctx).await? {
        return page::see_other(paths::sign_in());
    }
    let attempt =
        PasswordAttempt { network: caller.network(), account: "set-up code", is_suspect: false };
    let taken = frame.sign_in_limits.take(&attempt, ctx.clock.uptime());
    taken.map_err(|wait| PageError::TooMany(wait.seconds()))?;
    let asked = SetUp {
        name: form.name.clone(),
        email: form.email.clone(),
        password: Secret::new(form.password.as_str()),
        code: Some(form.code.clone()).filter(|code| !code.is_empty()),
        is_local: caller.is_local,
    };
    match account::set_up(&ctx, asked, caller.clone().into()).await {
        Ok(id) => {
            session::begin(&session, &id);
            flash::success(&session, "Set-up is done, and you are signed in as the owner.");
            page::see_other(paths::authorizers())
        }
        Err(Error::Problems(problems)) => draw(&session, &caller, &form, &problems),
        Err(other) => Err(other.into()),
    }
}

fn draw(session: &Session, caller: &Caller, form: &SetUpForm, problems: &Problems) -> PageResult {
    let code = (!caller.is_local).then(|| {
        let field = FieldState::text("code", "Set-up code").autocomplete("one-time-code");
        field
            .hint("Authorizers printed it on its console or in its log when it started.")
            .value(&form.code)
            .problems(problems)
    });
    let password = FieldState::new(InputKind::Password, "password", "Password");
    let fields = vec![
        FieldState::text("name", "Your name")
            .autocomplete("name")
            .value(&form.name)
            .problems(problems),
        FieldState::new(InputKind::Email, "email", "E-mail")
            .autocomplete("username")
            .value(&form.email)
            .problems(problems),
        password
            .hint("At least 10 characters; a few words are better than odd signs.")
            .problems(problems),
    ];
    let form = FormState::new(code.into_iter().chain(fields).collect()).problems(problems);
    let is_right = form.error_count() == 0;
    let title = format!("{}Set up", form.title_prefix());
    let mut layout = Solo::new(&title, &session::csrf(session));
    layout.flash = flash::take(session);
    page::html(
        if is_right { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY },
        &SetUpPage { layout, form },
    )
}
