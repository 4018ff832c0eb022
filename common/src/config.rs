//! The text of config.toml, made into checked settings; both binaries read the same file.
//!
//! Owns which keys exist, what each may say and what it means when it is missing. Knows no
//! file, no environment and no flag: the binaries find the file, hand its text to [`parse`]
//! and resolve the relative directories in what comes back.

use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

mod keys;
mod profiles;
mod search;
mod settings;
mod value;

use keys::{Draft, KEYS};
use profiles::{KEY_SETTINGS, PROFILE_KEYS, PROFILES};
pub use profiles::{is_profile_name, profile_name_rule};
pub use search::{Candidate, Doubt, Writers, candidates};
pub use settings::{
    Client, Config, DEFAULT_PORT, Durability, KeySetting, Limits, LogLevel, Logging, MAX_HOST,
    Network, Profile, Registration, Security, Server, Storage,
};
pub use value::ScopedIpv6;
use value::shown;

/// The file's name in each directory of [`candidates`].
pub const FILE_NAME: &str = "config.toml";
/// The longest file, in bytes; server and client refuse a longer one.
pub const MAX_FILE: u64 = 256 * 1024;
/// The audit files, as they are named in the log directory.
pub const AUDIT_FILES: [&str; 4] = ["sql.log", "info.log", "credentials.log", "chat.log"];

/// One fault of a file. Text from the file is escaped in the sentence, so that it is safe to show
/// on a terminal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// Counted from 1.
    pub line: usize,
    /// What is wrong, and what to write instead.
    pub sentence: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: {}", self.line, self.sentence)
    }
}

/// Reads the text of a config.toml.
///
/// # Errors
/// All faults of the text, in the order of its lines: syntax, unknown keys, impossible values.
pub fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    let (document, errors) = DeTable::parse_recoverable(text);
    let mut faults: Vec<Fault> = errors
        .iter()
        .map(|error| Fault {
            line: line_of(text, error.span().map_or(0, |span| span.start)),
            sentence: format!("this is not TOML: {}", shown(error.message())),
        })
        .collect();
    // What the parser makes of a broken line is a guess: no second fault for the same line.
    let broken: Vec<usize> = faults.iter().map(|fault| fault.line).collect();
    let mut draft = Draft::default();
    for (section, content) in document.get_ref() {
        let mut fault = |offset, sentence| {
            let line = line_of(text, offset);
            if !broken.contains(&line) {
                faults.push(Fault { line, sentence });
            }
        };
        let (config, at) = (draft.config(), section.span().start);
        match section.get_ref().as_ref() {
            PROFILES => profiles::read_profiles(config, at, content, &mut fault),
            KEY_SETTINGS => profiles::read_keys(config, text, at, content, &mut fault),
            _ => check_section(&mut draft, section, content, &mut fault),
        }
    }
    if faults.is_empty() {
        return Ok(draft.finish());
    }
    faults.sort_by_key(|fault| fault.line);
    Err(faults)
}

type SpannedText<'a> = Spanned<std::borrow::Cow<'a, str>>;

fn check_section(
    draft: &mut Draft,
    section: &SpannedText<'_>,
    content: &Spanned<DeValue<'_>>,
    fault: &mut dyn FnMut(usize, String),
) {
    let name = section.get_ref();
    let at = section.span().start;
    let known = KEYS.iter().any(|key| key.section == name);
    match content.get_ref() {
        DeValue::Table(table) if known => {
            for (key, value) in table {
                check_key(draft, name, key, value, fault);
            }
        }
        DeValue::Table(_) => fault(
            at,
            format!(
                "there is no section [{}]; the nearest is [{}]",
                shown(name),
                nearest_section(name)
            ),
        ),
        _ if known => fault(at, format!("{name} is a section: write [{name}]")),
        _ => fault(
            at,
            format!(
                "`{}` stands outside every section; the nearest key is {}",
                shown(name),
                nearest_key("", name)
            ),
        ),
    }
}

fn check_key(
    draft: &mut Draft,
    section: &str,
    key: &SpannedText<'_>,
    value: &Spanned<DeValue<'_>>,
    fault: &mut dyn FnMut(usize, String),
) {
    let name = key.get_ref();
    match KEYS.iter().find(|k| k.section == section && k.name == name) {
        Some(key) => {
            if let Err(why) = (key.set)(draft, value.get_ref()) {
                fault(value.span().start, format!("[{section}] {name}: {why}"));
            }
        }
        None => fault(
            key.span().start,
            format!(
                "[{section}] has no key `{}`; the nearest is {}",
                shown(name),
                nearest_key(section, name)
            ),
        ),
    }
}

/// Pairs of section and key.
fn names() -> impl Iterator<Item = (&'static str, &'static str)> {
    let of_profiles = PROFILE_KEYS.iter().map(|key| (PROFILES, key.name));
    KEYS.iter()
        .map(|key| (key.section, key.name))
        .chain(of_profiles)
}

/// A section as it stands in its brackets.
fn title(section: &'static str) -> &'static str {
    match section {
        PROFILES => "profiles.NAME",
        other => other,
    }
}

fn nearest_section(name: &str) -> &'static str {
    names()
        .map(|(section, _)| section)
        .chain([KEY_SETTINGS])
        .min_by_key(|section| strsim::damerau_levenshtein(section, name))
        .map(title)
        .unwrap_or_default()
}

/// The key most like `name`; one of another section must be nearer by more than one letter.
fn nearest_key(section: &str, name: &str) -> String {
    names()
        .min_by_key(|(other, key)| {
            strsim::damerau_levenshtein(key, name) + usize::from(*other != section)
        })
        .map(|(section, key)| format!("`{key}` in [{}]", title(section)))
        .unwrap_or_default()
}

/// The line of a byte, counted from 1. Where the text ends is its last line.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.trim_end_matches('\n').bytes().take(offset);
    before.filter(|byte| *byte == b'\n').count() + 1
}

/// Whether a text sets anything for the client, faults or not. A file that was only found in a
/// folder above, and has faults and nothing of the client's, is another program's config.toml.
#[must_use]
pub fn sets_something_of_the_client(text: &str) -> bool {
    let (document, _) = DeTable::parse_recoverable(text);
    document.get_ref().iter().any(|(section, content)| {
        let DeValue::Table(table) = content.get_ref() else {
            return false;
        };
        match section.get_ref().as_ref() {
            "client" => table.keys().any(|key| is_key("client", key.get_ref())),
            "network" => table.contains_key("connection_timeout"),
            PROFILES => table.values().any(|profile| {
                let profile = profile.get_ref().as_table();
                let mut keys = profile.into_iter().flat_map(DeTable::keys);
                keys.any(|key| PROFILE_KEYS.iter().any(|known| known.name == key.get_ref()))
            }),
            // `[keys]` stands in the files of many a program.
            _ => false,
        }
    })
}

fn is_key(section: &str, name: &str) -> bool {
    KEYS.iter()
        .any(|key| key.section == section && key.name == name)
}

#[cfg(test)]
mod profiles_tests;
#[cfg(test)]
mod tests;
