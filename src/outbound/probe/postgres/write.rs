//! Proves the right to write to a table, and leaves nothing behind: all of it is rolled back.
use tokio_postgres::error::SqlState;
use tokio_postgres::types::Type;

use super::Db;
use super::rights::quoted;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::values::Values;
use crate::outbound::probe::steps::Found;

pub(super) fn place(settings: &Values) -> (&str, &str) {
    let setting =
        |key: &str| settings.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    (setting("schema").unwrap_or("public"), setting("table").unwrap_or_default())
}

pub(super) fn what(settings: &Values) -> String {
    let (schema, table) = place(settings);
    format!("Write to {schema}.{table}")
}

/// A table that is there must take rows; one that is not there is made, filled, and rolled back.
pub(super) async fn check(db: &Db, settings: &Values) -> Result<Found<()>, Fault> {
    let (schema, table) = place(settings);
    if table.is_empty() {
        return Err(Fault::new(Cause::RequestRejected).marks(&["table"]).detail("table is empty"));
    }
    let begin = "BEGIN TRANSACTION READ WRITE; SET LOCAL statement_timeout = '6s'; SET LOCAL lock_timeout = '3s'";
    db.batch(begin).await.map_err(|error| writing(db, &error, schema))?;
    let told = match find(db, schema, table).await? {
        Some((kind, may_insert)) => existing(db, schema, table, &kind, may_insert)?,
        None => make(db, schema, table).await?,
    };
    db.batch("ROLLBACK").await.map_err(|error| writing(db, &error, schema))?;
    Ok(Found::new(()).told(told))
}

async fn find(db: &Db, schema: &str, table: &str) -> Result<Option<(String, bool)>, Fault> {
    let sql = "SELECT c.relkind::text, has_schema_privilege(n.oid, 'USAGE') AND has_table_privilege(c.oid, 'INSERT')
               FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE n.nspname = $1 AND c.relname = $2";
    let found = db.query(sql, &[(&schema, Type::TEXT), (&table, Type::TEXT)]).await;
    let found = found.map_err(|error| writing(db, &error, schema))?;
    Ok(found.first().and_then(|row| Some((row.try_get(0).ok()?, row.try_get(1).ok()?))))
}

fn existing(
    db: &Db,
    schema: &str,
    table: &str,
    kind: &str,
    may_insert: bool,
) -> Result<String, Fault> {
    if !["r", "p", "f", "v"].contains(&kind) {
        let said = format!("{schema}.{table} is there, but it is not a table.");
        return Err(Fault::new(Cause::RequestRejected).marks(&["table"]).detail(said));
    }
    if !may_insert {
        let (schema_name, user) = (quoted(schema), quoted(&db.about.user));
        let cure = format!(
            "GRANT USAGE ON SCHEMA {schema_name} TO {user};\nGRANT INSERT ON {schema_name}.{} TO {user};",
            quoted(table)
        );
        let said = format!("{} may not insert into {schema}.{table}.", db.about.user);
        return Err(Fault::new(Cause::Forbidden).marks(&["table"]).detail(said).cure(cure));
    }
    Ok(format!("{schema}.{table} is there and takes rows"))
}

async fn make(db: &Db, schema: &str, table: &str) -> Result<String, Fault> {
    let name = format!("{}.{}", quoted(schema), quoted(table));
    let sql =
        format!("CREATE TABLE {name} (value text); INSERT INTO {name} VALUES ('write check')");
    db.batch(&sql).await.map_err(|error| writing(db, &error, schema))?;
    Ok(format!("{schema}.{table} can be made and takes rows; it was rolled back"))
}

fn writing(db: &Db, error: &tokio_postgres::Error, schema: &str) -> Fault {
    let fault = db.about.fault(error);
    match error.as_db_error().map(|said| said.code()) {
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            let (schema, user) = (quoted(schema), quoted(&db.about.user));
            fault
                .marks(&["schema"])
                .cure(format!("GRANT USAGE, CREATE ON SCHEMA {schema} TO {user};"))
        }
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => fault.marks(&["host"]),
        Some(&SqlState::QUERY_CANCELED) => fault.marks(&["table"]),
        _ => fault,
    }
}
