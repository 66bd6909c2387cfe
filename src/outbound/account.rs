//! What a call needs to know of an account.
use serde::de::DeserializeOwned;

use crate::catalog::Service;
use crate::catalog::auth::AuthSpec;
use crate::catalog::chosen::Chosen;
use crate::model::credentials::Credentials;
use crate::model::oauth_app::OAuthClient;

/// A service, the way it was authorized, and what opens it. The access token is fresh: refreshing is the domain's.
#[derive(Clone, Copy)]
pub struct Account<'a> {
    pub service: &'a Service,
    pub auth: &'a AuthSpec,
    pub credentials: &'a Credentials,
    pub app: Option<&'a OAuthClient>,
}

impl Account<'_> {
    /// A setting of the service file, as it was chosen for this account.
    pub fn chosen<T: DeserializeOwned + Copy + Default>(&self, setting: &Chosen<T>) -> T {
        setting.resolve(|field| self.credentials.get(field))
    }

    /// A typed value or a kept placeholder; for OAuth also `access_token`, `client_id`.
    pub fn value(&self, key: &str) -> Option<&str> {
        match key {
            "access_token" => self.credentials.tokens.as_ref().map(|t| t.access.expose()),
            "refresh_token" => self
                .credentials
                .tokens
                .as_ref()
                .and_then(|t| t.refresh.as_ref())
                .map(|t| t.expose()),
            "client_id" if self.app.is_some() => self.app.map(|app| app.client_id.as_str()),
            _ => self.credentials.get(key),
        }
    }
}
