//! An attempt belongs to one person in one browser, for ten minutes, once.
use std::time::Duration;

use authorizers::model::role::Role;
use reqwest::Method;

use super::oauth::{callback, count, leave, ready};
use crate::services::oauth::Answer;
use crate::support::acme;
use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;

const FORM: &str = "application/x-www-form-urlencoded";

/// Walks through the provider's pages in a browser without a session; the way back that it ends at.
async fn walked(app: &TestApp, leaving: &crate::support::page::Page, email: &str) -> String {
    let url = leaving.refresh().expect("it leads to Acme");
    let page = app.acme().walk(&app.anonymous(), url.as_str(), email, Answer::Allow).await;
    callback(&page)
}

/// Signs out and signs somebody else in, in the same browser.
async fn change_person(client: &Client, email: &str) {
    client.get("/authorizers").await.expect(200);
    client.submit("form[action='/sign-out']", &[]).await.expect(200);
    let fields = [("email", email), ("password", PASSWORD)];
    client.submit("form#sign-in", &fields).await.expect(200);
}

with_app! {
    async fn an_attempt_of_another_person_is_not_completed_in_the_same_browser(app: TestApp) {
        let client = ready(&app).await;
        app.add_person(Role::Admin);
        let leaving = leave(&client, "Ads").await;
        let came_back = walked(&app, &leaving, "ann@example.com").await;
        change_person(&client, "admin@example.com").await;
        client.get(&came_back).await.expect(409).shows(&["begun by somebody else"]);
        assert_eq!(count(&app), 0);
        change_person(&client, "owner@example.com").await;
        client.get(&came_back).await.expect(200).shows(&["Ads", "Connected"]);
        assert_eq!(count(&app), 1);
    }

    async fn who_may_not_switch_is_refused_the_other_account_and_may_keep_both(app: TestApp) {
        let owner = ready(&app).await;
        let page = acme::authorize(&app, &owner, "Ads", "ann@example.com", Answer::Allow).await;
        let path = page.expect(200).path();
        let anna = app.person(Role::Authorizer).await;
        anna.get(&format!("{path}/reauthorize")).await.expect(200);
        let leaving = anna.submit("form#authorizer", &[]).await.expect(200);
        let page = acme::walk(&app, &anna, &leaving, "bob@example.com", Answer::Allow).await;
        let page = page.expect(200);
        page.shows(&["This is another", "bob@example.com"]);
        assert!(!page.has("button[value=switch]"), "it is not offered");
        let token = page.attr("#other input[name=csrf]", "value").expect("a token");
        let before = app.contents();
        let body = format!("csrf={token}&do=switch");
        anna.post(&page.path(), FORM, &body).await.expect(403);
        assert_eq!(before, app.contents());
        anna.get(&path).await.shows(&["ann@example.com"]);
        anna.get(&page.path()).await.expect(200);
        anna.submit("form#other", &[("do", "keep_both")]).await.expect(200);
        assert_eq!(count(&app), 2);
        // Pressed twice, and in another tab: the choice is made.
        for (choice, status) in [("keep_both", 409), ("switch", 403), ("cancel", 409)] {
            let body = format!("csrf={token}&do={choice}");
            owner.post(&page.path(), FORM, &body).await.expect(403);
            let again = anna.post(&page.path(), FORM, &body).await;
            assert_eq!(again.status, status, "{choice}: {}", again.shown());
        }
        assert_eq!(count(&app), 2);
    }
}

with_app! { start_apart;
    async fn of_eight_callbacks_at_once_one_is_exchanged(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Ads").await;
        let came_back = walked(&app, &leaving, "ann@example.com").await;
        let calls = app.acme().calls("/token").await;
        let tabs: Vec<_> = (0..8)
            .map(|_| {
                let (tab, path) = (owner.tab(), came_back.clone());
                tokio::spawn(async move { tab.get(&path).await.status })
            })
            .collect();
        let mut statuses = Vec::new();
        for tab in tabs {
            statuses.push(tab.await.unwrap());
        }
        statuses.sort_unstable();
        assert_eq!(statuses, [200, 409, 409, 409, 409, 409, 409, 409]);
        assert_eq!(app.acme().calls("/token").await - calls, 1);
        assert_eq!(count(&app), 1);
    }
}

with_app! { start_fixed;
    async fn an_attempt_is_open_for_ten_minutes_and_then_says_so(app: TestApp) {
        let owner = ready(&app).await;
        let leaving = leave(&owner, "Late").await;
        let came_back = walked(&app, &leaving, "ann@example.com").await;
        app.ctx.clock.advance(Duration::from_secs(600));
        owner.get(&came_back).await.expect(409).shows(&["It took too long"]);
        assert_eq!(count(&app), 0);
        let leaving = leave(&owner, "In time").await;
        let came_back = walked(&app, &leaving, "ann@example.com").await;
        app.ctx.clock.advance(Duration::from_secs(599));
        owner.get(&came_back).await.expect(200).shows(&["In time", "Connected"]);
        app.ctx.clock.advance(Duration::from_secs(3600));
        let again = owner.with(Method::GET, &came_back, &[], "").await;
        again.expect(409).shows(&["This authorization is over"]);
        assert_eq!(count(&app), 1);
    }
}
