//! What tests stand on: the running app, people, pages and real servers.
pub mod acme;
pub mod app;
pub mod client;
pub mod contents;
pub mod database;
pub mod fake;
pub mod form;
pub mod house;
pub mod line;
pub mod logs;
pub mod page;
pub mod postgres;
pub mod program;
pub mod scripted;
pub mod server;
