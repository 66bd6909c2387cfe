//! What the database is made of, asked without changing it: also of one that is not migrated yet.
use diesel::sql_types::{BigInt, Text};
use diesel::{QueryableByName, RunQueryDsl};

use super::StoreError;
use super::conn::AnyConnection;

#[derive(QueryableByName)]
struct Count {
    #[diesel(sql_type = BigInt)]
    count: i64,
}

/// Whether there is a table called `name`, a word of ours.
pub fn has_table(c: &mut AnyConnection, name: &str) -> Result<bool, StoreError> {
    let sql = match c {
        AnyConnection::Sqlite(_) => {
            format!(
                "SELECT count(*) AS count FROM sqlite_master WHERE type = 'table' AND name = '{name}'"
            )
        }
        AnyConnection::Pg(_) => format!(
            "SELECT count(*) AS count FROM pg_tables \
             WHERE schemaname = current_schema() AND tablename = '{name}'"
        ),
    };
    let found: Count = diesel::sql_query(sql).get_result(c)?;
    Ok(found.count > 0)
}

#[derive(QueryableByName)]
struct Setting {
    #[diesel(sql_type = Text)]
    value: String,
}

/// Whether PostgreSQL takes no writes: a standby, or a session that begins read-only (as the server,
/// the database, the role or the URL has set). SQLite says so at the first write.
pub fn is_read_only(c: &mut AnyConnection) -> Result<bool, StoreError> {
    match c {
        AnyConnection::Sqlite(_) => Ok(false),
        AnyConnection::Pg(c) => {
            let sql = "SELECT CASE WHEN pg_is_in_recovery() THEN 'on' ELSE reset_val END AS value \
                       FROM pg_settings WHERE name = 'default_transaction_read_only'";
            let found: Setting = diesel::sql_query(sql).get_result(c)?;
            Ok(found.value == "on")
        }
    }
}
