//! JSON → the rows of a preview: objects become columns, one level deep; the rest is shown as JSON.
use std::ops::ControlFlow;

use super::rows::{ASKED_ROWS, CELL_READ, NAME_READ, TableBuilder};
use crate::catalog::service::Dataset;
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::{COUNTED_COLUMNS, Table};
use crate::outbound::json::Json;

/// Where the rows are in an answer. It owns its pointers: rows are read on a thread for computing.
#[derive(Default)]
pub struct RowsSpec {
    rows: String,
    columns: Vec<String>,
    cells: Vec<String>,
    first_row_names: bool,
}

impl RowsSpec {
    pub fn at(rows: &str) -> Self {
        Self { rows: rows.to_owned(), ..Self::default() }
    }

    pub fn of_dataset(dataset: &Dataset) -> Self {
        Self {
            rows: dataset.rows.clone(),
            columns: dataset.columns.clone(),
            cells: dataset.cells.clone(),
            first_row_names: dataset.first_row_names,
        }
    }

    /// Reads the first rows of an answer.
    pub fn read(&self, answer: Json<'_>) -> Result<Table, Fault> {
        let Some(rows) = rows_at(answer, &self.rows) else {
            let said = format!("the answer has no list at {:?}", self.rows);
            return Err(Fault::new(Cause::MalformedAnswer).marks(&["rows"]).detail(said));
        };
        let mut table = TableBuilder::default();
        if self.first_row_names {
            of_lists(&rows, &mut table);
        } else if self.columns.is_empty() {
            of_objects(&rows, &mut table)?;
        } else {
            self.of_pointers(answer, &rows, &mut table);
        }
        Ok(table.finish())
    }

    fn of_pointers(&self, answer: Json<'_>, rows: &[Json<'_>], table: &mut TableBuilder) {
        let mut left = COUNTED_COLUMNS;
        for at in &self.columns {
            answer.walk(at, &mut |name| {
                table.add_column(name.plain(NAME_READ));
                left = left.saturating_sub(1);
                if left > 0 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
        }
        for row in rows {
            if !table.start_row() {
                break;
            }
            for at in &self.cells {
                row.walk(at, &mut |cell| {
                    table.add_cell(|| cell.cell(CELL_READ));
                    ControlFlow::Continue(())
                });
            }
        }
    }
}

/// Returns the first rows, one more than is shown. `None`: there is no list at the pointer.
fn rows_at<'a>(answer: Json<'a>, at: &str) -> Option<Vec<Json<'a>>> {
    // A pointer with `*` finds them one by one; of two things at a pointer neither is the list.
    let found = answer.find(at, ASKED_ROWS + 1);
    match found.as_slice() {
        [list] if list.is_array() => Some(list.find("/*", ASKED_ROWS + 1)),
        [one] if one.is_object() => Some(found),
        [] => None,
        _ if at.contains('*') => Some(found),
        _ => None,
    }
}

fn of_lists(rows: &[Json<'_>], table: &mut TableBuilder) {
    let mut rows = rows.iter();
    if let Some(names) = rows.next() {
        names.each_element(|name| {
            table.add_column(name.cell(NAME_READ).unwrap_or_default());
            ControlFlow::Continue(())
        });
    }
    for row in rows {
        if !table.start_row() {
            break;
        }
        row.each_element(|cell| {
            table.add_cell(|| cell.cell(CELL_READ));
            ControlFlow::Continue(())
        });
    }
}

fn of_objects(rows: &[Json<'_>], table: &mut TableBuilder) -> Result<(), Fault> {
    for row in rows {
        if !table.start_row() {
            break;
        }
        add_object(*row, table).map_err(|error| {
            Fault::new(Cause::MalformedAnswer).marks(&["rows"]).detail(error.to_string())
        })?;
    }
    Ok(())
}

/// Adds the cells of one row: `{"a": {"b": 1}}` → `a.b`.
pub fn add_object(row: Json<'_>, table: &mut TableBuilder) -> Result<(), serde_json::Error> {
    if !row.is_object() {
        let name = table.name("value");
        table.set_cell(&name, None, || row.cell(CELL_READ));
        return Ok(());
    }
    let mut broken = None;
    row.each_member(|key, value| {
        let name = table.name(key);
        let mut is_flat = true;
        if value.is_object() {
            let read = value.each_member(|inner, value| {
                is_flat = false;
                table.set_cell(&name, Some(inner), || value.cell(CELL_READ));
            });
            broken = read.err().or(broken.take());
        }
        if is_flat {
            table.set_cell(&name, None, || value.cell(CELL_READ));
        }
    })?;
    broken.map_or(Ok(()), Err)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::PREVIEW_ROWS;

    fn table(answer: &str, rows: &str) -> Result<Table, Fault> {
        RowsSpec::at(rows).read(Json::parse(answer).unwrap())
    }

    #[test]
    fn objects_become_columns_one_level_deep() {
        let answer = r#"{ "data": [
            { "id": 1, "owner": { "name": "A" }, "none": {} }, { "id": 2, "tags": [ "x" ] }
        ] }"#;
        let table = table(answer, "/data").unwrap();
        assert_eq!(table.columns, ["id", "owner.name", "none", "tags"]);
        assert_eq!(table.rows[0].last(), Some(&None));
        assert_eq!(table.rows[1], [Some("2".into()), None, None, Some("[\"x\"]".into())]);
    }

    #[test]
    fn what_is_no_list_is_said_to_be_none() {
        assert!(table(r#"{ "data": "x" }"#, "/data").is_err());
        assert!(table("{}", "/data").is_err());
        assert_eq!(table("[]", "").unwrap().rows.len(), 0);
        assert_eq!(table("[1, \"x\"]", "").unwrap().columns, ["value"]);
    }

    #[test]
    fn rows_are_found_one_by_one() {
        let answer = r#"{ "pages": [{ "row": { "n": 1 } }, { "row": { "n": 2 } }] }"#;
        assert_eq!(table(answer, "/pages/*/row").unwrap().rows.len(), 2);
        let lists = r#"{ "pages": [{ "rows": [{ "n": 1 }] }] }"#;
        assert_eq!(table(lists, "/pages/*/rows/*").unwrap().rows.len(), 1);
    }

    #[test]
    fn no_more_than_twenty_rows_are_shown() {
        let answer = format!("[{}{{}}]", "{\"n\":1},".repeat(29));
        let table = table(&answer, "").unwrap();
        assert!(table.rows.len() == PREVIEW_ROWS && table.more);
    }

    #[test]
    fn lists_are_named_by_pointers_or_by_their_first_row() {
        let answer = r#"{ "names": [{ "n": "a" }, { "n": "b" }], "rows": [{ "v": [1, null] }] }"#;
        let spec = RowsSpec {
            rows: "/rows".to_owned(),
            columns: vec!["/names/*/n".to_owned()],
            cells: vec!["/v/*".to_owned()],
            first_row_names: false,
        };
        let table = spec.read(Json::parse(answer).unwrap()).unwrap();
        assert_eq!(
            (table.columns, &table.rows[0]),
            (vec!["a".into(), "b".into()], &vec![Some("1".to_owned()), None])
        );
        let named = RowsSpec { first_row_names: true, ..RowsSpec::default() };
        let table = named.read(Json::parse(r#"[["a", "b"], [1], [2, 3]]"#).unwrap()).unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        assert_eq!(table.rows, [[Some("1".into()), None], [Some("2".into()), Some("3".into())]]);
    }

    #[test]
    fn a_row_of_a_million_keys_is_read_in_one_go() {
        let keys: String = (0..1_000_000).map(|n| format!("\"k{n}\":1,")).collect();
        let answer = format!("[{{{keys}\"last\":1}}]");
        let table = table(&answer, "").unwrap();
        assert_eq!((table.columns.len(), table.column_count), (500, COUNTED_COLUMNS));
    }
}
