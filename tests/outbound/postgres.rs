//! PostgreSQL: each layer says what is wrong with it, reads are bounded and harmless, write checks leave nothing.
use authorizers::model::cause::Cause;
use authorizers::model::report::{Report, StepKind, StepVerdict};
use authorizers::outbound::probe::postgres;

use super::account::{Typed, failed, line, list, out, settings};
use crate::support::postgres::{Postgres, shared};

/// A database of its own, with a reader, a writer and some tables.
async fn database(name: &str) -> &'static Postgres {
    let server = shared();
    server.run("postgres", &format!("CREATE DATABASE {name}")).await;
    let roles = format!(
        "CREATE ROLE {name}_reader LOGIN PASSWORD 'right' IN ROLE typed;
         REVOKE ALL ON SCHEMA public FROM PUBLIC;
         CREATE SCHEMA shop; CREATE SCHEMA closed;
         CREATE TABLE shop.orders (id int PRIMARY KEY, \"odd \"\"name\" text, note text);
         INSERT INTO shop.orders SELECT n, 'x' || n, CASE WHEN n = 2 THEN NULL ELSE 'note' END FROM generate_series(1, 30) n;
         CREATE TABLE shop.secret (id int); CREATE TABLE closed.hidden (id int);
         GRANT USAGE ON SCHEMA shop TO {name}_reader; GRANT SELECT ON shop.orders TO {name}_reader;"
    );
    server.run(name, &roles).await;
    server
}

fn typed(server: &Postgres, name: &str) -> Typed {
    let port = server.port().to_string();
    Typed::new(
        "postgresql",
        &[
            ("host", "localhost"),
            ("port", &port),
            ("database", name),
            ("user", &format!("{name}_reader")),
            ("password", "right"),
            ("tls", "verify_full"),
            ("ca", &server.authority()),
        ],
    )
}

async fn test(typed: &Typed) -> Report {
    let mut told = Vec::new();
    let report = postgres::test(&out(), &typed.account(), &mut |step| told.push(step)).await;
    assert_eq!(told, report.steps, "each step is told as it ends");
    report
}

#[tokio::test]
async fn a_right_account_passes_every_step_and_says_who_it_is() {
    let server = database("wire_right").await;
    let report = test(&typed(server, "wire_right")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, Tls ok, SignIn ok, Permissions ok");
    let what: Vec<&str> = report.steps.iter().map(|step| step.what.as_str()).collect();
    assert!(what[2].starts_with("TLS 1.3, certificate checked for localhost"), "{what:?}");
    assert!(
        what[3].starts_with("wire_right_reader, database wire_right, PostgreSQL 1"),
        "{what:?}"
    );
    assert_eq!(what[4], "1 of 3 tables and views can be read");
    assert_eq!(
        report.identity.unwrap().key,
        format!("wire_right_reader@localhost:{}/wire_right", server.port())
    );
}

#[tokio::test]
async fn a_wrong_login_or_database_marks_its_fields_and_the_rest_is_skipped() {
    let server = database("wire_wrong").await;
    let right = typed(server, "wire_wrong");
    let report = test(&right.clone().with("password", "wrong-secret")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, Tls ok, SignIn FAILED, Permissions -");
    let step = failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    assert!(
        step.detail.as_ref().unwrap().starts_with("28P01: password authentication failed"),
        "{step:?}"
    );
    assert!(!format!("{report:?}").contains("wrong-secret"));
    let report =
        test(&right.clone().with("user", "nobody_at_all").with("database", "postgres")).await;
    failed(&report, StepKind::SignIn, Cause::LoginRejected, &["user", "password"]);
    let report = test(&right.with("database", "no_such_database")).await;
    failed(&report, StepKind::SignIn, Cause::UnknownDatabase, &["database"]);
}

#[tokio::test]
async fn an_account_without_the_right_to_connect_gets_the_statement_that_allows_it() {
    let server = database("wire_connect").await;
    server.run("postgres", "REVOKE CONNECT ON DATABASE wire_connect FROM PUBLIC").await;
    let report = test(&typed(server, "wire_connect")).await;
    let step = failed(&report, StepKind::SignIn, Cause::Forbidden, &[]);
    assert_eq!(
        step.cure.as_deref(),
        Some("GRANT CONNECT ON DATABASE \"wire_connect\" TO \"wire_connect_reader\";")
    );
}

#[tokio::test]
async fn tls_is_a_layer_of_its_own() {
    let server = database("wire_tls").await;
    let right = typed(server, "wire_tls");
    // The authority is not one of the system's.
    let report = test(&right.clone().with("ca", "")).await;
    failed(&report, StepKind::Tls, Cause::TlsUntrusted, &["ca", "tls"]);
    // The certificate is made out to `localhost`.
    let report = test(&right.clone().with("host", "127.0.0.1")).await;
    failed(&report, StepKind::Tls, Cause::TlsUntrusted, &["host", "tls"]);
    let report = test(
        &right.clone().with("ca", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"),
    )
    .await;
    failed(&report, StepKind::Tls, Cause::TlsUntrusted, &["ca"]);
    let report = test(&right.clone().with("tls", "require").with("host", "127.0.0.1")).await;
    assert!(report.is_ok(), "{report:#?}");
    let report = test(&right.clone().with("tls", "disable")).await;
    assert_eq!(line(&report), "FindHost ok, Connect ok, SignIn ok, Permissions ok");
    server.run("postgres", "GRANT tls_only TO wire_tls_reader").await;
    let report = test(&right.with("tls", "disable")).await;
    failed(&report, StepKind::SignIn, Cause::TlsRequired, &["tls"]);
}

#[tokio::test]
async fn an_account_that_reads_nothing_is_warned_with_the_cure() {
    let server = database("wire_nothing").await;
    server.run("wire_nothing", "REVOKE ALL ON shop.orders FROM wire_nothing_reader").await;
    let report = test(&typed(server, "wire_nothing")).await;
    let step = report.steps.last().unwrap();
    assert_eq!(
        (step.verdict, step.cause),
        (StepVerdict::Warned, Some(Cause::Forbidden)),
        "{report:#?}"
    );
    assert!(
        step.cure
            .as_ref()
            .unwrap()
            .contains("GRANT USAGE ON SCHEMA shop TO \"wire_nothing_reader\";"),
        "{step:?}"
    );
    assert!(report.is_ok());
}

#[tokio::test]
async fn choices_are_what_the_account_may_see() {
    let server = database("wire_choices").await;
    server
        .run(
            "wire_choices",
            "CREATE VIEW shop.\"a view\" AS SELECT 1 AS one; GRANT SELECT ON shop.\"a view\" TO wire_choices_reader",
        )
        .await;
    let typed = typed(server, "wire_choices");
    let load = |name: &'static str, given: &'static [(&str, &str)]| {
        let typed = typed.clone();
        async move {
            let found = postgres::choices(&out(), &typed.account(), &list(name), &settings(given))
                .await
                .unwrap();
            found
                .into_iter()
                .map(|choice| format!("{}={}", choice.value, choice.label))
                .collect::<Vec<_>>()
        }
    };
    assert_eq!(load("schemas", &[]).await, ["shop=shop"]);
    assert_eq!(
        load("tables", &[("schema", "shop")]).await,
        ["a view=a view (view)", "orders=orders"]
    );
    assert!(load("tables", &[("schema", "'; DROP TABLE shop.orders; --")]).await.is_empty());
    let columns = load("columns", &[("schema", "shop"), ("table", "orders")]).await;
    assert_eq!(columns, ["id=id (integer)", "odd \"name=odd \"name (text)", "note=note (text)"]);
}

#[tokio::test]
async fn the_first_rows_of_a_table_are_shown_with_nulls_and_odd_names() {
    let server = database("wire_preview").await;
    let typed = typed(server, "wire_preview");
    let shown = postgres::preview(
        &out(),
        &typed.account(),
        &settings(&[("mode", "table"), ("schema", "shop"), ("table", "orders")]),
    )
    .await;
    let table = shown.unwrap();
    assert_eq!(table.columns, ["id", "odd \"name", "note"]);
    assert_eq!((table.rows.len(), table.more), (20, true));
    assert_eq!(table.rows[1], [Some("2".into()), Some("x2".into()), None]);
    let fault = postgres::preview(
        &out(),
        &typed.account(),
        &settings(&[("schema", "shop"), ("table", "secret")]),
    )
    .await
    .unwrap_err();
    assert_eq!(
        (fault.cause, fault.fields),
        (Cause::Forbidden, vec!["schema".to_owned(), "table".to_owned()])
    );
    assert!(
        fault
            .cure
            .unwrap()
            .ends_with("GRANT SELECT ON \"shop\".\"secret\" TO \"wire_preview_reader\";")
    );
    let fault = postgres::preview(
        &out(),
        &typed.account(),
        &settings(&[("schema", "shop"), ("table", "gone")]),
    )
    .await
    .unwrap_err();
    assert_eq!(fault.cause, Cause::UnknownObject);
}

async fn query(
    typed: &Typed,
    sql: &str,
) -> Result<authorizers::model::table::Table, authorizers::model::report::Fault> {
    postgres::preview(&out(), &typed.account(), &settings(&[("mode", "query"), ("query", sql)]))
        .await
}

#[tokio::test]
async fn every_type_is_shown_as_text() {
    let server = database("wire_types").await;
    let table = query(
        &typed(server, "wire_types"),
        "SELECT 1.50::numeric AS n, 'NaN'::float8 AS f, TIMESTAMP '2026-01-02 03:04:05' AS t, '{\"a\": 1}'::jsonb AS j,
                ARRAY[1,NULL,3] AS a, '\\x00ff'::bytea AS b, '6f1c2b1e-0000-4000-8000-000000000000'::uuid AS u, true AS yes, NULL AS nothing,
                INTERVAL '1 day' AS i, int4range(1, 5) AS r, ROW(1, 'x') AS row, 1 AS same, 2 AS same -- a comment at the end",
    )
    .await
    .unwrap();
    let row: Vec<&str> =
        table.rows[0].iter().map(|cell| cell.as_deref().unwrap_or("NULL")).collect();
    assert_eq!(
        row,
        [
            "1.50",
            "NaN",
            "2026-01-02 03:04:05",
            "{\"a\": 1}",
            "{1,NULL,3}",
            "\\x00ff",
            "6f1c2b1e-0000-4000-8000-000000000000",
            "true",
            "NULL",
            "1 day",
            "[1,5)",
            "(1,x)",
            "1",
            "2"
        ]
    );
    assert_eq!(table.columns[12..], ["same", "same"]);
}

#[tokio::test]
async fn a_huge_result_is_not_loaded_and_a_long_cell_is_cut() {
    let server = database("wire_huge").await;
    let typed = typed(server, "wire_huge");
    let started = std::time::Instant::now();
    let sql = "SELECT a.id, repeat('x', 10000000) AS long FROM shop.orders a, shop.orders b, shop.orders c, shop.orders d, shop.orders e;";
    let table = query(&typed, sql).await.unwrap();
    assert_eq!((table.rows.len(), table.more), (20, true));
    assert_eq!(table.rows[0][1].as_ref().unwrap().chars().count(), 301);
    assert!(started.elapsed() < std::time::Duration::from_secs(8), "{:?}", started.elapsed());
}

#[tokio::test]
async fn a_query_that_writes_is_refused_and_nothing_is_written() {
    let server = database("wire_writes").await;
    server.run("wire_writes", "GRANT ALL ON SCHEMA shop TO wire_writes_reader; GRANT ALL ON ALL TABLES IN SCHEMA shop TO wire_writes_reader; CREATE SEQUENCE shop.s; GRANT ALL ON shop.s TO wire_writes_reader").await;
    let typed = typed(server, "wire_writes");
    for sql in [
        "DELETE FROM shop.orders",
        "DELETE FROM shop.orders RETURNING id",
        "WITH gone AS (DELETE FROM shop.orders RETURNING id) SELECT * FROM gone",
        "SELECT 1; COMMIT; DELETE FROM shop.orders",
        "SELECT 1) AS x; COMMIT; DELETE FROM shop.orders; --",
        "SELECT nextval('shop.s')",
        "CREATE TABLE shop.made (id int)",
        "COMMIT",
        "SELECT set_config('transaction_read_only', 'off', false), nextval('shop.s')",
    ] {
        let fault = query(&typed, sql).await.expect_err(sql);
        assert_eq!(
            (fault.cause, fault.fields),
            (Cause::RequestRejected, vec!["query".to_owned()]),
            "{sql}: {:?}",
            fault.detail
        );
    }
    assert_eq!(
        server
            .one(
                "wire_writes",
                "SELECT count(*) || ' ' || (SELECT is_called FROM shop.s) FROM shop.orders"
            )
            .await,
        "30 false"
    );
}

#[tokio::test]
async fn semicolons_and_comments_behind_a_query_are_no_second_statement() {
    let server = database("wire_comments").await;
    let typed = typed(server, "wire_comments");
    for (sql, first) in [
        ("select 1; -- done", "1"),
        ("SELECT 2 /* x */;\n-- end", "2"),
        ("SELECT ';' || $tag$;'$tag$ ; ;", ";;'"),
        ("-- first\n(SELECT 4)", "4"),
        ("/* a /* b */ */ WITH x AS (SELECT 5) TABLE x;/* end", "5"),
        ("VALUES (6), (7)", "6"),
        ("SELECT n FROM generate_series(1, 9) AS n ORDER BY n DESC", "9"),
    ] {
        let table = query(&typed, sql).await.unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
        assert_eq!(table.rows[0][0].as_deref(), Some(first), "{sql}");
    }
}

#[tokio::test]
async fn what_is_wrong_with_a_query_is_told_in_the_servers_words_and_the_next_one_is_read() {
    let server = database("wire_wrong_query").await;
    let typed = typed(server, "wire_wrong_query");
    for (sql, says) in [
        ("SELECT $1::text", "parameter"),
        ("SELECT * FROM shop.orders WHERE id = $1", "parameter"),
        ("SELECT 1; SELECT 2", "single statement"),
        ("SELECT nothing_there", "42703"),
        ("SELECT", "no columns"),
        ("SHOW work_mem", "must read data"),
    ] {
        let fault = query(&typed, sql).await.expect_err(sql);
        assert_eq!(fault.cause, Cause::RequestRejected, "{sql}: {fault:?}");
        assert_eq!(fault.fields, ["query"], "{sql}: {fault:?}");
        assert!(fault.detail.as_ref().is_some_and(|said| said.contains(says)), "{fault:?}");
        assert_eq!(query(&typed, "SELECT 1").await.unwrap().rows.len(), 1);
    }
}

#[tokio::test]
async fn of_many_columns_the_first_are_shown_and_all_are_counted() {
    let server = database("wire_wide").await;
    let typed = typed(server, "wire_wide");
    let columns: Vec<String> =
        (1..=1600).map(|n| format!("repeat('😀', 400) AS \"column {n}\"")).collect();
    let rows = "FROM generate_series(1, 30)";
    let table = query(&typed, &format!("SELECT {} {rows}", columns.join(", "))).await.unwrap();
    assert_eq!((table.columns.len(), table.column_count), (500, 1600));
    assert_eq!(table.columns[499], "column 500");
    // Each row has 600 KB: the first one is as much as a preview holds.
    assert_eq!((table.rows.len(), table.rows[0].len(), table.more), (1, 500, true));
    let small: Vec<String> = (1..=1600).map(|n| format!("{n} AS c{n}")).collect();
    let table = query(&typed, &format!("SELECT {} {rows}", small.join(", "))).await.unwrap();
    assert_eq!((table.rows.len(), table.rows[19][499].as_deref()), (20, Some("500")));
}

#[tokio::test]
async fn types_that_people_made_are_shown_as_text() {
    let server = database("wire_own_types").await;
    server
        .run(
            "wire_own_types",
            "CREATE TYPE shop.mood AS ENUM ('good', 'bad'); CREATE DOMAIN shop.year AS int;
             CREATE TYPE shop.pair AS (a int, b shop.mood);
             GRANT USAGE ON SCHEMA shop TO wire_own_types_reader",
        )
        .await;
    let sql = "SELECT 'good'::shop.mood, 7::shop.year, ROW(1, 'bad')::shop.pair, \
               ARRAY['bad'::shop.mood], '{}'::shop.pair[]";
    let table = query(&typed(server, "wire_own_types"), sql).await.unwrap();
    let row: Vec<&str> = table.rows[0].iter().map(|cell| cell.as_deref().unwrap()).collect();
    assert_eq!(row, ["good", "7", "(1,bad)", "{bad}", "{}"]);
}

#[tokio::test]
async fn a_query_that_sleeps_is_cut_by_the_server() {
    let server = database("wire_sleeps").await;
    let started = std::time::Instant::now();
    let fault = query(&typed(server, "wire_sleeps"), "SELECT pg_sleep(60)").await.unwrap_err();
    assert_eq!((fault.cause, fault.fields), (Cause::Timeout, vec!["query".to_owned()]));
    assert!(started.elapsed() < std::time::Duration::from_secs(12));
}

#[tokio::test]
async fn a_write_check_proves_the_right_and_leaves_nothing() {
    let server = database("wire_write").await;
    let typed = typed(server, "wire_write");
    let check = |schema: &'static str, table: &'static str| {
        let typed = typed.clone();
        async move {
            postgres::test_write(
                &out(),
                &typed.account(),
                &settings(&[("schema", schema), ("table", table)]),
                &mut |_| {},
            )
            .await
        }
    };
    let report = check("shop", "new").await;
    let step = failed(&report, StepKind::Write, Cause::Forbidden, &["schema"]);
    assert_eq!(
        step.cure.as_deref(),
        Some("GRANT USAGE, CREATE ON SCHEMA \"shop\" TO \"wire_write_reader\";")
    );
    let report = check("shop", "orders").await;
    let step = failed(&report, StepKind::Write, Cause::Forbidden, &["table"]);
    assert!(
        step.cure.as_ref().unwrap().contains("GRANT INSERT ON \"shop\".\"orders\""),
        "{step:?}"
    );
    failed(&check("nowhere", "new").await, StepKind::Write, Cause::UnknownObject, &["schema"]);
    server
        .run("wire_write", "GRANT CREATE ON SCHEMA shop TO wire_write_reader; GRANT INSERT ON shop.orders TO wire_write_reader")
        .await;
    for table in ["new", "orders"] {
        let report = check("shop", table).await;
        assert_eq!(line(&report), "FindHost ok, Connect ok, Tls ok, SignIn ok, Write ok");
    }
    let left = server
        .one(
            "wire_write",
            "SELECT (SELECT count(*) FROM pg_class WHERE relname = 'new') || ' ' || (SELECT count(*) FROM shop.orders)",
        )
        .await;
    assert_eq!(left, "0 30");
}
