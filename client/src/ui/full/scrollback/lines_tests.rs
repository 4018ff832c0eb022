use chatbox_common::wire::message::{AccountId, Chat, Kind, RoomId};
use jiff::tz::TimeZone;

use super::lines::{Look, Row, is_same_day, piece};
use super::store::{Entry, Form, Names};
use crate::model::Mention;
use crate::ui::full::colours::Role;
use crate::width::width;

const TIME: u64 = 1_767_225_600_000 + 45_296_000;

fn said(user: &str, text: &str, mention: Mention) -> Entry {
    let chat = Chat {
        room: RoomId(1),
        seq: 1,
        account: AccountId(1),
        user: user.into(),
        time: TIME,
        text: text.into(),
        kind: Kind::Text,
    };
    Names::default().entry(&chat, mention, "alice")
}

fn look(width: usize) -> Look<'static> {
    Look {
        width,
        has_seconds: false,
        zone: const { &TimeZone::UTC },
        sought: "",
    }
}

fn shown(rows: &[Row<'_>]) -> Vec<String> {
    let text = |row: &Row<'_>| row.iter().map(|piece| &*piece.text).collect();
    rows.iter().map(text).collect()
}

#[test]
fn a_message_bears_time_and_name_and_its_further_rows_are_indented() {
    let entry = said(
        "bob",
        "one two three four\n12:34:56 <eve> five",
        Mention::No,
    );
    assert_eq!(
        shown(&look(30).rows(&entry)),
        [
            "12:34 <bob> one two three four",
            "            12:34:56 <eve>",
            "            five",
        ]
    );
}

#[test]
fn where_the_room_is_narrow_a_bar_begins_further_rows() {
    let entry = said("bob", "one two three\n12:34:56 <eve> five", Mention::No);
    assert_eq!(
        shown(&look(20).rows(&entry)),
        [
            "12:34 <bob> one two",
            "│ three",
            "│ 12:34:56 <eve>",
            "│ five"
        ]
    );
    let entry = said("somebody-with-a-name", "hi", Mention::No);
    assert_eq!(
        shown(&look(20).rows(&entry)),
        ["12:34 <somebody-with", "│ -a-name> ", "│ hi"]
    );
    assert_eq!(
        shown(&look(29).rows(&entry)),
        ["12:34 <somebody-with-a-name> ", "│ hi"]
    );
}

#[test]
fn nothing_somebody_says_begins_where_a_line_does() {
    let fakes = [
        "12:34:56 <bob> hi",
        "\n12:34 <bob> hi\n12:34 -- bob has left\n── new messages ──",
        &format!("hi{}12:34 <bob> hi", " ".repeat(200)),
        &format!("{}\n│ 12:34 <bob> hi", "x ".repeat(60)),
        &format!("https://example.org/{}12:34<bob>hi", "x".repeat(200)),
        &"界".repeat(99),
    ];
    for fake in fakes {
        for wide in 1..60 {
            let entry = said("eve", fake, Mention::No);
            for row in shown(&look(wide).rows(&entry)).iter().skip(1) {
                assert!(row.starts_with([' ', '│']), "{wide} {row:?}");
            }
        }
    }
}

#[test]
fn rows_keep_to_the_width() {
    let entry = said(
        "somebody",
        "some words 世界 and ❤\u{fe0f} https://example.org/xyz",
        Mention::Now,
    );
    for wide in 4..80 {
        let rows = look(wide).rows(&entry);
        assert_eq!(rows.len(), look(wide).height(&entry));
        for row in shown(&rows) {
            assert!(width(&row) <= wide, "{wide} {row:?}");
        }
    }
}

#[test]
fn a_message_that_names_one_has_a_sign_and_an_action_a_star() {
    let entry = said("bob", "alice: hi", Mention::Earlier);
    let rows = look(40).rows(&entry);
    assert_eq!(shown(&rows), ["12:34!<bob> alice: hi"]);
    assert!(rows[0].iter().any(|piece| piece.role == Role::Call));
    let mut entry = said("Alice", "waves", Mention::No);
    entry.form = Form::Did;
    let rows = look(40).rows(&entry);
    assert_eq!(shown(&rows), ["12:34 * Alice waves"]);
    assert_eq!(rows[0][3], piece("Alice", Role::Own));
    let notice = Entry::notice(u64::MAX, "bob has left");
    let mut look = look(40);
    assert_eq!(shown(&look.rows(&notice)), ["--:-- -- bob has left"]);
    look.has_seconds = true;
    assert_eq!(shown(&look.rows(&notice)), ["--:--:-- -- bob has left"]);
    assert_eq!(shown(&look.rows(&entry)), ["12:34:56 * Alice waves"]);
}

#[test]
fn what_is_searched_for_is_marked_also_across_rows() {
    let entry = said("bob", "no YES no yesterday", Mention::No);
    let mut look = look(28);
    look.sought = "yes";
    let rows = look.rows(&entry);
    let found: Vec<_> = rows
        .iter()
        .flatten()
        .filter(|piece| piece.role == Role::Found)
        .collect();
    assert_eq!(
        found,
        [&piece("YES", Role::Found), &piece("yes", Role::Found)]
    );
    assert_eq!(
        shown(&rows),
        ["12:34 <bob> no YES no", "            yesterday"]
    );
    look.sought = "no yest";
    let rows = look.rows(&entry);
    let found = rows
        .iter()
        .flatten()
        .filter(|piece| piece.role == Role::Found);
    let found: Vec<_> = found.map(|piece| &*piece.text).collect();
    assert_eq!(found, ["no", "yest"]);
}

#[test]
fn days_are_those_of_the_place() {
    let zone = TimeZone::fixed(jiff::tz::offset(2));
    let evening = 1_767_225_600_000 - 60_000;
    assert!(!is_same_day(evening, evening + 60_000, &TimeZone::UTC));
    assert!(is_same_day(evening, evening + 60_000, &zone));
    assert_eq!(
        shown(&[look(36).day(evening)]),
        ["── Wednesday, 31 December 2025 ─────"]
    );
    assert_eq!(shown(&[look(10).day(u64::MAX)]), ["── an unk…"]);
}

#[test]
fn a_message_of_many_rows_is_folded_and_says_how_to_see_the_rest() {
    let text: Vec<_> = (1..=8_190).map(|n| (n % 10).to_string()).collect();
    let entry = said("bob", &text.join("\n"), Mention::No);
    let rows = shown(&look(50).rows(&entry));
    assert_eq!(rows.len(), 12);
    assert_eq!(look(50).height(&entry), 12);
    assert_eq!(rows[0], "12:34 <bob> 1");
    assert_eq!(rows[10], "            1");
    assert_eq!(rows[11], "            … 8179 more rows (/unfold 1)");
    // One line, as high as the screen makes it.
    let entry = said("bob", &"word ".repeat(1_600), Mention::No);
    assert_eq!(look(40).rows(&entry).len(), 12);
    assert_eq!(look(9_000).rows(&entry).len(), 1);
    for wide in 1..80 {
        let rows = look(wide).rows(&entry);
        assert_eq!(rows.len(), look(wide).height(&entry), "{wide}");
        assert!(rows.len() < 40, "{wide}: {}", rows.len());
        for row in shown(&rows[1..]) {
            assert!(row.starts_with([' ', '│']), "{wide} {row:?}");
        }
    }
    // As long as may be without.
    let entry = said("bob", &"x\n".repeat(11), Mention::No);
    assert_eq!(shown(&look(40).rows(&entry))[11], "            ");
    let notice = Entry::notice(TIME, &"x\n".repeat(99));
    let rows = shown(&look(40).rows(&notice));
    assert_eq!(rows.len(), 12);
    assert!(rows[11].ends_with("… 89 more rows"), "{rows:?}");
}

#[test]
fn what_is_found_in_rows_that_are_hidden_is_marked_where_they_are_told_of() {
    let text = format!("one\n{}needle\n{}", "x\n".repeat(20), "x\n".repeat(20));
    let entry = said("bob", &text, Mention::No);
    let roles = |sought| {
        let look = Look { sought, ..look(40) };
        let rows = look.rows(&entry);
        rows.last().unwrap().last().unwrap().role
    };
    assert_eq!(roles("needle"), Role::Found);
    assert_eq!(roles("one"), Role::Aside);
    assert_eq!(roles(""), Role::Aside);
}

#[test]
fn what_is_shown_to_be_copied_is_folded_as_on_the_screen() {
    let words = "word ".repeat(1_600);
    let entry = said("bob", &words, Mention::No);
    let lines = shown(&look(40).lines(&entry));
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0].len(), "12:34 <bob> ".len() + 11 * 25 - 1);
    assert!(lines[1].contains("more rows (/unfold 1)"), "{lines:?}");
    let entry = said("bob", "one\ntwo three", Mention::No);
    let lines = shown(&look(14).lines(&entry));
    assert_eq!(lines, ["12:34 <bob> one", "            two three"]);
}
