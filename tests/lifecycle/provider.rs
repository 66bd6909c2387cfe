//! The provider of the year: it keeps grants by account, rotates where its kind does, and counts who asks.
use std::collections::{BTreeMap, HashMap};

use super::year::Kind;
use crate::support::line::{Answers, Said};
use authorizers::clock::Clock;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

#[derive(Clone, Copy, Default)]
pub struct Calls {
    pub refreshes: u64,
    pub looks: u64,
}

struct Grant {
    consented_at: u64,
    serial: u64,
    access: String,
}

pub struct Provider {
    kinds: Vec<Kind>,
    clock: Clock,
    grants: HashMap<String, Grant>,
    calls: BTreeMap<String, Calls>,
    pub refused: Vec<String>,
}

impl Provider {
    pub fn new(kinds: Vec<Kind>, clock: Clock) -> Self {
        Self { kinds, clock, grants: HashMap::new(), calls: BTreeMap::new(), refused: Vec::new() }
    }

    pub fn calls(&self, account: &str) -> Calls {
        self.calls.get(account).copied().unwrap_or_default()
    }

    pub fn forget_calls(&mut self) {
        self.calls.clear();
    }

    fn now(&self) -> u64 {
        u64::try_from(self.clock.now().micros() / 1_000_000).unwrap()
    }

    fn token(&mut self, kind: &str, form: &HashMap<String, String>) -> (u16, Value) {
        let now = self.now();
        let account = match form["grant_type"].as_str() {
            "authorization_code" => {
                let account = form["code"].clone();
                self.grants.insert(
                    account.clone(),
                    Grant { consented_at: now, serial: 0, access: String::new() },
                );
                account
            }
            _ => {
                let sent = &form["refresh_token"];
                let (account, serial) = sent.rsplit_once('/').unwrap();
                let rotates = self.kinds.iter().any(|one| one.name == kind && one.rotates);
                let is_current = self
                    .grants
                    .get(account)
                    .is_some_and(|grant| !rotates || grant.serial.to_string() == serial);
                if !is_current {
                    self.refused.push(sent.clone());
                    return (400, json!({ "error": "invalid_grant" }));
                }
                self.calls.entry(account.to_owned()).or_default().refreshes += 1;
                account.to_owned()
            }
        };
        let kind = self.kinds.iter().find(|one| one.name == kind).unwrap();
        let grant = self.grants.get_mut(&account).unwrap();
        grant.serial += 1;
        grant.access = format!("a/{account}/{}", grant.serial);
        let mut answer = json!({ "access_token": grant.access, "token_type": "Bearer" });
        let is_first = form["grant_type"] == "authorization_code";
        if kind.has_refresh && (kind.rotates || is_first) {
            answer["refresh_token"] = format!("{account}/{}", grant.serial).into();
        }
        for (name, value) in (kind.answer)(now, now - grant.consented_at).as_object().unwrap() {
            answer[name.as_str()] = value.clone();
        }
        if let Some(unsigned) = answer["access_token"].as_str().filter(|token| token.ends_with('.'))
        {
            answer["access_token"] =
                format!("{unsigned}{}", URL_SAFE_NO_PAD.encode(&account)).into();
        }
        (200, answer)
    }

    /// Of a key, a token of ours, or a JWT, which is signed with the account's name.
    fn me(&mut self, token: &str) -> (u16, Value) {
        let plain = token
            .strip_prefix("a/")
            .and_then(|rest| rest.rsplit_once('/'))
            .map(|(account, _)| account.to_owned());
        let signed =
            || String::from_utf8(URL_SAFE_NO_PAD.decode(token.rsplit('.').next()?).ok()?).ok();
        let Some(account) = plain.or_else(signed) else {
            return (401, json!({}));
        };
        self.calls.entry(account.clone()).or_default().looks += 1;
        (200, json!({ "id": account }))
    }

    fn json(&mut self, head: &str, body: &str) -> (u16, Value) {
        let path = head.split(' ').nth(1).unwrap_or_default();
        let mut parts = path.trim_start_matches('/').split('/');
        match (parts.next().unwrap_or_default().to_owned(), parts.next()) {
            (kind, Some("token")) => self
                .token(&kind, &url::form_urlencoded::parse(body.as_bytes()).into_owned().collect()),
            (_, Some("me")) => {
                let token = head.lines().find_map(|line| {
                    line.to_lowercase().starts_with("authorization:").then(|| line[14..].trim())
                });
                self.me(token.unwrap_or_default().trim_start_matches("Bearer "))
            }
            _ => (404, json!({})),
        }
    }
}

impl Answers for Provider {
    fn answer(&mut self, head: &str, body: &str) -> Said {
        let (status, answer) = self.json(head, body);
        Said::Json(status, answer)
    }
}
