//! Transactions, errors, the pool.
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ::authorizers::store::{Db, StoreError, authorizers, facts};
use diesel::RunQueryDsl;

use super::make::{self, NOW};
use crate::support::database::{Database, Kind, on_both};
use crate::support::postgres;

on_both! {
    async fn a_failed_write_leaves_nothing_behind(_database: &Database, db: Db) {
        let written: Result<(), StoreError> = db
            .write(|c| {
                facts::put(c, "a", b"1", NOW)?;
                Err(StoreError::InUse)
            })
            .await;
        assert_eq!(written, Err(StoreError::InUse));
        assert_eq!(db.read(|c| facts::get(c, "a")).await, Ok(None));
    }

    async fn a_panic_in_a_write_rolls_back_and_leaves_a_usable_pool(_database: &Database, db: Db) {
        for _ in 0..10 {
            let written: Result<(), StoreError> = db
                .write(|c| {
                    facts::put(c, "a", b"1", NOW)?;
                    panic!("planted");
                })
                .await;
            assert!(matches!(written, Err(StoreError::Broken(_))), "{written:?}");
        }
        for _ in 0..10 {
            let read: Result<(), StoreError> = db.read(|_| panic!("planted")).await;
            assert!(matches!(read, Err(StoreError::Broken(_))), "{read:?}");
        }
        assert_eq!(db.read(|c| facts::get(c, "a")).await, Ok(None));
        assert_eq!(db.write(|c| facts::put(c, "a", b"2", NOW)).await, Ok(()));
        assert_eq!(db.read(|c| facts::get(c, "a")).await, Ok(Some(b"2".to_vec())));
    }

    async fn a_fact_is_put_and_put_again(_database: &Database, db: Db) {
        db.write(|c| {
            facts::put(c, "a", b"1", NOW)?;
            facts::put(c, "a", b"2", NOW)
        })
        .await
        .unwrap();
        assert_eq!(db.read(|c| facts::get(c, "a")).await, Ok(Some(b"2".to_vec())));
    }

    async fn a_taken_name_is_told_by_its_column(_database: &Database, db: Db) {
        let insert = |id: &'static str, name: &'static str| db.write(move |c| authorizers::insert(c, &make::authorizer(id, name), None));
        insert("a", "Ads").await.unwrap();
        assert_eq!(insert("b", "ADS").await, Err(StoreError::Taken { column: "name".to_owned() }));
        assert_eq!(insert("a", "Other").await, Err(StoreError::Taken { column: "id".to_owned() }));
    }

    async fn a_row_that_points_nowhere_is_refused(_database: &Database, db: Db) {
        assert_eq!(db.write(|c| make::source(c, "s", "nobody")).await, Err(StoreError::InUse));
    }

    async fn fifty_writers_at_once_all_succeed(_database: &Database, db: Db) {
        let count = Arc::new(AtomicUsize::new(0));
        let mut tasks = Vec::new();
        for number in 0..50 {
            let (db, count) = (db.clone(), count.clone());
            tasks.push(tokio::spawn(async move {
                db.write(move |c| {
                    let before = facts::get(c, "n")?;
                    facts::put(c, &format!("n{number}"), &before.unwrap_or_default(), NOW)?;
                    facts::put(c, "n", number.to_string().as_bytes(), NOW)
                })
                .await
                .map(|()| count.fetch_add(1, Ordering::Relaxed))
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
        assert_eq!(count.load(Ordering::Relaxed), 50);
    }

    async fn it_answers(database: &Database, db: Db) {
        db.probe_read().await.unwrap();
        db.probe_write(NOW).await.unwrap();
        assert_eq!(db.is_sqlite(), database.kind == Kind::Sqlite);
    }
}

#[test]
fn an_error_that_is_passed_over_does_not_count_as_a_success() {
    let database = Database::fresh(Kind::Postgres);
    let db = database.open();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let written: Result<(), StoreError> = runtime.block_on(db.write(|c| {
        facts::put(c, "a", b"1", NOW)?;
        diesel::sql_query("SELECT no_such_column").execute(c).ok();
        Ok(())
    }));
    assert!(matches!(written, Err(StoreError::Broken(_))), "{written:?}");
    assert_eq!(runtime.block_on(db.write(|c| facts::put(c, "b", b"1", NOW))), Ok(()));
}

#[derive(diesel::QueryableByName)]
struct Ended {
    #[diesel(sql_type = diesel::sql_types::BigInt)]
    count: i64,
}

#[test]
fn a_connection_that_the_server_ended_is_replaced_before_it_is_used() {
    let database = Database::fresh(Kind::Postgres);
    let db = Db::open(&format!("{}&application_name=doomed", database.url), 1).unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    for _ in 0..5 {
        runtime.block_on(db.probe_read()).unwrap();
        let ended: Ended = database.with(|c| {
            let kill = "SELECT count(pg_terminate_backend(pid, 5000)) FROM pg_stat_activity WHERE application_name = 'doomed'";
            Ok(diesel::sql_query(kill).get_result(c)?)
        });
        assert_eq!(ended.count, 1);
        assert_eq!(runtime.block_on(db.read(|c| facts::get(c, "a"))), Ok(None));
    }
}

#[test]
fn thirty_two_threads_share_four_connections_over_tls() {
    let schema = Database::fresh(Kind::Postgres);
    let options = schema.url.split_once("&options=").unwrap().1;
    let db =
        Db::open(&format!("{}&options={options}", postgres::shared().verified_url()), 4).unwrap();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(4).enable_all().build().unwrap();
    runtime.block_on(async {
        let mut tasks = Vec::new();
        for task in 0..32 {
            let db = db.clone();
            tasks.push(tokio::spawn(async move {
                for round in 0..20 {
                    let name = format!("{task}-{round}");
                    let same = name.clone();
                    db.write(move |c| facts::put(c, &name, name.as_bytes(), NOW)).await?;
                    assert_eq!(
                        db.read(move |c| facts::get(c, &same)).await?,
                        Some(format!("{task}-{round}").into_bytes())
                    );
                }
                Ok::<(), StoreError>(())
            }));
        }
        for task in tasks {
            task.await.unwrap().unwrap();
        }
    });
}

#[test]
fn a_server_that_shows_another_name_is_refused_when_it_must_prove_itself() {
    let url = postgres::shared().verified_url().replace("localhost", "127.0.0.1");
    let said = Db::open(&url, 1).err().expect("it is refused").to_string();
    assert!(said.contains("certificate"), "{said}");
    let said =
        Db::open("postgres://nobody@127.0.0.1:1/x", 1).err().expect("nobody listens").to_string();
    assert!(said.contains("refused"), "{said}");
}

#[test]
fn a_database_url_of_another_kind_is_refused_and_makes_no_file() {
    for url in ["host=127.0.0.1 dbname=x", "mysql://x", "postgre://x", "sqlite://"] {
        assert!(matches!(Db::open(url, 1), Err(StoreError::Broken(_))), "{url}");
    }
    assert!(!std::path::Path::new("host=127.0.0.1 dbname=x").exists());
}

#[test]
fn the_database_file_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let database = Database::blank(Kind::Sqlite);
    let _db = database.open();
    let file = database.url.strip_prefix("sqlite://").unwrap();
    assert_eq!(std::fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
}
