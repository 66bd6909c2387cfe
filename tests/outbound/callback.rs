//! The way back from a service's page: what may be wrong with it, before and after the code is redeemed.
use authorizers::model::cause::Cause;
use authorizers::model::revocation::RevocationOutcome;
use serde_json::json;

use super::connected::{CODE, Connected, NOW, out, refused};
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
    for more in [&[("iss", "https://plain.test")] as &[_], &[]] {
        lets_in(&fake);
        assert!(plain.exchange(&out(), more).await.is_ok(), "{more:?}");
    }
}

/// The next code is redeemed, and the account named.
fn lets_in(fake: &Fake) {
    fake.answers(TOKEN, Reply::json(200, &json!({ "access_token": "a" })))
        .answers(ME, Reply::json(200, &json!({ "id": 1 })));
}

#[tokio::test]
async fn an_issuer_is_compared_letter_for_letter() {
    let fake = Fake::start().await;
    for (expected, told) in [
        ("https://plain.test", "https://plain.test/"),
        ("https://plain.test/", "https://plain.test"),
        ("https://plain.test/tenant", "https://plain.test/Tenant"),
        ("https://plain.test", "https://PLAIN.test"),
        ("https://plain.test", "https://plain.test:443"),
    ] {
        let plain = Connected::plain(&fake, &format!("issuer = \"{expected}\""), "");
        let fault = refused(plain.exchange(&out(), &[("iss", told)]).await, told);
        assert_eq!(fault.cause, Cause::IssuerMismatch, "{told}");
        let said = fault.detail.expect("for admins");
        assert!(said.contains(expected) && said.contains(told), "{said}");
        assert!(fake.seen().is_empty(), "the code was sent");
    }
    let slash = Connected::plain(&fake, r#"issuer = "https://plain.test/""#, "");
    lets_in(&fake);
    assert!(slash.exchange(&out(), &[("iss", "https://plain.test/")]).await.is_ok());
}

#[tokio::test]
async fn a_service_that_always_names_its_issuer_is_not_believed_without() {
    let fake = Fake::start().await;
    let strict = Connected::plain(&fake, &format!("{ISSUER}\niss_required = true"), "");
    let fault = refused(strict.exchange(&out(), &[]).await, "no iss");
    assert_eq!(fault.cause, Cause::IssuerMismatch);
    // A refusal carries nothing that could be used: some servers name no issuer in it.
    let denied = strict.exchange(&out(), &[("error", "access_denied")]).await;
    assert_eq!(refused(denied, "denied").cause, Cause::UserDenied);
    let forged = [("error", "access_denied"), ("iss", "https://evil.example")];
    assert_eq!(
        refused(strict.exchange(&out(), &forged).await, "forged").cause,
        Cause::IssuerMismatch
    );
    assert!(fake.seen().is_empty(), "a code was sent");
    lets_in(&fake);
    assert!(strict.exchange(&out(), &[("iss", "https://plain.test")]).await.is_ok());
}

#[tokio::test]
async fn a_parameter_that_came_twice_is_not_chosen_among() {
    let fake = Fake::start().await;
    let more = format!("{ISSUER}\nkeep = [{{ from = \"callback:realm\", to = \"realm\" }}]");
    let plain = Connected::plain(&fake, &more, "");
    let usual = [("code", CODE), ("state", "st4te"), ("iss", "https://plain.test"), ("realm", "9")];
    for twice in [
        ("code", "another-code"),
        ("code", CODE),
        ("state", "another"),
        ("iss", "https://evil.example"),
        ("iss", "https://plain.test"),
        ("realm", "10"),
    ] {
        for at in [0, usual.len()] {
            let mut params = usual.to_vec();
            params.insert(at, twice);
            let fault = refused(plain.exchange_exactly(&out(), &params).await, twice.0);
            assert_eq!(fault.cause, Cause::MalformedAnswer, "{twice:?}");
            let said = fault.detail.expect("for admins");
            assert!(said.contains(&format!("{} came more than once", twice.0)), "{said}");
        }
    }
    let errors = [("state", "st4te"), ("error", "access_denied"), ("error", "server_error")];
    let fault = refused(plain.exchange_exactly(&out(), &errors).await, "two errors");
    assert_eq!(fault.cause, Cause::MalformedAnswer);
    assert!(fake.seen().is_empty(), "a code was sent");
    lets_in(&fake);
    let unread = [usual.as_slice(), &[("scope", "a"), ("scope", "b")]].concat();
    assert!(plain.exchange_exactly(&out(), &unread).await.is_ok(), "what nobody reads may repeat");
}

#[tokio::test]
async fn the_codes_and_texts_of_an_error_reach_an_admin_and_secrets_do_not() {
    let fake = Fake::start().await;
    let plain = Connected::plain(&fake, "", "");
    for code in
        ["interaction_required", "consent_required", "temporarily_unavailable", "access_denied"]
    {
        let text = "AADSTS90094: The grant requires admin permission. Trace 0b2f6b4e-5c1a-4f0e";
        let brought = [
            ("error", code),
            ("error_description", text),
            ("error_uri", "https://login.plain.test/e?90094"),
        ];
        let fault = refused(plain.exchange(&out(), &brought).await, code);
        let said = fault.detail.expect("for admins");
        for part in [code, text, "https://login.plain.test/e?90094"] {
            assert!(said.contains(part), "{part} is missing: {said}");
        }
    }
    // Names of their own: Facebook sends no `error` at all.
    let other = [("error_code", "1349048"), ("error_message", "Can't load the URL of this app")];
    let fault = refused(plain.exchange(&out(), &other).await, "other names");
    assert!(fault.detail.unwrap().contains("1349048 Can't load the URL"), "it was dropped");
    // A service that repeats what it was sent.
    let echo = format!("state st4te-0123456789abcdef, code {CODE}");
    let brought = [
        ("error", "invalid_request"),
        ("error_description", echo.as_str()),
        ("state", "st4te-0123456789abcdef"),
    ];
    let said = refused(plain.exchange(&out(), &brought).await, "echo").detail.unwrap();
    assert!(!said.contains("0123456789abcdef") && !said.contains(CODE), "{said}");
    assert!(said.contains("invalid_request"), "{said}");
    assert!(fake.seen().is_empty());
}

#[tokio::test]
async fn what_the_callback_brings_fills_the_addresses_of_token_refresh_and_revocation() {
    let fake = Fake::start().await;
    let host = fake.url("");
    let more = r#"keep = [{ from = "callback:accounts-server", to = "accounts", is_host = true }]"#;
    let revoke =
        "[auth.oauth2.revoke]\nurl = \"{accounts}/revoke\"\nparams = { token = \"{token}\" }";
    let zoho = Connected::plain_at(&fake, "{accounts}/token", more, revoke);
    fake.answers(
        "/eu/token",
        Reply::json(200, &json!({ "access_token": "a", "refresh_token": "r" })),
    )
    .answers(ME, Reply::json(200, &json!({ "id": 1 })));
    let here = format!("{host}/eu");
    let grant = zoho.exchange(&out(), &[("accounts-server", &here)]).await;
    let grant = grant.unwrap_or_else(|fault| panic!("{fault:?}"));
    assert_eq!(fake.seen()[0].path, "/eu/token");
    let zoho = zoho.kept("accounts", grant.kept["accounts"].expose()).holds("a", "r");
    fake.answers("/eu/token", Reply::json(200, &json!({ "access_token": "b" })));
    assert!(out().refresh(&zoho.account()).await.tokens.is_ok());
    fake.answers("/eu/revoke", Reply::json(200, &json!({})))
        .answers(ME, Reply::json(401, &json!({})));
    assert_eq!(out().revoke(&zoho.account()).await.outcome, RevocationOutcome::Proved);

    let before = fake.seen().len();
    for elsewhere in [
        "https://evil.example",
        "https://127.0.0.1.evil.example",
        "http://me@127.0.0.1@evil.example",
    ] {
        let fault =
            refused(zoho.exchange(&out(), &[("accounts-server", elsewhere)]).await, elsewhere);
        assert_eq!(fault.cause, Cause::BlockedAddress, "{elsewhere}");
    }
    let fault = refused(zoho.exchange(&out(), &[]).await, "nothing was brought");
    assert_eq!(fault.cause, Cause::MalformedAnswer);
    assert_eq!(fake.seen().len(), before, "a code was sent");
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
