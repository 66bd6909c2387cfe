//! What the database may answer with.

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A unique column already has this value.
    #[error("{column} is taken")]
    Taken { column: String },
    /// A row still depends on it (foreign key RESTRICT).
    #[error("still in use")]
    InUse,
    /// No connection within the time, or the database is locked: try again.
    #[error("the database is busy")]
    Busy,
    #[error("the database failed: {0}")]
    Broken(String),
}
