//! What reverse proxies write into a request: whom they saw. All lines of a header count as one list.
use std::net::{IpAddr, SocketAddr};

use actix_web::http::header::HeaderMap;

/// Headers that proxies add. One of them, whatever it says, and the request came through a proxy.
const TRACES: [&str; 15] = [
    "cf-connecting-ip",
    "fastly-client-ip",
    "forwarded",
    "true-client-ip",
    "via",
    "x-client-ip",
    "x-cluster-client-ip",
    "x-envoy-external-address",
    "x-forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-original-forwarded-for",
    "x-real-ip",
];

/// Whether a proxy has left a trace.
pub fn is_forwarded(headers: &HeaderMap) -> bool {
    TRACES.iter().any(|name| headers.contains_key(*name))
}

/// The addresses of `X-Forwarded-For`, the nearest last; `None` for one that can't be read. `None` in
/// all if there is no such header.
pub fn x_forwarded_for(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let lines = lines(headers, "x-forwarded-for")?;
    Some(lines.iter().flat_map(|line| line.split(',')).map(|part| node(part.trim())).collect())
}

/// The addresses of `Forwarded` (RFC 7239, section 4), the nearest last; `None` for an element that
/// names none: `unknown`, an obfuscated identifier, no `for` at all. `None` in all if there is no such
/// header.
pub fn forwarded(headers: &HeaderMap) -> Option<Vec<Option<IpAddr>>> {
    let lines = lines(headers, "forwarded")?;
    Some(lines.iter().flat_map(|line| split(line, ',')).map(for_node).collect())
}

fn lines<'a>(headers: &'a HeaderMap, name: &str) -> Option<Vec<&'a str>> {
    let lines: Vec<&str> =
        headers.get_all(name).map(|value| value.to_str().unwrap_or_default()).collect();
    (!lines.is_empty()).then_some(lines)
}

/// `for=192.0.2.43;proto=http` → the address.
fn for_node(element: &str) -> Option<IpAddr> {
    let pairs = split(element, ';');
    let value = pairs.iter().find_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    })?;
    match value.strip_prefix('"') {
        Some(quoted) => node(quoted.strip_suffix('"')?),
        None => node(value),
    }
}

/// Splits at `separator` outside of quoted strings.
fn split(text: &str, separator: char) -> Vec<&str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    text.split(move |c: char| {
        let is_separator = c == separator && !is_quoted;
        if !is_escaped && c == '"' {
            is_quoted = !is_quoted;
        }
        is_escaped = is_quoted && !is_escaped && c == '\\';
        is_separator
    })
    .collect()
}

/// An address, with or without a port; IPv6 with or without brackets.
fn node(text: &str) -> Option<IpAddr> {
    let bare = || text.strip_prefix('[')?.strip_suffix(']')?.parse().ok();
    let address: IpAddr = text
        .parse()
        .ok()
        .or_else(|| text.parse::<SocketAddr>().ok().map(|socket| socket.ip()))
        .or_else(bare)?;
    Some(address.to_canonical())
}
