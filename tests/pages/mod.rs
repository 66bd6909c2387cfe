//! What holds on every page, for every role.
mod account;
mod addresses;
mod attempts;
mod cookies;
pub mod crawl;
mod drawn_before;
mod edits;
mod every_page;
mod frame;
mod limits;
mod looks;
pub mod oauth;
mod roles;
mod services;
mod size;
mod two_people;
mod upkeep;
