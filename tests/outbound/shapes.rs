//! What a service's file may say of the shape of token calls and of their answers: each word of it has its effect.
use authorizers::model::cause::Cause;
use authorizers::model::credentials::{Secret, Tokens};
use authorizers::model::report::Fault;
use serde_json::{Value, json};

use super::connected::{CLIENT_SECRET, Connected, NOW, REDIRECT, out, refused};
use crate::support::fake::{Fake, Reply};

const TOKEN: &str = "/plain.test/token";

async fn refreshed(fake: &Fake, more: &str, answer: Reply) -> Result<Tokens, Fault> {
    fake.answers(TOKEN, answer);
    out()
        .refresh(&Connected::plain(fake, more, "").holds("old-access", "old-refresh").account())
        .await
        .tokens
}

fn plain_answer() -> Reply {
    Reply::json(200, &json!({ "access_token": "new-access" }))
}

#[tokio::test]
async fn tokens_are_found_where_the_file_says() {
    let fake = Fake::start().await;
    let nested = r#"answer_at = "/data""#;
    let renamed = r#"answer_names = { access_token = "accessToken", refresh_token = "refreshToken", scope = "scopes" }"#;
    let both = format!(
        "{nested}\n{renamed}\nexpires = {{ key = \"expiresAt\", unit = \"epoch_seconds\" }}"
    );
    let deep = json!({ "accessToken": "new-access", "refreshToken": "new-refresh", "scopes": ["a", "b"], "expiresAt": 1_800_000_060 });
    for (more, answer) in [
        (
            nested,
            json!({ "data": { "access_token": "new-access", "refresh_token": "new-refresh" } }),
        ),
        (renamed, json!({ "accessToken": "new-access", "refreshToken": "new-refresh" })),
        (both.as_str(), json!({ "data": deep })),
    ] {
        let tokens = refreshed(&fake, more, Reply::json(200, &answer))
            .await
            .unwrap_or_else(|fault| panic!("{answer}: {fault:?}"));
        assert!(
            tokens.access == Secret::new("new-access")
                && tokens.refresh == Some(Secret::new("new-refresh")),
            "{answer}"
        );
        if more == both {
            assert_eq!(
                (tokens.scopes, tokens.expires_at),
                (
                    vec!["a".to_owned(), "b".to_owned()],
                    Some(NOW.plus(std::time::Duration::from_secs(60)))
                )
            );
        }
        let elsewhere = refreshed(&fake, more, plain_answer()).await;
        assert_eq!(refused(elsewhere, "in another place").cause, Cause::MalformedAnswer);
    }
}

#[tokio::test]
async fn an_answer_without_its_token_is_told_by_names_alone() {
    let fake = Fake::start().await;
    for answer in [
        json!({ "tok": "UNKN0WN", "data": { "jwt": "UNKN0WN" } }),
        json!({ "access_token": null, "bearer": "UNKN0WN" }),
    ] {
        let fault = refused(refreshed(&fake, "", Reply::json(200, &answer)).await, "no token");
        assert_eq!(fault.cause, Cause::MalformedAnswer);
        let said = fault.detail.unwrap();
        assert!(!said.contains("UNKN0WN"), "{said}");
        assert!(
            answer.as_object().unwrap().keys().all(|name| said.contains(name.as_str())),
            "{said}"
        );
    }
}

#[tokio::test]
async fn requests_take_the_shape_of_the_file() {
    let fake = Fake::start().await;
    assert!(refreshed(&fake, r#"body = "json""#, plain_answer()).await.is_ok());
    let sent: Value = fake.last().json();
    assert_eq!(
        (&sent["refresh_token"], &sent["client_secret"]),
        (&json!("old-refresh"), &json!(CLIENT_SECRET))
    );
    assert!(refreshed(&fake, r#"body = "query""#, plain_answer()).await.is_ok());
    let seen = fake.last();
    assert_eq!((seen.body.as_str(), seen.query["refresh_token"].as_str()), ("", "old-refresh"));
    let renamed = r#"rename = { client_id = "client_key", refresh_token = "renewal" }"#;
    assert!(refreshed(&fake, renamed, plain_answer()).await.is_ok());
    let sent = fake.last().form();
    assert_eq!(
        (sent["client_key"].as_str(), sent["renewal"].as_str(), sent.get("client_id")),
        ("cl:ient", "old-refresh", None)
    );
    let more = "refresh_extra = { lifetime = \"long\" }\ntoken_headers = { X-Version = \"2\" }\ntoken_extra = { other = \"1\" }";
    assert!(refreshed(&fake, more, plain_answer()).await.is_ok());
    let seen = fake.last();
    assert_eq!(
        (seen.header("x-version"), seen.form()["lifetime"].as_str(), seen.form().get("other")),
        ("2", "long", None)
    );
}

#[tokio::test]
async fn a_refresh_goes_where_the_file_says() {
    let fake = Fake::start().await;
    let renew = "refresh = \"https://plain.test/renew\"";
    fake.answers("/plain.test/renew", plain_answer());
    let plain = Connected::plain(&fake, renew, "").holds("old-access", "old-refresh");
    assert!(out().refresh(&plain.account()).await.tokens.is_ok());
    assert_eq!(
        fake.seen().iter().map(|seen| seen.path.as_str()).collect::<Vec<_>>(),
        ["/plain.test/renew"]
    );
}

#[tokio::test]
async fn a_public_client_has_no_secret_to_send() {
    let fake = Fake::start().await;
    for more in ["", r#"client_auth = "basic""#, r#"client_auth = "none""#] {
        let mut plain = Connected::plain(&fake, more, "").holds("old-access", "old-refresh");
        plain.app.client_secret = None;
        fake.answers(TOKEN, plain_answer());
        assert!(out().refresh(&plain.account()).await.tokens.is_ok(), "{more}");
        let (seen, sent) = (fake.last(), fake.last().form());
        assert_eq!(
            (seen.header("authorization"), sent["client_id"].as_str(), sent.get("client_secret")),
            ("", "cl:ient", None),
            "{more}"
        );
    }
}

#[test]
fn scopes_are_joined_on_the_sign_in_page_as_each_service_wants_them() {
    for (id, joined) in [
        ("slack", "channels:read,channels:history,users:read"),
        ("meta-ads", "ads_read,business_management"),
        ("shopify", "read_orders,read_products,read_customers"),
        ("github", "repo read:org read:user"),
        ("salesforce", "api refresh_token"),
    ] {
        let account = Connected::real(id)
            .typed("shop", "my-store")
            .typed("login_host", "login.salesforce.com");
        let departure = out()
            .depart(&account.account(), REDIRECT, &[])
            .unwrap_or_else(|fault| panic!("{id}: {fault:?}"));
        let url = url::Url::parse(&departure.url).unwrap();
        let scope = url
            .query_pairs()
            .find(|(name, _)| name == "scope")
            .map(|(_, value)| value.into_owned());
        assert_eq!(scope.as_deref(), Some(joined), "{id}");
    }
}

#[tokio::test]
async fn a_service_that_must_not_see_the_response_type_sees_everything_else() {
    let fake = Fake::start().await;
    let names = |more: &str| {
        let plain = Connected::plain(&fake, more, "");
        let departure = out().depart(&plain.account(), REDIRECT, &[]);
        let departure = departure.unwrap_or_else(|fault| panic!("{more}: {fault:?}"));
        let url = url::Url::parse(&departure.url).unwrap();
        url.query_pairs().map(|(name, _)| name.into_owned()).collect::<Vec<_>>()
    };
    let mut usual = names("");
    assert!(usual.iter().any(|name| name == "response_type"), "{usual:?}");
    usual.retain(|name| name != "response_type");
    assert!(usual.iter().any(|name| name == "state"), "{usual:?}");
    assert_eq!(names("no_response_type = true"), usual);
}
