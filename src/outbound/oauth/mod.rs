//! OAuth 2.0: the authorize address, the exchange, the refresh, the revocation.
mod callback;
mod client;
mod depart;
mod dialect;
mod errors;
mod exchange;
mod expiry;
pub mod identity;
pub mod refresh;
pub(super) mod revoke;

use std::collections::BTreeMap;

use crate::catalog::auth::{OAuth2Spec, ScopeJoin};
use crate::model::authorizer::Identity;
use crate::model::callback::CallbackParams;
use crate::model::cause::Cause;
use crate::model::credentials::{Secret, Tokens};
use crate::model::oauth_app::OAuthClient;
use crate::model::report::Fault;
use crate::model::revocation::RevocationOutcome;

use super::Account;

/// Where to send the browser, and what must be kept until it comes back.
pub struct Departure {
    pub url: String,
    /// The state parameter in the clear; only its hash is stored.
    pub state: Secret,
    /// PKCE verifier, if the service takes one.
    pub verifier: Option<Secret>,
}

/// What the callback brought.
pub struct Arrival {
    /// All query parameters, as decoded.
    pub params: CallbackParams,
    pub verifier: Option<Secret>,
    pub redirect_uri: String,
}

/// What the code of a callback was exchanged for. Never `Debug`.
pub struct TokenGrant {
    pub tokens: Tokens,
    /// Placeholders from the callback and the token answer.
    pub kept: BTreeMap<String, Secret>,
    /// Why the tokens cannot be used: something beside them did not come.
    pub fault: Option<Fault>,
}

/// A grant that was proven: tokens, kept placeholders, who we are.
pub struct Grant {
    pub tokens: Tokens,
    pub kept: BTreeMap<String, Secret>,
    pub identity: Identity,
    /// Required scopes that were not granted.
    pub missing_scopes: Vec<String>,
    /// A refresh token was expected and did not come.
    pub missing_refresh_token: bool,
}

/// What the service said to a revocation, and what a call after it showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevocationAnswer {
    pub outcome: RevocationOutcome,
    /// Why it is no better one.
    pub fault: Option<Fault>,
}

impl RevocationAnswer {
    pub(in crate::outbound) fn new(outcome: RevocationOutcome) -> Self {
        Self { outcome, fault: None }
    }

    /// The service did not do it.
    pub(in crate::outbound) fn failed(fault: Fault) -> Self {
        let outcome = if fault.cause.is_passing() {
            RevocationOutcome::Unanswered
        } else {
            RevocationOutcome::Refused
        };
        Self { outcome, fault: Some(fault) }
    }
}

fn spec<'a>(account: &Account<'a>) -> Result<(&'a OAuth2Spec, &'a OAuthClient), Fault> {
    let spec = account
        .auth
        .oauth2
        .as_ref()
        .ok_or_else(|| Fault::new(Cause::RequestRejected).detail("not an OAuth service"))?;
    let app = account
        .app
        .ok_or_else(|| Fault::new(Cause::AppRejected).detail("there is no OAuth app"))?;
    Ok((spec, app))
}

/// As the service wants them in one parameter.
fn joined(account: &Account<'_>, spec: &OAuth2Spec, scopes: &[String]) -> String {
    match account.chosen(&spec.scope_join) {
        // How a space is written in an address is a matter of the address.
        ScopeJoin::Space | ScopeJoin::Plus => scopes.join(" "),
        ScopeJoin::Comma => scopes.join(","),
    }
}

/// Scopes with placeholders filled in; one placeholder may stand for several, typed as the service parts them.
fn scopes(account: &Account<'_>, templates: &[String]) -> Vec<String> {
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let filled = templates.iter().filter_map(|template| super::render::text(template, &lookup));
    let oauth2 = account.auth.oauth2.as_ref();
    let is_comma = oauth2.is_some_and(|o| account.chosen(&o.scope_join) == ScopeJoin::Comma);
    let is_between = |c: char| c.is_whitespace() || (is_comma && c == ',');
    filled
        .flat_map(|text| {
            let parts = text.split(is_between).filter(|scope| !scope.is_empty());
            parts.map(str::to_owned).collect::<Vec<_>>()
        })
        .collect()
}
