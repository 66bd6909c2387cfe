//! Rows of a service as pages show them: a preview, and the choices of a drop-down. Here are the limits of both.

/// The most rows that a preview shows.
pub const PREVIEW_ROWS: usize = 20;
/// The most columns that a preview shows.
pub const PREVIEW_COLUMNS: usize = 500;
/// Columns beyond this number are no longer counted.
pub const COUNTED_COLUMNS: usize = 100_000;
/// A preview takes no further row once its texts have this many bytes.
pub const PREVIEW_BYTES: usize = 512 * 1024;
/// The most characters of a cell that are shown.
pub const CELL_CHARS: usize = 300;
/// The most characters of a column's name that are shown.
pub const COLUMN_CHARS: usize = 100;

/// The most entries of a drop-down that is loaded from a service.
pub const MAX_CHOICES: usize = 5000;
/// An entry with a longer value is left out: a part of the value would be wrong.
pub const CHOICE_BYTES: usize = 1024;

/// The first rows of a real read, within the limits above.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Table {
    pub columns: Vec<String>,
    /// How many columns there are, shown or not; counted up to `COUNTED_COLUMNS`.
    pub column_count: usize,
    /// `None` is SQL's NULL, or a key that a row does not have.
    pub rows: Vec<Vec<Option<String>>>,
    /// There were more rows than shown.
    pub more: bool,
}

/// One entry of a drop-down that was loaded from the service.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct LoadedChoice {
    pub value: String,
    pub label: String,
}

impl LoadedChoice {
    /// Returns `None` for a value that no form should carry: an empty one, or one over `CHOICE_BYTES`.
    pub fn new(value: String, label: String) -> Option<Self> {
        let is_fit = !value.is_empty() && value.len() <= CHOICE_BYTES;
        is_fit.then(|| Self { value, label: truncate_text(label, COLUMN_CHARS) })
    }
}

/// Cuts a text to `most` characters and says so with `…`.
pub fn truncate_text(mut text: String, most: usize) -> String {
    // A character has at least one byte: short texts need no counting.
    if text.len() > most
        && let Some((at, _)) = text.char_indices().nth(most)
    {
        text.truncate(at);
        text.push('…');
        text.shrink_to_fit();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!(truncate_text("éé".to_owned(), 2), "éé");
        assert_eq!(truncate_text("ééé".to_owned(), 2), "éé…");
    }

    #[test]
    fn a_choice_whose_value_would_have_to_be_cut_is_left_out() {
        assert!(LoadedChoice::new("x".repeat(CHOICE_BYTES + 1), "x".to_owned()).is_none());
        assert!(LoadedChoice::new(String::new(), "x".to_owned()).is_none());
        let long = LoadedChoice::new("x".repeat(CHOICE_BYTES), "é".repeat(200)).unwrap();
        assert_eq!(long.label.chars().count(), COLUMN_CHARS + 1);
    }
}
