//! *A query* of MySQL and MariaDB reads and does nothing else, whatever its text and the rights of its account: tried on
//! MariaDB with an account that may do everything. Looked at is what a write would leave behind, not only the refusal.
use authorizers::model::cause::Cause;
use authorizers::model::report::Fault;
use authorizers::model::table::Table;
use authorizers::outbound::probe::mysql;

use super::account::{Typed, out, settings};
use crate::services::mariadb::MariaDb;

/// A database of its own, whose account may do everything on the server.
struct Shop {
    server: &'static MariaDb,
    name: &'static str,
    /// Where the server may write files.
    files: tempfile::TempDir,
}

impl Shop {
    fn new(name: &'static str) -> Self {
        let server = MariaDb::shared();
        server.run(&format!(
            "CREATE DATABASE {name}; USE {name};
             CREATE TABLE orders (id int PRIMARY KEY, note text) ENGINE=InnoDB AS
               SELECT seq AS id, 'old' AS note FROM seq_1_to_30;
             CREATE TABLE plain (id int) ENGINE=MyISAM AS SELECT 1 AS id;
             CREATE SEQUENCE numbers;
             CREATE USER {name}@'%' IDENTIFIED BY 'right';
             GRANT ALL ON *.* TO {name}@'%' WITH GRANT OPTION"
        ));
        server.run(&format!(
            "DELIMITER //
             CREATE FUNCTION {name}.wipe() RETURNS int MODIFIES SQL DATA
               BEGIN DELETE FROM {name}.orders; RETURN 1; END//
             CREATE FUNCTION {name}.wipe_plain() RETURNS int MODIFIES SQL DATA
               BEGIN DELETE FROM {name}.plain; RETURN 1; END//
             CREATE PROCEDURE {name}.wipe_all() BEGIN DELETE FROM {name}.orders; END//"
        ));
        let files = tempfile::tempdir().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(files.path(), open).unwrap();
        Self { server, name, files }
    }

    fn file(&self) -> String {
        self.files.path().join("written").display().to_string()
    }

    async fn query(&self, sql: &str) -> Result<Table, Fault> {
        let port = self.server.port().to_string();
        let typed = Typed::new(
            "mariadb",
            &[
                ("host", "127.0.0.1"),
                ("port", &port),
                ("database", self.name),
                ("user", self.name),
                ("password", "right"),
                ("tls", "require"),
            ],
        );
        let asked = settings(&[("mode", "query"), ("query", sql)]);
        mysql::preview(&out(), &typed.account(), &asked).await
    }

    /// Everything that a write could have changed. Other tests make users and tables of their own at the same time.
    fn state(&self) -> String {
        let name = self.name;
        let state = self.server.run(&format!(
            "SELECT CONCAT_WS(' ',
               (SELECT GROUP_CONCAT(CONCAT(id, note) ORDER BY id) FROM {name}.orders),
               (SELECT COUNT(*) FROM {name}.plain),
               (SELECT GROUP_CONCAT(table_name ORDER BY 1) FROM information_schema.tables
                 WHERE table_schema = '{name}'),
               (SELECT COUNT(*) FROM mysql.global_priv WHERE user LIKE '{name}%'),
               (SELECT next_not_cached_value FROM {name}.numbers),
               @@global.max_connections, @@global.read_only, @@global.event_scheduler)"
        ));
        let files = std::fs::read_dir(self.files.path()).unwrap().count();
        format!("{state} {files} files")
    }

    /// Tries each statement: it must be refused, with the query marked, and change nothing.
    async fn refuses(&self, statements: &[String]) {
        let before = self.state();
        assert!(before.ends_with(" 0 files"), "{before}");
        for sql in statements {
            let fault = self.query(sql).await.expect_err(sql);
            assert_eq!(self.state(), before, "{sql} wrote");
            assert_eq!(
                (fault.cause, fault.fields),
                (Cause::RequestRejected, vec!["query".to_owned()]),
                "{sql}: {:?}",
                fault.detail
            );
            assert!(fault.detail.is_some(), "{sql}: not said why");
        }
        assert_eq!(self.query("SELECT COUNT(*) FROM orders").await.unwrap().rows.len(), 1);
    }
}

fn owned(statements: &[&str]) -> Vec<String> {
    statements.iter().map(|sql| (*sql).to_owned()).collect()
}

#[tokio::test]
async fn blocks_in_executable_comments_write_nothing() {
    let shop = Shop::new("ro_comments");
    let file = shop.file();
    let bodies = [
        "UPDATE orders SET note = 'new' WHERE id = 1".to_owned(),
        "INSERT INTO orders VALUES (88, 'new')".to_owned(),
        "DELETE FROM plain".to_owned(),
        "CREATE TABLE made (id int)".to_owned(),
        "CREATE USER ro_comments_evil".to_owned(),
        "SET GLOBAL max_connections = 77".to_owned(),
        "SET SESSION TRANSACTION READ WRITE; COMMIT; DELETE FROM orders".to_owned(),
        format!("EXECUTE IMMEDIATE CONCAT('SELECT ''x'' INTO OUT', 'FILE ''{file}''')"),
    ];
    let mut statements = Vec::new();
    for body in &bodies {
        for opening in ["/*!50000", "/*!", "/*M!100000", "/*M!"] {
            statements
                .push(format!("{opening} BEGIN NOT ATOMIC COMMIT; {body}; END # */ SELECT 1\n*/"));
        }
        statements.push(format!("BEGIN NOT ATOMIC COMMIT; {body}; SELECT 1; END"));
    }
    statements.push(format!("SELECT 1 /*! INTO OUTFILE '{file}' */"));
    statements.push(format!("SELECT 1 /*M!100000 INTO OUTFILE '{file}' */"));
    shop.refuses(&statements).await;
}

#[tokio::test]
async fn no_query_writes_a_file_on_the_server_or_reads_one() {
    let shop = Shop::new("ro_files");
    let file = shop.file();
    let mut statements = Vec::new();
    for into in ["INTO OUTFILE", "into dumpfile", "INTO/**/OUTFILE", "INTO -- x\n OUTFILE"] {
        for read in [
            "SELECT 'x'",
            "SELECT 'x' FROM orders LIMIT 1",
            "(SELECT 'x')",
            "(SELECT 'x') UNION (SELECT 'y' LIMIT 0)",
            "WITH named AS (SELECT 'x' AS a) SELECT * FROM named",
            "VALUES ('x')",
            "TABLE plain",
            "SELECT '\\'' AS a",
        ] {
            statements.push(format!("{read} {into} '{file}'"));
        }
    }
    statements.push(format!("SELECT 1 AS a INTO OUTFILE '{file}' FROM orders LIMIT 1"));
    statements.push(format!("EXECUTE IMMEDIATE 'SELECT 1 INTO OUTFILE ''{file}'''"));
    let secret = tempfile::NamedTempFile::new().unwrap();
    statements.push(format!("SELECT LOAD_FILE('{}')", secret.path().display()));
    statements.push(format!("SELECT load_file /* x */ ('{}')", secret.path().display()));
    for name in ["`load_file`", "`LOAD_FILE `", "load_f\u{130}le"] {
        statements.push(format!("SELECT {name}('{}')", secret.path().display()));
    }
    shop.refuses(&statements).await;
}

#[tokio::test]
async fn no_other_statement_passes_and_functions_and_sequences_write_nothing() {
    let shop = Shop::new("ro_others");
    shop.refuses(&owned(&[
        "DELETE FROM orders",
        "DELETE FROM orders RETURNING id",
        "INSERT INTO orders VALUES (99, 'new') RETURNING id",
        "REPLACE INTO orders VALUES (1, 'new')",
        "UPDATE orders SET note = 'new'",
        "/* SELECT */ DELETE FROM orders",
        "SELECT 1; DELETE FROM orders",
        "SELECT 1;; DELETE FROM plain",
        "SELECT wipe()",
        "SELECT wipe_plain()",
        "SELECT * FROM (SELECT wipe() AS a) AS b",
        "WITH named AS (SELECT wipe_plain() AS a) SELECT * FROM named",
        "SELECT NEXT VALUE FOR numbers",
        "SELECT nextval(numbers)",
        "SELECT setval(numbers, 9)",
        "WITH named AS (SELECT 1) DELETE FROM orders",
        "WITH named AS (SELECT 1 AS a) UPDATE orders SET note = 'new'",
        "CALL wipe_all()",
        "DO wipe()",
        "SET @a = wipe()",
        "SET GLOBAL max_connections = 77",
        "SET GLOBAL read_only = 1",
        "SET GLOBAL event_scheduler = 1",
        "SET STATEMENT max_statement_time = 1 FOR DELETE FROM orders",
        "COMMIT",
        "BEGIN",
        "EXECUTE IMMEDIATE 'DELETE FROM plain'",
        "PREPARE a FROM 'DELETE FROM plain'",
        "HANDLER orders OPEN",
        "CREATE TABLE made (id int)",
        "CREATE OR REPLACE VIEW made AS SELECT 1",
        "TRUNCATE plain",
        "DROP TABLE plain",
        "RENAME TABLE plain TO made",
        "OPTIMIZE TABLE plain",
        "ANALYZE DELETE FROM plain",
        "LOCK TABLES orders WRITE",
        "GRANT ALL ON *.* TO ro_others_evil@'%' IDENTIFIED BY 'x'",
        "CREATE USER ro_others_evil",
        "LOAD DATA LOCAL INFILE '/etc/passwd' INTO TABLE plain",
        "FLUSH TABLES",
        "SELECT * FROM orders FOR UPDATE",
        "SELECT 1 INTO @a",
        "SELECT ?",
        "SELECT id FROM orders WHERE id = ?",
        "",
        "-- nothing",
        "/* open",
    ]))
    .await;
}

#[tokio::test]
async fn every_kind_of_read_works() {
    let shop = Shop::new("ro_reads");
    shop.server.run(
        "USE ro_reads; CREATE TABLE odd (`INTO OUTFILE` int, dumpfile int, load_file int) AS
           SELECT 1 AS `INTO OUTFILE`, 2 AS dumpfile, 3 AS load_file",
    );
    for (sql, first) in [
        ("SELECT 'outfile' AS w", "outfile"),
        ("SELECT 'INTO OUTFILE ''x''' AS w -- INTO OUTFILE 'y'", "INTO OUTFILE 'x'"),
        ("SELECT \"/*! DROP */; DELETE\" AS w /* ; INTO DUMPFILE */", "/*! DROP */; DELETE"),
        ("SELECT 'a\\'; DELETE FROM orders; -- ' AS w", "a'; DELETE FROM orders; -- "),
        ("SELECT `INTO OUTFILE`, dumpfile, load_file FROM odd", "1"),
        ("SELECT id, id FROM orders ORDER BY id DESC", "30"),
        ("(SELECT id FROM orders WHERE id = 2)", "2"),
        ("(SELECT 1) UNION ALL (SELECT 2)", "1"),
        ("((SELECT 3))", "3"),
        ("WITH named AS (SELECT 4 AS a) SELECT * FROM named", "4"),
        (
            "WITH RECURSIVE n (a) AS (SELECT 5 UNION SELECT a + 1 FROM n WHERE a < 7) SELECT * FROM n",
            "5",
        ),
        ("VALUES (6), (7)", "6"),
        ("SELECT 8 WHERE EXISTS (SELECT 1 FROM orders)", "8"),
        ("SELECT REPLACE('a9', 'a', ''), INSERT('ab', 1, 1, 'c'), @@version_comment", "9"),
        ("SELECT @n := 10", "10"),
        ("SELECT GET_LOCK('ro_reads', 1)", "1"),
        ("SHOW TABLES", "numbers"),
        ("DESCRIBE orders", "id"),
        ("EXPLAIN SELECT * FROM orders", "1"),
        ("SELECT 11;", "11"),
        ("SELECT 12; -- done", "12"),
        ("SELECT 13 /* x */;\n# end", "13"),
        ("SELECT 'é😀' AS `ü`", "é😀"),
    ] {
        let table = shop.query(sql).await.unwrap_or_else(|fault| panic!("{sql}: {fault:?}"));
        assert_eq!(table.rows[0][0].as_deref(), Some(first), "{sql}");
    }
    let last = shop.query("SELECT id AS same, id AS same FROM orders ORDER BY id DESC").await;
    let last = last.unwrap();
    assert_eq!(
        (last.columns, last.rows.len(), last.more),
        (vec!["same".to_owned(), "same".to_owned()], 20, true)
    );
    // A lock of a preview ends with it.
    assert_eq!(shop.server.run("SELECT IS_FREE_LOCK('ro_reads')"), "1");
}
