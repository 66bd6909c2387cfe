//! The demonstration: a throw-away installation with sample data, and a service of its own to authorize.
mod history;
pub mod sandbox;
pub mod seed;

/// The sandbox's service file, with its address in place.
pub fn service_file(address: &str) -> String {
    include_str!("sandbox.toml").replace("@SANDBOX@", address)
}
