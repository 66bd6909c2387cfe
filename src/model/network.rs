//! The network that a caller's address belongs to, as limits and sessions count it.
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// One IPv4 address, or a /64 of IPv6: who holds one address of a /64 can use all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Network {
    V4(Ipv4Addr),
    V6([u16; 4]),
}

impl Network {
    pub fn of(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(v4) => Self::V4(v4),
            IpAddr::V6(v6) => Self::of_v6(v6),
        }
    }

    fn of_v6(address: Ipv6Addr) -> Self {
        let [a, b, c, d, ..] = address.segments();
        Self::V6([a, b, c, d])
    }

    /// Reads an address as sessions keep it; `None` if it isn't one.
    pub fn parse(address: &str) -> Option<Self> {
        address.parse().ok().map(Self::of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(text: &str) -> Network {
        Network::parse(text).unwrap()
    }

    #[test]
    fn an_ipv6_network_has_64_bits_and_an_ipv4_network_is_one_address() {
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:2"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_eq!(Network::parse("unknown"), None);
    }
}
