//! How a service is asked to take our access away.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::auth::{SoftError, TokenBody};
use super::http::Method;

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RevokeSpec {
    pub url: String,
    #[serde(default = "post")]
    pub method: Method,
    #[serde(default)]
    pub body: TokenBody,
    /// Members of the body (or query): templates `{refresh_token}`, `{access_token}`, `{token}` (refresh if there is one), `{client_id}`, `{client_secret}`.
    #[serde(default)]
    pub params: BTreeMap<String, String>,
    #[serde(default)]
    pub auth: RevokeAuth,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// What success looks like beyond 2xx.
    pub soft_error: Option<SoftError>,
    /// It ends what the token belongs to and nothing else of the same account and OAuth app: the grant that a
    /// reauthorization leaves behind is revoked by it.
    #[serde(default)]
    pub alone: bool,
}

impl RevokeSpec {
    /// Whether there is an address to call: one that begins with a typed address needs that.
    pub fn has_address(&self, has_value: impl Fn(&str) -> bool) -> bool {
        let base = self.url.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        base.is_none_or(|(field, _)| has_value(field))
    }

    /// Whether the call carries the access token, which must then be one that still works.
    pub fn carries_access_token(&self) -> bool {
        let templates = self.params.values().chain(self.headers.values());
        self.auth == RevokeAuth::Bearer
            || templates.chain([&self.url]).any(|template| template.contains("{access_token}"))
    }
}

/// A call of the API like others, authorized by what it ends.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeyRevokeSpec {
    /// Under the base, or a whole address.
    pub path: String,
    #[serde(default = "post")]
    pub method: Method,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// JSON.
    pub body: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevokeAuth {
    #[default]
    None,
    Basic,
    /// `Authorization: Bearer {access_token}`
    Bearer,
    /// As the token call does it (RFC 7009, 2.1): by `client_auth`.
    Client,
}

fn post() -> Method {
    Method::Post
}
