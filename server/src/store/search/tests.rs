//! Searches of a database of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chatbox_common::search::{Query, index_text};

use super::super::statement::Statement;
use super::super::testing::{account, message, room, store};
use super::super::{Commit, Durability, LOBBY, Portion, Reader, SqlLog, Store, Tx};
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
    let words = Query::new(typed);
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
fn a_search_that_takes_too_long_is_ended_and_has_what_it_had_found() {
    let (directory, _store) = filled(|tx, alice| {
        // All pairs of what is searched for, and nowhere side by side.
        let text = format!("{}、はよ", "のは".repeat(1_340));
        for seq in 1..=60 {
            say(tx, alice, LOBBY, seq, &text);
        }
        say(tx, alice, LOBBY, 61, "のはのはよ");
    });
    let log = SqlLog::new(|_| ());
    let mut reader = Reader::open(directory.path(), log).unwrap();
    let words = Query::new("のはのはよ");
    let mut find = |most, before| {
        let looks = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&looks);
        let is_over = move || count.fetch_add(1, Ordering::Relaxed) + 1 >= most;
        let sought = Sought {
            words: &words,
            rooms: BTreeMap::from([(LOBBY, 1)]),
            before,
            limit: 9,
            max_bytes: 32_768,
        };
        // What follows in the same read is not ended.
        let read = reader.read_within(is_over, |snapshot| {
            let hits = snapshot.search(sought)?;
            Ok((
                hits,
                snapshot.row_of(LOBBY, 61)?,
                snapshot.is_index_behind()?,
            ))
        });
        let (hits, row, _) = read.unwrap();
        let numbers: Vec<u64> = hits.messages.iter().map(|(_, hit)| hit.seq).collect();
        let looks = looks.load(Ordering::Relaxed);
        ((numbers, hits.more, hits.ended), row, looks)
    };
    let (all, row, looks) = find(usize::MAX, None);
    assert_eq!(all, (vec![61], false, false));
    assert!(looks > 2, "the index itself looks: {looks}");
    let (some, _, ended_after) = find(looks - 1, None);
    assert_eq!(some, (vec![61], true, true));
    assert_eq!(ended_after, looks - 1);
    let (none, _, _) = find(1, row);
    assert_eq!(none, (vec![], false, true));
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
        // More of the first kind than are passed over at once.
        say(tx, alice, LOBBY, 5, &format!("{}よ", "のは".repeat(20)));
        for seq in 6..=140 {
            say(tx, alice, LOBBY, seq, &format!("{}か", "のは".repeat(20)));
        }
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
        (&format!("{}よ", "のは".repeat(12)), &[5]),
        (&format!("{}た", "のは".repeat(12)), &[]),
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
    let texts = all.chunks(300).map(|some| {
        let text = some.iter().flat_map(|c| ['.', *c, '.', 'x', *c, *c]);
        text.collect::<String>()
    });
    let texts: Vec<String> = texts.collect();
    for text in &texts {
        let words: BTreeSet<_> = index_text(text).split(' ').map(str::to_owned).collect();
        assert!(words.len() < 2_000, "none is left out");
    }
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
