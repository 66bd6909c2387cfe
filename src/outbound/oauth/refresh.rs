//! One refresh call.
use oauth2::RefreshToken;

use super::client::{client, dialect, fault, tokens};
use super::{joined, scopes, spec};
use crate::model::cause::Cause;
use crate::model::credentials::Tokens;
use crate::model::report::Fault;
use crate::outbound::{Account, Outbound, api, render};

impl Outbound {
    /// One refresh call: new tokens (the old refresh token is kept if none came). Shorter than the lease it runs under.
    pub async fn refresh(&self, account: &Account<'_>) -> Result<Tokens, Fault> {
        let refreshed = self.refreshed(account).await;
        refreshed.map_err(|mut fault| {
            // No redirect URL was sent: services list it among all that could be wrong with any grant.
            if fault.cause == Cause::RedirectMismatch {
                fault.cause = Cause::GrantRevoked;
            }
            api::clean(account, fault)
        })
    }

    async fn refreshed(&self, account: &Account<'_>) -> Result<Tokens, Fault> {
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
                joined(spec, &scopes(account, &spec.scopes)),
            );
        }
        let dialect = dialect(self, account, spec.refresh_client_auth.unwrap_or(spec.client_auth))?;
        let answer = request.request_async(&dialect).await.map_err(fault)?;
        let mut fresh = tokens(&answer, Some(&old), self.now());
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
