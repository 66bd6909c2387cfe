//! The third-party services, declared as data: a TOML file each. `docs/service-files.md` tells how to write one.
pub mod auth;
pub mod chosen;
pub mod destinations;
pub mod embedded;
pub mod field;
pub mod http;
pub mod lint;
pub mod load;
pub mod parse;
pub mod revoke;
pub mod search;
pub mod service;
pub mod sets;
pub mod template;

pub use load::{BrokenService, Catalog};
pub use service::Service;
