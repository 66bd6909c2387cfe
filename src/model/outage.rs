//! Why the database can't do what it was asked, in the kinds that people are told about.

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Outage {
    /// Every connection is in use, or somebody holds a lock for too long.
    #[error("the database is busy")]
    Busy,
    /// No connection can be made, or no answer came in time.
    #[error("the database doesn't answer")]
    Unreachable,
    /// It can be read and not written: a standby, or a file that is write-protected.
    #[error("the database is read-only")]
    ReadOnly,
    #[error("the disk that holds the database is full")]
    DiskFull,
    /// The operating system failed to read or write the database's files.
    #[error("the disk that holds the database failed to read or write")]
    DiskFailed,
}

impl Outage {
    pub const ALL: [Self; 5] =
        [Self::Busy, Self::Unreachable, Self::ReadOnly, Self::DiskFull, Self::DiskFailed];
}
