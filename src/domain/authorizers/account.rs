//! Opens an authorizer for use: its credentials, unsealed, with an access token that is fresh.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Lifecycle};
use crate::model::cause::Cause;
use crate::model::credentials::Credentials;
use crate::model::ids::{AuthorizerId, OAuthAppId};
use crate::model::oauth_app::OAuthClient;
use crate::outbound::Account;
use crate::store;

use super::refresh::{self, Waiter};
use super::{locked, sealed};

/// An authorizer with what opens it. Never `Debug`.
#[derive(Clone)]
pub struct OpenAccount {
    pub authorizer: Authorizer,
    pub service: Service,
    pub auth: AuthSpec,
    pub credentials: Credentials,
    pub app: Option<OAuthClient>,
}

impl OpenAccount {
    /// Whether it holds something that may still let somebody in at the service, and that the service knows to end or
    /// at least to list: a grant, or a key that it can be asked to end.
    pub fn may_hold_access(&self) -> bool {
        if let Some(tokens) = &self.credentials.tokens {
            return match self.authorizer.cause {
                Some(Cause::GrantRevoked) => false,
                Some(Cause::TokenExpired) => tokens.refresh.is_some(),
                Some(_) | None => true,
            };
        }
        let holds = |key: &str| self.credentials.values.contains_key(key);
        self.auth.revoke.is_some()
            && self.auth.fields.iter().any(|spec| spec.secret && holds(&spec.key))
    }

    pub fn account(&self) -> Account<'_> {
        Account {
            service: &self.service,
            auth: &self.auth,
            credentials: &self.credentials,
            app: self.app.as_ref(),
        }
    }
}

/// With a fresh token: refreshed first when it is due, for a page that waits. What calls the service opens it by
/// [`super::client::AuthorizedClient`].
pub async fn open(ctx: &Ctx, id: &AuthorizerId) -> Result<OpenAccount, Error> {
    open_for(ctx, id, Waiter::Page).await
}

/// As [`open`], for whoever waits.
pub async fn open_for(ctx: &Ctx, id: &AuthorizerId, waiter: Waiter) -> Result<OpenAccount, Error> {
    let mut account = open_as_is(ctx, id).await?;
    if account.authorizer.lifecycle != Lifecycle::Active {
        return Err(Error::WrongState("revoked"));
    }
    if account.authorizer.health == Health::Locked {
        Box::pin(locked::heal(ctx, &mut account.authorizer)).await?;
    }
    refresh::fresh(ctx, account, waiter).await
}

/// As stored, whatever its state: for revoking, editing and comparing.
pub async fn open_as_is(ctx: &Ctx, id: &AuthorizerId) -> Result<OpenAccount, Error> {
    let wanted = id.clone();
    let found = ctx
        .db
        .read(move |c| {
            let Some(authorizer) = store::authorizers::find(c, &wanted)? else {
                return Ok(None);
            };
            Ok::<_, store::StoreError>(Some((
                authorizer,
                store::authorizers::open_vault(c, &wanted)?,
            )))
        })
        .await?;
    let (authorizer, vault) = found.ok_or(Error::NotFound)?;
    let (service, auth) = spec(ctx, &authorizer)?;
    let credentials = match &vault {
        Some(vault) => sealed::open_credentials(ctx, id, &vault.sealed)?,
        None => Credentials::default(),
    };
    let app = match &authorizer.oauth_app_id {
        Some(app_id) => Some(open_app(ctx, app_id).await?),
        None => None,
    };
    Ok(OpenAccount { authorizer, service, auth, credentials, app })
}

/// The service's file and the way that was chosen; a file that went away leaves the row readable, not usable.
pub fn spec(ctx: &Ctx, authorizer: &Authorizer) -> Result<(Service, AuthSpec), Error> {
    let service = ctx
        .catalog
        .get(authorizer.service_id.as_str())
        .ok_or(Error::WrongState("its service file is missing"))?;
    let auth = service
        .auth(&authorizer.auth_id)
        .ok_or(Error::WrongState("its way to authorize is gone from the service file"))?;
    Ok((service.clone(), auth.clone()))
}

/// The OAuth app with its secret.
pub async fn open_app(ctx: &Ctx, id: &OAuthAppId) -> Result<OAuthClient, Error> {
    let wanted = id.clone();
    let found = ctx
        .db
        .read(move |c| {
            let Some(app) = store::oauth_apps::find(c, &wanted)? else {
                return Ok(None);
            };
            Ok::<_, store::StoreError>(Some((app, store::oauth_apps::sealed_secret(c, &wanted)?)))
        })
        .await?;
    let (app, secret) = found.ok_or(Error::NotFound)?;
    let client_secret =
        secret.map(|secret| sealed::open_client_secret(ctx, id, &secret)).transpose()?;
    Ok(OAuthClient { client_id: app.client_id, client_secret })
}
