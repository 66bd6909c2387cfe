//! A one-time link: name and password, then the visitor is in. A link that is over says so in its own words.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::account::accept::{self, Accept, Link};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::problems::Problems;
use crate::model::user::User;
use crate::web::caller::Caller;
use crate::web::csrf::Protected;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::Solo;
use crate::web::page::{self, PageResult};
use crate::web::{flash, paths, session};

/// As sent. Never `Debug`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct InvitationForm {
    name: String,
    password: String,
}

#[derive(Template)]
#[template(path = "account/invitation.html")]
struct InvitationPage {
    layout: Solo,
    token: String,
    heading: &'static str,
    lead: String,
    form: FormState,
    button: &'static str,
}

#[derive(Template)]
#[template(path = "account/invitation_over.html")]
struct OverPage {
    layout: Solo,
    title: &'static str,
    text: &'static str,
}

pub async fn get(ctx: web::Data<Ctx>, session: Session, token: web::Path<String>) -> PageResult {
    match find(&ctx, &token).await? {
        Ok(user) => {
            let form = InvitationForm { name: user.name.clone(), ..InvitationForm::default() };
            draw(&session, &token, &user, (&form, &Problems::new()))
        }
        Err(over) => over_page(&session, over),
    }
}

pub async fn post(
    ctx: web::Data<Ctx>,
    session: Session,
    caller: Caller,
    token: web::Path<String>,
    Protected(form): Protected<InvitationForm>,
) -> PageResult {
    let user = match find(&ctx, &token).await? {
        Ok(user) => user,
        Err(over) => return over_page(&session, over),
    };
    let typed = Accept { name: form.name.clone(), password: Secret::new(form.password.as_str()) };
    match accept::accept(&ctx, &Secret::new(token.as_str()), typed, caller.into()).await {
        Ok(id) => {
            session::begin(&session, &id);
            flash::success(&session, "Your password is set, and you are signed in.");
            page::see_other(paths::authorizers())
        }
        Err(Error::Problems(problems)) => draw(&session, &token, &user, (&form, &problems)),
        // Somebody was faster with the same link.
        Err(Error::WrongState(_)) => over_page(&session, Over::Used),
        Err(other) => Err(other.into()),
    }
}

/// Why a link does not open.
enum Over {
    Unknown,
    Used,
    Expired,
    Closed,
}

async fn find(ctx: &Ctx, token: &str) -> Result<Result<User, Over>, Error> {
    Ok(match accept::find(ctx, &Secret::new(token)).await {
        Ok(Link::Open(user)) => Ok(*user),
        Ok(Link::Used) => Err(Over::Used),
        Ok(Link::Expired) => Err(Over::Expired),
        Ok(Link::Closed) => Err(Over::Closed),
        Err(Error::NotFound) => Err(Over::Unknown),
        Err(other) => return Err(other),
    })
}

fn draw(
    session: &Session,
    token: &str,
    user: &User,
    (typed, problems): (&InvitationForm, &Problems),
) -> PageResult {
    let password = FieldState::new(InputKind::Password, "password", "New password");
    let form = FormState::new(vec![
        FieldState::text("name", "Your name")
            .autocomplete("name")
            .value(&typed.name)
            .problems(problems),
        password
            .hint("At least 10 characters; a few words are better than odd signs.")
            .problems(problems),
    ])
    .problems(problems);
    let (heading, button) = if user.has_password {
        ("Set a new password", "Set the password")
    } else {
        ("Welcome", "Join")
    };
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let layout = Solo::new(&format!("{}{heading}", form.title_prefix()), &session::csrf(session));
    let lead = format!("You sign in as {}.", user.email);
    page::html(
        status,
        &InvitationPage { layout, token: token.to_owned(), heading, lead, form, button },
    )
}

fn over_page(session: &Session, over: Over) -> PageResult {
    let (status, title, text) = match over {
        Over::Unknown => (
            StatusCode::NOT_FOUND,
            "This link is not known",
            "Check that it was copied whole, up to the last character. If it was, ask for a new one.",
        ),
        Over::Used => (
            StatusCode::GONE,
            "This link has been used",
            "It opens once, and a newer link puts it out of use. If the password is set, sign in; if it was not you who set it, tell an admin.",
        ),
        Over::Expired => (
            StatusCode::GONE,
            "This link has expired",
            "It opened for 7 days. Ask an admin for a new one.",
        ),
        Over::Closed => (
            StatusCode::GONE,
            "This link is closed",
            "The account that it belongs to was deactivated. Ask an admin.",
        ),
    };
    page::html(status, &OverPage { layout: Solo::new(title, &session::csrf(session)), title, text })
}
