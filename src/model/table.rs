//! Foreign rows as they are shown: a preview, and the choices of a drop-down.

/// At most 20 rows of a real read; cells are cut to 300 characters.
#[derive(Clone, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Table {
    pub columns: Vec<String>,
    /// `None` is SQL's NULL, or a key that a row does not have.
    pub rows: Vec<Vec<Option<String>>>,
    /// There were more rows than shown.
    pub more: bool,
}

pub const PREVIEW_ROWS: usize = 20;
pub const CELL_CHARS: usize = 300;

/// One entry of a drop-down that was loaded from the service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LoadedChoice {
    pub value: String,
    pub label: String,
}
