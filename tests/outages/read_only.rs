//! A database that takes no writes: a primary that was demoted, a standby.
use std::time::Duration;

use authorizers::model::outage::Outage;
use authorizers::model::time::Moment;
use authorizers::store::{Db, StoreError, facts};

use super::{READY_LIMIT, look, ready, send, try_sign_in, until_ready};
use crate::support::app::TestApp;
use crate::support::client::Client;
use crate::support::database::{Database, Kind};
use crate::support::postgres::Postgres;
use crate::support::program::Program;

const RELOAD: &str = "SELECT pg_reload_conf()";

async fn set_read_only(server: &Postgres, is_read_only: bool) {
    let value = if is_read_only { "on" } else { "off" };
    server
        .run("postgres", &format!("ALTER SYSTEM SET default_transaction_read_only = {value}"))
        .await;
    server.run("postgres", RELOAD).await;
    tokio::time::sleep(Duration::from_millis(200)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_demoted_postgres_is_read_and_every_step_that_writes_says_why_not() {
    let server = Postgres::own();
    let program = Program::new().with("DATABASE_URL", &server.url());
    let serving = program.serve().await;
    let owner = serving.set_up().await;
    let base = program.base();
    until_ready(&base).await;
    owner.get("/account").await.expect(200);

    set_read_only(&server, true).await;
    // A write that worked is believed for ten seconds.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (status, said, took) = ready(&base).await;
    assert_eq!(
        (status, said.as_str()),
        (503, "not ready: the database is read-only; it can be read, and not written\n")
    );
    assert!(took < READY_LIMIT, "{took:?}");
    for path in ["/authorizers", "/activity", "/account", "/members", "/sources"] {
        assert_eq!(look(&owner, path).await.status, 200, "{path}");
    }
    let page = send(
        &owner,
        "/members/new",
        "form#member",
        &[("email", "new@example.com"), ("role", "viewer")],
    )
    .await;
    let page = page.expect(503);
    page.shows(&["The database is read-only", "What you typed is still here"]);
    assert_eq!(page.header("retry-after"), Some("60"));
    assert_eq!(page.attr("#again input[name=email]", "value").as_deref(), Some("new@example.com"));
    let refused = try_sign_in(&base).await.expect(503);
    refused.shows(&["The database is read-only", "You can't sign in until that is fixed"]);
    assert_eq!(refused.attr("#email", "value").as_deref(), Some("owner@example.com"));

    set_read_only(&server, false).await;
    owner.submit("#again", &[]).await.expect(200).shows(&["new@example.com"]);
    until_ready(&base).await;
    try_sign_in(&base).await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_on_a_database_that_takes_no_writes_says_so() {
    let server = Postgres::own();
    let program = Program::new().with("DATABASE_URL", &server.url());
    server.run("postgres", "ALTER ROLE authorizers SET default_transaction_read_only = on").await;
    let words = ["read-only", "primary"];
    program.run(&["serve"]).failed().has(&words);
    program.run(&["check"]).failed().has(&["wrong    database: it is read-only"]);
    server.run("postgres", "BEGIN READ WRITE; ALTER ROLE authorizers RESET ALL; COMMIT").await;
    program.serve().await.stop();

    let standby = server.standby();
    let program = program.with("DATABASE_URL", &standby.url());
    program.run(&["serve"]).failed().has(&words);
    program.run(&["check"]).failed().has(&["wrong    database: it is read-only"]);
}

/// Root may write into every file: what SQLite says is asked of a connection that may not.
#[test]
fn a_write_protected_file_is_told_from_other_faults() {
    let database = Database::fresh(Kind::Sqlite);
    let said = read_only_error(&database);
    assert_eq!(said, StoreError::Unavailable(Outage::ReadOnly));
}

fn read_only_error(database: &Database) -> StoreError {
    use diesel::connection::SimpleConnection;
    let mut conn =
        authorizers::store::Place::parse(&database.url).unwrap().connect_read_only().unwrap();
    conn.batch_execute("DELETE FROM users").unwrap_err().into()
}

#[tokio::test(flavor = "multi_thread")]
async fn each_outage_of_postgres_is_told_by_its_kind() {
    let app = TestApp::start(Kind::Postgres).await;
    let raise = |code: &str, message: &str, hint: &str| {
        format!(
            "DO $$ BEGIN RAISE EXCEPTION '{message}' USING ERRCODE = '{code}', HINT = '{hint}'; END $$"
        )
    };
    let no_space = "could not extend file \"base/5/1259\": No space left on device";
    for (sql, outage) in [
        (raise("53100", no_space, ""), Outage::DiskFull),
        (
            raise("53100", "konnte Datei nicht erweitern", "Check free disk space."),
            Outage::DiskFull,
        ),
        (raise("58030", "could not read block 7: Input/output error", ""), Outage::DiskFailed),
        (raise("55P03", "canceling statement due to lock timeout", ""), Outage::Busy),
        ("SET LOCAL transaction_read_only = on; SELECT 1".to_owned(), Outage::ReadOnly),
    ] {
        assert_eq!(fails(&app.ctx.db, sql.clone()).await, StoreError::Unavailable(outage), "{sql}");
    }
    Client::new(&app.base).get("/sign-in").await.expect(200);
}

/// Does it in a transaction, and then writes.
async fn fails(db: &Db, sql: String) -> StoreError {
    use diesel::connection::SimpleConnection;
    let now = Moment::from_micros(1);
    let done = db.write(move |c| {
        c.batch_execute(&sql)?;
        facts::put(c, "a", b"1", now)
    });
    done.await.expect_err("it fails")
}
