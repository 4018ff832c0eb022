//! Readers of single values. The error of each says what it would have taken.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::de::DeValue;

use super::settings::MAX_HOST;
use crate::name::UserName;

/// How much of a wrong text an error shows, in characters.
const SHOWN: usize = 60;

/// Escapes and cuts a text from the file, so that it is safe to show on a terminal.
pub(super) fn shown(text: &str) -> String {
    let mut short: String = text.chars().take(SHOWN).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    short
        .chars()
        .map(|c| match c {
            '"' | '\'' => c.to_string(),
            c => c.escape_debug().to_string(),
        })
        .collect()
}

pub(super) fn text<'v>(value: &'v DeValue<'_>) -> Result<&'v str, String> {
    value.as_str().ok_or_else(|| {
        format!(
            "a text in quotes is needed, this is of type {}",
            value.type_str()
        )
    })
}

pub(super) fn boolean(value: &DeValue<'_>) -> Result<bool, String> {
    value.as_bool().ok_or_else(|| {
        format!(
            "true or false is needed, without quotes; this is of type {}",
            value.type_str()
        )
    })
}

pub(super) fn number(
    value: &DeValue<'_>,
    range: RangeInclusive<u32>,
    unit: &str,
) -> Result<u32, String> {
    let possible = || {
        format!(
            "whole numbers from {} to {}{unit}",
            range.start(),
            range.end()
        )
    };
    let Some(written) = value.as_integer() else {
        return Err(format!(
            "this is of type {}; possible are {}",
            value.type_str(),
            possible()
        ));
    };
    u32::from_str_radix(written.as_str(), written.radix())
        .ok()
        .filter(|n| range.contains(n))
        .ok_or_else(|| out_of_range(written, &possible()))
}

fn out_of_range(written: &dyn Display, possible: &str) -> String {
    format!(
        "{} is not possible; {possible} are",
        shown(&written.to_string())
    )
}

/// Ignores the case of letters.
pub(super) fn choice<T: Copy>(value: &DeValue<'_>, words: &[(&str, T)]) -> Result<T, String> {
    let said = text(value)?;
    words
        .iter()
        .find(|(word, _)| said.eq_ignore_ascii_case(word))
        .map(|(_, meaning)| *meaning)
        .ok_or_else(|| {
            let words: Vec<String> = words
                .iter()
                .map(|(word, _)| format!("\"{word}\""))
                .collect();
            let possible = words.join(", ");
            format!("\"{}\" is not possible, only {possible}", shown(said))
        })
}

pub(super) fn address(value: &DeValue<'_>) -> Result<IpAddr, String> {
    match text(value)? {
        "localhost" => Ok(Ipv4Addr::LOCALHOST.into()),
        said => said.parse().map_err(|_| {
            format!(
                "\"{}\" is no IP address; write \"127.0.0.1\" for this machine only, \
                 \"0.0.0.0\" or \"::\" for every network",
                shown(said)
            )
        }),
    }
}

/// A host name or an address; whether it exists shows when the client connects.
pub(super) fn host(value: &DeValue<'_>) -> Result<String, String> {
    let said = text(value)?;
    let plain = |c: char| c.is_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%');
    if said.is_empty() || said.len() > MAX_HOST || !said.chars().all(plain) {
        return Err(format!("\"{}\" is no host name or address", shown(said)));
    }
    Ok(said.to_owned())
}

/// `host`, `host:port`, `[v6]` or `[v6]:port`, as the client's `--server` takes it.
pub(super) fn server(value: &DeValue<'_>) -> Result<String, String> {
    let said = text(value)?;
    let (is_host, port) = if let Some(rest) = said.strip_prefix('[') {
        let (inside, port) = rest.split_once(']').unwrap_or_default();
        (ScopedIpv6::parse(inside).is_some(), port)
    } else {
        let (host, port) = said.split_at(said.find(':').unwrap_or(said.len()));
        (is_host_name(host), port)
    };
    let is_port = |digits: &str| {
        let digits_alone = digits.bytes().all(|b| b.is_ascii_digit());
        digits_alone && digits.parse::<u16>().is_ok_and(|port| port > 0)
    };
    if is_host && (port.is_empty() || port.strip_prefix(':').is_some_and(is_port)) {
        return Ok(said.to_owned());
    }
    Err(format!(
        "\"{}\" is no server; write \"HOST:PORT\", and an IPv6 address as in \"[::1]:7878\"",
        shown(said)
    ))
}

fn is_host_name(host: &str) -> bool {
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let begins_well = host.starts_with(|c: char| c.is_ascii_alphanumeric());
    begins_well && host.len() <= MAX_HOST && host.bytes().all(named)
}

/// The longest name of an interface, in bytes (`IFNAMSIZ` of Linux and the BSDs, less its end).
const MAX_ZONE: usize = 15;

/// An IPv6 address, of which a link-local one may have a zone: the interface through which it is
/// reached (RFC 4007, section 11), as in `fe80::1%eth0`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ScopedIpv6<'a> {
    /// What stands before the zone.
    pub address: Ipv6Addr,
    /// An interface's name or number: 1 to 15 ASCII letters, digits, `-`, `_` and `.`. Whether there
    /// is one shows when it is used.
    pub zone: Option<&'a str>,
}

impl<'a> ScopedIpv6<'a> {
    /// `None` where the text, which has no brackets, is none.
    #[must_use]
    pub fn parse(text: &'a str) -> Option<Self> {
        let (address, zone) = match text.split_once('%') {
            Some((address, zone)) => (address, Some(zone)),
            None => (text, None),
        };
        let address: Ipv6Addr = address.parse().ok()?;
        let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
        let is_zone = |zone: &str| {
            let is_name = (1..=MAX_ZONE).contains(&zone.len()) && zone.bytes().all(named);
            address.is_unicast_link_local() && is_name
        };
        zone.is_none_or(is_zone).then_some(Self { address, zone })
    }
}

impl Display for ScopedIpv6<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.address)?;
        self.zone.map_or(Ok(()), |zone| write!(f, "%{zone}"))
    }
}

pub(super) fn user(value: &DeValue<'_>) -> Result<UserName, String> {
    UserName::parse(text(value)?).map_err(|error| error.to_string())
}

/// Refuses only what no shell can be given.
pub(super) fn command(value: &DeValue<'_>) -> Result<String, String> {
    let said = text(value)?;
    if said.trim().is_empty() || said.contains('\0') {
        return Err("this is no command".into());
    }
    Ok(said.to_owned())
}

pub(super) fn directory(value: &DeValue<'_>) -> Result<PathBuf, String> {
    let said = text(value)?;
    if said.is_empty() || said.chars().any(char::is_control) {
        return Err("this is no directory's name".into());
    }
    if said.starts_with('~') {
        return Err("`~` means nothing here; write the whole path".into());
    }
    Ok(PathBuf::from(said))
}
