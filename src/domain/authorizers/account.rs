//! Opens an authorizer for use: its credentials, unsealed, with an access token that is fresh.
use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::destinations::unknown_places;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::{Authorizer, Health, Lifecycle};
use crate::model::cause::Cause;
use crate::model::credentials::Credentials;
use crate::model::file_problem::FileProblem;
use crate::model::ids::{AuthorizerId, OAuthAppId};
use crate::model::oauth_app::OAuthClient;
use crate::model::secret_binding::SecretBinding;
use crate::outbound::Account;
use crate::store;

use super::refresh::{self, Waiter};
use super::{locked, sealed, service_file};

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

/// As stored, whatever its state. A fault if its service file does not fit it: nothing of it may be sent anywhere then.
pub async fn open_as_is(ctx: &Ctx, id: &AuthorizerId) -> Result<OpenAccount, Error> {
    let Stored { authorizer, credentials, binding } = open_stored(ctx, id).await?;
    let (service, auth) = spec(ctx, &authorizer)?;
    if credentials != Credentials::default() {
        service_file::check(&service, &auth, &credentials, binding.as_ref())
            .map_err(|problem| Error::Fault(service_file::fault(&problem)))?;
    }
    let app = match &authorizer.oauth_app_id {
        Some(app_id) => Some(open_app(ctx, app_id).await?),
        None => None,
    };
    Ok(OpenAccount { authorizer, service, auth, credentials, app })
}

/// What is stored, for comparing and for forms. It carries no OAuth app, and no call may be made with it.
pub struct EditableAccount {
    pub authorizer: Authorizer,
    pub service: Service,
    pub auth: AuthSpec,
    /// Empty if its key is gone: everything is typed again.
    pub credentials: Credentials,
    /// The service file names places that it did not name when these secrets were typed.
    pub is_moved: bool,
}

/// Opens what is stored for a form: also where the service file does not fit it, or its secrets cannot be opened.
pub async fn open_for_editing(ctx: &Ctx, id: &AuthorizerId) -> Result<EditableAccount, Error> {
    let stored = match open_stored(ctx, id).await {
        Err(Error::Locked) => Stored {
            authorizer: super::find::stored(ctx, id).await?,
            credentials: Credentials::default(),
            binding: None,
        },
        other => other?,
    };
    let Stored { authorizer, credentials, binding } = stored;
    let (service, auth) = spec(ctx, &authorizer)?;
    let fits = service_file::check(&service, &auth, &credentials, binding.as_ref());
    let is_moved = matches!(fits, Err(FileProblem::DestinationsChanged(_)));
    let mut credentials = credentials;
    if !is_moved {
        restore_client_secret(ctx, &auth, &authorizer, &mut credentials).await;
    }
    Ok(EditableAccount { authorizer, service, auth, credentials, is_moved })
}

/// The field in which the client secret of an authorizer's own OAuth app is typed.
const OWN_SECRET_FIELD: &str = "client_secret";

/// Revoking wiped what was typed; the authorizer's own OAuth app is still registered, and has its secret.
async fn restore_client_secret(
    ctx: &Ctx,
    auth: &AuthSpec,
    authorizer: &Authorizer,
    credentials: &mut Credentials,
) {
    let is_own = auth.oauth2.as_ref().is_some_and(|oauth2| oauth2.own_app);
    let app_id = authorizer.oauth_app_id.as_ref().filter(|_| is_own);
    let Some(app_id) = app_id.filter(|_| credentials.get(OWN_SECRET_FIELD).is_none()) else {
        return;
    };
    let Ok(app) = open_app(ctx, app_id).await else { return };
    if credentials.get("client_id") == Some(app.client_id.as_str())
        && let Some(secret) = app.client_secret
    {
        credentials.values.insert(OWN_SECRET_FIELD.to_owned(), secret);
    }
}

struct Stored {
    authorizer: Authorizer,
    credentials: Credentials,
    binding: Option<SecretBinding>,
}

async fn open_stored(ctx: &Ctx, id: &AuthorizerId) -> Result<Stored, Error> {
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
    let credentials = match &vault {
        Some(vault) => sealed::open_credentials(ctx, id, &vault.sealed)?,
        None => Credentials::default(),
    };
    Ok(Stored { authorizer, credentials, binding: vault.and_then(|vault| vault.binding) })
}

/// The service's file and the way that was chosen; a file that went away leaves the row readable, not usable.
pub fn spec(ctx: &Ctx, authorizer: &Authorizer) -> Result<(Service, AuthSpec), Error> {
    service_file::find(ctx, &authorizer.service_id, &authorizer.auth_id)
        .map(|(service, auth)| (service.clone(), auth.clone()))
        .map_err(|problem| Error::Fault(service_file::fault(&problem)))
}

/// The OAuth app with its secret. A fault if the service file names places now that the secret was not typed for.
pub async fn open_app(ctx: &Ctx, id: &OAuthAppId) -> Result<OAuthClient, Error> {
    let wanted = id.clone();
    let found = ctx
        .db
        .read(move |c| {
            let Some(app) = store::oauth_apps::find(c, &wanted)? else {
                return Ok(None);
            };
            let secret = store::oauth_apps::sealed_secret(c, &wanted)?;
            Ok::<_, store::StoreError>(Some((app, secret, store::bindings::find_app(c, &wanted)?)))
        })
        .await?;
    let (app, secret, bound) = found.ok_or(Error::NotFound)?;
    // One that was typed with an authorizer is bound as the rest of what was typed there.
    if let (true, true, Some(bound)) = (app.is_shared, secret.is_some(), bound)
        && let Some(service) = ctx.catalog.get(app.service_id.as_str())
    {
        let unknown = unknown_places(&service.app_destinations(), &bound, |_| true);
        if !unknown.is_empty() {
            let problem = FileProblem::DestinationsChanged(unknown);
            return Err(Error::Fault(service_file::fault(&problem)));
        }
    }
    let client_secret =
        secret.map(|secret| sealed::open_client_secret(ctx, id, &secret)).transpose()?;
    Ok(OAuthClient { client_id: app.client_id, client_secret })
}
