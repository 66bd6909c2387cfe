//! An OAuth app: the client id and secret that the operator registered at a service.
use super::credentials::Secret;
use super::ids::{OAuthAppId, ServiceId};
use super::time::Moment;

/// What pages show; the secret stays sealed.
#[derive(Clone, Debug)]
pub struct OAuthApp {
    pub id: OAuthAppId,
    pub service_id: ServiceId,
    pub client_id: String,
    /// Shared: used by every new authorizer of the service; else it belongs to one authorizer.
    pub is_shared: bool,
    pub has_secret: bool,
    pub version: i64,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// A row of the list.
#[derive(Clone, Debug)]
pub struct OAuthAppRow {
    pub app: OAuthApp,
    pub authorizer_count: i64,
}

/// The app with its secret, for token calls. Never `Debug`.
#[derive(Clone)]
pub struct OAuthClient {
    pub client_id: String,
    pub client_secret: Option<Secret>,
}
