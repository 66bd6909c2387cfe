//! Where a request comes from, also behind reverse proxies that the operator trusts.
use std::future::{Ready, ready};
use std::net::{IpAddr, Ipv4Addr};

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use ipnet::IpNet;

use crate::domain::Ctx;

use super::Frame;
use super::error::PageError;

#[derive(Clone, Debug)]
pub struct Caller {
    pub address: IpAddr,
    pub user_agent: String,
    /// Somebody at this very machine: no proxy in between, and the app is not published under another name.
    pub is_local: bool,
}

const FORWARDING: [&str; 4] = ["x-forwarded-for", "forwarded", "x-real-ip", "via"];
const LONGEST_AGENT: usize = 200;

impl FromRequest for Caller {
    type Error = PageError;
    type Future = Ready<Result<Self, PageError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let peer = request
            .peer_addr()
            .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |peer| peer.ip().to_canonical());
        let trusted = request
            .app_data::<web::Data<Frame>>()
            .map(|frame| frame.trusted_proxies.as_slice())
            .unwrap_or_default();
        let is_forwarded = FORWARDING.iter().any(|name| request.headers().contains_key(*name));
        let is_unpublished = request
            .app_data::<web::Data<Ctx>>()
            .is_some_and(|ctx| is_loopback_url(&ctx.site.public_url));
        ready(Ok(Self {
            address: behind(peer, header("x-forwarded-for").unwrap_or_default(), trusted),
            user_agent: header("user-agent")
                .unwrap_or_default()
                .chars()
                .take(LONGEST_AGENT)
                .collect(),
            is_local: peer.is_loopback() && !is_forwarded && is_unpublished,
        }))
    }
}

/// Asked by a machine of the same network, without a proxy in between.
pub fn is_inside(request: &HttpRequest) -> bool {
    let is_forwarded = FORWARDING.iter().any(|name| request.headers().contains_key(*name));
    let is_near = request.peer_addr().is_some_and(|peer| match peer.ip().to_canonical() {
        IpAddr::V4(address) => address.is_loopback() || address.is_private(),
        IpAddr::V6(address) => address.is_loopback() || address.is_unique_local(),
    });
    is_near && !is_forwarded
}

/// Each trusted proxy has added, on the right, whom it saw: the first from the right that is no proxy of ours is the caller.
fn behind(peer: IpAddr, forwarded_for: &str, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: IpAddr| trusted.iter().any(|net| net.contains(&address));
    let mut address = peer;
    for said in forwarded_for.split(',').rev() {
        if !is_trusted(address) {
            break;
        }
        let Ok(before) = said.trim().parse::<IpAddr>() else {
            break;
        };
        address = before.to_canonical();
    }
    address
}

fn is_loopback_url(url: &str) -> bool {
    match url::Url::parse(url).ok().and_then(|url| url.host().map(|host| host.to_owned())) {
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        Some(url::Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn what_a_stranger_says_about_itself_is_not_believed() {
        assert_eq!(behind(ip("203.0.113.7"), "192.0.2.1", &[]), ip("203.0.113.7"));
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(behind(ip("203.0.113.7"), "192.0.2.1", &proxies), ip("203.0.113.7"));
    }

    #[test]
    fn behind_trusted_proxies_the_last_stranger_counts() {
        let proxies = ["10.0.0.0/8".parse().unwrap()];
        assert_eq!(
            behind(ip("10.0.0.1"), "192.0.2.9, 203.0.113.7, 10.0.0.2", &proxies),
            ip("203.0.113.7")
        );
        assert_eq!(behind(ip("10.0.0.1"), "", &proxies), ip("10.0.0.1"));
        assert_eq!(behind(ip("10.0.0.1"), "not an address", &proxies), ip("10.0.0.1"));
    }

    #[test]
    fn only_addresses_of_this_machine_are_local() {
        for local in ["http://127.0.0.1:8080", "http://localhost:8080", "http://[::1]:8080"] {
            assert!(is_loopback_url(local), "{local}");
        }
        for other in [
            "https://authorizers.example.com",
            "http://localhost.example.com",
            "http://10.0.0.1",
            "",
        ] {
            assert!(!is_loopback_url(other), "{other}");
        }
    }
}
