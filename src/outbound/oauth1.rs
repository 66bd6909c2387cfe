//! The signature of OAuth 1.0a (RFC 5849): what a request asks for, signed with two secrets.
use ring::hmac;
use url::Url;

use super::probe::s3::sign::encoded;
use super::render::{self, Lookup};
use crate::catalog::auth::{Apply, OAuth1};
use crate::catalog::http::Method;
use crate::clock::Clock;
use crate::crypto::token;

/// What is signed with, and the request's own number and second.
struct Signer {
    consumer_key: String,
    consumer_secret: String,
    token: String,
    token_secret: String,
    nonce: String,
    timestamp: i64,
}

/// The header `Authorization` of a request to this address, if requests are signed. A JSON body is not part of what is
/// signed (RFC 5849 §3.4.1.3.1).
pub fn header(apply: &Apply, lookup: Lookup<'_>, method: Method, url: &Url) -> Option<String> {
    let OAuth1 { consumer_key, consumer_secret, token, token_secret } = apply.oauth1.as_ref()?;
    let text = |template: &str| render::text(template, lookup).unwrap_or_default();
    let signer = Signer {
        consumer_key: text(consumer_key),
        consumer_secret: text(consumer_secret),
        token: text(token),
        token_secret: text(token_secret),
        nonce: token::random(16).expose().to_owned(),
        timestamp: Clock::System.now().micros() / 1_000_000,
    };
    Some(signer.header(word(method), url, &[]))
}

fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Head => "HEAD",
    }
}

impl Signer {
    fn parameters(&self) -> Vec<(&'static str, String)> {
        vec![
            ("oauth_consumer_key", self.consumer_key.clone()),
            ("oauth_nonce", self.nonce.clone()),
            ("oauth_signature_method", "HMAC-SHA1".to_owned()),
            ("oauth_timestamp", self.timestamp.to_string()),
            ("oauth_token", self.token.clone()),
            ("oauth_version", "1.0".to_owned()),
        ]
    }

    /// `form`: what a form's body says, which is signed, too.
    fn header(&self, method: &str, url: &Url, form: &[(&str, &str)]) -> String {
        let mut parameters = self.parameters();
        let signature = self.signature(&self.base(method, url, form));
        parameters.push(("oauth_signature", signature));
        let parts = parameters.iter().map(|(name, value)| format!("{name}=\"{}\"", encoded(value)));
        format!("OAuth {}", parts.collect::<Vec<_>>().join(", "))
    }

    /// The signature base string (§3.4.1): the address without its query, and all parameters in the order of their octets.
    fn base(&self, method: &str, url: &Url, form: &[(&str, &str)]) -> String {
        let own = self.parameters();
        let mut pairs: Vec<(String, String)> =
            own.iter().map(|(name, value)| (encoded(name), encoded(value))).collect();
        pairs.extend(url.query_pairs().map(|(name, value)| (encoded(&name), encoded(&value))));
        pairs.extend(form.iter().map(|(name, value)| (encoded(name), encoded(value))));
        pairs.sort();
        let all: Vec<String> =
            pairs.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut plain = url.clone();
        plain.set_query(None);
        plain.set_fragment(None);
        format!("{method}&{}&{}", encoded(plain.as_str()), encoded(&all.join("&")))
    }

    fn signature(&self, base: &str) -> String {
        use base64::Engine;
        let key = format!("{}&{}", encoded(&self.consumer_secret), encoded(&self.token_secret));
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, key.as_bytes());
        base64::engine::general_purpose::STANDARD.encode(hmac::sign(&key, base.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of X's own documentation, “Creating a signature”.
    #[test]
    fn the_example_of_the_service_is_signed_alike() {
        let signer = Signer {
            consumer_key: "xvz1evFS4wEEPTGEFPHBog".to_owned(),
            consumer_secret: "kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw".to_owned(),
            token: "370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb".to_owned(),
            token_secret: "LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE".to_owned(),
            nonce: "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg".to_owned(),
            timestamp: 1_318_622_958,
        };
        let url =
            Url::parse("https://api.twitter.com/1.1/statuses/update.json?include_entities=true")
                .unwrap();
        let form = [("status", "Hello Ladies + Gentlemen, a signed OAuth request!")];
        let base = signer.base("POST", &url, &form);
        assert!(base.starts_with("POST&https%3A%2F%2Fapi.twitter.com%2F1.1%2Fstatuses%2Fupdate.json&include_entities%3Dtrue%26"));
        assert!(
            base.ends_with("%26status%3DHello%2520Ladies%2520%252B%2520Gentlemen%252C%2520a%2520signed%2520OAuth%2520request%2521")
        );
        assert_eq!(signer.signature(&base), "hCtSmYh+iHYCEqBWrE7C7hYmtUk=");
        let header = signer.header("POST", &url, &form);
        assert!(
            header.contains("oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\""),
            "{header}"
        );
    }
}
