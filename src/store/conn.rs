//! One connection type over SQLite and PostgreSQL; the URL's scheme decides, when the app starts.
use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use diesel::connection::{Connection, SimpleConnection, TransactionManager};
use diesel::r2d2::{Error, ManageConnection, R2D2Connection};
use diesel::{ConnectionError, QueryResult, SqliteConnection};

use super::StoreError;
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

/// Nothing that a page asks for may take longer. The client waits a little longer than the server
/// (`pg::ANSWER_LIMIT`), so that a server that still lives says itself what took too long.
pub const PG_LIMITS: &str = "SET statement_timeout = '8s'; SET lock_timeout = '5s'; \
     SET idle_in_transaction_session_timeout = '60s'";

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

    /// Connects for looking: nothing is made and nothing can be changed. SQLite's file must exist.
    pub fn connect_read_only(&self) -> Result<AnyConnection, StoreError> {
        match self {
            Self::Sqlite(path) => Ok(AnyConnection::Sqlite(connect_read_only(path)?)),
            Self::Pg(url) => {
                let mut conn = PgConn::establish(url)?;
                conn.batch_execute(PG_LIMITS)?;
                conn.batch_execute("SET default_transaction_read_only = on")?;
                Ok(AnyConnection::Pg(conn))
            }
        }
    }

    /// Whether there is something to connect to. PostgreSQL is asked by connecting.
    pub fn is_missing(&self) -> bool {
        match self {
            Self::Sqlite(path) => !std::path::Path::new(path).exists(),
            Self::Pg(_) => false,
        }
    }
}

/// Opens the file without a trace. A log beside it with something in it means that the app runs, or
/// was killed: then the log has to be read as well. Without one the file alone is the database, and
/// no lock and no file beside it is needed to read it.
fn connect_read_only(path: &str) -> Result<SqliteConnection, ConnectionError> {
    let has_log = std::fs::metadata(format!("{path}-wal")).is_ok_and(|log| log.len() > 0);
    let mode = if has_log { "mode=ro" } else { "mode=ro&immutable=1" };
    let path = path.replace('%', "%25").replace('?', "%3f").replace('#', "%23");
    let mut conn = SqliteConnection::establish(&format!("file:{path}?{mode}"))?;
    conn.batch_execute(SQLITE_PATIENCE)
        .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
    Ok(conn)
}

/// Lets what no page waits for take as long as it needs.
pub fn without_limits<T>(
    c: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
) -> Result<T, StoreError> {
    set_unlimited(c, true)?;
    let done = work(c)?;
    set_unlimited(c, false)?;
    Ok(done)
}

fn set_unlimited(c: &mut AnyConnection, is_unlimited: bool) -> QueryResult<()> {
    match c {
        AnyConnection::Sqlite(_) => Ok(()),
        AnyConnection::Pg(c) => {
            c.set_unlimited(is_unlimited);
            c.batch_execute(if is_unlimited { "SET statement_timeout = 0" } else { PG_LIMITS })
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

/// A connection that was last used before another one got no answer isn't asked either: with eight
/// connections to a server that is frozen, a page would wait for each in turn.
const DISTRUST: Duration = Duration::from_secs(10);

/// Makes and looks after the pool's connections.
#[derive(Clone)]
pub struct Manager {
    place: Place,
    /// The connection that ran the migrations: the pool's first.
    first: Arc<Mutex<Option<AnyConnection>>>,
    /// When PostgreSQL last left a statement without an answer.
    silent_since: Arc<Mutex<Option<Instant>>>,
}

impl Manager {
    pub fn new(place: Place, first: AnyConnection) -> Self {
        Self { place, first: Arc::new(Mutex::new(Some(first))), silent_since: Arc::default() }
    }

    fn note_silence(&self, pg: &PgConn) {
        if pg.is_silent() {
            *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner) =
                Some(Instant::now());
        }
    }

    /// PostgreSQL has just left a statement without an answer.
    pub fn is_silent(&self) -> bool {
        let since = *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| since.elapsed() < DISTRUST)
    }

    fn is_distrusted(&self, pg: &PgConn) -> bool {
        let since = *self.silent_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.is_some_and(|since| pg.last_used() < since && since.elapsed() < DISTRUST)
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
            AnyConnection::Pg(pg) => {
                let is_alive = !self.is_distrusted(pg) && pg.is_alive();
                self.note_silence(pg);
                is_alive
            }
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
        if let AnyConnection::Pg(pg) = conn {
            self.note_silence(pg);
        }
        std::thread::panicking() || conn.is_broken() || is_in_transaction(conn)
    }
}

fn is_in_transaction(conn: &mut AnyConnection) -> bool {
    type Manager = <AnyConnection as Connection>::TransactionManager;
    !matches!(Manager::transaction_manager_status_mut(conn).transaction_depth(), Ok(None))
}
