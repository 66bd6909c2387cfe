//! The one checker of forms that service files describe: raw entries → values, or every complaint at once.
mod formats;
pub mod known;
mod values;

use std::collections::BTreeMap;

use crate::catalog::field::{FieldKind, FieldSpec};
use crate::model::credentials::Secret;
use crate::model::problems::{Complaint, Problems};

/// Settings are plain texts, the fields of an account are secrets: both are checked alike.
pub trait Entry: Clone {
    fn text(&self) -> &str;
    fn of(text: String) -> Self;
}

impl Entry for String {
    fn text(&self) -> &str {
        self
    }
    fn of(text: String) -> Self {
        text
    }
}

impl Entry for Secret {
    fn text(&self) -> &str {
        self.expose()
    }
    fn of(text: String) -> Self {
        Self::new(text)
    }
}

/// How the form is asked.
#[derive(Clone, Copy, Debug, Default)]
pub struct Asked<'a> {
    /// Keys of secrets that are kept when their entry is empty.
    pub stored: &'a [String],
    /// `http://` addresses are accepted: the operator opened them. Where they lead is checked at the call.
    pub http_allowed: bool,
    /// Nothing is missed: the form is not finished (*Load choices*).
    pub is_partial: bool,
}

/// Checks the entries of a form. Fields that are not asked for (`when`) are ignored, empty ones take their default,
/// empty optional ones are left out, and so are secrets that stay as stored.
pub fn check<T: Entry>(
    specs: &[FieldSpec],
    raw: &BTreeMap<String, T>,
    asked: &Asked<'_>,
) -> Result<BTreeMap<String, T>, Problems> {
    let (found, mut problems) = evaluate(specs, raw, asked);
    check_passphrases(specs, &found, asked, &mut problems);
    problems.or(found)
}

/// What is fine and what is not, of the fields that are asked for.
fn evaluate<T: Entry>(
    specs: &[FieldSpec],
    raw: &BTreeMap<String, T>,
    asked: &Asked<'_>,
) -> (BTreeMap<String, T>, Problems) {
    let mut found: BTreeMap<String, T> = BTreeMap::new();
    let mut problems = Problems::new();
    let mut waiting: Vec<&FieldSpec> = specs.iter().filter(|spec| !spec.is_note()).collect();
    // A field may depend on one that stands after it: whoever is depended on goes first.
    while let Some(at) = waiting.iter().position(|spec| !depends_on_one_of(spec, &waiting)) {
        let spec = waiting.remove(at);
        if !spec.is_asked_by(|key| found.get(key).map(T::text)) {
            continue;
        }
        let text = raw.get(&spec.key).map(T::text).unwrap_or_default();
        match check_one(spec, text, asked) {
            Ok(Some(value)) => {
                found.insert(spec.key.clone(), T::of(value));
            }
            Ok(None) => {}
            Err(complaint) => problems.add(&spec.key, complaint),
        }
    }
    (found, problems)
}

fn depends_on_one_of(spec: &FieldSpec, waiting: &[&FieldSpec]) -> bool {
    spec.when.as_ref().is_some_and(|when| {
        waiting.iter().any(|other| other.key == when.field && other.key != spec.key)
    })
}

fn check_one(spec: &FieldSpec, text: &str, asked: &Asked<'_>) -> Result<Option<String>, Complaint> {
    if text.len() > spec.limit() {
        return Err(match spec.kind {
            FieldKind::SecretFile => Complaint::FileTooLarge { max: spec.limit() },
            _ => Complaint::TooLong { max: spec.limit() },
        });
    }
    let text = values::tidy(spec, text)?;
    if !text.is_empty() {
        return values::check(spec, text, asked).map(Some);
    }
    if spec.secret && asked.stored.contains(&spec.key) {
        return Ok(None);
    }
    match &spec.default {
        Some(default) => Ok(Some(default.clone())),
        None if spec.kind == FieldKind::Boolean => Ok(Some("false".to_owned())),
        None if spec.required && !asked.is_partial => Err(Complaint::Required),
        None => Ok(None),
    }
}

/// An encrypted private key needs its passphrase.
fn check_passphrases<T: Entry>(
    specs: &[FieldSpec],
    found: &BTreeMap<String, T>,
    asked: &Asked<'_>,
    problems: &mut Problems,
) {
    for spec in specs {
        let (Some(passphrase), Some(key)) = (&spec.passphrase_in, found.get(&spec.key)) else {
            continue;
        };
        if formats::is_encrypted(key.text())
            && !found.contains_key(passphrase)
            && !asked.stored.contains(passphrase)
        {
            problems.add(passphrase, Complaint::EncryptedKey);
        }
    }
}

#[cfg(test)]
mod tests;
