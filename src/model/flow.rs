//! Sources and destinations: a configured place to read from or to write to.
use super::ids::{AuthorizerId, ServiceId, UserId};
use super::time::Moment;
use super::values::Values;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowKind {
    Source,
    Destination,
}

super::authorizer::coded!(FlowKind { Source = "source", Destination = "destination" });

/// A source or a destination; both tables have the same columns.
#[derive(Clone, Debug)]
pub struct Flow {
    pub kind: FlowKind,
    pub id: String,
    pub name: String,
    pub service_id: ServiceId,
    pub authorizer_id: AuthorizerId,
    /// Never secret: secrets belong to the authorizer.
    pub settings: Values,
    pub version: i64,
    pub created_by: Option<UserId>,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// A row of the list.
#[derive(Clone, Debug)]
pub struct FlowRow {
    pub id: String,
    pub name: String,
    pub service_id: ServiceId,
    pub authorizer_id: AuthorizerId,
    pub authorizer_name: String,
    pub identity_label: String,
    pub badge: super::authorizer::Badge,
    pub cause: Option<super::cause::Cause>,
    pub updated_at: Moment,
}

/// What a list was asked for.
#[derive(Clone, Debug, Default)]
pub struct FlowFilter {
    pub search: String,
    pub service_id: Option<ServiceId>,
    /// Only those whose account is broken, locked or revoked.
    pub is_stopped: bool,
}
