//! What a webhook is sent: signed, tried again with waits, given up, and never twice under two ids.
use authorizers::model::role::Role;
use authorizers::worker::notify;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::webhooks::add;
use super::{DAY, MINUTE, breaks, later, replica, round, working};
use crate::support::app::{TestApp, with_app};
use crate::support::client::Client;
use crate::support::fake::{Fake, Reply, Seen};

/// As a receiver checks it: the HMAC over id, time and body, by the decoded secret.
pub fn is_signed(seen: &Seen, secret: &str) -> bool {
    let key = STANDARD.decode(secret.strip_prefix("whsec_").unwrap()).unwrap();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
    let content =
        format!("{}.{}.{}", seen.header("webhook-id"), seen.header("webhook-timestamp"), seen.body);
    let tag =
        STANDARD.decode(seen.header("webhook-signature").strip_prefix("v1,").unwrap()).unwrap();
    ring::hmac::verify(&key, content.as_bytes(), &tag).is_ok()
}

/// The owner, an endpoint, the webhook's page and its secret.
async fn hooked(app: &TestApp) -> (Client, Fake, String, String) {
    let owner = app.person(Role::Owner).await;
    let fake = Fake::start().await;
    let (path, secret) = add(&owner, &fake.url("/hook")).await;
    (owner, fake, path, secret)
}

async fn break_one(app: &TestApp, name: &str) -> String {
    let id = working(app, name).await;
    breaks(app, &id).await;
    id.to_string()
}

with_app! { start_mailing;
    async fn a_message_is_signed_and_names_what_happened_and_where_the_cure_is(app: TestApp) {
        let (owner, fake, path, secret) = hooked(&app).await;
        fake.answers("/hook", Reply::new(200, "text/plain", "ok"));
        let id = break_one(&app, "Shop").await;
        round(&app).await;
        let seen = fake.last();
        assert_eq!(seen.method, "POST");
        assert!(is_signed(&seen, &secret));
        assert_eq!(seen.header("content-type"), "application/json");
        let seconds = app.ctx.clock.now().micros() / 1_000_000;
        assert_eq!(seen.header("webhook-timestamp"), seconds.to_string());
        let body = seen.json();
        assert_eq!(body["type"], "authorizer.broken");
        assert_eq!(body["data"]["authorizer"]["id"], id.as_str());
        assert_eq!(body["data"]["authorizer"]["name"], "Shop");
        assert_eq!(body["data"]["service"]["name"], "PostgreSQL");
        assert_eq!(body["data"]["cause"], "login_rejected");
        assert_eq!(body["data"]["link"], format!("{}/authorizers/{id}/reauthorize", app.base));
        assert!(body["timestamp"].as_str().unwrap().ends_with('Z'));
        assert!(!seen.body.contains("hush") && !seen.body.contains("28P01"), "{}", seen.body);
        owner.get(&path).await.shows(&["Shop broke", "authorizer.broken", "The endpoint answered 200.", "Sent"]);
        later(&app, DAY).await;
        assert_eq!(fake.seen().len(), 1);
    }

    async fn what_was_not_taken_is_tried_again_with_growing_waits_under_the_same_id(app: TestApp) {
        let (owner, fake, path, secret) = hooked(&app).await;
        fake.answers_otherwise(Reply::html(500));
        break_one(&app, "Shop").await;
        round(&app).await;
        owner.get(&path).await.shows(&["The endpoint answered 500.", "Trying again", "Next try at"]);
        // 5 s, 30 s, 2 min, 10 min, 1 h, 6 h, 24 h: not before, and at most a fifth later.
        for (number, seconds) in [5, 30, 120, 600, 3600, 21_600, 86_400].into_iter().enumerate() {
            later(&app, std::time::Duration::from_secs(seconds - 1)).await;
            assert_eq!(fake.seen().len(), number + 1, "too early for try {}", number + 2);
            later(&app, std::time::Duration::from_secs(seconds / 5 + 2)).await;
            assert_eq!(fake.seen().len(), number + 2, "try {}", number + 2);
        }
        later(&app, DAY * 7).await;
        let seen = fake.seen();
        assert_eq!(seen.len(), 8, "given up");
        assert!(seen.iter().all(|one| one.header("webhook-id") == seen[0].header("webhook-id") && is_signed(one, &secret)));
        owner.get(&path).await.shows(&["Failed", "8 tries"]);

        fake.answers("/hook", Reply::new(200, "text/plain", ""));
        owner.submit("form[action$='/again']", &[]).await.expect(200).shows(&["The endpoint took it and answered 200.", "Sent"]);
        assert_eq!(fake.last().header("webhook-id"), seen[0].header("webhook-id"));
    }

    async fn an_endpoint_may_ask_for_a_longer_wait(app: TestApp) {
        let (_, fake, ..) = hooked(&app).await;
        fake.answers("/hook", Reply::html(503).header("Retry-After", "600"));
        fake.answers("/hook", Reply::new(200, "text/plain", ""));
        break_one(&app, "Shop").await;
        round(&app).await;
        later(&app, MINUTE * 9).await;
        assert_eq!(fake.seen().len(), 1);
        later(&app, MINUTE).await;
        assert_eq!(fake.seen().len(), 2);
    }

    async fn an_endpoint_that_is_gone_is_switched_off(app: TestApp) {
        let (owner, fake, path, _) = hooked(&app).await;
        fake.answers("/hook", Reply::html(410));
        break_one(&app, "Shop").await;
        round(&app).await;
        owner.get(&path).await.shows(&["Gone", "Switched off.", "it is gone for good"]);
        owner.get("/webhooks").await.shows(&["Gone"]);
        break_one(&app, "Lake").await;
        later(&app, DAY).await;
        assert_eq!(fake.seen().len(), 1);
        owner.get(&format!("{path}/edit")).await.expect(200);
        owner.submit("form#webhook", &[("is_active", "true")]).await.expect(200).shows(&["On"]);
    }

    async fn an_endpoint_that_is_away_is_named_in_words(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let fake = Fake::gone().await;
        let (path, _) = add(&owner, &fake.url("/hook")).await;
        break_one(&app, "Shop").await;
        round(&app).await;
        owner.get(&path).await.shows(&["Nothing answers on this port.", "Trying again"]);
    }

    async fn two_workers_at_once_post_once(app: TestApp) {
        let (_, fake, ..) = hooked(&app).await;
        fake.answers_otherwise(Reply::new(200, "text/plain", ""));
        let (one, other) = (replica(&app, "one").await, replica(&app, "other").await);
        for number in 1..=4 {
            break_one(&app, &format!("Shop {number}")).await;
            let (a, b) = tokio::join!(notify::run_once(&one), notify::run_once(&other));
            a.and(b).expect("two rounds");
            assert_eq!(fake.seen().len(), number);
        }
    }

    async fn what_a_stopped_process_had_begun_is_posted_when_its_claim_ends(app: TestApp) {
        let (_, fake, ..) = hooked(&app).await;
        fake.answers("/hook", Reply::html(500));
        fake.answers("/hook", Reply::new(200, "text/plain", ""));
        break_one(&app, "Shop").await;
        round(&app).await;
        let until = app.ctx.clock.now().plus(MINUTE).micros();
        app.database.execute(&format!(
            "UPDATE deliveries SET claimed_by = 'stopped', claimed_until = {until}, next_try_at = 1 WHERE webhook_id IS NOT NULL"
        ));
        round(&app).await;
        assert_eq!(fake.seen().len(), 1);
        later(&app, MINUTE).await;
        let seen = fake.seen();
        assert_eq!(seen.len(), 2);
        assert_eq!(seen[0].header("webhook-id"), seen[1].header("webhook-id"));
    }
}
