//! How nouns are written into columns: codes and JSON as text, moments as microseconds.
use crate::model::time::Moment;

use super::StoreError;

/// The end of an authorization nobody knows: far ahead, so that it can be compared and sorted.
pub const NO_END: i64 = 9_007_199_254_740_991;

/// A word that this version does not know; the row was written by another one.
pub fn unknown(what: &str, code: &str) -> StoreError {
    StoreError::Broken(format!("unknown {what} {code:?}"))
}

pub fn moment(micros: Option<i64>) -> Option<Moment> {
    micros.map(Moment::from_micros)
}

pub fn micros(moment: Option<Moment>) -> Option<i64> {
    moment.map(Moment::micros)
}

/// A list or a map as a JSON text.
pub fn to_json<T: serde::Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value)
        .map_err(|error| StoreError::Broken(format!("cannot be written as JSON: {error}")))
}

pub fn from_json<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, StoreError> {
    serde_json::from_str(text)
        .map_err(|error| StoreError::Broken(format!("a column holds unreadable JSON: {error}")))
}

/// `%text%` for `LIKE … ESCAPE '\'`, folded as the columns are.
pub fn contains_pattern(text: &str) -> String {
    let mut pattern = String::from("%");
    for c in crate::model::name::fold(text).chars() {
        if matches!(c, '\\' | '%' | '_') {
            pattern.push('\\');
        }
        pattern.push(c);
    }
    pattern.push('%');
    pattern
}
