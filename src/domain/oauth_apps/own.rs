//! An OAuth app that is typed together with its authorizer (custom services): the fields `client_id` and `client_secret`.
//! It is stored in the transaction that stores its authorizer, and deleted with it.
use std::collections::BTreeMap;

use crate::crypto::{Sealed, token};
use crate::domain::authorizers::seal_client_secret;
use crate::domain::{Ctx, Error};
use crate::model::credentials::Secret;
use crate::model::ids::{OAuthAppId, ServiceId, UserId};
use crate::model::oauth_app::{OAuthApp, OAuthClient};
use crate::model::problems::Problems;
use crate::store::{self, AnyConnection, StoreError};

use super::save::{self, AppForm};

/// Reads the client out of the fields.
pub fn client(values: &BTreeMap<String, Secret>) -> Result<OAuthClient, Problems> {
    let typed = |key: &str| values.get(key).cloned().unwrap_or_default();
    let form = AppForm {
        client_id: typed("client_id").expose().to_owned(),
        client_secret: typed("client_secret"),
    };
    let client_id = save::check(&form, false)?;
    let client_secret = Some(form.client_secret).filter(|secret| !secret.is_empty());
    Ok(OAuthClient { client_id, client_secret })
}

/// A row that is about to be stored.
pub struct NewOwnApp {
    app: OAuthApp,
    sealed: Option<Sealed>,
}

impl NewOwnApp {
    /// Seals what was typed for a row of its own.
    pub fn new(ctx: &Ctx, service_id: &ServiceId, client: &OAuthClient) -> Result<Self, Error> {
        let now = ctx.clock.now();
        let id = OAuthAppId::new(now, token::ten());
        let secret = client.client_secret.as_ref();
        let sealed = secret.map(|secret| seal_client_secret(ctx, &id, secret)).transpose()?;
        let app = OAuthApp {
            id,
            service_id: service_id.clone(),
            client_id: client.client_id.clone(),
            is_shared: false,
            has_secret: sealed.is_some(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        Ok(Self { app, sealed })
    }

    pub fn id(&self) -> &OAuthAppId {
        &self.app.id
    }

    /// Stores it, before the authorizer that it belongs to.
    pub fn insert(&self, c: &mut AnyConnection, creator: &UserId) -> Result<(), StoreError> {
        store::oauth_apps::insert(c, &self.app, self.sealed.as_ref(), Some(creator))
    }
}
