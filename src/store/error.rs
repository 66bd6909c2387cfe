//! What the database may answer with: both databases' words turned into the same few.
use diesel::result::{ConnectionError, DatabaseErrorInformation, DatabaseErrorKind, Error};

use crate::model::outage::Outage;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StoreError {
    /// A unique column already has this value.
    #[error("{column} is taken")]
    Taken { column: String },
    /// A row still depends on it (foreign key RESTRICT).
    #[error("still in use")]
    InUse,
    /// Nothing is wrong with what was asked: the database can't do it now.
    #[error(transparent)]
    Unavailable(Outage),
    #[error("the database failed: {0}")]
    Broken(String),
}

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, info) => of_database(&kind, &*info),
            other => Self::Broken(other.to_string()),
        }
    }
}

impl From<ConnectionError> for StoreError {
    fn from(error: ConnectionError) -> Self {
        Self::of_text(error.to_string())
    }
}

impl StoreError {
    /// Reads an error that has lost its kind on the way.
    pub fn of_text(text: String) -> Self {
        outage_of(&text).map_or(Self::Broken(text), Self::Unavailable)
    }
}

fn of_database(
    kind: &DatabaseErrorKind,
    info: &(dyn DatabaseErrorInformation + Send + Sync),
) -> StoreError {
    let message = info.message();
    match kind {
        DatabaseErrorKind::UniqueViolation => StoreError::Taken { column: taken_column(info) },
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => {
            StoreError::InUse
        }
        DatabaseErrorKind::SerializationFailure => StoreError::Unavailable(Outage::Busy),
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => {
            StoreError::Unavailable(Outage::Unreachable)
        }
        DatabaseErrorKind::ReadOnlyTransaction => StoreError::Unavailable(Outage::ReadOnly),
        // SQLite reports a RESTRICT as a trigger that failed, of no special kind.
        _ if message.contains("FOREIGN KEY constraint failed") => StoreError::InUse,
        _ => outage_of(message)
            .or_else(|| outage_of(info.hint()?))
            .map_or_else(|| StoreError::Broken(message.to_owned()), StoreError::Unavailable),
    }
}

/// Knows an outage by the database's words: neither driver hands on the code of these errors.
fn outage_of(message: &str) -> Option<Outage> {
    const WORDS: [(&str, Outage); 19] = [
        ("database is locked", Outage::Busy),
        ("database table is locked", Outage::Busy),
        ("due to lock timeout", Outage::Busy),
        ("due to statement timeout", Outage::Busy),
        ("deadlock detected", Outage::Busy),
        ("too many clients already", Outage::Busy),
        ("too many connections for role", Outage::Busy),
        ("remaining connection slots are reserved", Outage::Busy),
        ("terminating connection", Outage::Unreachable),
        ("the database system is", Outage::Unreachable),
        // SQLITE_READONLY
        ("attempt to write a readonly database", Outage::ReadOnly),
        ("in a read-only transaction", Outage::ReadOnly),
        // SQLITE_FULL
        ("database or disk is full", Outage::DiskFull),
        // SQLSTATE 53100, by its words or by its hint.
        ("No space left on device", Outage::DiskFull),
        ("Check free disk space", Outage::DiskFull),
        // SQLITE_IOERR: a quota or a limit of the file's size among other things.
        ("disk I/O error", Outage::DiskFailed),
        ("Input/output error", Outage::DiskFailed),
        ("File too large", Outage::DiskFailed),
        // SQLITE_CANTOPEN
        ("unable to open database file", Outage::Unreachable),
    ];
    WORDS.iter().find(|(words, _)| message.contains(words)).map(|(_, outage)| *outage)
}

/// PostgreSQL names the constraint (`authorizers_name_folded_key`), SQLite the column in its message
/// (`UNIQUE constraint failed: authorizers.name_folded`). A folded twin stands for the column that people know.
fn taken_column(info: &(dyn DatabaseErrorInformation + Send + Sync)) -> String {
    let name = match info.constraint_name() {
        Some("oauth_apps_shared") => "service",
        Some(constraint) => {
            let column = info
                .table_name()
                .and_then(|table| constraint.strip_prefix(table)?.strip_prefix('_'))
                .unwrap_or(constraint);
            if column == "pkey" { "id" } else { column.strip_suffix("_key").unwrap_or(column) }
        }
        None => {
            let first = info
                .message()
                .rsplit(": ")
                .next()
                .unwrap_or_default()
                .split(", ")
                .next()
                .unwrap_or_default();
            first.rsplit('.').next().unwrap_or_default()
        }
    };
    name.strip_suffix("_folded").unwrap_or(name).to_owned()
}
