//! What holds on every page, for every role.
mod crawl;
