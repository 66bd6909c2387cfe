//! What stored secrets are bound to: the places that the service file named when they were typed.
use std::collections::BTreeSet;

/// Recorded beside the secrets in the clear: it holds hosts and names of fields, no values.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecretBinding {
    /// Hosts as the service file wrote them (`Service::destinations`).
    pub destinations: BTreeSet<String>,
    /// Keys of the fields that have a value.
    pub fields: BTreeSet<String>,
}
