//! Reads from PostgreSQL: the choices of drop-downs and the first rows.
use tokio_postgres::SimpleQueryMessage;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::Db;
use super::rights::{OURS, quoted};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{CELL_CHARS, LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::probe::rows::{self, ASKED_ROWS};

/// The longest list that a drop-down gets.
const MOST_CHOICES: usize = 2000;

pub(super) async fn choices(
    db: &Db,
    list: &str,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let setting = |key: &str| settings.get(key).cloned().unwrap_or_default();
    let (sql, values) = match list {
        "schemas" => (
            format!("SELECT n.nspname::text, n.nspname::text FROM pg_namespace n WHERE has_schema_privilege(n.oid, 'USAGE') AND {OURS} ORDER BY n.nspname LIMIT {MOST_CHOICES}"),
            vec![],
        ),
        "tables" => (
            format!(
                "SELECT c.relname::text, c.relname || CASE c.relkind WHEN 'v' THEN ' (view)' WHEN 'm' THEN ' (materialized view)' WHEN 'f' THEN ' (foreign table)' ELSE '' END
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_any_column_privilege(c.oid, 'SELECT')
                 ORDER BY c.relname LIMIT {MOST_CHOICES}"
            ),
            vec![setting("schema")],
        ),
        "columns" => (
            format!(
                "SELECT a.attname::text, a.attname || ' (' || format_type(a.atttypid, a.atttypmod) || ')'
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT {MOST_CHOICES}"
            ),
            vec![setting("schema"), setting("table")],
        ),
        other => return Err(Fault::new(Cause::RequestRejected).detail(format!("PostgreSQL has no list of {other}"))),
    };
    let values: Vec<_> = values
        .iter()
        .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT))
        .collect();
    let found =
        db.client.query_typed(&sql, &values).await.map_err(|error| db.about.fault(&error))?;
    let choice = |row: &tokio_postgres::Row| {
        Some(LoadedChoice { value: row.try_get(0).ok()?, label: row.try_get(1).ok()? })
    };
    Ok(found.iter().filter_map(choice).collect())
}

/// The statement that the settings ask for, and whether it is typed by a person.
pub(super) fn statement(settings: &Values) -> Result<(String, bool), Fault> {
    let setting = |key: &'static str| {
        let text = settings.get(key).map(|text| text.trim()).unwrap_or_default();
        if text.is_empty() {
            Err(Fault::new(Cause::RequestRejected).marks(&[key]).detail(format!("{key} is empty")))
        } else {
            Ok(text)
        }
    };
    match settings.get("mode").map(String::as_str) {
        Some("query") => {
            Ok((setting("query")?.trim_end_matches([';', ' ', '\n', '\r', '\t']).to_owned(), true))
        }
        _ => {
            let table = quoted(setting("table")?);
            Ok((
                format!(
                    "SELECT * FROM {}.{table}",
                    quoted(settings.get("schema").map_or("public", |schema| schema.trim()))
                ),
                false,
            ))
        }
    }
}

/// Every value as text, cut by the server: one huge cell or a huge result is never loaded.
/// A person's query goes through the extended protocol, which takes one statement: it cannot end our transaction.
pub(super) async fn preview(db: &Db, settings: &Values) -> Result<Table, Fault> {
    let (query, is_typed) = statement(settings)?;
    let fault = |error: tokio_postgres::Error| reading(db, &error, settings, is_typed);
    let client = &db.client;
    let begin = "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = '8s'; SET LOCAL lock_timeout = '3s'";
    client.batch_execute(begin).await.map_err(fault)?;
    let prepared = client.prepare(&query).await.map_err(fault)?;
    let columns: Vec<String> =
        prepared.columns().iter().map(|column| column.name().to_owned()).collect();
    if columns.is_empty() {
        return Err(Fault::new(Cause::RequestRejected)
            .marks(&["query"])
            .detail("This statement has no rows: it must be a SELECT."));
    }
    let names: Vec<String> = (1..=columns.len()).map(|number| format!("c{number}")).collect();
    let cells: Vec<String> =
        names.iter().map(|name| format!("left({name}::text, {})", CELL_CHARS + 1)).collect();
    let cursor = format!(
        "DECLARE preview NO SCROLL CURSOR FOR SELECT {} FROM (\n{query}\n) AS preview ({})",
        cells.join(", "),
        names.join(", ")
    );
    client.execute_typed(&cursor, &[]).await.map_err(fault)?;
    let fetched =
        client.simple_query(&format!("FETCH {ASKED_ROWS} FROM preview")).await.map_err(fault)?;
    client.batch_execute("ROLLBACK").await.ok();
    let found = fetched.iter().filter_map(|message| match message {
        SimpleQueryMessage::Row(row) => Some(
            (0..row.len()).map(|at| row.try_get(at).ok().flatten().map(str::to_owned)).collect(),
        ),
        _ => None,
    });
    Ok(rows::table(columns, found.collect()))
}

fn reading(db: &Db, error: &tokio_postgres::Error, settings: &Values, is_typed: bool) -> Fault {
    let fault = db.about.fault(error);
    let Some(said) = error.as_db_error() else {
        return fault;
    };
    let object: &[&str] = if is_typed { &["query"] } else { &["schema", "table"] };
    match *said.code() {
        SqlState::INSUFFICIENT_PRIVILEGE => {
            let fault = fault.marks(object);
            if is_typed { Fault { cure: None, ..fault } } else { fault.cure(right(db, settings)) }
        }
        SqlState::READ_ONLY_SQL_TRANSACTION => {
            Fault { cause: Cause::RequestRejected, ..fault.marks(object) }
        }
        SqlState::UNDEFINED_TABLE
        | SqlState::INVALID_SCHEMA_NAME
        | SqlState::QUERY_CANCELED
        | SqlState::LOCK_NOT_AVAILABLE => fault.marks(object),
        _ if fault.cause == Cause::RequestRejected => fault.marks(object),
        _ => fault,
    }
}

fn right(db: &Db, settings: &Values) -> String {
    let name =
        |key: &str, default: &str| quoted(settings.get(key).map_or(default, |text| text.trim()));
    let (schema, table, user) =
        (name("schema", "public"), name("table", ""), quoted(&db.about.user));
    format!(
        "GRANT USAGE ON SCHEMA {schema} TO {user};\nGRANT SELECT ON {schema}.{table} TO {user};"
    )
}
