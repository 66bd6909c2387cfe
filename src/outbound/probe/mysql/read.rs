//! Reads from MySQL: the choices of drop-downs and the first rows.
use super::Db;
use super::connection::Trouble;
use super::errors::{quoted, text};
use super::guard;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{LoadedChoice, MAX_CHOICES, Table};
use crate::model::values::Values;
use crate::outbound::probe::rows::{ASKED_ROWS, CELL_READ, TableBuilder};
use crate::outbound::probe::steps::Found;

pub(super) const SYSTEM: &str = "('information_schema', 'performance_schema', 'mysql', 'sys')";

/// As many bytes of a cell as its shown characters may have.
const CELL_BYTES: usize = CELL_READ * 4;

/// What the account may read. Nothing at all is a warning: it may be there to write.
pub(super) async fn look(db: &mut Db) -> Result<Found<()>, Fault> {
    let grants = db.query("SHOW GRANTS", 500).await?;
    let may_read = grants.rows.iter().flatten().flatten().any(|grant| {
        let rights = grant.split(" ON ").next().unwrap_or_default();
        // A line without ON gives a role, whose rights are its own matter.
        !grant.contains(" ON ") || rights.contains("ALL PRIVILEGES") || rights.contains("SELECT")
    });
    let place = match &db.about.database {
        Some(database) => format!("table_schema = {}", text(database)),
        None => format!("table_schema NOT IN {SYSTEM}"),
    };
    let counted = db
        .query(&format!("SELECT COUNT(*) FROM information_schema.tables WHERE {place}"), 1)
        .await?;
    let count = counted.rows.into_iter().flatten().flatten().next().unwrap_or_default();
    let told = if count == "0" {
        "No tables yet".to_owned()
    } else {
        format!("Tables and views that can be seen: {count}")
    };
    let warning = (!may_read).then(|| {
        let cure = db.about.right("SELECT", db.about.database.as_deref(), None);
        Fault::new(Cause::Forbidden)
            .detail("The account may sign in, but read no table.")
            .cure(cure)
    });
    Ok(Found::new(()).told(told).warned(warning))
}

pub(super) async fn choices(
    db: &mut Db,
    list: &str,
    settings: &Values,
) -> Result<Vec<LoadedChoice>, Fault> {
    let setting = |key: &str| text(settings.get(key).map(|text| text.trim()).unwrap_or_default());
    let sql = match list {
        "schemas" => {
            format!("SELECT schema_name, schema_name FROM information_schema.schemata WHERE schema_name NOT IN {SYSTEM} ORDER BY 1")
        }
        "tables" => format!(
            "SELECT table_name, CONCAT(table_name, IF(table_type = 'VIEW', ' (view)', '')) FROM information_schema.tables
             WHERE table_schema = {} ORDER BY 1",
            setting("schema")
        ),
        "columns" => format!(
            "SELECT column_name, CONCAT(column_name, ' (', column_type, ')') FROM information_schema.columns
             WHERE table_schema = {} AND table_name = {} ORDER BY ordinal_position",
            setting("schema"),
            setting("table")
        ),
        other => return Err(Fault::new(Cause::RequestRejected).detail(format!("MySQL has no list of {other}"))),
    };
    let found = db.query(&format!("{sql} LIMIT {MAX_CHOICES}"), MAX_CHOICES).await?;
    let choice = |row: Vec<Option<String>>| {
        let [value, label] = <[_; 2]>::try_from(row).ok()?;
        LoadedChoice::new(value?, label?)
    };
    Ok(found.rows.into_iter().filter_map(choice).collect())
}

/// The first rows of a table or of a query.
pub(super) async fn preview(db: &mut Db, settings: &Values) -> Result<Table, Fault> {
    let (query, is_typed) = statement(db, settings)?;
    begin(db).await?;
    db.query(&format!("SET SESSION sql_select_limit = {ASKED_ROWS}"), 0).await?;
    let read = async {
        if is_typed {
            prove_read(db, &query).await?;
        }
        first_rows(db, &query).await
    };
    let read = read.await;
    read.map_err(|trouble| reading(db, &trouble, settings, is_typed))
}

/// Begins a read-only transaction that ends with the connection; the server stops a statement that takes too long.
pub(super) async fn begin(db: &mut Db) -> Result<(), Fault> {
    let limit = if db.is_mariadb() {
        "SET SESSION max_statement_time = 8"
    } else {
        "SET SESSION max_execution_time = 8000"
    };
    // Servers before these settings go without: the caller's own limit holds.
    db.query(limit, 0).await.ok();
    db.query("SET SESSION lock_wait_timeout = 3", 0).await?;
    // Whatever ends the transaction, the next one is read-only as well.
    db.query("SET SESSION TRANSACTION READ ONLY", 0).await?;
    db.query("START TRANSACTION READ ONLY", 0).await?;
    Ok(())
}

/// Has the server prepare a query without running it: it takes a single statement, and says how many columns the rows
/// have. A statement without rows (a block, SET, INTO OUTFILE) has none.
pub(super) async fn prove_read(db: &mut Db, query: &str) -> Result<(), Trouble> {
    let prepared = db.connection.prepare(query).await?;
    if prepared.parameters > 0 {
        return Err(Trouble::NoRead("The query has a parameter (?). Write its value instead."));
    }
    if prepared.columns == 0 {
        return Err(Trouble::NoRead("The statement returns no rows. Enter a SELECT."));
    }
    Ok(())
}

async fn first_rows(db: &mut Db, query: &str) -> Result<Table, Trouble> {
    let mut answer = db.connection.run(query, CELL_BYTES).await?;
    let mut table = TableBuilder::with_columns(answer.names());
    table.count_columns(answer.column_count());
    loop {
        let row = match answer.next().await {
            Ok(Some(row)) => row,
            Ok(None) => break,
            // Rows of many megabytes: some of them are better than none.
            Err(Trouble::TooLarge(_)) if table.has_rows() => {
                table.note_more();
                break;
            }
            Err(trouble) => return Err(trouble),
        };
        if !table.start_row() {
            break;
        }
        row.into_iter().for_each(|cell| table.add_cell(|| cell));
    }
    Ok(table.finish())
}

/// The statement that the settings ask for, and whether it is typed by a person.
pub(super) fn statement(db: &Db, settings: &Values) -> Result<(String, bool), Fault> {
    let setting = |key: &'static str| {
        settings.get(key).map(|text| text.trim()).filter(|text| !text.is_empty())
    };
    let rejected = |key: &'static str, said: &str| {
        Fault::new(Cause::RequestRejected).marks(&[key]).detail(said)
    };
    if settings.get("mode").map(String::as_str) != Some("query") {
        let table = setting("table").ok_or_else(|| rejected("table", "table is empty"))?;
        let schema = setting("schema")
            .or(db.about.database.as_deref())
            .ok_or_else(|| rejected("schema", "schema is empty"))?;
        return Ok((format!("SELECT * FROM {}.{}", quoted(schema), quoted(table)), false));
    }
    let query = setting("query").ok_or_else(|| rejected("query", "query is empty"))?;
    let query = guard::check(query, db.dialect).map_err(|why| rejected("query", why))?;
    Ok((query.to_owned(), true))
}

fn reading(db: &Db, trouble: &Trouble, settings: &Values, is_typed: bool) -> Fault {
    let fault = db.about.fault(trouble);
    let object: &[&str] = if is_typed { &["query"] } else { &["schema", "table"] };
    match (fault.cause, is_typed) {
        (Cause::Forbidden, false) => {
            let schema =
                settings.get("schema").map(|text| text.trim()).or(db.about.database.as_deref());
            let cure =
                db.about.right("SELECT", schema, settings.get("table").map(|text| text.trim()));
            fault.marks(object).cure(cure)
        }
        (
            Cause::Forbidden
            | Cause::RequestRejected
            | Cause::UnknownObject
            | Cause::UnknownDatabase
            | Cause::Timeout,
            _,
        ) => fault.marks(object),
        _ => fault,
    }
}
