//! A half-filled form, kept on the server while its owner is away.
use super::credentials::Secret;
use super::flow::FlowKind;
use super::ids::{DraftId, ServiceId, UserId};
use super::time::Moment;

/// Kept a day: a session may run out in between.
pub const DRAFT_LIFETIME: std::time::Duration = super::time::DAY;

/// Never `Debug`: what was typed may hold secrets.
#[derive(Clone)]
pub struct Draft {
    pub id: DraftId,
    pub user_id: UserId,
    pub kind: DraftKind,
    pub service_id: ServiceId,
    /// The way to authorize that its secrets were typed for, and where its service file let them go.
    pub auth_id: String,
    pub destinations: std::collections::BTreeSet<String>,
    /// What was typed, by the form's own field names; secrets too.
    pub values: std::collections::BTreeMap<String, Secret>,
    pub expires_at: Moment,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DraftKind {
    Source,
    Destination,
    /// The form of a new authorizer.
    Authorizer,
}
super::authorizer::coded!(DraftKind { Source = "source", Destination = "destination", Authorizer = "authorizer" });

impl From<FlowKind> for DraftKind {
    fn from(kind: FlowKind) -> Self {
        match kind {
            FlowKind::Source => Self::Source,
            FlowKind::Destination => Self::Destination,
        }
    }
}
