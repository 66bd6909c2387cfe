//! One's own account: what decides who gets in asks for the password, and ends what it should.
use authorizers::model::role::Role;

use crate::support::app::{PASSWORD, TestApp, with_app};

const NEW: &str = "another fine passphrase";

with_app! {
    async fn a_new_password_closes_links_to_set_one(app: TestApp) {
        let owner = app.set_up().await;
        let viewer = app.person(Role::Viewer).await;
        owner.get("/members/user-viewer").await;
        let page = owner.submit("form#new-link", &[]).await.expect(200);
        let link = page.attr("input#link", "value").expect("a link");
        app.anonymous().get(&link).await.expect(200);
        viewer.get("/account").await;
        let fields = [("present_password", PASSWORD), ("new_password", NEW)];
        viewer.submit("form#change-password", &fields).await.expect(200);
        app.anonymous().get(&link).await.expect(410).shows(&["This link has been used"]);
    }

    async fn a_new_password_signs_out_everywhere_else(app: TestApp) {
        let here = app.set_up().await;
        let there = app.sign_in("owner@example.com").await;
        here.get("/account").await.expect(200);
        let wrong = [("present_password", "not it at all"), ("new_password", NEW)];
        let page = here.submit("form#change-password", &wrong).await.expect(422);
        assert!(page.shown().contains("not right") && !page.body.contains(NEW), "{}", page.shown());
        assert_eq!(here.get(&page.path()).await.expect(200).path(), "/account", "its address opened anew is no dead end");
        here.get("/account").await;
        here.submit("form#change-password", &[("present_password", PASSWORD), ("new_password", "short")]).await.expect(422);
        there.get("/account").await.expect(200);
        here.submit("form#change-password", &[("present_password", PASSWORD), ("new_password", NEW)]).await.expect(200);
        here.get("/account").await.expect(200);
        assert!(there.get("/account").await.path().starts_with("/sign-in"));
        let (old, new) = (app.anonymous(), app.anonymous());
        for (client, password, status) in [(old, PASSWORD, 422), (new, NEW, 200)] {
            client.get("/sign-in").await;
            client.submit("form#sign-in", &[("email", "owner@example.com"), ("password", password)]).await.expect(status);
        }
    }

    async fn another_address_needs_the_password_and_must_be_free(app: TestApp) {
        let owner = app.set_up().await;
        app.person(Role::Viewer).await;
        owner.get("/account").await;
        let page = owner.submit("form#change-email", &[("email", "o2@example.com")]).await.expect(422);
        assert_eq!(page.attr("form#change-email input[name=email]", "value").as_deref(), Some("o2@example.com"));
        let taken = [("email", "VIEWER@example.com"), ("password", PASSWORD)];
        owner.submit("form#change-email", &taken).await.expect(422).shows(&["Somebody else signs in with this address."]);
        owner.submit("form#change-email", &[("email", "o2@example.com"), ("password", PASSWORD)]).await.expect(200);
        app.sign_in("O2@example.com").await;
    }

    async fn name_and_colours_are_kept(app: TestApp) {
        let owner = app.set_up().await;
        owner.get("/account").await;
        let page = owner.submit("form#profile", &[("name", "Olga <b>"), ("theme", "dark")]).await.expect(200);
        page.shows(&["Olga <b>"]);
        assert_eq!(page.attr("html", "data-theme").as_deref(), Some("dark"));
        owner.submit("form#profile", &[("name", " ")]).await.expect(422);
    }

    async fn a_session_is_ended_from_elsewhere_and_its_id_is_on_no_page(app: TestApp) {
        let here = app.set_up().await;
        let there = app.sign_in("owner@example.com").await;
        let third = app.sign_in("owner@example.com").await;
        let page = here.get("/account").await.expect(200);
        assert_eq!(page.count("main input[name=session]"), 3, "two others, and all others");
        for number in 0..3 {
            let id = app.database.value(&format!("SELECT id AS value FROM sessions ORDER BY id LIMIT 1 OFFSET {number}"));
            assert!(!page.body.contains(&id), "a session's id is its secret");
        }
        here.submit("ul form[action='/account/sessions']", &[]).await.expect(200).shows(&["Signed out there."]);
        let mut out = 0;
        for client in [&there, &third] {
            out += usize::from(client.get("/account").await.path().starts_with("/sign-in"));
        }
        assert_eq!(out, 1);
        here.submit("form#sign-out-others", &[]).await.expect(200);
        for client in [&there, &third] {
            assert!(client.get("/account").await.path().starts_with("/sign-in"));
        }
        here.get("/account").await.expect(200);
    }

    async fn nobody_ends_the_session_of_somebody_else(app: TestApp) {
        let owner = app.set_up().await;
        let viewer = app.person(Role::Viewer).await;
        app.sign_in("owner@example.com").await;
        let name = owner.get("/account").await.attr("ul input[name=session]", "value").expect("another session");
        let csrf = viewer.get("/account").await.attr("input[name=csrf]", "value").expect("a token");
        let before = app.database.count("sessions");
        let body = format!("csrf={csrf}&session={name}");
        viewer.post("/account/sessions", "application/x-www-form-urlencoded", &body).await;
        assert_eq!(app.database.count("sessions"), before);
    }

    async fn passwords_cannot_be_guessed_without_end(app: TestApp) {
        app.set_up().await;
        let guesser = app.anonymous();
        guesser.get("/sign-in").await;
        let mut answers = Vec::new();
        for _ in 0..11 {
            let guess = [("email", "owner@example.com"), ("password", "a wrong password")];
            answers.push(guesser.submit("form#sign-in", &guess).await.status);
        }
        assert_eq!((answers[0], answers[10]), (422, 429), "{answers:?}");
        // The right one waits as well: otherwise the answer would tell.
        guesser.submit("form#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(429);
    }

    async fn an_unknown_address_reads_as_a_wrong_password(app: TestApp) {
        app.set_up().await;
        let visitor = app.anonymous();
        let mut pages = Vec::new();
        for email in ["owner@example.com", "nobody@example.com"] {
            visitor.get("/sign-in").await;
            let page = visitor.submit("form#sign-in", &[("email", email), ("password", "a wrong password")]).await.expect(422);
            pages.push(page.shown());
        }
        assert_eq!(pages[0], pages[1]);
    }
}
