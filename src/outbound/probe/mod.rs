//! One file per protocol.
mod files;
pub mod mysql;
pub mod postgres;
mod road;
mod rows;
pub mod sftp;
mod steps;
