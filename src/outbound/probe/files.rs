//! Files as tables: the first rows of CSV and JSON Lines, and which file of a folder is shown.
use crate::model::cause::Cause;
use crate::model::report::Fault;
use crate::model::table::Table;
use crate::model::values::Values;

use super::rows::{self, ASKED_ROWS};

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
pub fn newest(files: Vec<Listed>) -> Option<Listed> {
    let is_hidden = |file: &Listed| {
        file.path.rsplit('/').next().is_some_and(|name| name.starts_with('.') || name.is_empty())
    };
    let shown = files.into_iter().filter(|file| !is_hidden(file));
    shown.max_by(|a, b| a.changed.cmp(&b.changed).then_with(|| b.path.cmp(&a.path)))
}

/// The first rows of a file, of which `head` is the beginning, or all if `is_whole`.
pub fn table(name: &str, head: &[u8], is_whole: bool, settings: &Values) -> Result<Table, Fault> {
    if head.starts_with(&[0x1f, 0x8b])
        || head.starts_with(b"PK\x03\x04")
        || head.starts_with(b"PAR1")
    {
        let said =
            format!("{name} is compressed or binary; only plain CSV and JSON Lines are shown.");
        return Err(Fault::new(Cause::RequestRejected).marks(&["path"]).detail(said));
    }
    let head = head.strip_prefix(b"\xef\xbb\xbf").unwrap_or(head);
    // The last line of a beginning is likely cut in the middle.
    let end = if is_whole {
        head.len()
    } else {
        head.iter().rposition(|byte| *byte == b'\n').map_or(head.len(), |at| at + 1)
    };
    let text = String::from_utf8_lossy(head.get(..end).unwrap_or(head));
    let mut table = match settings.get("format").map(String::as_str) {
        Some("jsonl") => json_lines(name, &text)?,
        _ => csv(name, &text, settings)?,
    };
    table.more |= !is_whole;
    Ok(table)
}

fn csv(name: &str, text: &str, settings: &Values) -> Result<Table, Fault> {
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
    let mut found = Vec::new();
    for record in reader.records().take(ASKED_ROWS + usize::from(has_header)) {
        let record = record.map_err(|error| unreadable(name, &error.to_string()))?;
        found.push(record.iter().map(|cell| Some(cell.to_owned())).collect::<Vec<_>>());
    }
    let columns = if has_header && !found.is_empty() {
        found.remove(0).into_iter().flatten().collect()
    } else {
        Vec::new()
    };
    Ok(rows::table(columns, found))
}

fn json_lines(name: &str, text: &str) -> Result<Table, Fault> {
    let mut columns: Vec<String> = Vec::new();
    let mut found = Vec::new();
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    for (number, line) in lines.take(ASKED_ROWS) {
        let value = serde_json::from_str(line)
            .map_err(|error| unreadable(name, &format!("line {}: {error}", number + 1)))?;
        let members: Vec<(String, serde_json::Value)> = match value {
            serde_json::Value::Object(members) => members.into_iter().collect(),
            serde_json::Value::Array(items) => {
                items.into_iter().enumerate().map(|(at, item)| (format!("{at}"), item)).collect()
            }
            other => vec![("value".to_owned(), other)],
        };
        for (key, _) in &members {
            if !columns.contains(key) {
                columns.push(key.clone());
            }
        }
        found.push(members);
    }
    let cell = |members: &[(String, serde_json::Value)], column: &String| match members
        .iter()
        .find(|(key, _)| key == column)?
    {
        (_, serde_json::Value::Null) => None,
        (_, serde_json::Value::String(text)) => Some(text.clone()),
        (_, other) => Some(other.to_string()),
    };
    let found = found
        .iter()
        .map(|members| columns.iter().map(|column| cell(members, column)).collect())
        .collect();
    Ok(rows::table(columns, found))
}

fn unreadable(name: &str, said: &str) -> Fault {
    Fault::new(Cause::RequestRejected)
        .marks(&["format"])
        .detail(format!("{name} cannot be read in this format: {said}"))
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let found = newest(vec![file("a/.x", 9), file("a/b", 2), file("a/a", 2), file("a/", 5)]);
        assert_eq!(found.map(|file| file.path), Some("a/a".to_owned()));
        assert!(newest(vec![]).is_none());
    }
}
