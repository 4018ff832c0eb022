//! The networks that an address is in: whoever holds one address of them may hold the others.
//!
//! What strangers can have is bounded for each of them, so that more addresses are not more of it.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// How many networks of an address are counted.
pub const WIDTHS: usize = 3;

/// A part of all addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Network {
    /// What is behind the prefix is 0.
    first: IpAddr,
    prefix_bits: u8,
}

impl Network {
    fn of(address: IpAddr, prefix_bits: u8) -> Self {
        let first = match address {
            IpAddr::V4(v4) => {
                let rest = u32::MAX.checked_shr(prefix_bits.into()).unwrap_or(0);
                Ipv4Addr::from_bits(v4.to_bits() & !rest).into()
            }
            IpAddr::V6(v6) => {
                let rest = u128::MAX.checked_shr(prefix_bits.into()).unwrap_or(0);
                Ipv6Addr::from_bits(v6.to_bits() & !rest).into()
            }
        };
        Self { first, prefix_bits }
    }

    const fn is_one_address(&self) -> bool {
        match self.first {
            IpAddr::V4(_) => self.prefix_bits == 32,
            IpAddr::V6(_) => self.prefix_bits == 128,
        }
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_one_address() {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}/{}", self.first, self.prefix_bits)
        }
    }
}

/// The networks of one address, each inside the one before: /24 and /32 of IPv4, /48, /56 and /64
/// of IPv6. IPv4 mapped into IPv6 is IPv4.
///
/// A loopback address is in no wider network: all of 127.0.0.0/8 is this machine's, where whoever
/// is logged in has other ways to fill the server, and where one wider network would be everybody
/// who comes through a tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Networks([Network; WIDTHS]);

impl Networks {
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        let address = address.to_canonical();
        let prefixes = match address {
            IpAddr::V4(v4) if v4.is_loopback() => [32, 32, 32],
            IpAddr::V6(v6) if v6.is_loopback() => [128, 128, 128],
            IpAddr::V4(_) => [24, 32, 32],
            IpAddr::V6(_) => [48, 56, 64],
        };
        Self(prefixes.map(|bits| Network::of(address, bits)))
    }

    #[must_use]
    pub const fn widest(&self) -> Network {
        let [widest, _, _] = self.0;
        widest
    }

    /// From the widest to the narrowest; two are the same where an address has fewer.
    #[must_use]
    pub const fn all(&self) -> [Network; WIDTHS] {
        self.0
    }

    /// What nobody holds a part of: an IPv4 address, a /64 of IPv6.
    #[must_use]
    pub const fn narrowest(&self) -> Network {
        let [_, _, narrowest] = self.0;
        narrowest
    }
}

/// As it stands in logs and tables, and is told to people: a server that listens on `::` sees IPv4
/// peers at addresses mapped into IPv6.
#[must_use]
pub fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        v4 @ IpAddr::V4(_) => SocketAddr::new(v4, address.port()),
        // The scope of a link-local address stays with it.
        IpAddr::V6(_) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn networks(text: &str) -> Vec<String> {
        let all = Networks::of(text.parse().unwrap()).all();
        all.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn an_address_is_in_a_network_of_each_width() {
        let v6 = networks("2001:db8:1:2345:6:7:8:9");
        let expected = [
            "2001:db8:1::/48",
            "2001:db8:1:2300::/56",
            "2001:db8:1:2345::/64",
        ];
        assert_eq!(v6, expected);
        let v4 = ["192.0.2.0/24", "192.0.2.77", "192.0.2.77"];
        assert_eq!(networks("192.0.2.77"), v4);
    }

    #[test]
    fn ipv4_mapped_into_ipv6_is_ipv4() {
        assert_eq!(networks("::ffff:192.0.2.77"), networks("192.0.2.77"));
        assert_eq!(networks("::ffff:127.0.0.1"), networks("127.0.0.1"));
    }

    #[test]
    fn each_loopback_address_stands_alone() {
        assert_eq!(networks("127.0.0.9"), vec!["127.0.0.9"; WIDTHS]);
        assert_eq!(networks("::1"), vec!["::1"; WIDTHS]);
    }

    #[test]
    fn a_network_is_not_the_address_it_begins_with() {
        let [wide, _, narrow] = Networks::of("192.0.2.0".parse().unwrap()).all();
        assert_eq!(wide.first, narrow.first);
        assert_ne!(wide, narrow);
    }

    #[test]
    fn a_mapped_peer_is_written_as_the_ipv4_address_it_has() {
        for (seen, written) in [
            ("[::ffff:192.0.2.7]:9", "192.0.2.7:9"),
            ("[fe80::1%4]:9", "[fe80::1%4]:9"),
            ("[2001:db8::1]:9", "[2001:db8::1]:9"),
        ] {
            assert_eq!(canonical(seen.parse().unwrap()).to_string(), written);
        }
    }
}
