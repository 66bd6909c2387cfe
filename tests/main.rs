//! All tests of the running app, in one binary: servers that tests share are started once.
mod catalog;
mod pages;
mod migrations;
mod schema;
mod services;
mod store;
mod structure;
mod support;
