//! Where notices go: the mail server's state, and webhooks. For owners and admins.
pub mod delete;
pub mod edit;
pub mod list;
pub mod show;
