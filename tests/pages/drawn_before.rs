//! A list that was drawn before is shown again only as long as it is true, and to those it is for.
use authorizers::model::role::Role;

use crate::support::app::{TestApp, with_app};
use crate::support::house;

const FORM: &str = "application/x-www-form-urlencoded";

with_app! {
    async fn a_list_shows_at_once_what_another_process_wrote(app: TestApp) {
        let owner = app.set_up().await;
        let id = house::postgres(&app, &house::owner(&app), "Shop").await;
        owner.get("/authorizers").await.shows(&["Shop"]);
        for name in ["Market", "Bazaar", "Shop"] {
            app.database.execute(&format!("UPDATE authorizers SET name = '{name}' WHERE id = '{id}'"));
            assert_eq!(owner.get("/authorizers").await.text("tbody .svc-name"), name);
            assert_eq!(owner.get("/authorizers").await.text("tbody .svc-name"), name);
        }
        // What every page counts, too.
        app.database.execute("UPDATE authorizers SET health = 'needs_reauthorization', attention = 0");
        let page = owner.get("/authorizers").await;
        page.shows(&["1 authorizer is broken."]);
        assert_eq!(page.text("nav .count"), "1 broken");
        assert_eq!(owner.get("/sources").await.text("nav .count"), "1 broken");
        app.database.execute("UPDATE authorizers SET health = 'ok', attention = 3");
        assert!(!owner.get("/sources").await.has("nav .count"));
    }

    async fn who_was_here_a_moment_ago_is_refused_at_once_when_that_was_taken_away(app: TestApp) {
        app.set_up().await;
        let editor = app.person(Role::Editor).await;
        for _ in 0..2 {
            assert!(editor.get("/authorizers").await.expect(200).has("a[href='/requests/new']"));
        }
        // By another process.
        app.database.execute("UPDATE users SET role = 'viewer' WHERE role = 'editor'");
        assert!(!editor.get("/authorizers").await.expect(200).has("a[href='/requests/new']"));
        editor.get("/sources/new").await.expect(403);
        app.database.execute("UPDATE users SET session_epoch = session_epoch + 1 WHERE role = 'viewer'");
        assert!(editor.get("/authorizers").await.expect(200).path().starts_with("/sign-in"));
    }

    async fn people_of_one_role_share_a_list_and_no_token(app: TestApp) {
        app.set_up().await;
        house::postgres(&app, &house::owner(&app), "Shop").await;
        let (anna, bela) = (app.person(Role::Admin).await, app.person(Role::Admin).await);
        let token = |page: &crate::support::page::Page| page.attr("form#act input[name=csrf]", "value").expect("a token");
        let (of_anna, of_bela) = (anna.get("/authorizers").await, bela.get("/authorizers").await);
        assert_ne!(token(&of_anna), token(&of_bela));
        assert!(!of_bela.body.contains(&token(&of_anna)));
        let test = of_bela.attr("button[form=act]", "formaction").expect("a button");
        let with = |page| format!("csrf={}", token(page));
        bela.post(&test, FORM, &with(&of_anna)).await.expect(403);
        bela.post(&test, FORM, &with(&of_bela)).await.expect(303);
    }

    async fn a_list_that_an_owner_has_seen_is_not_what_a_viewer_sees(app: TestApp) {
        let owner = app.set_up().await;
        house::postgres(&app, &house::owner(&app), "Shop").await;
        let viewer = app.person(Role::Viewer).await;
        for _ in 0..2 {
            assert!(owner.get("/authorizers").await.has(".row-actions"));
            let page = viewer.get("/authorizers").await;
            page.shows(&["Shop"]);
            assert!(!page.has(".row-actions") && !page.has("form#act") && !page.has("a[href='/authorizers/new']"));
        }
    }
}
