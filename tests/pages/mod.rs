//! What holds on every page, for every role.
pub mod crawl;
mod every_page;
mod looks;
mod oauth;
mod services;
