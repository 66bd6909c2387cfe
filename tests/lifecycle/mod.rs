//! An authorizer stays alive, or says in time why not.
mod again;
mod attempts;
mod calls;
mod copies;
mod dice;
mod doctor;
mod gate;
mod interleavings;
mod process;
pub mod processes;
mod provider;
mod queue;
mod retests;
mod slow;
mod soak;
mod swap;
mod withdrawals;
mod year;
