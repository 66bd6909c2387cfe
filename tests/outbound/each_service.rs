//! Each OAuth service of ours is walked through by its own file: signing in, renewing, revoking, against a server that
//! answers every call with all that the file looks for.
use authorizers::catalog::Catalog;
use authorizers::catalog::auth::{OAuth2Spec, RefreshToken};
use authorizers::catalog::revoke::RevokeAuth;
use authorizers::model::revocation::RevocationOutcome;
use serde_json::{Map, Value, json};

use super::connected::{CLIENT_SECRET, Connected, REDIRECT, out};
use super::dialects::signed;
use crate::support::fake::{Fake, Reply};

/// Puts `text` where `pointer` looks.
fn put(into: &mut Value, pointer: &str, text: &str) {
    let mut at = into;
    for step in pointer.split('/').skip(1) {
        if let Ok(index) = step.parse::<usize>() {
            if !at.is_array() {
                *at = json!([]);
            }
            let list = at.as_array_mut().unwrap();
            list.resize(list.len().max(index + 1), Value::Null);
            at = &mut list[index];
        } else {
            if !at.is_object() {
                *at = Value::Object(Map::new());
            }
            at = at.as_object_mut().unwrap().entry(step).or_insert(Value::Null);
        }
    }
    *at = json!(text);
}

/// Everything that the file looks for, in one answer.
fn everything(oauth: &OAuth2Spec, fake: &Fake) -> Value {
    let scope = oauth.scopes.join(" ");
    let mut all = json!({ "access_token": "new-access", "refresh_token": "new-refresh", "expires_in": 3600, "scope": scope });
    if let Some(soft) = &oauth.soft_error
        && soft.ok.is_some()
    {
        all["ok"] = json!(true);
    }
    for pointer in
        [&oauth.identity.id, &oauth.identity.label].into_iter().filter(|text| text.starts_with('/'))
    {
        put(&mut all, pointer, "Ann");
    }
    for keep in &oauth.keep {
        if let Some(pointer) = keep.from.strip_prefix("token:") {
            put(
                &mut all,
                pointer,
                &if keep.is_host { fake.url("/instance") } else { "kept".to_owned() },
            );
        }
    }
    for pointer in oauth.calls.iter().flat_map(|call| call.keep.keys()) {
        put(&mut all, pointer, "kept");
    }
    all
}

fn connected(id: &str, fake: &Fake) -> Connected {
    let connected = Connected::shipped(id, fake);
    let auth = connected.account().auth.clone();
    auth.fields.iter().filter(|field| !field.is_note()).fold(connected, |connected, field| {
        let value =
            field.default.clone().or_else(|| field.options.first().map(|one| one.value.clone()));
        connected.typed(&field.key, &value.unwrap_or_else(|| "1234567890".to_owned()))
    })
}

#[tokio::test]
async fn each_service_signs_in_renews_and_revokes() {
    let catalog = Catalog::load(None, false);
    let mut walked = 0;
    for service in catalog.all().iter().filter(|service| service.auths[0].oauth2.is_some()) {
        let id = service.id().as_str();
        if id == "custom-oauth2" {
            continue;
        }
        let fake = Fake::start().await;
        let account = connected(id, &fake);
        let oauth = account.account().auth.oauth2.clone().unwrap();
        fake.answers_otherwise(Reply::json(200, &everything(&oauth, &fake)));
        assert!(out().depart(&account.account(), REDIRECT, &[]).is_ok(), "{id}");
        let hmac = signed(&[("realmId", "9341")]);
        let grant = account.exchange(&out(), &[("realmId", "9341"), ("hmac", &hmac)]).await;
        let grant = grant.unwrap_or_else(|fault| panic!("{id}: {fault:?}\n{:#?}", fake.seen()));
        assert!(
            grant.missing_scopes.is_empty() && !grant.missing_refresh_token,
            "{id}: {:?}",
            grant.missing_scopes
        );
        assert!(!grant.identity.key.is_empty() && !grant.identity.label.is_empty(), "{id}");
        let proof = fake.last();
        assert!(
            proof.headers.values().any(|value| value.contains("new-access")),
            "{id} proves nothing: {proof:?}"
        );
        let account = grant
            .kept
            .iter()
            .fold(account, |account, (key, value)| account.kept(key, value.expose()));
        let has_refresh = oauth.refresh_token != RefreshToken::None;
        let account = account.holds("new-access", if has_refresh { "new-refresh" } else { "" });
        let refreshed = out().refresh(&account.account()).await.tokens;
        assert_eq!(refreshed.is_ok(), has_refresh, "{id}: {:?}", refreshed.err());
        let before = fake.seen().len();
        let revoked = out().revoke(&account.account()).await;
        let Some(revoke) = &oauth.revoke else {
            assert_eq!(
                (revoked.outcome, fake.seen().len()),
                (RevocationOutcome::NoEndpoint, before),
                "{id}"
            );
            walked += 1;
            continue;
        };
        assert_eq!(revoked.outcome, RevocationOutcome::StillWorks, "{id}: {revoked:?}");
        let call = &fake.seen()[before];
        let all = format!("{call:?}");
        let names_token = all.contains("new-access") || all.contains("new-refresh");
        assert!(names_token, "{id} does not say what to revoke: {all}");
        assert_eq!(
            call.header("authorization").starts_with("Basic "),
            revoke.auth == RevokeAuth::Basic,
            "{id}"
        );
        let tells_secret = call.form().values().any(|value| value == CLIENT_SECRET);
        assert_eq!(tells_secret, revoke.params.contains_key("client_secret"), "{id}");
        walked += 1;
    }
    assert!(walked >= 15, "{walked} services were walked");
}
