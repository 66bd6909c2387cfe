//! One request: what is asked, and the answer.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::requests::{answer, list};
use crate::domain::{Ctx, Error};
use crate::model::ids::AccountRequestId;
use crate::model::problems::Problems;
use crate::model::request::{AccountRequest, RequestState};
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::error::PageError;
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, Tile, When};
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "requests/show.html")]
struct ShowPage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    tile: Tile,
    service_name: String,
    asked_by: String,
    asked: When,
    note: String,
    standing: (&'static str, &'static str, &'static str),
    answer: Option<AnswerView>,
    may_answer: bool,
    /// Where the account can be added.
    add: Option<String>,
    form: FormState,
}

struct AnswerView {
    by: String,
    at: Option<When>,
    text: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let row = list::find(&ctx, &visitor.actor, &AccountRequestId::from(id.as_str())).await?;
    draw(&ctx, &visitor, row, ("", &Problems::new()))
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    Protected(form): Protected<RawForm>,
) -> PageResult {
    visitor.must(Permission::AnswerRequests)?;
    let id = AccountRequestId::from(id.as_str());
    let is_done = match form.text("action") {
        "done" => true,
        "decline" => false,
        _ => return Err(PageError::BadForm),
    };
    match answer::answer(&ctx, &visitor.actor, &id, (is_done, form.text("answer"))).await {
        Ok(()) => {
            flash::success(&session, "Answered.");
            page::see_other(paths::requests())
        }
        Err(Error::Problems(problems)) => {
            let row = list::find(&ctx, &visitor.actor, &id).await?;
            draw(&ctx, &visitor, row, (form.text("answer"), &problems))
        }
        Err(other) => Err(other.into()),
    }
}

fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    row: AccountRequest,
    (typed, problems): (&str, &Problems),
) -> PageResult {
    let now = ctx.clock.now();
    let is_open = row.state == RequestState::Open;
    let service = ctx.catalog.get(row.service_id.as_str());
    let service_name =
        service.map_or_else(|| row.service_id.to_string(), |service| service.head.name.clone());
    let field = FieldState::new(InputKind::Multiline, "answer", "Answer").optional();
    let field = field
        .hint("Which account to use, or why it cannot be had.")
        .value(typed)
        .problems(problems);
    let form = FormState::new(vec![field]).problems(problems);
    let may_add = is_open && service.is_some() && visitor.actor.may(Permission::EditAuthorizers);
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let title = format!("{}Account of {service_name}", form.title_prefix());
    let body = ShowPage {
        layout: Layout::new(visitor, Section::Requests, &title),
        crumbs: Crumbs::new(&[("Requests", paths::requests())], &service_name),
        tile: Tile::of(service, &row.service_id),
        asked: When::ago(row.created_at, now),
        standing: super::standing(row.state),
        answer: (!is_open).then(|| AnswerView {
            by: row.answered_by_name.unwrap_or_else(|| "somebody who is gone".to_owned()),
            at: row.answered_at.map(|at| When::ago(at, now)),
            text: row.answer,
        }),
        may_answer: is_open && visitor.actor.may(Permission::AnswerRequests),
        add: may_add.then(|| paths::set_up_authorizer(&row.service_id)),
        id: row.id.to_string(),
        asked_by: row.requested_by_name,
        note: row.note,
        service_name,
        form,
    };
    page::html(status, &body)
}
