//! What tests stand on: the running app, people, pages and real servers.
pub mod server;
