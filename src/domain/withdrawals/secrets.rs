//! What a grant is withdrawn with, sealed into the withdrawal's row.
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::Sealed;
use crate::crypto::cipher::Place;
use crate::domain::{Ctx, Error};
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::WithdrawalId;
use crate::model::oauth_app::OAuthClient;

use super::Grant;

/// The credentials, and the OAuth app that they were granted to: its row may be gone before the last try. Never `Debug`.
pub struct GrantSecrets {
    pub credentials: Credentials,
    pub client: Option<OAuthClient>,
    /// Where the service file let them go when the grant was given up. `None`: it was missing then.
    pub destinations: Option<BTreeSet<String>>,
    /// A refresh of it is on the wire or got lost: its refresh token is not spent again.
    pub is_refresh_in_doubt: bool,
}

#[derive(Serialize, Deserialize)]
struct Sealable {
    credentials: serde_json::Value,
    client_id: Option<String>,
    client_secret: Option<String>,
    destinations: Option<BTreeSet<String>>,
    is_refresh_in_doubt: bool,
}

fn associated_data(id: &WithdrawalId) -> Place<'_> {
    Place { table: "withdrawals", column: "sealed", id: id.as_str() }
}

impl GrantSecrets {
    pub fn of_grant(grant: &Grant) -> Self {
        Self {
            credentials: grant.credentials.clone(),
            client: grant.client.clone(),
            destinations: grant.destinations.clone(),
            is_refresh_in_doubt: grant.is_refresh_in_doubt,
        }
    }

    pub fn seal(&self, ctx: &Ctx, id: &WithdrawalId) -> Result<Sealed, Error> {
        let client = self.client.as_ref();
        let sealable = Sealable {
            credentials: serde_json::from_slice(&self.credentials.to_sealable())
                .map_err(|_| Error::Locked)?,
            client_id: client.map(|client| client.client_id.clone()),
            client_secret: client
                .and_then(|client| client.client_secret.as_ref())
                .map(|secret| secret.expose().to_owned()),
            destinations: self.destinations.clone(),
            is_refresh_in_doubt: self.is_refresh_in_doubt,
        };
        let plain = serde_json::to_vec(&sealable).map_err(|_| Error::Locked)?;
        Ok(ctx.cipher.seal(associated_data(id), &Zeroizing::new(plain))?)
    }

    /// `Locked`: its key is not in the ring, or the bytes were altered.
    pub fn open(ctx: &Ctx, id: &WithdrawalId, sealed: &Sealed) -> Result<Self, Error> {
        let plain = ctx.cipher.open(associated_data(id), sealed).map_err(|_| Error::Locked)?;
        let sealable: Sealable = serde_json::from_slice(&plain).map_err(|_| Error::Locked)?;
        let credentials = serde_json::to_vec(&sealable.credentials).map_err(|_| Error::Locked)?;
        let credentials = Credentials::from_sealable(&Zeroizing::new(credentials));
        let client_secret = sealable.client_secret.map(Secret::new);
        Ok(Self {
            credentials: credentials.ok_or(Error::Locked)?,
            client: sealable.client_id.map(|client_id| OAuthClient { client_id, client_secret }),
            destinations: sealable.destinations,
            is_refresh_in_doubt: sealable.is_refresh_in_doubt,
        })
    }
}
