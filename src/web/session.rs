//! The session cookie: encrypted, it carries the id of a session's row, the CSRF token and a message. Rights are never in it.
use actix_session::config::{CookieContentSecurity, PersistentSession};
use actix_session::storage::CookieSessionStore;
use actix_session::{Session, SessionMiddleware};
use actix_web::cookie::time::Duration;
use actix_web::cookie::{Key, SameSite};

use crate::crypto::token;
use crate::model::credentials::Secret;
use crate::model::ids::{AuthorizerId, SessionId};

const SESSION: &str = "session";
const CSRF: &str = "csrf";
const BROWSER: &str = "browser";
const ARRIVAL: &str = "arrival";
/// A cookie has four kilobytes, sealed. What is longer is not kept: the person starts again.
const LONGEST_ARRIVAL: usize = 2_000;
const REPLACING: &str = "replacing";
const DAYS: i64 = 30;

/// `key` is the ring's cookie key, 64 bytes; `is_secure` when the public address is https.
pub fn middleware(key: &[u8], is_secure: bool) -> SessionMiddleware<CookieSessionStore> {
    SessionMiddleware::builder(CookieSessionStore::default(), Key::from(key))
        .cookie_name("authorizers".to_owned())
        .cookie_secure(is_secure)
        .cookie_http_only(true)
        // Lax: coming back from a provider the cookie must be sent.
        .cookie_same_site(SameSite::Lax)
        .cookie_content_security(CookieContentSecurity::Private)
        .session_lifecycle(PersistentSession::default().session_ttl(Duration::days(DAYS)))
        .build()
}

pub fn id(session: &Session) -> Option<SessionId> {
    session.get::<String>(SESSION).ok().flatten().map(SessionId::from)
}

/// Signed in: a new session and CSRF token; the browser's mark and an arrival that waits for this are kept.
pub fn begin(session: &Session, id: &SessionId) {
    session.renew();
    let kept = [(SESSION, id.as_str().to_owned()), (CSRF, token::random(32).expose().to_owned())];
    for (key, value) in kept {
        if let Err(error) = session.insert(key, value) {
            tracing::error!(%error, "the session cookie could not be written");
        }
    }
}

/// Signed out: nothing is left of it, except the mark of the browser, which waiting attempts need.
pub fn end(session: &Session) {
    session.remove(SESSION);
    session.remove(CSRF);
    end_replacing(session);
    session.renew();
}

/// An account is being added in order to replace this one: its page leads back.
pub fn keep_replacing(session: &Session, id: &AuthorizerId) {
    if let Err(error) = session.insert(REPLACING, id) {
        tracing::warn!(%error, "what is to be replaced could not be kept");
    }
}

pub fn replacing(session: &Session) -> Option<AuthorizerId> {
    session.get(REPLACING).ok().flatten()
}

pub fn end_replacing(session: &Session) {
    session.remove(REPLACING);
}

/// The CSRF token of this session; made on first need, so that sign-in and set-up have one, too.
pub fn csrf(session: &Session) -> String {
    get_or_make(session, CSRF)
}

/// What marks this browser: an authorization attempt comes back to the browser that began it.
pub fn browser(session: &Session) -> Secret {
    Secret::new(get_or_make(session, BROWSER))
}

/// Keeps what a provider sent back while the person signs in anew: the code gets into no page and no further address.
pub fn keep_arrival(session: &Session, query: &str) {
    if query.len() > LONGEST_ARRIVAL {
        return;
    }
    if let Err(error) = session.insert(ARRIVAL, query) {
        tracing::error!(%error, "the session cookie could not be written");
    }
}

/// What was kept, once.
pub fn take_arrival(session: &Session) -> Option<String> {
    session.remove_as::<String>(ARRIVAL)?.ok()
}

fn get_or_make(session: &Session, key: &str) -> String {
    if let Some(value) = session.get::<String>(key).ok().flatten().filter(|value| !value.is_empty())
    {
        return value;
    }
    let value = token::random(32).expose().to_owned();
    if let Err(error) = session.insert(key, &value) {
        tracing::error!(%error, "the session cookie could not be written");
    }
    value
}
