//! Which addresses may be called.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// What is called: the default rules differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// HTTP services are on the public network.
    Http,
    /// Databases, storage and SSH are often on the network that we are in.
    Database,
}

/// The rules of this installation.
#[derive(Clone, Debug, Default)]
pub struct Policy {
    /// Networks that the operator opened, whatever they are.
    pub allow: Vec<IpNet>,
}

impl Policy {
    pub fn allows(&self, ip: IpAddr, kind: Kind) -> bool {
        let ip = ip.to_canonical();
        if self.allow.iter().any(|net| net.contains(&ip)) {
            return true;
        }
        match (class(ip), kind) {
            (Class::Public, _) | (Class::Private, Kind::Database) => true,
            (Class::Private, Kind::Http) | (Class::Never, _) => false,
        }
    }
}

enum Class {
    Public,
    Private,
    Never,
}

fn class(ip: IpAddr) -> Class {
    match ip {
        IpAddr::V4(ip) if ip.is_private() => Class::Private,
        IpAddr::V4(ip) if is_special_v4(ip) => Class::Never,
        IpAddr::V6(ip) if ip == Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254) => Class::Never,
        IpAddr::V6(ip) if ip.is_unique_local() => Class::Private,
        IpAddr::V6(ip) if ip.is_loopback() || ip.is_unspecified() || ip.is_multicast() || ip.is_unicast_link_local() => {
            Class::Never
        }
        _ => Class::Public,
    }
}

fn is_special_v4(ip: Ipv4Addr) -> bool {
    let [first, ..] = ip.octets();
    ip.is_loopback() || ip.is_link_local() || ip.is_multicast() || ip.is_broadcast() || first == 0
}
