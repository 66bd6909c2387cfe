//! All tests of the running app, in one binary: servers that tests share are started once.
mod catalog;
mod services;
mod structure {}
mod support;
