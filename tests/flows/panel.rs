//! **Add New Account** inside the form, by credentials, against a real PostgreSQL.
use super::{FORM, count, value};
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::page::Page;
use crate::support::postgres::shared;
use crate::support::server::unused;

/// A database for this app alone, whose reader signs in with a password.
async fn shop() -> String {
    let name = unused("flows");
    let server = shared();
    server.run("postgres", &format!("CREATE DATABASE {name}")).await;
    let tables = format!(
        "CREATE ROLE {name} LOGIN PASSWORD 'the right one' IN ROLE typed;
         CREATE SCHEMA shop AUTHORIZATION {name};
         CREATE TABLE shop.orders (id int PRIMARY KEY, note text);
         INSERT INTO shop.orders SELECT n, '<i>' || n FROM generate_series(1, 30) n;
         ALTER TABLE shop.orders OWNER TO {name};"
    );
    server.run(&name, &tables).await;
    name
}

/// Opens the form and the panel in it.
async fn open(client: &Client, list: &str) -> Page {
    client.get(&format!("/{list}/new/postgresql")).await.expect(200);
    client.submit(FORM, &[("name", "Orders"), ("action", "add_account")]).await.expect(200)
}

/// Fills the account's fields and presses a button.
async fn enter(client: &Client, database: &str, password: &str, action: &str) -> Page {
    let port = shared().port().to_string();
    let fields = [
        ("account.name", "Shop"),
        ("account.host", "127.0.0.1"),
        ("account.port", &port),
        ("account.database", database),
        ("account.user", database),
        ("account.password", password),
        ("account.tls", "disable"),
        ("action", action),
    ];
    client.submit(FORM, &fields).await
}

with_app! {
    async fn a_destination_is_made_with_an_account_whose_first_password_was_wrong(app: TestApp) {
        let owner = app.set_up().await;
        let database = shop().await;
        open(&owner, "destinations").await;
        let page = enter(&owner, &database, "the wrong one", "add").await.expect(422);
        assert!(page.has(".field-error #account-password"), "the failing field is marked: {}", page.shown());
        assert!(page.has("button[value=add_untested]"), "{}", page.shown());
        assert!(!page.body.contains("the wrong one"), "a secret came back");
        assert_eq!(value(&page, "name"), "Orders");
        assert_eq!((value(&page, "account.user"), value(&page, "account.name")), (database.clone(), "Shop".into()));
        assert_eq!(count(&app, "authorizers"), 0);

        let page = owner.submit(FORM, &[("account.password", "the right one"), ("action", "add")]).await.expect(200);
        page.shows(&["The account is added and chosen."]);
        assert_eq!(value(&page, "name"), "Orders");
        assert_eq!(value(&page, "authorizer"), app.database.value("SELECT id AS value FROM authorizers"));
        assert!(page.texts("select[name='s.schema'] option").contains(&"shop".to_owned()), "choices are loaded: {}", page.shown());

        owner.submit(FORM, &[("s.schema", "shop"), ("action", "load")]).await.expect(200);
        let page = owner.submit(FORM, &[("s.table", "orders"), ("action", "test")]).await.expect(200);
        page.shows(&["Write check"]);
        assert_eq!(shared().one(&database, "SELECT count(*)::text FROM shop.orders").await, "30", "nothing is left behind");
        owner.submit(FORM, &[("action", "create")]).await.expect(200).shows(&["Destination created.", "Connected"]);
        assert_eq!(count(&app, "drafts"), 0, "what was kept is gone");

        let page = owner.submit("form#test", &[]).await.expect(200);
        page.shows(&["Write check", "Passed"]);
    }

    async fn the_first_rows_are_shown_before_and_after_a_source_is_created(app: TestApp) {
        let owner = app.set_up().await;
        let database = shop().await;
        open(&owner, "sources").await;
        enter(&owner, &database, "the right one", "add").await.expect(200);
        owner.submit(FORM, &[("s.schema", "shop"), ("action", "load")]).await.expect(200);
        let page = owner.submit(FORM, &[("s.table", "orders"), ("action", "test")]).await.expect(200);
        assert_eq!(page.count("table.data tbody tr"), 20);
        assert!(page.texts("td").contains(&"<i>7".to_owned()), "what comes from there is text: {}", page.shown());
        assert_eq!(value(&page, "s.table"), "orders");
        assert_eq!(count(&app, "sources"), 0, "a test creates nothing");
        let path = owner.submit(FORM, &[("action", "create")]).await.expect(200).path();
        let before = app.contents();
        let page = owner.submit("form#test", &[]).await.expect(200);
        assert_eq!(page.count("table.data tbody tr"), 20);
        assert_eq!(app.contents(), before, "nor does one later");

        // The password is changed over there: everybody is told, and the way to the cure is drawn.
        shared().run("postgres", &format!("ALTER ROLE {database} PASSWORD 'another'")).await;
        owner.get(&path).await;
        owner.submit("form#test", &[]).await.expect(422);
        owner.get(&path).await.shows(&["Its account is broken", "Reauthorize"]);
    }

    async fn a_secret_is_kept_and_never_drawn_whichever_button_is_pressed(app: TestApp) {
        let owner = app.set_up().await;
        let database = shop().await;
        open(&owner, "sources").await;
        let page = enter(&owner, &database, "the right one", "cancel_account").await.expect(200);
        assert!(!page.has("[name='account.host']"), "{}", page.shown());
        assert!(!page.body.contains("the right one"));
        assert_eq!(value(&page, "name"), "Orders");
        let page = owner.submit(FORM, &[("action", "add_account")]).await.expect(200);
        assert_eq!(value(&page, "account.user"), database, "what was typed before is there again");
        owner.submit(FORM, &[("action", "add")]).await.expect(200).shows(&["The account is added"]);
        assert_eq!(count(&app, "authorizers"), 1);
    }

    async fn an_emptied_field_stays_empty(app: TestApp) {
        let owner = app.set_up().await;
        open(&owner, "sources").await;
        enter(&owner, "shop", "secret", "add").await.expect(422);
        let page = owner.submit(FORM, &[("account.name", ""), ("account.user", ""), ("action", "add")]).await.expect(422);
        assert_eq!((value(&page, "account.user"), value(&page, "account.name")), (String::new(), String::new()));
    }

    async fn an_account_is_saved_without_a_test_when_asked_to(app: TestApp) {
        let owner = app.set_up().await;
        open(&owner, "sources").await;
        enter(&owner, "nowhere", "secret", "add").await.expect(422);
        let page = owner.submit(FORM, &[("action", "add_untested")]).await.expect(200);
        assert!(page.text("select[name=authorizer] option[selected]").contains("Not tested"), "{}", page.shown());
        assert_eq!(count(&app, "authorizers"), 1);
    }

    async fn sending_the_panel_twice_adds_one_account(app: TestApp) {
        let owner = app.set_up().await;
        let database = shop().await;
        open(&owner, "sources").await;
        let tab = owner.tab();
        enter(&owner, &database, "the right one", "add").await.expect(200);
        // The same press once more leads to where the first one led.
        let page = enter(&tab, &database, "the right one", "add").await.expect(200);
        page.shows(&["The account is added and chosen"]);
        assert_eq!(count(&app, "authorizers"), 1);
        // Another form is another press.
        open(&tab, "sources").await;
        let page = enter(&tab, &database, "the right one", "add").await.expect(422);
        assert!(page.has(".field-error #account-name"), "its name is taken: {}", page.shown());
        assert_eq!(count(&app, "authorizers"), 1);
    }

    async fn cancelling_brings_the_chosen_account_back(app: TestApp) {
        let (owner, account) = crate::flows::with_account(&app, "Shop").await;
        crate::flows::fill(&owner, "Orders", &account).await;
        let page = owner.submit(FORM, &[("action", "add_account")]).await.expect(200);
        assert_eq!(value(&page, "authorizer"), "__new__");
        assert_eq!(value(&page, "s.query"), "SELECT 1");
        let page = owner.submit(FORM, &[("action", "cancel_account")]).await.expect(200);
        assert_eq!((value(&page, "authorizer"), value(&page, "s.query")), (account, "SELECT 1".into()));
    }

    async fn the_last_entry_of_the_list_and_enter_do_what_the_buttons_do(app: TestApp) {
        let (owner, _) = crate::flows::with_account(&app, "Shop").await;
        owner.get("/sources/new/postgresql").await;
        let page = owner.submit(FORM, &[("name", "Orders"), ("authorizer", "__new__")]).await.expect(200);
        assert!(page.has("[name='account.host']"), "{}", page.shown());
        // Enter in the panel: the first button is the safe one, and what is meant is the panel.
        let page = owner.submit(FORM, &[("account.host", "db.example.com")]).await.expect(422);
        assert_eq!(value(&page, "account.host"), "db.example.com");
        assert_eq!(count(&app, "sources"), 0);
    }
}
