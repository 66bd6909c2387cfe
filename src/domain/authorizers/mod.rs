//! Authorizers: one file a verb.
pub mod account;
mod blank;
pub mod complete;
pub mod delete;
pub mod edit;
pub mod ending;
pub mod enter_credentials;
pub mod find;
pub mod forecast;
mod grant;
pub mod history;
pub mod list;
pub mod locked;
mod naming;
pub mod needs;
mod old_grant;
pub mod other_account;
pub mod refresh;
pub mod revoke;
mod schedule;
mod sealed;
pub mod start;
pub mod test;
pub mod upkeep;
pub mod verdict;

pub use sealed::seal_client_secret;
