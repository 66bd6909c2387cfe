//! The address of the provider's log-in page.
use oauth2::basic::BasicClient;
use oauth2::{AuthUrl, ClientId, CsrfToken, PkceCodeChallenge, RedirectUrl};
use url::Url;

use super::exchange::{has, is_told};
use super::{Departure, joined, scopes, spec};
use crate::catalog::auth::{OAuth2Spec, Pkce, ScopeJoin};
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use crate::outbound::{Account, Outbound, render};

/// 256 bits.
const STATE_BYTES: u32 = 32;

impl Outbound {
    /// The address of the provider's log-in page. No call. `granted` is what the account has already, where it is
    /// reauthorized and still works.
    pub fn depart(
        &self,
        account: &Account<'_>,
        redirect_uri: &str,
        granted: &[String],
    ) -> Result<Departure, Fault> {
        let (spec, app) = spec(account)?;
        let lookup = |name: &str| account.value(name).map(str::to_owned);
        let authorize = render::url(&spec.authorize, &lookup, &spec.hosts)?;
        let wrong =
            |error: url::ParseError| Fault::new(Cause::RequestRejected).detail(error.to_string());
        let client = BasicClient::new(ClientId::new(app.client_id.clone()))
            .set_auth_uri(AuthUrl::new(authorize.to_string()).map_err(wrong)?)
            .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(wrong)?);
        let mut request = client.authorize_url(|| CsrfToken::new_random_len(STATE_BYTES));
        let joined = joined_scopes(account, spec, granted);
        if !joined.is_empty() && !spec.scope_param.is_empty() {
            request = request.add_extra_param(spec.scope_param.clone(), joined);
        }
        for (name, template) in &spec.authorize_extra {
            if let Some(value) = render::text(template, &lookup) {
                request = request.add_extra_param(name.clone(), value);
            }
        }
        let mut verifier = None;
        if account.chosen(&spec.pkce) == Pkce::S256 {
            let (challenge, secret) = PkceCodeChallenge::new_random_sha256();
            verifier = Some(Secret::new(secret.secret().as_str()));
            request = request.set_pkce_challenge(challenge);
        }
        let (url, state) = request.url();
        let mut url = in_dialect(&url, spec);
        if account.chosen(&spec.scope_join) != ScopeJoin::Plus
            && let Some(query) = url.query().map(|query| query.replace('+', "%20"))
        {
            url.set_query(Some(&query));
        }
        Ok(Departure {
            url: url.to_string(),
            state: Secret::new(state.secret().as_str()),
            verifier,
        })
    }
}

/// All, or only what is missing where the service adds that to what it granted before.
fn joined_scopes(account: &Account<'_>, spec: &OAuth2Spec, granted: &[String]) -> String {
    let mut all = scopes(account, &spec.scopes);
    all.extend(scopes(account, &spec.optional_scopes));
    let is_missing = |scope: &String| is_told(scope) && !has(granted, scope);
    if spec.incremental_scopes && !granted.is_empty() && all.iter().any(is_missing) {
        // What no service tells of is asked for each time: a refresh token hangs on it.
        all.retain(|scope| is_missing(scope) || !is_told(scope));
    }
    joined(account, spec, &all)
}

/// Renamed parameters, and a `response_type` that some must not see.
fn in_dialect(url: &Url, spec: &OAuth2Spec) -> Url {
    let kept =
        url.query_pairs().filter(|(name, _)| !(spec.no_response_type && name == "response_type"));
    let named = kept.map(|(name, value)| {
        (
            spec.rename.get(name.as_ref()).cloned().unwrap_or_else(|| name.to_string()),
            value.to_string(),
        )
    });
    let pairs: Vec<(String, String)> = named.collect();
    let mut url = url.clone();
    url.query_pairs_mut().clear().extend_pairs(&pairs);
    url
}
