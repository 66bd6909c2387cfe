//! One refresh call.
use std::sync::PoisonError;

use oauth2::RefreshToken;

use super::client::{client, dialect, fault, tokens};
use super::{joined, scopes, spec};
use crate::model::cause::Cause;
use crate::model::credentials::{Secret, Tokens};
use crate::model::report::Fault;
use crate::outbound::{Account, Outbound, api, render};

/// What a refresh brought. Never `Debug`.
pub struct RefreshAnswer {
    pub tokens: Result<Tokens, Fault>,
    /// A new refresh token that came without an access token.
    pub rotated: Option<Secret>,
}

impl Outbound {
    /// Makes one refresh call and returns the new tokens; the old refresh token is kept if none came. Takes no longer
    /// than `TOKEN_LIMIT`.
    pub async fn refresh(&self, account: &Account<'_>) -> RefreshAnswer {
        let mut rotated = None;
        let refreshed = self.refreshed(account, &mut rotated).await;
        let tokens = refreshed.map_err(|mut fault| {
            // No redirect URL was sent: services list it among all that could be wrong with any grant.
            if fault.cause == Cause::RedirectMismatch {
                fault.cause = Cause::GrantRevoked;
            }
            let new: Vec<&str> = rotated.iter().map(Secret::expose).collect();
            api::clean_also(account, fault, &new)
        });
        RefreshAnswer { tokens, rotated }
    }

    async fn refreshed(
        &self,
        account: &Account<'_>,
        rotated: &mut Option<Secret>,
    ) -> Result<Tokens, Fault> {
        let (spec, _) = spec(account)?;
        let before = account.credentials.tokens.as_ref();
        let old = before
            .and_then(|tokens| tokens.refresh.clone())
            .ok_or_else(|| Fault::new(Cause::TokenExpired))?;
        let client = client(account, spec.refresh.as_ref().unwrap_or(&spec.token))?;
        let token = RefreshToken::new(old.expose().to_owned());
        let mut request = client.exchange_refresh_token(&token);
        let lookup = |name: &str| account.value(name).map(str::to_owned);
        for (name, template) in &spec.refresh_extra {
            if let Some(value) = render::text(template, &lookup) {
                request = request.add_extra_param(name.clone(), value);
            }
        }
        if spec.refresh_sends_scope {
            request = request.add_extra_param(
                spec.scope_param.clone(),
                joined(account, spec, &scopes(account, &spec.scopes)),
            );
        }
        let usual = account.chosen(&spec.client_auth);
        let dialect = dialect(self, account, spec.refresh_client_auth.unwrap_or(usual))?;
        // A lifetime is counted from before the call: an answer that comes late has less of it left.
        let asked_at = self.now();
        let answer = request.request_async(&dialect).await.map_err(fault);
        *rotated = dialect.rotated.lock().unwrap_or_else(PoisonError::into_inner).take();
        let mut fresh = tokens(&answer?, Some(&old), asked_at);
        let before = before.cloned();
        if fresh.scopes.is_empty() {
            fresh.scopes = before.as_ref().map(|tokens| tokens.scopes.clone()).unwrap_or_default();
        }
        // An end that was told belongs to the token it was told of.
        let same = before.filter(|tokens| tokens.refresh == fresh.refresh);
        fresh.refresh_expires_at =
            fresh.refresh_expires_at.or_else(|| same.and_then(|tokens| tokens.refresh_expires_at));
        Ok(fresh)
    }
}
