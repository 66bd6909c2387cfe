//! Tests, live choices and first rows over raw protocols, against real servers.
mod account;
mod dial;
mod mysql;
mod postgres;
mod sftp;
mod ssh;
