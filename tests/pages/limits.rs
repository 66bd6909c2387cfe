//! How much, how often and how long a visitor may send: just below passes, just above is refused.
use std::time::Duration;

use authorizers::clock::Clock;
use authorizers::model::role::Role;
use authorizers::model::time::Moment;
use reqwest::Method;

use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::database::Kind;

const FORM: &str = "application/x-www-form-urlencoded";
const START: Moment = Moment::from_micros(1_795_442_591_000_000);

async fn fixed() -> (TestApp, Clock) {
    let clock = Clock::fixed(START);
    (TestApp::start_at(Kind::Sqlite, clock.clone()).await, clock)
}

async fn token(client: &Client) -> String {
    client.get("/account").await.attr("input[name=csrf]", "value").expect("a token")
}

/// A password is guessed on the pages of one's own account as well as on the sign-in page.
#[tokio::test(flavor = "multi_thread")]
async fn the_present_password_is_asked_for_ten_times_and_then_not_for_a_minute() {
    for (path, css, field) in [
        ("/account/email", "form#change-email", "password"),
        ("/account/password", "form#change-password", "present_password"),
    ] {
        let (app, clock) = fixed().await;
        let owner = app.set_up().await;
        let new = if field == "password" {
            ("email", "olga@example.com")
        } else {
            ("new_password", "another passphrase")
        };
        let send = async |password: &str| {
            owner.get("/account").await.expect(200);
            owner.submit(css, &[new, (field, password)]).await
        };
        for at in 0..10 {
            assert_eq!(send("not it at all").await.status, 422, "{path}, try {at}");
        }
        let page = send(PASSWORD).await;
        assert_eq!((page.status, page.header("retry-after")), (429, Some("60")), "{path}");
        assert!(app.sign_in_is_refused("owner@example.com").await, "they are counted together");
        clock.advance(Duration::from_secs(60));
        assert_eq!(send(PASSWORD).await.status, 200, "{path}");
    }
}

/// Who knows the password is not kept out by having mistyped it before.
#[tokio::test(flavor = "multi_thread")]
async fn a_right_password_gives_all_tries_back() {
    let (app, _) = fixed().await;
    app.set_up().await;
    for _ in 0..3 {
        let stranger = app.anonymous();
        for _ in 0..9 {
            stranger.get("/sign-in").await;
            let wrong = [("email", "owner@example.com"), ("password", "wrong")];
            stranger.submit("#sign-in", &wrong).await.expect(422);
        }
        app.sign_in("owner@example.com").await;
    }
}

with_app! {
    async fn a_body_of_one_mebibyte_is_read_and_one_byte_more_is_not(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let token = token(&owner).await;
        let begin = format!("csrf={token}&name=");
        for (length, status) in [(1 << 20, 422), ((1 << 20) + 1, 413)] {
            let body = format!("{begin}{}", "x".repeat(length - begin.len()));
            assert_eq!(owner.post("/account", FORM, &body).await.status, status, "{length} bytes");
        }
    }

    async fn figures_are_not_for_who_comes_through_a_proxy(app: TestApp) {
        let machine = app.anonymous();
        machine.with(Method::GET, "/metrics", &[], "").await.expect(200);
        for header in [
            ("x-forwarded-for", "203.0.113.9"),
            ("forwarded", "for=203.0.113.9"),
            ("x-real-ip", "203.0.113.9"),
            ("via", "1.1 proxy"),
        ] {
            machine.with(Method::GET, "/metrics", &[header], "").await.expect(404);
        }
    }

    async fn what_a_provider_sent_is_kept_while_signing_in_up_to_two_thousand_bytes(app: TestApp) {
        app.set_up().await;
        for (length, is_kept) in [(2_000, true), (2_001, false)] {
            let stranger = app.anonymous();
            let begin = "state=unknown&code=";
            let query = format!("{begin}{}", "x".repeat(length - begin.len()));
            let page = stranger.get(&format!("/oauth/callback?{query}")).await.expect(200);
            assert!(page.path().starts_with("/sign-in"), "{}", page.url);
            // The cookie is encrypted: that it holds the answer is seen by its length alone.
            let cookie = stranger.cookie("authorizers").expect("a cookie");
            assert_eq!(cookie.len() > length, is_kept, "{length}: a cookie of {}", cookie.len());
        }
    }
}
