//! The database's promises, on SQLite and on PostgreSQL.
mod database;
mod make;
