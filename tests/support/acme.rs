//! Acme Reports, the service behind the tests' OAuth server, as people of the app deal with it.
use std::time::Duration;

use authorizers::crypto::cipher::Place;
use authorizers::domain::authorizers::account;
use authorizers::model::ids::AuthorizerId;
use authorizers::store::authorizers as rows;

use super::app::TestApp;
use super::client::Client;
use super::page::Page;
use crate::services::oauth::{Answer, App};

/// Registers the app at Acme and enters its client id and secret, as an admin does.
pub async fn enter_app(app: &TestApp, admin: &Client) -> App {
    let registered = app.acme().register(&app.ctx.site.redirect_uri()).await;
    admin.get("/oauth-apps/new/acme-reports").await.expect(200);
    let fields = [
        ("client_id", registered.client_id.as_str()),
        ("client_secret", registered.client_secret.as_str()),
    ];
    admin.submit("form#app", &fields).await.expect(200);
    registered
}

/// Authorizes an account under a name of its own; the page that the way back ends at.
pub async fn authorize(
    app: &TestApp,
    client: &Client,
    name: &str,
    email: &str,
    answer: Answer<'_>,
) -> Page {
    client.get("/authorizers/new/acme-reports").await.expect(200);
    let leaving = client.submit("form#authorizer", &[("name", name)]).await.expect(200);
    walk(app, client, &leaving, email, answer).await
}

/// From the page that says goodbye to the page after coming back.
pub async fn walk(
    app: &TestApp,
    client: &Client,
    leaving: &Page,
    email: &str,
    answer: Answer<'_>,
) -> Page {
    let url = leaving
        .refresh()
        .unwrap_or_else(|| panic!("{} does not lead to Acme:\n{}", leaving.url, leaving.shown()));
    let acme = app.acme();
    client.forget(&acme.base());
    acme.walk(client, url.as_str(), email, answer).await
}

/// Ends the stored access token, as if its hour were over: nobody has to wait for it, and a slow
/// machine can't be later than a token that lives for seconds.
pub async fn end_access_token(app: &TestApp, id: &AuthorizerId) {
    let mut open = account::open_as_is(&app.ctx, id).await.expect("it opens");
    let end = app.ctx.clock.now().minus(Duration::from_secs(1));
    let tokens = open.credentials.tokens.as_mut().expect("tokens");
    (tokens.issued_at, tokens.expires_at) = (end.minus(Duration::from_secs(3600)), Some(end));
    let place = Place { table: "authorizers", column: "sealed", id: id.as_str() };
    let sealed = app.ctx.cipher.seal(place, &open.credentials.to_sealable()).expect("it is sealed");
    let (row, now) = (open.authorizer, app.ctx.clock.now());
    let written = app.ctx.db.write(move |c| {
        rows::update_credentials(c, &row.id, row.credential_version, &sealed, Some(end), now)
    });
    assert!(written.await.expect("it is written"), "somebody else was at it");
}

/// Lets stored secrets go where the next service file sends them, as if they had been stored before
/// such places were recorded.
pub fn unbind(app: &TestApp) {
    for table in ["authorizers", "oauth_apps"] {
        app.database.execute(&format!("UPDATE {table} SET bound_destinations = NULL"));
    }
}
