//! Takes our access away at the provider, and proves it by a call that must fail.
use serde_json::Value;

use super::dialect::{basic, parse};
use super::{Revocation, identity, spec};
use crate::catalog::auth::{RevokeAuth, RevokeSpec, TokenBody};
use crate::catalog::http::Method;
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use crate::outbound::http::{HttpBody, HttpCall, TOKEN_BYTES, TOKEN_LIMIT, place};
use crate::outbound::{Account, Outbound, api, render};

/// What the endpoint said.
enum Said {
    Yes,
    /// There is nothing (any more) that it could take away.
    Gone(Fault),
    No(Fault),
}

impl Outbound {
    /// Takes our access away at the provider and proves it.
    pub async fn revoke(&self, account: &Account<'_>) -> Revocation {
        if account.auth.oauth2.is_none() {
            return self.revoke_key(account).await;
        }
        let Ok((spec, _)) = spec(account) else {
            return Revocation::NoEndpoint;
        };
        let Some(revoke) = &spec.revoke else {
            return Revocation::NoEndpoint;
        };
        let said = match self.withdrawn(account, revoke).await {
            Err(fault) | Ok(Said::No(fault)) => {
                return Revocation::Failed(api::clean(account, fault));
            }
            Ok(said) => said,
        };
        match (identity::prove(self, account).await, said) {
            (Err(fault), _) if is_refusal(fault.cause) => Revocation::Confirmed,
            // It knows no such token, and lets it in: we asked for something else than it holds.
            (Ok(_), Said::Gone(fault)) => Revocation::Failed(api::clean(account, fault)),
            _ => Revocation::Accepted,
        }
    }

    async fn withdrawn(&self, account: &Account<'_>, revoke: &RevokeSpec) -> Result<Said, Fault> {
        let (spec, _) = spec(account)?;
        let call = request(account, revoke)?;
        let place = place(call.method, &call.url);
        let answer = self.http().send(call).await?;
        let text = answer.text();
        let parsed = parse(&text);
        let soft = revoke
            .soft_error
            .as_ref()
            .zip(parsed.as_ref())
            .and_then(|(soft, value)| api::soft_code(soft, value));
        if answer.is_success() && soft.is_none() {
            return Ok(Said::Yes);
        }
        let said = api::said(&place, &answer, &text);
        let mut fault = super::errors::of(spec, &answer, (parsed.as_ref(), soft.as_deref()), said);
        let code = parsed
            .as_ref()
            .and_then(|value| value.get("error"))
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_bearer = revoke.auth == RevokeAuth::Bearer;
        if is_bearer && (answer.status == 401 || code == "invalid_token") {
            // The access token is what was refused, not the client.
            fault.cause = Cause::TokenExpired;
        }
        let is_gone = match code {
            // RFC 7009 §2.2. As a bearer it may only have run out, and what renews it may live on.
            "invalid_token" => !is_bearer || account.value("refresh_token").is_none(),
            "token_revoked" => true,
            _ => revoke.method == Method::Delete && matches!(answer.status, 404 | 410),
        };
        Ok(if is_gone { Said::Gone(fault) } else { Said::No(fault) })
    }
}

pub(in crate::outbound) fn is_refusal(cause: Cause) -> bool {
    matches!(
        cause,
        Cause::TokenExpired
            | Cause::GrantRevoked
            | Cause::SecretRejected
            | Cause::Forbidden
            | Cause::MissingScope
    )
}

fn request(account: &Account<'_>, revoke: &RevokeSpec) -> Result<HttpCall, Fault> {
    let (spec, app) = spec(account)?;
    let secret = app.client_secret.as_ref().map(Secret::expose);
    let lookup = |name: &str| match name {
        "token" => account
            .value("refresh_token")
            .or_else(|| account.value("access_token"))
            .map(str::to_owned),
        "client_secret" => secret.map(str::to_owned),
        other => account.value(other).map(str::to_owned),
    };
    let mut hosts = spec.hosts.clone();
    hosts.extend(account.service.http.iter().flat_map(|http| http.hosts.iter().cloned()));
    let mut url = render::url(&revoke.url, &lookup, &hosts)?;
    let mut headers: Vec<(String, String)> =
        vec![("Accept".to_owned(), "application/json".to_owned())];
    let given = revoke
        .headers
        .iter()
        .filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    headers.extend(given);
    match revoke.auth {
        RevokeAuth::None => {}
        RevokeAuth::Basic => headers
            .push(("Authorization".to_owned(), basic(&app.client_id, secret.unwrap_or_default()))),
        RevokeAuth::Bearer => {
            let token = account.value("access_token").unwrap_or_default();
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
    }
    let params = revoke
        .params
        .iter()
        .filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    let params: Vec<(String, String)> = params.collect();
    let body = match revoke.body {
        _ if params.is_empty() => HttpBody::Empty,
        TokenBody::Form => HttpBody::Form(params),
        TokenBody::Json => HttpBody::Json(
            params.into_iter().map(|(name, value)| (name, Value::String(value))).collect(),
        ),
        TokenBody::Query => {
            url.query_pairs_mut().extend_pairs(&params);
            HttpBody::Empty
        }
    };
    Ok(HttpCall {
        method: revoke.method,
        url,
        headers,
        body,
        limit: TOKEN_LIMIT,
        max_bytes: TOKEN_BYTES,
    })
}
