//! What is kept of a room to be shown: its messages and what was said between them, packed.
//!
//! Texts are clean ([`crate::sanitize`]) from the moment they are kept. Knows neither rows nor what
//! was read; `view` owns one of these for each room.

use std::collections::{HashSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use chatbox_common::wire::message::{Chat, Kind, Seq};

use crate::model::Mention;
use crate::sanitize;
use crate::ui::full::wrap;

/// A text longer than so many bytes counts as several.
const PORTION: usize = 256;

/// A message is put before at most so many things said later.
const MOST_PASSED: usize = 16;

/// An entry's name, which it keeps for as long as it is kept, whatever comes before and behind it.
pub type Id = i64;

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Somebody said it.
    Said,
    /// Somebody did it.
    Did,
    /// This program says it.
    Notice,
}

/// A message, or what this program has to say.
#[derive(Debug)]
pub struct Entry {
    /// Its number; 0 for what is no message.
    pub seq: Seq,
    /// When, in milliseconds since 1970.
    pub time: u64,
    /// Whose it is.
    pub name: Option<Arc<str>>,
    /// What, in lines that may be of any length.
    pub text: Box<str>,
    /// What it is.
    pub form: Form,
    /// Whether it is one's own.
    pub is_own: bool,
    /// Whether it names whoever reads it.
    pub calls: bool,
}

impl Entry {
    /// What this program says.
    #[must_use]
    pub fn notice(time: u64, text: &str) -> Self {
        Self {
            seq: 0,
            time,
            name: None,
            text: clean(text),
            form: Form::Notice,
            is_own: false,
            calls: false,
        }
    }

    /// Whether it is a message of somebody else.
    #[must_use]
    pub const fn is_others(&self) -> bool {
        self.seq > 0 && !self.is_own
    }

    /// How much of what may be kept it takes: 1, and more where it is long.
    const fn cost(&self) -> usize {
        1 + self.text.len() / PORTION
    }
}

fn clean(text: &str) -> Box<str> {
    let clean = sanitize::text(text);
    if clean.contains('\t') {
        return clean.replace('\t', wrap::TAB).into();
    }
    clean.into()
}

/// Names, each kept once.
#[derive(Debug, Default)]
pub struct Names(HashSet<Arc<str>>);

impl Names {
    /// A message as it is kept; `own` is one's own name.
    pub fn entry(&mut self, chat: &Chat, mention: Mention, own: &str) -> Entry {
        Entry {
            seq: chat.seq,
            time: chat.time,
            name: Some(self.name(&chat.user)),
            text: clean(&chat.text),
            form: match chat.kind {
                Kind::Text => Form::Said,
                Kind::Action => Form::Did,
            },
            is_own: chat.user.eq_ignore_ascii_case(own),
            calls: mention != Mention::No,
        }
    }

    fn name(&mut self, user: &str) -> Arc<str> {
        let clean = sanitize::name(user);
        if let Some(known) = self.0.get(clean.as_str()) {
            return Arc::clone(known);
        }
        let name: Arc<str> = clean.into();
        self.0.insert(Arc::clone(&name));
        name
    }

    /// Names that nothing bears any more are dropped.
    pub fn tidy(&mut self) {
        self.0.retain(|name| Arc::strong_count(name) > 1);
    }
}

/// The entries of a room in their order.
#[derive(Debug, Default)]
pub struct Scrollback {
    entries: VecDeque<Entry>,
    /// The first one's name.
    first: Id,
    cost: usize,
}

impl Scrollback {
    /// What it takes of what may be kept.
    #[must_use]
    pub const fn cost(&self) -> usize {
        self.cost
    }

    /// The names of all entries.
    #[must_use]
    pub fn ids(&self) -> Range<Id> {
        let count = Id::try_from(self.entries.len()).unwrap_or(Id::MAX);
        self.first..self.first.saturating_add(count)
    }

    /// The entry with this name.
    #[must_use]
    pub fn entry(&self, id: Id) -> Option<&Entry> {
        let place = usize::try_from(id.checked_sub(self.first)?).ok()?;
        self.entries.get(place)
    }

    /// The entries with their names, from the first to the last.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = (Id, &Entry)> {
        let first = self.first;
        let named = self.entries.iter().enumerate();
        named.map(move |(place, entry)| (first + Id::try_from(place).unwrap_or(0), entry))
    }

    /// The number of the oldest message.
    #[must_use]
    pub fn oldest(&self) -> Option<Seq> {
        let mut numbers = self.entries.iter().map(|entry| entry.seq);
        numbers.find(|seq| *seq > 0)
    }

    /// Puts an entry behind all others; says its name.
    pub fn push(&mut self, entry: Entry) -> Id {
        self.cost += entry.cost();
        self.entries.push_back(entry);
        self.ids().end - 1
    }

    /// Puts a message behind all others, but for the last things that this program has said later
    /// than it was: a first page comes when the session has begun. Says its name.
    pub fn push_by_time(&mut self, entry: Entry) -> Id {
        let said_later = |other: &&Entry| other.seq == 0 && other.time > entry.time;
        let last = self.entries.iter().rev().take(MOST_PASSED);
        let passed = last.take_while(said_later).count();
        let place = self.entries.len() - passed;
        self.cost += entry.cost();
        self.entries.insert(place, entry);
        self.ids().end - 1 - Id::try_from(passed).unwrap_or(0)
    }

    /// Puts an entry in front of all others.
    pub fn push_front(&mut self, entry: Entry) {
        self.cost += entry.cost();
        self.entries.push_front(entry);
        self.first -= 1;
    }

    /// Drops the oldest entries, a tenth of all.
    pub fn forget_some(&mut self) {
        let count = (self.entries.len() / 10).max(1).min(self.entries.len());
        let dropped: usize = self.entries.drain(..count).map(|entry| entry.cost()).sum();
        self.cost -= dropped;
        self.first += Id::try_from(count).unwrap_or(0);
    }

    /// Drops all entries.
    pub fn clear(&mut self) {
        self.first = self.ids().end;
        self.entries = VecDeque::new();
        self.cost = 0;
    }
}

/// Where a text holds another one, whatever the case.
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

/// Whether a text holds another one; `sought` is in lower case.
#[must_use]
pub fn holds(text: &str, sought: &[char]) -> bool {
    next_place(text, 0, sought).is_some()
}

fn next_place(text: &str, from: usize, sought: &[char]) -> Option<Range<usize>> {
    let first = sought.first()?;
    let rest = text.get(from..)?;
    rest.char_indices().find_map(|(at, c)| {
        // Most characters are told apart by the first comparison.
        if !(c == *first || c.to_lowercase().next() == Some(*first)) {
            return None;
        }
        let length = begins_with(rest.get(at..)?, sought)?;
        Some(from + at..from + at + length)
    })
}

/// How many bytes of a text are the one that is sought, if it begins with it.
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
        let name = names.name(&format!("\u{1b}\n{}", "x".repeat(99)));
        assert_eq!(&*name, format!("\\u{{1b}}\\u{{a}}{}", "x".repeat(64)));
    }

    #[test]
    fn a_name_is_kept_once_and_as_long_as_somebody_bears_it() {
        let mut names = Names::default();
        let (one, two) = (names.name("alice"), names.name("alice"));
        assert!(Arc::ptr_eq(&one, &two));
        names.name("bob");
        names.tidy();
        assert_eq!(names.0.len(), 1);
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
