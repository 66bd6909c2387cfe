//! Takes our access away at the provider, and proves it by a call that must fail.
use serde_json::Value;

use super::dialect::{basic, parse};
use super::{Revocation, identity, spec};
use crate::catalog::auth::{RevokeAuth, RevokeSpec, TokenBody};
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use crate::outbound::http::{HttpBody, HttpCall, TOKEN_BYTES, TOKEN_LIMIT, place};
use crate::outbound::{Account, Outbound, api, render};

impl Outbound {
    /// Takes our access away at the provider and proves it.
    pub async fn revoke(&self, account: &Account<'_>) -> Revocation {
        let Ok((spec, _)) = spec(account) else { return Revocation::NoEndpoint };
        let Some(revoke) = &spec.revoke else { return Revocation::NoEndpoint };
        match self.withdrawn(account, revoke).await {
            Err(fault) => Revocation::Failed(api::clean(account, fault)),
            Ok(()) => match identity::prove(self, account).await {
                Err(fault) if is_refusal(fault.cause) => Revocation::Confirmed,
                _ => Revocation::Accepted,
            },
        }
    }

    async fn withdrawn(&self, account: &Account<'_>, revoke: &RevokeSpec) -> Result<(), Fault> {
        let call = request(account, revoke)?;
        let place = place(call.method, &call.url);
        let answer = self.http().send(call).await?;
        let text = answer.text();
        let parsed = parse(&text);
        let soft = revoke.soft_error.as_ref().zip(parsed.as_ref()).and_then(|(soft, value)| api::soft_code(soft, value));
        // Already unknown there is as good as withdrawn (RFC 7009 §2.2).
        let is_gone = parsed.as_ref().and_then(|value| value.get("error")).and_then(Value::as_str) == Some("invalid_token");
        if (answer.is_success() && soft.is_none()) || is_gone {
            return Ok(());
        }
        let (spec, _) = spec(account)?;
        Err(super::errors::of(spec, &answer, (parsed.as_ref(), soft.as_deref()), api::said(&place, &answer, &text)))
    }
}

fn is_refusal(cause: Cause) -> bool {
    matches!(cause, Cause::TokenExpired | Cause::GrantRevoked | Cause::SecretRejected | Cause::Forbidden)
}

fn request(account: &Account<'_>, revoke: &RevokeSpec) -> Result<HttpCall, Fault> {
    let (spec, app) = spec(account)?;
    let secret = app.client_secret.as_ref().map(Secret::expose);
    let lookup = |name: &str| match name {
        "token" => account.value("refresh_token").or_else(|| account.value("access_token")).map(str::to_owned),
        "client_secret" => secret.map(str::to_owned),
        other => account.value(other).map(str::to_owned),
    };
    let mut hosts = spec.hosts.clone();
    hosts.extend(account.service.http.iter().flat_map(|http| http.hosts.iter().cloned()));
    let mut url = render::url(&revoke.url, &lookup, &hosts)?;
    let mut headers: Vec<(String, String)> = vec![("Accept".to_owned(), "application/json".to_owned())];
    let given = revoke.headers.iter().filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    headers.extend(given);
    match revoke.auth {
        RevokeAuth::None => {}
        RevokeAuth::Basic => headers.push(("Authorization".to_owned(), basic(&app.client_id, secret.unwrap_or_default()))),
        RevokeAuth::Bearer => {
            let token = account.value("access_token").unwrap_or_default();
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
    }
    let params = revoke.params.iter().filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    let params: Vec<(String, String)> = params.collect();
    let body = match revoke.body {
        _ if params.is_empty() => HttpBody::Empty,
        TokenBody::Form => HttpBody::Form(params),
        TokenBody::Json => HttpBody::Json(params.into_iter().map(|(name, value)| (name, Value::String(value))).collect()),
        TokenBody::Query => {
            url.query_pairs_mut().extend_pairs(&params);
            HttpBody::Empty
        }
    };
    Ok(HttpCall { method: revoke.method, url, headers, body, limit: TOKEN_LIMIT, max_bytes: TOKEN_BYTES })
}
