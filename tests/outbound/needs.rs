//! The grant doctor against real servers: what is missing is told with the statement that grants it, and that statement works.
use authorizers::model::flow::FlowKind;
use authorizers::model::need::{Need, Standing};

use super::account::{Typed, out, settings};
use crate::services::mariadb::MariaDb;
use crate::services::s3::{KEY, S3};
use crate::support::fake::{Fake, Reply};
use crate::support::postgres::shared;

async fn needs(typed: &Typed, kind: FlowKind, of: &[(&str, &str)]) -> Vec<Need> {
    let asked = [None, Some((kind, settings(of)))];
    let mut found = out().needs(&typed.account(), &asked).await.expect("the server answers");
    assert_eq!(found.len(), 2);
    found.remove(1)
}

/// `USAGE on schema Shop: missing, SELECT on Shop.Orders: granted`
fn said(needs: &[Need]) -> String {
    let word = |need: &Need| match need.standing {
        Standing::Granted => "granted",
        Standing::Missing => "missing",
        Standing::Unknown => "unknown",
    };
    needs.iter().map(|need| format!("{}: {}", need.what, word(need))).collect::<Vec<_>>().join(", ")
}

fn cures(needs: &[Need]) -> String {
    let missing = needs.iter().filter(|need| need.standing == Standing::Missing);
    missing
        .map(|need| need.cure.clone().unwrap_or_else(|| panic!("{} has no cure", need.what)))
        .collect::<Vec<_>>()
        .join("\n")
}

/// A role that may sign in and nothing else, and tables with names that want quoting.
async fn postgres(name: &str) -> Typed {
    shared().run("postgres", &format!("CREATE DATABASE {name}")).await;
    let sql = format!(
        "CREATE ROLE \"{name} o'reader\" LOGIN;
         CREATE SCHEMA \"My Shop\";
         CREATE TABLE \"My Shop\".\"Orders \"\"2026\"\"\" (id int);
         CREATE TABLE \"My Shop\".refunds (id int);"
    );
    shared().run(name, &sql).await;
    let (port, user) = (shared().port().to_string(), format!("{name} o'reader"));
    let values = [
        ("host", "127.0.0.1"),
        ("port", &port),
        ("database", name),
        ("user", &user),
        ("password", "x"),
        ("tls", "disable"),
    ];
    Typed::new("postgresql", &values)
}

#[tokio::test]
async fn postgresql_says_what_is_missing_and_its_statement_grants_it() {
    let typed = postgres("needs_table").await;
    let table = [("mode", "table"), ("schema", "My Shop"), ("table", "Orders \"2026\"")];
    let before = needs(&typed, FlowKind::Source, &table).await;
    assert_eq!(
        said(&before),
        "USAGE on schema My Shop: missing, SELECT on My Shop.Orders \"2026\": missing"
    );
    shared().run("needs_table", &cures(&before)).await;
    let after = needs(&typed, FlowKind::Source, &table).await;
    assert_eq!(
        said(&after),
        "USAGE on schema My Shop: granted, SELECT on My Shop.Orders \"2026\": granted"
    );

    let write = [("schema", "My Shop"), ("table", "refunds")];
    let before = needs(&typed, FlowKind::Destination, &write).await;
    assert_eq!(
        said(&before),
        "USAGE on schema My Shop: granted, INSERT on My Shop.refunds: missing"
    );
    shared().run("needs_table", &cures(&before)).await;
    assert!(
        needs(&typed, FlowKind::Destination, &write)
            .await
            .iter()
            .all(|need| need.standing == Standing::Granted)
    );
    let make = [("schema", "My Shop"), ("table", "not_yet")];
    let before = needs(&typed, FlowKind::Destination, &make).await;
    assert!(
        said(&before).ends_with("CREATE on schema My Shop, to make the table not_yet: missing"),
        "{before:?}"
    );
    shared().run("needs_table", &cures(&before)).await;
    assert!(
        needs(&typed, FlowKind::Destination, &make)
            .await
            .iter()
            .all(|need| need.standing == Standing::Granted)
    );
    let made = "SELECT count(*)::text FROM pg_class WHERE relname = 'not_yet'";
    assert_eq!(shared().one("needs_table", made).await, "0", "looking makes nothing");
}

#[tokio::test]
async fn a_query_of_postgresql_is_planned_until_nothing_is_missing() {
    let typed = postgres("needs_query").await;
    shared().run("needs_query", "CREATE FUNCTION boom() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RAISE 'it ran'; END $$").await;
    let sql = "SELECT boom(), * FROM \"My Shop\".refunds";
    let query = [("mode", "query"), ("query", sql)];
    let mut rounds = Vec::new();
    for _ in 0..4 {
        let found = needs(&typed, FlowKind::Source, &query).await;
        rounds.push(said(&found));
        if found.iter().all(|need| need.standing == Standing::Granted) {
            break;
        }
        shared().run("needs_query", &cures(&found)).await;
    }
    assert_eq!(
        rounds,
        [
            "USAGE on schema My Shop: missing",
            "SELECT on My Shop.refunds: missing",
            "What the query reads: granted"
        ],
        "a query that is planned and not run"
    );
    for (sql, why) in [("SELECT FROM nowhere", "nowhere"), ("DROP TABLE x", "must read data")] {
        let found = needs(&typed, FlowKind::Source, &[("mode", "query"), ("query", sql)]).await;
        assert_eq!(found[0].standing, Standing::Unknown, "{found:?}");
        assert!(found[0].why.as_ref().is_some_and(|said| said.contains(why)), "{found:?}");
    }
    // Nothing that is not there is called missing.
    let found =
        needs(&typed, FlowKind::Source, &[("mode", "table"), ("schema", "none"), ("table", "x")])
            .await;
    assert_eq!(said(&found), "USAGE on schema none: unknown, SELECT on none.x: unknown");
}

#[tokio::test]
async fn mariadb_says_what_is_missing_and_its_statement_grants_it() {
    let server = MariaDb::shared();
    server.run(
        "CREATE DATABASE `my needs`; USE `my needs`; CREATE TABLE `odd ``orders` (id int); CREATE TABLE refunds (id int NOT NULL);
         CREATE TABLE open (id int); CREATE USER needs@'127.0.0.%' IDENTIFIED BY 'right'; GRANT SELECT ON open TO needs@'127.0.0.%'",
    );
    let port = server.port().to_string();
    let values = [
        ("host", "127.0.0.1"),
        ("port", &*port),
        ("database", "my needs"),
        ("user", "needs"),
        ("password", "right"),
        ("tls", "disable"),
    ];
    let typed = Typed::new("mysql", &values);
    for (kind, of, what) in [
        (
            FlowKind::Source,
            vec![("mode", "table"), ("schema", "my needs"), ("table", "odd `orders")],
            "SELECT on my needs.odd `orders",
        ),
        (
            FlowKind::Source,
            vec![("mode", "query"), ("query", "SELECT * FROM open JOIN refunds USING (id)")],
            "SELECT on my needs.refunds",
        ),
        (
            FlowKind::Destination,
            vec![("schema", "my needs"), ("table", "refunds")],
            "INSERT on my needs.refunds",
        ),
        (
            FlowKind::Destination,
            vec![("schema", "my needs"), ("table", "new")],
            "CREATE and INSERT on my needs, to make the table new",
        ),
    ] {
        let before = needs(&typed, kind, &of).await;
        assert_eq!(said(&before), format!("{what}: missing"), "{before:?}");
        server.run(&cures(&before));
        let after = needs(&typed, kind, &of).await;
        assert!(after.iter().all(|need| need.standing == Standing::Granted), "{what}: {after:?}");
    }
    assert_eq!(
        server.run("SELECT COUNT(*) FROM `my needs`.refunds"),
        "0",
        "looking writes nothing"
    );
    assert_eq!(
        server
            .run("SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = 'my needs'"),
        "3"
    );
    // Who may read the whole database is told that a table is not there; before that it says that it may not be read.
    server.run("GRANT SELECT ON `my needs`.* TO needs@'127.0.0.%'");
    let found = needs(
        &typed,
        FlowKind::Source,
        &[("mode", "table"), ("schema", "my needs"), ("table", "gone")],
    )
    .await;
    assert_eq!(said(&found), "SELECT on my needs.gone: unknown");
}

fn storage(endpoint: &str) -> Typed {
    let keys = [
        ("access_key_id", KEY),
        ("secret_access_key", KEY),
        ("region", "us-east-1"),
        ("endpoint", endpoint),
        ("path_style", "true"),
    ];
    Typed::new("s3", &keys)
}

#[tokio::test]
async fn storage_is_asked_for_a_list_a_byte_and_an_upload_that_is_given_up() {
    let typed = storage(&S3::shared().endpoint());
    let folder = S3::shared().data().join("lake/needs");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("a.csv._S3rver_object"), "id\n1\n").unwrap();
    let read = needs(&typed, FlowKind::Source, &[("bucket", "lake"), ("path", "needs/")]).await;
    assert_eq!(said(&read), "s3:ListBucket on lake: granted, s3:GetObject on lake/*: granted");
    let write =
        needs(&typed, FlowKind::Destination, &[("bucket", "lake"), ("folder", "needs")]).await;
    assert_eq!(said(&write), "s3:PutObject on lake/*: granted", "{write:?}");
    let left: Vec<_> =
        std::fs::read_dir(&folder).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert!(left.iter().all(|name| name.to_string_lossy().starts_with("a.csv.")), "{left:?}");
}

/// The server of these tests has no policies: what a refusal looks like is scripted.
#[tokio::test]
async fn what_a_policy_refuses_is_told_with_its_statement() {
    let fake = Fake::start().await;
    let denied = || {
        Reply::new(
            403,
            "application/xml",
            "<Error><Code>AccessDenied</Code><Message>no</Message></Error>",
        )
    };
    fake.answers_otherwise(denied());
    let typed = storage(&fake.url(""));
    let read = needs(&typed, FlowKind::Source, &[("bucket", "lake"), ("path", "in/a.csv")]).await;
    assert_eq!(said(&read), "s3:ListBucket on lake: missing, s3:GetObject on lake/*: missing");
    let write =
        needs(&typed, FlowKind::Destination, &[("bucket", "lake"), ("folder", "out")]).await;
    for (need, action, resource) in [
        (&read[0], "s3:ListBucket", "arn:aws:s3:::lake"),
        (&read[1], "s3:GetObject", "arn:aws:s3:::lake/*"),
        (&write[0], "s3:PutObject", "arn:aws:s3:::lake/*"),
    ] {
        let statement: serde_json::Value =
            serde_json::from_str(need.cure.as_ref().unwrap()).unwrap();
        assert_eq!(
            statement,
            serde_json::json!({ "Effect": "Allow", "Action": action, "Resource": resource })
        );
    }
    assert!(fake.seen().iter().all(|seen| seen.method != "PUT"), "nothing is stored");
    // A storage that is down has refused nothing.
    fake.answers_otherwise(Reply::html(502));
    let found =
        needs(&typed, FlowKind::Destination, &[("bucket", "lake"), ("folder", "out")]).await;
    assert_eq!(said(&found), "s3:PutObject on lake/*: unknown");
}
