//! From an empty machine to a source on a freshly authorized account.
use crate::services::browser::{Browser, Scripts};
use crate::services::oauth::OAuthServer;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::house;
use crate::support::postgres;
use crate::support::server::unused;

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
    browser.sees("The OAuth app of").await;
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
    browser.click("a[href^='/authorizers/new/acme-reports']").await;
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
        browser.click("a[href^='/authorizers/new/acme-reports']").await;
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
        let email = format!("{}@example.com", unused("broken"));
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
        browser.press("Continue to Acme Reports").await;
        at_acme(&browser, "source@example.com", "allow").await;
        assert_eq!(browser.value("name").await, "Clicks of the north", "after the account");
        browser.choose("s.dataset", "Clicks by day").await;
        browser.press("Load choices").await;
        browser.choose("s.client", "North").await;
        browser.press("Test data").await;
        browser.sees("2026-11-01").await;
        assert!(browser.has("table").await);
        assert!(browser.shown().await.contains("<b>bold</b>"), "what the service sends is text");
        browser.press("Create source").await;
        browser.sees("Clicks of the north").await;
        browser.go("/sources").await;
        browser.sees("Clicks of the north").await;
        browser.close().await;
    }

    async fn a_destination_is_made_with_a_database_account_in_its_form(app: TestApp) {
        let server = postgres::shared();
        let name = unused("way");
        server.run("postgres", &format!("CREATE DATABASE {name}")).await;
        let roles = format!(
            "CREATE ROLE {name} LOGIN PASSWORD 'right-one' IN ROLE typed; GRANT ALL ON SCHEMA public TO {name}"
        );
        server.run(&name, &roles).await;
        let browser = set_up(&app).await;
        browser.go("/destinations/new/postgresql").await;
        browser.fill("name", "Warehouse").await;
        browser.press("Add New Account").await;
        assert_eq!(browser.value("name").await, "Warehouse");
        browser.fill("account.host", "localhost").await;
        browser.fill("account.port", &server.port().to_string()).await;
        browser.fill("account.database", &name).await;
        browser.fill("account.user", &name).await;
        browser.fill("account.ca", &server.authority()).await;
        browser.fill("account.password", "wrong-one").await;
        browser.press("Test and add account").await;
        browser.find("[name='account.password'][aria-invalid=true]").await;
        assert_eq!(browser.value("account.password").await, "", "a secret is not sent back");
        assert_eq!(browser.value("account.user").await, name);
        browser.fill("account.password", "right-one").await;
        browser.press("Test and add account").await;
        assert_eq!(browser.value("name").await, "Warehouse");
        browser.choose("s.schema", "public").await;
        browser.fill("s.table", "orders").await;
        browser.press("Test write").await;
        browser.sees("Write check").await;
        browser.press("Create destination").await;
        browser.sees("Warehouse").await;
        browser.close().await;
    }

    async fn an_account_edited_into_another_one_is_switched_by_its_button_alone(app: TestApp) {
        let role = unused("way");
        postgres::shared().run("postgres", &format!("CREATE ROLE {role} LOGIN")).await;
        let browser = set_up(&app).await;
        let id = house::real_postgres(&app, "Shop", postgres::shared().port(), ("postgres", &role, "x")).await;
        browser.go(&format!("/authorizers/{id}/edit")).await;
        browser.fill("host", "db.invalid").await;
        browser.fill("password", "x").await;
        browser.press("Save without testing").await;
        browser.sees("This may be another account").await;
        // Another port is another place: the password is asked for again. Enter in a field tests, and does not switch.
        browser.fill("password", "x").await;
        browser.fill("port", "5433\u{e007}").await;
        browser.sees("Find host").await;
        browser.go(&format!("/authorizers/{id}")).await;
        browser.sees("127.0.0.1").await;

        browser.go(&format!("/authorizers/{id}/edit")).await;
        browser.fill("host", "db.invalid").await;
        browser.fill("password", "x").await;
        browser.press("Save without testing").await;
        browser.press("Switch to this account, without testing").await;
        browser.sees("Not tested").await;
        browser.sees("db.invalid").await;
        browser.close().await;
    }
}
