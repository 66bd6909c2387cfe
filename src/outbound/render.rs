//! Fills `{placeholder}`s in: in addresses, headers and JSON bodies. A rendered address stays within the hosts of its file.
use serde_json::Value;
use url::Url;

use crate::model::cause::Cause;
use crate::model::report::Fault;

/// Where a placeholder's value comes from.
pub type Lookup<'a> = &'a (dyn Fn(&str) -> Option<String> + Sync);

/// Plain text, for headers and parameters. `None` if a placeholder has no value.
pub fn text(template: &str, lookup: Lookup<'_>) -> Option<String> {
    fill(template, |name, _| lookup(name))
}

fn fill(template: &str, value: impl Fn(&str, &str) -> Option<String>) -> Option<String> {
    let mut out = String::new();
    let mut rest = template;
    while let Some((before, tail)) = rest.split_once('{') {
        out.push_str(before);
        match tail.split_once('}').filter(|(name, _)| crate::catalog::template::is_name(name)) {
            Some((name, after)) => {
                out.push_str(&value(name, &out)?);
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

/// An address. A placeholder at its very start is an address itself; in the host it must be of a host's characters;
/// in the path and the query it is encoded.
pub fn url(template: &str, lookup: Lookup<'_>, hosts: &[String]) -> Result<Url, Fault> {
    let rejected = |said: String| Fault::new(Cause::RequestRejected).detail(said);
    let filled = fill(template, |name, before| {
        let value = lookup(name)?;
        match before.split_once("://") {
            None if before.is_empty() => Some(value.trim_end_matches('/').to_owned()),
            None => None,
            Some((_, rest)) if !rest.contains(['/', '?']) => is_host_part(&value).then_some(value),
            Some((_, rest)) if rest.contains('?') => {
                Some(url::form_urlencoded::byte_serialize(value.as_bytes()).collect())
            }
            Some(_) => path_part(&value),
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

/// Slashes stay (`owner/name`), steps upwards are refused.
fn path_part(value: &str) -> Option<String> {
    if value.split('/').any(|step| step == ".." || step == ".") {
        return None;
    }
    let encode = |step: &str| {
        let encoded: String = url::form_urlencoded::byte_serialize(step.as_bytes()).collect();
        encoded.replace('+', "%20")
    };
    Some(value.split('/').map(encode).collect::<Vec<_>>().join("/"))
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
    fn paths_and_queries_are_encoded() {
        let url = of("https://a.acme.test/{id}?q={id}", "a b/c&d").unwrap();
        assert_eq!(url.as_str(), "https://a.acme.test/a%20b/c%26d?q=a+b%2Fc%26d");
        assert!(of("https://a.acme.test/{id}", "../admin").is_err());
    }
}
