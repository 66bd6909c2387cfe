//! Authorization attempts belong to the person who began them, in the browser in which they were begun.
use authorizers::model::role::Role;

use super::oauth::{callback, count, leave, ready};
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{PASSWORD, TestApp, with_app};

with_app! {
    async fn what_one_person_began_another_one_in_the_same_browser_cannot_finish(app: TestApp) {
        let owner = ready(&app).await;
        app.person(Role::Admin).await;
        let leaving = leave(&owner, "Ads").await;
        // The provider's pages are walked elsewhere, so that the callback is not called yet.
        let elsewhere = app.anonymous();
        let back = app.acme().walk(&elsewhere, leaving.refresh().unwrap().as_str(), "ann@example.com", Answer::Allow).await;
        let callback = callback(&back);
        owner.get("/authorizers").await.expect(200);
        owner.submit("form[action='/sign-out']", &[]).await.expect(200);
        let signed_in = [("email", "admin@example.com"), ("password", PASSWORD)];
        owner.get("/sign-in").await.expect(200);
        owner.submit("form#sign-in", &signed_in).await.expect(200);
        let refused = owner.get(&callback).await.expect(409);
        refused.shows(&["begun by somebody else"]);
        assert_eq!(count(&app), 0);
        assert_eq!(app.database.value("SELECT state AS value FROM attempts"), "pending", "it is used up");
        // Who began it can still finish it, in this browser.
        owner.get("/authorizers").await.expect(200);
        owner.submit("form[action='/sign-out']", &[]).await.expect(200);
        owner.get("/sign-in").await.expect(200);
        owner.submit("form#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(200);
        owner.get(&callback).await.expect(200).shows(&["Connected"]);
        assert_eq!(count(&app), 1);
    }

    async fn attempts_of_others_are_no_pages_and_take_no_choice(app: TestApp) {
        let owner = ready(&app).await;
        let path = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).path();
        owner.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = owner.submit("form#authorizer", &[]).await.expect(200);
        acme::walk(&app, &owner, &leaving, "bob@example.com", Answer::Allow).await.expect(200).shows(&["This is another"]);
        acme::authorize(&app, &owner, "Denied", "ann@example.com", Answer::Deny).await.expect(200);
        let admin = app.person(Role::Admin).await;
        let id = |state: &str| app.database.value(&format!("SELECT id AS value FROM attempts WHERE state = '{state}'"));
        let (waiting, failed) = (id("other_account"), id("failed"));
        admin.get("/members/new").await.expect(200);
        let token = admin.page().attr("input[name=csrf]", "value").expect("a token");
        for (id, verb, body) in [
            (&failed, "/again", ""), (&waiting, "/other-account", "&do=switch"), (&waiting, "/other-account", "&do=keep_both"),
            (&waiting, "/other-account", "&do=cancel"), (&waiting, "/again", ""),
        ] {
            let page = admin.post(&format!("/oauth/attempts/{id}{verb}"), "application/x-www-form-urlencoded", &format!("csrf={token}{body}")).await;
            assert_eq!(page.status, 404, "{verb}{body}: {}", page.shown());
        }
        for path in [format!("/oauth/attempts/{failed}"), format!("/oauth/attempts/{waiting}"), format!("/oauth/attempts/{waiting}/other-account")] {
            let page = admin.get(&path).await;
            assert_eq!(page.status, 404, "{path}: {}", page.shown());
            assert!(!page.body.contains("bob@example.com"));
        }
        assert_eq!(app.database.value("SELECT identity_label AS value FROM authorizers"), "ann@example.com");
        // Its owner still chooses.
        owner.get(&format!("/oauth/attempts/{waiting}/other-account")).await.expect(200);
        owner.submit("form#other", &[("do", "switch")]).await.expect(200).shows(&["bob@example.com"]);
    }

    async fn switching_after_a_reauthorization_needs_the_permission(app: TestApp) {
        let owner = ready(&app).await;
        let path = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).path();
        let authorizer = app.person(Role::Authorizer).await;
        authorizer.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = authorizer.submit("form#authorizer", &[]).await.expect(200);
        let page = acme::walk(&app, &authorizer, &leaving, "bob@example.com", Answer::Allow).await.expect(200);
        assert!(!page.has("input[value=switch]"), "{}", page.shown());
        let token = page.attr("input[name=csrf]", "value").expect("a token");
        let body = format!("csrf={token}&do=switch");
        let refused = authorizer.post(&page.path(), "application/x-www-form-urlencoded", &body).await;
        assert_eq!(refused.status, 403, "{}", refused.shown());
        assert_eq!(app.database.value("SELECT identity_label AS value FROM authorizers"), "ann@example.com");
        // What the role may do still works.
        authorizer.get(&page.path()).await.expect(200);
        authorizer.submit("form#other", &[("do", "keep_both")]).await.expect(200);
        assert_eq!(count(&app), 2);
    }

    async fn a_callback_in_which_a_parameter_comes_twice_is_refused(app: TestApp) {
        let owner = ready(&app).await;
        for (twice, status) in [("state=other", 409), ("code=other", 200), ("iss=https%3A%2F%2Fevil.example", 200), ("error=x&error=y", 200)] {
            let leaving = leave(&owner, "Ads").await;
            let elsewhere = app.anonymous();
            let back = app.acme().walk(&elsewhere, leaving.refresh().unwrap().as_str(), "ann@example.com", Answer::Allow).await;
            let page = owner.get(&format!("{}&{twice}", callback(&back))).await.expect(status);
            page.shows(&["gave an answer that cannot be read"]);
            if status == 200 {
                page.shows(&["came more than once"]);
            }
            assert_eq!(count(&app), 0, "{twice}");
        }
        acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await.expect(200).shows(&["Connected"]);
    }

    async fn an_admin_reads_the_code_and_the_text_of_an_error(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Ads").await;
        let url = leaving.refresh().unwrap();
        let state = url.query_pairs().find(|(name, _)| name == "state").unwrap().1.into_owned();
        let error = "error=interaction_required&error_description=AADSTS90094%3A+The+grant+requires+admin+permission";
        owner.get(&format!("/oauth/callback?state={state}&{error}")).await.expect(200)
            .shows(&["interaction_required", "AADSTS90094: The grant requires admin permission"]);
        assert!(!owner.page().body.contains(&state), "the state is shown");
    }
}
