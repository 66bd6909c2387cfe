//! The Activity page: filters, days, links to what is still there; how long it is kept.
use authorizers::model::role::Role;
use authorizers::model::time::DAY;
use authorizers::worker::purge;

use super::ending_in;
use crate::support::app::{TestApp, with_app};
use crate::support::house;

/// A line of so many days ago.
fn line(app: &TestApp, id: &str, days: i64, rest: &str) {
    let at = app.ctx.clock.now().micros() - days * 86_400_000_000;
    app.database.execute(&format!(
        "INSERT INTO activity (id, at, actor, actor_name, verb, subject_kind, subject, subject_name, note) VALUES ('{id}', {at}, {rest})"
    ));
}

with_app! { start_fixed;
    async fn it_is_filtered_by_subject_verb_person_and_days(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        // Noon of 15 January 2027 is not far: 08:00.
        line(&app, "l1", 1, "'u1', 'Ann', 'tested', 'authorizer', 'a1', 'Gone', 'host_unknown'");
        line(&app, "l2", 2, "'u2', 'Ben', 'edited', 'source', 's1', 'Orders', ''");
        line(&app, "l3", 3, "NULL, '', 'failed', 'authorizer', 'a2', 'Also gone', 'provider_down'");
        for (query, names) in [
            ("kind=authorizer", &["Gone", "Also gone"] as &[&str]),
            ("kind=authorizer&subject=a2", &["Also gone"]),
            ("kind=source", &["Orders"]),
            ("verb=failed", &["Also gone"]),
            ("person=u1", &["Gone"]),
            ("from=2027-01-13&to=2027-01-13", &["Orders"]),
            ("to=2027-01-13", &["Orders", "Also gone"]),
            ("from=2027-01-14&kind=authorizer", &["Gone"]),
            ("from=2027-01-14&to=2027-01-01", &[]),
            ("person=u2&verb=tested", &[]),
        ] {
            let page = owner.get(&format!("/activity?{query}")).await.expect(200);
            let kinds = page.texts("tbody .svc-kind");
            let found: Vec<String> = page
                .texts("tbody td[data-label=About]")
                .iter()
                .map(|text| kinds.iter().fold(text.clone(), |text, kind| text.trim_end_matches(kind.as_str()).trim().to_owned()))
                .collect();
            assert_eq!(found, names, "{query}");
            if names.is_empty() {
                page.shows(&["Nothing matches"]);
            }
        }
        let page = owner.get("/activity?from=nonsense&kind=authorizer").await.expect(200);
        assert_eq!(page.attr("input#from", "value").as_deref(), Some(""));
        page.shows(&["The host was not found", "Authorizers"]);
    }

    async fn a_line_leads_to_what_is_still_there(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let id = ending_in(&app, "Pages", None).await;
        line(&app, "l1", 1, &format!("'u1', 'Ann', 'tested', 'authorizer', '{id}', 'Pages', 'passed'"));
        line(&app, "l2", 2, "'u1', 'Ann', 'deleted', 'authorizer', 'a1', 'Gone', ''");
        let page = owner.get("/activity?kind=authorizer").await.expect(200);
        assert_eq!(page.attrs("tbody a", "href"), [format!("/authorizers/{id}")]);
        page.shows(&["Gone"]);
        let viewer = app.person(Role::Viewer).await;
        assert!(viewer.get("/activity?kind=account").await.count("tbody a") == 0, "members are not a viewer's business");
    }

    async fn activity_and_tests_are_kept_as_long_as_is_set(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let id = house::postgres(&app, &house::owner(&app), "Warehouse").await;
        owner.get(&format!("/authorizers/{id}")).await.expect(200);
        for (test, days) in [("t1", 731), ("t2", 729)] {
            let at = app.ctx.clock.now().minus(DAY * days).micros();
            app.database.execute(&format!(
                "INSERT INTO tests (id, authorizer_id, started_by_name, state, steps, started_at, finished_at)
                 VALUES ('{test}', '{id}', 'Ann', 'passed', '[]', {at}, {at})"
            ));
        }
        line(&app, "old", 731, "'u1', 'Ann', 'tested', 'authorizer', 'a1', 'Gone', 'passed'");
        line(&app, "kept", 729, "'u1', 'Ann', 'tested', 'authorizer', 'a1', 'Gone', 'passed'");
        let before = app.database.count("activity");
        purge::run_once(&app.ctx).await.unwrap();
        assert_eq!(app.database.count("activity"), before - 1);
        assert_eq!(app.database.value("SELECT id AS value FROM activity WHERE subject = 'a1'"), "kept");
        assert_eq!(app.database.count("tests"), 1);
    }
}
