//! The address of a server as people write it: `host`, `host:port`, `[::1]:7878`.
//!
//! Parsed once where it comes in (command line, configuration, known_hosts). A parsed address has
//! one spelling, so that a server has one line in known_hosts. Knows nothing of name resolution.

use std::fmt;
use std::net::IpAddr;

use chatbox_common::config::{DEFAULT_PORT, MAX_HOST, ScopedIpv6};

/// Why a text is no address. A sentence for the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// No host, one that is too long, or a character that host names do not have.
    #[error("a host is a name of letters, digits, '-', '_' and '.', or an address")]
    Host,
    /// Several colons and no brackets: `::1:7878` could mean two things.
    #[error("an IPv6 address stands in brackets, as in [::1]:7878")]
    Brackets,
    #[error("what stands in the brackets is no IPv6 address, as ::1 or fe80::1%eth0")]
    Ipv6,
    #[error("a port is a number from 1 to 65535")]
    Port,
}

/// The host is a name in lower case or an IP address.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    host: String,
    port: u16,
}

impl ServerAddress {
    /// Parses `host`, `host:port`, `[v6]` or `[v6]:port`; without a port it is [`DEFAULT_PORT`]. A
    /// link-local IPv6 address may have a zone, as in `[fe80::1%eth0]`.
    /// Names beyond ASCII are refused, because two of them can look alike; their `xn--` form is
    /// taken.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if let Some(rest) = text.strip_prefix('[') {
            let (inside, port) = rest.split_once(']').ok_or(AddressError::Brackets)?;
            let address = ScopedIpv6::parse(inside).ok_or(AddressError::Ipv6)?;
            let port = match port.strip_prefix(':') {
                Some(digits) => parse_port(digits)?,
                None if port.is_empty() => DEFAULT_PORT,
                None => return Err(AddressError::Port),
            };
            return Ok(Self {
                host: address.to_string(),
                port,
            });
        }
        let (host, port) = match text.split_once(':') {
            None => (text, DEFAULT_PORT),
            Some((_, rest)) if rest.contains(':') => return Err(AddressError::Brackets),
            Some((host, digits)) => (host, parse_port(digits)?),
        };
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let begins_well = host.starts_with(|c: char| c.is_ascii_alphanumeric());
        if !begins_well || host.len() > MAX_HOST || !host.bytes().all(named) {
            return Err(AddressError::Host);
        }
        Ok(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// As the resolver wants it: an IPv6 address without its brackets.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it can be no other machine: the name `localhost` is never looked up elsewhere
    /// (RFC 6761, 6.3).
    #[must_use]
    pub fn is_this_machine(&self) -> bool {
        let address = self.host.parse::<IpAddr>();
        self.host == "localhost" || address.is_ok_and(|address| address.is_loopback())
    }

    /// Never 0.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }
}

/// Digits only: `u16::from_str` alone would accept `+7878`.
fn parse_port(digits: &str) -> Result<u16, AddressError> {
    if !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::Port);
    }
    match digits.parse() {
        Ok(0) | Err(_) => Err(AddressError::Port),
        Ok(port) => Ok(port),
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_told_from_names_that_are_looked_up() {
        for (typed, is_this) in [
            ("localhost", true),
            ("LOCALHOST:1", true),
            ("127.0.0.1", true),
            ("127.8.9.10:1", true),
            ("[::1]", true),
            ("localhost.example", false),
            ("127.0.0.1.example", false),
            ("127.1", false),
            ("10.0.0.1", false),
            ("[fe80::1%lo]", false),
        ] {
            let address = ServerAddress::parse(typed).unwrap();
            assert_eq!(address.is_this_machine(), is_this, "{typed}");
        }
    }

    #[test]
    fn every_spelling_of_an_address_becomes_one() {
        for (typed, canonical) in [
            ("chat", "chat:7878"),
            ("Chat.Example.org:99", "chat.example.org:99"),
            ("127.0.0.1", "127.0.0.1:7878"),
            ("127.0.0.1:1", "127.0.0.1:1"),
            ("host:00022", "host:22"),
            ("xn--bcher-kva.example", "xn--bcher-kva.example:7878"),
            ("[::1]", "[::1]:7878"),
            ("[::1]:65535", "[::1]:65535"),
            ("[0:0:0:0:0:0:0:1]:7878", "[::1]:7878"),
            ("[2001:DB8::A]:1", "[2001:db8::a]:1"),
            ("[FE80::1%eth0]:7878", "[fe80::1%eth0]:7878"),
            ("[fe80:0::1%wlp0s20f3.7]", "[fe80::1%wlp0s20f3.7]:7878"),
            ("[fe80::1%2]:1", "[fe80::1%2]:1"),
        ] {
            let address = ServerAddress::parse(typed).unwrap();
            assert_eq!(address.to_string(), canonical, "{typed}");
            assert_eq!(ServerAddress::parse(canonical), Ok(address), "{typed}");
        }
        let loopback = ServerAddress::parse("[::1]:80").unwrap();
        assert_eq!((loopback.host(), loopback.port()), ("::1", 80));
    }

    #[test]
    fn what_is_no_address_is_refused_with_its_reason() {
        for (typed, why) in [
            ("", AddressError::Host),
            (":7878", AddressError::Host),
            ("-chat", AddressError::Host),
            ("a b:1", AddressError::Host),
            ("user@host", AddressError::Host),
            ("chat\u{1b}[2J", AddressError::Host),
            ("bücher.example", AddressError::Host),
            (&*"h".repeat(254), AddressError::Host),
            ("::1", AddressError::Brackets),
            ("::1:7878", AddressError::Brackets),
            ("[::1", AddressError::Brackets),
            ("[chat]:1", AddressError::Ipv6),
            ("[]", AddressError::Ipv6),
            ("[fe80::1%]", AddressError::Ipv6),
            ("[fe80::1%e h]", AddressError::Ipv6),
            ("[fe80::1%e/../h]", AddressError::Ipv6),
            ("[fe80::1%eth0%eth1]", AddressError::Ipv6),
            ("[2001:db8::1%eth0]", AddressError::Ipv6),
            ("fe80::1%eth0", AddressError::Brackets),
            ("[::1]7878", AddressError::Port),
            ("[::1]:", AddressError::Port),
            ("chat:", AddressError::Port),
            ("chat:0", AddressError::Port),
            ("chat:+1", AddressError::Port),
            ("chat:65536", AddressError::Port),
            ("chat:http", AddressError::Port),
        ] {
            assert_eq!(ServerAddress::parse(typed), Err(why), "{typed:?}");
        }
    }
}
