//! *Delete*: a page of its own that says what it means.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::Ctx;
use crate::domain::webhooks::{find, save};
use crate::model::ids::WebhookId;
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::Crumbs;
use crate::web::visitor::Visitor;
use crate::web::{flash, paths};

use super::list;

#[derive(Template)]
#[template(path = "webhooks/delete.html")]
struct DeletePage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    name: String,
    host: String,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor, id: web::Path<String>) -> PageResult {
    let webhook = find::one(&ctx, &visitor.actor, &WebhookId::from(id.as_str())).await?;
    let up = paths::webhook(&webhook.id);
    page::ok(&DeletePage {
        layout: Layout::new(&visitor, Section::Webhooks, &format!("Delete {}?", webhook.name)),
        crumbs: Crumbs::new(
            &[("Mail and webhooks", paths::webhooks()), (&webhook.name, &up)],
            "Delete",
        ),
        host: list::host(&webhook.url),
        id: webhook.id.to_string(),
        name: webhook.name,
    })
}

pub async fn post(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    save::delete(&ctx, &visitor.actor, &WebhookId::from(id.as_str())).await?;
    flash::success(&session, "The webhook is deleted.");
    page::see_other(paths::webhooks())
}
