//! Takes our access away at the provider, and proves it by a call that must fail.
use serde_json::Value;

use super::dialect::{authenticate, basic, parse};
use super::{RevocationAnswer, identity, spec};
use crate::catalog::auth::TokenBody;
use crate::catalog::http::Method;
use crate::catalog::revoke::{RevokeAuth, RevokeSpec};
use crate::model::cause::Cause;
use crate::model::credentials::Secret;
use crate::model::report::Fault;
use crate::model::revocation::RevocationOutcome;
use crate::model::values::Values;
use crate::outbound::http::{CALL_LIMIT, HttpBody, HttpCall, TOKEN_BYTES, place};
use crate::outbound::{Account, Outbound, api, probe, render};

/// What the endpoint said.
enum Said {
    Yes,
    /// There is nothing (any more) that it could take away.
    Gone(Fault),
    No(Fault),
}

impl Outbound {
    /// Takes our access away at the provider and looks whether the old token still works.
    pub async fn revoke(&self, account: &Account<'_>) -> RevocationAnswer {
        if account.auth.oauth2.is_none() {
            return self.revoke_key(account).await;
        }
        let has_value = |field: &str| account.credentials.get(field).is_some();
        let revoke = spec(account).ok().and_then(|(spec, _)| spec.revoke.as_ref());
        let Some(revoke) = revoke.filter(|revoke| revoke.has_address(has_value)) else {
            return RevocationAnswer::new(RevocationOutcome::NoEndpoint);
        };
        let said = match self.withdrawn(account, revoke).await {
            Err(fault) | Ok(Said::No(fault)) => {
                return RevocationAnswer::failed(api::clean(account, fault));
            }
            Ok(said) => said,
        };
        match (self.try_old_token(account).await, said) {
            (OldToken::Refused, _) => RevocationAnswer::new(RevocationOutcome::Proved),
            // It knows no such token, and lets it in: we asked for something else than it holds.
            (OldToken::Works, Said::Gone(fault)) => RevocationAnswer {
                outcome: RevocationOutcome::Refused,
                fault: Some(api::clean(account, fault)),
            },
            (OldToken::Works, Said::Yes | Said::No(_)) => {
                RevocationAnswer::new(RevocationOutcome::StillWorks)
            }
            (OldToken::Unknown, _) => RevocationAnswer::new(RevocationOutcome::Unproved),
        }
    }

    /// Makes one call with the old token: the one that says who signed in, or where that makes none, the first test.
    pub(in crate::outbound) async fn try_old_token(&self, account: &Account<'_>) -> OldToken {
        let oauth2 = account.auth.oauth2.as_ref();
        let has_identity_call = oauth2.is_some_and(|oauth2| oauth2.identity.get.is_some());
        let called = if has_identity_call {
            identity::prove(self, account).await.map(|_| ())
        } else if let Some(test) = account.service.tests.first() {
            probe::http::asked(self, account, &Values::new(), test).await.map(|_| ())
        } else {
            return OldToken::Unknown;
        };
        match called {
            Ok(()) => OldToken::Works,
            Err(fault) if is_refusal(fault.cause) => OldToken::Refused,
            Err(_) => OldToken::Unknown,
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

/// What a call with a token showed that should no longer work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::outbound) enum OldToken {
    Refused,
    Works,
    /// There is no such call, or it failed for another reason.
    Unknown,
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
    let params = revoke
        .params
        .iter()
        .filter_map(|(name, template)| Some((name.clone(), render::text(template, &lookup)?)));
    let mut params: Vec<(String, String)> = params.collect();
    match revoke.auth {
        RevokeAuth::None => {}
        RevokeAuth::Client => {
            let auth = account.chosen(&spec.client_auth);
            let own = vec![("client_id".to_owned(), app.client_id.clone())];
            params.extend(authenticate(app, auth, own, &mut headers));
        }
        RevokeAuth::Basic => headers
            .push(("Authorization".to_owned(), basic(&app.client_id, secret.unwrap_or_default()))),
        RevokeAuth::Bearer => {
            let token = account.value("access_token").unwrap_or_default();
            headers.push(("Authorization".to_owned(), format!("Bearer {token}")));
        }
    }
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
        limit: CALL_LIMIT,
        max_bytes: TOKEN_BYTES,
    })
}
