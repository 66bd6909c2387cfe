//! Keyset pages: 26 rows are asked for, 25 shown, the last one tells that there is more.

pub const PAGE_SIZE: usize = 25;

/// Where a page starts, as an opaque text of the link; `None` is the first page.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Cursor(pub Option<String>);

#[derive(Clone, Debug)]
pub struct Page<T> {
    pub rows: Vec<T>,
    /// Link text for the next page.
    pub next: Option<String>,
}

impl<T> Page<T> {
    /// Cuts the row too many; `key` gives the cursor of the last row shown.
    pub fn cut(mut rows: Vec<T>, key: impl Fn(&T) -> String) -> Self {
        let more = rows.len() > PAGE_SIZE;
        rows.truncate(PAGE_SIZE);
        let next = if more { rows.last().map(key) } else { None };
        Self { rows, next }
    }
}
