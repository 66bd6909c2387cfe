//! How services want to be asked to take access away: each form that the catalogue knows, as it goes over the line.
use authorizers::model::cause::Cause;
use authorizers::model::revocation::RevocationOutcome;
use serde_json::json;

use super::connected::{CLIENT_SECRET, Connected, out};
use crate::support::fake::{Fake, Reply, Seen};

/// The call that a revocation of this form makes; the account holds `old-access` and `old-refresh`.
async fn call(form: &str) -> Seen {
    let fake = Fake::start().await;
    let table = format!("[auth.oauth2.revoke]\nurl = \"https://plain.test/revoke\"\n{form}");
    // What some services need beside the token was kept when it was authorized.
    let keeps = "[[auth.oauth2.keep]]\nfrom = \"token:/stripe_user_id\"\nto = \"stripe_user_id\"\noptional = true\n";
    let plain =
        Connected::plain(&fake, "", &format!("{keeps}{table}")).holds("old-access", "old-refresh");
    let plain = plain.kept("stripe_user_id", "acct_1");
    fake.answers_otherwise(Reply::new(200, "text/plain", ""));
    fake.answers("/plain.test/me", Reply::json(401, &json!({ "error": "invalid_token" })));
    let told = out().revoke(&plain.account()).await;
    assert_eq!(told.outcome, RevocationOutcome::Proved, "{form}");
    fake.seen()
        .into_iter()
        .find(|seen| seen.path.starts_with("/plain.test/revoke"))
        .unwrap_or_else(|| panic!("no call: {form}"))
}

/// `name=value` pairs in the order of their names.
fn form(seen: &Seen) -> String {
    seen.form()
        .into_iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect::<Vec<_>>()
        .join(" ")
}

#[tokio::test]
async fn by_post_with_a_form() {
    let body = format!("client_id=cl:ient client_secret={CLIENT_SECRET} token=old-refresh");
    for (table, basic, sent) in [
        // Google, Salesforce, PostHog
        ("params = { token = \"{token}\" }", false, "token=old-refresh"),
        // HubSpot, Asana, GitLab, Calendly, Box, Sage
        (
            "params = { token = \"{token}\", client_id = \"{client_id}\", client_secret = \"{client_secret}\" }",
            false,
            body.as_str(),
        ),
        // Yandex
        ("params = { access_token = \"{access_token}\" }", false, "access_token=old-access"),
        // Xero, Klaviyo, Pipedrive, X, Reddit
        ("auth = \"basic\"\nparams = { token = \"{refresh_token}\" }", true, "token=old-refresh"),
        // Stripe Connect
        (
            "auth = \"basic\"\nparams = { stripe_user_id = \"{stripe_user_id}\" }",
            true,
            "stripe_user_id=acct_1",
        ),
    ] {
        let seen = call(table).await;
        assert_eq!((seen.method.as_str(), form(&seen).as_str()), ("POST", sent), "{table}");
        assert_eq!(seen.header("content-type"), "application/x-www-form-urlencoded", "{table}");
        assert_eq!(seen.header("authorization").starts_with("Basic "), basic, "{table}");
    }
}

#[tokio::test]
async fn by_post_with_the_token_in_the_address() {
    // Zoom; Zoho takes both
    let seen = call("body = \"query\"\nauth = \"basic\"\nparams = { token = \"{token}\" }").await;
    assert_eq!(
        (seen.method.as_str(), seen.query["token"].as_str(), seen.body.as_str()),
        ("POST", "old-refresh", "")
    );
    assert!(seen.header("authorization").starts_with("Basic "));
}

#[tokio::test]
async fn by_post_with_json() {
    for (table, authorization, sent) in [
        // QuickBooks, Notion
        (
            "body = \"json\"\nauth = \"basic\"\nparams = { token = \"{refresh_token}\" }",
            "Basic ",
            json!({ "token": "old-refresh" }),
        ),
        // TikTok, FreshBooks
        (
            "body = \"json\"\nparams = { access_token = \"{access_token}\", app_id = \"{client_id}\", secret = \"{client_secret}\" }",
            "",
            json!({ "access_token": "old-access", "app_id": "cl:ient", "secret": CLIENT_SECRET }),
        ),
        // Square
        (
            "body = \"json\"\nparams = { access_token = \"{access_token}\" }\nheaders = { Authorization = \"Client {client_secret}\" }",
            "Client ",
            json!({ "access_token": "old-access" }),
        ),
    ] {
        let seen = call(table).await;
        assert_eq!((seen.method.as_str(), seen.json()), ("POST", sent), "{table}");
        assert!(
            seen.header("authorization").starts_with(authorization),
            "{table}: {}",
            seen.header("authorization")
        );
    }
}

#[tokio::test]
async fn by_the_token_itself() {
    for (table, method, header) in [
        // Dropbox, Intercom, Slack, Linear
        ("auth = \"bearer\"", "POST", ("authorization", "Bearer old-access")),
        // Meta, Zendesk, Smartsheet
        (
            "method = \"DELETE\"\nauth = \"bearer\"",
            "DELETE",
            ("authorization", "Bearer old-access"),
        ),
        // Shopify
        (
            "method = \"DELETE\"\nheaders = { X-Shopify-Access-Token = \"{access_token}\" }",
            "DELETE",
            ("x-shopify-access-token", "old-access"),
        ),
    ] {
        let seen = call(table).await;
        assert_eq!(
            (seen.method.as_str(), seen.header(header.0), seen.body.as_str()),
            (method, header.1, ""),
            "{table}"
        );
    }
}

#[tokio::test]
async fn by_delete_with_the_client_and_json() {
    // GitHub, Mollie
    let seen = call("method = \"DELETE\"\nbody = \"json\"\nauth = \"basic\"\nparams = { access_token = \"{access_token}\" }").await;
    assert_eq!(
        (seen.method.as_str(), seen.json()),
        ("DELETE", json!({ "access_token": "old-access" }))
    );
    assert!(seen.header("authorization").starts_with("Basic "));
}

#[test]
fn where_there_is_no_endpoint_the_service_has_a_page_to_go_to() {
    let catalog = authorizers::catalog::Catalog::load(None, false);
    let lacking: Vec<&str> = catalog
        .all()
        .iter()
        .filter(|service| {
            service
                .auths
                .iter()
                .filter_map(|auth| auth.oauth2.as_ref())
                .any(|oauth2| oauth2.revoke.is_none())
        })
        .filter(|service| {
            service.lifetime.provider_page.is_none()
                && !service.id().as_str().starts_with("custom-")
        })
        .map(|service| service.id().as_str())
        .collect();
    assert_eq!(
        lacking,
        Vec::<&str>::new(),
        "no way to take the access away, and no page that does"
    );
}

/// X Ads: keys that sign each request (OAuth 1.0a), and a call signed with the token that it ends.
#[tokio::test]
async fn by_a_signed_call() {
    let (fake, revoke) = (Fake::start().await, "/api.x.com/1.1/oauth/invalidate_token");
    let keys = Connected::shipped("x-ads", &fake)
        .typed("consumer_key", "ck")
        .typed("consumer_secret", "consumer-hush")
        .typed("user_token", "370-ut")
        .typed("user_token_secret", "token-hush");
    let (proof, refused) = ("/ads-api.x.com/12/accounts", || {
        Reply::json(401, &json!({ "errors": [{ "code": "UNAUTHORIZED_ACCESS" }] }))
    });
    let works = || Reply::json(200, &json!({ "data": [{ "id": "18ce", "name": "Shop" }] }));
    for (said, then, told) in [
        (
            Reply::json(200, &json!({ "access_token": "370-ut" })),
            refused(),
            RevocationOutcome::Proved,
        ),
        (Reply::json(200, &json!({})), works(), RevocationOutcome::StillWorks),
        // It was dead already.
        (refused(), refused(), RevocationOutcome::Proved),
    ] {
        fake.answers(revoke, said).answers(proof, then);
        assert_eq!(out().revoke(&keys.account()).await.outcome, told);
        let call = fake.seen().into_iter().rfind(|seen| seen.path == revoke).expect("the call");
        let signed = call.header("authorization");
        assert_eq!((call.method.as_str(), call.body.as_str()), ("POST", ""));
        for part in [
            "OAuth oauth_consumer_key=\"ck\"",
            "oauth_token=\"370-ut\"",
            "oauth_signature_method=\"HMAC-SHA1\"",
            "oauth_signature=\"",
        ] {
            assert!(signed.contains(part), "{signed}");
        }
        assert!(!signed.contains("hush"), "a secret signs, and does not travel");
    }
    // A refusal that may pass is asked again; one of a key that works is a failure.
    for (said, outcome, cause) in [
        (Reply::html(503), RevocationOutcome::Unanswered, Cause::ProviderDown),
        (Reply::json(400, &json!({})), RevocationOutcome::Refused, Cause::RequestRejected),
    ] {
        fake.answers(revoke, said);
        let told = out().revoke(&keys.account()).await;
        assert_eq!(
            (told.outcome, told.fault.as_ref().map(|fault| fault.cause)),
            (outcome, Some(cause))
        );
        assert!(!format!("{told:?}").contains("hush"), "{told:?}");
    }
}
