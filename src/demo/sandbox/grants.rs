//! What the sandbox remembers: log-ins, codes, grants with their one living refresh token.
use std::collections::HashMap;
use std::time::Duration;

use crate::crypto::token;
use crate::model::time::Moment;

/// Short on purpose: a refresh can be watched within the tour.
pub const ACCESS_LIFETIME: Duration = Duration::from_secs(120);
const CODE_LIFETIME: Duration = Duration::from_secs(60);

/// What a person allowed.
#[derive(Clone)]
pub struct Consent {
    pub email: String,
    pub scopes: Vec<String>,
    pub challenge: String,
    pub redirect_uri: String,
}

struct Code {
    consent: Consent,
    expires_at: Moment,
    /// The grant that came of it; a second use kills that grant (RFC 6749 §4.1.2).
    used_for: Option<u64>,
}

struct Grant {
    email: String,
    scopes: Vec<String>,
    refresh: String,
    is_alive: bool,
}

#[derive(Default)]
pub struct Grants {
    log_ins: HashMap<String, String>,
    codes: HashMap<String, Code>,
    grants: HashMap<u64, Grant>,
    access: HashMap<String, (u64, Moment)>,
    /// Every refresh token ever given, so that a replay is seen.
    refresh: HashMap<String, u64>,
    next: u64,
}

/// A pair just issued.
pub struct Issued {
    pub access: String,
    pub refresh: String,
    pub scopes: Vec<String>,
}

fn random() -> String {
    token::random(32).expose().to_owned()
}

impl Grants {
    pub fn log_in(&mut self, email: &str) -> String {
        let cookie = random();
        self.log_ins.insert(token::sha256_hex(&cookie), email.to_owned());
        cookie
    }

    pub fn who(&self, cookie: &str) -> Option<&str> {
        self.log_ins.get(&token::sha256_hex(cookie)).map(String::as_str)
    }

    pub fn code(&mut self, consent: Consent, now: Moment) -> String {
        let code = random();
        self.codes.insert(
            code.clone(),
            Code { consent, expires_at: now.plus(CODE_LIFETIME), used_for: None },
        );
        code
    }

    /// `None`: unknown, expired or used; a used one ends what came of it.
    pub fn redeem(
        &mut self,
        code: &str,
        (redirect_uri, verifier): (&str, &str),
        now: Moment,
    ) -> Option<Issued> {
        let entry = self.codes.get_mut(code)?;
        if let Some(grant) = entry.used_for {
            self.end(grant);
            return None;
        }
        let is_good = entry.expires_at > now
            && entry.consent.redirect_uri == redirect_uri
            && challenge(verifier) == entry.consent.challenge;
        if !is_good {
            return None;
        }
        self.next += 1;
        let id = self.next;
        entry.used_for = Some(id);
        let consent = entry.consent.clone();
        self.grants.insert(
            id,
            Grant {
                email: consent.email,
                scopes: consent.scopes,
                refresh: String::new(),
                is_alive: true,
            },
        );
        self.issue(id, now)
    }

    /// Rotates; a replayed refresh token ends the whole grant.
    pub fn refresh(&mut self, refresh: &str, now: Moment) -> Option<Issued> {
        let id = *self.refresh.get(refresh)?;
        let grant = self.grants.get(&id).filter(|grant| grant.is_alive)?;
        if grant.refresh != refresh {
            self.end(id);
            return None;
        }
        self.issue(id, now)
    }

    fn issue(&mut self, id: u64, now: Moment) -> Option<Issued> {
        let grant = self.grants.get_mut(&id)?;
        let issued = Issued { access: random(), refresh: random(), scopes: grant.scopes.clone() };
        grant.refresh.clone_from(&issued.refresh);
        self.access.insert(issued.access.clone(), (id, now.plus(ACCESS_LIFETIME)));
        self.refresh.insert(issued.refresh.clone(), id);
        Some(issued)
    }

    /// Whose an access token is, and what it may.
    pub fn bearer(&self, access: &str, now: Moment) -> Option<(&str, &[String])> {
        let (id, end) = self.access.get(access)?;
        let grant = self.grants.get(id).filter(|grant| grant.is_alive && *end > now)?;
        Some((&grant.email, &grant.scopes))
    }

    /// Either kind of token; an unknown one is fine too (RFC 7009 §2.2).
    pub fn revoke(&mut self, any_token: &str) {
        let id = self
            .refresh
            .get(any_token)
            .copied()
            .or_else(|| self.access.get(any_token).map(|(id, _)| *id));
        if let Some(id) = id {
            self.end(id);
        }
    }

    fn end(&mut self, id: u64) {
        if let Some(grant) = self.grants.get_mut(&id) {
            grant.is_alive = false;
        }
    }

    pub fn living(&self, email: &str) -> usize {
        self.grants.values().filter(|grant| grant.is_alive && grant.email == email).count()
    }

    pub fn end_all(&mut self, email: &str) {
        self.grants
            .values_mut()
            .filter(|grant| grant.email == email)
            .for_each(|grant| grant.is_alive = false);
    }
}

/// S256 of RFC 7636 §4.2.
fn challenge(verifier: &str) -> String {
    use base64::Engine;
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(digest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn granted(grants: &mut Grants, now: Moment) -> (String, Issued) {
        let consent = Consent {
            email: "anna@harbourpine.example".into(),
            scopes: vec!["reports.read".into()],
            challenge: challenge("verifier"),
            redirect_uri: "http://127.0.0.1/cb".into(),
        };
        let code = grants.code(consent, now);
        let issued = grants.redeem(&code, ("http://127.0.0.1/cb", "verifier"), now).unwrap();
        (code, issued)
    }

    #[test]
    fn a_replayed_refresh_token_ends_the_grant() {
        let (mut grants, now) = (Grants::default(), Moment::from_micros(1));
        let (_, first) = granted(&mut grants, now);
        let second = grants.refresh(&first.refresh, now).unwrap();
        assert!(grants.bearer(&second.access, now).is_some());
        assert!(grants.refresh(&first.refresh, now).is_none());
        assert!(grants.bearer(&second.access, now).is_none());
    }

    #[test]
    fn a_code_used_twice_ends_the_grant() {
        let (mut grants, now) = (Grants::default(), Moment::from_micros(1));
        let (code, issued) = granted(&mut grants, now);
        assert!(grants.redeem(&code, ("http://127.0.0.1/cb", "verifier"), now).is_none());
        assert!(grants.bearer(&issued.access, now).is_none());
    }

    #[test]
    fn an_access_token_ends_in_time() {
        let (mut grants, now) = (Grants::default(), Moment::from_micros(1));
        let (_, issued) = granted(&mut grants, now);
        assert!(grants.bearer(&issued.access, now.plus(ACCESS_LIFETIME)).is_none());
    }
}
