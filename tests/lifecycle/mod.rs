//! An authorizer stays alive, or says in time why not.
mod again;
mod copies;
mod dice;
mod doctor;
mod gate;
mod interleavings;
mod line;
mod process;
pub mod processes;
mod provider;
mod queue;
mod retests;
mod soak;
mod swap;
mod year;
