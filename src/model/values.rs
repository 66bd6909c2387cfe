//! Non-secret values by field key: a source's settings, the fields of a form.
pub type Values = std::collections::BTreeMap<String, String>;
