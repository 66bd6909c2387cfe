//! One file per protocol.
pub mod mysql;
pub mod postgres;
mod road;
mod rows;
mod steps;
