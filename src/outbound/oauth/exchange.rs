//! The way back in two steps: code → tokens; then long-lived exchange → follow-up calls → identity → scopes. What the
//! first step brought is stored before the second one begins: it is a grant, whatever becomes of the rest.
use std::collections::BTreeMap;

use oauth2::{AuthorizationCode, PkceCodeVerifier, RedirectUrl};
use serde_json::Value;

use super::callback::check_callback;
use super::client::{Answer, client, dialect, fault, tokens};
use super::{Arrival, Grant, TokenGrant, errors, identity, scopes, spec};
use crate::catalog::auth::{Exchange, OAuth2Spec, RefreshToken};
use crate::model::cause::Cause;
use crate::model::credentials::{Credentials, Secret, Tokens};
use crate::model::report::Fault;
use crate::outbound::http::{HttpBody, HttpCall, TOKEN_BYTES, TOKEN_LIMIT, place};
use crate::outbound::{Account, Outbound, api, json, pointer, render};

impl Outbound {
    /// Exchanges the code of a callback for tokens. Takes no longer than `TOKEN_LIMIT`.
    pub async fn redeem(
        &self,
        account: &Account<'_>,
        arrival: &Arrival,
    ) -> Result<TokenGrant, Fault> {
        let redeemed = self.redeemed(account, arrival).await;
        redeemed.map_err(|fault| {
            let mut secrets: Vec<&str> = secret_params(account, arrival);
            secrets.extend(arrival.verifier.iter().map(Secret::expose));
            api::clean_also(account, fault, &secrets)
        })
    }

    async fn redeemed(
        &self,
        account: &Account<'_>,
        arrival: &Arrival,
    ) -> Result<TokenGrant, Fault> {
        let (spec, _) = spec(account)?;
        check_callback(account, spec, arrival)?;
        let code = arrival.params.get(&spec.code_param).filter(|code| !code.is_empty());
        let code = code
            .ok_or_else(|| errors::malformed("the callback brought neither a code nor an error"))?;
        let mut credentials: Credentials = account.credentials.clone();
        // What must come by the callback is missed before the code is spent, and may fill the token address.
        credentials.kept = kept(spec, arrival, None)?;
        let known = Account { credentials: &credentials, ..*account };
        let asked_at = self.now();
        let answer = self.call_with_code(&known, (spec, code, arrival)).await?;
        let tokens = tokens(&answer, None, asked_at);
        match kept(spec, arrival, Some(&answer.extra_fields().whole)) {
            Ok(kept) => Ok(TokenGrant { tokens, kept, fault: None }),
            // The tokens are there all the same, and must not be forgotten.
            Err(fault) => Ok(TokenGrant { tokens, kept: credentials.kept, fault: Some(fault) }),
        }
    }

    /// Completes a grant whose tokens `account` holds: long-lived exchange → follow-up calls → identity → scopes. It may
    /// be called again after a fault.
    pub async fn prove(&self, account: &Account<'_>) -> Result<Grant, Fault> {
        let proved = self.proved(account).await;
        proved.map_err(|fault| api::clean(account, fault))
    }

    async fn proved(&self, account: &Account<'_>) -> Result<Grant, Fault> {
        let (spec, _) = spec(account)?;
        let mut credentials: Credentials = account.credentials.clone();
        if let Some(long) = &spec.exchange {
            credentials.tokens = Some(self.long_lived(account, long).await?);
        }
        self.follow_up(account, spec, &mut credentials).await?;
        let identity =
            identity::prove(self, &Account { credentials: &credentials, ..*account }).await?;
        let tokens = credentials.tokens.take().ok_or_else(|| errors::malformed("no token"))?;
        Ok(finish(account, spec, (tokens, credentials.kept, identity)))
    }

    async fn call_with_code(
        &self,
        account: &Account<'_>,
        (spec, code, arrival): (&OAuth2Spec, &str, &Arrival),
    ) -> Result<Answer, Fault> {
        let redirect = RedirectUrl::new(arrival.redirect_uri.clone())
            .map_err(|error| errors::malformed(&error.to_string()))?;
        let client = client(account, &spec.token)?.set_redirect_uri(redirect);
        let mut request = client.exchange_code(AuthorizationCode::new(code.to_owned()));
        if let Some(verifier) = &arrival.verifier {
            request =
                request.set_pkce_verifier(PkceCodeVerifier::new(verifier.expose().to_owned()));
        }
        let lookup = |name: &str| account.value(name).map(str::to_owned);
        for (name, template) in &spec.token_extra {
            if let Some(value) = render::text(template, &lookup) {
                request = request.add_extra_param(name.clone(), value);
            }
        }
        let dialect = dialect(self, account, account.chosen(&spec.client_auth))?;
        request.request_async(&dialect).await.map_err(fault)
    }

    /// The second exchange of Facebook and its kin: a short token becomes a long-lived one.
    async fn long_lived(&self, account: &Account<'_>, long: &Exchange) -> Result<Tokens, Fault> {
        let (spec, app) = spec(account)?;
        let lookup = |name: &str| match name {
            "client_secret" => app.client_secret.as_ref().map(|secret| secret.expose().to_owned()),
            other => account.value(other).map(str::to_owned),
        };
        let mut url = render::url(&long.url, &lookup, &spec.hosts)?;
        let params = long
            .query
            .iter()
            .filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
        let params: Vec<(String, String)> = params.collect();
        url.query_pairs_mut().extend_pairs(&params);
        let place = place(long.method, &url);
        let call = HttpCall {
            method: long.method,
            url,
            headers: Vec::new(),
            body: HttpBody::Empty,
            limit: TOKEN_LIMIT,
            max_bytes: TOKEN_BYTES,
        };
        let answer = self.http().send(call).await?;
        let said = || api::said(&place, &answer, &answer.text());
        let parsed = super::dialect::parse(&answer.text());
        if !answer.is_success() {
            return Err(errors::of(spec, &answer, (parsed.as_ref(), None), said()));
        }
        json::check_small(&answer.text())?;
        let value = parsed.ok_or_else(|| errors::malformed(&said()))?;
        let access = pointer::text(&value, "/access_token");
        let access =
            access.ok_or_else(|| errors::malformed(&errors::without_token(&place, &value)))?;
        let lifetime = super::expiry::lifetime(spec, &value, &access, self.now());
        let before = account.credentials.tokens.as_ref();
        Ok(Tokens {
            access: Secret::new(access),
            refresh: None,
            expires_at: lifetime
                .map(|seconds| self.now().plus(std::time::Duration::from_secs(seconds))),
            refresh_expires_at: None,
            issued_at: self.now(),
            scopes: before.map(|tokens| tokens.scopes.clone()).unwrap_or_default(),
        })
    }

    /// Calls that fill placeholders: which tenant, which data centre.
    async fn follow_up(
        &self,
        account: &Account<'_>,
        spec: &OAuth2Spec,
        credentials: &mut Credentials,
    ) -> Result<(), Fault> {
        for call in &spec.calls {
            let ask = api::Ask { headers: &call.headers, ..api::Ask::get(&call.get) };
            let known = Account { credentials, ..*account };
            let answer = api::ask(self, &known, &BTreeMap::new(), ask).await;
            let answer = match answer {
                Ok(answer) => answer,
                Err(_) if call.optional => continue,
                Err(fault) => return Err(fault),
            };
            for (at, to) in &call.keep {
                match pointer::text(&answer, at) {
                    Some(value) => {
                        credentials.kept.insert(to.clone(), Secret::new(value));
                    }
                    None if call.optional => {}
                    None => {
                        return Err(errors::malformed(&format!(
                            "the answer to {} has no {at}",
                            call.get
                        )));
                    }
                }
            }
        }
        Ok(())
    }
}

/// What nobody may read of a callback: the code, the state, and what is kept of it, addresses aside. Its errors are for
/// admins to read.
fn secret_params<'a>(account: &Account<'_>, arrival: &'a Arrival) -> Vec<&'a str> {
    let Some(spec) = &account.auth.oauth2 else { return Vec::new() };
    let kept = spec.keep.iter().filter(|keep| !keep.is_host);
    let kept: Vec<&str> = kept.filter_map(|keep| keep.from.strip_prefix("callback:")).collect();
    let is_secret = |name: &str| name == spec.code_param || name == "state" || kept.contains(&name);
    let brought = arrival.params.iter().filter(|(name, _)| is_secret(name));
    brought.map(|(_, value)| value).collect()
}

/// Placeholders from the callback and, once it is there, the token answer; those that are addresses must be the service's.
fn kept(
    spec: &OAuth2Spec,
    arrival: &Arrival,
    whole: Option<&Value>,
) -> Result<BTreeMap<String, Secret>, Fault> {
    let mut kept = BTreeMap::new();
    for keep in &spec.keep {
        let found = match (keep.from.split_once(':'), whole) {
            (Some(("callback", name)), _) => {
                arrival.params.get(name).filter(|text| !text.is_empty()).map(str::to_owned)
            }
            (Some(("token", _)), None) => continue,
            (Some(("token", at)), Some(whole)) => pointer::text(whole, at),
            _ => None,
        };
        let Some(found) = found else {
            if keep.optional {
                continue;
            }
            return Err(errors::malformed(&format!("{} did not come", keep.from)));
        };
        if keep.is_host {
            let address =
                if found.contains("://") { found.clone() } else { format!("https://{found}") };
            let url = url::Url::parse(&address)
                .map_err(|_| errors::malformed(&format!("{} is no address", keep.from)))?;
            if !render::is_within(&url, &spec.hosts) {
                return Err(Fault::new(Cause::BlockedAddress)
                    .detail(format!("{} is not a host of this service", keep.from)));
            }
        }
        kept.insert(keep.to.clone(), Secret::new(found));
    }
    Ok(kept)
}

fn finish(
    account: &Account<'_>,
    spec: &OAuth2Spec,
    (mut tokens, kept, identity): (
        Tokens,
        BTreeMap<String, Secret>,
        crate::model::authorizer::Identity,
    ),
) -> Grant {
    let needed = scopes(account, &spec.scopes);
    let is_silent = tokens.scopes.is_empty();
    if is_silent && spec.scope_echoed {
        // RFC 6749 §5.1: an answer without `scope` grants what was asked.
        tokens.scopes.clone_from(&needed);
    }
    let missing = needed
        .into_iter()
        .filter(|scope| is_told(scope))
        .filter(|scope| !is_silent && !has(&tokens.scopes, scope))
        .collect();
    let missing_refresh_token =
        spec.refresh_token == RefreshToken::Expected && tokens.refresh.is_none();
    Grant { tokens, kept, identity, missing_scopes: missing, missing_refresh_token }
}

/// Asking for the others is what counts; services do not list them among what was granted.
pub(super) fn is_told(scope: &str) -> bool {
    !matches!(scope, "offline_access" | "refresh_token" | "offline.access" | "openid")
}

/// Google answers with whole addresses for `email` and `profile`.
pub(super) fn has(granted: &[String], scope: &str) -> bool {
    granted.iter().any(|one| {
        one == scope || one.strip_prefix("https://www.googleapis.com/auth/userinfo.") == Some(scope)
    })
}
