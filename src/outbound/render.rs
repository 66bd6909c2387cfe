//! Fills `{placeholder}`s in: in addresses, headers and JSON bodies. A rendered address stays within the hosts of its file.
use serde_json::Value;
use url::Url;

use crate::catalog::template::Placeholder;
use crate::model::cause::Cause;
use crate::model::report::Fault;

/// Where a placeholder's value comes from.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Plain text, for headers and parameters. `None` if a placeholder has no value.
pub fn text(template: &str, lookup: Lookup<'_>) -> Option<String> {
    fill(template, |slot| lookup(slot.placeholder.name))
}

/// A placeholder where it stands in its template.
struct Slot<'a> {
    placeholder: Placeholder<'a>,
    /// Everything before it, filled in.
    before: &'a str,
    /// Everything behind it, as it stands in the template.
    after: &'a str,
}

fn fill(template: &str, value: impl Fn(&Slot<'_>) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        out.push_str(before);
        let found = tail
            .split_once('}')
            .and_then(|(inner, after)| Some((Placeholder::parse(inner)?, after)));
        match found {
            Some((placeholder, after)) => {
                let filled = value(&Slot { placeholder, before: &out, after })?;
                out.push_str(&filled);
                rest = after;
            }
            None => {
                out.push('{');
                rest = tail;
            }
        }
    }
    out.push_str(rest);
    Some(out)
}

/// Renders an address. A placeholder at the very start is an address itself and is used as it was typed; only if a path
/// follows in the template, its last slashes make room for it. In the host a value must be of a host's characters.
/// In the path `{name}` is one segment, its slashes encoded, and `{+name}` may be several. In the query it is encoded.
pub fn url(template: &str, lookup: Lookup<'_>, hosts: &[String]) -> Result<Url, Fault> {
    let rejected = |said: String| Fault::new(Cause::RequestRejected).detail(said);
    let filled = fill(template, |slot| {
        let value = lookup(slot.placeholder.name)?;
        match slot.before.split_once("://") {
            None if slot.before.is_empty() && slot.after.starts_with('/') => {
                Some(value.trim_end_matches('/').to_owned())
            }
            None if slot.before.is_empty() => Some(value),
            None => None,
            Some((_, rest)) if !rest.contains(['/', '?']) => is_host_part(&value).then_some(value),
            Some((_, rest)) if rest.contains('?') => {
                Some(url::form_urlencoded::byte_serialize(value.as_bytes()).collect())
            }
            Some(_) if slot.placeholder.is_several_segments => segments(&value),
            Some(_) => segment(&value),
        }
    });
    let filled = filled
        .ok_or_else(|| rejected(format!("a value for {template} is missing or does not fit in")))?;
    let url = Url::parse(&filled)
        .map_err(|_| rejected(format!("{template} does not become an address")))?;
    if !is_within(&url, hosts) {
        let host = url.host_str().unwrap_or_default();
        return Err(Fault::new(Cause::BlockedAddress)
            .detail(format!("{host} is not a host of this service")));
    }
    Ok(url)
}

fn is_host_part(value: &str) -> bool {
    !value.is_empty()
        && value.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.')
        && !value.starts_with('.')
}

/// Encodes one segment of a path, slashes included. `None` for one that would step upwards.
fn segment(value: &str) -> Option<String> {
    let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    (value != "." && value != "..").then(|| encoded.replace('+', "%20"))
}

/// Encodes a part of a path in which slashes stay (`owner/name`).
fn segments(value: &str) -> Option<String> {
    let encoded: Option<Vec<String>> = value.split('/').map(segment).collect();
    encoded.map(|segments| segments.join("/"))
}

/// Patterns: a host, `*.example.com`, or `*`. No pattern has anything but the web's addresses.
pub fn is_within(url: &Url, hosts: &[String]) -> bool {
    let host = url.host_str().unwrap_or_default().to_ascii_lowercase();
    let fits = |pattern: &String| match pattern.strip_prefix("*.") {
        Some(domain) => {
            host.strip_suffix(domain).is_some_and(|rest| rest.ends_with('.') && rest.len() > 1)
        }
        None => pattern == "*" || *pattern == host,
    };
    matches!(url.scheme(), "https" | "http")
        && url.username().is_empty()
        && url.password().is_none()
        && hosts.iter().any(fits)
}

/// A JSON body: texts are filled in, everything else stays.
pub fn json(template: &Value, lookup: Lookup<'_>) -> Value {
    match template {
        Value::String(text) => Value::String(
            self::text(text, &|name| Some(lookup(name).unwrap_or_default())).unwrap_or_default(),
        ),
        Value::Array(list) => Value::Array(list.iter().map(|item| json(item, lookup)).collect()),
        Value::Object(map) => Value::Object(
            map.iter().map(|(key, value)| (key.clone(), json(value, lookup))).collect(),
        ),
        other => other.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts() -> Vec<String> {
        vec!["*.acme.test".to_owned()]
    }

    fn of(template: &str, value: &'static str) -> Result<Url, Fault> {
        url(template, &|_| Some(value.to_owned()), &hosts())
    }

    #[test]
    fn a_subdomain_cannot_leave_its_domain() {
        assert_eq!(
            of("https://{sub}.acme.test/x", "eu").unwrap().as_str(),
            "https://eu.acme.test/x"
        );
        for bad in ["evil.example/", "evil.example#", "a@b", "", ".x", "evil.example?"] {
            assert!(
                url("https://{sub}.acme.test/x", &|_| Some(bad.to_owned()), &hosts()).is_err(),
                "{bad}"
            );
        }
    }

    #[test]
    fn an_address_from_an_answer_must_be_one_of_the_services_hosts() {
        assert!(of("{instance_url}/me", "https://na1.acme.test/").is_ok());
        assert_eq!(
            of("{instance_url}/me", "https://evil.example").unwrap_err().cause,
            Cause::BlockedAddress
        );
        assert!(of("{instance_url}/me", "https://x.acme.test@evil.example").is_err());
        assert!(of("{instance_url}/me", "https://notacme.test").is_err());
    }

    #[test]
    fn a_value_is_one_segment_of_a_path_unless_the_template_says_otherwise() {
        let rendered = |template: &str, value| of(template, value).unwrap().to_string();
        assert_eq!(
            rendered("https://a.acme.test/{id}/rows?q={id}", "a b/c&d"),
            "https://a.acme.test/a%20b%2Fc%26d/rows?q=a+b%2Fc%26d"
        );
        assert_eq!(
            rendered("https://a.acme.test/sites/{site}/rows", "https://example.com/"),
            "https://a.acme.test/sites/https%3A%2F%2Fexample.com%2F/rows"
        );
        assert_eq!(
            rendered("https://a.acme.test/repos/{+name}/issues", "acme co/shop"),
            "https://a.acme.test/repos/acme%20co/shop/issues"
        );
    }

    #[test]
    fn no_value_steps_out_of_its_place_in_a_path() {
        for bad in ["..", ".", "../admin", "a/../../admin", "a/./b"] {
            assert!(of("https://a.acme.test/x/{+id}", bad).is_err(), "{bad}");
        }
        for bad in ["..", "."] {
            assert!(of("https://a.acme.test/x/{id}", bad).is_err(), "{bad}");
        }
        let url = of("https://a.acme.test/x/{id}", "../admin").unwrap();
        assert_eq!(url.path(), "/x/..%2Fadmin");
        assert_eq!(of("https://a.acme.test/x/{id}", "%2e%2e").unwrap().path(), "/x/%252e%252e");
    }

    #[test]
    fn an_address_is_used_as_it_was_typed() {
        for typed in ["https://a.acme.test/o/token/", "https://a.acme.test/o/token"] {
            assert_eq!(of("{token_url}", typed).unwrap().as_str(), typed);
            let below = of("{token_url}/info", typed).unwrap();
            assert_eq!(below.as_str(), "https://a.acme.test/o/token/info");
            let asked = of("{token_url}?a=1", typed).unwrap();
            assert_eq!(asked.as_str(), format!("{typed}?a=1"));
        }
    }
}
