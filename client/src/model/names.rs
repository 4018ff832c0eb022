//! Names that were heard of: one's own, those of people one does not want to see, and those that
//! may be completed. Only what is a name is kept, and no more than so many of each.

use std::collections::BTreeMap;

use chatbox_common::limits::MAX_IGNORED;
use chatbox_common::name::{RoomName, UserName};

/// The most names kept of people, and of rooms.
const MAX_KEPT: u32 = 4_096;

/// Names by what they are in lower case.
type NameMap = BTreeMap<String, String>;

fn keep(kept: &mut NameMap, name: &str, most: u32) {
    let key = name.to_ascii_lowercase();
    let has_space = u32::try_from(kept.len()).is_ok_and(|count| count < most);
    if has_space || kept.contains_key(&key) {
        kept.insert(key, name.to_owned());
    }
}

/// See the module.
#[derive(Debug)]
pub(super) struct Names {
    own: String,
    ignored: NameMap,
    people: NameMap,
    rooms: NameMap,
}

impl Names {
    pub(super) fn of(own: &str) -> Self {
        Self {
            own: own.to_owned(),
            ignored: NameMap::new(),
            people: NameMap::new(),
            rooms: NameMap::new(),
        }
    }

    pub(super) fn own(&self) -> &str {
        &self.own
    }

    pub(super) fn is_own(&self, user: &str) -> bool {
        self.own.eq_ignore_ascii_case(user)
    }

    pub(super) fn is_ignored(&self, user: &str) -> bool {
        self.ignored.contains_key(&user.to_ascii_lowercase())
    }

    pub(super) fn ignored(&self) -> impl Iterator<Item = &str> {
        self.ignored.values().map(String::as_str)
    }

    /// All whom one ignores, and nobody else.
    pub(super) fn ignore_all(&mut self, users: &[String]) {
        self.ignored.clear();
        for user in users {
            self.ignore(user, true);
        }
    }

    pub(super) fn ignore(&mut self, user: &str, ignored: bool) {
        if ignored {
            keep(&mut self.ignored, user, MAX_IGNORED);
        } else {
            self.ignored.remove(&user.to_ascii_lowercase());
        }
    }

    /// Somebody was heard of.
    pub(super) fn person(&mut self, user: &str) {
        if UserName::parse(user).is_ok() {
            keep(&mut self.people, user, MAX_KEPT);
        }
    }

    /// A room was heard of.
    pub(super) fn room(&mut self, name: &str) {
        if RoomName::parse(name).is_ok() {
            keep(&mut self.rooms, name, MAX_KEPT);
        }
    }

    pub(super) fn people(&self) -> impl Iterator<Item = &str> {
        self.people.values().map(String::as_str)
    }

    pub(super) fn rooms(&self) -> impl Iterator<Item = &str> {
        self.rooms.values().map(String::as_str)
    }
}
