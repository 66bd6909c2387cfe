//! Tests, live choices and first rows over raw protocols, against real servers.
mod account;
mod answers;
mod callback;
mod connected;
mod dial;
mod dialects;
mod guard;
mod mysql;
mod mysql_login;
mod postgres;
mod redaction;
mod revocation;
mod s3;
mod sftp;
mod shapes;
mod ssh;
mod token;
