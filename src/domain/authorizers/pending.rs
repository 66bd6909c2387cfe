//! What an authorization attempt keeps until it is over: what was typed, and the grant that the provider has given.
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::crypto::Sealed;
use crate::crypto::cipher::Place;
use crate::domain::{Ctx, Error};
use crate::model::authorizer::Identity;
use crate::model::credentials::{Credentials, Secret};
use crate::model::ids::AttemptId;

/// How long a grant waits for *Try again* after something beside it failed.
pub const GRANT_KEPT: Duration = Duration::from_secs(600);
/// How long a grant of another account waits for a person's choice.
pub const CHOICE_KEPT: Duration = Duration::from_secs(3600);

/// Sealed in the attempt's row. Never `Debug`.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub struct PendingAuthorization {
    /// Of PKCE; gone once the code is exchanged.
    pub verifier: Option<String>,
    pub values: BTreeMap<String, String>,
    /// Where the service file let the secrets among them go. `None`: begun before that was kept.
    pub destinations: Option<BTreeSet<String>>,
    /// Somebody who may has confirmed that the authorizer is to live elsewhere.
    pub is_switch: bool,
    credentials: Option<serde_json::Value>,
    identity_key: Option<String>,
    identity_label: Option<String>,
}

fn place(id: &AttemptId) -> Place<'_> {
    Place { table: "attempts", column: "sealed", id: id.as_str() }
}

impl PendingAuthorization {
    pub fn new(verifier: Option<&Secret>, values: &BTreeMap<String, Secret>) -> Self {
        Self {
            verifier: verifier.map(|verifier| verifier.expose().to_owned()),
            values: values
                .iter()
                .map(|(key, value)| (key.clone(), value.expose().to_owned()))
                .collect(),
            ..Self::default()
        }
    }

    pub fn seal(&self, ctx: &Ctx, id: &AttemptId) -> Result<Sealed, Error> {
        let plain = serde_json::to_vec(self).map_err(|_| Error::Locked)?;
        Ok(ctx.cipher.seal(place(id), &Zeroizing::new(plain))?)
    }

    /// `Locked`: its key is not in the ring, or the bytes were altered.
    pub fn open(ctx: &Ctx, id: &AttemptId, sealed: &Sealed) -> Result<Self, Error> {
        let plain = ctx.cipher.open(place(id), sealed).map_err(|_| Error::Locked)?;
        serde_json::from_slice(&plain).map_err(|_| Error::Locked)
    }

    /// What was typed.
    pub fn typed(&self) -> BTreeMap<String, Secret> {
        let secret = |(key, value): (&String, &String)| (key.clone(), Secret::new(value.as_str()));
        self.values.iter().map(secret).collect()
    }

    /// Keeps a grant, and whose it is once that is known.
    pub fn keep_grant(
        &mut self,
        credentials: &Credentials,
        identity: Option<&Identity>,
    ) -> Result<(), Error> {
        let value = serde_json::from_slice(&credentials.to_sealable());
        self.credentials = Some(value.map_err(|_| Error::Locked)?);
        self.identity_key = identity.map(|identity| identity.key.clone());
        self.identity_label = identity.map(|identity| identity.label.clone());
        self.verifier = None;
        Ok(())
    }

    pub fn forget_grant(&mut self) {
        (self.credentials, self.identity_key, self.identity_label) = (None, None, None);
    }

    /// The grant that is kept, if one is.
    pub fn grant(&self) -> Result<Option<Credentials>, Error> {
        let Some(value) = &self.credentials else { return Ok(None) };
        let bytes = Zeroizing::new(serde_json::to_vec(value).map_err(|_| Error::Locked)?);
        Credentials::from_sealable(&bytes).map(Some).ok_or(Error::Locked)
    }

    pub fn identity(&self) -> Option<Identity> {
        let (key, label) = (self.identity_key.clone()?, self.identity_label.clone()?);
        Some(Identity { key, label })
    }
}
