//! What the database may answer with: both databases' words turned into the same few.
use diesel::result::{DatabaseErrorInformation, DatabaseErrorKind, Error};

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

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error {
            Error::DatabaseError(kind, info) => of_database(&kind, &*info),
            other => Self::Broken(other.to_string()),
        }
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
        DatabaseErrorKind::SerializationFailure
        | DatabaseErrorKind::ClosedConnection
        | DatabaseErrorKind::UnableToSendCommand => StoreError::Busy,
        // SQLite reports a RESTRICT as a trigger that failed, of no special kind.
        _ if message.contains("FOREIGN KEY constraint failed") => StoreError::InUse,
        _ if is_passing(message) => StoreError::Busy,
        _ => StoreError::Broken(message.to_owned()),
    }
}

/// Locks and time limits, and a server that goes down.
fn is_passing(message: &str) -> bool {
    const PASSING: [&str; 6] = [
        "database is locked",
        "database table is locked",
        "due to lock timeout",
        "due to statement timeout",
        "terminating connection",
        "deadlock detected",
    ];
    PASSING.iter().any(|part| message.contains(part))
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
