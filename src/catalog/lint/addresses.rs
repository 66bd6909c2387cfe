//! Addresses: https only, and within the hosts that the file names.
use super::Linter;
use super::fields::flows;
use crate::catalog::auth::{AuthSpec, OAuth2Spec};
use crate::catalog::field::FieldKind;
use crate::catalog::service::Service;
use crate::catalog::{destinations, template};

/// How an address may begin.
struct Rule<'a> {
    service: &'a Service,
    hosts: &'a [String],
    /// Whole addresses that come from elsewhere: a url field, or a kept value that is held to `hosts`.
    bases: Vec<&'a str>,
}

pub fn check(lint: &mut Linter, service: &Service) {
    lint.each("auth", &service.auths, |lint, auth| {
        if let Some(oauth) = &auth.oauth2 {
            lint.within("oauth2", |lint| check_oauth(lint, service, auth, oauth));
        }
        check_fields(lint, service, auth);
    });
    check_http(lint, service);
    if let Some(page) = &service.lifetime.provider_page
        && !page.starts_with("https://")
    {
        lint.within("lifetime", |lint| {
            lint.say_at("provider_page", "an address that begins with https://")
        });
    }
}

/// A field that stands in a host decides where secrets are sent.
fn check_fields(lint: &mut Linter, service: &Service, auth: &AuthSpec) {
    let addresses = service.addresses(auth);
    lint.each("field", &auth.fields, |lint, field| {
        let decides = |address: &&&str| {
            destinations::host(address)
                .is_some_and(|host| names_in(&host).contains(&field.key.as_str()))
        };
        // A typed path lies under the base.
        let is_path = field.kind != FieldKind::Url
            && field.pattern.as_ref().is_some_and(|pattern| pattern.starts_with('/'));
        let Some(address) = addresses.iter().find(decides).filter(|_| !is_path) else { return };
        if !field.is_destination() {
            lint.say_at(
                "key",
                format!(
                    "`{}` decides which host is called (`{address}`), and so where secrets are \
                     sent: write `destination = true`",
                    field.key
                ),
            );
        }
    });
}

fn names_in(text: &str) -> Vec<&str> {
    template::names(text).unwrap_or_default()
}

fn check_oauth(lint: &mut Linter, service: &Service, auth: &AuthSpec, oauth: &OAuth2Spec) {
    let rule = Rule { service, hosts: &oauth.hosts, bases: bases(auth) };
    check_hosts(lint, &oauth.hosts, &rule);
    if oauth.hosts.iter().any(|host| host == "*") && oauth.keep.iter().any(|keep| keep.is_host) {
        lint.say_at(
            "hosts",
            "`*` holds a kept address (`is_host`) to nothing: name the hosts that it may be of",
        );
    }
    rule.check(lint, "authorize", &oauth.authorize);
    rule.check(lint, "token", &oauth.token);
    if let Some(refresh) = &oauth.refresh {
        rule.check(lint, "refresh", refresh);
    }
    if let Some(exchange) = &oauth.exchange {
        lint.within("exchange", |lint| rule.check(lint, "url", &exchange.url));
    }
    if let Some(revoke) = &oauth.revoke {
        lint.within("revoke", |lint| rule.check(lint, "url", &revoke.url));
    }
    lint.each("call", &oauth.calls, |lint, call| rule.check(lint, "get", &call.get));
    if let Some(get) = oauth.identity.get.as_ref().filter(|get| !get.starts_with('/')) {
        lint.within("identity", |lint| rule.check(lint, "get", get));
    }
}

fn check_http(lint: &mut Linter, service: &Service) {
    let Some(http) = &service.http else { return };
    let own = http
        .base
        .strip_prefix("https://")
        .or_else(|| on_this_machine(&http.base))
        .and_then(|rest| rest.split('/').next())
        .unwrap_or_default()
        .to_owned();
    let hosts: Vec<String> = http.hosts.iter().cloned().chain([own]).collect();
    let bases: Vec<&str> = service.auths.iter().flat_map(bases).collect();
    let rule = Rule { service, hosts: &hosts, bases };
    lint.within("http", |lint| {
        check_hosts(lint, &http.hosts, &rule);
        rule.check(lint, "base", &http.base);
        if http.any_host && template::whole(&http.base).is_none() {
            lint.say_at(
                "any_host",
                "only for a service whose address the person types: base = \"{field}\"",
            );
        }
    });
    lint.each("auth", &service.auths, |lint, auth| {
        if let Some(revoke) = &auth.revoke {
            lint.within("revoke", |lint| rule.check_path(lint, "path", &revoke.path));
        }
    });
    lint.each("test", &service.tests, |lint, test| rule.check_path(lint, "path", &test.path));
    for (key, flow) in flows(service) {
        lint.within(key, |lint| {
            lint.each("dataset", &flow.datasets, |lint, dataset| {
                rule.check_path(lint, "path", &dataset.path)
            });
            lint.each("setting", &flow.settings, |lint, setting| {
                if let Some(get) = setting.load.as_ref().and_then(|load| load.get.as_ref()) {
                    lint.within("load", |lint| rule.check_path(lint, "get", get));
                }
            });
            if let Some(test) = &flow.write_check {
                lint.within("write_check", |lint| rule.check_path(lint, "path", &test.path));
            }
        });
    }
}

fn check_hosts(lint: &mut Linter, hosts: &[String], rule: &Rule<'_>) {
    for host in hosts {
        let name = host.strip_prefix("*.").unwrap_or(host);
        if host == "*" && rule.bases.is_empty() {
            lint.say_at(
                "hosts",
                "`*` opens every host: only for a service whose addresses the person types",
            );
        }
        if host != "*"
            && (name.contains(['*', '/', ':', ' ']) || !name.contains('.'))
            && !is_on_this_machine(name)
        {
            lint.say_at("hosts", format!("`{host}` is neither a host nor `*.` and a domain"));
        }
        if host.starts_with("*.") && is_registry(name) {
            lint.say_at(
                "hosts",
                format!("anybody can have a host under `{name}`: name a domain of the service"),
            );
        }
    }
}

/// `co.uk`, `com.br`: domains under which anybody can have one. Those of one label are refused as no domain at all.
fn is_registry(domain: &str) -> bool {
    const SECOND_LEVELS: [&str; 9] = ["ac", "co", "com", "edu", "gov", "ne", "net", "or", "org"];
    domain
        .split_once('.')
        .is_some_and(|(second, top)| top.len() == 2 && SECOND_LEVELS.contains(&second))
}

/// Names that stand for a whole address.
fn bases(auth: &AuthSpec) -> Vec<&str> {
    let typed = auth
        .fields
        .iter()
        .filter(|field| field.kind == FieldKind::Url)
        .map(|field| field.key.as_str());
    let kept = auth
        .oauth2
        .iter()
        .flat_map(|oauth| &oauth.keep)
        .filter(|keep| keep.is_host)
        .map(|keep| keep.to.as_str());
    let called = auth
        .oauth2
        .iter()
        .flat_map(|oauth| &oauth.calls)
        .flat_map(|call| call.keep.values().map(String::as_str));
    typed.chain(kept).chain(called).collect()
}

impl Rule<'_> {
    /// A path under the base, or a whole address. Where the person types the base, the path may be typed, too.
    fn check_path(&self, lint: &mut Linter, key: &str, text: &str) {
        let is_typed = self.service.http.as_ref().is_some_and(|http| http.any_host)
            && template::whole(text).is_some();
        if text.starts_with('/') {
            check_segments(lint, key, text);
        } else if !is_typed {
            self.check(lint, key, text);
        }
    }

    fn check(&self, lint: &mut Linter, key: &str, text: &str) {
        check_segments(lint, key, text);
        let starts_with_base = self.bases.iter().any(|base| {
            text.strip_prefix(&format!("{{{base}}}"))
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        });
        if starts_with_base {
            return;
        }
        let Some(rest) = text.strip_prefix("https://").or_else(|| on_this_machine(text)) else {
            lint.say_at(key, format!("`{text}` does not begin with https://"));
            return;
        };
        let host = rest.split(['/', '?']).next().unwrap_or_default();
        if !self.hosts.iter().any(|allowed| covers(allowed, host)) {
            lint.say_at(key, format!("the host `{host}` is not among `hosts`"));
        }
    }
}

/// `{+name}` is for values that are several segments of a path, and stands nowhere else.
fn check_segments(lint: &mut Linter, key: &str, address: &str) {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let before_query = rest.split('?').next().unwrap_or_default();
    let host = before_query.split('/').next().unwrap_or_default();
    let query = rest.strip_prefix(before_query).unwrap_or_default();
    for part in [host, query] {
        let found = template::placeholders(part).unwrap_or_default();
        if let Some(wrong) = found.iter().find(|placeholder| placeholder.is_several_segments) {
            lint.say_at(
                key,
                format!(
                    "`{{+{}}}` stands for several segments of a path: only in a path",
                    wrong.name
                ),
            );
        }
    }
}

/// A server on this machine (a sandbox, a mock) may speak plain HTTP; calls to it are refused all the same until the
/// operator opens its address.
fn on_this_machine(text: &str) -> Option<&str> {
    text.strip_prefix("http://")
        .filter(|rest| is_on_this_machine(rest.split(['/', '?']).next().unwrap_or_default()))
}

fn is_on_this_machine(host: &str) -> bool {
    let name = host.rsplit_once(':').map_or(host, |(name, _)| name);
    name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Whether a host of `hosts` allows the host of a template. A host that is one placeholder is checked when it is filled in.
fn covers(allowed: &str, host: &str) -> bool {
    let host_name = host.split(':').next().unwrap_or(host);
    allowed == "*"
        || template::whole(host).is_some()
        || allowed == host
        || allowed == host_name
        || allowed
            .strip_prefix('*')
            .is_some_and(|end| host.ends_with(end) && host.len() > end.len())
}
