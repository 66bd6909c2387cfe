//! Whether anything was written since: one question that reads no table.
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{BigInt, Text};

use crate::model::version::DataVersion;

use super::StoreError;
use super::conn::{AnyConnection, MultiBackend};

/// SQLite tells a connection how often others have written. The one that is asked never writes, so all others count.
#[derive(Clone)]
pub struct Watch {
    pool: u64,
    /// SQLite only.
    watcher: Option<Arc<Mutex<AnyConnection>>>,
}

static POOLS: AtomicU64 = AtomicU64::new(0);

impl Watch {
    pub fn new(watcher: Option<AnyConnection>) -> Self {
        Self {
            pool: POOLS.fetch_add(1, Ordering::Relaxed),
            watcher: watcher.map(|conn| Arc::new(Mutex::new(conn))),
        }
    }

    /// The same without a wait, where that is possible: SQLite keeps the count in memory that all its processes share.
    pub fn glance(&self) -> Option<DataVersion> {
        let mut watcher = self.watcher.as_ref()?.try_lock().ok()?;
        Some(self.counted(Count.get_result(&mut *watcher).ok()?))
    }

    /// What is read after this is at least as new.
    pub fn version(&self, c: &mut AnyConnection) -> Result<DataVersion, StoreError> {
        match &self.watcher {
            Some(watcher) => {
                let count = Count
                    .get_result(&mut *watcher.lock().unwrap_or_else(PoisonError::into_inner))?;
                Ok(self.counted(count))
            }
            None => Ok(DataVersion { pool: self.pool, state: Snapshot.get_result(c)? }),
        }
    }

    fn counted(&self, count: i64) -> DataVersion {
        DataVersion { pool: self.pool, state: count.to_string() }
    }
}

#[derive(QueryId)]
struct Count;

impl Query for Count {
    type SqlType = BigInt;
}

impl RunQueryDsl<AnyConnection> for Count {}

impl QueryFragment<MultiBackend> for Count {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("PRAGMA data_version");
        Ok(())
    }
}

/// PostgreSQL: which transactions a statement sees. Two that see the same see the same rows.
#[derive(QueryId)]
struct Snapshot;

impl Query for Snapshot {
    type SqlType = Text;
}

impl RunQueryDsl<AnyConnection> for Snapshot {}

impl QueryFragment<MultiBackend> for Snapshot {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, MultiBackend>) -> QueryResult<()> {
        out.push_sql("SELECT CAST(pg_current_snapshot() AS text)");
        Ok(())
    }
}
