//! `[http]` and `[[test]]`: how an HTTP service is called, tested and understood.
use std::collections::BTreeMap;

use serde::Deserialize;

use crate::model::cause::Cause;
use crate::model::report::StepKind;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSpec {
    /// `https://api.example.com`; placeholders allowed.
    pub base: String,
    /// Hosts that rendered addresses must stay within, besides the base's own.
    #[serde(default)]
    pub hosts: Vec<String>,
    /// The user types the address himself (custom HTTP API): no host list.
    #[serde(default)]
    pub any_host: bool,
    /// Sent with every request; settings of a source may stand in them, too. A header or a query parameter with a
    /// placeholder that has no value is left out, here and everywhere.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What answers mean; looked at in order, before the general rules (401, 403, 404, 429, 5xx).
    #[serde(default, rename = "error")]
    pub errors: Vec<ErrorRule>,
    /// Errors that come with HTTP 200.
    pub soft_error: Option<super::auth::SoftError>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    #[default]
    Get,
    Post,
    Put,
    Delete,
    Head,
}

impl Method {
    /// The method of a call whose file names none.
    pub fn or_usual(named: Option<Self>, has_body: bool) -> Self {
        named.unwrap_or(if has_body { Self::Post } else { Self::Get })
    }

    /// Returns false for methods whose body servers and proxies drop or refuse (RFC 9110 §9.3.1).
    pub fn takes_body(self) -> bool {
        match self {
            Self::Post | Self::Put | Self::Delete => true,
            Self::Get | Self::Head => false,
        }
    }
}

/// One step of a test.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TestSpec {
    pub step: StepKind,
    #[serde(default)]
    pub method: Method,
    /// Path under `http.base` or a whole address.
    pub path: String,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    pub body: Option<serde_json::Value>,
    /// JSON pointer that must be there: a 2xx alone proves nothing.
    pub has: Option<String>,
    /// Pointers or templates for the identity (services without OAuth).
    pub identity_id: Option<String>,
    pub identity_label: Option<String>,
    /// A failure only warns.
    #[serde(default)]
    pub optional: bool,
    /// Scope or permission that this step proves; named when it fails.
    pub needs: Option<String>,
    #[serde(default, rename = "error")]
    pub errors: Vec<ErrorRule>,
}

/// What an answer means.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorRule {
    /// HTTP status it holds for.
    pub status: Option<u16>,
    /// OAuth `error` code it holds for.
    pub error: Option<String>,
    /// Text that the answer must contain.
    pub contains: Option<String>,
    pub cause: Cause,
    /// Keys of fields to mark.
    #[serde(default)]
    pub fields: Vec<String>,
    /// What to copy or do.
    pub cure: Option<String>,
}
