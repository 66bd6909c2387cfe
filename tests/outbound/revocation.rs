//! Taking access away at the service: each outcome says what happened, and never more.
use std::time::Duration;

use authorizers::outbound::Outbound;
use serde_json::json;

use super::connected::{Connected, out, patient};
use crate::support::fake::{End, Fake, Reply};

const REVOKE: &str = "/plain.test/revoke";
const ME: &str = "/plain.test/me";

/// By POST and with the client's own proof, as RFC 7009 has it.
const STANDARD: &str = r#"
[auth.oauth2.revoke]
url = "https://plain.test/revoke"
auth = "basic"
params = { token = "{token}" }
"#;

/// By the token itself.
const BEARER: &str = r#"
[auth.oauth2.revoke]
url = "https://plain.test/revoke"
method = "DELETE"
auth = "bearer"
"#;

fn knows_us() -> Reply {
    Reply::json(200, &json!({ "id": 7 }))
}

fn knows_us_not() -> Reply {
    Reply::json(401, &json!({ "error": "invalid_token" }))
}

fn no(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error }))
}

async fn revoked(out: &Outbound, plain: &Connected) -> String {
    let revoked = out.revoke(&plain.account()).await;
    let code = revoked.outcome.code();
    revoked.fault.map_or(code.to_owned(), |fault| format!("{code}: {}", fault.cause.code()))
}

#[tokio::test]
async fn a_yes_is_proven_by_a_call_that_fails() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", STANDARD).holds("old-access", "old-refresh");
    for (proof, told) in
        [(knows_us_not(), "confirmed"), (knows_us(), "still_works"), (Reply::html(503), "accepted")]
    {
        fake.answers(REVOKE, Reply::new(200, "text/plain", "")).answers(ME, proof);
        assert_eq!(revoked(&out(), &plain).await, told);
        let seen = fake.seen();
        let [.., call, proof] = seen.as_slice() else { panic!("two calls") };
        assert_eq!((call.method.as_str(), call.form()["token"].as_str()), ("POST", "old-refresh"));
        assert!(call.header("authorization").starts_with("Basic "));
        assert_eq!(proof.header("authorization"), "Bearer old-access");
    }
}

#[tokio::test]
async fn where_no_call_says_who_signed_in_the_first_test_proves_it() {
    let fake = Fake::start().await;
    let kept = Connected::plain_of_kept(&fake, STANDARD).holds("old-access", "old-refresh");
    for (proof, told) in
        [(knows_us_not(), "confirmed"), (knows_us(), "still_works"), (Reply::html(503), "accepted")]
    {
        fake.answers(REVOKE, Reply::new(200, "text/plain", "")).answers(ME, proof);
        assert_eq!(revoked(&out(), &kept).await, told);
    }
}

#[tokio::test]
async fn a_no_is_a_failure_with_its_cause_and_the_next_try_works() {
    let fake = Fake::start().await;
    let (out, plain) =
        (out(), Connected::plain(&fake, "", STANDARD).holds("old-access", "old-refresh"));
    for (reply, told) in [
        (no(401, "invalid_client"), "failed: app_rejected"),
        (Reply::new(401, "text/plain", ""), "failed: app_rejected"),
        (no(400, "unsupported_token_type"), "failed: request_rejected"),
        (Reply::html(404), "unanswered: malformed_answer"),
        (no(429, "slow_down").header("Retry-After", "9"), "unanswered: rate_limited"),
        (no(500, "oops"), "unanswered: provider_down"),
        (Reply::html(503), "unanswered: provider_down"),
        (
            Reply::html(302).header("Location", "https://evil.example/"),
            "unanswered: malformed_answer",
        ),
        (no(200, "oops").ending(End::CutOff), "unanswered: provider_down"),
    ] {
        fake.answers(REVOKE, reply);
        assert_eq!(revoked(&out, &plain).await, told);
        assert_eq!(fake.last().path, REVOKE, "nothing is to be proven after a no");
        fake.answers(REVOKE, Reply::new(200, "text/plain", "")).answers(ME, knows_us_not());
        assert_eq!(revoked(&out, &plain).await, "confirmed", "after {told}");
    }
}

#[tokio::test]
async fn silence_and_a_server_that_is_gone_are_failures() {
    let fake = Fake::start().await;
    let hurried = patient(Duration::from_millis(400));
    let plain = Connected::plain(&fake, "", STANDARD).holds("old-access", "old-refresh");
    fake.answers(REVOKE, Reply::silent());
    assert_eq!(revoked(&hurried, &plain).await, "unanswered: timeout");
    let gone =
        Connected::plain(&Fake::gone().await, "", STANDARD).holds("old-access", "old-refresh");
    assert_eq!(revoked(&hurried, &gone).await, "unanswered: port_refused");
}

#[tokio::test]
async fn a_token_that_is_already_gone_is_believed_only_if_it_no_longer_works() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", STANDARD).holds("old-access", "old-refresh");
    for (proof, told) in [
        (knows_us_not(), "confirmed"),
        (Reply::html(503), "accepted"),
        (knows_us(), "failed: request_rejected"),
    ] {
        fake.answers(REVOKE, no(400, "invalid_token")).answers(ME, proof);
        assert_eq!(revoked(&out(), &plain).await, told);
    }
    let deleted =
        Connected::plain(&fake, "", &STANDARD.replace("auth =", "method = \"DELETE\"\nauth ="))
            .holds("old-access", "");
    for (proof, told) in [(knows_us_not(), "confirmed"), (knows_us(), "failed: malformed_answer")] {
        fake.answers(REVOKE, Reply::new(404, "text/plain", "")).answers(ME, proof);
        assert_eq!(revoked(&out(), &deleted).await, told, "what is to be deleted is not there");
    }
}

#[tokio::test]
async fn a_refused_bearer_proves_nothing_while_there_is_a_refresh_token() {
    let fake = Fake::start().await;
    for (refresh, told) in [("", "confirmed"), ("old-refresh", "failed: token_expired")] {
        let plain = Connected::plain(&fake, "", BEARER).holds("old-access", refresh);
        fake.answers(REVOKE, no(401, "invalid_token"));
        if refresh.is_empty() {
            fake.answers(ME, knows_us_not());
        }
        assert_eq!(revoked(&out(), &plain).await, told, "with {refresh:?}");
        let call = fake.seen().into_iter().rfind(|seen| seen.path == REVOKE).expect("the call");
        assert_eq!(
            (call.method.as_str(), call.header("authorization")),
            ("DELETE", "Bearer old-access")
        );
    }
}

#[tokio::test]
async fn a_bearer_that_is_refused_without_a_word_is_an_expired_token() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", BEARER).holds("old-access", "old-refresh");
    fake.answers(REVOKE, Reply::new(401, "text/plain", ""));
    assert_eq!(revoked(&out(), &plain).await, "failed: token_expired");
}

#[tokio::test]
async fn without_an_endpoint_nothing_is_called_and_nothing_claimed() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "").holds("old-access", "old-refresh");
    assert_eq!(revoked(&out(), &plain).await, "no_endpoint");
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn slacks_no_with_200_is_a_no() {
    let (fake, revoke, me) =
        (Fake::start().await, "/slack.com/api/auth.revoke", "/slack.com/api/auth.test");
    let slack = Connected::shipped("slack", &fake).holds("xoxb-1", "");
    for (error, told) in [
        ("ratelimited", "unanswered: rate_limited"),
        ("fatal_error", "unanswered: provider_down"),
        ("huh", "failed: request_rejected"),
    ] {
        fake.answers(revoke, Reply::json(200, &json!({ "ok": false, "error": error })));
        assert_eq!(revoked(&out(), &slack).await, told);
    }
    let dead = json!({ "ok": false, "error": "token_revoked" });
    for answer in [dead.clone(), json!({ "ok": true, "revoked": true })] {
        fake.answers(revoke, Reply::json(200, &answer)).answers(me, Reply::json(200, &dead));
        assert_eq!(revoked(&out(), &slack).await, "confirmed", "{answer}");
    }
}

#[tokio::test]
async fn github_deletes_the_grant_with_the_token_in_a_body() {
    let (fake, grant) = (Fake::start().await, "/api.github.com/applications/cl%3Aient/grant");
    let github = Connected::shipped("github", &fake).holds("gho_1", "");
    fake.answers(grant, Reply::new(204, "text/plain", ""))
        .answers("/api.github.com/user", no(401, "Bad credentials"));
    assert_eq!(revoked(&out(), &github).await, "confirmed");
    let seen = &fake.seen()[0];
    assert_eq!((seen.method.as_str(), seen.json()), ("DELETE", json!({ "access_token": "gho_1" })));
    // There is nothing to delete any more: believed if the token no longer works.
    for status in [404, 410] {
        for (user, outcome) in [(no(401, "Bad credentials"), "confirmed"), (knows_us(), "failed")] {
            fake.answers(grant, no(status, "Not Found")).answers("/api.github.com/user", user);
            let said = revoked(&out(), &github).await;
            assert!(said.starts_with(outcome), "{status}: {said}");
        }
    }
    for (status, outcome) in
        [(400, "failed"), (403, "failed"), (422, "failed"), (500, "unanswered")]
    {
        fake.answers(grant, no(status, "no"))
            .answers("/api.github.com/user", no(401, "Bad credentials"));
        assert!(revoked(&out(), &github).await.starts_with(outcome), "{status}");
    }
}
