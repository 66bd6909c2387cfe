//! One message for the next page: what has just been done.
use actix_session::Session;
use serde::{Deserialize, Serialize};

const KEY: &str = "flash";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Flash {
    pub is_good: bool,
    pub text: String,
}

/// Shown once, on the page that the browser is sent to.
pub fn success(session: &Session, text: impl Into<String>) {
    put(session, Flash { is_good: true, text: text.into() });
}

/// Something did not happen, and the next page should say so.
pub fn failure(session: &Session, text: impl Into<String>) {
    put(session, Flash { is_good: false, text: text.into() });
}

fn put(session: &Session, flash: Flash) {
    if let Err(error) = session.insert(KEY, flash) {
        tracing::warn!(%error, "a message could not be kept for the next page");
    }
}

pub fn take(session: &Session) -> Option<Flash> {
    session.remove_as(KEY)?.ok()
}
