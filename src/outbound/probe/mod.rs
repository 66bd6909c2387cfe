//! One file per protocol.
mod files;
pub mod http;
mod http_rows;
pub mod mysql;
pub mod postgres;
mod road;
mod rows;
pub mod s3;
pub mod sftp;
mod steps;
