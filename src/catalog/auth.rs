//! `[[auth]]`: one way to authorize a service.
use std::collections::BTreeMap;

use serde::Deserialize;

use super::chosen::Chosen;
use super::field::FieldSpec;
use super::http::{ErrorRule, Method};
use super::revoke::{KeyRevokeSpec, RevokeSpec};

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AuthSpec {
    /// Unique in the file: `oauth`, `key`, `password`.
    pub id: String,
    /// On the button or radio card: `Sign in with Google`, `API key`.
    pub label: String,
    pub help: Option<String>,
    /// Asked before the redirect (OAuth) or as the whole form.
    #[serde(default, rename = "field")]
    pub fields: Vec<FieldSpec>,
    /// Shared field sets put behind `fields`: `tls`, `ssh`.
    #[serde(default)]
    pub field_sets: Vec<String>,
    /// Present: authorization code grant.
    pub oauth2: Option<OAuth2Spec>,
    /// How long this way lives, where the service's own `[lifetime]` does not hold for it.
    pub lifetime: Option<super::service::Lifetime>,
    /// How requests to the HTTP API carry the authorization.
    #[serde(default)]
    pub apply: Apply,
    /// For a way without OAuth 2.0: the service can be asked to end what was typed.
    pub revoke: Option<KeyRevokeSpec>,
}

impl AuthSpec {
    /// Whether the service can be asked to take the access away. An address that a person types may have been left out:
    /// `has_value` says whether a field has a value.
    pub fn is_revocable(&self, has_value: impl Fn(&str) -> bool) -> bool {
        let revoke = self.oauth2.as_ref().and_then(|oauth2| oauth2.revoke.as_ref());
        self.revoke.is_some() || revoke.is_some_and(|revoke| revoke.has_address(has_value))
    }
}

/// Values are templates: `{access_token}`, `{api_key}`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Apply {
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    #[serde(default)]
    pub query: BTreeMap<String, String>,
    /// `["{user}", "{password}"]`.
    pub basic: Option<(String, String)>,
    /// `{access_token}`
    pub bearer: Option<String>,
    /// Each request is signed: OAuth 1.0a (RFC 5849), HMAC-SHA1.
    pub oauth1: Option<OAuth1>,
    /// Which of the above holds, chosen by a field's value (custom HTTP API): field key → value → Apply.
    pub choose: Option<ApplyChoice>,
}

/// The two keys that sign, with their secrets.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth1 {
    pub consumer_key: String,
    pub consumer_secret: String,
    pub token: String,
    pub token_secret: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApplyChoice {
    pub field: String,
    pub by: BTreeMap<String, Apply>,
}

/// RFC 6749 authorization code grant with what the service does otherwise.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OAuth2Spec {
    /// Addresses; placeholders `{subdomain}` come from the fields, the kept values or the callback.
    pub authorize: String,
    pub token: String,
    /// Where refreshing goes, if elsewhere.
    pub refresh: Option<String>,
    /// Hosts that rendered addresses must stay within: `*.zendesk.com`.
    pub hosts: Vec<String>,
    /// `iss` that the callback must carry if it carries one (RFC 9207), letter for letter; may have placeholders of
    /// typed fields. Without a value for them nothing is compared.
    pub issuer: Option<String>,
    /// The service sends `iss` with each code: one without it is refused.
    #[serde(default)]
    pub iss_required: bool,
    /// A placeholder may stand for several, parted by spaces (custom services).
    #[serde(default)]
    pub scopes: Vec<String>,
    /// Asked for; not missed if they are not granted.
    #[serde(default)]
    pub optional_scopes: Vec<String>,
    /// What was granted before stays granted when only more is asked for: reauthorizing asks for what is missing.
    #[serde(default)]
    pub incremental_scopes: bool,
    /// Between scopes; this, `pkce` and `client_auth` may be chosen in a field: `"{field}"`.
    #[serde(default)]
    pub scope_join: Chosen<ScopeJoin>,
    /// The name of the scope parameter; empty: none is sent.
    #[serde(default = "scope")]
    pub scope_param: String,
    /// Whether an answer without `scope` means that all asked scopes were granted (RFC 6749 §5.1). Default: yes.
    #[serde(default = "yes")]
    pub scope_echoed: bool,
    #[serde(default)]
    pub pkce: Chosen<Pkce>,
    #[serde(default)]
    pub client_auth: Chosen<ClientAuth>,
    /// Client authentication of the refresh, if it differs.
    pub refresh_client_auth: Option<ClientAuth>,
    #[serde(default)]
    pub body: TokenBody,
    #[serde(default)]
    pub authorize_extra: BTreeMap<String, String>,
    #[serde(default)]
    pub token_extra: BTreeMap<String, String>,
    #[serde(default)]
    pub refresh_extra: BTreeMap<String, String>,
    /// Headers of token calls; `Accept: application/json` is always sent.
    #[serde(default)]
    pub token_headers: BTreeMap<String, String>,
    /// Renamed parameters of the authorize address and the token call: standard → the service's.
    #[serde(default)]
    pub rename: BTreeMap<String, String>,
    /// Drop `response_type` from the authorize address.
    #[serde(default)]
    pub no_response_type: bool,
    /// The callback parameter that carries the code, if not `code`.
    #[serde(default = "code")]
    pub code_param: String,
    /// JSON pointer to the object with the tokens in the answer, e.g. `/authed_user`.
    #[serde(default)]
    pub answer_at: String,
    /// Renamed members of the answer: standard → the service's (`access_token = "token"`).
    #[serde(default)]
    pub answer_names: BTreeMap<String, String>,
    /// Errors that come with HTTP 200.
    pub soft_error: Option<SoftError>,
    #[serde(default)]
    pub expires: Expires,
    /// Whether a refresh token must come; without it the grant is not a success.
    #[serde(default)]
    pub refresh_token: RefreshToken,
    /// The refresh repeats the scope parameter.
    #[serde(default)]
    pub refresh_sends_scope: bool,
    /// A second call that turns the token into a long-lived one.
    pub exchange: Option<Exchange>,
    /// Placeholders to keep: from the callback, the token answer or the follow-up calls.
    #[serde(default)]
    pub keep: Vec<Keep>,
    /// Calls after the exchange, in order; they may fill placeholders.
    #[serde(default, rename = "call")]
    pub calls: Vec<FollowUp>,
    /// Who the service says we are.
    pub identity: IdentitySpec,
    pub revoke: Option<RevokeSpec>,
    /// Client id and secret are typed with the authorizer (custom services).
    #[serde(default)]
    pub own_app: bool,
    /// Revoking one grant ends its siblings (same account, same app).
    #[serde(default)]
    pub revoke_kills_siblings: bool,
    /// Errors of the token endpoint with a meaning of their own.
    #[serde(default, rename = "error")]
    pub errors: Vec<ErrorRule>,
    /// Check a callback signature: `shopify_hmac`.
    pub callback_check: Option<CallbackCheck>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackCheck {
    ShopifyHmac,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ScopeJoin {
    /// `%20` in the address.
    #[default]
    Space,
    Comma,
    /// A space that is written as `+` in the address, for services that want it so.
    Plus,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pkce {
    #[default]
    S256,
    /// The service rejects it or is known to break.
    Off,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientAuth {
    /// client_id and client_secret in the body.
    #[default]
    Body,
    Basic,
    /// The secret as the user of Basic, with an empty password.
    SecretAsUser,
    /// Public client: client_id only.
    None,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenBody {
    #[default]
    Form,
    Json,
    Query,
}

/// An error that comes with HTTP 200: `/ok` is not `true`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SoftError {
    /// JSON pointer to look at.
    pub at: String,
    /// The text of the value that means success (`true`, `0`); absent: anything there is an error.
    pub ok: Option<String>,
    /// JSON pointer to the error code.
    pub code: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expires {
    /// Member of the answer.
    #[serde(default = "expires_in")]
    pub key: String,
    #[serde(default)]
    pub unit: ExpiresUnit,
    /// Seconds to assume if the answer does not say; absent: it does not expire.
    pub missing_s: Option<u64>,
}

impl Default for Expires {
    fn default() -> Self {
        Self { key: expires_in(), unit: ExpiresUnit::Seconds, missing_s: None }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ExpiresUnit {
    #[default]
    Seconds,
    Millis,
    /// A moment: seconds since the epoch.
    EpochSeconds,
    /// A moment: RFC 3339 text.
    Rfc3339,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefreshToken {
    /// Must come; a missing one is not a success.
    #[default]
    Expected,
    /// Kept if it comes.
    Optional,
    /// The service gives none.
    None,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exchange {
    #[serde(default)]
    pub method: Method,
    pub url: String,
    /// Templates: `{access_token}`, `{client_id}`, `{client_secret}`.
    #[serde(default)]
    pub query: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Keep {
    /// `callback:realmId`, `token:/instance_url`.
    pub from: String,
    pub to: String,
    /// Where it decides where tokens are sent: hosts it must stay within (`hosts` of the spec).
    #[serde(default)]
    pub is_host: bool,
    #[serde(default)]
    pub optional: bool,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FollowUp {
    pub get: String,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON pointer → placeholder.
    pub keep: BTreeMap<String, String>,
    /// More than one match: the field whose value picks among them (`key` = pointer within an item).
    #[serde(default)]
    pub optional: bool,
}

/// The call that proves who we are.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentitySpec {
    /// Address or path under `http.base`; absent: taken from kept values only.
    pub get: Option<String>,
    /// GET, or POST if there is a body.
    pub method: Option<Method>,
    pub body: Option<serde_json::Value>,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON pointers into the answer, or `{placeholder}` templates. `id` is compared, `label` shown.
    /// A template that becomes something beginning with `/` is a pointer after all (custom services).
    pub id: String,
    pub label: String,
}

fn yes() -> bool {
    true
}
fn scope() -> String {
    "scope".to_owned()
}
fn code() -> String {
    "code".to_owned()
}
fn expires_in() -> String {
    "expires_in".to_owned()
}
