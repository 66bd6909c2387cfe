//! The calendar of what ends: its secret address, and what it answers there.
pub mod address;
pub mod feed;
pub mod ics;
