//! The lists: search, filters, what stands still, and unfinished forms.
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::house;

with_app! {
    async fn the_list_is_searched_and_filtered(app: TestApp) {
        house::furnish(&app).await;
        let owner = app.person(Role::Owner).await;
        let names = |page: crate::support::page::Page| page.texts("tbody .svc-name");
        assert_eq!(names(owner.get("/sources").await), ["Orders", "Stopped orders"]);
        assert_eq!(names(owner.get("/sources?q=stopped").await), ["Stopped orders"]);
        assert_eq!(names(owner.get("/sources?status=broken").await), ["Stopped orders"]);
        assert_eq!(names(owner.get("/destinations?status=broken").await), ["Stopped lake"]);
        assert_eq!(names(owner.get("/sources?service=postgresql&q=ORD").await), ["Orders", "Stopped orders"]);
        assert_eq!(names(owner.get("/sources?service=mysql").await), [""; 0]);
        owner.get("/sources?q=%25").await.shows(&["Nothing matches"]);
        owner.get("/sources").await.shows(&["1 source stands still"]);
    }

    async fn more_than_a_page_is_walked_without_a_gap(app: TestApp) {
        house::furnish(&app).await;
        for n in 0..120 {
            app.database.execute(&format!(
                "INSERT INTO sources (id, name, name_folded, service, authorizer_id, settings, version, created_at, updated_at)
                 SELECT 'many-{n}', 'Many {n:03}', 'many {n:03}', service, id, '{{}}', 1, 1, 1 FROM authorizers WHERE name = 'Working'"
            ));
        }
        let owner = app.person(Role::Owner).await;
        let (mut path, mut seen) = ("/sources?q=many".to_owned(), Vec::new());
        loop {
            let page = owner.get(&path).await.expect(200);
            seen.extend(page.texts("tbody .svc-name"));
            match page.attr("a[rel=next]", "href") {
                Some(next) => path = next,
                None => break,
            }
        }
        let all: Vec<String> = (0..120).map(|n| format!("Many {n:03}")).collect();
        assert_eq!(seen, all);
    }

    async fn an_empty_list_says_what_it_is_for(app: TestApp) {
        let owner = app.set_up().await;
        owner.get("/sources").await.expect(200).shows(&["No source yet", "New source"]);
        owner.get("/destinations").await.expect(200).shows(&["No destination yet", "New destination"]);
    }
}
