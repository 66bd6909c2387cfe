//! An authorization attempt: one trip to a provider and back, used once.
use super::cause::Cause;
use super::ids::{AttemptId, AuthorizerId, DraftId, OAuthAppId, ServiceId, UserId};
use super::time::Moment;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptState {
    Pending,
    /// Taken by a callback; being exchanged.
    Taken,
    Completed,
    Failed,
    /// The provider signed in another account: waits for the person's choice.
    OtherAccount,
}
super::authorizer::coded!(AttemptState {
    Pending = "pending",
    Taken = "taken",
    Completed = "completed",
    Failed = "failed",
    OtherAccount = "other_account",
});

/// How long a person may stay at the provider.
pub const ATTEMPT_LIFETIME: std::time::Duration = std::time::Duration::from_secs(600);

#[derive(Clone, Debug)]
pub struct Attempt {
    pub id: AttemptId,
    pub user_id: UserId,
    pub service_id: ServiceId,
    pub auth_id: String,
    /// Set when an authorizer is reauthorized.
    pub authorizer_id: Option<AuthorizerId>,
    pub oauth_app_id: Option<OAuthAppId>,
    /// The source or destination form that waits.
    pub draft_id: Option<DraftId>,
    /// Name that the new authorizer gets; empty: proposed from the identity.
    pub name: String,
    pub state: AttemptState,
    pub cause: Option<Cause>,
    /// Redacted answer of the provider.
    pub detail: Option<String>,
    /// Permissions that were not granted, for the page that says so.
    pub missing_scopes: Vec<String>,
    /// What became of it.
    pub result_authorizer_id: Option<AuthorizerId>,
    pub created_at: Moment,
    pub expires_at: Moment,
    /// When a callback took it.
    pub taken_at: Option<Moment>,
    /// Until then the grant that the provider gave is kept, to be finished or withdrawn.
    pub grant_until: Option<Moment>,
}
