//! Where a request comes from, also behind reverse proxies that the operator trusts.
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header::{self, HeaderMap};
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;

use crate::domain::Ctx;
use crate::model::network::Network;

use super::error::PageError;
use super::{Frame, forwarded};

#[derive(Clone, Debug)]
pub struct Caller {
    pub address: IpAddr,
    pub user_agent: String,
    /// Somebody at this very machine, as far as anybody can tell: see [`is_local`].
    pub is_local: bool,
}

impl Caller {
    pub fn network(&self) -> Network {
        Network::of(self.address)
    }
}

const MAX_AGENT_CHARS: usize = 200;
const WARN_EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, thiserror::Error)]
#[error(
    "it sends Forwarded and X-Forwarded-For, and they name different callers; \
     let it write one of them and remove the other"
)]
struct Contradiction;

impl FromRequest for Caller {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let user_agent = request.headers().get(header::USER_AGENT);
        ready(Ok(Self {
            address: address(request),
            user_agent: user_agent
                .and_then(|value| value.to_str().ok())
                .unwrap_or_default()
                .chars()
                .take(MAX_AGENT_CHARS)
                .collect(),
            is_local: is_local(request),
        }))
    }
}

fn address(request: &HttpRequest) -> IpAddr {
    let peer = peer(request);
    let Some(frame) = request.app_data::<web::Data<Frame>>() else {
        return peer;
    };
    address_of(peer, request.headers(), &frame.trusted_proxies).unwrap_or_else(|error| {
        let uptime = request.app_data::<web::Data<Ctx>>().map(|ctx| ctx.clock.uptime());
        if frame.forwarded_warning.is_due(uptime.unwrap_or_default(), WARN_EVERY) {
            tracing::warn!(proxy = %peer, "took a proxy for the caller: {error}");
        }
        peer
    })
}

fn peer(request: &HttpRequest) -> IpAddr {
    let peer = request.peer_addr().map(|peer| peer.ip().to_canonical());
    peer.unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED))
}

/// Each trusted proxy has added, on the right, whom it saw: the first from the right that is no proxy
/// of ours is the caller. A proxy writes one of the two headers and hands on the other as it came. If
/// both are there and name different callers, nobody knows which one the client wrote itself: neither
/// is believed, and the caller is the proxy.
fn address_of(
    peer: IpAddr,
    headers: &HeaderMap,
    trusted: &[IpNet],
) -> Result<IpAddr, Contradiction> {
    if !is_trusted(peer, trusted) {
        return Ok(peer);
    }
    let old = forwarded::x_forwarded_for(headers).map(|nodes| behind(peer, &nodes, trusted));
    let new = forwarded::forwarded(headers).map(|nodes| behind(peer, &nodes, trusted));
    match (old, new) {
        (Some(old), Some(new)) if old != new => Err(Contradiction),
        (Some(address), _) | (None, Some(address)) => Ok(address),
        (None, None) => Ok(peer),
    }
}

/// `nodes` as the proxies wrote them, the nearest last; `None` for one that names no address.
fn behind(peer: IpAddr, nodes: &[Option<IpAddr>], trusted: &[IpNet]) -> IpAddr {
    let mut address = peer;
    for node in nodes.iter().rev() {
        match node {
            Some(before) if is_trusted(address, trusted) => address = *before,
            _ => break,
        }
    }
    address
}

fn is_trusted(address: IpAddr, trusted: &[IpNet]) -> bool {
    trusted.iter().any(|net| net.contains(&address))
}

/// Whether somebody at this very machine asks: the peer, the `Host` and, where there is one, the
/// `Origin` are loopback, no proxy has left a trace, and the app isn't published under another name.
/// A page elsewhere can make a browser on this machine call us, and by DNS rebinding even read the
/// answer; but then it says its own name in `Host`.
fn is_local(request: &HttpRequest) -> bool {
    let headers = request.headers();
    let is_unpublished = request
        .app_data::<web::Data<Ctx>>()
        .is_some_and(|ctx| is_loopback_host(host_of_url(&ctx.site.public_url).as_ref()));
    peer(request).is_loopback()
        && is_unpublished
        && !forwarded::is_forwarded(headers)
        && is_loopback_host(host(headers).as_ref())
        && origins(headers).all(|origin| is_loopback_host(host_of_url(origin).as_ref()))
}

/// Whether a machine of the same network asks, without a proxy in between, and no page of another
/// site: the same rule as [`is_local`], for private networks and the names that are used in them.
pub fn is_inside(request: &HttpRequest) -> bool {
    let headers = request.headers();
    is_near(peer(request))
        && !forwarded::is_forwarded(headers)
        && host(headers).is_some_and(|host| is_inside_host(&host))
        && origins(headers)
            .all(|origin| host_of_url(origin).is_some_and(|host| is_inside_host(&host)))
}

fn is_near(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    }
}

/// Every `Origin`; a value that is no text names nobody.
fn origins(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::ORIGIN).map(|value| value.to_str().unwrap_or_default())
}

fn host(headers: &HeaderMap) -> Option<url::Host> {
    let mut hosts = headers.get_all(header::HOST);
    let host = hosts.next()?.to_str().ok()?;
    if hosts.next().is_some() {
        return None;
    }
    host_of_url(&format!("http://{host}"))
}

fn host_of_url(url: &str) -> Option<url::Host> {
    url::Url::parse(url).ok()?.host().map(|host| host.to_owned())
}

fn is_loopback_host(host: Option<&url::Host>) -> bool {
    match host {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

/// A name that nobody outside can own: one without a dot, or under a suffix that is kept for private
/// use.
fn is_inside_host(host: &url::Host) -> bool {
    const PRIVATE_SUFFIXES: [&str; 4] = [".localhost", ".local", ".internal", ".home.arpa"];
    match host {
        url::Host::Ipv4(address) => is_near(IpAddr::V4(*address)),
        url::Host::Ipv6(address) => is_near(IpAddr::V6(*address).to_canonical()),
        url::Host::Domain(name) => {
            !name.contains('.') || PRIVATE_SUFFIXES.iter().any(|suffix| name.ends_with(suffix))
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    /// The caller behind the trusted proxies of 10.0.0.0/8, by these header lines in this order.
    fn address(peer: &str, lines: &[(&str, &str)]) -> IpAddr {
        let mut request = TestRequest::default();
        for line in lines {
            request = request.append_header(*line);
        }
        let trusted = ["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()];
        let (peer, request) = (ip(peer), request.to_http_request());
        address_of(peer, request.headers(), &trusted).unwrap_or(peer)
    }

    const OLD: &str = "x-forwarded-for";
    const NEW: &str = "forwarded";

    #[test]
    fn what_a_stranger_says_about_itself_is_not_believed() {
        for line in [(OLD, "192.0.2.1"), (NEW, "for=192.0.2.1")] {
            assert_eq!(address("203.0.113.7", &[line]), ip("203.0.113.7"), "{line:?}");
        }
    }

    #[test]
    fn behind_trusted_proxies_the_last_stranger_counts() {
        let through = |said| address("10.0.0.1", &[(OLD, said)]);
        assert_eq!(through("192.0.2.9, 203.0.113.7, 10.0.0.2"), ip("203.0.113.7"));
        assert_eq!(through("192.0.2.9, 203.0.113.7:5060,10.0.0.2"), ip("203.0.113.7"));
        assert_eq!(through("[2001:db8::1]:443"), ip("2001:db8::1"));
        assert_eq!(through("2001:db8::1"), ip("2001:db8::1"));
        assert_eq!(through("10.0.0.9"), ip("10.0.0.9"), "nobody but proxies");
        assert_eq!(through(""), ip("10.0.0.1"));
        assert_eq!(through("192.0.2.9, not an address"), ip("10.0.0.1"));
        assert_eq!(address("10.0.0.1", &[]), ip("10.0.0.1"));
    }

    #[test]
    fn a_proxy_that_adds_a_line_of_its_own_is_believed_and_the_lines_above_it_are_not() {
        let lines = [(OLD, "66.66.66.66"), (OLD, "203.0.113.7")];
        assert_eq!(address("10.0.0.1", &lines), ip("203.0.113.7"));
        let lines = [(OLD, "66.66.66.66"), (OLD, "203.0.113.7, 10.0.0.3"), (OLD, "10.0.0.2")];
        assert_eq!(address("10.0.0.1", &lines), ip("203.0.113.7"));
        let lines = [(NEW, "for=66.66.66.66"), (NEW, "for=203.0.113.7")];
        assert_eq!(address("10.0.0.1", &lines), ip("203.0.113.7"));
    }

    #[test]
    fn the_standard_header_is_read_with_quotes_ports_and_parameters() {
        let through = |said| address("10.0.0.1", &[(NEW, said)]);
        let forms = [
            ("for=203.0.113.7", "203.0.113.7"),
            ("For=203.0.113.7;proto=https;by=10.0.0.1", "203.0.113.7"),
            ("for=192.0.2.9, for=203.0.113.7;by=_x, for=10.0.0.2", "203.0.113.7"),
            ("for=\"[2001:db8:cafe::17]:4711\"", "2001:db8:cafe::17"),
            ("for=\"203.0.113.7:47011\"; host=\"a, b;for=1.1.1.1\"", "203.0.113.7"),
            ("proto=https; for = \"2001:db8::1\"", "2001:db8::1"),
        ];
        for (said, expected) in forms {
            assert_eq!(through(said), ip(expected), "{said}");
        }
        for unclear in ["for=unknown", "for=_hidden", "proto=https", "for=", "for=\"203.0.113.7"] {
            assert_eq!(through(unclear), ip("10.0.0.1"), "{unclear}");
        }
        assert_eq!(through("for=192.0.2.9, for=_hidden, for=10.0.0.2"), ip("10.0.0.2"));
    }

    #[test]
    fn two_headers_that_name_different_callers_are_not_believed() {
        let same = [(OLD, "203.0.113.7"), (NEW, "for=203.0.113.7")];
        assert_eq!(address("10.0.0.1", &same), ip("203.0.113.7"));
        let forged = [(NEW, "for=66.66.66.66"), (OLD, "203.0.113.7")];
        assert_eq!(address("10.0.0.1", &forged), ip("10.0.0.1"), "the proxy counts");
    }

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for local in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert!(is_loopback_host(host_of_url(local).as_ref()), "{local}");
        }
        for other in [
            "https://authorizers.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "",
        ] {
            assert!(!is_loopback_host(host_of_url(other).as_ref()), "{other}");
        }
    }

    fn request(peer: &str, lines: &[(&str, &str)]) -> HttpRequest {
        let mut request = TestRequest::default().peer_addr(format!("{peer}:1").parse().unwrap());
        for line in lines {
            request = request.append_header(*line);
        }
        request.to_http_request()
    }

    #[test]
    fn machines_inside_are_told_by_address_host_and_origin() {
        for (peer, host) in [
            ("127.0.0.1", "localhost:8080"),
            ("10.1.2.3", "10.0.0.5:8080"),
            ("10.1.2.3", "authorizers:8080"),
            ("172.18.0.4", "authorizers.monitoring.internal"),
        ] {
            assert!(is_inside(&request(peer, &[("host", host)])), "{peer} {host}");
        }
        for (peer, lines) in [
            ("203.0.113.7", vec![("host", "10.0.0.5")]),
            ("127.0.0.1", vec![("host", "evil.example:8080")]),
            ("127.0.0.1", vec![]),
            ("127.0.0.1", vec![("host", "localhost"), ("host", "evil.example")]),
            ("127.0.0.1", vec![("host", "localhost"), ("origin", "http://evil.example")]),
            ("127.0.0.1", vec![("host", "localhost"), ("origin", "null")]),
            ("127.0.0.1", vec![("host", "localhost"), ("x-forwarded-host", "a")]),
            ("10.1.2.3", vec![("host", "203.0.113.5")]),
        ] {
            assert!(!is_inside(&request(peer, &lines)), "{peer} {lines:?}");
        }
    }
}
