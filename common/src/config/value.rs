//! Readers of single values. Each says, when it fails, what it would have taken.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr};
use std::ops::RangeInclusive;
use std::path::PathBuf;

use toml::de::DeValue;

/// As much of a wrong text as is shown, in characters.
const SHOWN: usize = 60;
/// The longest host name (RFC 1035, section 2.3.4), in bytes.
const MAX_HOST: usize = 253;

/// A text from the file as it may stand on a terminal: escaped and cut.
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

/// One of a few words, in any case of letters.
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
