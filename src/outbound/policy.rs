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
    /// The operator opened it.
    pub fn opens(&self, ip: IpAddr) -> bool {
        let ip = ip.to_canonical();
        self.allow.iter().any(|net| net.contains(&ip))
    }

    pub fn allows(&self, ip: IpAddr, kind: Kind) -> bool {
        match (class(ip.to_canonical()), kind) {
            _ if self.opens(ip) => true,
            (Class::Public, _) | (Class::Private, Kind::Database) => true,
            (Class::Private, Kind::Http) | (Class::Never, _) => false,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Public,
    /// Of a network that machines of one owner share.
    Private,
    /// This machine, its neighbours on the wire, what clouds tell their machines, and what is nobody's.
    Never,
}

/// Where clouds tell their machines secrets, apart from the link-local 169.254.169.254: Azure, Alibaba, AWS, Google.
const METADATA: &[IpAddr] = &[
    IpAddr::V4(Ipv4Addr::new(168, 63, 129, 16)),
    IpAddr::V4(Ipv4Addr::new(100, 100, 100, 200)),
    IpAddr::V6(Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254)),
    IpAddr::V6(Ipv6Addr::new(0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254)),
];

fn class(ip: IpAddr) -> Class {
    match ip {
        _ if METADATA.contains(&ip) => Class::Never,
        IpAddr::V4(ip) => class_v4(ip),
        IpAddr::V6(ip) => class_v6(ip),
    }
}

fn class_v4(ip: Ipv4Addr) -> Class {
    match ip.octets() {
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] => Class::Private,
        // Shared by the customers of one carrier, and by overlay networks; and for measurements.
        [100, 64..=127, ..] | [198, 18..=19, ..] => Class::Private,
        [0 | 127, ..] | [169, 254, ..] | [192, 0, 0, _] => Class::Never,
        // Examples in documents.
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Class::Never,
        // Several receivers, and reserved.
        [224..=255, ..] => Class::Never,
        _ => Class::Public,
    }
}

fn class_v6(ip: Ipv6Addr) -> Class {
    let [a, b, c, ..] = ip.segments();
    let [.., w, x, y, z] = ip.octets();
    match (a, b) {
        // An address of IPv4 within one of IPv6 is what it is: translated, compatible, 6to4.
        (0x64, 0xff9b) if c == 0 => class(IpAddr::V4(Ipv4Addr::new(w, x, y, z))),
        (0x2002, _) => {
            let ([p, q], [r, s]) = (b.to_be_bytes(), c.to_be_bytes());
            class(IpAddr::V4(Ipv4Addr::new(p, q, r, s)))
        }
        // `::`, `::1` and the rest of what begins with zeros; a tunnel to who knows where; examples.
        (0, _) | (0x64, _) | (0x2001, 0 | 0xdb8) => Class::Never,
        (0xfc00..=0xfdff, _) | (0xfec0..=0xfeff, _) => Class::Private,
        (0x2000..=0x3fff, _) => Class::Public,
        // Link-local, several receivers, and what was never given out.
        _ => Class::Never,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdicts(addresses: &[&str]) -> Vec<(bool, bool)> {
        let policy = Policy::default();
        let verdict =
            |ip: IpAddr| (policy.allows(ip, Kind::Http), policy.allows(ip, Kind::Database));
        addresses.iter().map(|ip| verdict(ip.parse().unwrap())).collect()
    }

    #[test]
    fn public_addresses_may_be_called() {
        let public = [
            "1.1.1.1",
            "93.184.216.34",
            "2606:4700::1111",
            "64:ff9b::101:101",
            "2002:101:101::1",
            "::ffff:1.1.1.1",
        ];
        assert!(verdicts(&public).iter().all(|verdict| *verdict == (true, true)));
    }

    #[test]
    fn private_networks_are_for_databases_alone() {
        let private = [
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.1",
            "192.168.1.1",
            "100.64.0.1",
            "fd12::1",
            "::ffff:10.0.0.1",
            "64:ff9b::a00:1",
        ];
        assert!(verdicts(&private).iter().all(|verdict| *verdict == (false, true)));
    }

    #[test]
    fn this_machine_its_neighbours_and_metadata_are_never_called() {
        let never = [
            "127.0.0.1",
            "127.9.9.9",
            "0.0.0.0",
            "0.1.2.3",
            "169.254.169.254",
            "168.63.129.16",
            "100.100.100.200",
            "192.0.0.192",
            "224.0.0.1",
            "255.255.255.255",
            "240.0.0.1",
            "::",
            "::1",
            "::127.0.0.1",
            "::ffff:127.0.0.1",
            "::ffff:169.254.169.254",
            "64:ff9b::a9fe:a9fe",
            "64:ff9b:1::a9fe:a9fe",
            "2002:7f00:1::1",
            "2001::1",
            "fe80::1",
            "ff02::1",
            "fd00:ec2::254",
            "fd20:ce::254",
        ];
        for (ip, verdict) in never.iter().zip(verdicts(&never)) {
            assert_eq!(verdict, (false, false), "{ip}");
        }
    }

    #[test]
    fn the_operator_may_open_any_network() {
        let policy = Policy { allow: vec!["127.0.0.0/8".parse().unwrap()] };
        for ip in ["127.0.0.1", "::ffff:127.0.0.1"] {
            assert!(policy.allows(ip.parse().unwrap(), Kind::Http), "{ip}");
        }
        assert!(!policy.allows("::1".parse().unwrap(), Kind::Database));
    }
}
