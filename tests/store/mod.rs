//! The database's promises, on SQLite and on PostgreSQL.
mod activity;
mod attempts;
mod authorizers;
mod authorizers_list;
mod database;
mod drafts;
mod ends;
pub mod make;
mod oauth_apps;
mod people;
mod tests;
mod vault;
