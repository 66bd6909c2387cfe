//! A connection to PostgreSQL in pure Rust, dressed as a blocking diesel connection: no libpq to install or to link.
//!
//! Each connection owns a small runtime that runs on the thread that waits for the answer. Nothing has to be handed
//! to another thread and back, and connections may be made and dropped on any thread.
use diesel::connection::{
    AnsiTransactionManager, CacheSize, Connection, ConnectionSealed, Instrumentation,
    LoadConnection, MultiConnectionHelper, SimpleConnection, TransactionManager,
};
use diesel::expression::QueryMetadata;
use diesel::migration::{CREATE_MIGRATIONS_TABLE, MigrationConnection};
use diesel::pg::{Pg, PgMetadataLookup, PgTypeMetadata};
use diesel::query_builder::{Query, QueryFragment, QueryId};
use diesel::r2d2::R2D2Connection;
use diesel::result::DatabaseErrorKind;
use diesel::{ConnectionError, ConnectionResult, QueryResult};
use diesel_async::{
    AsyncConnection, AsyncConnectionCore, AsyncPgConnection, SimpleAsyncConnection,
};
use futures_util::StreamExt;
use std::any::Any;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinHandle;

use super::pg_url;

/// A connection that was used within this time is taken for alive if its socket is still open.
const FRESH: Duration = Duration::from_secs(5);
/// How long a statement waits for its answer. Longer than the server's own limits (`conn::PG_LIMITS`):
/// it runs out when the server is frozen or the network swallows everything.
pub const ANSWER_LIMIT: Duration = Duration::from_secs(10);
/// The same for the question whether the connection still lives.
const PING_LIMIT: Duration = Duration::from_secs(1);
/// How long the server may take to let us in once the socket is open.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(5);

type MetadataLookup = <Pg as diesel::sql_types::TypeMetadata>::MetadataLookup;

pub struct PgConn {
    inner: AsyncPgConnection,
    driver: JoinHandle<()>,
    state: AnsiTransactionManager,
    /// A statement failed in the open transaction: the server will refuse to commit it, but says so only in passing.
    has_failed: bool,
    last_used: Instant,
    /// `None` while migrations run: those take as long as they need.
    limit: Option<Duration>,
    /// A statement got no answer in time: nobody knows what the server is doing with it.
    is_silent: bool,
    /// `None` only while it is dropped.
    runtime: Option<Runtime>,
}

/// A statement got no answer within its limit.
struct NoAnswer;

/// Awaits `work`, for as long as `limit` allows.
async fn within<T>(limit: Option<Duration>, work: impl Future<Output = T>) -> Result<T, NoAnswer> {
    match limit {
        Some(limit) => tokio::time::timeout(limit, work).await.map_err(|_| NoAnswer),
        None => Ok(work.await),
    }
}

fn silent() -> diesel::result::Error {
    let said = "the database gave no answer in time".to_owned();
    diesel::result::Error::DatabaseError(DatabaseErrorKind::ClosedConnection, Box::new(said))
}

/// For the impossible case of a connection that is used while it is dropped.
fn gone() -> diesel::result::Error {
    diesel::result::Error::BrokenTransactionManager
}

impl PgConn {
    /// Runs `work` on the connection's own runtime, within the limit, and remembers how it went.
    fn run<T>(
        &mut self,
        work: impl AsyncFnOnce(&mut AsyncPgConnection) -> QueryResult<T>,
    ) -> QueryResult<T> {
        let Some(runtime) = self.runtime.as_ref().filter(|_| !self.is_silent) else {
            return Err(gone());
        };
        let inner = &mut self.inner;
        let answered = runtime.block_on(async { within(self.limit, work(inner)).await });
        self.note(answered)
    }

    fn note<T>(&mut self, answered: Result<QueryResult<T>, NoAnswer>) -> QueryResult<T> {
        self.last_used = Instant::now();
        let result = answered.unwrap_or_else(|NoAnswer| {
            self.is_silent = true;
            self.driver.abort();
            Err(silent())
        });
        if result.is_err() {
            self.has_failed = true;
        }
        result
    }

    /// A statement got no answer: this connection is of no use any more.
    pub fn is_silent(&self) -> bool {
        self.is_silent
    }

    pub fn last_used(&self) -> Instant {
        self.last_used
    }

    /// Lets statements take as long as they need, or no longer than pages wait.
    pub fn set_unlimited(&mut self, is_unlimited: bool) {
        self.limit = (!is_unlimited).then_some(ANSWER_LIMIT);
    }

    /// True when the open transaction can no longer be committed.
    pub fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// Forgets failures: the transaction or its inner part was rolled back, or a new one begins.
    pub fn forget_failure(&mut self) {
        self.has_failed = false;
    }

    /// Cheap when used a moment ago (one look at the socket), a round trip otherwise.
    pub fn is_alive(&mut self) -> bool {
        if let Some(runtime) = &self.runtime {
            runtime.block_on(async {
                // Two turns: one for the socket's news to arrive, one for the driver to read them.
                tokio::task::yield_now().await;
                tokio::task::yield_now().await;
            });
        }
        !self.driver.is_finished()
            && !self.is_silent
            && (self.last_used.elapsed() < FRESH || self.answers_ping())
    }

    fn answers_ping(&mut self) -> bool {
        let limit = self.limit.replace(PING_LIMIT);
        let answer = self.ping();
        self.limit = limit;
        answer.is_ok()
    }
}

impl Drop for PgConn {
    fn drop(&mut self) {
        self.driver.abort();
        // Dropping a runtime waits for its threads, which is forbidden where async code runs.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl SimpleConnection for PgConn {
    fn batch_execute(&mut self, query: &str) -> QueryResult<()> {
        self.run(async |c| c.batch_execute(query).await)
    }
}

impl ConnectionSealed for PgConn {}

impl Connection for PgConn {
    type Backend = Pg;
    type TransactionManager = AnsiTransactionManager;

    /// The cause of a failure is in the error's text; never the password.
    fn establish(url: &str) -> ConnectionResult<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .map_err(|error| ConnectionError::BadConnection(error.to_string()))?;
        let (inner, driver) = runtime.block_on(connect(url))?;
        Ok(Self {
            inner,
            driver,
            state: AnsiTransactionManager::default(),
            has_failed: false,
            last_used: Instant::now(),
            limit: Some(ANSWER_LIMIT),
            is_silent: false,
            runtime: Some(runtime),
        })
    }

    fn execute_returning_count<T>(&mut self, source: &T) -> QueryResult<usize>
    where
        T: QueryFragment<Pg> + QueryId,
    {
        self.run(async |c| AsyncConnectionCore::execute_returning_count(c, source).await)
    }

    fn transaction_state(
        &mut self,
    ) -> &mut <AnsiTransactionManager as TransactionManager<Self>>::TransactionStateData {
        &mut self.state
    }

    fn instrumentation(&mut self) -> &mut dyn Instrumentation {
        AsyncConnection::instrumentation(&mut self.inner)
    }

    fn set_instrumentation(&mut self, instrumentation: impl Instrumentation) {
        AsyncConnection::set_instrumentation(&mut self.inner, instrumentation);
    }

    fn set_prepared_statement_cache_size(&mut self, size: CacheSize) {
        AsyncConnection::set_prepared_statement_cache_size(&mut self.inner, size);
    }
}

async fn connect(url: &str) -> ConnectionResult<(AsyncPgConnection, JoinHandle<()>)> {
    let (config, tls) = pg_url::parse(url).map_err(ConnectionError::BadConnection)?;
    // The driver limits the wait for each host's socket, and nothing after that.
    let hosts = u32::try_from(config.get_hosts().len().max(1)).unwrap_or(1);
    let sockets = config.get_connect_timeout().copied().unwrap_or_default().saturating_mul(hosts);
    let connected = within(Some(sockets.saturating_add(SIGN_IN_LIMIT)), config.connect(tls)).await;
    let (client, connection) = connected
        .map_err(|NoAnswer| {
            ConnectionError::BadConnection("the server gave no answer in time".to_owned())
        })?
        .map_err(|error| ConnectionError::BadConnection(say(&error)))?;
    let driver = tokio::spawn(async move {
        if let Err(error) = connection.await {
            tracing::debug!(error = %say(&error), "a database connection ended");
        }
    });
    let inner = AsyncPgConnection::try_from(client).await?;
    Ok((inner, driver))
}

/// The whole chain of causes: the outermost one alone reads "error connecting to server".
fn say(error: &tokio_postgres::Error) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

impl LoadConnection for PgConn {
    type Cursor<'conn, 'query> = std::vec::IntoIter<QueryResult<Self::Row<'conn, 'query>>>;
    type Row<'conn, 'query> = <AsyncPgConnection as AsyncConnectionCore>::Row<'conn, 'query>;

    fn load<'conn, 'query, T>(
        &'conn mut self,
        source: T,
    ) -> QueryResult<Self::Cursor<'conn, 'query>>
    where
        T: Query + QueryFragment<Pg> + QueryId + 'query,
        Pg: QueryMetadata<T::SqlType>,
    {
        // All rows at once: pages are short, and entering the runtime once per row would cost more.
        let rows = self.run(async |c| {
            let stream = AsyncConnectionCore::load(c, source).await?;
            Ok(stream.collect::<Vec<_>>().await)
        })?;
        self.has_failed |= rows.iter().any(Result::is_err);
        Ok(rows.into_iter())
    }
}

impl R2D2Connection for PgConn {
    fn ping(&mut self) -> QueryResult<()> {
        self.batch_execute("")
    }

    fn is_broken(&mut self) -> bool {
        self.is_silent
            || self.driver.is_finished()
            || AnsiTransactionManager::is_broken_transaction_manager(self)
    }
}

impl MigrationConnection for PgConn {
    fn setup(&mut self) -> QueryResult<usize> {
        self.batch_execute(CREATE_MIGRATIONS_TABLE).map(|()| 0)
    }
}

/// Asked for column types that are not built in. There are none.
struct NoLookup;

impl PgMetadataLookup for NoLookup {
    fn lookup_type(&mut self, type_name: &str, _schema: Option<&str>) -> PgTypeMetadata {
        tracing::error!(type_name, "a column of a type that is not built in");
        PgTypeMetadata::new(0, 0)
    }
}

impl MultiConnectionHelper for PgConn {
    fn to_any<'a>(_lookup: &mut MetadataLookup) -> &mut (dyn Any + 'a) {
        // Without size: nothing is leaked.
        Box::leak(Box::new(()))
    }

    fn from_any(_lookup: &mut dyn Any) -> Option<&mut MetadataLookup> {
        Some(Box::leak(Box::new(NoLookup)))
    }
}
