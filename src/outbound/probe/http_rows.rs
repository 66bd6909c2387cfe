//! JSON → the rows of a preview: objects become columns, one level deep; the rest is shown as JSON.
use serde_json::Value;

use crate::catalog::service::Dataset;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{CELL_CHARS, PREVIEW_ROWS, Table};
use crate::outbound::{api, pointer};

/// `None`: there is no list at the pointer.
pub fn table(answer: &Value, rows: &str) -> Option<Table> {
    let rows = rows_at(answer, rows)?;
    Some(of_objects(&rows))
}

pub fn of_dataset(answer: &Value, dataset: &Dataset) -> Option<Table> {
    let rows = rows_at(answer, &dataset.rows)?;
    if dataset.first_row_names {
        return Some(of_lists(&rows));
    }
    if dataset.columns.is_empty() {
        return Some(of_objects(&rows));
    }
    let columns =
        dataset.columns.iter().flat_map(|at| pointer::all(answer, at)).map(api::plain).collect();
    let row = |row: &&Value| {
        dataset.cells.iter().flat_map(|at| pointer::all(row, at)).map(cell).collect()
    };
    Some(cut(columns, rows.iter().map(row).collect(), rows.len()))
}

pub fn nothing(rows: &str) -> Fault {
    Fault::new(Cause::MalformedAnswer)
        .marks(&["rows"])
        .detail(format!("the answer has no list at {rows:?}"))
}

fn rows_at<'a>(answer: &'a Value, at: &str) -> Option<Vec<&'a Value>> {
    let found = pointer::all(answer, at);
    match found.as_slice() {
        [Value::Array(list)] => Some(list.iter().collect()),
        [one @ Value::Object(_)] => Some(vec![*one]),
        [] => None,
        // A pointer with `*` found them one by one.
        many if at.contains('*') => Some(many.to_vec()),
        _ => None,
    }
}

fn of_lists(rows: &[&Value]) -> Table {
    let list = |row: &&Value| {
        row.as_array().map(|cells| cells.iter().map(cell).collect::<Vec<_>>()).unwrap_or_default()
    };
    let columns = rows
        .first()
        .map(list)
        .unwrap_or_default()
        .into_iter()
        .map(Option::unwrap_or_default)
        .collect();
    let rest = rows.get(1..).unwrap_or_default();
    cut(columns, rest.iter().map(list).collect(), rest.len())
}

fn of_objects(rows: &[&Value]) -> Table {
    let shown: Vec<Vec<(String, Option<String>)>> =
        rows.iter().take(PREVIEW_ROWS).map(|row| flat(row)).collect();
    let mut columns: Vec<String> = Vec::new();
    for (name, _) in shown.iter().flatten() {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    let of = |row: &Vec<(String, Option<String>)>, column: &String| {
        row.iter().find(|(name, _)| name == column).and_then(|(_, value)| value.clone())
    };
    let cells =
        shown.iter().map(|row| columns.iter().map(|column| of(row, column)).collect()).collect();
    cut(columns, cells, rows.len())
}

/// `{"a": {"b": 1}}` → `a.b`
fn flat(row: &Value) -> Vec<(String, Option<String>)> {
    let Value::Object(map) = row else {
        return vec![("value".to_owned(), cell(row))];
    };
    let mut out = Vec::new();
    for (key, value) in map {
        match value {
            Value::Object(inner) if !inner.is_empty() => {
                out.extend(
                    inner.iter().map(|(name, value)| (format!("{key}.{name}"), cell(value))),
                );
            }
            other => out.push((key.clone(), cell(other))),
        }
    }
    out
}

fn cell(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        other => Some(api::plain(other).chars().take(CELL_CHARS).collect()),
    }
}

/// Every row as long as the columns are many.
fn cut(columns: Vec<String>, mut rows: Vec<Vec<Option<String>>>, total: usize) -> Table {
    rows.truncate(PREVIEW_ROWS);
    for row in &mut rows {
        row.resize(columns.len(), None);
    }
    Table { columns, rows, more: total > PREVIEW_ROWS }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn objects_become_columns_one_level_deep() {
        let answer =
            json!({ "data": [{ "id": 1, "owner": { "name": "A" } }, { "id": 2, "tags": ["x"] }] });
        let table = table(&answer, "/data").unwrap();
        assert_eq!(table.columns, ["id", "owner.name", "tags"]);
        assert_eq!(table.rows[1], [Some("2".to_owned()), None, Some("[\"x\"]".to_owned())]);
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        assert!(table(&json!({ "data": "x" }), "/data").is_none());
        assert!(table(&json!({}), "/data").is_none());
        assert_eq!(table(&json!([]), "").unwrap().rows.len(), 0);
    }

    #[test]
    fn no_more_than_twenty_rows_are_shown() {
        let rows: Vec<Value> = (0..30).map(|n| json!({ "n": n })).collect();
        let table = table(&Value::Array(rows), "").unwrap();
        assert!(table.rows.len() == PREVIEW_ROWS && table.more);
    }
}
