//! OAuth apps: what this installation is registered as at each service. For admins.
pub mod edit;
pub mod list;
