//! *Add a member*: an address and a role; the page after it shows the link to hand over.
use actix_session::Session;
use actix_web::http::StatusCode;
use actix_web::web;
use askama::Template;

use crate::domain::members::invite::{self, Invite};
use crate::domain::{Ctx, Error};
use crate::model::problems::Problems;
use crate::model::role::Permission;
use crate::web::csrf::{Protected, RawForm};
use crate::web::forms::{FieldState, FormState, InputKind};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::paths;
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;

use super::{role_field, show};

#[derive(Template)]
#[template(path = "members/new.html")]
struct NewPage {
    layout: Layout,
    crumbs: Crumbs,
    form: FormState,
}

pub async fn get(visitor: Visitor) -> PageResult {
    visitor.must(Permission::ManageMembers)?;
    draw(&visitor, &RawForm::default(), &Problems::new())
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    Protected(form): Protected<RawForm>,
) -> PageResult {
    let typed = Invite {
        name: form.text("name").to_owned(),
        email: form.text("email").to_owned(),
        role: form.text("role").to_owned(),
    };
    match invite::invite(&ctx, &visitor.actor, &typed).await {
        Ok(invited) => {
            show::keep_link(&session, &invited.id, &invited.token);
            page::see_other(&paths::member(&invited.id))
        }
        Err(Error::Problems(problems)) => draw(&visitor, &form, &problems),
        Err(other) => Err(other.into()),
    }
}

fn draw(visitor: &Visitor, typed: &RawForm, problems: &Problems) -> PageResult {
    let email = FieldState::new(InputKind::Email, "email", "E-mail").autocomplete("off");
    let name = FieldState::text("name", "Name").autocomplete("off").optional();
    let form = FormState::new(vec![
        email
            .hint("They sign in with it. Nothing is sent to it.")
            .value(typed.text("email"))
            .problems(problems),
        name.hint("They can change it.").value(typed.text("name")).problems(problems),
        role_field(&visitor.actor, typed.text("role"), problems),
    ])
    .problems(problems);
    let status =
        if form.error_count() == 0 { StatusCode::OK } else { StatusCode::UNPROCESSABLE_ENTITY };
    let page = NewPage {
        layout: Layout::new(
            visitor,
            Section::Members,
            &format!("{}Add a member", form.title_prefix()),
        ),
        crumbs: Crumbs::new(&[("Members", paths::members())], "Add a member"),
        form,
    };
    page::html(status, &page)
}
