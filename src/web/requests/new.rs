//! *Ask for an account*.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;
use serde::Deserialize;

use crate::domain::requests::ask;
use crate::domain::{Ctx, Error};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Query {
    service: String,
}

#[derive(Template)]
#[template(path = "requests/new.html")]
struct NewPage {
    layout: Layout,
    crumbs: Crumbs,
    form: FormState,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, query: web::Query<Query>) -> PageResult {
    visitor.must(Permission::RequestAccounts)?;
    // A service that is not there chooses nothing.
    let service = ctx.catalog.get(&query.service).map_or("", |service| service.id().as_str());
    draw(&ctx, &visitor, (service, ""), &Problems::new())
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let (service, note) = (form.text("service"), form.text("note"));
    match ask::ask(&ctx, &visitor.actor, service, note).await {
        Ok(id) => {
            flash::success(&session, "Asked. You see the answer here.");
            page::see_other(&paths::request(id))
        }
        Err(Error::Problems(problems)) => draw(&ctx, &visitor, (service, note), &problems),
        Err(other) => Err(other.into()),
    }
}

fn draw(
    ctx: &Ctx,
    visitor: &Visitor,
    (service, note): (&str, &str),
    problems: &Problems,
) -> PageResult {
    let all =
        ctx.catalog.all().iter().map(|service| (service.id().as_str(), service.head.name.as_str()));
    let form = FormState::new(vec![
        FieldState::new(InputKind::Select, "service", "Service")
            .choices(all)
            .value(service)
            .problems(problems),
        FieldState::new(InputKind::Multiline, "note", "Which account, and what for")
            .hint("For example: the ad account of the shop in Spain, for the weekly report.")
            .value(note)
            .problems(problems),
    ])
    .problems(problems);
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = NewPage {
        layout: Layout::new(
            visitor,
            Section::Requests,
            &format!("{}Ask for an account", form.title_prefix()),
        ),
        crumbs: Crumbs::new(&[("Requests", paths::requests())], "Ask for an account"),
        form,
    };
    page::html(status, &page)
}
