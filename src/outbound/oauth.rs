//! OAuth 2.0: the authorize address, the exchange, the refresh, the revocation.
use crate::model::authorizer::Identity;
use crate::model::credentials::{Credentials, Secret, Tokens};
use crate::model::report::Fault;

use super::{Account, Outbound};

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
    pub params: std::collections::BTreeMap<String, String>,
    pub verifier: Option<Secret>,
    pub redirect_uri: String,
}

/// A grant that was proven: tokens, kept placeholders, who we are.
pub struct Grant {
    pub tokens: Tokens,
    pub kept: std::collections::BTreeMap<String, Secret>,
    pub identity: Identity,
    /// Required scopes that were not granted.
    pub missing_scopes: Vec<String>,
    /// A refresh token was expected and did not come.
    pub missing_refresh_token: bool,
}

/// What the provider said to a revocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Revocation {
    /// It answered yes, and a call with the old token failed.
    Confirmed,
    /// It answered yes; the proof could not be had.
    Accepted,
    /// The service has no revocation endpoint.
    NoEndpoint,
    Failed(Fault),
}

impl Outbound {
    /// The address of the provider's log-in page. No call.
    pub fn depart(&self, _account: &Account<'_>, _redirect_uri: &str) -> Result<Departure, Fault> {
        Err(Fault::new(crate::model::cause::Cause::ProviderDown))
    }

    /// Code → tokens → long-lived exchange → follow-up calls → identity → scopes. Outside any transaction.
    pub async fn exchange(&self, _account: &Account<'_>, _arrival: &Arrival) -> Result<Grant, Fault> {
        Err(Fault::new(crate::model::cause::Cause::ProviderDown))
    }

    /// One refresh call: new tokens (the old refresh token is kept if none came).
    pub async fn refresh(&self, _account: &Account<'_>) -> Result<Tokens, Fault> {
        Err(Fault::new(crate::model::cause::Cause::ProviderDown))
    }

    /// Takes our access away at the provider and proves it.
    pub async fn revoke(&self, _account: &Account<'_>) -> Revocation {
        Revocation::NoEndpoint
    }
}

/// Keeps the skeleton's import honest.
pub type Sealed = Credentials;
