//! Files as tables: the first rows of CSV and JSON Lines, and which file of a folder is shown.
use std::ops::ControlFlow;

use super::rows::{CELL_READ, TableBuilder};
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::Table;
use crate::model::values::Values;
use crate::outbound::Outbound;
use crate::outbound::json::Json;

/// How much of a file is read.
pub const HEAD_BYTES: usize = 256 * 1024;

/// The name of an object that proves the right to write, until it is deleted a moment later.
pub fn scratch_name() -> String {
    format!(".authorizers-write-check-{}", crate::crypto::token::random(9).expose())
}

/// A file of a folder that may be shown.
pub struct Listed {
    pub path: String,
    /// Seconds or anything else that grows.
    pub changed: i64,
}

/// The newest file; of equally old ones, the first by name. Hidden files are left out.
pub fn newest(files: impl Iterator<Item = Listed>) -> Option<Listed> {
    let is_hidden = |file: &Listed| {
        file.path.rsplit('/').next().is_some_and(|name| name.starts_with('.') || name.is_empty())
    };
    let shown = files.filter(|file| !is_hidden(file));
    shown.max_by(|a, b| a.changed.cmp(&b.changed).then_with(|| b.path.cmp(&a.path)))
}

/// The beginning of a file.
pub struct Head {
    pub name: String,
    pub bytes: Vec<u8>,
    /// The bytes are all that there are.
    pub is_whole: bool,
}

/// Reads the first rows of a file on a thread for computing.
pub async fn preview(out: &Outbound, head: Head, settings: &Values) -> Result<Table, Fault> {
    let settings = settings.clone();
    out.compute().run(move || table(&head, &settings)).await?
}

fn table(head: &Head, settings: &Values) -> Result<Table, Fault> {
    let (name, bytes) = (head.name.as_str(), head.bytes.as_slice());
    if bytes.starts_with(&[0x1f, 0x8b])
        || bytes.starts_with(b"PK\x03\x04")
        || bytes.starts_with(b"PAR1")
    {
        let said =
            format!("{name} is compressed or binary; only plain CSV and JSON Lines are shown.");
        return Err(Fault::new(Cause::RequestRejected).marks(&["path"]).detail(said));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    // The last line of a beginning is likely cut in the middle.
    let end = if head.is_whole {
        bytes.len()
    } else {
        bytes.iter().rposition(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1)
    };
    let text = String::from_utf8_lossy(bytes.get(..end).unwrap_or(bytes));
    let mut table = match settings.get("format").map(String::as_str) {
        Some("jsonl") => json_lines(name, &text)?,
        _ => csv(name, &text, settings)?,
    };
    if !head.is_whole {
        table.note_more();
    }
    Ok(table.finish())
}

fn csv(name: &str, text: &str, settings: &Values) -> Result<TableBuilder, Fault> {
    let delimiter = match settings.get("delimiter").map(String::as_str) {
        None | Some("") => b',',
        Some("tab" | "\t" | "\\t") => b'\t',
        Some(other) => other.bytes().next().unwrap_or(b','),
    };
    let has_header = settings
        .get("header")
        .is_none_or(|value| matches!(value.as_str(), "true" | "on" | "1" | "yes"));
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter)
        .from_reader(text.as_bytes());
    let mut table = TableBuilder::default();
    let mut record = csv::StringRecord::new();
    let mut is_header = has_header;
    while reader.read_record(&mut record).map_err(|error| unreadable(name, &error.to_string()))? {
        if is_header {
            record.iter().for_each(|name| table.add_column(name.to_owned()));
            is_header = false;
            continue;
        }
        if !table.start_row() {
            break;
        }
        record.iter().for_each(|cell| table.add_cell(|| Some(cell.to_owned())));
    }
    Ok(table)
}

fn json_lines(name: &str, text: &str) -> Result<TableBuilder, Fault> {
    let mut table = TableBuilder::default();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines {
        if !table.start_row() {
            break;
        }
        let read = Json::parse(line).and_then(|row| add_line(row, &mut table));
        read.map_err(|error| unreadable(name, &format!("line {}: {error}", number + 1)))?;
    }
    Ok(table)
}

fn add_line(row: Json<'_>, table: &mut TableBuilder) -> Result<(), serde_json::Error> {
    if row.is_object() {
        return row.each_member(|key, value| {
            let name = table.name(key);
            table.set_cell(&name, None, || value.cell(CELL_READ));
        });
    }
    if !row.is_array() {
        let name = table.name("value");
        table.set_cell(&name, None, || row.cell(CELL_READ));
        return Ok(());
    }
    let mut at = 0_usize;
    row.each_element(|item| {
        let name = table.name(&at.to_string());
        table.set_cell(&name, None, || item.cell(CELL_READ));
        at += 1;
        ControlFlow::Continue(())
    });
    Ok(())
}

fn unreadable(name: &str, said: &str) -> Fault {
    Fault::new(Cause::RequestRejected)
        .marks(&["format"])
        .detail(format!("{name} cannot be read in this format: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::table::PREVIEW_ROWS;

    fn table(name: &str, bytes: &[u8], is_whole: bool, settings: &Values) -> Result<Table, Fault> {
        super::table(&Head { name: name.to_owned(), bytes: bytes.to_vec(), is_whole }, settings)
    }

    fn settings(pairs: &[(&str, &str)]) -> Values {
        pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect()
    }

    #[test]
    fn csv_with_quotes_and_another_separator_is_read() {
        let text = b"\xef\xbb\xbfid;name\n1;\"a;b\nc\"\n2;\n";
        let table = table("x.csv", text, true, &settings(&[("format", "csv"), ("delimiter", ";")]))
            .unwrap();
        assert_eq!(table.columns, ["id", "name"]);
        assert_eq!(
            table.rows,
            [[Some("1".into()), Some("a;b\nc".into())], [Some("2".into()), Some(String::new())]]
        );
        assert!(!table.more);
    }

    #[test]
    fn without_a_header_the_first_line_is_a_row() {
        let table =
            table("x.csv", b"1,2\n3,4\n5,", false, &settings(&[("header", "false")])).unwrap();
        assert_eq!((table.columns.len(), table.rows.len(), table.more), (2, 2, true));
    }

    #[test]
    fn json_lines_have_the_columns_of_all_lines() {
        let table = table(
            "x",
            b"{\"a\":1}\n\n{\"b\":[1],\"a\":null}\n",
            true,
            &settings(&[("format", "jsonl")]),
        )
        .unwrap();
        assert_eq!(table.columns, ["a", "b"]);
        assert_eq!(table.rows, [[Some("1".into()), None], [None, Some("[1]".into())]]);
    }

    #[test]
    fn lines_behind_the_last_row_are_not_read() {
        let text = format!("{}no JSON", "{\"a\":1}\n".repeat(PREVIEW_ROWS));
        let table = table("x", text.as_bytes(), true, &settings(&[("format", "jsonl")])).unwrap();
        assert_eq!((table.rows.len(), table.more), (PREVIEW_ROWS, true));
    }

    #[test]
    fn another_format_is_said_and_marked() {
        let fault = table("x", b"a,b\n", true, &settings(&[("format", "jsonl")])).unwrap_err();
        assert_eq!(
            (fault.cause, fault.fields),
            (Cause::RequestRejected, vec!["format".to_owned()])
        );
        let fault = table("x.gz", b"\x1f\x8b\x08", true, &settings(&[])).unwrap_err();
        assert_eq!(fault.fields, ["path"]);
    }

    #[test]
    fn the_newest_file_is_shown_and_hidden_ones_are_not() {
        let file = |path: &str, changed| Listed { path: path.to_owned(), changed };
        let found = [file("a/.x", 9), file("a/b", 2), file("a/a", 2), file("a/", 5)];
        let found = newest(found.into_iter());
        assert_eq!(found.map(|file| file.path), Some("a/a".to_owned()));
        assert!(newest(std::iter::empty()).is_none());
    }
}
