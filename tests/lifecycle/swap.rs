//! *Replace everywhere*, with two accounts of a real PostgreSQL: tested first, one transaction, a way back.

use std::time::Duration;

use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::house;
use crate::support::page::Page;
use crate::support::postgres::shared;
use crate::support::server::unused;

/// Two accounts of one database: *Old* owns all, *New* may read what it is allowed to.
struct Shop {
    owner: Client,
    old: String,
    new: String,
    database: String,
}

impl Shop {
    async fn open(app: &TestApp) -> Self {
        let owner = app.set_up().await;
        let database = unused("swap");
        shared().run("postgres", &format!("CREATE DATABASE {database}")).await;
        let tables = format!(
            "CREATE ROLE {database}_old LOGIN PASSWORD 'of the old one' IN ROLE typed;
             CREATE ROLE {database}_new LOGIN PASSWORD 'of the new one' IN ROLE typed;
             CREATE SCHEMA shop AUTHORIZATION {database}_old;
             SET ROLE {database}_old;
             CREATE TABLE shop.orders (id int PRIMARY KEY);
             CREATE TABLE shop.clients (id int PRIMARY KEY);
             INSERT INTO shop.orders SELECT generate_series(1, 30);
             GRANT USAGE, CREATE ON SCHEMA shop TO {database}_new;
             GRANT SELECT, INSERT ON shop.orders TO {database}_new;"
        );
        shared().run(&database, &tables).await;
        let old = account(app, &database, "old").await;
        let new = account(app, &database, "new").await;
        let shop = Self { owner, old, new, database };
        shop.flow(app, "sources", "Orders", "orders");
        shop.flow(app, "sources", "Clients", "clients");
        shop.flow(app, "destinations", "Lake", "orders");
        shop
    }

    /// *New* may do all that *Old* may.
    async fn allow(&self) {
        let sql = format!("GRANT {0}_old TO {0}_new", self.database);
        shared().run(&self.database, &sql).await;
    }

    fn flow(&self, app: &TestApp, table: &str, name: &str, reads: &str) {
        app.database.execute(&format!(
            "INSERT INTO {table} (id, name, name_folded, service, authorizer_id, settings, version, created_by_id, created_at, updated_at)
             SELECT '{name}', '{name}', '{}', service, id, '{{\"mode\":\"table\",\"schema\":\"shop\",\"table\":\"{reads}\"}}', 1,
                    created_by_id, created_at, updated_at
             FROM authorizers WHERE id = '{}'",
            name.to_lowercase(),
            self.old
        ));
    }

    /// Chooses *New* and waits for the results.
    async fn check(&self) -> Page {
        self.owner.get(&format!("/authorizers/{}/replace", self.old)).await.expect(200);
        let page = self
            .owner
            .submit("form#replace", &[("with", &self.new), ("action", "check")])
            .await
            .expect(200);
        self.results(page).await
    }

    async fn results(&self, mut page: Page) -> Page {
        for _ in 0..150 {
            if page.refresh().is_none() {
                return page;
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
            page = self.owner.get(&page.path()).await.expect(200);
        }
        panic!("the checks do not end: {}", page.shown())
    }
}

async fn account(app: &TestApp, database: &str, which: &str) -> String {
    let (user, password) = (format!("{database}_{which}"), format!("of the {which} one"));
    let name = if which == "old" { "Old" } else { "New" };
    house::real_postgres(app, name, shared().port(), (database, &user, &password)).await.to_string()
}

/// Whose account each has: `Clients New, Lake New, Orders New`.
fn used(app: &TestApp) -> String {
    let of = |table: &str, name: &str| {
        let account = app.database.value(&format!(
            "SELECT a.name AS value FROM {table} f JOIN authorizers a ON a.id = f.authorizer_id WHERE f.name = '{name}'"
        ));
        format!("{name} {account}")
    };
    [of("sources", "Clients"), of("destinations", "Lake"), of("sources", "Orders")].join(", ")
}

const ALL_OLD: &str = "Clients Old, Lake Old, Orders Old";
const ALL_NEW: &str = "Clients New, Lake New, Orders New";

with_app! {
    async fn everything_is_tested_then_replaced_then_given_back(app: TestApp) {
        let shop = Shop::open(&app).await;
        shop.allow().await;
        shop.owner.get(&format!("/authorizers/{}/delete", shop.old)).await.shows(&["It is still in use", "Replace everywhere"]);
        let before = app.database.count("activity");
        let page = shop.check().await;
        page.shows(&["All 3 work with New", "Nothing has been changed yet", "Test data: 20 rows.", "Test write"]);
        assert_eq!((used(&app).as_str(), app.database.count("activity")), (ALL_OLD, before), "a test changes nothing");
        let stale_tab = shop.owner.tab();
        stale_tab.get(&page.path()).await.expect(200);

        let page = shop.owner.submit("form#replace-all", &[("scope", "all")]).await.expect(200);
        page.shows(&["Replaced in 3 places", "New has taken the place of Old", "It can be undone until"]);
        assert_eq!(used(&app), ALL_NEW);
        // The second of two clicks changes nothing, and shows what was done.
        stale_tab.submit("form#replace-all", &[("scope", "all")]).await.expect(200).shows(&["New has taken the place of Old"]);
        assert_eq!(app.database.value("SELECT CAST(MAX(version) AS TEXT) AS value FROM sources"), "2");
        let old = shop.owner.get(&format!("/authorizers/{}", shop.old)).await;
        old.shows(&["Gave its place to New, for 2 sources and 1 destination, by", "No source and no destination uses it", "undone until"]);
        shop.owner.get(&format!("/authorizers/{}", shop.new)).await.shows(&["Took the place of Old", "Show what was replaced"]);
        shop.owner.get("/sources/Orders").await.shows(&["account, now New"]);
        shop.owner.get("/activity").await.shows(&["Gave its place to"]);

        // What was edited since keeps what it has.
        app.database.execute("UPDATE sources SET version = version + 1 WHERE name = 'Clients'");
        shop.owner.get(&page.path()).await;
        let page = shop.owner.submit("form#undo", &[]).await.expect(200);
        page.shows(&["2 have their old account again", "edited or deleted since: Clients", "Undone"]);
        assert_eq!(used(&app), "Clients New, Lake Old, Orders Old");
        assert!(!page.has("form#undo"));
        shop.owner.get(&format!("/authorizers/{}", shop.new)).await.shows(&["Replacement undone"]);
    }

    async fn where_it_fails_the_cause_is_shown_and_the_old_account_stays(app: TestApp) {
        let shop = Shop::open(&app).await;
        let page = shop.check().await;
        page.shows(&["2 of 3 work with New", "Clients", "does not work", "What to do:"]);
        assert_eq!(page.count("li.check-bad"), 1, "{}", page.shown());
        let page = shop.owner.submit("form#replace-passed", &[("scope", "passed")]).await.expect(200);
        page.shows(&["Replaced in 2 places", "keeps the old account"]);
        assert_eq!(used(&app), "Clients Old, Lake New, Orders New");
        assert!(!page.has("a[href$='/delete']"), "the old account is still in use");

        // Cured, and the rest follows.
        shop.allow().await;
        shop.check().await.shows(&["It works with New"]);
        let page = shop.owner.submit("form#replace-all", &[("scope", "all")]).await.expect(200);
        assert_eq!(used(&app), ALL_NEW);
        let gone = page.attr("a[href$='/delete']", "href").expect("the old account can go");
        shop.owner.get(&gone).await.expect(200);
        shop.owner.submit("form#delete", &[]).await.expect(200).shows(&["Deleted."]);
        // Its page outlives the account; there is nothing to give back.
        let page = shop.owner.get(&page.path()).await.expect(200);
        page.shows(&["New has taken the place of Old"]);
        assert!(!page.has("form#undo"));
    }

    async fn nothing_is_replaced_after_something_has_changed(app: TestApp) {
        let shop = Shop::open(&app).await;
        shop.allow().await;
        for (change, said) in [
            ("UPDATE sources SET version = version + 1 WHERE name = 'Orders'", "Orders was changed since it was tested"),
            ("UPDATE authorizers SET version = version + 1 WHERE name = 'New'", "was changed since it was tested"),
            ("UPDATE swaps SET started_at = started_at - 901000000", "the results are too old"),
        ] {
            shop.check().await.shows(&["All 3 work with New"]);
            app.database.execute(change);
            shop.owner.submit("form#replace-all", &[("scope", "all")]).await.expect(200).shows(&["Nothing was replaced", said]);
            assert_eq!(used(&app), ALL_OLD);
        }
        // The same page leads on.
        let page = shop.owner.page();
        page.shows(&["These results are old"]);
        assert!(!page.has("form#replace-all"));
        let page = shop.owner.submit("form#again", &[("with", &shop.new), ("action", "check")]).await.expect(200);
        shop.results(page).await;
        // A newcomer that nobody has tested is not left behind.
        shop.flow(&app, "sources", "Latecomer", "orders");
        shop.owner.submit("form#replace-all", &[("scope", "all")]).await.shows(&["Latecomer was changed since it was tested"]);
        shop.check().await;
        shop.owner.submit("form#replace-all", &[("scope", "all")]).await.shows(&["Replaced in 4 places"]);
    }

    async fn tests_that_were_cut_off_say_so(app: TestApp) {
        let shop = Shop::open(&app).await;
        let page = shop.check().await;
        app.database.execute("UPDATE swaps SET state = 'checking', started_at = started_at - 3600000000");
        let page = shop.owner.get(&page.path()).await.expect(200);
        page.shows(&["The tests were cut off"]);
        assert!(page.refresh().is_none() && !page.has("form#replace-all"));
        let page = shop.owner.submit("form#again", &[("with", &shop.new), ("action", "check")]).await.expect(200);
        shop.results(page).await.shows(&["2 of 3 work with New"]);
    }

    async fn a_day_later_it_stands(app: TestApp) {
        let shop = Shop::open(&app).await;
        shop.allow().await;
        let page = shop.check().await;
        shop.owner.submit("form#replace-all", &[("scope", "all")]).await.expect(200);
        let tab = shop.owner.tab();
        tab.get(&page.path()).await.expect(200);
        app.database.execute("UPDATE swaps SET replaced_at = replaced_at - 86400000001");
        tab.submit("form#undo", &[]).await.expect(200).shows(&["It was not undone"]);
        assert_eq!(used(&app), ALL_NEW);
        assert!(!shop.owner.get(&format!("/authorizers/{}", shop.new)).await.shown().contains("undone until"));
    }

    async fn only_another_working_account_of_the_service_can_take_over(app: TestApp) {
        let shop = Shop::open(&app).await;
        let here = format!("/authorizers/{}/replace", shop.old);
        shop.owner.get(&here).await.expect(200);
        let refused = shop.owner.submit("form#replace", &[("action", "check")]).await.expect(422);
        assert!(refused.has(".field-error #with"), "{}", refused.shown());
        // Itself, which the page does not offer, and what is broken.
        let body = format!("csrf={}&action=check&with={}", refused.attr("input[name=csrf]", "value").expect("a token"), shop.old);
        shop.owner.post(&here, "application/x-www-form-urlencoded", &body).await.expect(422);
        app.database.execute("UPDATE authorizers SET health = 'needs_reauthorization', attention = 0, cause = 'login_rejected' WHERE name = 'New'");
        shop.owner.get(&here).await.expect(200);
        shop.owner.submit("form#replace", &[("with", &shop.new), ("action", "check")]).await.expect(422).shows(&["It is broken itself"]);
        assert_eq!(app.database.count("swaps"), 0);
        app.database.execute("UPDATE authorizers SET health = 'ok', attention = 3, cause = NULL WHERE name = 'New'");
        // Nothing uses the new one.
        shop.owner.get(&format!("/authorizers/{}/replace", shop.new)).await.expect(200).shows(&["Nothing to replace"]);
        shop.check().await.shows(&["2 of 3 work with New"]);
    }

    async fn who_may_not_edit_sources_replaces_nothing(app: TestApp) {
        let shop = Shop::open(&app).await;
        let checked = shop.check().await.path();
        for role in [Role::Viewer, Role::Authorizer] {
            let person = app.person(role).await;
            let page = person.get(&format!("/authorizers/{}", shop.old)).await.expect(200);
            assert!(!page.has("a[href$='/replace']"));
            person.get(&format!("/authorizers/{}/replace", shop.old)).await.expect(403);
            let page = person.get(&checked).await.expect(200);
            assert_eq!((page.count("form#replace-all"), page.count("form#replace-passed"), page.count("form#again")), (0, 0, 0));
            let csrf = page.attr("input[name=csrf]", "value").expect("a token");
            let form = "application/x-www-form-urlencoded";
            for (path, body) in [(checked.clone(), "scope=all"), (format!("{checked}/undo"), ""), (format!("/authorizers/{}/replace", shop.old), "with=x")] {
                person.post(&path, form, &format!("csrf={csrf}&{body}")).await.expect(403);
            }
        }
        assert_eq!(used(&app), ALL_OLD);
        app.person(Role::Editor).await.get(&checked).await.shows(&["Replace where it works"]);
    }

    async fn an_account_that_is_added_for_it_leads_back(app: TestApp) {
        let shop = Shop::open(&app).await;
        shop.owner.get(&format!("/authorizers/{}/replace", shop.old)).await.expect(200);
        shop.owner.submit("form#replace", &[("action", "add")]).await.expect(200);
        assert_eq!(shop.owner.page().path(), "/authorizers/new/postgresql");
        let (port, user) = (shared().port().to_string(), format!("{}_old", shop.database));
        let fields = [
            ("name", "Third"),
            ("host", "127.0.0.1"),
            ("port", &port),
            ("database", &shop.database),
            ("user", &user),
            ("password", "of the old one"),
            ("tls", "require"),
            ("action", "test"),
        ];
        let page = shop.owner.submit("form#authorizer", &fields).await.expect(200);
        page.shows(&["Shall it take the place of Old?"]);
        let on = page.attr("section.callout a", "href").expect("a way on");
        let page = shop.owner.get(&on).await.expect(200);
        let third = app.database.value("SELECT id AS value FROM authorizers WHERE name = 'Third'");
        assert_eq!(page.attr("select#with option[selected]", "value"), Some(third.clone()));
        let page = shop.owner.submit("form#replace", &[("action", "check")]).await.expect(200);
        shop.results(page).await.shows(&["All 3 work with Third"]);
        assert!(!shop.owner.get(&format!("/authorizers/{third}")).await.shown().contains("Shall it take"));
    }
}
