//! The entries kept of a room, messages and notices, in little memory.
//!
//! Texts are sanitized ([`crate::sanitize`]) before they are kept. Knows neither rows nor what was
//! read; `view` owns a [`Scrollback`] for each room.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use chatbox_common::wire::message::{Chat, Kind, Seq};

use crate::model::Mention;
use crate::sanitize;
use crate::ui::full::colours::{SHADES, shade};
use crate::width::TAB;

/// An entry counts once more for each so many bytes of its text.
const PORTION: usize = 256;

/// A message is put before at most so many notices of a later time.
const MOST_PASSED: usize = 16;

/// Identifies an entry of a room for as long as it is kept, whatever is added or dropped around it.
/// The ids of a room are consecutive.
pub type Id = i64;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// A message.
    Said,
    /// A message sent with `/me`.
    Did,
    /// A sentence of this program.
    Notice,
}

/// Kept small, as there may be 100,000 of them: a test bounds its size.
#[derive(Debug)]
pub struct Entry {
    /// 0 for a notice.
    pub seq: Seq,
    /// In milliseconds since 1970.
    pub time: u64,
    /// The author's; none for a notice.
    pub name: Option<Arc<str>>,
    /// The style of the name.
    pub shade: u8,
    /// Sanitized, of one or more lines.
    pub text: Box<str>,
    pub form: Form,
    /// Whether the reader wrote it.
    pub is_own: bool,
    /// Whether it names the reader.
    pub calls: bool,
}

impl Entry {
    #[must_use]
    pub fn notice(time: u64, text: &str) -> Self {
        Self {
            seq: 0,
            time,
            name: None,
            shade: 0,
            text: clean(text),
            form: Form::Notice,
            is_own: false,
            calls: false,
        }
    }

    #[must_use]
    pub const fn is_others(&self) -> bool {
        self.seq > 0 && !self.is_own
    }

    /// What it counts for the limit of [`Views`](super::Views).
    const fn cost(&self) -> usize {
        1 + self.text.len() / PORTION
    }
}

fn clean(text: &str) -> Box<str> {
    let clean = sanitize::text(text);
    if clean.contains('\t') {
        return clean.replace('\t', TAB).into();
    }
    clean.into()
}

/// The names of authors, each kept once and shared by the entries, with the style it is shown in:
/// no two of those that are kept look alike while there are styles left.
#[derive(Debug, Default)]
pub struct Names {
    kept: HashMap<Arc<str>, u8>,
    /// How many of them have each style.
    worn: [usize; SHADES],
}

impl Names {
    /// `own` is the reader's name.
    pub fn entry(&mut self, chat: &Chat, mention: Mention, own: &str) -> Entry {
        let (name, shade) = self.name(&chat.user);
        Entry {
            seq: chat.seq,
            time: chat.time,
            name: Some(name),
            shade,
            text: clean(&chat.text),
            form: match chat.kind {
                Kind::Text => Form::Said,
                Kind::Action => Form::Did,
            },
            is_own: chat.user.eq_ignore_ascii_case(own),
            calls: mention != Mention::No,
        }
    }

    fn name(&mut self, user: &str) -> (Arc<str>, u8) {
        let clean = sanitize::name(user);
        if let Some((known, shade)) = self.kept.get_key_value(clean.as_str()) {
            return (Arc::clone(known), *shade);
        }
        let name: Arc<str> = clean.into();
        let shade = self.free_shade(&name);
        self.kept.insert(Arc::clone(&name), shade);
        if let Some(worn) = self.worn.get_mut(usize::from(shade)) {
            *worn += 1;
        }
        (name, shade)
    }

    /// Its own, or the next that no kept name has; its own where all are taken.
    fn free_shade(&self, name: &str) -> u8 {
        let own = shade(name);
        let mut all = (own..SHADES).chain(0..own);
        let free = all.find(|shade| self.worn.get(*shade) == Some(&0));
        u8::try_from(free.unwrap_or(own)).unwrap_or(0)
    }

    /// Drops the names that no entry has any more; to be called after entries were dropped.
    pub fn tidy(&mut self) {
        self.kept.retain(|name, _| Arc::strong_count(name) > 1);
        self.worn = [0; SHADES];
        for shade in self.kept.values() {
            if let Some(worn) = self.worn.get_mut(usize::from(*shade)) {
                *worn += 1;
            }
        }
    }
}

#[derive(Debug, Default)]
pub struct Scrollback {
    entries: VecDeque<Entry>,
    /// The id of the first entry.
    first: Id,
    cost: usize,
}

impl Scrollback {
    /// The sum of its entries' costs.
    #[must_use]
    pub const fn cost(&self) -> usize {
        self.cost
    }

    #[must_use]
    pub fn ids(&self) -> Range<Id> {
        let count = Id::try_from(self.entries.len()).unwrap_or(Id::MAX);
        self.first..self.first.saturating_add(count)
    }

    #[must_use]
    pub fn entry(&self, id: Id) -> Option<&Entry> {
        let place = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get(place)
    }

    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id, &Entry)> {
        let first = self.first;
        let named = self.entries.iter().enumerate();
        named.map(move |(place, entry)| (first + Id::try_from(place).unwrap_or(0), entry))
    }

    /// The oldest message; notices are passed over.
    #[must_use]
    pub fn oldest(&self) -> Option<Seq> {
        let mut numbers = self.entries.iter().map(|entry| entry.seq);
        numbers.find(|seq| *seq > 0)
    }

    pub fn push(&mut self, entry: Entry) -> Id {
        self.cost += entry.cost();
        self.entries.push_back(entry);
        self.ids().end - 1
    }

    /// Puts a message last, but before the notices at the end that are of a later time: the first
    /// page of history comes after the notices of the session's beginning.
    pub fn push_by_time(&mut self, entry: Entry) -> Id {
        let said_later = |other: &&Entry| other.seq == 0 && other.time > entry.time;
        let last = self.entries.iter().rev().take(MOST_PASSED);
        let passed = last.take_while(said_later).count();
        let place = self.entries.len() - passed;
        self.cost += entry.cost();
        self.entries.insert(place, entry);
        self.ids().end - 1 - Id::try_from(passed).unwrap_or(0)
    }

    pub fn push_front(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.entries.push_front(entry);
        self.first -= 1;
    }

    /// Drops the oldest tenth, so that the limit is not reached again with the next entry.
    pub fn forget_some(&mut self) {
        let count = (self.entries.len() / 10).max(1).min(self.entries.len());
        let dropped: usize = self.entries.drain(..count).map(|entry| entry.cost()).sum();
        self.cost -= dropped;
        self.first += Id::try_from(count).unwrap_or(0);
    }

    /// Drops this message and all behind it; notices are kept. No id is used again.
    pub fn drop_from(&mut self, seq: Seq) {
        self.first = self.ids().end;
        self.entries.retain(|entry| entry.seq < seq);
        self.cost = self.entries.iter().map(Entry::cost).sum();
    }

    /// No id is used again.
    pub fn clear(&mut self) {
        self.first = self.ids().end;
        self.entries = VecDeque::new();
        self.cost = 0;
    }
}

/// The ranges where a text holds `sought`, whatever the case; they do not overlap.
#[must_use]
pub fn places(text: &str, sought: &str) -> Vec<Range<usize>> {
    let sought: Vec<char> = sought.chars().flat_map(char::to_lowercase).collect();
    let mut places = Vec::new();
    let mut at = 0;
    while let Some(found) = next_place(text, at, &sought) {
        at = found.end;
        places.push(found);
    }
    places
}

/// `sought` is in lower case.
#[must_use]
pub fn holds(text: &str, sought: &[char]) -> bool {
    next_place(text, 0, sought).is_some()
}

fn next_place(text: &str, from: usize, sought: &[char]) -> Option<Range<usize>> {
    let first = sought.first()?;
    let rest = text.get(from..)?;
    rest.char_indices().find_map(|(at, c)| {
        // Most characters differ already here.
        if !(c == *first || c.to_lowercase().next() == Some(*first)) {
            return None;
        }
        let length = begins_with(rest.get(at..)?, sought)?;
        Some(from + at..from + at + length)
    })
}

/// The length in bytes of what is sought, if the text begins with it: another case may have another
/// length.
fn begins_with(text: &str, sought: &[char]) -> Option<usize> {
    let mut left = sought.iter();
    for (at, c) in text.char_indices() {
        for lower in c.to_lowercase() {
            match left.next() {
                None => return Some(at),
                Some(sought) if *sought == lower => {}
                Some(_) => return None,
            }
        }
    }
    left.next().is_none().then_some(text.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_small() {
        assert!(size_of::<Entry>() <= 56, "{}", size_of::<Entry>());
        // A hundred thousand messages of 60 bytes: the entries in a queue that has just doubled,
        // the texts with what the allocator adds.
        assert!(131_072 * size_of::<Entry>() + 100_000 * (60 + 20) < 20_000_000);
    }

    #[test]
    fn an_entry_keeps_its_name_whatever_comes_and_goes_around_it() {
        let mut kept = Scrollback::default();
        for text in ["a", "b", "c"] {
            kept.push(Entry::notice(0, text));
        }
        let (id, _) = kept.iter().nth(1).unwrap();
        kept.push_front(Entry::notice(0, "z"));
        kept.push(Entry::notice(0, "d"));
        assert_eq!(&*kept.entry(id).unwrap().text, "b");
        kept.forget_some();
        kept.forget_some();
        assert_eq!(&*kept.entry(id).unwrap().text, "b");
        assert_eq!(kept.entry(id - 1).map(|entry| &entry.text), None);
        assert_eq!(kept.cost(), 3);
        kept.clear();
        assert!(kept.entry(id).is_none());
        assert!(kept.push(Entry::notice(0, "e")) > id);
        assert_eq!(kept.cost(), 1);
    }

    #[test]
    fn what_was_said_before_this_program_spoke_stands_before_it() {
        let mut kept = Scrollback::default();
        let message = |seq, time| Entry {
            seq,
            ..Entry::notice(time, "message")
        };
        kept.push(Entry::notice(100, "you are alice"));
        let first = kept.push_by_time(message(1, 50));
        let second = kept.push_by_time(message(2, 60));
        let third = kept.push_by_time(message(3, 110));
        let order: Vec<_> = kept.iter().map(|(_, entry)| entry.seq).collect();
        assert_eq!(order, [1, 2, 0, 3]);
        for (id, seq) in [(first, 1), (second, 2), (third, 3)] {
            assert_eq!(kept.entry(id).unwrap().seq, seq);
        }
        assert_eq!(kept.cost(), 4);
    }

    #[test]
    fn a_long_text_counts_as_several() {
        let mut kept = Scrollback::default();
        kept.push(Entry::notice(0, &"x".repeat(8192)));
        assert_eq!(kept.cost(), 33);
        kept.forget_some();
        kept.forget_some();
        assert_eq!((kept.cost(), kept.ids().count()), (0, 0));
    }

    #[test]
    fn what_is_kept_is_clean() {
        let entry = Entry::notice(0, "a\u{1b}[2J\tb\nc\u{202e}");
        assert_eq!(&*entry.text, "a\\u{1b}[2J    b\nc\\u{202e}");
        let mut names = Names::default();
        let (name, _) = names.name(&format!("\u{1b}\n{}", "x".repeat(99)));
        assert_eq!(&*name, format!("\\u{{1b}}\\u{{a}}{}", "x".repeat(64)));
    }

    #[test]
    fn a_name_is_kept_once_and_as_long_as_somebody_bears_it() {
        let mut names = Names::default();
        let ((one, shade), (two, again)) = (names.name("alice"), names.name("alice"));
        assert!(Arc::ptr_eq(&one, &two));
        assert_eq!(shade, again);
        names.name("bob");
        names.tidy();
        assert_eq!(names.kept.len(), 1);
        assert_eq!(names.worn.iter().sum::<usize>(), 1);
    }

    #[test]
    fn names_look_different_while_there_are_styles_left() {
        let mut names = Names::default();
        let all: Vec<_> = (0..SHADES + 9)
            .map(|number| names.name(&format!("user{number}")))
            .collect();
        let mut seen: Vec<u8> = all.iter().take(SHADES).map(|(_, shade)| *shade).collect();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), SHADES);
        for (number, (_, found)) in all.iter().enumerate().skip(SHADES) {
            assert_eq!(usize::from(*found), shade(&format!("user{number}")));
        }
        // What nobody has any more is free again.
        drop(all);
        names.tidy();
        let (_, own) = names.name("alice");
        assert_eq!(usize::from(own), shade("alice"));
    }

    #[test]
    fn a_text_is_found_whatever_the_case() {
        assert_eq!(places("Ab ab AB", "aB"), [0..2, 3..5, 6..8]);
        assert_eq!(places("aaaaa", "aa"), [0..2, 2..4]);
        assert_eq!(places("Straße ÉTÉ été", "été"), [8..13, 14..19]);
        assert_eq!(places("İxİX", "i\u{307}X"), [0..3, 3..6]);
        assert!(places("abc", "").is_empty());
        assert!(places("ab", "abc").is_empty());
        assert!(holds("Hello", &['l', 'o']) && !holds("Hello", &['x']));
    }
}
