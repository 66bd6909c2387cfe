//! A body's entries → raw values by key, ready for `domain::fields::check`.
use std::collections::BTreeMap;

use crate::catalog::field::{FieldKind, FieldSpec};
use crate::domain::fields::Entry;

/// What was sent for `specs`. `sent` finds the last entry of a name; the names carry `prefix`.
/// An uploaded file (`<key>__file`) wins over what was pasted; a box that is not ticked says `false`.
pub fn entries<'a, T: Entry>(
    specs: &[FieldSpec],
    prefix: &str,
    sent: impl Fn(&str) -> Option<&'a str>,
) -> BTreeMap<String, T> {
    let mut values = BTreeMap::new();
    for spec in specs.iter().filter(|spec| !spec.is_note()) {
        let name = format!("{prefix}{}", spec.key);
        let file = sent(&format!("{name}__file"))
            .filter(|text| spec.kind == FieldKind::SecretFile && !text.trim().is_empty());
        let text = match (file.or_else(|| sent(&name)), spec.kind) {
            (Some(text), _) => text,
            (None, FieldKind::Boolean) => "false",
            (None, _) => continue,
        };
        values.insert(spec.key.clone(), T::of(text.to_owned()));
    }
    values
}

/// The entries that may be drawn again: everything but secrets.
pub fn drawable<T: Entry>(
    specs: &[FieldSpec],
    values: &BTreeMap<String, T>,
) -> BTreeMap<String, String> {
    let open = specs.iter().filter(|spec| !spec.secret);
    open.filter_map(|spec| {
        values.get(&spec.key).map(|value| (spec.key.clone(), value.text().to_owned()))
    })
    .collect()
}
