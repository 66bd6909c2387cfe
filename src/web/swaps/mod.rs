//! *Replace everywhere*: choose the account that takes over, see what works with it, replace, undo.
pub mod choose;
pub mod note;
pub mod show;
mod words;
