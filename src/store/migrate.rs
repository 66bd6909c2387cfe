//! Brings the database up to date. Several processes may start at once: one migrates, the others wait for it.
use diesel::connection::{
    AnsiTransactionManager, Connection, SimpleConnection, TransactionManager,
};
use diesel::migration::{Migration, MigrationSource, MigrationVersion};
use diesel::pg::Pg;
use diesel::sql_types::Text;
use diesel::sqlite::Sqlite;
use diesel::{QueryResult, QueryableByName, RunQueryDsl, SqliteConnection};
use diesel_migrations::{EmbeddedMigrations, MigrationHarness, embed_migrations};

use super::StoreError;
use super::conn::AnyConnection;
use super::pg::PgConn;
use super::tables::has_table;

const SQLITE: EmbeddedMigrations = embed_migrations!("migrations/sqlite");
const POSTGRES: EmbeddedMigrations = embed_migrations!("migrations/postgres");

/// One lock per schema: tests live in many schemas of one database.
const LOCK: &str = "SET lock_timeout = 0; SET statement_timeout = 0; \
     SELECT pg_advisory_lock(hashtext('authorizers migrations ' || current_schema()))";
const UNLOCK: &str =
    "SELECT pg_advisory_unlock(hashtext('authorizers migrations ' || current_schema()))";

/// Diesel's list of what has run.
const APPLIED: &str = "__diesel_schema_migrations";

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// Runs what has not run yet; the names of what was run.
pub fn run(c: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    match c {
        AnyConnection::Sqlite(c) => {
            exclusively(c, |c| Ok(names(&c.run_pending_migrations(SQLITE)?)))
        }
        AnyConnection::Pg(c) => locked(c, |c| Ok(names(&c.run_pending_migrations(POSTGRES)?))),
    }
}

/// Takes the newest migration back; for tests, and for a developer who is writing one.
pub fn revert_last(c: &mut AnyConnection) -> Result<String, StoreError> {
    match c {
        AnyConnection::Sqlite(c) => {
            exclusively(c, |c| Ok(c.revert_last_migration(SQLITE)?.to_string()))
        }
        AnyConnection::Pg(c) => locked(c, |c| Ok(c.revert_last_migration(POSTGRES)?.to_string())),
    }
}

#[derive(QueryableByName)]
struct Applied {
    #[diesel(sql_type = Text)]
    version: String,
}

/// Names of the migrations that have not run yet. Only reads: diesel's own way makes its table first.
pub fn pending(c: &mut AnyConnection) -> Result<Vec<String>, StoreError> {
    let mut applied: Vec<Applied> = Vec::new();
    if has_table(c, APPLIED)? {
        applied = diesel::sql_query(format!("SELECT version FROM {APPLIED}")).load(c)?;
    }
    fn left<DB: diesel::backend::Backend>(
        list: Result<Vec<Box<dyn Migration<DB>>>, Failure>,
        applied: &[Applied],
    ) -> Result<Vec<String>, StoreError> {
        let names = list.map_err(broken)?.into_iter().filter_map(|one| {
            let version = one.name().version().to_string();
            let is_applied = applied.iter().any(|applied| applied.version == version);
            (!is_applied).then(|| one.name().to_string())
        });
        Ok(names.collect())
    }
    match c {
        AnyConnection::Sqlite(_) => left(MigrationSource::<Sqlite>::migrations(&SQLITE), &applied),
        AnyConnection::Pg(_) => left(MigrationSource::<Pg>::migrations(&POSTGRES), &applied),
    }
}

/// Names of all migrations, oldest first: for SQLite and for PostgreSQL.
pub fn all() -> Result<(Vec<String>, Vec<String>), StoreError> {
    let sqlite = MigrationSource::<Sqlite>::migrations(&SQLITE).map_err(broken)?;
    let postgres = MigrationSource::<Pg>::migrations(&POSTGRES).map_err(broken)?;
    Ok((
        sqlite.iter().map(|m| m.name().to_string()).collect(),
        postgres.iter().map(|m| m.name().to_string()).collect(),
    ))
}

fn names(versions: &[MigrationVersion<'_>]) -> Vec<String> {
    versions.iter().map(ToString::to_string).collect()
}

fn broken(error: Failure) -> StoreError {
    StoreError::of_text(format!("migration: {error}"))
}

/// All or nothing, and one process at a time: SQLite has no other lock to hold. The others wait longer than for a page.
fn exclusively<T>(
    c: &mut SqliteConnection,
    work: impl FnOnce(&mut SqliteConnection) -> Result<T, Failure>,
) -> Result<T, StoreError> {
    c.batch_execute("PRAGMA busy_timeout = 60000")?;
    AnsiTransactionManager::begin_transaction_sql(c, "BEGIN IMMEDIATE")?;
    let result = match work(c) {
        Ok(value) => {
            AnsiTransactionManager::commit_transaction(c).map(|()| value).map_err(StoreError::from)
        }
        Err(error) => {
            AnsiTransactionManager::rollback_transaction(c)?;
            Err(broken(error))
        }
    };
    c.batch_execute(super::conn::SQLITE_PATIENCE)?;
    result
}

fn locked<T>(
    c: &mut PgConn,
    work: impl FnOnce(&mut PgConn) -> Result<T, Failure>,
) -> Result<T, StoreError> {
    c.set_unlimited(true);
    c.batch_execute(LOCK)?;
    let result = work(c).map_err(broken);
    let unlocked: QueryResult<()> =
        c.batch_execute(UNLOCK).and_then(|()| c.batch_execute(super::conn::PG_LIMITS));
    c.set_unlimited(false);
    let value = result?;
    unlocked?;
    debug_assert!(!<PgConn as Connection>::TransactionManager::is_broken_transaction_manager(c));
    Ok(value)
}
