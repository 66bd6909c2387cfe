//! `FieldSpec` → `FieldState`: service files draw the same forms as hand-written ones.
use std::collections::BTreeMap;

use super::state::{ChoiceState, FieldState, FormState, InputKind, id_of};
use super::wording;
use crate::catalog::field::{FieldKind, FieldSpec};
use crate::model::problems::Problems;
use crate::model::table::LoadedChoice;
use crate::model::values::Values;

/// What fills a form.
#[derive(Clone, Copy)]
pub struct Fill<'a> {
    /// What was typed or is stored, without prefix. Secrets in it are not drawn.
    pub values: &'a Values,
    /// Complaints; their field names carry the prefix.
    pub problems: &'a Problems,
    /// Keys of secrets that an empty entry keeps.
    pub stored: &'a [String],
    /// Loaded choices by key of setting.
    pub loaded: &'a BTreeMap<String, Vec<LoadedChoice>>,
    /// Before every name: `account.`.
    pub prefix: &'a str,
    /// What is stored, if a stored account is edited: of that, fields that cannot change after creation are locked.
    pub locks: Option<&'a Values>,
}

static NO_VALUES: Values = BTreeMap::new();
static NO_CHOICES: BTreeMap<String, Vec<LoadedChoice>> = BTreeMap::new();

impl<'a> Fill<'a> {
    /// An empty form is `Fill::with(&Values::new(), &Problems::new())`.
    pub fn with(values: &'a Values, problems: &'a Problems) -> Self {
        Self { values, problems, stored: &[], loaded: &NO_CHOICES, prefix: "", locks: None }
    }

    /// A form that nobody has filled yet.
    pub fn nothing(problems: &'a Problems) -> Self {
        Self::with(&NO_VALUES, problems)
    }

    #[must_use]
    pub fn prefix(mut self, prefix: &'a str) -> Self {
        self.prefix = prefix;
        self
    }

    #[must_use]
    pub fn stored(mut self, keys: &'a [String]) -> Self {
        self.stored = keys;
        self
    }

    #[must_use]
    pub fn loaded(mut self, loaded: &'a BTreeMap<String, Vec<LoadedChoice>>) -> Self {
        self.loaded = loaded;
        self
    }

    #[must_use]
    pub fn locks(mut self, stored: Option<&'a Values>) -> Self {
        self.locks = stored;
        self
    }
}

/// The form of `specs`. General complaints are not taken: the page that owns the whole form draws them.
pub fn form(specs: &[FieldSpec], fill: &Fill<'_>) -> FormState {
    FormState::new(specs.iter().map(|spec| field(spec, fill)).collect())
}

fn field(spec: &FieldSpec, fill: &Fill<'_>) -> FieldState {
    let name = format!("{}{}", fill.prefix, spec.key);
    let typed = fill.values.get(&spec.key).cloned();
    let value = if spec.secret {
        String::new()
    } else {
        typed.or_else(|| spec.default.clone()).unwrap_or_default()
    };
    let loaded = fill.loaded.get(&spec.key);
    // Where nothing is stored there is nothing to protect, and it can only be typed.
    let is_stored = |stored: &Values| stored.get(&spec.key).is_some_and(|value| !value.is_empty());
    let mut state = FieldState {
        id: id_of(&name),
        label: spec.label.clone(),
        hint: spec.help.clone(),
        kind: input_kind(spec, loaded.is_some()),
        value,
        choices: choices(spec, loaded.map(Vec::as_slice).unwrap_or_default()),
        required: spec.required,
        secret: spec.secret,
        is_stored: spec.secret && fill.stored.contains(&spec.key),
        is_locked: spec.immutable && fill.locks.is_some_and(is_stored),
        autocomplete: spec.autocomplete.clone(),
        inputmode: inputmode(spec.kind).map(str::to_owned),
        placeholder: spec.placeholder.clone(),
        accept: spec.accept.clone(),
        group: spec.group.clone(),
        advanced: spec.advanced,
        half: spec.half,
        is_port: spec.kind == FieldKind::Port,
        when: spec
            .when
            .as_ref()
            .map(|when| (format!("{}{}", fill.prefix, when.field), when.is.clone())),
        is_waiting: spec.load.is_some() && loaded.is_none(),
        ..FieldState::default()
    };
    state.problems =
        fill.problems.of(&name).map(|complaint| wording::say(complaint, &state)).collect();
    state.name = name;
    state.choose();
    state
}

/// A list that is not loaded yet is a text field: nobody is kept from typing what he knows.
fn input_kind(spec: &FieldSpec, is_loaded: bool) -> InputKind {
    match spec.kind {
        FieldKind::Select if spec.load.is_some() && !is_loaded && spec.options.is_empty() => {
            InputKind::Text
        }
        FieldKind::Select => InputKind::Select,
        FieldKind::Choice => InputKind::Choice,
        FieldKind::Multiline | FieldKind::Json if spec.secret => InputKind::SecretMultiline,
        FieldKind::Multiline | FieldKind::Json => InputKind::Multiline,
        FieldKind::Email => InputKind::Email,
        FieldKind::Boolean => InputKind::Checkbox,
        FieldKind::Secret => InputKind::Password,
        FieldKind::SecretMultiline => InputKind::SecretMultiline,
        FieldKind::SecretFile => InputKind::File,
        FieldKind::Note => InputKind::Note,
        FieldKind::Text
        | FieldKind::Host
        | FieldKind::Port
        | FieldKind::Url
        | FieldKind::Integer => InputKind::Text,
    }
}

fn inputmode(kind: FieldKind) -> Option<&'static str> {
    match kind {
        FieldKind::Port | FieldKind::Integer => Some("numeric"),
        FieldKind::Host | FieldKind::Url => Some("url"),
        _ => None,
    }
}

fn choices(spec: &FieldSpec, loaded: &[LoadedChoice]) -> Vec<ChoiceState> {
    let own = spec.options.iter().map(|option| ChoiceState {
        value: option.value.clone(),
        label: option.label.clone(),
        hint: option.help.clone(),
        ..ChoiceState::default()
    });
    let found = loaded.iter().map(|choice| ChoiceState {
        value: choice.value.clone(),
        label: choice.label.clone(),
        ..ChoiceState::default()
    });
    own.chain(found).collect()
}
