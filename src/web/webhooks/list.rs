//! Whether mails can be sent, which mails were refused, and all webhooks.
use actix_session::Session;
use actix_web::web;
use askama::Template;

use crate::domain::notices::test_mail;
use crate::domain::{Ctx, webhooks};
use crate::model::delivery::Delivery;
use crate::model::notice::Webhook;
use crate::model::time::Moment;
use crate::web::csrf::{Protected, RawForm};
use crate::web::layout::{Layout, Section};
use crate::web::page::{self, PageResult};
use crate::web::ui::When;
use crate::web::visitor::Visitor;
use crate::web::wording_notice::{self, Standing};
use crate::web::{flash, paths};

#[derive(Template)]
#[template(path = "webhooks/list.html")]
struct ListPage {
    layout: Layout,
    sender: Option<String>,
    own_address: String,
    troubled: Vec<TroubleView>,
    rows: Vec<RowView>,
}

struct TroubleView {
    name: String,
    progress: String,
    standing: Standing,
    time: Option<When>,
}

struct RowView {
    id: String,
    name: String,
    host: String,
    standing: Standing,
}

pub async fn get(ctx: web::Data<Ctx>, visitor: Visitor) -> PageResult {
    let rows = webhooks::find::list(&ctx, &visitor.actor).await?;
    let troubled = test_mail::troubled(&ctx, &visitor.actor).await?;
    let now = ctx.clock.now();
    page::ok(&ListPage {
        layout: Layout::new(&visitor, Section::Webhooks, "Mail and webhooks"),
        sender: test_mail::sender(&ctx),
        own_address: visitor.actor.email.clone(),
        troubled: troubled
            .into_iter()
            .map(|(name, delivery)| trouble_view(name, &delivery, now))
            .collect(),
        rows: rows.into_iter().map(row_view).collect(),
    })
}

pub async fn test_mail(
    ctx: web::Data<Ctx>,
    visitor: Visitor,
    session: Session,
    _: Protected<RawForm>,
) -> PageResult {
    match test_mail::send(&ctx, &visitor.actor).await? {
        Ok(()) => flash::success(
            &session,
            format!("The mail server took a mail to {}.", visitor.actor.email),
        ),
        Err(said) => flash::failure(&session, format!("The mail was not sent. {said}")),
    }
    page::see_other(paths::webhooks())
}

fn trouble_view(name: String, delivery: &Delivery, now: Moment) -> TroubleView {
    TroubleView {
        name,
        progress: wording_notice::progress(delivery, delivery.said.clone()),
        standing: wording_notice::standing(delivery),
        time: delivery.tried_at.map(|at| When::ago(at, now)),
    }
}

fn row_view(webhook: Webhook) -> RowView {
    RowView {
        standing: standing(&webhook),
        host: host(&webhook.url),
        id: webhook.id.to_string(),
        name: webhook.name,
    }
}

/// The rest of an address may be a secret.
pub(super) fn host(url: &str) -> String {
    url::Url::parse(url).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default()
}

pub(super) fn standing(webhook: &Webhook) -> Standing {
    match (webhook.is_active, webhook.is_gone) {
        (true, _) => ("ok", "circle-check", "On"),
        (false, true) => ("bad", "alert-octagon", "Gone"),
        (false, false) => ("mute", "ban", "Off"),
    }
}
