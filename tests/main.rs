//! All tests of the running app, in one binary: servers that tests share are started once.
#![recursion_limit = "256"]
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod browser;
mod catalog;
mod commands;
mod domain;
mod ends;
mod flows;
mod keys;
mod lifecycle;
mod migrations;
mod model;
mod notices;
mod outages;
mod outbound;
mod pages;
mod people;
mod schema;
mod secrets;
mod services;
mod store;
mod structure;
mod support;
