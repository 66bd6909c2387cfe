//! A fresh database for each test: a copy of a migrated SQLite file, or a schema of its own on the shared PostgreSQL.
use std::path::PathBuf;
use std::sync::OnceLock;

use authorizers::store::{AnyConnection, Db, Place, StoreError, migrate};
use diesel::RunQueryDsl;
use tempfile::TempDir;

use super::postgres;
use super::server::unused;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

pub struct Database {
    pub kind: Kind,
    /// For `AUTHORIZERS_DATABASE_URL`.
    pub url: String,
    /// Removed with the database.
    _folder: Option<TempDir>,
}

impl Database {
    /// Migrated and empty.
    pub fn fresh(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::sqlite(|file| {
                std::fs::copy(migrated_file(), file).expect("a copy of the migrated file");
            }),
            Kind::Postgres => {
                let database = Self::blank(kind);
                database.with(migrate::run);
                database
            }
        }
    }

    /// Without a single table.
    pub fn blank(kind: Kind) -> Self {
        match kind {
            Kind::Sqlite => Self::sqlite(|_| ()),
            Kind::Postgres => {
                let server = postgres::shared().url();
                let schema = unused("test");
                execute(&server, &format!("CREATE SCHEMA {schema}"));
                Self {
                    kind,
                    url: format!("{server}&options=-csearch_path%3D{schema}"),
                    _folder: None,
                }
            }
        }
    }

    fn sqlite(make: impl FnOnce(&PathBuf)) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("authorizers-db-")
            .tempdir()
            .expect("a temporary folder");
        let file = folder.path().join("test.sqlite");
        make(&file);
        Self {
            kind: Kind::Sqlite,
            url: format!("sqlite://{}", file.display()),
            _folder: Some(folder),
        }
    }

    pub fn open(&self) -> Db {
        Db::open(&self.url, 4).expect("the database opens")
    }

    /// A connection past the pool, on a thread of its own.
    pub fn with<T: Send>(
        &self,
        work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send,
    ) -> T {
        with(&self.url, work)
    }

    /// Runs one statement past the app.
    pub fn execute(&self, sql: &str) {
        execute(&self.url, sql);
    }
}

fn with<T: Send>(
    url: &str,
    work: impl FnOnce(&mut AnyConnection) -> Result<T, StoreError> + Send,
) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            let mut conn =
                Place::parse(url).expect("a database URL").connect().expect("a connection");
            work(&mut conn).expect("the database does it")
        });
        thread.join().expect("no panic")
    })
}

fn execute(url: &str, sql: &str) {
    with(url, |c| Ok(diesel::sql_query(sql).execute(c)?));
}

fn migrated_file() -> &'static PathBuf {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| {
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR"))
            .join(format!("migrated-{}.sqlite", std::process::id()));
        std::fs::remove_file(&file).ok();
        with(&format!("sqlite://{}", file.display()), migrate::run);
        file
    })
}

/// `on_both! { async fn a_sentence(database: &Database, db: Db) { … } }` runs the test on SQLite and on PostgreSQL.
macro_rules! on_both {
    ($($(#[$meta:meta])* async fn $name:ident($database:ident: $lent:ty, $db:ident: $owned:ty) $body:block)+) => {$(
        mod $name {
            use super::*;

            async fn run($database: $lent, $db: $owned) $body

            fn on(kind: $crate::support::database::Kind) {
                let database = $crate::support::database::Database::fresh(kind);
                let db = database.open();
                let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
                runtime.block_on(run(&database, db));
            }

            $(#[$meta])*
            #[test]
            fn on_sqlite() {
                on($crate::support::database::Kind::Sqlite);
            }

            $(#[$meta])*
            #[test]
            fn on_postgres() {
                on($crate::support::database::Kind::Postgres);
            }
        }
    )+};
}
pub(crate) use on_both;
