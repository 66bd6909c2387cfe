//! Pressing twice is pressing once, on every form, also while the first press still waits: four presses at the same moment
//! get one answer and have one effect, whichever process they reach.
use std::time::Duration;

use authorizers::model::role::Role;
use serde_json::json;

use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};
use crate::support::house;
use crate::support::page::Page;

/// Presses four times and compares the answers; the first of them.
async fn four(client: &Client, css: &str, changes: &[(&str, &str)]) -> Page {
    let base = client.page().url.origin().ascii_serialization();
    at(client, css, changes, &[&base, &base, &base, &base]).await
}

async fn at(client: &Client, css: &str, changes: &[(&str, &str)], bases: &[&str]) -> Page {
    let path = client.page().path();
    let answers = client.press_at_once(css, changes, bases).await;
    let first = answers[0].clone();
    for answer in &answers {
        assert!(answer.status < 500, "{css} on {path}: {} {}", answer.status, answer.shown());
        assert_eq!(
            answer.status,
            first.status,
            "{css} on {path}: {} and {}",
            first.shown(),
            answer.shown()
        );
        assert_eq!(answer.header("location"), first.header("location"), "{css} on {path}");
        assert_eq!(answer.header("refresh"), first.header("refresh"), "{css} on {path}");
        assert_eq!(answer.body, first.body, "{css} on {path} shows two different things");
    }
    first
}

/// One form: where it stands (empty: on the page that was drawn last), what is changed in it, what it does to the number that `count` finds.
struct Press<'a> {
    path: &'a str,
    css: &'a str,
    changes: &'a [(&'a str, &'a str)],
    count: &'a str,
    effect: i64,
    status: u16,
}

const LINES: &str = "SELECT COUNT(*) || '' AS value FROM activity";

fn press<'a>(path: &'a str, css: &'a str, changes: &'a [(&'a str, &'a str)]) -> Press<'a> {
    Press { path, css, changes, count: LINES, effect: 1, status: 303 }
}

impl Press<'_> {
    async fn check(&self, app: &TestApp, client: &Client) -> Page {
        let number = || app.database.value(self.count).parse::<i64>().expect("a number");
        if !self.path.is_empty() {
            client.get(self.path).await.expect(200);
        }
        let before = number();
        let page = four(client, self.css, self.changes).await.clone();
        assert_eq!(page.status, self.status, "{} on {}: {}", self.css, self.path, page.shown());
        assert_eq!(
            number() - before,
            self.effect,
            "{} on {} happened more than once, or not at all",
            self.css,
            self.path
        );
        page
    }
}

/// What is shown once, on the page that a press leads to.
async fn shown_after(client: &Client, answer: &Page) -> String {
    let page = client.get(answer.header("location").expect("a page")).await.expect(200);
    page.attr("input[readonly]", "value").expect("a secret or a link")
}

async fn api() -> Fake {
    let fake = Fake::start().await;
    fake.answers_otherwise(Reply::json(200, &json!({})));
    fake
}

with_app! {
    async fn setting_up_signing_in_and_signing_out(app: TestApp) {
        let client = app.anonymous();
        client.get("/").await.expect(200);
        let typed = [("name", "Olga Owner"), ("email", "owner@example.com"), ("password", PASSWORD)];
        assert_eq!(four(&client, "form#set-up", &typed).await.status, 303);
        assert_eq!((app.database.count("users"), app.database.count("sessions")), (1, 1));
        client.get("/authorizers").await.expect(200).shows(&["Olga Owner"]);
        press("/authorizers", "form[action='/sign-out']", &[]).check(&app, &client).await;
        client.get("/sign-in").await.expect(200);
        assert_eq!(four(&client, "form#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.status, 303);
        assert_eq!(app.database.count("sessions"), 1, "one press, one session");
        client.get("/authorizers").await.expect(200).shows(&["Olga Owner"]);
    }

    async fn accounts_without_a_name(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        let base = fake.url("");
        let typed = [("base_url", base.as_str()), ("bearer", "b")];
        for number in 1..=3 {
            press("/authorizers/new/custom-http", "form#authorizer", &typed).check(&app, &owner).await;
            assert_eq!(app.database.count("authorizers"), number);
        }
        assert_eq!(fake.seen().len(), 3, "each was tested once");
        // Another drawing of the form is another press: names are given with the next number.
        let names = app.database.value("SELECT COUNT(DISTINCT name) || '' AS value FROM authorizers");
        assert_eq!(names, "3");
    }

    async fn different_presses_at_the_same_moment_each_have_their_effect(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        let base = fake.url("");
        let tabs: Vec<Client> = (0..4).map(|_| owner.tab()).collect();
        for tab in &tabs {
            tab.get("/authorizers/new/custom-http").await.expect(200);
        }
        let typed = [("base_url", base.as_str()), ("bearer", "b")];
        let pages = futures_util::future::join_all(tabs.iter().map(|tab| tab.submit("form#authorizer", &typed))).await;
        for page in pages {
            page.expect(200).shows(&["Connected"]);
        }
        assert_eq!(app.database.count("authorizers"), 4);
        let numbers = app.database.value("SELECT COUNT(DISTINCT name) || '' AS value FROM authorizers");
        assert_eq!(numbers, "4");
    }

    async fn a_failed_test_is_made_once(app: TestApp) {
        let owner = app.set_up().await;
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::json(401, &json!({ "error": "no" })));
        let typed = [("base_url", &*fake.url("")), ("bearer", "wrong"), ("name", "Mine")];
        owner.get("/authorizers/new/custom-http").await.expect(200);
        four(&owner, "form#authorizer", &typed).await.expect(422);
        assert_eq!(fake.seen().len(), 1, "a wrong secret is tried once");
        assert_eq!(app.database.count("drafts"), 1);
    }

    async fn an_authorizer_and_its_sources(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        fake.answers("/rows", Reply::json(200, &json!([{ "line": 1 }])));
        let typed = [("base_url", &*fake.url("")), ("bearer", "b"), ("name", "Mine")];
        let page = press("/authorizers/new/custom-http", "form#authorizer", &typed).check(&app, &owner).await;
        let path = page.header("location").expect("its page").to_owned();
        press(&format!("{path}/edit"), "form#authorizer", &[("name", "Ours"), ("action", "save")]).check(&app, &owner).await;
        let tests = Press { count: "SELECT COUNT(*) || '' AS value FROM tests", ..press(&path, "form[action$='/test']", &[]) };
        let test = tests.check(&app, &owner).await.header("location").expect("its page").to_owned();
        while owner.get(&test).await.refresh().is_some() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let id = path.rsplit('/').next().unwrap();
        owner.get("/sources/new/custom-http").await.expect(200);
        owner.submit("form#flow", &[("name", "Rows"), ("authorizer", id), ("action", "load")]).await.expect(200);
        // Two lines: its own and its account's.
        let create = Press { effect: 2, ..press("", "form#flow", &[("s.path", "/rows"), ("action", "create")]) };
        let made = create.check(&app, &owner).await;
        assert_eq!(app.database.count("sources"), 1);
        let source = made.header("location").expect("its page").to_owned();
        press(&format!("{source}/edit"), "form#flow", &[("name", "Lines"), ("action", "save")]).check(&app, &owner).await;
        let read = Press { effect: 0, status: 200, ..press(&source, "form#test", &[]) };
        let before = fake.seen().len();
        read.check(&app, &owner).await;
        assert_eq!(fake.seen().len() - before, 1, "it was read once");
        Press { effect: 2, ..press(&format!("{source}/delete"), "form#delete", &[]) }.check(&app, &owner).await;
        press(&format!("{path}/revoke"), "form#revoke", &[]).check(&app, &owner).await;
        press(&format!("{path}/delete"), "form#delete", &[]).check(&app, &owner).await;
        assert_eq!(app.database.count("authorizers"), 0);
    }

    async fn accounts_added_inside_a_form(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        owner.get("/sources/new/custom-http").await.expect(200);
        owner.submit("form#flow", &[("name", "Rows"), ("action", "add_account")]).await.expect(200);
        let typed = [("account.base_url", &*fake.url("")), ("account.bearer", "b"), ("action", "add")];
        four(&owner, "form#flow", &typed).await.expect(303);
        assert_eq!((app.database.count("authorizers"), fake.seen().len(), app.database.count("drafts")), (1, 1, 1));
        owner.get("/sources").await.expect(200);
        let discard = Press { count: "SELECT COUNT(*) || '' AS value FROM drafts", effect: -1, ..press("/sources", "form[action$='/discard']", &[]) };
        discard.check(&app, &owner).await;
    }

    async fn keeping_both_and_switching(app: TestApp) {
        let owner = app.set_up().await;
        let (first, other) = (api().await, api().await);
        let typed = [("base_url", &*first.url("")), ("bearer", "b")];
        let path = press("/authorizers/new/custom-http", "form#authorizer", &typed).check(&app, &owner).await;
        let path = path.header("location").expect("its page").to_owned();
        for (action, authorizers) in [("keep_both", 2), ("switch", 2)] {
            owner.get(&format!("{path}/edit")).await.expect(200);
            owner.submit("form#authorizer", &[("base_url", &*other.url("")), ("bearer", "c")]).await.expect(409);
            four(&owner, "form#authorizer", &[("action", action)]).await.expect(303);
            assert_eq!(app.database.count("authorizers"), authorizers, "{action}");
        }
    }

    async fn grants_are_kept_and_chosen_once(app: TestApp) {
        let owner = crate::pages::oauth::ready(&app).await;
        let begun = Press { count: "SELECT COUNT(*) || '' AS value FROM attempts", status: 200, ..press("/authorizers/new/acme-reports", "form#authorizer", &[]) };
        let leaving = begun.check(&app, &owner).await;
        let path = acme::walk(&app, &owner, &leaving, "ann@example.com", Answer::Allow).await.expect(200).path();
        let again = Press { path: &format!("{path}/reauthorize"), ..begun };
        let leaving = again.check(&app, &owner).await;
        let choice = acme::walk(&app, &owner, &leaving, "bob@example.com", Answer::Allow).await.expect(200).path();
        press(&choice, "form#other", &[("do", "keep_both")]).check(&app, &owner).await;
        assert_eq!(app.database.count("authorizers"), 2);
        // Denied, and tried again.
        let denied = acme::authorize(&app, &owner, "Denied", "ann@example.com", Answer::Deny).await.expect(200).path();
        Press { path: &denied, css: "form[action$='/again']", ..again }.check(&app, &owner).await;
    }

    async fn choices_of_two_tabs_about_one_sign_in_are_one_choice(app: TestApp) {
        let owner = crate::pages::oauth::ready(&app).await;
        let path = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).path();
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        let choice = acme::walk(&app, &owner, &leaving, "bob@example.com", Answer::Allow).await.expect(200).path();
        let tabs: Vec<Client> = (0..4).map(|_| owner.tab()).collect();
        for tab in &tabs {
            tab.get(&choice).await.expect(200);
        }
        let pages = futures_util::future::join_all(tabs.iter().map(|tab| tab.submit("form#other", &[("do", "keep_both")]))).await;
        let mut statuses: Vec<u16> = pages.iter().map(|page| page.status).collect();
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409]);
        assert_eq!(app.database.count("authorizers"), 2);
    }

    async fn trips_that_end_at_the_same_account_at_the_same_moment_keep_their_grants(app: TestApp) {
        let owner = crate::pages::oauth::ready(&app).await;
        let mut callbacks = Vec::new();
        for _ in 0..3 {
            owner.get("/authorizers/new/acme-reports").await.expect(200);
            let leaving = owner.submit("form#authorizer", &[("name", "The same")]).await.expect(200);
            let elsewhere = app.anonymous();
            let back = app.acme().walk(&elsewhere, leaving.refresh().unwrap().as_str(), "ann@example.com", Answer::Allow).await;
            callbacks.push(crate::pages::oauth::callback(&back));
        }
        let tabs: Vec<Client> = callbacks.iter().map(|_| owner.tab()).collect();
        let pages = futures_util::future::join_all(tabs.iter().zip(&callbacks).map(|(tab, callback)| tab.get(callback))).await;
        for page in pages {
            page.expect(200).shows(&["Connected", "ann@example.com"]);
        }
        assert_eq!(app.database.count("authorizers"), 3);
        assert_eq!(app.database.value("SELECT COUNT(DISTINCT name) || '' AS value FROM authorizers"), "3");
    }

    async fn oauth_apps_webhooks_and_the_calendar(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        let entered = [("client_id", "one"), ("client_secret", "two")];
        press("/oauth-apps/new/acme-reports", "form#app", &entered).check(&app, &owner).await;
        let id = app.database.value("SELECT id AS value FROM oauth_apps");
        press(&format!("/oauth-apps/{id}"), "form#app", &[("client_secret", "three")]).check(&app, &owner).await;
        press(&format!("/oauth-apps/{id}"), "form[action$='/delete']", &[]).check(&app, &owner).await;

        let hook = [("name", "Chat"), ("url", &*fake.url("/hook"))];
        let page = press("/webhooks/new", "form#webhook", &hook).check(&app, &owner).await;
        let secret = shown_after(&owner, &page).await;
        assert!(secret.starts_with("whsec_"), "the secret is shown to whoever pressed twice: {secret}");
        let id = app.database.value("SELECT id AS value FROM webhooks");
        let path = format!("/webhooks/{id}");
        press(&format!("{path}/edit"), "form#webhook", &[("name", "Team chat")]).check(&app, &owner).await;
        let page = press(&path, "form#renew", &[]).check(&app, &owner).await;
        assert_ne!(shown_after(&owner, &page).await, secret);
        owner.get(&path).await.expect(200);
        let before = fake.seen().len();
        four(&owner, "form#test", &[]).await;
        assert_eq!(fake.seen().len() - before, 1, "one test was posted");
        press(&format!("{path}/delete"), "form#delete", &[]).check(&app, &owner).await;

        let made = press("/forecast", "form#make-calendar", &[]);
        let page = made.check(&app, &owner).await;
        let address = shown_after(&owner, &page).await;
        let page = made.check(&app, &owner).await;
        assert_ne!(shown_after(&owner, &page).await, address);
        press("/forecast", "form#stop-calendar", &[]).check(&app, &owner).await;
    }

    async fn calendars_made_in_four_tabs_end_with_one_address(app: TestApp) {
        let owner = app.set_up().await;
        let tabs: Vec<Client> = (0..4).map(|_| owner.tab()).collect();
        for tab in &tabs {
            tab.get("/forecast").await.expect(200);
        }
        let pages = futures_util::future::join_all(tabs.iter().map(|tab| tab.submit("form#make-calendar", &[]))).await;
        for page in pages {
            page.expect(200);
        }
        assert_eq!(app.database.count("calendar_feeds"), 1);
    }

    async fn members_requests_and_the_own_account(app: TestApp) {
        let owner = app.set_up().await;
        let typed = [("name", "Uma"), ("email", "uma@example.com"), ("role", "editor")];
        let page = press("/members/new", "form#member", &typed).check(&app, &owner).await;
        let link = shown_after(&owner, &page).await;
        assert_eq!(app.database.count("users"), 2);
        let member = app.database.value("SELECT id AS value FROM users WHERE email = 'uma@example.com'");
        let path = format!("/members/{member}");

        // Who was invited sets a password, pressing four times.
        let uma = app.anonymous();
        uma.get(link.strip_prefix(&app.base).expect("a link of ours")).await.expect(200);
        four(&uma, "form#invitation", &[("name", "Uma"), ("password", PASSWORD)]).await.expect(303);
        uma.get("/sources").await.expect(200).shows(&["Uma"]);
        assert_eq!(app.database.value(&format!("SELECT COUNT(*) || '' AS value FROM sessions WHERE user_id = '{member}'")), "1");

        press("/requests/new", "form#request", &[("service", "custom-http"), ("note", "Please")]).check(&app, &uma).await;
        let request = app.database.value("SELECT id AS value FROM account_requests");
        press(&format!("/requests/{request}"), "form#answer-form", &[("answer", "Here"), ("action", "done")]).check(&app, &owner).await;

        press(&path, "form#role-form", &[("role", "viewer")]).check(&app, &owner).await;
        let page = press(&path, "form#new-link", &[]).check(&app, &owner).await;
        assert_ne!(shown_after(&owner, &page).await, link);
        press(&path, "form#sign-out", &[]).check(&app, &owner).await;
        press(&format!("{path}/deactivate"), "form#deactivate", &[]).check(&app, &owner).await;
        press(&path, "form#activate", &[]).check(&app, &owner).await;

        press("/account", "form#profile", &[("name", "Olga O")]).check(&app, &owner).await;
        press("/account", "form#change-email", &[("email", "olga@example.com"), ("password", PASSWORD)]).check(&app, &owner).await;
        let changed = [("present_password", PASSWORD), ("new_password", "another long password")];
        press("/account", "form#change-password", &changed).check(&app, &owner).await;
        press("/account", "form#sign-out-others", &[]).check(&app, &owner).await;
        Press { effect: 0, ..press("/account/notices", "form#notices", &[]) }.check(&app, &owner).await;
    }

    async fn replacements(app: TestApp) {
        let owner = app.set_up().await;
        house::furnish(&app).await;
        let id = |name: &str| app.database.value(&format!("SELECT id AS value FROM authorizers WHERE name = '{name}'"));
        let (from, to) = (id("Working"), id("Not tested"));
        let swaps = "SELECT COUNT(*) || '' AS value FROM swaps";
        let typed = [("with", to.as_str()), ("action", "check")];
        Press { count: swaps, ..press(&format!("/authorizers/{from}/replace"), "form#replace", &typed) }.check(&app, &owner).await;
        let undo = Press { count: "SELECT COUNT(*) || '' AS value FROM activity WHERE verb = 'swap_undone'", ..press("/swaps/swap-1", "form#undo", &[]) };
        owner.get("/swaps/swap-1").await.expect(200);
        if owner.page().has("form#undo") {
            four(&owner, undo.css, undo.changes).await;
        }
    }

    async fn a_press_reaches_two_processes_and_is_one(app: TestApp) {
        let owner = app.set_up().await;
        let twin = app.twin();
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::json(200, &json!({})));
        let typed = [("base_url", &*fake.url("")), ("bearer", "b")];
        for number in 1..=3 {
            owner.get("/authorizers/new/custom-http").await.expect(200);
            let bases = [app.base.as_str(), &twin.base, &app.base, &twin.base];
            at(&owner, "form#authorizer", &typed, &bases).await.expect(303);
            assert_eq!((app.database.count("authorizers"), fake.seen().len()), (number, number));
        }
        let path = format!("/authorizers/{}", app.database.value("SELECT MIN(id) AS value FROM authorizers"));
        owner.get(&path).await.expect(200);
        at(&owner, "form[action$='/test']", &[], &[&app.base, &twin.base, &twin.base]).await.expect(303);
        assert_eq!(app.database.count("tests"), 1);
    }

    async fn tests_begun_at_the_same_instant_in_several_tabs_are_one_test(app: TestApp) {
        let owner = app.set_up().await;
        let twin = app.twin();
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::json(200, &json!({})));
        let typed = [("base_url", &*fake.url("")), ("bearer", "b")];
        owner.get("/authorizers/new/custom-http").await.expect(200);
        let path = owner.submit("form#authorizer", &typed).await.expect(200).path();
        for volley in 1..=5 {
            // A slow service: all of them are begun before the first one ends.
            fake.answers_otherwise(Reply::json(200, &json!({})).after(Duration::from_millis(500)));
            let tabs: Vec<Client> = (0..6).map(|_| owner.tab()).collect();
            for tab in &tabs {
                tab.get(&path).await.expect(200);
            }
            let bases = [[app.base.as_str()], [twin.base.as_str()]];
            let presses = tabs.iter().enumerate().map(|(at, tab)| tab.press_at_once("form[action$='/test']", &[], &bases[at % 2]));
            for answers in futures_util::future::join_all(presses).await {
                assert_eq!(answers[0].status, 303, "{}", answers[0].shown());
            }
            assert_eq!(app.database.count("tests"), volley, "a volley made several tests");
            while app.database.value("SELECT COUNT(*) || '' AS value FROM tests WHERE state = 'running'") != "0" {
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }

    async fn a_browser_that_hangs_up_ends_nothing_and_the_second_press_lands_on_the_result(app: TestApp) {
        let owner = app.set_up().await;
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::json(200, &json!({})).after(Duration::from_secs(1)));
        owner.get("/authorizers/new/custom-http").await.expect(200);
        let typed = [("base_url", &*fake.url("")), ("bearer", "b")];
        let base = [app.base.as_str()];
        {
            let first = owner.press_at_once("form#authorizer", &typed, &base);
            assert!(tokio::time::timeout(Duration::from_millis(300), first).await.is_err(), "it was too quick");
        }
        let second = owner.press_at_once("form#authorizer", &typed, &base).await;
        assert_eq!(second[0].status, 303, "{}", second[0].shown());
        assert_eq!((app.database.count("authorizers"), fake.seen().len()), (1, 1));
        owner.get(second[0].header("location").expect("its page")).await.expect(200).shows(&["Connected. You can use it"]);
    }

    async fn the_same_words_sent_again_later_are_another_press(app: TestApp) {
        let owner = app.set_up().await;
        let fake = api().await;
        let typed = [("base_url", &*fake.url("")), ("bearer", "b")];
        for number in 1..=2 {
            owner.get("/authorizers/new/custom-http").await.expect(200);
            owner.submit("form#authorizer", &typed).await.expect(200);
            assert_eq!(app.database.count("authorizers"), number);
        }
        // What no page of ours has marked is the same press only while the first one is under way.
        let csrf = owner.get("/authorizers/new/custom-http").await.attr("input[name=csrf]", "value").expect("a token");
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs([("csrf", csrf.as_str()), ("base_url", &fake.url("")), ("method", "bearer"), ("bearer", "b")]).finish();
        for number in 3..=4 {
            owner.post("/authorizers/new/custom-http", "application/x-www-form-urlencoded", &body).await.expect(303);
            assert_eq!(app.database.count("authorizers"), number);
        }
    }

    async fn nobody_gets_the_answer_to_the_form_of_somebody_else(app: TestApp) {
        let owner = app.set_up().await;
        let admin = app.person(Role::Admin).await;
        for client in [&owner, &admin] {
            client.get("/forecast").await.expect(200);
        }
        let (mine, theirs) = (
            four(&owner, "form#make-calendar", &[]).await,
            four(&admin, "form#make-calendar", &[]).await,
        );
        assert_ne!(shown_after(&owner, &mine).await, shown_after(&admin, &theirs).await);
        assert_eq!(app.database.count("calendar_feeds"), 2);
    }

    async fn a_kept_answer_is_sealed_and_forgotten(app: TestApp) {
        let owner = app.set_up().await;
        let typed = [("name", "Uma"), ("email", "uma@example.com"), ("role", "editor")];
        let page = press("/members/new", "form#member", &typed).check(&app, &owner).await;
        let link = shown_after(&owner, &page).await;
        let secret = link.rsplit('/').next().expect("its last part");
        let kept = app.database.contents()["submissions"].join(" ").to_lowercase();
        assert!(!kept.is_empty());
        let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
        assert!(!kept.contains(&secret.to_lowercase()) && !kept.contains(&hex), "it is kept as it is");
        app.database.execute("UPDATE submissions SET started_at = 1");
        authorizers::domain::housekeeping::purge(&app.ctx).await.expect("it is tidied up");
        assert_eq!(app.database.count("submissions"), 0);
    }
}
