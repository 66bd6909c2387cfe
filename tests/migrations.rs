//! Migrations: twin folders, up and down again, and many processes at once.
use authorizers::store::{Db, migrate};
use diesel::sql_types::BigInt;
use diesel::{QueryableByName, RunQueryDsl};

use crate::support::database::{Database, Kind};
use crate::support::server::root;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

fn tables(database: &Database) -> i64 {
    let sql = match database.kind {
        Kind::Sqlite => {
            "SELECT count(*) AS count FROM sqlite_master WHERE type IN ('table', 'trigger') AND name NOT LIKE 'sqlite_%' \
             AND name NOT LIKE '\\_\\_%' ESCAPE '\\'"
        }
        Kind::Postgres => {
            "SELECT count(*) AS count FROM pg_tables WHERE schemaname = current_schema() AND tablename NOT LIKE '\\_\\_%'"
        }
    };
    database.with(|c| Ok(diesel::sql_query(sql).get_result::<Count>(c)?)).count
}

fn up_down_and_up(kind: Kind) {
    let database = Database::blank(kind);
    let all = database.with(migrate::run);
    assert!(!all.is_empty());
    assert!(tables(&database) > 10);
    assert_eq!(database.with(migrate::pending), Vec::<String>::new());
    assert_eq!(database.with(migrate::run), Vec::<String>::new());
    for _ in &all {
        database.with(migrate::revert_last);
    }
    assert_eq!(tables(&database), 0);
    assert_eq!(database.with(migrate::pending).len(), all.len());
    assert_eq!(database.with(migrate::run), all);
}

#[test]
fn each_migration_goes_up_down_and_up_on_sqlite() {
    up_down_and_up(Kind::Sqlite);
}

#[test]
fn each_migration_goes_up_down_and_up_on_postgres() {
    up_down_and_up(Kind::Postgres);
}

#[test]
fn each_migration_has_a_twin_for_the_other_database() {
    let (sqlite, postgres) = migrate::all().unwrap();
    assert_eq!(sqlite, postgres);
    let folders = |kind: &str| {
        let mut names: Vec<String> = std::fs::read_dir(root().join("migrations").join(kind))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    };
    assert_eq!(folders("sqlite"), folders("postgres"));
    assert_eq!(folders("sqlite"), sqlite, "a new folder needs a new build");
}

fn eight_at_once(kind: Kind) {
    let database = Database::blank(kind);
    std::thread::scope(|scope| {
        let starts: Vec<_> =
            (0..8).map(|_| scope.spawn(|| Db::open(&database.url, 2).map(|_| ()))).collect();
        for start in starts {
            assert_eq!(start.join().unwrap(), Ok(()));
        }
    });
    assert_eq!(database.with(migrate::pending), Vec::<String>::new());
}

#[test]
fn eight_processes_may_start_at_once_on_sqlite() {
    eight_at_once(Kind::Sqlite);
}

#[test]
fn eight_processes_may_start_at_once_on_postgres() {
    eight_at_once(Kind::Postgres);
}
