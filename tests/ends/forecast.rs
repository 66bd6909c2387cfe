//! The forecast page: groups, what stops, who may do something about it.
use authorizers::model::role::Role;

use super::{ending_in, flow};
use crate::support::app::{TestApp, with_app};

with_app! { start_fixed;
    async fn ends_stand_in_groups_with_what_stops_then(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.get("/forecast").await.shows(&["Nothing can end yet", "Authorize New Service"]);
        let names = [("Gone", -3), ("This week", 5), ("This month", 20), ("This quarter", 60), ("This year", 200), ("Far", 900)];
        for (name, days) in names.iter().rev() {
            ending_in(&app, name, Some(*days)).await;
        }
        ending_in(&app, "Endless", None).await;
        let week = app.database.value("SELECT id AS value FROM authorizers WHERE name = 'This week'").as_str().into();
        for name in ["Orders", "Carts", "Returns", "Visits", "Clicks"] {
            flow(&app, "sources", name, &week);
        }
        flow(&app, "destinations", "Lake", &week);
        let page = owner.get("/forecast").await.expect(200);
        let groups = ["Already ended", "Within 7 days", "Within 30 days", "Within 90 days", "Later this year", "Later"];
        let titles: Vec<String> = page.texts("section.card h2").into_iter().filter(|title| groups.contains(&title.as_str())).collect();
        assert_eq!(titles, groups);
        assert_eq!(page.texts("tbody .svc-name"), ["Gone", "This week", "This month", "This quarter", "This year", "Far"]);
        page.shows(&["Carts , Clicks , Orders , Lake and 2 more", "in 5 days", "Known", "The consent ends, as LinkedIn Ads documents."]);
        assert_eq!(page.count("tbody a[href$='/reauthorize']"), 6);

        let endless = page.attr("dl.facts a", "href").expect("a link to those without an end");
        let list = owner.get(&endless).await.expect(200);
        assert_eq!(list.texts("tbody .svc-name"), ["Endless"]);

        let viewer = app.person(Role::Viewer).await;
        let page = viewer.get("/forecast").await.expect(200);
        assert_eq!(page.count("tbody tr"), 6);
        assert_eq!(page.count("tbody a[href$='/reauthorize']"), 0, "who may not reauthorize is not asked to");
    }

    async fn a_revoked_one_has_nothing_left_to_end(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let id = ending_in(&app, "Pages", Some(5)).await;
        owner.get(&format!("/authorizers/{id}/revoke")).await.expect(200);
        owner.submit("form[action$='/revoke']", &[]).await.expect(200);
        assert!(!owner.get("/forecast").await.has("tbody tr"), "{}", owner.page().shown());
        owner.get(&format!("/authorizers/{id}")).await.shows(&["nothing is left that could end"]);
    }

    async fn what_is_due_soon_is_listed_by_its_end_and_paged(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        for number in 0..27 {
            ending_in(&app, &format!("Pages {number:02}"), Some(28 - number)).await;
        }
        let mut expected: Vec<String> = (0..27).rev().map(|number| format!("Pages {number:02}")).collect();
        for path in ["/authorizers?status=due_soon", "/authorizers?status=due_soon&sort=attention"] {
            let first = owner.get(path).await.expect(200);
            assert_eq!(first.text("caption"), "Authorizers, those that end soonest first");
            let second = owner.get(&first.attr(".pager a[rel=next]", "href").expect("a second page")).await.expect(200);
            let names: Vec<String> = [first, second].iter().flat_map(|page| page.texts("tbody .svc-name")).collect();
            assert_eq!(names, expected);
        }
        expected.reverse();
        assert_eq!(owner.get("/authorizers?status=due_soon&sort=name").await.texts("tbody .svc-name"), expected[..25]);
    }

    async fn many_ends_are_paged_and_each_is_there_once(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        for number in 0..60 {
            ending_in(&app, &format!("Pages {number:02}"), Some(number % 3 + 2)).await;
        }
        let (mut names, mut path) = (Vec::new(), Some("/forecast".to_owned()));
        while let Some(next) = path {
            let page = owner.get(&next).await.expect(200);
            page.shows(&["60 authorizers"]);
            names.extend(page.texts("tbody .svc-name"));
            path = page.attr(".pager a[rel=next]", "href");
        }
        assert_eq!(names.len(), 60);
        names.sort();
        names.dedup();
        assert_eq!(names.len(), 60);
        let list = owner.get("/authorizers?sort=ends_first").await.expect(200);
        assert!(list.texts("tbody .cause")[0].contains("in 2 days"), "{}", list.shown());
    }
}
