//! What tests stand on: the running app, people, pages and real servers.
pub mod client;
pub mod form;
pub mod page;
pub mod server;
