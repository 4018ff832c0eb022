//! Names that were heard of: one's own, those of ignored people, and those that may be completed.
//! Of the last only valid names are kept. Every map has a bound, at which a new name is dropped.

use std::collections::BTreeMap;

use chatbox_common::limits::MAX_IGNORED;
use chatbox_common::name::{RoomName, UserName};

/// The most people, and the most rooms, whose names can be completed.
const MAX_KEPT: u32 = 4_096;

/// By the name in lower case: names are compared without case.
type NameMap = BTreeMap<String, String>;

fn keep(kept: &mut NameMap, name: &str, most: u32) {
    let key = name.to_ascii_lowercase();
    let has_space = u32::try_from(kept.len()).is_ok_and(|count| count < most);
    if has_space || kept.contains_key(&key) {
        kept.insert(key, name.to_owned());
    }
}

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

    /// Replaces the list by the server's, which other sessions may have changed.
    pub(super) fn ignore_all(&mut self, users: &[String]) {
        self.ignored.clear();
        for user in users {
            self.ignore(user, true);
        }
    }

    pub(super) fn ignore(&mut self, user: &str, ignored: bool) {
        if ignored && UserName::parse(user).is_ok() {
            keep(&mut self.ignored, user, MAX_IGNORED);
        } else if !ignored {
            self.ignored.remove(&user.to_ascii_lowercase());
        }
    }

    pub(super) fn person(&mut self, user: &str) {
        if UserName::parse(user).is_ok() {
            keep(&mut self.people, user, MAX_KEPT);
        }
    }

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
