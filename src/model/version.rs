//! Which state of the database something was read from.

/// As long as it is the same, nobody has written anything: in this process or another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataVersion {
    /// The pool that was asked: SQLite counts anew for each.
    pub pool: u64,
    pub state: String,
}
