//! How much of a source a preview shows, in words.
use crate::model::table::{COUNTED_COLUMNS, Table};

/// `First 20 rows, and there are more. 500 of 40,000 columns shown.`
pub fn summary(table: &Table) -> String {
    let rows = match (table.rows.len(), table.more) {
        (0, false) => "No rows.".to_owned(),
        (0, true) => "No rows in the part that was read.".to_owned(),
        (1, false) => "1 row.".to_owned(),
        (1, true) => "First row, and there are more.".to_owned(),
        (count, false) => format!("{count} rows."),
        (count, true) => format!("First {count} rows, and there are more."),
    };
    let shown = table.columns.len();
    if table.column_count <= shown {
        return rows;
    }
    let more_than = if table.column_count >= COUNTED_COLUMNS { "more than " } else { "" };
    let count = with_commas(table.column_count);
    format!("{rows} {shown} of {more_than}{count} columns shown.")
}

/// `40000` → `40,000`
fn with_commas(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_left_out_is_said() {
        let table = |rows: usize, more, columns: usize, column_count| Table {
            columns: vec![String::new(); columns],
            column_count,
            rows: vec![vec![]; rows],
            more,
        };
        assert_eq!(summary(&table(0, false, 2, 2)), "No rows.");
        assert_eq!(summary(&table(1, false, 2, 2)), "1 row.");
        assert_eq!(summary(&table(20, true, 2, 2)), "First 20 rows, and there are more.");
        assert_eq!(summary(&table(3, false, 500, 40_000)), "3 rows. 500 of 40,000 columns shown.");
        assert_eq!(
            summary(&table(1, true, 500, COUNTED_COLUMNS)),
            "First row, and there are more. 500 of more than 100,000 columns shown."
        );
    }
}
