//! Puts the rows of a preview together, within the limits of `model::table`, while they are read.
use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use crate::model::table::{
    CELL_CHARS, COLUMN_CHARS, COUNTED_COLUMNS, PREVIEW_BYTES, PREVIEW_COLUMNS, PREVIEW_ROWS, Table,
    truncate_text,
};

/// One more row than is shown is asked for: it tells that there are more.
pub const ASKED_ROWS: usize = PREVIEW_ROWS + 1;
/// One character more than is shown is read of a cell, for the same reason.
pub const CELL_READ: usize = CELL_CHARS + 1;
pub const NAME_READ: usize = COLUMN_CHARS + 1;

/// Takes rows until the preview is full. Rows may be ragged: short ones are filled up with `None`, cells that have no
/// column get one.
#[derive(Default)]
pub struct TableBuilder {
    table: Table,
    /// Texts so far.
    bytes: usize,
    /// Cells of the current row that came by position.
    cells: usize,
    /// The positions of columns that came by name, by a hash of it.
    by_name: HashMap<u64, usize>,
    /// Hashes of the names of those that are not shown.
    not_shown: HashSet<u64>,
    hasher: RandomState,
}

impl TableBuilder {
    pub fn with_columns(names: impl IntoIterator<Item = String>) -> Self {
        let mut builder = Self::default();
        for name in names {
            builder.add_column(name);
        }
        builder
    }

    /// Adds a column behind those that are there.
    pub fn add_column(&mut self, name: String) {
        self.table.column_count = (self.table.column_count + 1).min(COUNTED_COLUMNS);
        if self.table.columns.len() < PREVIEW_COLUMNS {
            let name = truncate_text(name, COLUMN_CHARS);
            self.bytes += name.len();
            self.table.columns.push(name);
        }
    }

    /// Says how many columns there are, if not all of them were added.
    pub fn count_columns(&mut self, count: usize) {
        self.table.column_count = count.clamp(self.table.column_count, COUNTED_COLUMNS);
    }

    /// Begins a row. Returns false if the preview is full: then there are more rows, and none is to be added.
    pub fn start_row(&mut self) -> bool {
        let is_full = self.table.rows.len() >= PREVIEW_ROWS || self.bytes >= PREVIEW_BYTES;
        if is_full {
            self.table.more = true;
        } else {
            self.table.rows.push(Vec::new());
            self.cells = 0;
        }
        !is_full
    }

    /// Adds the next cell of the current row. Its text is made only if it is shown.
    pub fn add_cell(&mut self, text: impl FnOnce() -> Option<String>) {
        let at = self.cells;
        self.cells += 1;
        if at >= self.table.column_count {
            self.add_column(format!("column {}", at + 1));
        }
        if at < PREVIEW_COLUMNS {
            self.put(at, text());
        }
    }

    /// Returns the name of cells under `key`, which may be as long as the whole answer: it is read once.
    pub fn name(&self, key: &str) -> CellName {
        let start = key.chars().take(COLUMN_CHARS + 1).collect();
        CellName { start, hash: self.hasher.hash_one(key) }
    }

    /// Sets the cell of the current row under `name`, or under `name.inner`. Its text is made only if it is shown.
    pub fn set_cell(
        &mut self,
        name: &CellName,
        inner: Option<&str>,
        text: impl FnOnce() -> Option<String>,
    ) {
        let hash = self.hasher.hash_one((name.hash, inner));
        let mut at = self.by_name.get(&hash).copied();
        let shown = self.table.columns.len();
        if at.is_none() && shown < PREVIEW_COLUMNS {
            at = Some(shown);
            self.by_name.insert(hash, shown);
            self.add_column(name.joined(inner));
        } else if at.is_none()
            && self.table.column_count < COUNTED_COLUMNS
            && self.not_shown.insert(hash)
        {
            self.add_column(String::new());
        }
        if let Some(at) = at {
            self.put(at, text());
        }
    }

    fn put(&mut self, at: usize, text: Option<String>) {
        let Some(row) = self.table.rows.last_mut() else { return };
        if row.len() <= at {
            row.resize(at + 1, None);
        }
        if let Some(cell) = row.get_mut(at) {
            *cell = text.map(|text| truncate_text(text, CELL_CHARS));
            self.bytes += cell.as_ref().map_or(0, String::len);
        }
    }

    /// Says that not all was read.
    pub fn note_more(&mut self) {
        self.table.more = true;
    }

    pub fn has_rows(&self) -> bool {
        !self.table.rows.is_empty()
    }

    pub fn finish(mut self) -> Table {
        for row in &mut self.table.rows {
            row.resize(self.table.columns.len(), None);
        }
        self.table
    }
}

/// A key of an object: its beginning, and a hash that tells it from others.
pub struct CellName {
    start: String,
    hash: u64,
}

impl CellName {
    fn joined(&self, inner: Option<&str>) -> String {
        let cut = |text: &str| text.chars().take(COLUMN_CHARS + 1).collect::<String>();
        inner.map_or_else(|| self.start.clone(), |inner| format!("{}.{}", self.start, cut(inner)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn add_row(builder: &mut TableBuilder, cells: &[Option<&str>]) -> bool {
        let is_taken = builder.start_row();
        for cell in cells.iter().filter(|_| is_taken) {
            builder.add_cell(|| cell.map(str::to_owned));
        }
        is_taken
    }

    #[test]
    fn ragged_rows_are_filled_and_long_cells_are_cut() {
        let mut builder = TableBuilder::with_columns(["a".to_owned()]);
        add_row(&mut builder, &[Some(&"é".repeat(400)), Some("x")]);
        add_row(&mut builder, &[]);
        let table = builder.finish();
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
        let mut builder = TableBuilder::with_columns(["a".to_owned()]);
        let taken = (0..ASKED_ROWS).filter(|_| add_row(&mut builder, &[None])).count();
        let table = builder.finish();
        assert_eq!((taken, table.rows.len(), table.more), (PREVIEW_ROWS, PREVIEW_ROWS, true));
    }

    #[test]
    fn columns_beyond_the_limit_are_counted_and_their_texts_are_never_made() {
        let mut builder = TableBuilder::default();
        for row in 0..2 {
            assert!(builder.start_row());
            for number in 0..1000 {
                let name = builder.name(&format!("k{}", number + row * 500));
                builder.set_cell(&name, None, || {
                    assert!(number < PREVIEW_COLUMNS);
                    Some("x".to_owned())
                });
            }
        }
        let table = builder.finish();
        assert_eq!((table.columns.len(), table.column_count), (PREVIEW_COLUMNS, 1500));
        let shown = |row: &Vec<Option<String>>| row.iter().flatten().count();
        assert_eq!(table.rows.iter().map(shown).collect::<Vec<_>>(), [500, 0]);
    }

    #[test]
    fn columns_are_not_counted_without_end() {
        let mut builder = TableBuilder::default();
        builder.start_row();
        for number in 0..COUNTED_COLUMNS + 10 {
            let name = builder.name(&number.to_string());
            builder.set_cell(&name, None, || None);
        }
        assert_eq!(builder.finish().column_count, COUNTED_COLUMNS);
    }

    #[test]
    fn a_preview_that_is_full_of_bytes_takes_no_more_rows() {
        let mut builder = TableBuilder::default();
        let wide: Vec<String> = (0..PREVIEW_COLUMNS).map(|_| "😀".repeat(CELL_CHARS)).collect();
        let wide: Vec<Option<&str>> = wide.iter().map(|cell| Some(cell.as_str())).collect();
        assert!(add_row(&mut builder, &wide), "one row is always shown");
        assert!(!add_row(&mut builder, &wide));
        let table = builder.finish();
        assert!(table.rows.len() == 1 && table.more);
    }

    #[test]
    fn long_names_are_cut_before_they_are_joined_and_stay_apart() {
        let long = "x".repeat(1_000_000);
        let mut builder = TableBuilder::default();
        builder.start_row();
        let name = builder.name(&long);
        for inner in ["a", "b"] {
            builder.set_cell(&name, Some(inner), || Some(inner.to_owned()));
        }
        let table = builder.finish();
        assert_eq!(table.rows, [[Some("a".to_owned()), Some("b".to_owned())]]);
        assert!(table.columns.iter().all(|name| name.chars().count() == COLUMN_CHARS + 1));
    }
}
