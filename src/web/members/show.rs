//! One member: role, link, sessions, deactivation.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::members::list::Details;
use crate::domain::members::{activate, change_role, invite, list, may_manage, sign_out};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::ids::UserId;
use crate::model::problems::Problems;
use crate::web::csrf::{Protected, RawForm};
use crate::web::forms::FormState;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, When};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths, wording};

use super::{role_field, standing};

/// Where the cookie, which is encrypted, carries a fresh link to the page that shows it once.
const LINK: &str = "fresh_link";

#[derive(Template)]
#[template(path = "members/show.html")]
struct ShowPage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    name: String,
    lead: String,
    standing: (&'static str, &'static str, &'static str),
    seen: Option<When>,
    since: When,
    sessions: usize,
    /// Just made; shown this once.
    link: Option<String>,
    link_until: Option<When>,
    has_password: bool,
    is_active: bool,
    is_you: bool,
    may_manage: bool,
    form: FormState,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    id: web::Path<String>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    let details = list::find(&ctx, &visitor.actor, &id).await?;
    let token = take_link(&session, &id);
    let link = token.map(|token| format!("{}{}", ctx.site.public_url, paths::invitation(token)));
    draw(&ctx, &visitor, (details, link), &Problems::new())
}

pub async fn role(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    let done = change_role::change_role(&ctx, &visitor.actor, &id, form.text("role")).await;
    after(&ctx, &visitor, (&id, done), (&session, "The role is changed.")).await
}

pub async fn link(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    let token = invite::new_link(&ctx, &visitor.actor, &id).await;
    if let Ok(token) = &token {
        keep_link(&session, &id, token);
    }
    after(&ctx, &visitor, (&id, token.map(drop)), (&session, "")).await
}

pub async fn sign_out(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    let done = sign_out::everywhere(&ctx, &visitor.actor, &id).await;
    after(&ctx, &visitor, (&id, done), (&session, "Signed out everywhere.")).await
}

pub async fn activate(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    let done = activate::activate(&ctx, &visitor.actor, &id).await;
    after(&ctx, &visitor, (&id, done), (&session, "Reactivated.")).await
}

/// Back to the page, or the page again with what is wrong.
async fn after(
    ctx: &Ctx,
    visitor: &Visitor,
    (id, done): (&UserId, Result<(), Error>),
    (session, said): (&Session, &str),
) -> PageResult {
    match done {
        Ok(()) => {
            if !said.is_empty() {
                flash::success(session, said);
            }
            page::see_other(&paths::member(id))
        }
        Err(Error::Problems(problems)) => {
            let details = list::find(ctx, &visitor.actor, id).await?;
            draw(ctx, visitor, (details, None), &problems)
        }
        Err(other) => Err(other.into()),
    }
}

fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    (details, link): (Details, Option<String>),
    problems: &Problems,
) -> PageResult {
    let Details { user, sessions, link_until } = details;
    let now = ctx.clock.now();
    let field = role_field(&visitor.actor, user.role.code(), problems);
    let form = FormState::new(vec![field]).problems(problems);
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let body = ShowPage {
        layout: Layout::new(
            visitor,
            Section::Members,
            &format!("{}{}", form.title_prefix(), user.name),
        ),
        crumbs: Crumbs::new(&[("Members", paths::members())], &user.name),
        standing: standing(&user),
        lead: format!("{} · {}", user.email, wording::role(user.role)),
        seen: user.last_seen_at.map(|at| When::ago(at, now)),
        since: When::at(user.created_at),
        sessions: sessions.len(),
        link,
        link_until: link_until.map(When::at),
        has_password: user.has_password,
        is_active: user.is_active,
        is_you: user.id == visitor.actor.user_id,
        may_manage: may_manage(&visitor.actor, user.role),
        id: user.id.to_string(),
        name: user.name,
        form,
    };
    page::html(status, &body)
}

/// For the next page of this member alone.
pub(super) fn keep_link(session: &Session, id: &UserId, token: &Secret) {
    if let Err(error) = session.insert(LINK, (id.as_str(), token.expose())) {
        tracing::error!(%error, "a fresh link could not be kept for its page");
    }
}

fn take_link(session: &Session, id: &UserId) -> Option<String> {
    let (of, token) = session.remove_as::<(String, String)>(LINK)?.ok()?;
    (of == id.as_str()).then_some(token)
}
