//! Authorizers: a self-hosted web app that authorizes third-party services and keeps them authorized.
//!
//! ```text
//!  web ─┐                        ┌─> store ────┐
//!       ├─> domain (the verbs) ──┼─> outbound ─┼─> model (the nouns), crypto, clock
//! worker┘                        └─> catalog ──┘
//!  main → commands → startup builds everything; only startup reads config
//! ```
#![recursion_limit = "256"]

/// The third-party services, declared as data.
pub mod catalog;
/// Time, handed in.
pub mod clock;
/// What the program can be told to do.
pub mod commands;
/// Settings from the environment.
pub mod config;
/// Sealing, keys, passwords, random tokens.
pub mod crypto;
/// The demonstration: sample data and a service of its own.
pub mod demo;
/// The verbs: every rule of the product.
pub mod domain;
/// The nouns.
pub mod model;
/// Calls that leave the house.
pub mod outbound;
/// Puts the app together.
pub mod startup;
/// The database; the only room that knows diesel.
pub mod store;
/// Pages and forms.
pub mod web;
/// Duties in the background.
pub mod worker;
