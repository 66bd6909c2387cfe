//! Foreign rows, made fit to be shown: at most `PREVIEW_ROWS`, cells cut to `CELL_CHARS`.
use crate::model::table::{CELL_CHARS, PREVIEW_ROWS, Table};

/// One more row than is shown is asked for: it tells that there are more.
pub const ASKED_ROWS: usize = PREVIEW_ROWS + 1;

/// Puts rows together. Rows may be ragged: short ones are filled up, long ones get columns without a name.
pub fn table(mut columns: Vec<String>, mut rows: Vec<Vec<Option<String>>>) -> Table {
    let more = rows.len() > PREVIEW_ROWS;
    rows.truncate(PREVIEW_ROWS);
    let width = rows.iter().map(Vec::len).max().unwrap_or(0).max(columns.len());
    for number in columns.len()..width {
        columns.push(format!("column {}", number + 1));
    }
    for row in &mut rows {
        row.resize(width, None);
        for cell in row.iter_mut().flatten() {
            cut(cell);
        }
    }
    columns.iter_mut().for_each(cut);
    Table { columns, rows, more }
}

fn cut(cell: &mut String) {
    if let Some((at, _)) = cell.char_indices().nth(CELL_CHARS) {
        cell.truncate(at);
        cell.push('…');
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ragged_rows_are_filled_and_long_cells_are_cut() {
        let table =
            table(vec!["a".into()], vec![vec![Some("é".repeat(400)), Some("x".into())], vec![]]);
        assert_eq!(table.columns, ["a", "column 2"]);
        assert_eq!(
            table.rows[0][0].as_ref().map(|cell| cell.chars().count()),
            Some(CELL_CHARS + 1)
        );
        assert_eq!(table.rows[1], [None, None]);
        assert!(!table.more);
    }

    #[test]
    fn the_twenty_first_row_only_says_that_there_are_more() {
        let table = table(vec!["a".into()], vec![vec![None]; ASKED_ROWS]);
        assert_eq!((table.rows.len(), table.more), (PREVIEW_ROWS, true));
    }
}
