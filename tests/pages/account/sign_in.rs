//! Signing in, being signed out, and what was typed meanwhile.
use std::time::Duration;

use authorizers::clock::Clock;
use authorizers::model::role::Role;
use authorizers::model::time::Moment;
use reqwest::Method;

use crate::support::app::{PASSWORD, TestApp, with_app};
use crate::support::client::Client;
use crate::support::database::Kind;

async fn try_with(client: &Client, email: &str, password: &str) -> crate::support::page::Page {
    client.get("/sign-in").await.expect(200);
    client.submit("#sign-in", &[("email", email), ("password", password)]).await
}

/// The same browser signs out in another tab: the cookie of this one opens nothing any more.
async fn end_session(client: &Client) {
    let tab = client.tab();
    tab.get("/authorizers").await.expect(200);
    tab.submit("form[action='/sign-out']", &[]).await;
}

with_app! {
    async fn an_unknown_address_and_a_wrong_password_are_told_alike(app: TestApp) {
        app.set_up().await;
        let stranger = app.anonymous();
        let wrong = try_with(&stranger, "owner@example.com", "not the password").await.expect(422);
        let unknown = try_with(&stranger, "nobody@example.com", "not the password").await.expect(422);
        assert_eq!(wrong.text("#why"), unknown.text("#why"));
        assert_eq!(wrong.attr("#email", "value").as_deref(), Some("owner@example.com"));
        assert!(!wrong.body.contains("not the password"));
    }

    async fn signing_in_leads_to_the_page_that_was_wanted_and_never_elsewhere(app: TestApp) {
        app.set_up().await;
        let fields = [("email", "OWNER@example.com"), ("password", PASSWORD)];
        for (wanted, then) in [("/authorizers?status=broken", "/authorizers?status=broken"), ("/sign-in?back=//evil.example", "/authorizers")] {
            let stranger = app.anonymous();
            stranger.get(wanted).await.expect(200);
            assert_eq!(stranger.submit("#sign-in", &fields).await.path(), then);
        }
    }

    async fn a_session_that_was_ended_opens_nothing(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        let cookie = format!("authorizers={}", owner.cookie("authorizers").expect("a cookie"));
        end_session(&owner).await;
        let copied = app.anonymous().with(Method::GET, "/authorizers", &[("cookie", &cookie)], "").await;
        assert_eq!(copied.header("location"), Some("/sign-in?back=%2Fauthorizers"));
    }

    async fn signing_in_changes_the_cookie_and_the_token(app: TestApp) {
        app.set_up().await;
        let client = app.anonymous();
        let before = client.get("/sign-in").await.attr("input[name=csrf]", "value");
        let page = client.submit("#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(200);
        assert!(before.is_some() && before != page.attr("input[name=csrf]", "value"));
    }

    async fn what_was_typed_survives_a_session_that_ran_out(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.get("/oauth-apps/new/acme-reports").await.expect(200);
        let before = owner.tab();
        end_session(&owner).await;
        let typed = [("client_id", "id-that-was-typed"), ("client_secret", "secret-that-was-typed")];
        let asked = before.submit("#app", &typed).await.expect(401);
        asked.shows(&["Your session ran out", "except for passwords, keys and files"]);
        assert!(asked.body.contains("id-that-was-typed") && !asked.body.contains("secret-that-was-typed"));
        let wrong = before.submit("#sign-in", &[("email", "owner@example.com"), ("password", "wrong")]).await.expect(422);
        assert!(wrong.body.contains("id-that-was-typed"));
        before.submit("#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)]).await.expect(200);
        let form = before.submit("#again", &[]).await.expect(422);
        assert_eq!(form.attr("#client_id", "value").as_deref(), Some("id-that-was-typed"));
        assert!(form.has("#client_secret[aria-invalid=true]"));
    }

    async fn a_form_from_before_the_last_sign_in_can_be_sent_again(app: TestApp) {
        let owner = app.person(Role::Owner).await;
        owner.get("/oauth-apps/new/acme-reports").await.expect(200);
        let second = owner.tab();
        try_after_signing_out(&second).await;
        let form = owner.page();
        let late = second.tab();
        late.get("/authorizers").await;
        let body = format!("csrf={}&client_id=mine", form.attr("#app input[name=csrf]", "value").expect("a token"));
        let page = late.post("/oauth-apps/new/acme-reports", "application/x-www-form-urlencoded", &body).await.expect(403);
        page.shows(&["Send it again"]);
        assert_eq!(page.attr("#again input[name=client_id]", "value").as_deref(), Some("mine"));
        assert_eq!(page.attr("#again", "action").as_deref(), Some("/oauth-apps/new/acme-reports"));
    }
}

async fn try_after_signing_out(client: &Client) {
    client.get("/authorizers").await.expect(200);
    client.submit("form[action='/sign-out']", &[]).await;
    client
        .submit("#sign-in", &[("email", "owner@example.com"), ("password", PASSWORD)])
        .await
        .expect(200);
}

const OWNER: &str = "owner@example.com";

async fn start_fixed() -> (TestApp, Clock) {
    let clock = Clock::fixed(Moment::from_micros(1_795_442_591_000_000));
    (TestApp::start_at(Kind::Sqlite, clock.clone()).await, clock)
}

#[tokio::test(flavor = "multi_thread")]
async fn after_ten_wrong_passwords_one_has_to_wait_and_then_the_right_one_works() {
    let (app, clock) = start_fixed().await;
    app.set_up().await;
    let stranger = app.anonymous();
    for at in 0..10 {
        assert_eq!(try_with(&stranger, OWNER, "wrong").await.status, 422, "try {at}");
    }
    let page = try_with(&stranger, OWNER, PASSWORD).await.expect(429);
    assert_eq!(page.header("retry-after"), Some("60"));
    page.shows(&["Wait 60 seconds"]);
    clock.advance(Duration::from_secs(60));
    assert_eq!(try_with(&stranger, OWNER, PASSWORD).await.expect(200).path(), "/authorizers");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_locks_an_owner_out_from_elsewhere() {
    let (app, _) = start_fixed().await;
    app.set_up().await;
    let stranger = Client::from_address(&app.base, "127.0.0.2");
    while try_with(&stranger, OWNER, "wrong").await.status != 429 {}
    try_with(&stranger, OWNER, PASSWORD).await.expect(429);
    try_with(&app.anonymous(), OWNER, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_guess_from_many_places_is_slowed_and_the_owner_is_let_in_from_everywhere() {
    let (app, clock) = start_fixed().await;
    app.set_up().await;
    for number in 0..100 {
        let stranger = Client::from_address(&app.base, &format!("127.0.1.{number}"));
        try_with(&stranger, OWNER, "wrong").await.expect(422);
    }
    let new_place = Client::from_address(&app.base, "127.0.2.1");
    for _ in 0..3 {
        try_with(&new_place, OWNER, "wrong").await.expect(422);
    }
    let refused = try_with(&new_place, OWNER, PASSWORD).await.expect(429);
    assert_eq!(refused.header("retry-after"), Some("3600"));
    // Where somebody is signed in to the account, all ten tries are left; elsewhere, three.
    for _ in 0..5 {
        try_with(&app.anonymous(), OWNER, "wrong").await.expect(422);
    }
    try_with(&app.anonymous(), OWNER, PASSWORD).await.expect(200);
    let third_place = Client::from_address(&app.base, "127.0.2.2");
    try_with(&third_place, OWNER, PASSWORD).await.expect(200);
    clock.advance(Duration::from_secs(3600));
    try_with(&new_place, OWNER, PASSWORD).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clock_that_was_wrong_for_a_while_locks_nobody_out() {
    let (app, clock) = start_fixed().await;
    app.set_up().await;
    let (stranger, today) = (app.anonymous(), clock.now());
    clock.set_wall(today.plus(Duration::from_secs(400 * 86_400)));
    for _ in 0..10 {
        try_with(&stranger, OWNER, "wrong").await.expect(422);
    }
    clock.set_wall(today);
    let page = try_with(&stranger, OWNER, PASSWORD).await.expect(429);
    assert_eq!(page.header("retry-after"), Some("60"));
    clock.advance(Duration::from_secs(60));
    try_with(&stranger, OWNER, PASSWORD).await.expect(200);
}

/// No member has such an address; the log and the limits keep none of it.
#[tokio::test(flavor = "multi_thread")]
async fn an_address_of_any_length_is_wrong_and_leaves_no_trace() {
    let app = TestApp::start(Kind::Sqlite).await;
    app.set_up().await;
    let email = format!("{}@example.com", "trace-of-a-long-address".repeat(2_000));
    try_with(&app.anonymous(), &email, "wrong").await.expect(422);
    assert!(!crate::support::logs::all().contains("trace-of-a-long-address"));
}
