//! Finding what was said, by its words and by its time, against the running server.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, ErrorCode, History, Place, RoomId, Search, ServerMessage,
};

fn refusal(
    client: &mut ScriptedClient,
    words: &str,
    before: Option<Place>,
    limit: u32,
) -> (ErrorCode, String) {
    let words = words.to_owned();
    let asked = client.ask(|request| {
        ClientMessage::Search(Search {
            request,
            words,
            before,
            limit,
        })
    });
    let error = client.error(asked);
    (error.code, error.text)
}

fn numbers(answer: Result<ServerMessage, ErrorCode>) -> u64 {
    match answer {
        Ok(ServerMessage::Ack(ack)) => ack.seq,
        other => panic!("not said: {other:?}"),
    }
}

#[test]
fn messages_are_found_by_their_words_the_newest_first() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    alice.say_in(LOBBY, 1, "the disk of db-7 is full").unwrap();
    bob.say_in(LOBBY, 1, "Which disk? All are FULL.").unwrap();
    alice.say_in(ops, 2, "Überlauf auf der Disk").unwrap();
    let all = [
        "Überlauf auf der Disk",
        "Which disk? All are FULL.",
        "the disk of db-7 is full",
    ];
    assert_eq!(alice.texts_with("disk"), all);
    assert_eq!(alice.texts_with("full DISK"), all[1..]);
    assert_eq!(alice.texts_with("\"db-7\" OR"), [""; 0]);
    assert_eq!(alice.texts_with("\"db-7\" of"), all[2..]);
    assert_eq!(alice.texts_with("uberlauf"), all[..1]);
    assert_eq!(alice.texts_with("dis"), [""; 0]);
    let found = alice.find("disk", None, 1).unwrap();
    let hit = &found.messages[0];
    assert_eq!((hit.room, hit.seq, &*hit.user), (ops, 1, "Alice"));
    assert!(found.more && !found.incomplete);
}

#[test]
fn words_that_are_written_without_blanks_are_found_and_latin_ones_beside_them() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let all = [
        "データベースdb-7のdiskが満杯です",
        "東京都に行きました",
        "东京，京都",
        "서울에서 만나요",
        "พบกันที่นี่",
    ];
    for (n, text) in (1..).zip(all) {
        alice.say_in(LOBBY, n, text).unwrap();
    }
    for (words, found) in [
        ("disk", &all[..1]),
        ("満杯 db", &all[..1]),
        ("ﾃﾞｰﾀﾍﾞｰｽ", &all[..1]),
        ("東京都", &all[1..2]),
        ("都", &[all[2], all[1]]),
        ("京東", &[]),
        ("서울", &all[3..4]),
        ("นี่", &all[4..]),
    ] {
        assert_eq!(alice.texts_with(words), found, "{words}");
    }
}

#[test]
fn all_of_a_message_is_found_however_its_scripts_are_mixed() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let all = [
        "serverの再起動はpm2で：第3回",
        "日本 語, 日、本語",
        "พ.ศ. 2569 nginxล่ม",
        "ပြည်မြို့ ភ្នំពេញ ວຽງຈັນ",
        "Straße İzmir ГРОЗА वृक्ष",
    ];
    for (n, text) in (1..).zip(all) {
        alice.say_in(LOBBY, n, text).unwrap();
    }
    for (words, found) in [
        ("再", &all[..1]),
        ("pm2 起動", &all[..1]),
        ("SERVERの再起動", &all[..1]),
        ("第３回", &all[..1]),
        ("動再", &[]),
        ("日本", &all[1..2]),
        ("日本語", &[]),
        ("本語。", &all[1..2]),
        ("ล่ม NGINX", &all[2..3]),
        ("မြို့", &all[3..4]),
        ("ពេញ", &all[3..4]),
        ("ຈັນ", &all[3..4]),
        ("straße izmir", &all[4..]),
        ("гроза वृक्ष", &all[4..]),
        // Of scripts with blanks words are found whole.
        ("гроз", &[]),
        ("ser*", &[]),
        ("\"再起\" NOT 動", &[]),
    ] {
        assert_eq!(alice.texts_with(words), found, "{words}");
    }
}

#[test]
fn one_finds_in_the_rooms_one_is_in_and_nowhere_else() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let (_carol, mut carol) = server.register("Carol");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    let hidden = alice.create("#hidden", Access::Invited).unwrap().room;
    let two = alice.direct("Bob").unwrap().room;
    alice.say_in(ops, 1, "word in ops").unwrap();
    alice.say_in(hidden, 2, "word in hidden before").unwrap();
    alice.say_in(two, 3, "word among two").unwrap();
    alice.say_in(LOBBY, 4, "word in the lobby").unwrap();
    let before = ["word in the lobby", "word among two"];
    assert_eq!(bob.texts_with("word"), before);
    assert_eq!(carol.texts_with("word"), before[..1]);

    // An open room's history is open to new members; an invited room's begins with their entry.
    bob.join("#ops").unwrap();
    alice.invite(hidden, "Bob").unwrap();
    bob.join("#hidden~Alice").unwrap();
    alice.say_in(hidden, 5, "word in hidden since").unwrap();
    let since = [
        "word in hidden since",
        "word in the lobby",
        "word among two",
        "word in ops",
    ];
    assert_eq!(bob.texts_with("word"), since);
    assert_eq!(alice.texts_with("word").len(), 5);

    bob.leave(ops).unwrap();
    assert_eq!(bob.texts_with("word"), since[..3]);
    alice.moderate(hidden, "Bob", Action::Kick).unwrap();
    assert_eq!(bob.texts_with("word"), since[1..3]);
    // A place in a room that one is not in continues no search.
    for room in [ops, hidden, RoomId(999)] {
        let place = Place { room, seq: 1 };
        let refused = refusal(&mut bob, "word", Some(place), 9);
        let expected = (ErrorCode::UnknownRoom, "there is no such room".to_owned());
        assert_eq!(refused, expected);
    }
}

#[test]
fn pages_miss_nothing_and_repeat_nothing_while_people_talk_on() {
    const MANY: u64 = 300;
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    let rooms = [LOBBY, ops];
    let mut said = Vec::new();
    for n in 1..=MANY {
        let room = rooms[usize::try_from(n % 3 / 2).unwrap()];
        let seq = numbers(alice.say_in(room, n, &format!("word no{n}")));
        said.push((room, seq));
    }
    assert_eq!(bob.texts_with("word").len(), usize::try_from(MANY).unwrap());
    let (mut found, mut before) = (Vec::new(), None);
    for page in 1.. {
        alice.say_in(ops, MANY + page, "another word").unwrap();
        let hits = bob.find("word", before, 17).unwrap();
        let places: Vec<_> = hits
            .messages
            .iter()
            .map(|hit| (hit.room, hit.seq))
            .collect();
        assert!(!places.is_empty(), "nobody could go on from an empty page");
        let last = hits.messages.last().unwrap();
        before = Some(Place {
            room: last.room,
            seq: last.seq,
        });
        found.extend(places);
        if !hits.more {
            break;
        }
    }
    // A message that came meanwhile may stand in front.
    let at = found.len() - said.len();
    said.reverse();
    assert_eq!(found[at..], said);
    assert!(at <= 1, "the first page alone can have newer ones");
}

#[test]
fn a_page_of_long_messages_ends_early_and_goes_on() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let long = format!("word {}", "x".repeat(8_000));
    for n in 1..=6 {
        alice.say_in(LOBBY, n, &long).unwrap();
    }
    assert_eq!(alice.texts_with("word").len(), 4, "32 KiB");
    let first = alice.find("word", None, 500).unwrap();
    assert!(first.more);
    let before = Some(Place {
        room: LOBBY,
        seq: first.messages.last().unwrap().seq,
    });
    let rest = alice.find("word", before, 500).unwrap();
    assert_eq!((rest.messages.len(), rest.more), (2, false));
}

#[test]
fn who_came_late_to_a_room_finds_older_messages_elsewhere() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    alice.say_in(LOBBY, 1, "word of old").unwrap();
    let ops = alice.create("#ops", Access::Invited).unwrap().room;
    for n in 1..=200 {
        alice.say_in(ops, n + 1, "word before bob").unwrap();
    }
    alice.invite(ops, "Bob").unwrap();
    bob.join("#ops~Alice").unwrap();
    alice.say_in(ops, 999, "word with bob").unwrap();
    assert_eq!(bob.texts_with("word"), ["word with bob", "word of old"]);
    let first = bob.find("word", None, 1).unwrap();
    assert_eq!((first.messages[0].room, first.more), (ops, true));
    let before = Some(Place {
        room: ops,
        seq: first.messages[0].seq,
    });
    let rest = bob.find("word", before, 1).unwrap();
    assert_eq!((&*rest.messages[0].text, rest.more), ("word of old", false));
}

#[test]
fn what_was_said_is_found_after_a_kill() {
    let mut server = ServerProcess::start(UNLIMITED);
    let (mut account, mut alice) = server.register("Alice");
    for n in 1..=20 {
        alice.say_in(LOBBY, n, &format!("word no{n}")).unwrap();
    }
    assert_eq!(alice.texts_with("word").len(), 20);
    for n in 21..=30 {
        alice.say_in(LOBBY, n, &format!("word no{n}")).unwrap();
    }
    server.kill();
    server.restart();
    let mut alice = server.log_in(&mut account);
    assert_eq!(alice.texts_with("word").len(), 30);
    assert_eq!(alice.texts_with("no7"), ["word no7"]);
    assert_eq!(alice.texts_with("no27"), ["word no27"]);
}

#[test]
fn what_is_not_indexed_yet_is_told_of() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let mut said = 0;
    eventually("an index that is behind", || {
        said += 1;
        alice.say_in(LOBBY, said, "word").unwrap();
        let found = alice.find("word", None, 500).unwrap();
        found.incomplete.then_some(())
    });
    let all = usize::try_from(said).unwrap();
    assert_eq!(alice.texts_with("word").len(), all);
}

#[test]
fn a_search_that_is_none_is_refused_with_a_sentence() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let seventeen: Vec<String> = (1..=17).map(|n| format!("w{n}")).collect();
    let no_word = "search for at least one word of letters or digits";
    let too_many = "a search has at most 16 words";
    let page = "a page has a limit of 1 to 500";
    for (words, limit, code, sentence) in [
        ("", 9, ErrorCode::InvalidArgument, no_word),
        (" \"-\" *", 9, ErrorCode::InvalidArgument, no_word),
        ("\u{1f600}", 9, ErrorCode::InvalidArgument, no_word),
        ("「、。」・！", 9, ErrorCode::InvalidArgument, no_word),
        ("\u{301} \u{200d}", 9, ErrorCode::InvalidArgument, no_word),
        (
            &*seventeen.join(" "),
            9,
            ErrorCode::InvalidArgument,
            too_many,
        ),
        (
            &*"x".repeat(257),
            9,
            ErrorCode::TextTooLong,
            "a search has at most 256 bytes",
        ),
        ("word", 0, ErrorCode::InvalidArgument, page),
        ("word", 501, ErrorCode::InvalidArgument, page),
    ] {
        let refused = refusal(&mut alice, words, None, limit);
        assert_eq!(refused, (code, sentence.to_owned()), "{words}");
    }
    for fine in [
        &*seventeen[1..].join(" "),
        &*"x".repeat(256),
        &*"的".repeat(85),
        "a\0b \u{1b}[2J \u{202e}",
    ] {
        assert!(alice.find(fine, None, 500).unwrap().messages.is_empty());
    }
}

#[test]
fn searching_counts_like_talking() {
    let server = ServerProcess::start("[security]\nmax_messages_per_sec = 1\n");
    let (_alice, mut alice) = server.register("Alice");
    let refused = eventually("a refusal", || alice.find("word", None, 9).err());
    assert_eq!(refused, ErrorCode::TooFast);
}

fn texts(client: &mut ScriptedClient, room: RoomId, time: u64, limit: u32) -> Vec<String> {
    let page = client.before_time(room, time, limit).unwrap();
    page.messages.into_iter().map(|chat| chat.text).collect()
}

#[test]
fn a_page_can_end_at_a_moment() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Invited).unwrap().room;
    let mut said: Vec<(u64, String)> = Vec::new();
    for n in 1..=40 {
        let text = format!("no{n}");
        let Ok(ServerMessage::Ack(ack)) = alice.say_in(ops, n, &text) else {
            panic!("not said");
        };
        said.push((ack.time, text));
        if n == 20 {
            alice.invite(ops, "Bob").unwrap();
            bob.join("#ops~Alice").unwrap();
        }
    }
    let moments = said.iter().flat_map(|(time, _)| [*time, time + 1]);
    for moment in moments.chain([0, 1, u64::MAX]) {
        let before: Vec<&str> = said
            .iter()
            .filter(|(time, _)| *time < moment)
            .map(|(_, text)| text.as_str())
            .collect();
        let last = &before[before.len().saturating_sub(7)..];
        assert_eq!(texts(&mut alice, ops, moment, 7), last);
        let joined = before.get(20..).unwrap_or_default();
        assert_eq!(texts(&mut bob, ops, moment, 500), joined);
    }
    let page = alice.before_time(ops, u64::MAX, 7).unwrap();
    assert!(page.more);
    assert_eq!(texts(&mut alice, LOBBY, u64::MAX, 7), [""; 0]);
    assert_eq!(
        bob.before_time(RoomId(999), 5, 9).unwrap_err(),
        ErrorCode::UnknownRoom
    );
}

#[test]
fn a_page_has_one_edge() {
    let server = ServerProcess::start(UNLIMITED);
    let (_alice, mut alice) = server.register("Alice");
    for (after, before, before_time) in [
        (Some(1), Some(1), None),
        (Some(1), None, Some(1)),
        (None, Some(1), Some(1)),
        (Some(1), Some(1), Some(1)),
    ] {
        let asked = alice.ask(|request| {
            ClientMessage::History(History {
                request,
                room: LOBBY,
                after,
                before,
                limit: 9,
                before_time,
            })
        });
        let error = alice.error(asked);
        assert_eq!(error.code, ErrorCode::InvalidArgument);
        assert!(error.text.contains("`before_time`"), "{}", error.text);
    }
}
