//! Addresses as everything but the socket sees them.

use std::net::{IpAddr, SocketAddr};

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
