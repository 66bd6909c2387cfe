//! Reads from PostgreSQL: the choices of drop-downs and the first rows.
use std::pin::pin;
use std::sync::Arc;

use futures_util::TryStreamExt;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;
use tokio_postgres::{SimpleColumn, SimpleQueryMessage, SimpleQueryStream};

use super::Db;
use super::rights::{OURS, quoted};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{LoadedChoice, MAX_CHOICES, PREVIEW_COLUMNS, Table};
use crate::model::values::Values;
use crate::outbound::probe::rows::{ASKED_ROWS, CELL_READ, TableBuilder};
use crate::outbound::probe::sql::{Dialect, Statement};

/// Words that a query may begin with.
const READS: &[&str] = &["SELECT", "WITH", "VALUES", "TABLE"];

pub(super) async fn choices(
    db: &Db,
    list: &str,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let setting = |key: &str| settings.get(key).cloned().unwrap_or_default();
    let (sql, values) = match list {
        "schemas" => (
            format!("SELECT n.nspname::text, n.nspname::text FROM pg_namespace n WHERE has_schema_privilege(n.oid, 'USAGE') AND {OURS} ORDER BY n.nspname LIMIT {MAX_CHOICES}"),
            vec![],
        ),
        "tables" => (
            format!(
                "SELECT c.relname::text, c.relname || CASE c.relkind WHEN 'v' THEN ' (view)' WHEN 'm' THEN ' (materialized view)' WHEN 'f' THEN ' (foreign table)' ELSE '' END
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm', 'f') AND has_any_column_privilege(c.oid, 'SELECT')
                 ORDER BY c.relname LIMIT {MAX_CHOICES}"
            ),
            vec![setting("schema")],
        ),
        "columns" => (
            format!(
                "SELECT a.attname::text, a.attname || ' (' || format_type(a.atttypid, a.atttypmod) || ')'
                 FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_namespace n ON n.oid = c.relnamespace
                 WHERE n.nspname = $1 AND c.relname = $2 AND a.attnum > 0 AND NOT a.attisdropped ORDER BY a.attnum LIMIT {MAX_CHOICES}"
            ),
            vec![setting("schema"), setting("table")],
        ),
        other => return Err(Fault::new(Cause::RequestRejected).detail(format!("PostgreSQL has no list of {other}"))),
    };
    let values: Vec<_> = values
        .iter()
        .map(|value| (value as &(dyn tokio_postgres::types::ToSql + Sync), Type::TEXT))
        .collect();
    let found = db.query(&sql, &values).await.map_err(|error| db.about.fault(&error))?;
    let choice =
        |row: &tokio_postgres::Row| LoadedChoice::new(row.try_get(0).ok()?, row.try_get(1).ok()?);
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
            let rejected =
                |said: &str| Fault::new(Cause::RequestRejected).marks(&["query"]).detail(said);
            let statement = Statement::single(setting("query")?, Dialect::PostgreSql)
                .ok_or_else(|| rejected("Enter a single statement."))?;
            let first = statement.first_word();
            if !READS.iter().any(|read| first.eq_ignore_ascii_case(read)) {
                return Err(rejected("The query must read data: begin it with SELECT or WITH."));
            }
            Ok((statement.text.to_owned(), true))
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
pub(super) async fn preview(db: &Db, settings: &Values) -> Result<Table, Fault> {
    let (query, is_typed) = statement(settings)?;
    let read = first_rows(db, &query).await;
    db.batch("ROLLBACK").await.ok();
    let table = read.map_err(|error| reading(db, &error, settings, is_typed))?;
    if table.columns.is_empty() {
        return Err(Fault::new(Cause::RequestRejected)
            .marks(&["query"])
            .detail("The statement returns no columns. Enter a SELECT."));
    }
    Ok(table)
}

/// A person's query is the query of a cursor and goes as a single statement: it can neither end our transaction nor
/// be anything but a read.
async fn first_rows(db: &Db, query: &str) -> Result<Table, tokio_postgres::Error> {
    db.batch(
        "BEGIN TRANSACTION READ ONLY; SET LOCAL statement_timeout = '8s'; \
         SET LOCAL lock_timeout = '3s'",
    )
    .await?;
    // No row of this one is fetched: it tells the names of the columns.
    db.execute(&format!("DECLARE shape NO SCROLL CURSOR FOR {query}")).await?;
    let columns = names(db.stream("FETCH 0 FROM shape").await?).await?;
    db.batch("CLOSE shape").await?;
    let mut table = TableBuilder::default();
    columns.iter().for_each(|column| table.add_column(column.name().to_owned()));
    if columns.is_empty() {
        return Ok(table.finish());
    }
    let shown: Vec<String> =
        (1..=columns.len().min(PREVIEW_COLUMNS)).map(|number| format!("c{number}")).collect();
    let cells: Vec<String> =
        shown.iter().map(|name| format!("left({name}::text, {CELL_READ})")).collect();
    db.execute(&format!(
        "DECLARE preview NO SCROLL CURSOR FOR SELECT {} FROM (\n{query}\n) AS preview ({})",
        cells.join(", "),
        shown.join(", ")
    ))
    .await?;
    let mut rows = pin!(db.stream(&format!("FETCH {ASKED_ROWS} FROM preview")).await?);
    loop {
        let message = match rows.try_next().await {
            Ok(Some(message)) => message,
            Ok(None) => break,
            // Rows of some hundred kilobytes: some of them are better than none.
            Err(_) if db.about.limits.refusal().is_some() && table.has_rows() => {
                table.note_more();
                break;
            }
            Err(error) => return Err(error),
        };
        // What is behind the last row that is shown must be read: the connection is used once more.
        if let SimpleQueryMessage::Row(row) = message
            && table.start_row()
        {
            for at in 0..row.len() {
                table.add_cell(|| row.try_get(at).ok().flatten().map(str::to_owned));
            }
        }
    }
    Ok(table.finish())
}

async fn names(rows: SimpleQueryStream) -> Result<Arc<[SimpleColumn]>, tokio_postgres::Error> {
    let mut rows = pin!(rows);
    let mut columns: Arc<[SimpleColumn]> = Arc::from([]);
    while let Some(message) = rows.try_next().await? {
        if let SimpleQueryMessage::RowDescription(found) = message {
            columns = found;
        }
    }
    Ok(columns)
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
        // A parameter ($1) has no value: 08P01 is the protocol's word for it.
        SqlState::READ_ONLY_SQL_TRANSACTION | SqlState::PROTOCOL_VIOLATION => {
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
