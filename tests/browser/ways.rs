//! From an empty machine to a source on a freshly authorized account.
use crate::services::browser::{Browser, Scripts};
use crate::services::oauth::OAuthServer;
use crate::support::app::{PASSWORD, TestApp, with_app};

/// The first person makes themselves the owner.
async fn set_up(app: &TestApp) -> Browser {
    let browser = Browser::open(&app.base, Scripts::Off).await;
    browser.go("/").await;
    browser.fill("name", "Olga Owner").await;
    browser.fill("email", "owner@example.com").await;
    browser.fill("password", PASSWORD).await;
    browser.press("Set up").await;
    browser.sees("Authorize your first service").await;
    browser
}

/// The OAuth app of Acme: asked for by the first authorization.
async fn enter_app(app: &TestApp, browser: &Browser) {
    let registered = OAuthServer::shared().register(&app.ctx.site.redirect_uri()).await;
    browser.fill("client_id", &registered.client_id).await;
    browser.fill("client_secret", &registered.client_secret).await;
    browser.click("form#app button[type=submit]").await;
}

/// Signs in at Acme, if it asks, and answers.
async fn at_acme(browser: &Browser, email: &str, answer: &str) {
    browser.find("form[action^='/interaction/']").await;
    if browser.has("input[name=email]").await {
        browser.fill("email", email).await;
        browser.fill("password", "right").await;
        browser.click("button[value=login]").await;
        browser.sees("Allow access?").await;
    }
    browser.click(&format!("button[value={answer}]")).await;
}

async fn authorize_acme(browser: &Browser, email: &str) {
    browser.press("Authorize New Service").await;
    browser.press("Acme Reports").await;
    if browser.has("form#app").await {
        panic!("the app was entered before");
    }
    browser.press("Continue to Acme Reports").await;
    at_acme(browser, email, "allow").await;
}

with_app! {
    async fn the_first_run_ends_at_an_authorizer(app: TestApp) {
        let browser = set_up(&app).await;
        browser.press("Authorize New Service").await;
        browser.press("Acme Reports").await;
        enter_app(&app, &browser).await;
        browser.press("Continue to Acme Reports").await;
        at_acme(&browser, "first@example.com", "deny").await;
        browser.sees("Try again").await;
        browser.press("Try again").await;
        at_acme(&browser, "first@example.com", "allow").await;
        browser.sees("Connected").await;
        browser.sees("first@example.com").await;
        browser.go("/authorizers").await;
        browser.sees("first@example.com").await;
        browser.close().await;
    }

    async fn a_broken_authorizer_is_cured_by_its_key(app: TestApp) {
        let browser = set_up(&app).await;
        browser.go("/oauth-apps/new/acme-reports").await;
        enter_app(&app, &browser).await;
        browser.go("/authorizers").await;
        let email = format!("broken-{}@example.com", app.base.rsplit(':').next().unwrap());
        authorize_acme(&browser, &email).await;
        browser.sees("Connected").await;
        let page = browser.path().await;
        OAuthServer::shared().end_grants_of(&email).await;
        browser.press("Test").await;
        browser.sees("Reauthorize").await;
        browser.go("/authorizers").await;
        browser.sees("Broken").await;
        browser.click("a[title=Reauthorize]").await;
        browser.press("Continue to Acme Reports").await;
        at_acme(&browser, &email, "allow").await;
        browser.sees("Connected").await;
        assert_eq!(browser.path().await, page, "it is the same authorizer");
        browser.close().await;
    }

    async fn a_source_is_made_with_an_account_that_was_added_on_the_way(app: TestApp) {
        let browser = set_up(&app).await;
        browser.go("/oauth-apps/new/acme-reports").await;
        enter_app(&app, &browser).await;
        browser.go("/sources/new/acme-reports").await;
        browser.fill("name", "Clicks of the north").await;
        browser.press("Add New Account").await;
        at_acme(&browser, "source@example.com", "deny").await;
        assert_eq!(browser.value("name").await, "Clicks of the north", "after a denial");
        browser.press("Add New Account").await;
        at_acme(&browser, "source@example.com", "allow").await;
        assert_eq!(browser.value("name").await, "Clicks of the north", "after the account");
        browser.choose("dataset", "Clicks by day").await;
        browser.press("Load choices").await;
        browser.choose("client", "North").await;
        browser.press("Test data").await;
        browser.sees("2026-11-01").await;
        assert!(browser.has("table").await);
        assert!(browser.shown().await.contains("<b>bold</b>"), "what the service sends is text");
        browser.press("Create").await;
        browser.sees("Clicks of the north").await;
        browser.go("/sources").await;
        browser.sees("Clicks of the north").await;
        browser.close().await;
    }
}
