//! MySQL's protocol against MariaDB: each layer says what is wrong with it, reads are bounded and harmless.
use authorizers::model::cause::Cause;
use authorizers::model::report::{Fault, Report, StepKind, StepVerdict};
use authorizers::model::table::Table;
use authorizers::outbound::probe::mysql;

use super::account::{Typed, failed, line, list, out, settings};
use crate::services::mariadb::MariaDb;

/// A database of its own, with a reader and some tables.
fn database(name: &str) -> &'static MariaDb {
    let server = MariaDb::shared();
    server.run(&format!(
        "CREATE DATABASE {name}; USE {name};
         CREATE TABLE orders (id int PRIMARY KEY, `odd ``name` text, note text) AS
           SELECT seq AS id, CONCAT('x', seq) AS `odd ``name`, IF(seq = 2, NULL, 'note') AS note FROM seq_1_to_30;
         CREATE TABLE secret (id int);
         CREATE USER {name}@'%' IDENTIFIED BY 'right'; GRANT SELECT ON {name}.orders TO {name}@'%'"
    ));
    server
}

fn typed(server: &MariaDb, name: &str) -> Typed {
    let port = server.port().to_string();
    let ca = server.authority();
    Typed::new(
        "mysql",
        &[
            ("host", "localhost"),
            ("port", &port),
            ("database", name),
            ("user", name),
            ("password", "right"),
            ("tls", "verify_full"),
            ("ca", &ca),
        ],
    )
}

async fn test(typed: &Typed) -> Report {
    mysql::test(&out(), &typed.account(), &mut |_| {}).await
}

async fn query(typed: &Typed, sql: &str) -> Result<Table, Fault> {
    mysql::preview(&out(), &typed.account(), &settings(&[("mode", "query"), ("query", sql)])).await
}

#[tokio::test]
async fn a_right_account_passes_every_step_and_says_who_it_is() {
    let server = database("my_right");
    let report = test(&typed(server, "my_right")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, Tls ok, SignIn ok, Permissions ok");
    let what: Vec<&str> = report.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(what[2].starts_with("TLS 1.3, certificate checked for localhost"), "{what:?}");
    assert!(
        what[3].starts_with("my_right@%, database my_right, ") && what[3].ends_with(", encrypted"),
        "{what:?}"
    );
    assert_eq!(what[4], "Tables and views that can be seen: 1");
    assert_eq!(
        report.identity.unwrap().key,
        format!("my_right@localhost:{}/my_right", server.port())
    );
}

#[tokio::test]
async fn a_wrong_login_or_database_marks_its_fields() {
    let server = database("my_wrong");
    let right = typed(server, "my_wrong");
    let report = test(&right.clone().with("password", "wrong-secret")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, Tls ok, SignIn FAILED, Permissions -");
    let step = failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    assert!(
        step.detail
            .as_ref()
            .unwrap()
            .starts_with("1045 (28000): Access denied for user 'my_wrong'"),
        "{step:?}"
    );
    let report = test(&right.clone().with("password", "")).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    // Without the right to see it, the server does not say whether it is there.
    let report = test(&right.clone().with("database", "no_such_database")).await;
    let step = failed(&report, StepKind::SignIn, Cause::Forbidden, &["database"]);
    assert!(
        step.cure
            .as_ref()
            .unwrap()
            .starts_with("GRANT SELECT ON `no_such_database`.* TO 'my_wrong'@"),
        "{step:?}"
    );
    server.run("GRANT SELECT ON *.* TO my_wrong@'%'");
    let report = test(&right.with("database", "no_such_database")).await;
    failed(&report, StepKind::SignIn, Cause::UnknownDatabase, &["database"]);
}

#[tokio::test]
async fn tls_is_a_layer_of_its_own() {
    let server = database("my_tls");
    let right = typed(server, "my_tls");
    failed(
        &test(&right.clone().with("ca", "")).await,
        StepKind::Tls,
        Cause::TlsUntrusted,
        &["ca", "tls"],
    );
    failed(
        &test(&right.clone().with("host", "127.0.0.1")).await,
        StepKind::Tls,
        Cause::TlsUntrusted,
        &["host", "tls"],
    );
    assert!(test(&right.clone().with("tls", "require").with("host", "127.0.0.1")).await.is_ok());
    assert_eq!(
        line(&test(&right.clone().with("tls", "disable")).await),
        "FindHost ok, Connect ok, SignIn ok, Permissions ok"
    );
    server.run("ALTER USER my_tls@'%' REQUIRE SSL");
    let report = test(&right.clone().with("tls", "disable")).await;
    let step = failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    assert!(
        step.detail.as_ref().unwrap().ends_with("the account may demand encryption."),
        "{step:?}"
    );
    assert!(test(&right).await.is_ok());
}

#[tokio::test]
async fn an_account_that_reads_nothing_is_warned_with_the_cure() {
    let server = database("my_nothing");
    server.run("REVOKE ALL ON my_nothing.orders FROM my_nothing@'%'; GRANT INSERT ON my_nothing.* TO my_nothing@'%'");
    let report = test(&typed(server, "my_nothing")).await;
    let step = report.steps.last().unwrap();
    assert_eq!(
        (step.verdict, step.cause),
        (StepVerdict::Warned, Some(Cause::Forbidden)),
        "{report:#?}"
    );
    assert_eq!(step.cure.as_deref(), Some("GRANT SELECT ON `my_nothing`.* TO 'my_nothing'@'%';"));
    for right in ["SELECT", "ALL PRIVILEGES"] {
        server.run(&format!("GRANT {right} ON my_nothing.* TO my_nothing@'%'"));
        let report = test(&typed(server, "my_nothing")).await;
        let step = report.steps.last().unwrap();
        assert_eq!((step.verdict, step.cause), (StepVerdict::Passed, None), "{right}: {report:#?}");
        server.run(&format!("REVOKE {right} ON my_nothing.* FROM my_nothing@'%'"));
    }
}

#[tokio::test]
async fn another_way_to_sign_in_is_named() {
    let server = database("my_plugin");
    server.run("INSTALL SONAME 'auth_ed25519'; ALTER USER my_plugin@'%' IDENTIFIED VIA ed25519 USING PASSWORD('right')");
    let report = test(&typed(server, "my_plugin")).await;
    let step = failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user"]);
    assert!(
        step.detail.as_ref().unwrap().contains("client_ed25519, which is not spoken here"),
        "{step:?}"
    );
}

#[tokio::test]
async fn choices_are_what_the_account_may_see() {
    let server = database("my_choices");
    server.run("USE my_choices; CREATE VIEW `a view` AS SELECT 1 AS one; GRANT SELECT ON my_choices.`a view` TO my_choices@'%'");
    let typed = typed(server, "my_choices");
    let load = async |name: &str, given: &[(&str, &str)]| {
        let found =
            mysql::choices(&out(), &typed.account(), &list(name), &settings(given)).await.unwrap();
        found
            .into_iter()
            .map(|choice| format!("{}={}", choice.value, choice.label))
            .collect::<Vec<_>>()
    };
    assert_eq!(load("schemas", &[]).await, ["my_choices=my_choices"]);
    assert_eq!(
        load("tables", &[("schema", "my_choices")]).await,
        ["a view=a view (view)", "orders=orders"]
    );
    assert!(load("tables", &[("schema", "' OR 1=1 -- \\")]).await.is_empty());
    let columns = load("columns", &[("schema", "my_choices"), ("table", "orders")]).await;
    assert_eq!(columns, ["id=id (int(11))", "odd `name=odd `name (text)", "note=note (text)"]);
}

#[tokio::test]
async fn the_first_rows_of_a_table_are_shown_with_nulls_and_odd_names() {
    let server = database("my_preview");
    let typed = typed(server, "my_preview");
    let table = mysql::preview(
        &out(),
        &typed.account(),
        &settings(&[("mode", "table"), ("schema", "my_preview"), ("table", "orders")]),
    )
    .await
    .unwrap();
    assert_eq!(table.columns, ["id", "odd `name", "note"]);
    assert_eq!((table.rows.len(), table.more), (20, true));
    assert_eq!(table.rows[1], [Some("2".into()), Some("x2".into()), None]);
    let fault = mysql::preview(
        &out(),
        &typed.account(),
        &settings(&[("schema", "my_preview"), ("table", "secret")]),
    )
    .await
    .unwrap_err();
    assert_eq!(
        (fault.cause, fault.fields),
        (Cause::Forbidden, vec!["schema".to_owned(), "table".to_owned()])
    );
    assert_eq!(
        fault.cure.as_deref(),
        Some("GRANT SELECT ON `my_preview`.`secret` TO 'my_preview'@'%';")
    );
    server.run("GRANT SELECT ON my_preview.* TO my_preview@'%'");
    let fault = mysql::preview(&out(), &typed.account(), &settings(&[("table", "gone")]))
        .await
        .unwrap_err();
    assert_eq!(fault.cause, Cause::UnknownObject);
}

#[tokio::test]
async fn every_type_is_shown_as_text() {
    let server = database("my_types");
    let table = query(
        &typed(server, "my_types"),
        "SELECT 1.50 AS n, TIMESTAMP '2026-01-02 03:04:05' AS t, JSON_OBJECT('a', 1) AS j, x'00ff' AS b, b'101' + 0 AS bits, NULL AS nothing,
                'é😀' AS text, TRUE AS yes, 1 AS same, 2 AS same -- a comment at the end",
    )
    .await
    .unwrap();
    let row: Vec<&str> =
        table.rows[0].iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
    assert_eq!(
        row,
        ["1.50", "2026-01-02 03:04:05", "{\"a\": 1}", "0x00ff", "5", "NULL", "é😀", "1", "1", "2"]
    );
    assert!(!table.more);
}

#[tokio::test]
async fn a_huge_result_is_not_loaded() {
    let server = database("my_huge");
    let started = std::time::Instant::now();
    let sql =
        "SELECT a.id, REPEAT('x', 1000000) AS big FROM orders a, orders b, orders c, orders d";
    let table = query(&typed(server, "my_huge"), sql).await.unwrap();
    assert_eq!((table.rows.len(), table.more), (20, true));
    assert_eq!(table.rows[0][1].as_ref().unwrap().chars().count(), 301);
    assert!(started.elapsed() < std::time::Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn of_many_columns_the_first_are_shown_and_all_are_counted() {
    let server = database("my_wide");
    let columns: Vec<String> =
        (1..=1200).map(|n| format!("REPEAT('😀', 400) AS `column {n}`")).collect();
    let sql = format!("SELECT {} FROM orders", columns.join(", "));
    let typed = typed(server, "my_wide");
    let table = query(&typed, &sql).await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 1200));
    assert_eq!((table.rows.len(), table.rows[0].len(), table.more), (1, 500, true));
    let cell = table.rows[0][499].as_ref().unwrap();
    assert_eq!((cell.chars().count(), cell.ends_with('…')), (301, true));
    assert_eq!(query(&typed, "SELECT id FROM orders").await.unwrap().rows.len(), 20);
}

#[tokio::test]
async fn cells_of_many_megabytes_are_shown_by_their_beginning() {
    let server = database("my_megabytes");
    server.run("SET GLOBAL max_allowed_packet = 1073741824");
    let sql = "SELECT id, REPEAT('é', 10000000), REPEAT(x'00', 5000000) FROM orders";
    let table = query(&typed(server, "my_megabytes"), sql).await.unwrap();
    assert!(table.more && (1..20).contains(&table.rows.len()), "{} rows", table.rows.len());
    let row: Vec<usize> =
        table.rows[0].iter().map(|cell| cell.as_ref().unwrap().chars().count()).collect();
    assert_eq!(row, [1, 301, 301]);
}

#[tokio::test]
async fn a_query_that_sleeps_is_cut_by_the_server() {
    let server = database("my_sleeps");
    let started = std::time::Instant::now();
    let fault =
        query(&typed(server, "my_sleeps"), "SELECT SLEEP(60), id FROM orders").await.unwrap_err();
    assert_eq!(
        (fault.cause, fault.fields),
        (Cause::Timeout, vec!["query".to_owned()]),
        "{:?}",
        fault.detail
    );
    assert!(started.elapsed() < std::time::Duration::from_secs(12));
}

#[tokio::test]
async fn a_write_check_proves_the_right_and_makes_nothing() {
    let server = database("my_write");
    let typed = typed(server, "my_write");
    let check = async |table: &str| {
        mysql::test_write(
            &out(),
            &typed.account(),
            &settings(&[("schema", "my_write"), ("table", table)]),
            &mut |_| {},
        )
        .await
    };
    let report = check("new").await;
    let step = failed(&report, StepKind::Write, Cause::Forbidden, &["schema"]);
    assert_eq!(
        step.cure.as_deref(),
        Some("GRANT CREATE, INSERT ON `my_write`.* TO 'my_write'@'%';"),
        "{step:?}"
    );
    let report = check("orders").await;
    let step = failed(&report, StepKind::Write, Cause::Forbidden, &["table"]);
    assert_eq!(
        step.cure.as_deref(),
        Some("GRANT INSERT ON `my_write`.`orders` TO 'my_write'@'%';"),
        "{step:?}"
    );
    server.run("GRANT CREATE ON my_write.* TO my_write@'%'");
    let report = check("new").await;
    let step = failed(&report, StepKind::Write, Cause::Forbidden, &["schema"]);
    assert_eq!(
        step.cure.as_deref(),
        Some("GRANT INSERT ON `my_write`.* TO 'my_write'@'%';"),
        "{step:?}"
    );
    server.run("GRANT INSERT ON my_write.* TO my_write@'%'");
    for table in ["new", "orders"] {
        assert_eq!(
            line(&check(table).await),
            "FindHost ok, Connect ok, Tls ok, SignIn ok, Write ok",
            "{table}"
        );
    }
    assert_eq!(
        server
            .run("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'my_write'"),
        "2"
    );
    assert_eq!(server.run("SELECT COUNT(*) FROM my_write.orders"), "30");
}
