//! The domain's functions, called past the pages: each of them checks its permission itself.
mod account;
mod activity;
mod changes;
mod housekeeping;
mod limits;
mod owners;
mod permissions;
mod refusals;
mod sealed;
mod sources;
mod verbs;
pub mod world;
