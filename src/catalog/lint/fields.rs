//! Fields: marks of secrecy and destination, choices, patterns, what depends on what.
use super::Linter;
use crate::catalog::field::{FieldKind, FieldSpec};
use crate::catalog::service::{FlowSpec, Service};
use crate::catalog::{sets, template};

/// Words in a key or label that make a value sound like a secret.
const SECRET_WORDS: [&str; 9] = [
    "password",
    "secret",
    "token",
    "api_key",
    "api key",
    "private",
    "passphrase",
    "credential",
    "key",
];
/// Names that the account itself fills in.
const RESERVED: [&str; 6] =
    ["access_token", "refresh_token", "token", "redirect_uri", "name", "account"];
/// Typed with the authorizer if, and only if, the way to authorize has `own_app`.
const APP_KEYS: [&str; 2] = ["client_id", "client_secret"];

pub fn check(lint: &mut Linter, service: &Service) {
    lint.each("auth", &service.auths, |lint, auth| {
        check_sets(lint, &auth.field_sets);
        lint.each("field", &auth.fields, check_field);
        let is_own = auth.oauth2.as_ref().is_some_and(|oauth| oauth.own_app);
        for key in APP_KEYS.iter().filter(|key| auth.fields.iter().any(|field| field.key == **key) != is_own) {
            lint.say_at("oauth2", format!("`own_app = true` and a field `{key}` belong together: one is there without the other"));
        }
    });
    for (key, flow) in flows(service) {
        lint.within(key, |lint| {
            check_sets(lint, &flow.field_sets);
            lint.each("setting", &flow.settings, |lint, field| {
                check_field(lint, field);
                if field.secret {
                    lint.say_at(
                        "secret",
                        "a setting may not be secret: secrets belong to the authorizer",
                    );
                }
            });
        });
    }
}

/// With the field sets put in: what concerns several fields of one form.
pub fn check_forms(lint: &mut Linter, service: &Service) {
    lint.each("auth", &service.auths, |lint, auth| check_form(lint, "field", &auth.fields));
    for (key, flow) in flows(service) {
        lint.within(key, |lint| check_form(lint, "setting", &flow.settings));
    }
}

pub fn flows(service: &Service) -> impl Iterator<Item = (&'static str, &FlowSpec)> {
    service
        .source
        .iter()
        .map(|flow| ("source", flow))
        .chain(service.destination.iter().map(|flow| ("destination", flow)))
}

fn check_sets(lint: &mut Linter, names: &[String]) {
    for name in names {
        if let Err(problem) = sets::find(name) {
            lint.say_at("field_sets", problem);
        }
    }
}

fn check_field(lint: &mut Linter, field: &FieldSpec) {
    if !template::is_name(&field.key) {
        lint.say_at(
            "key",
            format!("`{}` is not a key: a-z, 0-9 and _, beginning with a letter", field.key),
        );
    }
    if RESERVED.contains(&field.key.as_str()) {
        lint.say_at(
            "key",
            format!(
                "`{}` is filled by the account itself; call the field something else",
                field.key
            ),
        );
    }
    if field.label.trim().is_empty() {
        lint.say_at("label", "the label is empty");
    }
    check_secrecy(lint, field);
    check_destination(lint, field);
    check_choices(lint, field);
    check_limits(lint, field);
}

fn check_secrecy(lint: &mut Linter, field: &FieldSpec) {
    let kind_is_secret = matches!(field.kind, FieldKind::Secret | FieldKind::SecretMultiline);
    if kind_is_secret && !field.secret {
        lint.say_at("secret", "a field of this kind is secret: write `secret = true`");
    }
    if field.secret && !kind_is_secret && field.kind != FieldKind::SecretFile {
        lint.say_at("kind", "a secret needs the kind `secret`, `secret_multiline` or `secret_file`: others are shown again");
    }
    if field.secret && field.default.is_some() {
        lint.say_at("default", "a secret cannot have a default");
    }
    let sounds = format!("{} {}", field.key, field.label).to_lowercase();
    let word = SECRET_WORDS.iter().find(|word| sounds.contains(**word));
    let is_text = !matches!(
        field.kind,
        FieldKind::Boolean | FieldKind::Choice | FieldKind::Select | FieldKind::Note
    );
    if let Some(word) = word
        && is_text
        && !field.secret
        && field.not_secret_because.as_ref().is_none_or(|reason| reason.trim().is_empty())
    {
        lint.say_at(
            "secret",
            format!(
                "`{}` sounds like a secret ({word}): mark it secret, or say `not_secret_because`",
                field.key
            ),
        );
    }
    let told = [&field.help, &field.placeholder].into_iter().flatten();
    if !field.secret && told.into_iter().any(|text| text.contains("://") && text.contains('@')) {
        lint.say_at("help", "an address with a password in it would be shown again: ask for the parts in fields of their own");
    }
}

fn check_destination(lint: &mut Linter, field: &FieldSpec) {
    let must = matches!(field.kind, FieldKind::Host | FieldKind::Port | FieldKind::Url);
    if must && field.destination.is_none() {
        lint.say_at(
            "kind",
            format!(
                "`{}` may decide where secrets are sent: say `destination = true` or `false`",
                field.key
            ),
        );
    }
}

fn check_choices(lint: &mut Linter, field: &FieldSpec) {
    let offers = matches!(field.kind, FieldKind::Select | FieldKind::Choice);
    if offers && field.options.is_empty() && field.load.is_none() && field.key != "dataset" {
        lint.say_at("kind", "a select needs `options` or `load`");
    }
    if !offers && !field.options.is_empty() {
        lint.say_at("options", "only `select` and `choice` have options");
    }
    if field.load.is_some() && field.kind != FieldKind::Select {
        lint.say_at("load", "only a `select` can load its choices");
    }
    for (index, option) in field.options.iter().enumerate() {
        if field.options.iter().take(index).any(|earlier| earlier.value == option.value) {
            lint.say_at("options", format!("the value `{}` is there twice", option.value));
        }
    }
    if let Some(default) = &field.default
        && offers
        && field.load.is_none()
        && !field.options.iter().any(|option| option.value == *default)
    {
        lint.say_at("default", format!("`{default}` is not among the options"));
    }
    if let Some(load) = &field.load {
        check_load(lint, load);
    }
}

fn check_load(lint: &mut Linter, load: &crate::catalog::field::Load) {
    const LISTS: [&str; 6] = ["schemas", "tables", "columns", "buckets", "folders", "files"];
    lint.within("load", |lint| match (&load.list, &load.get) {
        (Some(list), None) if LISTS.contains(&list.as_str()) => {}
        (Some(list), None) => lint.say_at(
            "list",
            format!("no driver knows the list `{list}`; there are {}", LISTS.join(", ")),
        ),
        (None, Some(_)) => {}
        _ => lint.say("say either `list` or `get`"),
    });
}

fn check_limits(lint: &mut Linter, field: &FieldSpec) {
    if let Some(pattern) = &field.pattern {
        if let Err(error) = field.whole_pattern().transpose() {
            let last = error.to_string();
            lint.say_at(
                "pattern",
                format!(
                    "`{pattern}` is not a regular expression: {}",
                    last.lines().last().unwrap_or_default()
                ),
            );
        }
        if field.pattern_hint.is_none() {
            lint.say_at("pattern", "say in `pattern_hint` what the value must look like");
        }
    }
    if let (Some(min), Some(max)) = (field.min, field.max)
        && min > max
    {
        lint.say_at("min", "`min` is above `max`");
    }
    if field.accept.is_some() && field.kind != FieldKind::SecretFile {
        lint.say_at("accept", "only `secret_file` accepts files");
    }
}

fn check_form(lint: &mut Linter, list: &str, fields: &[FieldSpec]) {
    let mut index = 0;
    lint.each(list, fields, |lint, field| {
        if fields.iter().take(index).any(|earlier| earlier.key == field.key) {
            lint.say_at("key", format!("the key `{}` is there twice", field.key));
        }
        index += 1;
        check_when(lint, field, fields);
        if let Some(other) = &field.passphrase_in
            && !fields.iter().any(|field| field.key == *other)
        {
            lint.say_at("passphrase_in", format!("`{other}` is not a field of this form"));
        }
        for need in field.load.iter().flat_map(|load| &load.needs) {
            if !fields.iter().any(|other| other.key == *need) {
                lint.say_at(
                    "load",
                    format!("`needs` names `{need}`, which is not a field of this form"),
                );
            }
        }
    });
}

fn check_when(lint: &mut Linter, field: &FieldSpec, fields: &[FieldSpec]) {
    let Some(when) = &field.when else { return };
    let Some(other) = fields.iter().find(|other| other.key == when.field && other.key != field.key)
    else {
        lint.say_at(
            "when",
            format!("`when` names `{}`, which is not another field of this form", when.field),
        );
        return;
    };
    let known: Vec<&str> = match other.kind {
        FieldKind::Boolean => vec!["true", "false"],
        FieldKind::Select | FieldKind::Choice => {
            other.options.iter().map(|option| option.value.as_str()).collect()
        }
        _ => {
            lint.say_at("when", format!("`{}` has no fixed values to depend on", when.field));
            return;
        }
    };
    for value in when.is.iter().filter(|value| !known.contains(&value.as_str())) {
        lint.say_at(
            "when",
            format!("`{}` cannot be `{value}`; it can be {}", when.field, known.join(", ")),
        );
    }
    if when.is.is_empty() {
        lint.say_at("when", "`is` is empty: the field would never be asked for");
    }
}
