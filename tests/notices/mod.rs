//! Notices: whom they reach, once and no more, whatever the mail server or the endpoint does.
mod events;
mod mails;
mod trouble;
mod webhook_tries;
mod webhooks;

use std::sync::Arc;
use std::time::Duration;

use authorizers::domain::{Ctx, Site};
use authorizers::model::authorizer::Verdict;
use authorizers::model::cause::Cause;
use authorizers::model::ids::AuthorizerId;
use authorizers::store::{Db, authorizers as rows};
use authorizers::worker::notify;

use crate::services::smtp::Mail;
use crate::support::app::TestApp;
use crate::support::house;

pub const MINUTE: Duration = Duration::from_secs(60);
pub const DAY: Duration = Duration::from_secs(86_400);

/// An authorizer of the owner that works.
pub async fn working(app: &TestApp, name: &str) -> AuthorizerId {
    let id = house::postgres(app, &house::owner(app), name).await;
    verdict(app, &id, Verdict::ok()).await;
    id
}

/// What a test or a use of it shows.
pub async fn verdict(app: &TestApp, id: &AuthorizerId, verdict: Verdict) {
    let (id, now) = (id.clone(), app.ctx.clock.now());
    let written = app.ctx.db.write(move |c| rows::update_health(c, &id, None, &verdict, now)).await;
    assert!(written.expect("a written row"));
}

pub async fn breaks(app: &TestApp, id: &AuthorizerId) {
    verdict(
        app,
        id,
        Verdict::failed(
            Cause::LoginRejected,
            vec!["password".to_owned()],
            Some("FATAL: 28P01".to_owned()),
        ),
    )
    .await;
}

/// One round of the duty.
pub async fn round(app: &TestApp) {
    notify::run_once(&app.ctx).await.expect("a round of the duty");
}

/// Later, one round of the duty.
pub async fn later(app: &TestApp, by: Duration) {
    app.ctx.clock.advance(by);
    round(app).await;
}

/// Whom mails went to, sorted.
pub fn receivers(mails: &[Mail]) -> Vec<String> {
    let mut all: Vec<String> =
        mails.iter().map(|mail| mail.to.replace("@example.com", "")).collect();
    all.sort();
    all
}

/// What a second process has of its own: its name in claims and its connections.
pub async fn replica(app: &TestApp, name: &str) -> Ctx {
    let url = app.database.url.clone();
    let db = tokio::task::spawn_blocking(move || Db::open(&url, 4)).await.unwrap().unwrap();
    let site = Site { instance: name.to_owned(), ..(*app.ctx.site).clone() };
    Ctx { db, site: Arc::new(site), ..app.ctx.clone() }
}
