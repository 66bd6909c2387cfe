//! `FormState`: an ordered list of fields as they are drawn. Secrets never come back in `value`.
use askama::Template;

use super::blocks::{Body, Flat, Summary};

/// A form as it is drawn. `{{ form.summary() }}` and `{{ form.body() }}` in a template draw it.
#[derive(Clone, Debug, Default)]
pub struct FormState {
    pub fields: Vec<FieldState>,
    /// Complaints that belong to no field.
    pub general: Vec<String>,
}

/// One field as it is drawn; `{{ field }}` draws it alone.
#[derive(Clone, Debug, Default, Template)]
#[template(path = "forms/field.html")]
pub struct FieldState {
    /// As the body names it, prefix included: `account.host`.
    pub name: String,
    pub id: String,
    pub label: String,
    pub hint: Option<String>,
    pub kind: InputKind,
    /// Always empty for a secret.
    pub value: String,
    pub choices: Vec<ChoiceState>,
    pub problems: Vec<String>,
    pub required: bool,
    pub secret: bool,
    /// A secret that an empty entry keeps.
    pub is_stored: bool,
    /// Cannot be changed here.
    pub is_locked: bool,
    pub autofocus: bool,
    pub autocomplete: Option<String>,
    pub inputmode: Option<String>,
    pub placeholder: Option<String>,
    pub accept: Option<String>,
    /// Heading it stands under.
    pub group: Option<String>,
    pub advanced: bool,
    pub half: bool,
    pub is_port: bool,
    /// The name of the field that decides whether this one is asked for, and its values that say yes.
    pub when: Option<(String, Vec<String>)>,
    /// Its choices are loaded from the service, and are not here yet.
    pub is_waiting: bool,
}

impl askama::filters::HtmlSafe for FieldState {}

/// Which control is drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum InputKind {
    #[default]
    Text,
    Email,
    Multiline,
    /// Drop-down.
    Select,
    /// Radio cards.
    Choice,
    Checkbox,
    Password,
    SecretMultiline,
    /// Paste or upload.
    File,
    Hidden,
    Note,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChoiceState {
    pub id: String,
    pub value: String,
    pub label: String,
    pub hint: Option<String>,
    pub is_chosen: bool,
}

impl FieldState {
    /// A field of a hand-written form.
    pub fn new(kind: InputKind, name: &str, label: &str) -> Self {
        Self {
            name: name.to_owned(),
            id: id_of(name),
            label: label.to_owned(),
            kind,
            required: true,
            secret: matches!(kind, InputKind::Password | InputKind::SecretMultiline),
            ..Self::default()
        }
    }

    pub fn text(name: &str, label: &str) -> Self {
        Self::new(InputKind::Text, name, label)
    }

    #[must_use]
    pub fn hint(mut self, hint: &str) -> Self {
        self.hint = Some(hint.to_owned());
        self
    }

    /// Ignored for secrets: they never come back.
    #[must_use]
    pub fn value(mut self, value: &str) -> Self {
        if !self.secret {
            self.value = value.to_owned();
            self.choose();
        }
        self
    }

    #[must_use]
    pub fn optional(mut self) -> Self {
        self.required = false;
        self
    }

    #[must_use]
    pub fn group(mut self, group: &str) -> Self {
        self.group = Some(group.to_owned());
        self
    }

    #[must_use]
    pub fn autocomplete(mut self, token: &str) -> Self {
        self.autocomplete = Some(token.to_owned());
        self
    }

    /// Value and label of each choice.
    #[must_use]
    pub fn choices<'a>(mut self, choices: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let choice = |(value, label): (&str, &str)| ChoiceState {
            value: value.to_owned(),
            label: label.to_owned(),
            ..ChoiceState::default()
        };
        self.choices = choices.into_iter().map(choice).collect();
        self.choose();
        self
    }

    /// Its complaints among `problems`, in words.
    #[must_use]
    pub fn problems(mut self, problems: &crate::model::problems::Problems) -> Self {
        let said = problems
            .of(&self.name)
            .map(|complaint| super::wording::say(complaint, &self))
            .collect();
        self.problems = said;
        self
    }

    /// Marks the chosen choice; the first one carries the field's own id, so that the error summary finds it.
    pub(super) fn choose(&mut self) {
        for (index, choice) in self.choices.iter_mut().enumerate() {
            choice.is_chosen = choice.value == self.value;
            choice.id =
                if index == 0 { self.id.clone() } else { format!("{}-{}", self.id, index + 1) };
        }
    }

    pub fn has_problem(&self) -> bool {
        !self.problems.is_empty()
    }

    /// Ids of hint and error, for `aria-describedby`.
    pub fn described_by(&self) -> Option<String> {
        let hint = self.has_hint().then(|| format!("{}-hint", self.id));
        let error = self.has_problem().then(|| format!("{}-error", self.id));
        let ids: Vec<String> = hint.into_iter().chain(error).collect();
        (!ids.is_empty()).then(|| ids.join(" "))
    }

    fn has_hint(&self) -> bool {
        self.hint.is_some() || self.is_stored || self.is_locked || self.is_waiting
    }

    fn is_optional(&self) -> bool {
        !self.required
            && !matches!(self.kind, InputKind::Checkbox | InputKind::Hidden | InputKind::Note)
    }

    fn input_type(&self) -> &'static str {
        match self.kind {
            InputKind::Email => "email",
            InputKind::Password => "password",
            _ => "text",
        }
    }

    fn autocomplete_token(&self) -> &str {
        match (&self.autocomplete, self.kind) {
            (Some(token), _) => token,
            (None, InputKind::Password) => "new-password",
            _ => "off",
        }
    }

    /// A short control that stands alone does not fill the row.
    fn width(&self) -> &'static str {
        if self.half { "" } else { " w-half" }
    }

    fn has_known_value(&self) -> bool {
        self.value.is_empty() || self.choices.iter().any(|choice| choice.is_chosen)
    }
}

impl FormState {
    pub fn new(fields: Vec<FieldState>) -> Self {
        Self { fields, general: Vec::new() }
    }

    /// Adds the complaints that belong to no field.
    #[must_use]
    pub fn problems(mut self, problems: &crate::model::problems::Problems) -> Self {
        self.general.extend(problems.all_general().iter().map(super::wording::say_general));
        self
    }

    pub fn get(&self, name: &str) -> Option<&FieldState> {
        self.fields.iter().find(|field| field.name == name)
    }

    pub fn get_mut(&mut self, name: &str) -> Option<&mut FieldState> {
        self.fields.iter_mut().find(|field| field.name == name)
    }

    /// Fields with a complaint, and complaints of the whole form.
    pub fn error_count(&self) -> usize {
        self.fields.iter().filter(|field| field.has_problem()).count() + self.general.len()
    }

    /// For the start of the page's title: `4 errors: `, or nothing.
    pub fn title_prefix(&self) -> String {
        title_prefix(self.error_count())
    }

    /// The form must be sent as `multipart/form-data`.
    pub fn is_multipart(&self) -> bool {
        self.fields.iter().any(|field| field.kind == InputKind::File)
    }

    /// The fields in `section`s, for a form that is a page's own.
    pub fn body(&self) -> Body<'_> {
        Body::of(&self.fields)
    }

    /// The fields without sections, for a form inside a form.
    pub fn flat(&self) -> Flat<'_> {
        Flat::of(&self.fields)
    }

    /// The list of complaints with links; draws nothing if there are none.
    pub fn summary(&self) -> Summary<'_> {
        Summary::of(&[self])
    }
}

/// `4 errors: `, `1 error: `, or nothing.
pub fn title_prefix(count: usize) -> String {
    match count {
        0 => String::new(),
        1 => "1 error: ".to_owned(),
        more => format!("{more} errors: "),
    }
}

/// A name as an id: a dot would need escaping in selectors.
pub fn id_of(name: &str) -> String {
    name.replace('.', "-")
}
