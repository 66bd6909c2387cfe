//! A service that says our secrets back to us: no fault, no report and no receipt holds them, however they are spelled.
use std::time::Duration;

use authorizers::model::report::Fault;
use authorizers::outbound::api::{self, Ask};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use serde_json::json;

use super::connected::{CLIENT_SECRET, CODE, Connected, out, refused};
use crate::support::fake::{End, Fake, Reply};

const ACCESS: &str = "acc3ss \"of\" ann/+1";
const REFRESH: &str = "r3fresh&of<ané>?2";
const SECRETS: &[&str] = &[ACCESS, REFRESH, CLIENT_SECRET];

const REVOKE: &str = r#"
[auth.oauth2.revoke]
url = "https://plain.test/revoke"
params = { token = "{token}" }
"#;

/// The ways in which a secret comes back in an answer, a log line or a page.
fn spellings(secret: &str) -> Vec<(&'static str, String)> {
    let percent: String = secret.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let quoted = serde_json::to_string(secret).unwrap();
    let json = quoted.trim_matches('"').to_owned();
    vec![
        ("plain", secret.to_owned()),
        ("form", form.clone()),
        ("form in lower case", form.to_lowercase()),
        ("address", form.replace('+', "%20")),
        ("all percent", percent.clone()),
        ("all percent in lower case", percent.to_lowercase()),
        ("base64", STANDARD.encode(secret)),
        ("base64 without padding", STANDARD_NO_PAD.encode(secret)),
        ("base64 of addresses", URL_SAFE.encode(secret)),
        ("base64 of addresses without padding", URL_SAFE_NO_PAD.encode(secret)),
        ("base64 behind a name", STANDARD.encode(format!("cl:ient:{secret}"))),
        ("base64 behind another name", STANDARD.encode(format!("client:{secret}"))),
        ("base64 behind a third name", STANDARD.encode(format!("clients:{secret}:"))),
        ("JSON", json.clone()),
        ("JSON within JSON", serde_json::to_string(&quoted).unwrap()),
        ("JSON with slashes escaped", json.replace('/', "\\/")),
        (
            "HTML",
            secret
                .replace('&', "&amp;")
                .replace('<', "&lt;")
                .replace('>', "&gt;")
                .replace('"', "&quot;"),
        ),
    ]
}

#[track_caller]
fn is_clean(what: &str, said: &str) {
    for secret in SECRETS.iter().chain(&[CODE, "ver1fier-of-one-use"]) {
        for (how, spelled) in spellings(secret) {
            assert!(!said.contains(&spelled), "{what} holds {secret:?} as {how}: {said}");
        }
        // No half of it either: what is cut is cut outside of secrets.
        let half: String = secret.chars().take(9).collect();
        assert!(!said.contains(&half), "{what} holds the beginning of {secret:?}: {said}");
    }
}

fn plain(fake: &Fake) -> Connected {
    Connected::plain(fake, "", REVOKE).holds(ACCESS, REFRESH)
}

/// Everything that a broken call says.
fn said(fault: &Fault) -> String {
    format!("{fault:?} {}", fault.detail.as_deref().unwrap_or_default())
}

#[tokio::test]
async fn an_echoed_secret_is_in_no_fault_however_it_is_spelled() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), plain(&fake));
    for secret in SECRETS {
        for (how, spelled) in spellings(secret) {
            for status in [200, 400, 401, 500] {
                let reply =
                    Reply::new(status, "text/plain", format!("you sent <{spelled}>, did you not?"));
                fake.answers("/plain.test/token", reply.clone())
                    .answers("/plain.test/me", reply.clone());
                fake.answers("/plain.test/revoke", reply);
                let refresh = refused(out.refresh(&plain.account()).await.tokens, how);
                is_clean(how, &said(&refresh));
                assert!(
                    said(&refresh).contains("you sent") && said(&refresh).contains("did you not"),
                    "{how}: {refresh:?}"
                );
                let asked =
                    api::ask(&out, &plain.account(), &Default::default(), Ask::get("/me")).await;
                let asked = refused(asked, how);
                is_clean(how, &said(&asked));
                assert!(said(&asked).contains("did you not"), "{how}: {asked:?}");
                match out.revoke(&plain.account()).await.fault {
                    Some(fault) => is_clean(how, &said(&fault)),
                    None => assert_eq!(status, 200, "only a yes is none"),
                }
            }
        }
    }
}

#[tokio::test]
async fn a_report_holds_no_echoed_secret() {
    let fake = Fake::start().await;
    let plain = plain(&fake);
    for (how, spelled) in SECRETS.iter().flat_map(|secret| spellings(secret)) {
        fake.answers("/plain.test/me", Reply::new(403, "text/plain", format!("no: {spelled}")));
        let mut steps = Vec::new();
        let report = out().test(&plain.account(), &mut |step| steps.push(step)).await;
        is_clean(how, &format!("{report:?}"));
        assert!(format!("{report:?}").contains("no: "), "{how}: {report:?}");
        is_clean(how, &format!("{steps:?}"));
    }
}

#[tokio::test]
async fn the_cut_leaves_no_half_of_a_secret() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), plain(&fake));
    for secret in SECRETS.iter().chain(&[CODE]) {
        for filler in 400..505 {
            let text =
                format!("{}{secret}", ["- ".repeat(filler / 2), ".".repeat(filler % 2)].concat());
            let reply = Reply::new(400, "text/plain", text);
            fake.answers("/plain.test/token", reply);
            let fault = refused(plain.exchange(&out, &[]).await, "an echo");
            is_clean("a cut text", &said(&fault));
            assert!(fault.detail.unwrap().chars().count() <= 502);
        }
    }
}

#[tokio::test]
async fn the_code_and_new_tokens_are_not_told_either() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), plain(&fake));
    fake.answers(
        "/plain.test/token",
        Reply::new(400, "text/plain", format!("code {CODE} was used")),
    );
    is_clean("a refused code", &said(&refused(plain.exchange(&out, &[]).await, "used")));
    let short = [("code", "sh0rt")];
    fake.answers("/plain.test/token", Reply::new(400, "text/plain", "the text sh0rt was used"));
    let fault = refused(plain.exchange(&out, &short).await, "used");
    assert!(!said(&fault).contains("sh0rt"), "{fault:?}");
    // The token of this exchange, said back by the call after it.
    fake.answers(
        "/plain.test/token",
        Reply::json(200, &json!({ "access_token": "br4nd-new", "refresh_token": "al5o-new" })),
    );
    fake.answers(
        "/plain.test/me",
        Reply::new(403, "text/plain", "no rights: br4nd-new (al5o-new)"),
    );
    let fault = refused(plain.exchange(&out, &[]).await, "no rights");
    assert!(said(&fault).contains("no rights") && !said(&fault).contains("-new"), "{fault:?}");
}

#[tokio::test]
async fn what_looks_like_a_secret_is_not_told_though_nobody_knows_it() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), plain(&fake));
    for text in [
        r#"{"error":"x","access_token":"UNKN0WN"}"#,
        r#"{"error":"x","accessToken": "UNKN0WN"}"#,
        r#"{"error":"x","api-key":"UNKN0WN"}"#,
        r#"{"error":"x","client_secret":"a\"UNKN0WN"}"#,
        r#"{"error":"{\"refresh_token\":\"UNKN0WN\"}"}"#,
        "Authorization: Bearer UNKN0WN",
        "Authorization: UNKN0WN",
        "authorization: OAuth UNKN0WN, next",
        r#"{"headers":{"Authorization":"token UNKN0WN"}}"#,
        "X-Api-Key: UNKN0WN",
        "X-Shopify-Access-Token: UNKN0WN",
        "Set-Cookie: session=UNKN0WN; Path=/",
        "https://ann:UNKN0WN@db.example/x",
        "postgres://ann:a%40UNKN0WN@db.example/x",
        "GET /x?api_key=UNKN0WN&y=1",
        "POST grant_type=x&client_assertion=UNKN0WN",
        "token xoxb-UNKN0WN-12345",
        "token shpat_UNKN0WN0123456789abcdef",
        "key AKIAUNKN0WN123456789",
        "key AIzaUNKN0WN0123456789abcdefghijklmn",
        "-----BEGIN PRIVATE KEY-----\nMIIE/UNKN0WN+abc\nUNKN0WN==\n-----END PRIVATE KEY-----",
        "-----BEGIN RSA PRIVATE KEY-----\\nMIIE/UNKN0WN+abc",
    ] {
        fake.answers("/plain.test/me", Reply::new(400, "text/plain", text));
        let asked = api::ask(&out, &plain.account(), &Default::default(), Ask::get("/me")).await;
        let fault = refused(asked, text);
        assert!(!said(&fault).contains("UNKN0WN"), "{text}: {fault:?}");
    }
}

#[tokio::test]
async fn what_helps_to_find_the_fault_is_told() {
    let fake = Fake::start().await;
    let (out, plain) = (out(), plain(&fake));
    for text in [
        r#"{"error":"invalid_grant","error_description":"Token has been expired or revoked."}"#,
        r#"{"code":"rest_forbidden","message":"Sorry, you are not allowed to do that."}"#,
        r#"{"error":{"code":190,"type":"OAuthException","fbtrace_id":"AbCdEf123"}}"#,
        "The token is not valid for this account. Password authentication is off.",
        "request id 6f1d2a3b4c5d, see https://docs.example/errors#403",
    ] {
        fake.answers("/plain.test/me", Reply::new(400, "text/plain", text));
        let asked = api::ask(&out, &plain.account(), &Default::default(), Ask::get("/me")).await;
        let detail = refused(asked, text).detail.unwrap();
        assert!(detail.ends_with(text), "{detail}");
        assert!(detail.starts_with("GET http://127.0.0.1:"), "{detail}");
    }
}

/// What a query holds has no known name and no shape of a secret: it is left out as a whole.
#[tokio::test]
async fn no_fault_tells_the_query_of_an_address() {
    let fake = Fake::start().await;
    let gone = Fake::gone().await;
    let (out, patience) = (out(), Duration::from_millis(300));
    for (what, reply) in [
        ("refused", Some(Reply::new(400, "text/plain", "no"))),
        ("not JSON", Some(Reply::html(200))),
        ("down", Some(Reply::json(503, &json!({})))),
        ("cut off", Some(Reply::json(200, &json!({ "id": 1 })).ending(End::CutOff))),
        ("silent", Some(Reply::silent())),
        ("gone", None),
    ] {
        let server = if reply.is_some() { &fake } else { &gone };
        if let Some(reply) = reply {
            fake.answers("/plain.test/me", reply);
        }
        let query = [("sig", "qu3ry"), ("page", "s3ven")];
        let query = query.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let ask = Ask { query: &query, limit: patience, ..Ask::get("/me") };
        let asked = api::ask(&out, &plain(server).account(), &Default::default(), ask).await;
        let fault = refused(asked, what);
        let told = said(&fault);
        assert!(told.contains("/plain.test/me"), "{what}: {told}");
        for part in ["qu3ry", "s3ven", "sig", "page"] {
            assert!(!told.contains(part), "{what} tells {part:?}: {told}");
        }
    }
}
