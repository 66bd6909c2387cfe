//! Where the secrets of an account can go, as far as its service file decides that. Recorded when a secret is typed and
//! compared when it is used: a file that changes does not take stored secrets to another host.
use std::collections::BTreeSet;

use super::auth::{AuthSpec, OAuth2Spec};
use super::service::{Driver, FlowSpec, Service};
use super::template;

impl Service {
    /// Returns every place that a secret of this way to authorize can be sent to: hosts as the file writes them
    /// (`api.{region}.acme.example`, `*.acme.example`, `{base_url}`), or the driver, which is told hosts by the fields.
    pub fn destinations(&self, auth: &AuthSpec) -> BTreeSet<String> {
        if self.head.driver != Driver::Http {
            return BTreeSet::from([format!("driver:{}", self.head.driver.code())]);
        }
        let addresses = self.addresses(auth);
        let mut places: BTreeSet<String> = addresses.into_iter().filter_map(host).collect();
        let named = self.http.iter().flat_map(|http| &http.hosts);
        let named = named.chain(auth.oauth2.iter().flat_map(|oauth| &oauth.hosts));
        places.extend(named.cloned());
        places
    }

    /// As [`Service::destinations`], for the client secret of the OAuth app that authorizers share.
    pub fn app_destinations(&self) -> BTreeSet<String> {
        let shared = self.auths.iter().filter_map(|auth| auth.oauth2.as_ref());
        let mut places = BTreeSet::new();
        for oauth in shared.filter(|oauth| !oauth.own_app) {
            places.extend(oauth.token_addresses().into_iter().filter_map(host));
            places.extend(oauth.hosts.iter().cloned());
        }
        places
    }

    /// Returns the address of every call that carries a secret of this way to authorize, as templates.
    pub fn addresses<'a>(&'a self, auth: &'a AuthSpec) -> Vec<&'a str> {
        let mut found: Vec<&str> = Vec::new();
        found.extend(auth.oauth2.iter().flat_map(OAuth2Spec::token_addresses));
        found.extend(auth.oauth2.iter().filter_map(|oauth| oauth.identity.get.as_deref()));
        found.extend(auth.revoke.iter().map(|revoke| revoke.path.as_str()));
        found.extend(self.http.iter().map(|http| http.base.as_str()));
        found.extend(self.tests.iter().map(|test| test.path.as_str()));
        found.extend(self.source.iter().chain(&self.destination).flat_map(FlowSpec::addresses));
        found
    }
}

impl OAuth2Spec {
    /// The addresses that the client secret of an OAuth app is sent to.
    fn token_addresses(&self) -> Vec<&str> {
        let mut found = vec![self.token.as_str()];
        found.extend(self.refresh.as_deref());
        found.extend(self.exchange.iter().map(|exchange| exchange.url.as_str()));
        found.extend(self.revoke.iter().map(|revoke| revoke.url.as_str()));
        found.extend(self.calls.iter().map(|call| call.get.as_str()));
        found
    }
}

impl FlowSpec {
    fn addresses(&self) -> impl Iterator<Item = &str> {
        let loads =
            self.settings.iter().filter_map(|setting| setting.load.as_ref()?.get.as_deref());
        let read = self.datasets.iter().map(|dataset| dataset.path.as_str());
        read.chain(loads).chain(self.write_check.iter().map(|test| test.path.as_str()))
    }
}

/// Returns the host of an address as its template writes it, with `http://` before it where that is meant, or the
/// placeholder that is the whole beginning of the address. `None` for a path: it lies under the base.
pub fn host(address: &str) -> Option<String> {
    if address.starts_with('{') {
        return address.split_inclusive('}').next().map(str::to_owned);
    }
    let (scheme, rest) = address.split_once("://")?;
    let host = rest.split(['/', '?']).next().unwrap_or_default().to_lowercase();
    Some(if scheme == "https" { host } else { format!("{scheme}://{host}") })
}

/// Returns the places of `now` to which a secret must not be sent that was typed when a file named `then`. A place is
/// known if it was named, or lies under a domain that was (`*.acme.example`). A typed address that has no value is none.
pub fn unknown_places(
    now: &BTreeSet<String>,
    then: &BTreeSet<String>,
    has_value: impl Fn(&str) -> bool,
) -> Vec<String> {
    let is_known = |place: &&String| {
        let is_empty = template::whole(place).is_some_and(|field| !has_value(field));
        is_empty || then.contains(*place) || then.iter().any(|named| covers(named, place))
    };
    now.iter().filter(|place| !is_known(place)).cloned().collect()
}

fn covers(named: &str, place: &str) -> bool {
    let Some(domain) = named.strip_prefix('*').filter(|domain| domain.starts_with('.')) else {
        return false;
    };
    let host = place.strip_prefix('*').unwrap_or(place);
    host.ends_with(domain) && !place.contains("://")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(places: &[&str]) -> BTreeSet<String> {
        places.iter().map(|place| (*place).to_owned()).collect()
    }

    #[test]
    fn the_host_of_a_template_is_found() {
        for (address, expected) in [
            (
                "https://api.{region}.Acme.example:8443/v2?x=1",
                Some("api.{region}.acme.example:8443"),
            ),
            ("https://acme.example?x", Some("acme.example")),
            ("{base_url}/me", Some("{base_url}")),
            ("{base_url}", Some("{base_url}")),
            ("http://127.0.0.1:9/x", Some("http://127.0.0.1:9")),
            ("/me/{id}", None),
            ("", None),
        ] {
            assert_eq!(host(address).as_deref(), expected, "{address}");
        }
    }

    #[test]
    fn a_place_is_known_if_it_was_named_or_lies_under_a_named_domain() {
        let then = set(&["api.acme.example", "*.acme.test", "{base_url}", "*"]);
        let unknown = |now: &[&str]| unknown_places(&set(now), &then, |field| field == "typed");
        assert!(unknown(&["api.acme.example", "a.b.acme.test", "*.eu.acme.test"]).is_empty());
        assert!(unknown(&["{base_url}", "{empty}"]).is_empty());
        for new in [
            "evil.example",
            "acme.test",
            "evilacme.test",
            "http://api.acme.example",
            "http://a.acme.test",
            "{typed}",
            "*.acme.example",
        ] {
            assert_eq!(unknown(&[new]), [new], "{new}");
        }
    }
}
