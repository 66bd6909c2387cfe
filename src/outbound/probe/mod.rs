//! One file per protocol.
pub mod postgres;
mod road;
mod rows;
mod steps;
