//! The token endpoint: what each refusal means, for the exchange and for the refresh, and that the next try works.
use std::collections::BTreeMap;
use std::time::Duration;

use authorizers::model::cause::Cause;
use authorizers::model::credentials::{Secret, Tokens};
use authorizers::model::report::Fault;
use authorizers::outbound::Outbound;
use serde_json::{Value, json};

use super::connected::{CLIENT_SECRET, CODE, Connected, NOW, REDIRECT, out, patient, refused};
use crate::support::fake::{End, Fake, Reply};

const TOKEN: &str = "/plain.test/token";
const ME: &str = "/plain.test/me";

fn me() -> Reply {
    Reply::json(200, &json!({ "id": 7, "email": "ann@example.com" }))
}

fn granted() -> Value {
    json!({ "access_token": "new-access", "refresh_token": "new-refresh", "token_type": "bearer", "expires_in": 3600, "scope": "read" })
}

async fn refresh(out: &Outbound, plain: &Connected) -> Result<Tokens, Fault> {
    out.refresh(&plain.account()).await.tokens
}

fn refusal(status: u16, error: &str) -> Reply {
    Reply::json(status, &json!({ "error": error, "error_description": "because" }))
}

/// What is said, what it means to an exchange, and what to a refresh.
fn refusals() -> Vec<(&'static str, Reply, Cause, Cause)> {
    let both = |name, reply, cause| (name, reply, cause, cause);
    let mismatch = json!({ "error": "invalid_grant", "error_description": "code, refresh token or redirect_uri is invalid" });
    vec![
        both("revoked", refusal(400, "invalid_grant"), Cause::GrantRevoked),
        both("revoked, with 401", refusal(401, "invalid_grant"), Cause::GrantRevoked),
        (
            "another redirect URL",
            Reply::json(400, &mismatch),
            Cause::RedirectMismatch,
            Cause::GrantRevoked,
        ),
        (
            "another redirect URL by name",
            refusal(400, "redirect_uri_mismatch"),
            Cause::RedirectMismatch,
            Cause::GrantRevoked,
        ),
        both("wrong client", refusal(401, "invalid_client"), Cause::AppRejected),
        both("wrong client, with 400", refusal(400, "invalid_client"), Cause::AppRejected),
        both("a client that may not", refusal(400, "unauthorized_client"), Cause::AppRejected),
        both("a scope that is none", refusal(400, "invalid_scope"), Cause::MissingScope),
        both("too many", refusal(429, "slow_down").header("Retry-After", "7"), Cause::RateLimited),
        both("too many, unworded", Reply::new(429, "text/plain", ""), Cause::RateLimited),
        both("broken", Reply::json(500, &json!({ "message": "oops" })), Cause::ProviderDown),
        both("a gateway's page", Reply::html(503), Cause::ProviderDown),
        both("busy", refusal(400, "temporarily_unavailable"), Cause::ProviderDown),
        both("no with 200", refusal(200, "invalid_grant"), Cause::GrantRevoked),
        both(
            "an unheard-of no with 200",
            refusal(200, "quota_of_moon_phase"),
            Cause::RequestRejected,
        ),
        both("an unheard-of no", refusal(400, "quota_of_moon_phase"), Cause::RequestRejected),
        both("400 without JSON", Reply::html(400), Cause::MalformedAnswer),
        both("a log-in page", Reply::html(200), Cause::MalformedAnswer),
        both("nothing", Reply::new(200, "application/json", ""), Cause::MalformedAnswer),
        both(
            "no token",
            Reply::json(200, &json!({ "token_type": "bearer" })),
            Cause::MalformedAnswer,
        ),
        both(
            "an empty token",
            Reply::json(200, &json!({ "access_token": "" })),
            Cause::MalformedAnswer,
        ),
        both("a list", Reply::json(200, &json!(["access_token"])), Cause::MalformedAnswer),
        both(
            "a redirect",
            Reply::html(302).header("Location", "https://evil.example/"),
            Cause::MalformedAnswer,
        ),
        both(
            "half an answer",
            Reply::json(200, &granted()).ending(End::CutOff),
            Cause::ProviderDown,
        ),
    ]
}

#[tokio::test]
async fn a_refused_exchange_says_why_and_the_next_one_works() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), Connected::plain(&fake, "", ""));
    for (name, reply, cause, _) in refusals() {
        fake.answers(TOKEN, reply);
        let fault = refused(plain.exchange(&out, &[]).await, name);
        assert_eq!(fault.cause, cause, "{name}: {fault:?}");
        fake.answers(TOKEN, Reply::json(200, &granted())).answers(ME, me());
        let grant = plain
            .exchange(&out, &[])
            .await
            .unwrap_or_else(|fault| panic!("after {name}: {fault:?}"));
        assert_eq!(
            (grant.identity.key.as_str(), grant.identity.label.as_str()),
            ("7", "ann@example.com")
        );
    }
}

#[tokio::test]
async fn a_refused_refresh_says_why_and_the_next_one_works() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), Connected::plain(&fake, "", "").holds("old-access", "old-refresh"));
    for (name, reply, _, cause) in refusals() {
        fake.answers(TOKEN, reply);
        let fault = refused(refresh(&out, &plain).await, name);
        assert_eq!(fault.cause, cause, "{name}: {fault:?}");
        assert_eq!(fault.retry_after, Some(7).filter(|_| name == "too many"), "{name}");
        fake.answers(TOKEN, Reply::json(200, &granted()));
        let tokens =
            refresh(&out, &plain).await.unwrap_or_else(|fault| panic!("after {name}: {fault:?}"));
        assert!(tokens.access == Secret::new("new-access"), "{name}");
    }
}

#[tokio::test]
async fn silence_is_a_time_out_and_no_verdict_on_the_grant() {
    let fake = Fake::start().await;
    let hurried = patient(Duration::from_millis(400));
    let plain = Connected::plain(&fake, "", "").holds("old-access", "old-refresh");
    fake.answers(TOKEN, Reply::silent())
        .answers(TOKEN, Reply::json(200, &granted()).ending(End::Stalls));
    for name in ["silent", "stalls"] {
        let fault = refused(refresh(&hurried, &plain).await, name);
        assert!(fault.cause == Cause::Timeout && fault.cause.is_passing(), "{name}: {fault:?}");
    }
    fake.answers(TOKEN, Reply::silent())
        .answers(TOKEN, Reply::json(200, &granted()))
        .answers(ME, me());
    assert_eq!(refused(plain.exchange(&hurried, &[]).await, "silent").cause, Cause::Timeout);
    assert!(plain.exchange(&hurried, &[]).await.is_ok());
}

#[tokio::test]
async fn a_refused_connection_is_passing() {
    let gone = Connected::plain(&Fake::gone().await, "", "").holds("old-access", "old-refresh");
    let fault = refused(refresh(&out(), &gone).await, "nobody listens");
    assert!(fault.cause == Cause::PortRefused && fault.cause.is_passing(), "{fault:?}");
}

#[tokio::test]
async fn a_refresh_without_a_refresh_token_makes_no_call() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "").holds("old-access", "");
    assert_eq!(refused(refresh(&out(), &plain).await, "no token").cause, Cause::TokenExpired);
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn the_old_refresh_token_is_kept_until_a_new_one_comes() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), Connected::plain(&fake, "", "").holds("old-access", "old-refresh"));
    for (answer, kept) in [
        (json!({ "access_token": "a" }), "old-refresh"),
        (json!({ "access_token": "a", "refresh_token": "" }), "old-refresh"),
        (json!({ "access_token": "a", "refresh_token": null }), "old-refresh"),
        (json!({ "access_token": "a", "refresh_token": "rotated" }), "rotated"),
    ] {
        fake.answers(TOKEN, Reply::json(200, &answer));
        let tokens =
            refresh(&out, &plain).await.unwrap_or_else(|fault| panic!("{answer}: {fault:?}"));
        assert!(tokens.refresh == Some(Secret::new(kept)), "{answer}");
        assert_eq!(tokens.scopes, ["read"], "scopes stay as they were when none are told");
    }
}

#[tokio::test]
async fn lifetimes_are_understood_as_services_tell_them() {
    let fake = Fake::start().await;
    let hour = Some(NOW.plus(Duration::from_secs(3600)));
    let all = [
        (json!({ "expires_in": 3600 }), "", hour),
        (json!({ "expires_in": "3600" }), "", hour),
        (json!({ "expires_in": 3600.0 }), "", hour),
        (json!({}), "", None),
        (json!({ "expires_in": null }), "", None),
        (json!({ "expires_in": 0 }), "", None),
        (json!({ "expires_in": -1 }), "", None),
        (json!({ "expires_in": "soon" }), "", None),
        (json!({}), "expires = { missing_s = 3600 }", hour),
        (json!({ "expires_in": 3_600_000 }), "expires = { unit = \"millis\" }", hour),
        (
            json!({ "ends": 1_800_003_600 }),
            "expires = { key = \"ends\", unit = \"epoch_seconds\" }",
            hour,
        ),
        (
            json!({ "ends": "2027-01-15T09:00:00Z" }),
            "expires = { key = \"ends\", unit = \"rfc3339\" }",
            hour,
        ),
    ];
    for (mut answer, more, expected) in all {
        let plain = Connected::plain(&fake, more, "").holds("old-access", "old-refresh");
        answer["access_token"] = json!("a");
        fake.answers(TOKEN, Reply::json(200, &answer));
        let tokens =
            refresh(&out(), &plain).await.unwrap_or_else(|fault| panic!("{answer}: {fault:?}"));
        assert_eq!(tokens.expires_at, expected, "{answer} with {more:?}");
    }
}

#[tokio::test]
async fn a_lifetime_beyond_all_measure_does_no_harm() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "").holds("old-access", "old-refresh");
    for lifetime in [json!(u64::MAX), json!(i64::MAX), json!("9223372036854775807"), json!(1e300)] {
        let answer = json!({ "access_token": "a", "expires_in": lifetime, "refresh_token_expires_in": lifetime });
        fake.answers(TOKEN, Reply::json(200, &answer));
        let tokens =
            refresh(&out(), &plain).await.unwrap_or_else(|fault| panic!("{answer}: {fault:?}"));
        assert!(tokens.expires_at.is_none_or(|at| at > NOW), "{answer}");
    }
}

#[tokio::test]
async fn the_exchange_sends_what_the_standard_asks_for() {
    let fake = Fake::start().await;
    fake.answers(TOKEN, Reply::json(200, &granted())).answers(ME, me());
    assert!(Connected::plain(&fake, "", "").exchange(&out(), &[]).await.is_ok());
    let seen = fake.seen();
    assert_eq!((seen[0].method.as_str(), seen[0].query.len()), ("POST", 0));
    assert_eq!(
        (seen[0].header("accept"), seen[0].header("content-type")),
        ("application/json", "application/x-www-form-urlencoded")
    );
    let sent = seen[0].form();
    let expected = [
        ("grant_type", "authorization_code"),
        ("code", CODE),
        ("redirect_uri", REDIRECT),
        ("code_verifier", "ver1fier"),
        ("client_id", "cl:ient"),
        ("client_secret", CLIENT_SECRET),
    ];
    assert_eq!(
        sent,
        expected
            .iter()
            .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
            .collect::<BTreeMap<_, _>>()
    );
    assert_eq!(seen[1].header("authorization"), "Bearer new-access");
}

#[tokio::test]
async fn a_client_is_proven_in_the_way_that_the_file_says() {
    let fake = Fake::start().await;
    // `cl:ient` and the secret, each encoded as a form is (RFC 6749 §2.3.1), then joined by a colon.
    let basic = "Basic Y2wlM0FpZW50OmNsMWVudCUyRnMzY3JldCUyQngreQ==";
    for (more, header, id, secret) in [
        ("", "", "cl:ient", CLIENT_SECRET),
        ("client_auth = \"basic\"", basic, "", ""),
        ("refresh_client_auth = \"basic\"", basic, "", ""),
        ("client_auth = \"basic\"\nrefresh_client_auth = \"body\"", "", "cl:ient", CLIENT_SECRET),
        ("client_auth = \"none\"", "", "cl:ient", ""),
        ("client_auth = \"secret_as_user\"", "Basic Y2wxZW50L3MzY3JldCt4IHk6", "", ""),
    ] {
        fake.answers(TOKEN, Reply::json(200, &granted()));
        let plain = Connected::plain(&fake, more, "").holds("old-access", "old-refresh");
        assert!(refresh(&out(), &plain).await.is_ok(), "{more}");
        let seen = fake.last();
        let sent = seen.form();
        let of = |name: &str| sent.get(name).cloned().unwrap_or_default();
        assert_eq!(
            (seen.header("authorization"), of("client_id").as_str(), of("client_secret").as_str()),
            (header, id, secret),
            "{more}"
        );
        assert_eq!(
            (of("grant_type").as_str(), of("refresh_token").as_str()),
            ("refresh_token", "old-refresh"),
            "{more}"
        );
    }
}

#[tokio::test]
async fn scopes_are_repeated_on_a_refresh_where_the_file_says_so() {
    let fake = Fake::start().await;
    let comma = "refresh_sends_scope = true\nscope_join = \"comma\"";
    for (more, scope) in [
        ("", None),
        ("refresh_sends_scope = true", Some("read offline_access")),
        (comma, Some("read,offline_access")),
    ] {
        fake.answers(TOKEN, Reply::json(200, &granted()));
        let plain = Connected::plain(&fake, more, "").holds("old-access", "old-refresh");
        assert!(refresh(&out(), &plain).await.is_ok());
        assert_eq!(fake.last().form().get("scope").map(String::as_str), scope, "{more}");
    }
}
