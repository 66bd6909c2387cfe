//! OAuth apps: the client ids and secrets that the operator registered at services.
pub mod delete;
pub mod find;
pub mod own;
pub mod save;
