//! One webhook: its address, its secret once, the log of its deliveries, *Send a test* and *Send again*.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::notices::letter;
use crate::domain::webhooks::{find, payload, save, send};
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::delivery::{Carried, DeliveryState, Ending};
use crate::model::ids::{DeliveryId, WebhookId};
use crate::model::notice::NoticeKind;
use crate::model::time::Moment;
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::{Crumbs, When};
use crate::web::visitor::Visitor;
use crate::web::wording_notice::{self, Standing};
use crate::web::{flash, paths};

use super::list;

/// A fresh secret, until its page was drawn.
const SECRET: &str = "webhook_secret";

#[derive(Template)]
#[template(path = "webhooks/show.html")]
struct ShowPage {
    layout: Layout,
    crumbs: Crumbs,
    id: String,
    name: String,
    url: String,
    told_of: String,
    is_active: bool,
    is_gone: bool,
    standing: Standing,
    secret: Option<String>,
    rows: Vec<RowView>,
}

struct RowView {
    id: String,
    text: String,
    kind: &'static str,
    progress: String,
    standing: Standing,
    time: When,
    may_send_again: bool,
}

pub async fn get(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    id: web::Path<String>,
    session: Session,
) -> PageResult {
    let id = WebhookId::from(id.as_str());
    let webhook = find::one(&ctx, &visitor.actor, &id).await?;
    let log = find::log(&ctx, &visitor.actor, &id).await?;
    let now = ctx.clock.now();
    let topics: Vec<&str> =
        webhook.topics.iter().map(|topic| wording_notice::topic(*topic).0).collect();
    page::ok(&ShowPage {
        layout: Layout::new(&visitor, Section::Webhooks, &webhook.name),
        crumbs: Crumbs::new(&[("Mail and webhooks", paths::webhooks())], &webhook.name),
        id: id.to_string(),
        told_of: topics.join(" · "),
        is_active: webhook.is_active,
        is_gone: webhook.is_gone,
        standing: list::standing(&webhook),
        secret: take_secret(&session, &id),
        rows: log
            .into_iter()
            .map(|carried| row_view(&ctx, carried, (webhook.is_active, now)))
            .collect(),
        name: webhook.name,
        url: webhook.url,
    })
}

pub async fn test(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = WebhookId::from(id.as_str());
    let ending = send::test(&ctx, &visitor.actor, &id).await;
    after(&id, &session, ending)
}

pub async fn again(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (ids, session): (web::Path<(String, String)>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let (id, delivery) = (WebhookId::from(ids.0.as_str()), DeliveryId::from(ids.1.as_str()));
    let ending = send::again(&ctx, &visitor.actor, (&id, &delivery)).await;
    after(&id, &session, ending)
}

pub async fn secret(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    (id, session): (web::Path<String>, Session),
    _: Protected<RawForm>,
) -> PageResult {
    let id = WebhookId::from(id.as_str());
    let secret = save::renew_secret(&ctx, &visitor.actor, &id).await?;
    keep_secret(&session, &id, &secret);
    page::see_other(&paths::webhook(&id))
}

fn after(id: &WebhookId, session: &Session, ending: Result<Ending, Error>) -> PageResult {
    let ending = ending?;
    match (ending.state, ending.status) {
        (DeliveryState::Sent, Some(status)) => {
            flash::success(session, format!("The endpoint took it and answered {status}."))
        }
        (DeliveryState::Sent, None) => flash::success(session, "The endpoint took it."),
        (_, status) => {
            let said = wording_notice::answer(status, ending.said.as_deref()).unwrap_or_default();
            flash::failure(session, format!("It was not taken. {said}"));
        }
    }
    page::see_other(&paths::webhook(id))
}

fn row_view(ctx: &Ctx, (delivery, notice): Carried, (is_active, now): (bool, Moment)) -> RowView {
    let said = wording_notice::answer(delivery.status, delivery.said.as_deref());
    RowView {
        text: wording_notice::notice(&notice, &letter::service_name(ctx, &notice)),
        kind: payload::kind(notice.kind),
        standing: wording_notice::standing(&delivery),
        progress: wording_notice::progress(&delivery, said),
        time: When::ago(delivery.tried_at.unwrap_or(delivery.created_at), now),
        may_send_again: is_active && notice.kind != NoticeKind::Test && !notice.is_void(),
        id: delivery.id.to_string(),
    }
}

/// For the next page of this webhook alone.
pub(super) fn keep_secret(session: &Session, id: &WebhookId, secret: &Secret) {
    if let Err(error) = session.insert(SECRET, (id.as_str(), secret.expose())) {
        tracing::error!(%error, "a fresh secret could not be kept for its page");
    }
}

fn take_secret(session: &Session, id: &WebhookId) -> Option<String> {
    let (of, secret) = session.remove_as::<(String, String)>(SECRET)?.ok()?;
    (of == id.as_str()).then_some(secret)
}
