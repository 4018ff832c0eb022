//! The sections in which a person chooses names: `[profiles.NAME]` and `[keys]`.
//!
//! Which terminal keys and actions exist is the client's to know: here a setting of `[keys]` is
//! two texts and a line number.

use toml::Spanned;
use toml::de::DeValue;

use super::settings::{KeySetting, Profile};
use super::value::{command, server, shown, text, user};
use super::{Config, SpannedText, line_of};

/// The longest name of a profile, in bytes.
const MAX_PROFILE_NAME: usize = 32;

pub(super) const PROFILES: &str = "profiles";
pub(super) const KEY_SETTINGS: &str = "keys";

/// As [`super::keys::Key`], for a profile.
pub(super) struct ProfileKey {
    pub(super) name: &'static str,
    set: fn(&mut Profile, &DeValue<'_>) -> Result<(), String>,
}

pub(super) const PROFILE_KEYS: &[ProfileKey] = &[
    ProfileKey {
        name: "server",
        set: |p, v| server(v).map(|server| p.server = Some(server)),
    },
    ProfileKey {
        name: "user",
        set: |p, v| user(v).map(|user| p.user = Some(user)),
    },
    ProfileKey {
        name: "password_command",
        set: |p, v| command(v).map(|command| p.password_command = Some(command)),
    },
    ProfileKey {
        name: "otp_command",
        set: |p, v| command(v).map(|command| p.otp_command = Some(command)),
    },
];

/// The rule of [`is_profile_name`], worded for an error message.
#[must_use]
pub fn profile_name_rule() -> String {
    format!("1 to {MAX_PROFILE_NAME} letters a to z, digits, '-' and '_'")
}

/// Whether a profile may have this name: 1 to 32 ASCII letters, digits, `-` and `_`.
#[must_use]
pub fn is_profile_name(name: &str) -> bool {
    let named = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_');
    !name.is_empty() && name.len() <= MAX_PROFILE_NAME && name.bytes().all(named)
}

type Report<'r> = &'r mut dyn FnMut(usize, String);

pub(super) fn read_profiles(
    config: &mut Config,
    at: usize,
    content: &Spanned<DeValue<'_>>,
    fault: Report<'_>,
) {
    let DeValue::Table(profiles) = content.get_ref() else {
        fault(
            at,
            "profiles are sections: write [profiles.NAME]".to_owned(),
        );
        return;
    };
    for (name, content) in profiles {
        let at = name.span().start;
        let name: &str = name.get_ref();
        match content.get_ref() {
            DeValue::Table(_) if !is_profile_name(name) => fault(
                at,
                format!(
                    "\"{}\" is no profile's name: it has {}",
                    shown(name),
                    profile_name_rule()
                ),
            ),
            DeValue::Table(table) => {
                let profile = config.profiles.entry(name.to_owned()).or_default();
                for (key, value) in table {
                    read_profile_key(profile, name, key, value, fault);
                }
            }
            _ => fault(
                at,
                format!(
                    "`{}` stands in no profile: write it below [profiles.NAME]",
                    shown(name)
                ),
            ),
        }
    }
}

fn read_profile_key(
    profile: &mut Profile,
    name: &str,
    key: &SpannedText<'_>,
    value: &Spanned<DeValue<'_>>,
    fault: Report<'_>,
) {
    let written: &str = key.get_ref();
    match PROFILE_KEYS.iter().find(|key| key.name == written) {
        Some(key) => {
            if let Err(why) = (key.set)(profile, value.get_ref()) {
                let sentence = format!("[profiles.{name}] {written}: {why}");
                fault(value.span().start, sentence);
            }
        }
        None => fault(
            key.span().start,
            format!(
                "[profiles.{name}] has no key `{}`; the nearest is {}",
                shown(written),
                super::nearest_key(PROFILES, written)
            ),
        ),
    }
}

/// The settings end up in the order of their lines.
pub(super) fn read_keys(
    config: &mut Config,
    whole: &str,
    at: usize,
    content: &Spanned<DeValue<'_>>,
    fault: Report<'_>,
) {
    let DeValue::Table(table) = content.get_ref() else {
        fault(at, "keys is a section: write [keys]".to_owned());
        return;
    };
    for (key, value) in table {
        let action = text(value.get_ref()).and_then(|action| {
            if action.is_empty() || key.get_ref().is_empty() {
                return Err("a key and an action each have a name".to_owned());
            }
            Ok(action.to_owned())
        });
        match action {
            Ok(action) => config.keys.push(KeySetting {
                key: key.get_ref().to_string(),
                action,
                line: line_of(whole, key.span().start),
            }),
            Err(why) => {
                let sentence = format!("[keys] {}: {why}", shown(key.get_ref()));
                fault(value.span().start, sentence);
            }
        }
    }
    config.keys.sort_by_key(|setting| setting.line);
}
