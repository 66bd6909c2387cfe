//! Activity: what happened.
pub mod list;
