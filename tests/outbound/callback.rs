//! The way back from a service's page: what may be wrong with it, before and after the code is redeemed.
use authorizers::model::cause::Cause;
use serde_json::json;

use super::connected::{Connected, NOW, out, refused};
use crate::support::fake::{Fake, Reply};

const TOKEN: &str = "/plain.test/token";
const ME: &str = "/plain.test/me";
const ISSUER: &str = r#"issuer = "https://plain.test""#;

#[tokio::test]
async fn a_callback_with_an_error_is_told_and_no_code_is_sent() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "");
    for (error, cause) in [
        ("access_denied", Cause::UserDenied),
        ("consent_required", Cause::UserDenied),
        ("unauthorized_client", Cause::AppRejected),
        ("invalid_scope", Cause::MissingScope),
        ("redirect_uri_mismatch", Cause::RedirectMismatch),
        ("temporarily_unavailable", Cause::ProviderDown),
        ("server_error", Cause::ProviderDown),
        ("login_required_or_so", Cause::RequestRejected),
    ] {
        let fault = refused(
            plain.exchange(&out(), &[("error", error), ("error_description", "because")]).await,
            error,
        );
        assert_eq!(fault.cause, cause, "{error}");
        assert!(fault.detail.unwrap().contains("because"), "{error}");
    }
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn a_callback_of_another_issuer_is_refused_before_its_code_is_sent() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, ISSUER, "");
    for iss in ["https://evil.example", "https://plain.test.evil.example", "", "http://plain.test"]
    {
        let fault = refused(plain.exchange(&out(), &[("iss", iss)]).await, iss);
        assert_eq!(fault.cause, Cause::IssuerMismatch, "{iss}");
        // It may not even say that the person denied it.
        let denied = [("iss", iss), ("error", "access_denied")];
        assert_eq!(
            refused(plain.exchange(&out(), &denied).await, iss).cause,
            Cause::IssuerMismatch,
            "{iss}"
        );
    }
    assert!(fake.seen().is_empty());
    for more in [&[("iss", "https://plain.test")] as &[_], &[("iss", "https://plain.test/")], &[]] {
        fake.answers(TOKEN, Reply::json(200, &json!({ "access_token": "a" })))
            .answers(ME, Reply::json(200, &json!({ "id": 1 })));
        assert!(plain.exchange(&out(), more).await.is_ok(), "{more:?}");
    }
}

#[tokio::test]
async fn a_callback_without_a_code_is_no_callback() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "");
    assert_eq!(
        refused(plain.exchange(&out(), &[("code", "")]).await, "empty").cause,
        Cause::MalformedAnswer
    );
    let other = Connected::plain(&fake, r#"code_param = "auth_code""#, "");
    assert_eq!(
        refused(other.exchange(&out(), &[]).await, "another name").cause,
        Cause::MalformedAnswer
    );
    assert!(fake.seen().is_empty());
    fake.answers(TOKEN, Reply::json(200, &json!({ "access_token": "a" })))
        .answers(ME, Reply::json(200, &json!({ "id": 1 })));
    assert!(other.exchange(&out(), &[("auth_code", "th3-code")]).await.is_ok());
    assert_eq!(fake.seen()[0].form()["code"], "th3-code");
}

#[tokio::test]
async fn a_token_alone_proves_nobody() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "");
    for (name, me, cause) in [
        ("the token is refused", Reply::json(401, &json!({})), Cause::TokenExpired),
        ("no rights", Reply::json(403, &json!({})), Cause::Forbidden),
        (
            "nobody is named",
            Reply::json(200, &json!({ "email": "ann@example.com" })),
            Cause::MalformedAnswer,
        ),
        ("an empty name", Reply::json(200, &json!({ "id": "" })), Cause::MalformedAnswer),
        ("a page", Reply::html(200), Cause::MalformedAnswer),
        ("down", Reply::html(502), Cause::ProviderDown),
    ] {
        fake.answers(TOKEN, Reply::json(200, &json!({ "access_token": "a" }))).answers(ME, me);
        assert_eq!(refused(plain.exchange(&out(), &[]).await, name).cause, cause, "{name}");
    }
    fake.answers(TOKEN, Reply::json(200, &json!({ "access_token": "a" })))
        .answers(ME, Reply::json(200, &json!({ "id": 1 })));
    let grant = plain.exchange(&out(), &[]).await.unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(grant.identity.label, "1", "without a label the id is shown");
}

#[tokio::test]
async fn what_was_not_granted_is_named() {
    let fake = Fake::start().await;
    let (asked, silent) = (r#"refresh_token = "expected""#, "scope_echoed = false");
    for (more, answer, scopes, missing, no_refresh) in [
        (
            asked,
            json!({ "scope": "read offline_access", "refresh_token": "r" }),
            &["read", "offline_access"] as &[&str],
            &[] as &[&str],
            false,
        ),
        (asked, json!({ "scope": ["read"], "refresh_token": "r" }), &["read"], &[], false),
        (
            asked,
            json!({ "scope": "write,admin", "refresh_token": "r" }),
            &["write", "admin"],
            &["read"],
            false,
        ),
        (
            asked,
            json!({ "scope": "", "refresh_token": "" }),
            &["read", "offline_access"],
            &[],
            true,
        ),
        (asked, json!({}), &["read", "offline_access"], &[], true),
        (silent, json!({ "refresh_token": "r" }), &[], &[], false),
        (r#"refresh_token = "optional""#, json!({ "scope": "read" }), &["read"], &[], false),
    ] {
        let (mut answer, missing) =
            (answer, missing.iter().map(|scope| (*scope).to_owned()).collect::<Vec<_>>());
        answer["access_token"] = json!("a");
        fake.answers(TOKEN, Reply::json(200, &answer))
            .answers(ME, Reply::json(200, &json!({ "id": 1 })));
        let grant = Connected::plain(&fake, more, "")
            .exchange(&out(), &[])
            .await
            .unwrap_or_else(|fault| panic!("{fault:?}"));
        assert_eq!(grant.tokens.scopes, scopes, "{answer} with {more}");
        assert_eq!(
            (grant.missing_scopes.as_slice(), grant.missing_refresh_token),
            (&missing[..], no_refresh),
            "{answer}"
        );
        assert_eq!(grant.tokens.issued_at, NOW);
    }
}
