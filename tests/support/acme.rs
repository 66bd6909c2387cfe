//! Acme Reports, the service behind the tests' OAuth server, as people of the app deal with it.
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
