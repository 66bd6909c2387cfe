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
pub mod bindings;
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
pub mod key_facts;
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
mod schema_views;
pub mod sealed_rows;
mod search;
pub mod sessions;
pub mod standing;
pub mod submissions;
pub mod swaps;
mod tables;
pub mod tests;
mod threads;
mod types;
pub mod users;
mod vault;
mod version;
pub mod webhooks;
pub mod withdrawals;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use diesel::connection::{AnsiTransactionManager, Connection, TransactionManager};
use diesel::r2d2::{HandleError, Pool, PooledConnection};
use tokio::sync::Semaphore;

use crate::model::outage::Outage;
use crate::model::time::Moment;
use crate::model::version::DataVersion;

pub use conn::{AnyConnection, Place, without_limits};
pub use error::StoreError;
pub use tables::is_read_only;

use threads::Work;

type Transactions = <AnyConnection as Connection>::TransactionManager;

/// How long a page waits for a connection before it says that the database is busy.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long a write waits for the other writers of SQLite.
const WRITER_PATIENCE: Duration = Duration::from_secs(10);

/// The pool. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    pool: Pool<conn::Manager>,
    manager: conn::Manager,
    threads: Arc<threads::Threads>,
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
        on_own_thread(|| Self::open_here(url, size, first))
    }

    fn open_here<T>(
        url: &str,
        size: u32,
        first: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError>,
    ) -> Result<(Self, T), StoreError> {
        let place = Place::parse(url).map_err(StoreError::Broken)?;
        let mut conn = place.connect().map_err(at_start)?;
        if tables::is_read_only(&mut conn)? {
            return Err(StoreError::Unavailable(Outage::ReadOnly));
        }
        let done = first(&mut conn)?;
        let watcher = place.is_sqlite().then(|| place.connect()).transpose().map_err(at_start)?;
        let writer = place.is_sqlite().then(|| Arc::new(Semaphore::new(1)));
        let is_sqlite = place.is_sqlite();
        let manager = conn::Manager::new(place, conn);
        let threads = threads::Threads::new(usize::try_from(size.max(1)).unwrap_or(1))
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        let pool = Pool::builder()
            .max_size(size.max(1))
            .min_idle(Some(1))
            .connection_timeout(PATIENCE)
            .test_on_check_out(!is_sqlite)
            .error_handler(Box::new(Log))
            .build(manager.clone())
            .map_err(|error| StoreError::Broken(error.to_string()))?;
        Ok((
            Self {
                pool,
                manager,
                threads: Arc::new(threads),
                writer,
                watch: version::Watch::new(watcher),
            },
            done,
        ))
    }

    /// Looks at a database that may be in use, not migrated or on a standby, and changes nothing.
    /// `None` if there is none yet. Blocks, on any thread.
    pub fn inspect<T: Send>(
        url: &str,
        look: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send,
    ) -> Result<Option<T>, StoreError> {
        let here = || {
            let place = Place::parse(url).map_err(StoreError::Broken)?;
            if place.is_missing() {
                return Ok(None);
            }
            without_limits(&mut place.connect_read_only()?, look).map(Some)
        };
        on_own_thread(here)
    }

    async fn on_thread<T: Send + 'static, E: From<StoreError> + Send + 'static>(
        &self,
        work: Work<T, E>,
    ) -> Result<T, E> {
        match self.threads.run(PATIENCE, work).await {
            Ok(done) => done,
            // In SQLite somebody holds a lock then.
            Err(no_turn) if no_turn.is_stuck() && !self.is_sqlite() => {
                Err(StoreError::Unavailable(Outage::Unreachable).into())
            }
            Err(_) => Err(StoreError::Unavailable(self.busy_or_silent()).into()),
        }
    }

    /// Why others don't get through with what they do.
    fn busy_or_silent(&self) -> Outage {
        if self.manager.is_silent() { Outage::Unreachable } else { Outage::Busy }
    }

    /// A connection of the pool, or why there is none.
    fn checkout(&self) -> Result<PooledConnection<conn::Manager>, StoreError> {
        let asked = Instant::now();
        self.pool.get().map_err(|error| {
            let said = error.to_string();
            let outage = match StoreError::of_text(said.clone()) {
                StoreError::Unavailable(outage) => outage,
                _ if said != POOL_TIMED_OUT => Outage::Unreachable,
                _ if !self.is_sqlite() && self.threads.is_stuck_since(asked) => Outage::Unreachable,
                _ => self.busy_or_silent(),
            };
            StoreError::Unavailable(outage)
        })
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
        self.on_thread(Box::new(move || {
            let mut conn = db.checkout()?;
            work(&mut conn)
        }))
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
                let busy = StoreError::Unavailable(Outage::Busy);
                let turn = tokio::time::timeout(WRITER_PATIENCE, writer.clone().acquire_owned());
                Some(turn.await.ok().and_then(Result::ok).ok_or(busy)?)
            }
            None => None,
        };
        let db = self.clone();
        self.on_thread(Box::new(move || {
            let _permit = permit;
            let mut conn = db.checkout()?;
            in_transaction(&mut conn, work)
        }))
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

    /// Reads a row: for the readiness check.
    pub async fn probe_read(&self) -> Result<(), StoreError> {
        self.read(|c| facts::get(c, PROBE_FACT).map(drop)).await
    }

    /// Writes a row and commits it. Anything less is taken by a full disk: the database hears of it
    /// only when the pages have to go somewhere. SQLite is also asked for room in the file: a row
    /// that is only changed needs none.
    pub async fn probe_write(&self, now: Moment) -> Result<(), StoreError> {
        let needs_room = self.is_sqlite();
        self.write(move |c| {
            if needs_room {
                facts::put(c, PROBE_ROOM_FACT, &[0; PROBE_ROOM_BYTES], now)?;
                facts::delete(c, PROBE_ROOM_FACT)?;
            }
            facts::put(c, PROBE_FACT, b"", now)
        })
        .await
    }
}

/// What the pool says when the time is over and no connection has failed meanwhile.
const POOL_TIMED_OUT: &str = "timed out waiting for connection";
const PROBE_FACT: &str = "write_probe";
const PROBE_ROOM_FACT: &str = "write_probe_room";
/// More than a page.
const PROBE_ROOM_BYTES: usize = 8_000;

/// A connection may not wait on a thread that runs async code.
fn on_own_thread<T: Send>(
    work: impl FnOnce() -> Result<T, StoreError> + Send,
) -> Result<T, StoreError> {
    let done = std::thread::scope(|scope| scope.spawn(work).join());
    done.unwrap_or_else(|_| {
        Err(StoreError::Broken("a panic while the database was opened".to_owned()))
    })
}

/// Keeps the database's own words, unless ours are clearer.
fn at_start(error: diesel::r2d2::Error) -> StoreError {
    match StoreError::of_text(error.to_string()) {
        known @ StoreError::Unavailable(
            Outage::ReadOnly | Outage::DiskFull | Outage::DiskFailed,
        ) => known,
        _ => StoreError::Broken(error.to_string()),
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
