//! One value of each kind.
use std::net::IpAddr;

use crate::catalog::field::{FieldKind, FieldSpec};
use crate::model::email::Email;
use crate::model::problems::Complaint;

use super::{Asked, formats};

/// Takes away what pasting brings along; refuses what no field may hold.
pub fn tidy(spec: &FieldSpec, text: &str) -> Result<String, Complaint> {
    let has_lines = matches!(
        spec.kind,
        FieldKind::Multiline | FieldKind::SecretMultiline | FieldKind::SecretFile | FieldKind::Json
    );
    let text = text.replace("\r\n", "\n");
    // A password may begin or end with a space; a key or a token never does.
    let text = if is_password(spec) { text.trim_matches('\n') } else { text.trim() };
    let is_bad = |c: char| c.is_control() && !(has_lines && matches!(c, '\n' | '\t'));
    if text.chars().any(is_bad) {
        return Err(Complaint::Control);
    }
    if spec.kind == FieldKind::SecretFile && !text.is_empty() {
        return Ok(format!("{text}\n"));
    }
    Ok(text.to_owned())
}

fn is_password(spec: &FieldSpec) -> bool {
    spec.kind == FieldKind::Secret
        && ["password", "passphrase"].iter().any(|word| spec.key.contains(word))
}

/// A value that is not empty.
pub fn check(spec: &FieldSpec, text: String, asked: &Asked<'_>) -> Result<String, Complaint> {
    let value = match spec.kind {
        FieldKind::Host => host(&text)?,
        FieldKind::Port => integer(&text, 1, 65_535)?,
        FieldKind::Integer => {
            integer(&text, spec.min.unwrap_or(i64::MIN), spec.max.unwrap_or(i64::MAX))?
        }
        FieldKind::Url => address(&text, asked)?,
        FieldKind::Email => email(&text)?,
        FieldKind::Boolean => boolean(&text)?,
        FieldKind::Json => json(text)?,
        FieldKind::Select | FieldKind::Choice => choice(spec, text)?,
        _ => text,
    };
    if let Some(format) = spec.format {
        formats::check(format, &value)?;
    }
    length(spec, &value)?;
    match spec.whole_pattern() {
        Some(Ok(pattern)) if !pattern.is_match(value.trim_end_matches('\n')) => {
            Err(Complaint::Pattern { hint: spec.pattern_hint.clone().unwrap_or_default() })
        }
        _ => Ok(value),
    }
}

/// `min` and `max` of a text are its length in characters.
fn length(spec: &FieldSpec, value: &str) -> Result<(), Complaint> {
    if matches!(spec.kind, FieldKind::Integer | FieldKind::Port) {
        return Ok(());
    }
    let count = value.chars().count();
    let bound = |limit: Option<i64>| limit.and_then(|limit| usize::try_from(limit).ok());
    match (bound(spec.min), bound(spec.max)) {
        (Some(min), _) if count < min => Err(Complaint::TooShort { min }),
        (_, Some(max)) if count > max => Err(Complaint::TooLong { max }),
        _ => Ok(()),
    }
}

/// A name or an address, nothing around it. IPv6 may stand in brackets.
fn host(text: &str) -> Result<String, Complaint> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    if let Ok(address) = bare.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    let looks_fine = !text.contains(['/', ':', '@', '?', '#', ' ', '[', ']', '%', '\\']);
    match url::Host::parse(text) {
        Ok(url::Host::Domain(name)) if looks_fine && name.len() <= 253 && labels_fit(&name) => {
            Ok(name)
        }
        _ => Err(Complaint::NotAHost),
    }
}

fn labels_fit(name: &str) -> bool {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.split('.').all(|label| {
        !label.is_empty()
            && label.len() <= 63
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_')
    })
}

fn integer(text: &str, min: i64, max: i64) -> Result<String, Complaint> {
    let number: i64 = text.parse().map_err(|_| Complaint::NotANumber)?;
    if (min..=max).contains(&number) {
        Ok(number.to_string())
    } else {
        Err(Complaint::OutOfRange { min, max })
    }
}

fn address(text: &str, asked: &Asked<'_>) -> Result<String, Complaint> {
    let parsed = url::Url::parse(text).map_err(|_| Complaint::NotAUrl)?;
    match parsed.scheme() {
        "https" => {}
        "http" if asked.http_allowed => {}
        "http" => return Err(Complaint::NotHttps),
        _ => return Err(Complaint::NotAUrl),
    }
    if !parsed.username().is_empty() || parsed.password().is_some() {
        return Err(Complaint::Say(
            "Leave out the user and the password: they have fields of their own.".to_owned(),
        ));
    }
    if parsed.host_str().is_none_or(str::is_empty)
        || parsed.fragment().is_some()
        || text.contains(['{', '}', ' '])
    {
        return Err(Complaint::NotAUrl);
    }
    // As typed: a slash at the end may be what the service wants.
    Ok(text.to_owned())
}

fn email(text: &str) -> Result<String, Complaint> {
    Email::parse(text).map(|email| email.as_str().to_owned())
}

fn boolean(text: &str) -> Result<String, Complaint> {
    match text {
        "true" | "on" | "1" => Ok("true".to_owned()),
        "false" | "off" | "0" => Ok("false".to_owned()),
        _ => Err(Complaint::NotAChoice),
    }
}

fn json(text: String) -> Result<String, Complaint> {
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(_) => Ok(text),
        Err(_) => Err(Complaint::NotJson),
    }
}

/// Loaded choices are the service's to know: whatever it offered is accepted.
fn choice(spec: &FieldSpec, text: String) -> Result<String, Complaint> {
    let is_known = spec.load.is_some() || spec.options.iter().any(|option| option.value == text);
    if is_known { Ok(text) } else { Err(Complaint::NotAChoice) }
}
