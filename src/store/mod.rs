//! The database. The only room that knows diesel.
pub mod error;

pub use error::StoreError;

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Db {}
