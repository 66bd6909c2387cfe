//! Keys and the database that they seal belong together.
mod locked;
mod start;
