//! The demonstration: a throw-away installation with sample data, and a service of its own to authorize.
pub mod sandbox;
