//! What the services of ours do otherwise than the standard, each by its own file, against a server that answers as they
//! do. `/host/path` at that server is `https://host/path` in the file.
use std::time::Duration;

use authorizers::catalog::field::Load;
use authorizers::model::cause::Cause;
use authorizers::model::credentials::Secret;
use authorizers::outbound::api;
use authorizers::outbound::oauth::Grant;
use serde_json::{Value, json};

use super::connected::{CLIENT_SECRET, CODE, Connected, NOW, REDIRECT, out, refused};
use crate::support::fake::{Fake, Reply};

fn ok(body: &Value) -> Reply {
    Reply::json(200, body)
}

fn access(grant: &Grant) -> &str {
    grant.tokens.access.expose()
}

async fn granted(account: &Connected, more: &[(&str, &str)]) -> Grant {
    account.exchange(&out(), more).await.unwrap_or_else(|fault| panic!("{fault:?}"))
}

#[tokio::test]
async fn slack_says_no_with_200_and_gives_two_tokens() {
    let (fake, token) = (Fake::start().await, "/slack.com/api/oauth.v2.access");
    let slack = Connected::shipped("slack", &fake);
    for (error, cause) in [
        ("invalid_code", Cause::AttemptExpired),
        ("code_already_used", Cause::AttemptExpired),
        ("bad_client_secret", Cause::AppRejected),
        ("invalid_client_id", Cause::AppRejected),
        ("bad_redirect_uri", Cause::RedirectMismatch),
        ("ratelimited", Cause::RateLimited),
        ("fatal_error", Cause::ProviderDown),
        ("invalid_refresh_token", Cause::GrantRevoked),
        ("token_revoked", Cause::GrantRevoked),
        ("what_is_this", Cause::RequestRejected),
    ] {
        fake.answers(token, ok(&json!({ "ok": false, "error": error })));
        assert_eq!(refused(slack.exchange(&out(), &[]).await, error).cause, cause, "{error}");
    }
    let user = json!({ "id": "U1", "access_token": "xoxp-of-the-person", "scope": "search:read" });
    let scope = "channels:read,channels:history,users:read";
    fake.answers(token, ok(&json!({ "ok": true, "access_token": "xoxb-of-the-app", "scope": scope, "authed_user": user })));
    fake.answers(
        "/slack.com/api/auth.test",
        ok(&json!({ "ok": true, "team_id": "T1", "team": "Acme" })),
    );
    let grant = granted(&slack, &[]).await;
    assert_eq!((access(&grant), grant.identity.label.as_str()), ("xoxb-of-the-app", "Acme"));
    assert!(
        grant.missing_scopes.is_empty() && !grant.missing_refresh_token,
        "{:?}",
        grant.missing_scopes
    );
    assert_eq!(fake.last().method, "POST");
}

#[tokio::test]
async fn slack_says_no_to_a_call_with_200() {
    let (fake, list) = (Fake::start().await, "/slack.com/api/users.list");
    let slack = Connected::shipped("slack", &fake).holds("xoxb-1", "");
    for (error, cause) in [
        ("token_revoked", Cause::GrantRevoked),
        ("invalid_auth", Cause::SecretRejected),
        ("missing_scope", Cause::MissingScope),
        ("ratelimited", Cause::RateLimited),
    ] {
        fake.answers(list, ok(&json!({ "ok": false, "error": error })));
        let asked =
            api::ask(&out(), &slack.account(), &Default::default(), api::Ask::get("/users.list"))
                .await;
        assert_eq!(refused(asked, error).cause, cause, "{error}");
    }
    fake.answers(list, ok(&json!({ "ok": true, "members": [] })));
    assert!(
        api::ask(&out(), &slack.account(), &Default::default(), api::Ask::get("/users.list"))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn github_says_no_with_200_and_tells_scopes_by_comma() {
    let (fake, token) = (Fake::start().await, "/github.com/login/oauth/access_token");
    let github = Connected::shipped("github", &fake);
    for (error, cause) in [
        ("bad_verification_code", Cause::AttemptExpired),
        ("incorrect_client_credentials", Cause::AppRejected),
        ("redirect_uri_mismatch", Cause::RedirectMismatch),
    ] {
        fake.answers(token, ok(&json!({ "error": error, "error_description": "The code passed is incorrect or expired." })));
        assert_eq!(refused(github.exchange(&out(), &[]).await, error).cause, cause);
    }
    // Without `Accept: application/json` it answers with a form; a proxy may strip the header.
    let form = "access_token=gho_1&scope=repo%2Cread%3Auser&token_type=bearer";
    for reply in [
        ok(&json!({ "access_token": "gho_1", "scope": "repo,read:user", "token_type": "bearer" })),
        Reply::new(200, "application/x-www-form-urlencoded", form),
    ] {
        fake.answers(token, reply)
            .answers("/api.github.com/user", ok(&json!({ "id": 42, "login": "ann" })));
        let grant = granted(&github, &[]).await;
        assert_eq!(
            (access(&grant), grant.identity.key.as_str(), grant.tokens.expires_at),
            ("gho_1", "42", None)
        );
        assert_eq!(grant.missing_scopes, ["read:org"]);
    }
    let seen = fake.seen();
    assert!(
        seen.iter()
            .filter(|seen| seen.path == token)
            .all(|seen| seen.header("accept") == "application/json")
    );
    assert_eq!(fake.last().header("x-github-api-version"), "2022-11-28");
}

#[tokio::test]
async fn notion_wants_basic_and_json() {
    let (fake, token) = (Fake::start().await, "/api.notion.com/v1/oauth/token");
    let notion = Connected::shipped("notion", &fake);
    fake.answers(
        token,
        ok(&json!({ "access_token": "ntn_1", "workspace_name": "Acme", "refresh_token": null })),
    );
    fake.answers(
        "/api.notion.com/v1/users/me",
        ok(&json!({ "id": "b0t", "bot": { "workspace_name": "Acme" } })),
    );
    let grant = granted(&notion, &[]).await;
    assert_eq!((grant.identity.key.as_str(), grant.identity.label.as_str()), ("b0t", "Acme"));
    let seen = &fake.seen()[0];
    assert!(
        seen.header("authorization").starts_with("Basic ")
            && seen.header("content-type") == "application/json"
    );
    assert_eq!(seen.header("notion-version"), "2022-06-28");
    let sent = seen.json();
    assert_eq!(
        (sent["grant_type"].as_str(), sent["code"].as_str()),
        (Some("authorization_code"), Some(CODE))
    );
    assert!(
        sent.get("client_id").is_none()
            && sent.get("client_secret").is_none()
            && sent.get("scope").is_none(),
        "{sent}"
    );
}

#[tokio::test]
async fn meta_turns_a_short_token_into_a_long_one() {
    let (fake, token) = (Fake::start().await, "/graph.facebook.com/v25.0/oauth/access_token");
    let meta = Connected::shipped("meta-ads", &fake);
    let refusal = json!({ "error": { "message": "Error validating", "type": "OAuthException", "code": 190 } });
    fake.answers(token, ok(&json!({ "access_token": "short", "expires_in": 5000 })))
        .answers(token, Reply::json(400, &refusal));
    refused(meta.exchange(&out(), &[]).await, "a short token alone is no success");
    fake.answers(token, ok(&json!({ "access_token": "short", "expires_in": 5000 })));
    fake.answers(token, ok(&json!({ "access_token": "long", "token_type": "bearer" })));
    fake.answers("/graph.facebook.com/v25.0/me", ok(&json!({ "id": "1", "name": "Ann" })));
    let grant = granted(&meta, &[]).await;
    assert_eq!(
        (access(&grant), grant.tokens.expires_at),
        ("long", Some(NOW.plus(Duration::from_secs(60 * 86400))))
    );
    let seen = fake.seen();
    let (second, last) = (&seen[seen.len() - 2], &seen[seen.len() - 1]);
    let sent = &second.query;
    assert_eq!((second.method.as_str(), sent["grant_type"].as_str()), ("GET", "fb_exchange_token"));
    assert_eq!(
        (sent["fb_exchange_token"].as_str(), sent["client_secret"].as_str()),
        ("short", CLIENT_SECRET)
    );
    assert_eq!(
        (last.header("authorization"), last.query["fields"].as_str()),
        ("Bearer long", "id,name")
    );
}

pub fn signed(params: &[(&str, &str)]) -> String {
    let mut pairs: Vec<String> =
        params.iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.extend([format!("code={CODE}"), "state=st4te".to_owned()]);
    pairs.sort();
    let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, CLIENT_SECRET.as_bytes());
    ring::hmac::sign(&key, pairs.join("&").as_bytes())
        .as_ref()
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect()
}

#[tokio::test]
async fn shopify_signs_its_callback_and_is_called_at_the_shop() {
    let (fake, token) = (Fake::start().await, "/my-store.myshopify.com/admin/oauth/access_token");
    let shopify = Connected::shipped("shopify", &fake).typed("shop", "my-store");
    let brought = [("shop", "my-store.myshopify.com"), ("timestamp", "1800000000")];
    let (right, other) =
        (signed(&brought), signed(&[("shop", "evil.myshopify.com"), ("timestamp", "1800000000")]));
    for hmac in [None, Some(""), Some(other.as_str()), Some(&right[..60])] {
        let more: Vec<(&str, &str)> =
            brought.into_iter().chain(hmac.map(|hmac| ("hmac", hmac))).collect();
        let fault = refused(shopify.exchange(&out(), &more).await, "a forged callback");
        assert_eq!(fault.cause, Cause::IssuerMismatch, "{hmac:?}");
    }
    assert!(fake.seen().is_empty(), "the code of a forged callback was sent on");
    let scope = "read_orders,read_products,read_customers";
    let answer = json!({ "access_token": "shpat_1", "refresh_token": "shprt_1", "scope": scope, "expires_in": 3600 });
    fake.answers(token, ok(&answer));
    let graph = "/my-store.myshopify.com/admin/api/2026-07/graphql.json";
    fake.answers(
        graph,
        ok(&json!({ "data": { "shop": { "id": "gid://shopify/Shop/1", "name": "My store" } } })),
    );
    let grant = granted(&shopify, &[brought[0], brought[1], ("hmac", &right)]).await;
    assert_eq!((grant.identity.label.as_str(), grant.missing_scopes.len()), ("My store", 0));
    assert_eq!(fake.seen()[0].form()["expiring"], "1");
    assert_eq!(fake.last().header("x-shopify-access-token"), "shpat_1");
}

#[tokio::test]
async fn what_is_typed_as_a_part_of_a_host_stays_within_the_services_hosts() {
    let out = out();
    for bad in [
        "evil.example/",
        "evil.example#",
        "evil.example?",
        "evil.example:443",
        "a@evil.example",
        "evil.example\\",
        "",
    ] {
        for (id, key) in
            [("shopify", "shop"), ("zendesk", "subdomain"), ("salesforce", "login_host")]
        {
            let account = Connected::real(id).typed(key, bad).holds("access", "refresh");
            let fault = refused(out.refresh(&account.account()).await.tokens, bad);
            assert!(
                matches!(fault.cause, Cause::RequestRejected | Cause::BlockedAddress),
                "{id} with {bad:?}: {fault:?}"
            );
            assert!(out.depart(&account.account(), REDIRECT, &[]).is_err(), "{id} with {bad:?}");
        }
        // Of QuickBooks the address of the API alone depends on what was typed.
        let account = Connected::real("quickbooks").typed("api_host", bad);
        let address = api::address(&account.account(), "/v3/x", &|name| {
            account.account().value(name).map(str::to_owned)
        });
        assert!(address.is_err(), "quickbooks with {bad:?}");
    }
    let account = Connected::real("salesforce")
        .typed("login_host", "evil.example")
        .holds("access", "refresh");
    assert_eq!(
        refused(out.refresh(&account.account()).await.tokens, "a host").cause,
        Cause::BlockedAddress
    );
}

#[tokio::test]
async fn quickbooks_names_its_company_in_the_callback() {
    let (fake, token) = (Fake::start().await, "/oauth.platform.intuit.com/oauth2/v1/tokens/bearer");
    let intuit =
        Connected::shipped("quickbooks", &fake).typed("api_host", "quickbooks.api.intuit.com");
    let fault = refused(intuit.exchange(&out(), &[]).await, "no realmId");
    assert_eq!(fault.cause, Cause::MalformedAnswer, "{fault:?}");
    assert!(fake.seen().is_empty(), "a code that cannot be used was spent");
    let answer = json!({ "access_token": "a", "refresh_token": "r", "expires_in": 3600, "x_refresh_token_expires_in": 8_726_400 });
    fake.answers(token, ok(&answer));
    let fault =
        refused(intuit.exchange(&out(), &[("realmId", "../../admin")]).await, "a step upwards");
    assert_eq!(fault.cause, Cause::RequestRejected, "{fault:?}");
    fake.answers(token, ok(&answer));
    let company = "/quickbooks.api.intuit.com/v3/company/9341/companyinfo/9341";
    fake.answers(company, ok(&json!({ "CompanyInfo": { "CompanyName": "Acme" } })));
    let grant = granted(&intuit, &[("realmId", "9341")]).await;
    assert_eq!((grant.identity.key.as_str(), grant.identity.label.as_str()), ("9341", "Acme"));
    assert_eq!(grant.tokens.refresh_expires_at, Some(NOW.plus(Duration::from_secs(8_726_400))));
    assert!(fake.seen()[0].header("authorization").starts_with("Basic "));
}

#[tokio::test]
async fn salesforce_says_where_its_instance_is_and_may_name_its_own_hosts_only() {
    let (fake, other) = (Fake::start().await, Fake::start().await);
    let token = "/login.salesforce.com/services/oauth2/token";
    let force = Connected::shipped("salesforce", &fake).typed("login_host", "login.salesforce.com");
    let elsewhere = format!("http://localhost:{}", other.address.port());
    for url in [
        "https://evil.example",
        &elsewhere,
        "https://127.0.0.1@evil.example",
        "https://127.0.0.1.evil.example",
        "//evil.example",
    ] {
        fake.answers(
            token,
            ok(&json!({ "access_token": "a", "refresh_token": "r", "instance_url": url })),
        );
        let fault = refused(force.exchange(&out(), &[]).await, url);
        assert!(
            matches!(fault.cause, Cause::BlockedAddress | Cause::MalformedAnswer),
            "{url}: {fault:?}"
        );
    }
    assert!(other.seen().is_empty(), "the token went elsewhere");
    let instance = fake.url("/na1.salesforce.com");
    fake.answers(
        token,
        ok(&json!({ "access_token": "a", "refresh_token": "r", "instance_url": instance, "scope": "api refresh_token" })),
    );
    let me = json!({ "user_id": "005", "preferred_username": "ann@acme.example" });
    fake.answers("/na1.salesforce.com/services/oauth2/userinfo", ok(&me));
    let grant = granted(&force, &[]).await;
    assert_eq!(grant.identity.key, "005");
    assert!(grant.kept["instance_url"] == Secret::new(instance));
    assert_eq!(
        grant.tokens.expires_at,
        Some(NOW.plus(Duration::from_secs(900))),
        "it does not tell, the file does"
    );
}

#[tokio::test]
async fn mailchimp_tells_its_data_centre_in_a_second_call() {
    let (fake, token) = (Fake::start().await, "/login.mailchimp.com/oauth2/token");
    let (chimp, metadata) =
        (Connected::shipped("mailchimp", &fake), "/login.mailchimp.com/oauth2/metadata");
    let answer = json!({ "access_token": "a", "expires_in": 0, "scope": null });
    fake.answers(token, ok(&answer)).answers(metadata, ok(&json!({ "error": "invalid_token" })));
    assert_eq!(refused(chimp.exchange(&out(), &[]).await, "no dc").cause, Cause::MalformedAnswer);
    fake.answers(token, ok(&answer)).answers(metadata, ok(&json!({ "dc": "us21" })));
    fake.answers(
        "/us21.api.mailchimp.com/3.0/",
        ok(&json!({ "account_id": "ac1", "account_name": "Acme" })),
    );
    let grant = granted(&chimp, &[]).await;
    assert_eq!((grant.identity.key.as_str(), grant.tokens.expires_at), ("ac1", None));
    assert!(grant.kept["dc"] == Secret::new("us21") && !grant.missing_refresh_token);
    let seen = fake.seen();
    let asked = seen.iter().find(|seen| seen.path == metadata).expect("the second call");
    assert_eq!(
        (asked.header("authorization"), fake.last().header("authorization")),
        ("OAuth a", "Bearer a")
    );
    for bad in ["evil.example/", "evil.example#", "x@evil.example"] {
        let real = Connected::real("mailchimp").kept("dc", bad).holds("a", "");
        let address = api::address(&real.account(), "/3.0/", &|name| {
            real.account().value(name).map(str::to_owned)
        });
        assert_eq!(refused(address, bad).cause, Cause::RequestRejected, "{bad}");
    }
}

#[tokio::test]
async fn hubspot_has_its_own_word_for_a_dead_grant() {
    let (fake, token) = (Fake::start().await, "/api.hubapi.com/oauth/v3/token");
    let hubspot = Connected::shipped("hubspot", &fake).holds("old", "old-refresh");
    let dead = json!({ "status": "BAD_REFRESH_TOKEN", "message": "missing or invalid refresh token", "correlationId": "1" });
    fake.answers(token, Reply::json(400, &dead));
    assert_eq!(
        refused(out().refresh(&hubspot.account()).await.tokens, "dead").cause,
        Cause::GrantRevoked
    );
    fake.answers(
        token,
        ok(&json!({ "access_token": "a", "refresh_token": "old-refresh", "expires_in": 1800 })),
    );
    assert!(out().refresh(&hubspot.account()).await.tokens.is_ok());
    assert_eq!(fake.last().form()["client_secret"], CLIENT_SECRET);
}

#[tokio::test]
async fn xero_lists_its_tenants_and_each_call_names_one() {
    let (fake, connections) = (Fake::start().await, "/api.xero.com/connections");
    let xero = Connected::shipped("xero", &fake).holds("a", "r");
    let load: Load = toml::from_str(
        r#"get = "/connections"
        value = "/tenantId"
        label = "/tenantName""#,
    )
    .unwrap();
    fake.answers(connections, Reply::html(503));
    let fault = refused(out().choices(&xero.account(), &load, &Default::default()).await, "down");
    assert_eq!(fault.cause, Cause::ProviderDown);
    fake.answers(connections, ok(&json!([{ "tenantId": "t1", "tenantName": "Acme" }, { "tenantId": "t2", "tenantName": "Bcme" }])));
    let choices = out().choices(&xero.account(), &load, &Default::default()).await.unwrap();
    assert_eq!(
        choices.iter().map(|choice| choice.label.as_str()).collect::<Vec<_>>(),
        ["Acme", "Bcme"]
    );
    assert_eq!(fake.last().header("xero-tenant-id"), "");
    fake.answers(
        "/api.xero.com/api.xro/2.0/Contacts",
        ok(&json!({ "Contacts": [{ "Name": "Ann" }] })),
    );
    let settings = [("dataset", "contacts"), ("organisation", "t2")]
        .map(|(k, v)| (k.to_owned(), v.to_owned()))
        .into();
    let table = out().preview(&xero.account(), &settings).await.unwrap();
    assert_eq!(
        (table.columns, fake.last().header("xero-tenant-id")),
        (vec!["Name".to_owned()], "t2")
    );
}

#[tokio::test]
async fn zendesk_and_microsoft_are_refreshed_as_their_files_say() {
    let fake = Fake::start().await;
    let zendesk = Connected::shipped("zendesk", &fake).typed("subdomain", "acme").holds("a", "r1");
    fake.answers(
        "/acme.zendesk.com/oauth/tokens",
        ok(&json!({ "access_token": "b", "refresh_token": "r2", "expires_in": 172_800 })),
    );
    let tokens =
        out().refresh(&zendesk.account()).await.tokens.unwrap_or_else(|fault| panic!("{fault:?}"));
    assert!(
        tokens.refresh == Some(Secret::new("r2")) && fake.last().form()["expires_in"] == "172800"
    );
    let microsoft =
        Connected::shipped("microsoft-ads", &fake).typed("tenant", "common").holds("a", "r1");
    let token = "/login.microsoftonline.com/common/oauth2/v2.0/token";
    fake.answers(
        token,
        ok(&json!({ "access_token": "b", "refresh_token": "r2", "expires_in": 3599 })),
    );
    assert!(out().refresh(&microsoft.account()).await.tokens.is_ok());
    assert_eq!(
        fake.last().form()["scope"],
        "https://ads.microsoft.com/msads.manage offline_access"
    );
}
