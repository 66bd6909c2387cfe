//! Proves the right to write, and leaves nothing behind. MySQL cannot roll a CREATE TABLE back, so nothing is made:
//! the server is asked for things that it refuses for lack of a right before it finds that they cannot be done.
use super::Db;
use super::connection::Trouble;
use super::errors::{quoted, text};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::values::Values;
use crate::outbound::probe::steps::Found;

pub(super) fn place<'a>(settings: &'a Values, database: Option<&'a str>) -> (&'a str, &'a str) {
    let setting =
        |key: &str| settings.get(key).map(|text| text.trim()).filter(|text| !text.is_empty());
    (setting("schema").or(database).unwrap_or_default(), setting("table").unwrap_or_default())
}

pub(super) fn what(settings: &Values, database: Option<&str>) -> String {
    let (schema, table) = place(settings, database);
    format!("Write to {schema}.{table}")
}

pub(super) async fn check(db: &mut Db, settings: &Values) -> Result<Found<()>, Fault> {
    let database = db.about.database.clone();
    let (schema, table) = place(settings, database.as_deref());
    for (value, key) in [(schema, "schema"), (table, "table")] {
        if value.is_empty() {
            return Err(Fault::new(Cause::RequestRejected)
                .marks(&[key])
                .detail(format!("{key} is empty")));
        }
    }
    let read_only = db.query("SELECT @@global.read_only", 1).await?;
    let told = if is_there(db, schema, table).await? {
        may_insert(db, schema, table).await?;
        format!("{schema}.{table} is there and may be written to")
    } else {
        may_make(db, schema, table).await?;
        format!("{schema}.{table} is not there yet; it may be made and written to")
    };
    let is_read_only = read_only
        .rows
        .first()
        .and_then(|row| row.first())
        .is_some_and(|cell| matches!(cell.as_deref(), Some("1" | "ON")));
    let warning = is_read_only.then(|| {
        let said = "The server is read-only (@@read_only): it is likely a copy of another one.";
        Fault::new(Cause::Forbidden).marks(&["host"]).detail(said)
    });
    Ok(Found::new(()).told(told).warned(warning))
}

/// As far as the account may see.
pub(super) async fn is_there(db: &mut Db, schema: &str, table: &str) -> Result<bool, Fault> {
    let sql = format!(
        "SELECT table_type FROM information_schema.tables WHERE table_schema = {} AND table_name = {}",
        text(schema),
        text(table)
    );
    Ok(!db.query(&sql, 1).await?.rows.is_empty())
}

/// EXPLAIN asks for the right and does nothing. That a column has no default comes after the right.
pub(super) async fn may_insert(db: &mut Db, schema: &str, table: &str) -> Result<(), Fault> {
    let sql = format!("EXPLAIN INSERT INTO {}.{} () VALUES ()", quoted(schema), quoted(table));
    match db.connection.query(&sql, 10).await {
        Ok(_) | Err(Trouble::Refused { code: 1364 | 1423, .. }) => Ok(()),
        Err(trouble) => Err(denied(db, &trouble, "INSERT", schema, Some(table))),
    }
}

/// A table like one that is not there: refused for lack of CREATE first, then because there is no such table.
pub(super) async fn may_make(db: &mut Db, schema: &str, table: &str) -> Result<(), Fault> {
    let nothing = "authorizers_write_check_of_nothing";
    let sql = format!("CREATE TABLE {0}.{1} LIKE {0}.{nothing}", quoted(schema), quoted(table));
    match db.connection.query(&sql, 10).await {
        Err(Trouble::Refused { code: 1146, .. }) => {}
        Err(Trouble::Refused { code: 1142, message, .. }) if message.contains(nothing) => {}
        Err(trouble) => return Err(denied(db, &trouble, "CREATE, INSERT", schema, None)),
        Ok(_) => {
            return Err(Fault::new(Cause::MalformedAnswer)
                .detail("The server made a table like one that is not there."));
        }
    }
    let sql = format!("EXPLAIN INSERT INTO {}.{} () VALUES ()", quoted(schema), quoted(table));
    match db.connection.query(&sql, 10).await {
        Err(Trouble::Refused { code: 1146, .. }) | Ok(_) => Ok(()),
        Err(trouble) => Err(denied(db, &trouble, "INSERT", schema, None)),
    }
}

fn denied(db: &Db, trouble: &Trouble, right: &str, schema: &str, table: Option<&str>) -> Fault {
    let fault = db.about.fault(trouble);
    match fault.cause {
        Cause::Forbidden => fault
            .marks(if table.is_some() { &["table"] } else { &["schema"] })
            .cure(db.about.right(right, Some(schema), table)),
        Cause::UnknownDatabase => Fault { cause: Cause::UnknownObject, ..fault.marks(&["schema"]) },
        Cause::RequestRejected => fault.marks(&["table"]),
        _ => fault,
    }
}
