//! One connection type over SQLite and PostgreSQL; the URL's scheme decides, when the app starts.
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::r2d2::{Error, ManageConnection, R2D2Connection};
use diesel::{ConnectionError, QueryResult, SqliteConnection};

use super::pg::PgConn;

#[derive(diesel::MultiConnection)]
#[expect(clippy::large_enum_variant, reason = "the pool boxes its connections, and there are few")]
pub enum AnyConnection {
    Sqlite(SqliteConnection),
    Pg(PgConn),
}

/// Waits for a lock first of all: switching to WAL takes one itself. `FULL`, because a rotated token has to survive
/// a power cut: the one before it is no longer good.
const PRAGMAS: &str = "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; \
     PRAGMA foreign_keys = ON; PRAGMA cache_size = -1000; PRAGMA temp_store = MEMORY; PRAGMA journal_size_limit = 16777216;";

/// How long a statement waits for another's lock.
pub const SQLITE_PATIENCE: &str = "PRAGMA busy_timeout = 5000";

/// How long a new connection keeps trying while others open the same file.
const SETTLING: Duration = Duration::from_secs(30);

/// Nothing that a page asks for may take longer.
pub const PG_LIMITS: &str = "SET statement_timeout = '30s'; SET lock_timeout = '5s'; SET idle_in_transaction_session_timeout = '60s'";

/// Where the database is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// A file.
    Sqlite(String),
    /// A `postgres://` URL.
    Pg(String),
}

impl Place {
    /// `sqlite://path` (relative, or absolute with three slashes) or `postgres://…`; the error says what is wrong.
    pub fn parse(url: &str) -> Result<Self, String> {
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Ok(Self::Pg(url.to_owned()));
        }
        match url.strip_prefix("sqlite://").or_else(|| url.strip_prefix("sqlite:")) {
            Some("") => Err("the database URL names no file".to_owned()),
            Some(path) => Ok(Self::Sqlite(path.to_owned())),
            None => Err("a database URL begins with sqlite:// or postgres://".to_owned()),
        }
    }

    pub fn is_sqlite(&self) -> bool {
        matches!(self, Self::Sqlite(_))
    }

    /// The derived `AnyConnection::establish` tries each kind in turn: a PostgreSQL URL with a slip in it would
    /// quietly become an empty SQLite file, and the cause of a refused connection would be lost.
    pub fn connect(&self) -> Result<AnyConnection, Error> {
        match self {
            Self::Sqlite(path) => {
                create_private(path).map_err(|error| {
                    Error::ConnectionError(ConnectionError::BadConnection(format!(
                        "the database file cannot be opened: {error}"
                    )))
                })?;
                let mut conn = SqliteConnection::establish(path).map_err(Error::ConnectionError)?;
                settle(&mut conn).map_err(Error::QueryError)?;
                Ok(AnyConnection::Sqlite(conn))
            }
            Self::Pg(url) => {
                let mut conn = PgConn::establish(url).map_err(Error::ConnectionError)?;
                conn.batch_execute(PG_LIMITS).map_err(Error::QueryError)?;
                Ok(AnyConnection::Pg(conn))
            }
        }
    }
}

/// Two processes that switch a new file to WAL at the same moment each hold what the other needs. SQLite does not wait
/// there, it refuses one of them at once: that one comes back when the other is through.
fn settle(conn: &mut SqliteConnection) -> QueryResult<()> {
    let give_up = Instant::now() + SETTLING;
    loop {
        match conn.batch_execute(PRAGMAS) {
            Err(error) if is_locked(&error) && Instant::now() < give_up => {
                std::thread::sleep(Duration::from_millis(20))
            }
            done => return done,
        }
    }
}

fn is_locked(error: &diesel::result::Error) -> bool {
    matches!(error, diesel::result::Error::DatabaseError(_, info) if info.message().contains("database is locked"))
}

/// Only the owner may read the file; SQLite gives its WAL the same mode.
fn create_private(path: &str) -> std::io::Result<()> {
    match OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Makes and looks after the pool's connections.
#[derive(Clone)]
pub struct Manager {
    place: Place,
    /// The connection that ran the migrations: the pool's first.
    first: Arc<Mutex<Option<AnyConnection>>>,
}

impl Manager {
    pub fn new(place: Place, first: AnyConnection) -> Self {
        Self { place, first: Arc::new(Mutex::new(Some(first))) }
    }
}

impl ManageConnection for Manager {
    type Connection = AnyConnection;
    type Error = Error;

    fn connect(&self) -> Result<AnyConnection, Error> {
        let first = self.first.lock().unwrap_or_else(PoisonError::into_inner).take();
        first.map_or_else(|| self.place.connect(), Ok)
    }

    fn is_valid(&self, conn: &mut AnyConnection) -> Result<(), Error> {
        let is_alive = match conn {
            AnyConnection::Sqlite(_) => true,
            AnyConnection::Pg(pg) => pg.is_alive(),
        };
        if is_alive {
            Ok(())
        } else {
            Err(Error::ConnectionError(ConnectionError::BadConnection(
                "the connection ended".to_owned(),
            )))
        }
    }

    fn has_broken(&self, conn: &mut AnyConnection) -> bool {
        std::thread::panicking() || conn.is_broken() || is_in_transaction(conn)
    }
}

fn is_in_transaction(conn: &mut AnyConnection) -> bool {
    type Manager = <AnyConnection as Connection>::TransactionManager;
    !matches!(Manager::transaction_manager_status_mut(conn).transaction_depth(), Ok(None))
}
