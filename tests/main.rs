//! All tests of the running app, in one binary: servers that tests share are started once.
mod catalog;
mod pages;
mod services;
mod store;
mod structure {}
mod support;
