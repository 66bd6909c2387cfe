//! Reads from MySQL: the choices of drop-downs and the first rows.
use super::Db;
use super::connection::Trouble;
use super::errors::{quoted, text};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{LoadedChoice, Table};
use crate::model::values::Values;
use crate::outbound::probe::rows::{self, ASKED_ROWS};
use crate::outbound::probe::steps::Found;

const MOST_CHOICES: usize = 2000;
pub(super) const SYSTEM: &str = "('information_schema', 'performance_schema', 'mysql', 'sys')";

/// Words that a query may begin with. What it does is held by the read-only transaction; this gives the better message.
const READS: &[&str] =
    &["SELECT", "WITH", "VALUES", "TABLE", "SHOW", "DESCRIBE", "DESC", "EXPLAIN"];

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
    let found = db.query(&format!("{sql} LIMIT {MOST_CHOICES}"), MOST_CHOICES).await?;
    let choice = |row: Vec<Option<String>>| match row.as_slice() {
        [Some(value), Some(label)] => {
            Some(LoadedChoice { value: value.clone(), label: label.clone() })
        }
        _ => None,
    };
    Ok(found.rows.into_iter().filter_map(choice).collect())
}

/// In a read-only transaction that ends with the connection; the server stops a statement that takes too long.
pub(super) async fn preview(db: &mut Db, settings: &Values) -> Result<Table, Fault> {
    let (query, is_typed) = statement(db, settings)?;
    let limit = if db.is_mariadb() {
        "SET SESSION max_statement_time = 8"
    } else {
        "SET SESSION max_execution_time = 8000"
    };
    // Servers before these settings go without: the caller's own limit holds.
    db.query(limit, 0).await.ok();
    let most = ASKED_ROWS;
    db.query(&format!("SET SESSION sql_select_limit = {most}, lock_wait_timeout = 3"), 0).await?;
    db.query("START TRANSACTION READ ONLY", 0).await?;
    let found = db
        .connection
        .query(&query, most)
        .await
        .map_err(|trouble| reading(db, &trouble, settings, is_typed))?;
    if found.columns.is_empty() {
        return Err(Fault::new(Cause::RequestRejected)
            .marks(&["query"])
            .detail("This statement has no rows: it must be a SELECT."));
    }
    Ok(rows::table(found.columns, found.rows))
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
    let query = setting("query")
        .ok_or_else(|| rejected("query", "query is empty"))?
        .trim_end_matches([';', ' ', '\n', '\r', '\t']);
    let upper = query.to_uppercase();
    if !READS.contains(&first_word(&upper)) {
        return Err(rejected("query", "The query must read: it begins with SELECT or WITH."));
    }
    // A read-only transaction does not keep a query from writing a file on the server.
    if upper.contains("OUTFILE") || upper.contains("DUMPFILE") {
        return Err(rejected("query", "The query must not write to a file."));
    }
    Ok((query.to_owned(), true))
}

/// Past comments and opening brackets.
fn first_word(mut sql: &str) -> &str {
    loop {
        sql = sql.trim_start_matches(|c: char| c.is_whitespace() || c == '(');
        let rest = if let Some(rest) = sql.strip_prefix("/*") {
            rest.split_once("*/").map(|(_, rest)| rest)
        } else if sql.starts_with("--") || sql.starts_with('#') {
            sql.split_once('\n').map(|(_, rest)| rest)
        } else {
            return sql.split(|c: char| !c.is_alphabetic()).next().unwrap_or_default();
        };
        let Some(rest) = rest else { return "" };
        sql = rest;
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_brackets_do_not_hide_what_a_query_does() {
        assert_eq!(first_word("SELECT 1"), "SELECT");
        assert_eq!(first_word(" /* a */ -- b\n ((SELECT 1))"), "SELECT");
        assert_eq!(first_word("#x\nDELETE FROM t"), "DELETE");
        assert_eq!(first_word("/* open"), "");
    }
}
