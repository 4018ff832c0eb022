//! Messages found by their words.
//!
//! SQLite's FTS5 gets nothing of what a user typed except for letters and digits
//! ([`Query::terms`](chatbox_common::search::Query::terms)), each word in quotes: nothing that it
//! could take for its query syntax.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chatbox_common::wire::message::{Access, AccountId, RoomId};

use super::column::{Column, take};
use super::error::StoreError;
use super::history::{Message, read_message};
use super::index::room_word;
use super::sql::Snapshot;
use super::statement::statements;

/// After so many hits that the account may not read, rooms that have none left that it may are
/// dropped from the search.
const MOST_PASSED_OVER: usize = 64;

/// A room as a member of it may search it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    pub room: RoomId,
    pub access: Access,
    /// Messages sent since the member joined have this number or a higher one.
    pub joined_seq: u64,
    /// The number of the oldest message that retention has left.
    pub first_kept: u64,
}

#[derive(Debug, Clone)]
pub struct Sought<'a> {
    /// Of [`Query::terms`](chatbox_common::search::Query::terms); a message must have all of them.
    pub words: &'a [String],
    /// Each room with the first number that may be found.
    pub rooms: BTreeMap<RoomId, u64>,
    /// Only rows below this one.
    pub before: Option<u64>,
    pub limit: u32,
    /// As of a page of history.
    pub max_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// The newest first.
    pub messages: Vec<(RoomId, Message)>,
    /// There are older ones.
    pub more: bool,
}

statements! {
    const ROOMS = "SELECT m.room, r.access, m.joined_seq, r.first_seq FROM members m \
        JOIN rooms r ON r.id = m.room WHERE m.account = ?1 AND r.mode = 'audited' AND r.next_seq > 1";
    const ROW = "SELECT id FROM messages WHERE room = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
    // CROSS JOIN fixes the order of the tables: the words come first, whatever the planner
    // estimates.
    const FIND = "SELECT m.id, m.seq, m.sender, a.user, m.device, m.kind, m.body, \
        m.time, m.epoch, m.room FROM messages_fts f CROSS JOIN messages m ON m.id = f.rowid \
        CROSS JOIN REGISTERED a ON a.id = m.sender \
        WHERE messages_fts MATCH ?1 AND f.rowid < ?2 ORDER BY f.rowid DESC";
}

impl Snapshot<'_> {
    /// The rooms that the account is in, hidden ones among them; without those where nothing was said
    /// yet, and private ones, whose messages are never indexed.
    ///
    /// # Errors
    /// SQLite's.
    pub fn searched_by(&self, account: AccountId) -> Result<Vec<Searched>, StoreError> {
        self.all(ROOMS, [account.put()], |row| {
            Ok(Searched {
                room: take(row, 0)?,
                access: take(row, 1)?,
                joined_seq: take(row, 2)?,
                first_kept: take(row, 3)?,
            })
        })
    }

    /// The row of a room's message with this number, or of the next one that retention has left.
    ///
    /// # Errors
    /// SQLite's.
    pub fn row_of(&self, room: RoomId, seq: u64) -> Result<Option<u64>, StoreError> {
        self.one(ROW, (room.put(), seq.put()), |row| take(row, 0))
    }

    /// The newest messages that have all the words. An account that may read only the last few
    /// messages of a room must not make it walk through all that was said before: after
    /// `MOST_PASSED_OVER` of these it goes on without the rooms of which only such are left.
    ///
    /// # Errors
    /// SQLite's.
    pub fn search(&self, sought: Sought<'_>) -> Result<Hits, StoreError> {
        let Sought {
            words,
            mut rooms,
            before,
            limit,
            max_bytes,
        } = sought;
        let mut walk = Walk {
            hits: Hits {
                messages: Vec::new(),
                more: false,
            },
            limit: usize::try_from(limit.max(1)).unwrap_or(usize::MAX),
            bytes_left: max_bytes,
            before: before.unwrap_or(u64::MAX),
        };
        while !words.is_empty() && !rooms.is_empty() && self.walk(&mut walk, words, &rooms)? {
            rooms = self.reaching(&rooms, walk.before)?;
        }
        Ok(walk.hits)
    }

    /// Goes on with a search, to its end or until it has passed over [`MOST_PASSED_OVER`] hits;
    /// returns whether the latter.
    fn walk(
        &self,
        walk: &mut Walk,
        words: &[String],
        rooms: &BTreeMap<RoomId, u64>,
    ) -> Result<bool, StoreError> {
        let mut passed_over = 0;
        let asked = (expression(words, rooms), walk.before.put());
        self.scan(FIND, asked, |row| {
            let (room, seq) = (take(row, 9)?, take(row, 1)?);
            if rooms.get(&room).is_some_and(|first| *first <= seq) {
                return Ok(walk.take(room, read_message(row)?));
            }
            passed_over += 1;
            walk.before = take(row, 0)?;
            Ok(if passed_over < MOST_PASSED_OVER {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        Ok(passed_over == MOST_PASSED_OVER)
    }

    /// The rooms of which a message that may be read has a row below `before`.
    fn reaching(
        &self,
        rooms: &BTreeMap<RoomId, u64>,
        before: u64,
    ) -> Result<BTreeMap<RoomId, u64>, StoreError> {
        let mut reaching = BTreeMap::new();
        for (&room, &first) in rooms {
            if self.row_of(room, first)?.is_some_and(|row| row < before) {
                reaching.insert(room, first);
            }
        }
        Ok(reaching)
    }
}

struct Walk {
    hits: Hits,
    limit: usize,
    bytes_left: usize,
    /// Only rows below this one are left to be looked at.
    before: u64,
}

impl Walk {
    fn take(&mut self, room: RoomId, message: Message) -> ControlFlow<()> {
        let found = &mut self.hits.messages;
        let weight = message.weight();
        if !found.is_empty() && (found.len() >= self.limit || weight > self.bytes_left) {
            self.hits.more = true;
            return ControlFlow::Break(());
        }
        self.bytes_left = self.bytes_left.saturating_sub(weight);
        found.push((room, message));
        ControlFlow::Continue(())
    }
}

/// FTS5's query: any of the rooms, and all of the words.
fn expression(words: &[String], rooms: &BTreeMap<RoomId, u64>) -> String {
    let rooms: Vec<String> = rooms.keys().map(|room| room_word(*room)).collect();
    let quoted = |word: &String| format!("\"{}\"", word.replace('"', "\"\""));
    let words: Vec<String> = words.iter().map(quoted).collect();
    let (rooms, words) = (rooms.join(" OR "), words.join(" "));
    format!("room : ({rooms}) AND body : ({words})")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use chatbox_common::search::{Query, index_text};

    use super::super::statement::Statement;
    use super::super::testing::{account, message, room, store};
    use super::super::{Commit, Durability, LOBBY, Portion, SqlLog, Store, Tx};
    use super::*;

    /// Inserts a message as number `seq` of a room, and indexes it.
    fn say(tx: &Tx<'_>, alice: AccountId, room: RoomId, seq: u64, text: &str) {
        let mut message = message(alice, 0, text.as_bytes());
        message.room = room;
        message.client_id[..8].copy_from_slice(&room.0.to_be_bytes());
        message.client_id[8..].copy_from_slice(&seq.to_be_bytes());
        tx.insert_message(seq, &message).unwrap();
        let portion = Portion {
            messages: 9,
            bytes: 99_999,
            merged_pages: 8,
        };
        assert!(!tx.index(portion).unwrap());
    }

    fn filled(fill: impl FnOnce(&Tx<'_>, AccountId)) -> (tempfile::TempDir, Store) {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let filled = store.transaction(Commit::Usual, |tx| {
            fill(tx, alice);
            Ok(())
        });
        filled.unwrap();
        (directory, store)
    }

    /// Each hit by its room and number.
    fn find(
        store: &mut Store,
        typed: &str,
        rooms: &[(RoomId, u64)],
        before: Option<u64>,
        limit: u32,
    ) -> (Vec<(RoomId, u64)>, bool) {
        let words = Query::new(typed).terms();
        let sought = Sought {
            words: &words,
            rooms: rooms.iter().copied().collect(),
            before,
            limit,
            max_bytes: 32_768,
        };
        let hits = store.transaction(Commit::Usual, |tx| tx.search(sought));
        let hits = hits.unwrap();
        let places = hits.messages.iter().map(|(room, hit)| (*room, hit.seq));
        (places.collect(), hits.more)
    }

    #[test]
    fn all_words_must_be_there_in_any_order_and_case() {
        let (_directory, mut store) = filled(|tx, alice| {
            say(tx, alice, LOBBY, 1, "the disk of db-7 is FULL");
            say(tx, alice, LOBBY, 2, "full of hope");
            say(tx, alice, LOBBY, 3, "Überlauf: the DISK again");
        });
        let mut numbers = |typed: &str| -> Vec<u64> {
            let found = find(&mut store, typed, &[(LOBBY, 1)], None, 9).0;
            found.into_iter().map(|(_, seq)| seq).collect()
        };
        assert_eq!(numbers("disk"), [3, 1]);
        assert_eq!(numbers("full DISK"), [1]);
        assert_eq!(numbers("uberlauf"), [3]);
        assert_eq!(numbers("7 db"), [1]);
        for nothing in ["dis", "disk hope", "r1", "room", "\"", ""] {
            assert_eq!(numbers(nothing), [0; 0], "{nothing}");
        }
    }

    #[test]
    fn only_the_rooms_named_are_searched_from_the_numbers_named() {
        let mut rooms = [LOBBY; 3];
        let (_directory, mut store) = filled(|tx, alice| {
            rooms = [LOBBY, room(tx, "#b", "audited"), room(tx, "#c", "audited")];
            for seq in 1..=3 {
                for room in rooms {
                    say(tx, alice, room, seq, "word");
                }
            }
        });
        let [a, b, c] = rooms;
        let all = find(&mut store, "word", &[(a, 1), (b, 1), (c, 1)], None, 99).0;
        let numbers = |seq| rooms.iter().rev().map(move |room| (*room, seq));
        assert_eq!(all, (1..=3).rev().flat_map(numbers).collect::<Vec<_>>());
        let some = find(&mut store, "word", &[(a, 2), (c, 3)], None, 99).0;
        assert_eq!(some, [(c, 3), (a, 3), (a, 2)]);
        assert_eq!(find(&mut store, "word", &[], None, 99).0, []);
        assert_eq!(find(&mut store, "word", &[(RoomId(99), 1)], None, 99).0, []);
    }

    #[test]
    fn pages_follow_each_other_to_the_end() {
        let (_directory, mut store) = filled(|tx, alice| {
            for seq in 1..=10 {
                say(tx, alice, LOBBY, seq, "word");
            }
        });
        let (mut seen, mut before) = (Vec::new(), None);
        for (count, expected) in [(4, true), (4, true), (2, false), (0, false)] {
            let (page, more) = find(&mut store, "word", &[(LOBBY, 1)], before, 4);
            assert_eq!((page.len(), more), (count, expected));
            if let Some(&(room, seq)) = page.last() {
                let row = |tx: &Tx<'_>| tx.row_of(room, seq);
                before = store.transaction(Commit::Usual, row).unwrap();
            }
            seen.extend(page.into_iter().map(|(_, seq)| seq));
        }
        assert_eq!(seen, (1..=10).rev().collect::<Vec<_>>());
    }

    #[test]
    fn who_came_late_has_nothing_older_walked_through_and_misses_nothing_elsewhere() {
        let (old, few) = (5 * MOST_PASSED_OVER as u64, 3);
        let mut rooms = [LOBBY; 2];
        let (directory, mut store) = filled(|tx, alice| {
            rooms = [room(tx, "#late", "audited"), room(tx, "#later", "audited")];
            for seq in 1..=few {
                say(tx, alice, LOBBY, seq, "word of old");
            }
            for seq in 1..=old {
                for room in rooms {
                    say(tx, alice, room, seq, "word");
                }
            }
        });
        let [late, later] = rooms;
        let mine = [(LOBBY, 1), (late, old), (later, old + 1)];
        let expected = [(late, old), (LOBBY, 3), (LOBBY, 2), (LOBBY, 1)];
        assert_eq!(find(&mut store, "word", &mine, None, 9).0, expected);
        // No page may be empty before the end: the next one is asked for by its last message.
        let mut before = None;
        for (number, place) in expected.into_iter().enumerate() {
            let (page, more) = find(&mut store, "word", &mine, before, 1);
            assert_eq!((page, more), (vec![place], number < 3));
            let row = |tx: &Tx<'_>| tx.row_of(place.0, place.1);
            before = store.transaction(Commit::Usual, row).unwrap();
        }
        drop(store);
        let examined = Arc::new(AtomicUsize::new(0));
        let sum = Arc::clone(&examined);
        let log = SqlLog::new(move |entries| {
            let finds = entries
                .iter()
                .filter(|entry| entry.statement == FIND.text());
            sum.fetch_add(finds.map(|entry| entry.rows).sum(), Ordering::Relaxed);
        });
        let mut store = Store::open(directory.path(), Durability::Normal, log).unwrap();
        find(&mut store, "word", &mine, None, 9);
        let most = MOST_PASSED_OVER + expected.len();
        assert!(examined.load(Ordering::Relaxed) <= most, "{examined:?}");
    }

    #[test]
    fn whatever_is_typed_is_a_search_and_no_error() {
        let (_directory, mut store) = filled(|tx, alice| {
            say(tx, alice, LOBBY, 1, "a AND b OR NOT near 1");
        });
        let long = ["x".repeat(10_000), "x ".repeat(5_000), "\"".repeat(10_000)];
        for typed in [
            "\"",
            "\"\"",
            "'",
            "a\"b",
            "AND",
            "OR",
            "NOT",
            "a AND",
            "NEAR(a b, 2)",
            "^a",
            "a*",
            "body:a",
            "room:r1",
            "{a b}:c",
            "-a",
            "- body : a",
            "a + b",
            "(",
            ")",
            "a)(",
            "a\0b",
            "\0",
            "\u{1f600}",
            "a\u{1f600}b",
            "\u{301}a",
            "%",
            ";--",
            "\u{202e}a",
            "?1",
            "\\",
        ]
        .into_iter()
        .chain(long.iter().map(String::as_str))
        {
            find(&mut store, typed, &[(LOBBY, 1)], None, 9);
        }
        // FTS5's keywords and operators are words, or nothing.
        for typed in ["AND", "or NOT", "NEAR a", "\"a b\"", "b* ^a", "-1"] {
            let found = find(&mut store, typed, &[(LOBBY, 1)], None, 9).0;
            assert_eq!(found, [(LOBBY, 1)], "{typed}");
        }
    }

    #[test]
    fn what_is_written_without_blanks_is_found_by_its_parts() {
        let (_directory, mut store) = filled(|tx, alice| {
            say(tx, alice, LOBBY, 1, "東京都のdiskが満杯です");
            say(tx, alice, LOBBY, 2, "東京 京都");
            say(tx, alice, LOBBY, 3, "서울에서 만나요");
            say(tx, alice, LOBBY, 4, "พบกันที่นี่");
        });
        for (typed, expected) in [
            ("東京", &[2, 1][..]),
            ("京都", &[2, 1]),
            ("東京都", &[1]),
            ("京", &[2, 1]),
            ("満", &[1]),
            ("disk 満杯", &[1]),
            ("杯満", &[]),
            ("서울", &[3]),
            ("ที่นี่", &[4]),
        ] {
            let found = find(&mut store, typed, &[(LOBBY, 1)], None, 9).0;
            let numbers: Vec<u64> = found.into_iter().map(|(_, seq)| seq).collect();
            assert_eq!(numbers, expected, "{typed}");
        }
    }

    #[test]
    fn every_word_there_is_passes_the_index_as_it_is() {
        const VOCABULARY: Statement = Statement::of_test(
            "CREATE VIRTUAL TABLE temp.words USING fts5vocab(main, messages_fts, row)",
        );
        const TERMS: Statement = Statement::of_test("SELECT term FROM words ORDER BY term");
        let all: Vec<char> = (0..=0x10_ffff).filter_map(char::from_u32).collect();
        let texts = all.chunks(2_000).map(|some| {
            let text = some.iter().flat_map(|c| ['.', *c, '.', 'x', *c, *c]);
            text.collect::<String>()
        });
        let texts: Vec<String> = texts.collect();
        let mut expected: Vec<String> = texts
            .iter()
            .flat_map(|text| {
                index_text(text)
                    .split(' ')
                    .map(str::to_owned)
                    .collect::<Vec<_>>()
            })
            .filter(|word| !word.is_empty())
            .collect();
        expected.push(room_word(LOBBY));
        expected.sort_unstable();
        expected.dedup();
        let (_directory, mut store) = filled(|tx, alice| {
            for (seq, text) in (1..).zip(&texts) {
                say(tx, alice, LOBBY, seq, text);
            }
        });
        let kept = store.transaction(Commit::Usual, |tx| {
            tx.execute(VOCABULARY, ())?;
            tx.all(TERMS, (), |row| row.get::<_, String>(0))
        });
        assert_eq!(kept.unwrap(), expected);
    }
}
