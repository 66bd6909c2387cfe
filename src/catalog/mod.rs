//! The third-party services, declared as data: a TOML file each.
pub mod auth;
pub mod field;
pub mod http;
pub mod lint;
pub mod load;
pub mod service;

pub use load::{BrokenService, Catalog};
pub use service::Service;
