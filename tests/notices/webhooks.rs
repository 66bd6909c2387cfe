//! Webhooks as an admin deals with them: made, tested, switched off, renewed, deleted; their secrets seen once.
use authorizers::model::authorizer::Verdict;
use authorizers::model::role::Role;

use super::webhook_tries::is_signed;
use super::{DAY, breaks, later, round, verdict, working};
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply};
use crate::support::logs;

/// Added by its form; the path of its page and its secret.
pub async fn add(client: &Client, url: &str) -> (String, String) {
    client.get("/webhooks/new").await.expect(200);
    let page =
        client.submit("form#webhook", &[("name", "Team chat"), ("url", url)]).await.expect(200);
    let secret = page.attr("#secret", "value").expect("the secret, once");
    assert!(secret.starts_with("whsec_"), "{secret}");
    (page.path(), secret)
}

with_app! { start_mailing;
    async fn a_secret_is_shown_once_and_is_nowhere_else(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        let (path, secret) = add(&owner, &fake.url("/hook")).await;
        let page = owner.get(&path).await.expect(200);
        assert!(!page.has("#secret") && !page.body.contains(&secret));
        let contents = format!("{:?}", app.database.contents());
        for form in [secret.as_str(), secret.trim_start_matches("whsec_")] {
            assert!(!contents.contains(form) && !logs::all().contains(form), "the secret lies about");
        }
        owner.get("/activity").await.shows(&["Created", "Team chat", "Webhook"]);
        assert!(!owner.page().body.contains("/hook"), "an address may hold a secret");
    }

    async fn a_test_shows_what_the_endpoint_answers_and_is_tried_once(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        fake.answers("/hook", Reply::new(204, "text/plain", ""));
        owner.submit("form#test", &[]).await.expect(200).shows(&["The endpoint took it and answered 204.", "Sent"]);
        assert_eq!(fake.last().json()["type"], "test");
        fake.answers("/hook", Reply::html(502));
        owner.submit("form#test", &[]).await.expect(200).shows(&["It was not taken. The endpoint answered 502.", "Failed"]);
        fake.answers("/hook", Reply::new(302, "text/plain", "").header("Location", "/elsewhere"));
        owner.submit("form#test", &[]).await.expect(200).shows(&["answered 302"]);
        later(&app, DAY).await;
        assert_eq!(fake.seen().len(), 3, "neither a redirect nor a second try");
        assert_eq!(owner.get(&path).await.count("li.delivery"), 3);
    }

    async fn an_address_in_a_closed_network_is_refused_when_saved_and_when_called(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.get("/webhooks/new").await.expect(200);
        for url in ["https://10.0.0.1/hook", "https://169.254.169.254/", "https://[fd00::1]/", "ftp://example.com", "hooks", "https://u:p@example.com/"] {
            let page = owner.submit("form#webhook", &[("name", "Team chat"), ("url", url)]).await.expect(422);
            assert!(page.has("#url-error"), "{url}: {}", page.shown());
        }
        let fake = Fake::start().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        // A name can lead anywhere: this is what its address would be.
        app.database.execute("UPDATE webhooks SET url = 'https://10.0.0.1/hook'");
        owner.get(&path).await.expect(200);
        owner.submit("form#test", &[]).await.expect(200).shows(&["It was not taken. This address may not be called."]);
    }

    async fn a_renewed_secret_takes_the_place_of_the_old_one(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::new(200, "text/plain", ""));
        let (_, old) = add(&owner, &fake.url("/hook")).await;
        let page = owner.submit("form#renew", &[]).await.expect(200);
        let new = page.attr("#secret", "value").expect("the new one");
        assert_ne!(old, new);
        owner.submit("form#test", &[]).await.expect(200);
        let seen = fake.last();
        assert!(is_signed(&seen, &new) && !is_signed(&seen, &old));
        owner.get("/activity?verb=secret_renewed").await.shows(&["Team chat"]);
    }

    async fn it_is_told_of_what_was_chosen_and_not_while_it_is_off(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        fake.answers_otherwise(Reply::new(200, "text/plain", ""));
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        let (one, other) = (working(&app, "One").await, working(&app, "Other").await);
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit_without("form#webhook", "topic_broken", "true").await.expect(200).shows(&["Saved."]);
        breaks(&app, &one).await;
        round(&app).await;
        assert!(fake.seen().is_empty(), "it did not want to know");
        verdict(&app, &one, Verdict::ok()).await;
        round(&app).await;
        assert_eq!(fake.last().json()["type"], "authorizer.recovered");
        fake.answers("/hook", Reply::html(500));
        app.ctx.clock.advance(DAY);
        verdict(&app, &one, Verdict::failed(authorizers::model::cause::Cause::GrantRevoked, vec![], None)).await;
        verdict(&app, &one, Verdict::ok()).await;
        round(&app).await;
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit_without("form#webhook", "is_active", "true").await.expect(200).shows(&["Off"]);
        breaks(&app, &other).await;
        verdict(&app, &other, Verdict::ok()).await;
        later(&app, DAY).await;
        assert_eq!(fake.seen().len(), 2, "neither what is new nor what waited");
        owner.get(&path).await.shows(&["Not sent", "No longer of use."]);
    }

    async fn an_edit_of_a_stale_version_is_refused(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        owner.get(&format!("{path}/edit")).await.expect(200);
        let tab = owner.tab();
        owner.submit("form#webhook", &[("name", "Pager")]).await.expect(200);
        tab.submit("form#webhook", &[("name", "Chat")]).await.expect(409);
        owner.get(&path).await.shows(&["Pager"]);
    }

    async fn a_deleted_one_is_gone_with_its_log(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        let id = working(&app, "Shop").await;
        breaks(&app, &id).await;
        round(&app).await;
        owner.get(&format!("{path}/delete")).await.expect(200).shows(&["Delete Team chat?"]);
        owner.submit("form#delete", &[]).await.expect(200).shows(&["The webhook is deleted.", "No webhook yet"]);
        owner.get(&path).await.expect(404);
        later(&app, DAY).await;
        assert_eq!(fake.seen().len(), 1);
    }

    async fn they_are_a_matter_of_owners_and_admins(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::start().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        for (role, status) in [(Role::Admin, 200), (Role::Editor, 403), (Role::Authorizer, 403), (Role::Viewer, 403)] {
            let client = app.person(role).await;
            assert_eq!(client.get("/").await.has("nav a[href='/webhooks']"), status == 200, "{role:?}");
            for page in ["/webhooks", "/webhooks/new", &path, &format!("{path}/edit"), &format!("{path}/delete")] {
                client.get(page).await.expect(status);
            }
            client.get("/account/notices").await.expect(200);
        }
    }
}
