//! AWS Signature Version 4, in headers: no secret and no signature ever stands in an address.
use ring::{digest, hmac};

use crate::model::time::Moment;

/// Who signs, and for where.
pub(super) struct Key<'a> {
    pub id: &'a str,
    pub secret: &'a str,
    pub token: Option<&'a str>,
    pub region: &'a str,
}

/// A request, ready to be signed: `path` and `query` are encoded, `query` is sorted.
pub(super) struct Request<'a> {
    pub method: &'a str,
    pub host: &'a str,
    pub path: &'a str,
    pub query: &'a str,
    pub body: &'a [u8],
}

/// The headers that make the request signed.
pub(super) fn sign(
    request: &Request<'_>,
    key: &Key<'_>,
    now: Moment,
) -> Vec<(&'static str, String)> {
    let (stamp, day) = stamps(now);
    let body = hex(digest::digest(&digest::SHA256, request.body).as_ref());
    let mut headers = vec![
        ("host", request.host.to_owned()),
        ("x-amz-content-sha256", body.clone()),
        ("x-amz-date", stamp.clone()),
    ];
    if let Some(token) = key.token {
        headers.push(("x-amz-security-token", token.trim().to_owned()));
    }
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
    let names = headers.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(";");
    let canonical = format!(
        "{}\n{}\n{}\n{lines}\n{names}\n{body}",
        request.method, request.path, request.query
    );
    let scope = format!("{day}/{}/s3/aws4_request", key.region);
    let hashed = hex(digest::digest(&digest::SHA256, canonical.as_bytes()).as_ref());
    let text = format!("AWS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashed}");
    let start = format!("AWS4{}", key.secret);
    let signing = [day.as_str(), key.region, "s3", "aws4_request"]
        .iter()
        .fold(start.into_bytes(), |secret, part| mac(&secret, part));
    let signature = hex(&mac(&signing, &text));
    headers.retain(|(name, _)| *name != "host");
    let credential = format!("{}/{scope}", key.id);
    headers.push((
        "authorization",
        format!(
            "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
        ),
    ));
    headers
}

fn stamps(now: Moment) -> (String, String) {
    let at = jiff::Timestamp::from_microsecond(now.micros()).unwrap_or_default();
    (at.strftime("%Y%m%dT%H%M%SZ").to_string(), at.strftime("%Y%m%d").to_string())
}

fn mac(secret: &[u8], text: &str) -> Vec<u8> {
    hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), text.as_bytes()).as_ref().to_vec()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A piece of a path or a query: everything but letters, digits and `-_.~` is encoded.
pub(in crate::outbound) fn encoded(text: &str) -> String {
    let piece = |byte: u8| match byte {
        b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => {
            char::from(byte).to_string()
        }
        other => format!("%{other:02X}"),
    };
    text.bytes().map(piece).collect()
}

/// `a=1&b=2`, encoded and sorted.
pub(super) fn query(pairs: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> =
        pairs.iter().map(|(key, value)| (encoded(key), encoded(value))).collect();
    pairs.sort();
    pairs.iter().map(|(key, value)| format!("{key}={value}")).collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of Amazon's documentation (GET Bucket Lifecycle).
    #[test]
    fn the_documented_example_is_signed_as_documented() {
        let key = Key {
            id: "AKIAIOSFODNN7EXAMPLE",
            secret: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
            token: None,
            region: "us-east-1",
        };
        let request = Request {
            method: "GET",
            host: "examplebucket.s3.amazonaws.com",
            path: "/",
            query: &query(&[("lifecycle", "")]),
            body: b"",
        };
        let headers = sign(&request, &key, Moment::from_micros(1_369_353_600_000_000));
        let (_, authorization) = headers.last().unwrap();
        assert!(
            authorization.ends_with(
                "Signature=fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
            ),
            "{authorization}"
        );
    }

    #[test]
    fn names_are_encoded_by_bytes() {
        assert_eq!(encoded("a b/é~"), "a%20b%2F%C3%A9~");
        assert_eq!(query(&[("prefix", "x/"), ("list-type", "2")]), "list-type=2&prefix=x%2F");
    }
}
