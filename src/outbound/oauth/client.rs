//! The `oauth2` crate's client for a token address, with the dialect underneath and its answer as our types.
use std::sync::Mutex;

use oauth2::basic::{
    BasicErrorResponse, BasicRevocationErrorResponse, BasicTokenIntrospectionResponse,
    BasicTokenType,
};
use oauth2::{
    ClientId, EndpointNotSet, EndpointSet, ExtraTokenFields, RequestTokenError,
    StandardRevocableToken, StandardTokenResponse, TokenResponse, TokenUrl,
};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::dialect::{Dialect, Failed};
use super::{errors, spec};
use crate::catalog::auth::ClientAuth;
use crate::model::credentials::{Secret, Tokens};
use crate::model::report::Fault;
use crate::model::time::Moment;
use crate::outbound::{Account, Outbound, render};

/// What the dialect adds to the standard members.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Extra {
    #[serde(rename = "authorizers_whole_answer", default)]
    pub whole: Value,
    #[serde(rename = "authorizers_refresh_end", default)]
    refresh_end: Option<i64>,
}
impl ExtraTokenFields for Extra {}

pub(super) type Answer = StandardTokenResponse<Extra, BasicTokenType>;
type Client = oauth2::Client<
    BasicErrorResponse,
    Answer,
    BasicTokenIntrospectionResponse,
    StandardRevocableToken,
    BasicRevocationErrorResponse,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
>;

/// A client of the crate for one token address.
pub(super) fn client(account: &Account<'_>, address: &str) -> Result<Client, Fault> {
    let (spec, app) = spec(account)?;
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let url = render::url(address, &lookup, &spec.hosts)?;
    let token =
        TokenUrl::new(url.to_string()).map_err(|error| errors::malformed(&error.to_string()))?;
    let client = oauth2::Client::new(ClientId::new(app.client_id.clone()));
    // The adapter adds the client's authentication in the form that the service wants.
    Ok(client.set_auth_type(oauth2::AuthType::RequestBody).set_token_uri(token))
}

pub(super) fn dialect<'a>(
    out: &'a Outbound,
    account: &Account<'a>,
    auth: ClientAuth,
) -> Result<Dialect<'a>, Fault> {
    let (spec, app) = spec(account)?;
    let lookup = |name: &str| account.value(name).map(str::to_owned);
    let headers = spec
        .token_headers
        .iter()
        .filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    Ok(Dialect {
        http: out.http(),
        spec,
        app,
        client_auth: auth,
        headers: headers.collect(),
        now: out.now(),
        rotated: Mutex::default(),
    })
}

pub(super) fn fault(error: RequestTokenError<Failed, BasicErrorResponse>) -> Fault {
    match error {
        RequestTokenError::Request(Failed(fault)) => fault,
        RequestTokenError::ServerResponse(response) => errors::malformed(response.error().as_ref()),
        RequestTokenError::Parse(..) => {
            errors::malformed("the answer has no token where it should be")
        }
        RequestTokenError::Other(text) => errors::malformed(&text),
    }
}

/// The crate's answer as our noun. `before` keeps its refresh token where none came.
pub(super) fn tokens(answer: &Answer, before: Option<&Secret>, now: Moment) -> Tokens {
    let came = answer.refresh_token().map(|token| Secret::new(token.secret().as_str()));
    Tokens {
        access: Secret::new(answer.access_token().secret().as_str()),
        refresh: came.or_else(|| before.cloned()),
        expires_at: answer.expires_in().map(|lifetime| now.plus(lifetime)),
        refresh_expires_at: answer.extra_fields().refresh_end.map(Moment::from_micros),
        issued_at: now,
        scopes: answer
            .scopes()
            .map(|scopes| scopes.iter().map(|scope| scope.to_string()).collect())
            .unwrap_or_default(),
    }
}
