//! Permissions on the pages: what is missing stands there with its cure, before saving and after.
use std::time::Duration;

use authorizers::model::role::Role;

use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;
use crate::support::page::Page;
use crate::support::postgres::shared;
use crate::support::server::unused;

/// A database with two tables, and an account that may sign in; the path of its page.
async fn reader(app: &TestApp) -> (String, String) {
    let database = unused("doctor");
    shared().run("postgres", &format!("CREATE DATABASE {database}")).await;
    let tables = format!(
        "CREATE ROLE {database} LOGIN; CREATE SCHEMA shop; CREATE TABLE shop.orders (id int); CREATE TABLE shop.refunds (id int);
         INSERT INTO shop.orders VALUES (1);"
    );
    shared().run(&database, &tables).await;
    let id =
        house::real_postgres(app, "Reader", shared().port(), (&database, &database, "x")).await;
    (format!("/authorizers/{id}"), database)
}

fn flow(app: &TestApp, table: &str, name: &str, to: &str) {
    app.database.execute(&format!(
        "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
         SELECT '{name}', '{name}', '{}', service, id, '{{\"mode\":\"table\",\"schema\":\"shop\",\"table\":\"{to}\"}}', 1,
                created_by_id, created_at, updated_at
         FROM authorizers WHERE name = 'Reader'",
        name.to_lowercase()
    ));
}

/// Presses the button and waits for the end of the test.
async fn tested(client: &Client, form: &str) -> Page {
    let mut page = client.submit(form, &[]).await.expect(200);
    for _ in 0..150 {
        if page.refresh().is_none() {
            return page;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
        page = client.get(&page.path()).await.expect(200);
    }
    panic!("the test does not end: {}", page.shown())
}

/// What stands in the boxes to copy from.
fn cures(page: &Page) -> Vec<String> {
    page.texts("ul.perms textarea")
}

with_app! {
    async fn what_each_source_and_destination_lacks_is_told_with_its_cure(app: TestApp) {
        let owner = app.set_up().await;
        let (path, database) = reader(&app).await;
        flow(&app, "sources", "Orders", "orders");
        flow(&app, "destinations", "Refunds", "refunds");
        owner.get(&path).await.shows(&["Permissions", "Not looked at yet"]);
        let page = tested(&owner, "form#look").await;
        page.shows(&["Not everything that uses it is allowed to", "4 missing", "Source Orders", "SELECT on shop.orders", "Destination Refunds", "INSERT on shop.refunds"]);
        let page = owner.get(&path).await.expect(200);
        page.shows(&["4 missing, checked", "PostgreSQL itself", "CONNECT on database", "Granted"]);
        let cures = cures(&page);
        let grant = format!("GRANT SELECT ON \"shop\".\"orders\" TO \"{database}\";");
        assert!(cures.contains(&grant), "{cures:?}");
        assert_eq!(page.texts("section.card h3 a").len(), 2, "what needs them is linked");
        assert!(owner.get("/authorizers").await.shown().contains("Connected"), "a right of one source does not break the account");

        let viewer = app.person(Role::Viewer).await;
        let seen = viewer.get(&path).await.expect(200);
        seen.shows(&["4 missing", "SELECT on shop.orders"]);
        assert!(!seen.has("form#look"));

        shared().run(&database, &cures.join("\n")).await;
        owner.get(&path).await;
        let page = tested(&owner, "form#look").await;
        assert!(!page.shown().contains("missing"), "{}", page.shown());
        let page = owner.get(&path).await;
        page.shows(&["SELECT on shop.orders", "INSERT on shop.refunds"]);
        assert!(!page.shown().contains("Missing"), "{}", page.shown());
        // What no longer uses it is no longer listed.
        app.database.execute("DELETE FROM sources WHERE name = 'Orders'");
        assert!(!owner.get(&path).await.shown().contains("SELECT on shop.orders"));
    }

    async fn a_form_says_what_is_missing_before_anything_is_saved(app: TestApp) {
        let owner = app.set_up().await;
        let (path, database) = reader(&app).await;
        let id = path.rsplit('/').next().unwrap().to_owned();
        owner.get("/sources/new/postgresql").await.expect(200);
        owner.submit("form#flow", &[("name", "Orders"), ("authorizer", &id), ("action", "load")]).await;
        owner.submit("form#flow", &[("s.mode", "query"), ("action", "load")]).await;
        let sql = "SELECT * FROM shop.orders";
        for needed in ["USAGE on schema shop", "SELECT on shop.orders"] {
            let page = owner.submit("form#flow", &[("s.query", sql), ("action", "test")]).await.expect(422);
            page.shows(&["Permissions that it needs", needed, "Missing"]);
            assert_eq!(app.database.count("sources"), 0);
            shared().run(&database, &cures(&page).join("\n")).await;
        }
        let page = owner.submit("form#flow", &[("s.query", sql), ("action", "test")]).await.expect(200);
        page.shows(&["First rows", "What the query reads", "Granted"]);
        let page = owner.submit("form#flow", &[("action", "create")]).await.expect(200);
        page.shows(&["Source created."]);
        owner.submit("form#test", &[]).await.expect(200).shows(&["Permissions that it needs", "Granted"]);
    }

    async fn a_wrong_password_is_tried_once_and_not_again_to_look_for_permissions(app: TestApp) {
        let owner = app.set_up().await;
        let (path, database) = reader(&app).await;
        flow(&app, "sources", "Orders", "orders");
        flow(&app, "destinations", "Refunds", "refunds");
        shared().run(&database, &format!("GRANT typed TO \"{database}\"; ALTER ROLE \"{database}\" PASSWORD 'other'")).await;
        owner.get("/sources/Orders").await.expect(200);
        let page = owner.submit("form#test", &[]).await.expect(422);
        page.shows(&["does not accept the user or the password"]);
        assert!(!page.has("ul.perms") && shared().refusals(&database) == 1, "{} sign-ins", shared().refusals(&database));
        owner.get(&path).await.shows(&["Broken", "does not accept the user or the password"]);

        app.database.execute("UPDATE authorizers SET health = 'ok', cause = NULL");
        owner.get("/destinations/Refunds").await.expect(200);
        let page = owner.submit("form#test", &[]).await.expect(200);
        page.shows(&["does not accept the user or the password"]);
        assert!(!page.has("ul.perms") && shared().refusals(&database) == 2, "{} sign-ins", shared().refusals(&database));
        owner.get(&path).await.shows(&["Broken", "does not accept the user or the password"]);

        shared().run(&database, &format!("ALTER ROLE \"{database}\" PASSWORD 'x'")).await;
        tested(&owner, "form[action$='/test']").await.shows(&["SELECT on shop.orders", "INSERT on shop.refunds"]);
    }

    async fn a_scope_that_a_source_needs_is_compared_with_what_was_granted(app: TestApp) {
        let owner = app.set_up().await;
        acme::enter_app(&app, &owner).await;
        let path = acme::authorize(&app, &owner, "Clicks", "anna@example.com", Answer::Allow).await.expect(200).path();
        owner.get(&path).await.shows(&["Permissions", "Acme Reports itself", "reports.read", "Granted"]);
        app.database.execute(
            "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
             SELECT 'Daily', 'Daily', 'daily', service, id, '{\"dataset\":\"reports\",\"client\":\"1\"}', 1, created_by_id, created_at, updated_at
             FROM authorizers",
        );
        owner.get(&path).await.shows(&["Source Daily"]);
        // A later version of the file asks for more than was granted then.
        app.database.execute("UPDATE authorizers SET granted_scopes = '[\"offline_access\",\"openid\"]'");
        let page = owner.get(&path).await;
        page.shows(&["2 missing", "Source Daily", "reauthorize to be asked for it", "Also granted, and needed by nothing here: openid"]);
        assert_eq!(cures(&page), ["reports.read", "reports.read"]);
        // Cured by the way that the page names.
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        acme::walk(&app, &owner, &leaving, "anna@example.com", Answer::Allow).await.expect(200);
        assert!(!owner.get(&path).await.shown().contains("missing"));
    }
}
