//! The database: SQLite or PostgreSQL, behind one type. The only room that knows diesel.
//!
//! Functions of the files below are blocking and take the connection first; verbs call them inside [`Db::read`] and
//! [`Db::write`]. A transaction's closure cannot wait for anything but the database, so no call to a service can ever
//! sit inside one.
pub mod activity;
pub mod attempts;
mod attention;
pub mod authorizers;
mod authorizers_change;
mod authorizers_due;
mod authorizers_list;
pub mod calendar_feeds;
pub mod conn;
pub mod deliveries;
pub mod drafts;
pub mod endings;
pub mod error;
pub mod facts;
pub mod flows;
pub mod forecast;
pub mod invitations;
pub mod keyset;
pub mod migrate;
pub mod notice_settings;
pub mod notices;
pub mod oauth_apps;
mod on_each;
mod pg;
mod pg_url;
pub mod requests;
pub mod schema;
pub mod sealed_rows;
mod search;
pub mod sessions;
pub mod standing;
pub mod swaps;
pub mod tests;
mod types;
pub mod users;
mod vault;
mod version;
pub mod webhooks;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::r2d2::{HandleError, Pool};
use tokio::sync::Semaphore;

use crate::model::version::DataVersion;

pub use conn::{AnyConnection, Place};
pub use error::StoreError;

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// How long a page waits for a connection before it says that the database is busy.
const PATIENCE: Duration = Duration::from_secs(5);

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<conn::Manager>,
    /// SQLite only: one writer at a time, first come, first served. SQLite's own waiting is not fair.
    writer: Option<Arc<Semaphore>>,
    watch: version::Watch,
}

/// Errors of connections in the background go to the log, not to standard error.
#[derive(Debug)]
struct Log;

impl HandleError<diesel::r2d2::Error> for Log {
    fn handle_error(&self, error: diesel::r2d2::Error) {
        tracing::warn!(%error, "no connection to the database");
    }
}

impl Db {
    /// Connects, brings the database up to date and keeps at most `size` connections. Blocks, on any thread.
    pub fn open(url: &str, size: u32) -> Result<Self, StoreError> {
        let (db, applied) = Self::open_with(url, size, migrate::run)?;
        for name in applied {
            tracing::info!(migration = name, "the database was brought up to date");
        }
        Ok(db)
    }

    /// Connects and does `first` with the first connection, in place of migrating.
    pub fn open_with<T>(
        url: &str,
        size: u32,
        first: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send,
    ) -> Result<(Self, T), StoreError>
    where
        T: Send,
    {
        // On a thread of its own: a connection may not wait on one that runs async code.
        let opened =
            std::thread::scope(|scope| scope.spawn(|| Self::open_here(url, size, first)).join());
        opened.unwrap_or_else(|_| {
            Err(StoreError::Broken("a panic while the database was opened".to_owned()))
        })
    }

    fn open_here<T>(
        url: &str,
        size: u32,
        first: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<(Self, T), StoreError> {
        let place = Place::parse(url).map_err(StoreError::Broken)?;
        let mut conn = place.connect().map_err(|error| StoreError::Broken(error.to_string()))?;
        let done = first(&mut conn)?;
        let watcher = place.is_sqlite().then(|| place.connect()).transpose();
        let watcher = watcher.map_err(|error| StoreError::Broken(error.to_string()))?;
        let writer = place.is_sqlite().then(|| Arc::new(Semaphore::new(1)));
        let pool = Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(1))
            .connection_timeout(PATIENCE)
            .test_on_check_out(!place.is_sqlite())
            .error_handler(Box::new(Log))
            .build(conn::Manager::new(place, conn))
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        Ok((Self { pool, writer, watch: version::Watch::new(watcher) }, done))
    }

    pub fn is_sqlite(&self) -> bool {
        self.writer.is_some()
    }

    /// Reads, off the async threads.
    pub async fn read<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let db = self.clone();
        blocking(move || {
            let mut conn = db.pool.get().map_err(|_| StoreError::Busy)?;
            work(&mut conn)
        })
        .await
    }

    /// Reads, and says first which state of the database it is that is read.
    pub async fn read_version<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut AnyConnection, DataVersion) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let watch = self.watch.clone();
        self.read(move |c| {
            let version = watch.version(c)?;
            work(c, version)
        })
        .await
    }

    /// Which state the database is in, if that can be told at once; PostgreSQL has to be asked.
    pub fn glance(&self) -> Option<DataVersion> {
        self.watch.glance()
    }

    /// Writes, in one transaction: all of `work` or, on any error or panic, nothing of it.
    pub async fn write<T, E, F>(&self, work: F) -> Result<T, E>
    where
        F: FnOnce(&mut AnyConnection) -> Result<T, E> + Send + 'static,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let permit = match &self.writer {
            Some(writer) => {
                Some(writer.clone().acquire_owned().await.map_err(|_| StoreError::Busy)?)
            }
            None => None,
        };
        let db = self.clone();
        blocking(move || {
            let _permit = permit;
            let mut conn = db.pool.get().map_err(|_| StoreError::Busy)?;
            in_transaction(&mut conn, work)
        })
        .await
    }

    /// Lets SQLite's planner learn how large the tables have grown; it does something only when they have. PostgreSQL
    /// sees to that itself.
    pub async fn tidy(&self) -> Result<(), StoreError> {
        if !self.is_sqlite() {
            return Ok(());
        }
        self.write(|c| {
            diesel::connection::SimpleConnection::batch_execute(
                c,
                "PRAGMA analysis_limit = 1000; PRAGMA optimize = 0x10002",
            )?;
            Ok(())
        })
        .await
    }

    /// Answers if the database does: for the readiness check.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.read(|c| {
            diesel::RunQueryDsl::execute(diesel::sql_query("SELECT 1"), c)?;
            Ok(())
        })
        .await
    }
}

async fn blocking<T: Send + 'static, E: From<StoreError> + Send + 'static>(
    work: impl FnOnce() -> Result<T, E> + Send + 'static,
) -> Result<T, E> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => {
            Err(StoreError::Broken(format!("the work on the database ended early: {error}")).into())
        }
    }
}

/// The whole of `work`, or nothing of it. A writer takes SQLite's lock before it reads: one that reads first and
/// then finds that somebody else has written cannot go on, and no waiting helps it.
fn in_transaction<T, E: From<StoreError>>(
    c: &mut AnyConnection,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, E>,
) -> Result<T, E> {
    match c {
        AnyConnection::Sqlite(c) => {
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")
        }
        AnyConnection::Pg(c) => {
            c.forget_failure();
            AnsiTransactionManager::begin_transaction_sql(c, "BEGIN")
        }
    }
    .map_err(StoreError::from)?;
    let result = catch_unwind(AssertUnwindSafe(|| work(c)))
        .unwrap_or_else(|_| Err(StoreError::Broken("a panic in a transaction".to_owned()).into()));
    match result {
        // PostgreSQL rolls back when told to commit after a failed statement, and calls that a success.
        Ok(_) if matches!(c, AnyConnection::Pg(pg) if pg.has_failed()) => {
            roll_back(c);
            Err(StoreError::Broken("an error was passed over inside a transaction".to_owned())
                .into())
        }
        Ok(value) => {
            Transactions::commit_transaction(c).map_err(StoreError::from)?;
            Ok(value)
        }
        Err(error) => {
            roll_back(c);
            Err(error)
        }
    }
}

/// A connection that cannot even roll back is left in its transaction, and the pool drops it.
fn roll_back(c: &mut AnyConnection) {
    if let Err(error) = Transactions::rollback_transaction(c) {
        tracing::warn!(%error, "a transaction could not be rolled back");
    }
}
