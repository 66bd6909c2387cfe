//! *Deactivate*: a page of its own that says what it means.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::members::{activate, list, may_manage};
use crate::domain::{Ctx, Error};
use crate::model::ids::UserId;
use crate::model::problems::Problems;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::FormState;
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "members/deactivate.html")]
struct DeactivatePage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    name: String,
    email: String,
    sessions: usize,
    form: FormState,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    page::ok(&page_of(&ctx, &visitor, (&UserId::from(id.as_str()), &Problems::new())).await?)
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = UserId::from(id.as_str());
    match activate::deactivate(&ctx, &visitor.actor, &id).await {
        Ok(()) => {
            flash::success(&session, "Deactivated, and signed out everywhere.");
            page::see_other(&paths::member(&id))
        }
        Err(Error::Problems(problems)) => {
            page::unprocessable(&page_of(&ctx, &visitor, (&id, &problems)).await?)
        }
        Err(other) => Err(other.into()),
    }
}

async fn page_of(
    ctx: &Ctx,
    visitor: &Visitor,
    (id, problems): (&UserId, &Problems),
) -> PageResult<DeactivatePage> {
    let details = list::find(ctx, &visitor.actor, id).await?;
    if !may_manage(&visitor.actor, details.user.role) {
        return Err(PageError::Forbidden);
    }
    let form = FormState::default().problems(problems);
    let up = paths::member(id);
    let title = format!("{}Deactivate {}?", form.title_prefix(), details.user.name);
    Ok(DeactivatePage {
        layout: Layout::new(visitor, Section::Members, &title),
        crumbs: Crumbs::new(
            &[("Members", paths::members()), (&details.user.name, &up)],
            "Deactivate",
        ),
        id: id.to_string(),
        email: details.user.email,
        sessions: details.sessions.len(),
        name: details.user.name,
        form,
    })
}
