use chatbox_common::wire::message::{Access, AccountId, Chat, Kind, RoomId, Seq};
use jiff::tz::TimeZone;

use super::scroll::Direction;
use super::view::{Activity, LIMIT, Shape, Views};
use crate::model::Mention;

const ROOM: RoomId = RoomId(7);
const OTHER: RoomId = RoomId(8);

fn chat(room: RoomId, seq: Seq, user: &str) -> Chat {
    Chat {
        room,
        seq,
        account: AccountId(1),
        user: user.into(),
        time: 1_767_225_600_000 + seq,
        text: format!("message {seq}"),
        kind: Kind::Text,
    }
}

fn views() -> Views {
    let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
    views.fit(Shape {
        width: 40,
        height: 6,
        has_seconds: false,
    });
    views.look_at(Some(ROOM));
    views
}

fn say(views: &mut Views, room: RoomId, numbers: impl IntoIterator<Item = Seq>) {
    for seq in numbers {
        views.push(&chat(room, seq, "bob"), Mention::No);
    }
}

fn older(views: &mut Views, numbers: impl IntoIterator<Item = Seq>, begins: Option<Seq>) {
    let messages = numbers
        .into_iter()
        .map(|seq| (chat(ROOM, seq, "bob"), Mention::No));
    let messages: Vec<_> = messages.collect();
    views.older(ROOM, &messages, begins);
}

/// The rows in sight: messages by their numbers, other lines by a few words.
fn seen(views: &Views) -> String {
    let rows = views.rows("").into_iter().map(|row| {
        let text: String = row.iter().map(|piece| &*piece.text).collect();
        let number = text
            .split_once("message ")
            .map(|(_, number)| number.to_owned());
        number.unwrap_or_else(|| {
            text.split_whitespace()
                .skip(1)
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        })
    });
    rows.collect::<Vec<_>>().join(", ")
}

#[test]
fn whoever_looks_at_the_end_sees_what_comes() {
    let mut views = views();
    say(&mut views, ROOM, 1..=2);
    assert_eq!(seen(&views), "earlier messages:, Thursday, 1, 1, 2");
    say(&mut views, ROOM, 3..=9);
    assert_eq!(seen(&views), "4, 5, 6, 7, 8, 9");
    assert_eq!(views.below(), None);
}

#[test]
fn nothing_moves_under_whoever_has_scrolled_up() {
    let mut views = views();
    say(&mut views, ROOM, 101..=120);
    views.page_up();
    assert_eq!(seen(&views), "110, 111, 112, 113, 114, 115");
    assert_eq!(views.below(), Some(5));
    say(&mut views, ROOM, 121..=130);
    older(&mut views, 51..=100, None);
    views.notice(None, 0, "bob has left");
    assert_eq!(seen(&views), "110, 111, 112, 113, 114, 115");
    assert_eq!(views.below(), Some(16));
    views.look_at(Some(OTHER));
    assert_eq!((seen(&views), views.below()), (String::new(), None));
    views.look_at(Some(ROOM));
    assert_eq!(seen(&views), "110, 111, 112, 113, 114, 115");
    views.bottom();
    assert!(
        seen(&views).starts_with("127, 128, 129, 130, "),
        "{}",
        seen(&views)
    );
}

#[test]
fn older_messages_come_where_their_line_stood() {
    let mut views = views();
    say(&mut views, ROOM, 101..=120);
    views.top();
    assert_eq!(
        seen(&views),
        "earlier messages:, Thursday, 1, 101, 102, 103, 104"
    );
    assert!(views.wants_older());
    views.asked_older(ROOM);
    assert!(!views.wants_older(), "never twice");
    assert!(seen(&views).starts_with("loading earlier, Thursday, 1, 101"));
    older(&mut views, 51..=100, None);
    assert_eq!(seen(&views), "99, 100, 101, 102, 103, 104");
    assert!(!views.wants_older());
    views.top();
    assert!(views.wants_older());
    older(&mut views, 31..=50, Some(31));
    views.top();
    assert_eq!(seen(&views), "history begins, Thursday, 1, 31, 32, 33, 34");
    assert!(!views.wants_older());
}

#[test]
fn a_screen_that_is_not_full_wants_older_messages_and_an_empty_answer_ends_that() {
    let mut views = views();
    assert!(!views.wants_older(), "nothing is known yet");
    views.notice(Some(ROOM), 0, "you are in #ops");
    assert!(!views.wants_older());
    say(&mut views, ROOM, 5..=6);
    assert!(views.wants_older());
    views.asked_older(ROOM);
    older(&mut views, [], None);
    assert!(
        !views.wants_older(),
        "refused, or all of it of people whom one ignores"
    );
    views.page_up();
    assert!(views.wants_older());
}

#[test]
fn pages_go_up_and_down_with_a_row_in_common_and_end_at_the_ends() {
    let mut views = views();
    say(&mut views, ROOM, 1..=12);
    views.page_up();
    assert_eq!(seen(&views), "2, 3, 4, 5, 6, 7");
    views.page_up();
    views.page_up();
    let top = "earlier messages:, Thursday, 1, 1, 2, 3, 4";
    assert_eq!(seen(&views), top);
    views.page_down();
    assert_eq!(seen(&views), "4, 5, 6, 7, 8, 9");
    views.page_down();
    assert_eq!(seen(&views), "7, 8, 9, 10, 11, 12");
    say(&mut views, ROOM, [13]);
    assert_eq!(
        seen(&views),
        "8, 9, 10, 11, 12, 13",
        "it follows the end again"
    );
    views.scroll_up(2);
    assert_eq!(seen(&views), "6, 7, 8, 9, 10, 11");
    views.scroll_down(1);
    assert_eq!(seen(&views), "7, 8, 9, 10, 11, 12");
}

#[test]
fn a_room_that_fits_the_screen_does_not_scroll() {
    let mut views = views();
    say(&mut views, ROOM, 1..=3);
    views.page_up();
    views.top();
    say(&mut views, ROOM, 4..=9);
    assert_eq!(seen(&views), "4, 5, 6, 7, 8, 9");
}

#[test]
fn a_page_of_one_long_message_scrolls_by_rows_at_every_width() {
    let mut views = views();
    let mut long = chat(ROOM, 1, "bob");
    let lines: Vec<_> = (1..=60).map(|number| format!("line {number}")).collect();
    long.text = lines.join("\n");
    views.push(&long, Mention::No);
    for (width, height) in [(40, 6), (20, 3), (200, 50), (1, 1), (0, 0), (3, 9)] {
        views.fit(Shape {
            width,
            height,
            has_seconds: true,
        });
        views.bottom();
        for _ in 0..20 {
            views.page_up();
            assert!(views.rows("").len() <= height.into());
        }
        for _ in 0..25 {
            views.page_down();
        }
        assert_eq!(views.below(), None, "{width} {height}");
    }
}

#[test]
fn unread_messages_and_mentions_are_counted_until_they_are_read() {
    let mut views = views();
    say(&mut views, OTHER, 1..=3);
    views.push(&chat(OTHER, 4, "Alice"), Mention::No);
    views.push(&chat(OTHER, 5, "bob"), Mention::Now);
    let counts = |views: &Views| (views.unread(OTHER), views.mentions(OTHER));
    assert_eq!(counts(&views), (4, 1));
    assert_eq!(views.activity(OTHER, Access::Open), Activity::Call);
    views.read(OTHER, 2);
    assert_eq!(counts(&views), (2, 1));
    views.read(OTHER, 1);
    assert_eq!(counts(&views), (2, 1), "nothing is unread again");
    views.read(OTHER, 5);
    assert_eq!(counts(&views), (0, 0));
    say(&mut views, OTHER, [6]);
    assert_eq!(views.activity(OTHER, Access::Open), Activity::Talk);
    assert_eq!(views.activity(OTHER, Access::Direct), Activity::Call);
    assert_eq!(views.activity(ROOM, Access::Direct), Activity::None);
    // Counted is only what comes below the part in sight.
    say(&mut views, ROOM, 1..=9);
    assert_eq!(views.unread(ROOM), 0);
    views.read(ROOM, 9);
    views.page_up();
    say(&mut views, ROOM, [10]);
    assert_eq!(views.unread(ROOM), 1);
}

#[test]
fn what_was_not_read_before_the_session_counts_whether_it_is_shown_or_not() {
    let mut views = views();
    views.have_unread(OTHER, 50, 6);
    say(&mut views, OTHER, 95..=100);
    assert_eq!(views.unread(OTHER), 50);
    views.read(OTHER, 50);
    assert_eq!(views.unread(OTHER), 50);
    // Unread messages that are fetched later are not counted twice.
    let messages: Vec<_> = (81..=94)
        .map(|seq| (chat(OTHER, seq, "bob"), Mention::No))
        .collect();
    views.older(OTHER, &messages, None);
    assert_eq!(views.unread(OTHER), 50);
    views.read(OTHER, 97);
    assert_eq!(views.unread(OTHER), 3);
}

#[test]
fn a_line_stands_where_reading_stopped_before_the_session() {
    let mut views = views();
    say(&mut views, ROOM, 1..=2);
    views.have_unread(ROOM, 2, 2);
    say(&mut views, ROOM, 3..=4);
    assert_eq!(seen(&views), "Thursday, 1, 1, 2, new messages, 3, 4");
}

#[test]
fn the_line_is_where_the_person_left_and_moves_on_when_they_come_again() {
    let mut views = views();
    say(&mut views, ROOM, 1..=20);
    views.look_at(Some(OTHER));
    assert_eq!(views.unread(ROOM), 0, "what one has seen is read");
    views.look_at(Some(ROOM));
    assert!(!seen(&views).contains("new"), "nothing came");
    views.look_at(Some(OTHER));
    views.push(&chat(ROOM, 21, "alice"), Mention::No);
    say(&mut views, ROOM, 22..=23);
    assert_eq!(views.unread(ROOM), 2);
    views.look_at(Some(ROOM));
    assert_eq!(seen(&views), "19, 20, 21, new messages, 22, 23");
    say(&mut views, ROOM, [24]);
    assert_eq!(
        seen(&views),
        "20, 21, new messages, 22, 23, 24",
        "it stays while one is there"
    );
    views.look_at(None);
    say(&mut views, ROOM, [25]);
    views.look_at(Some(ROOM));
    assert_eq!(seen(&views), "21, 22, 23, 24, new messages, 25");
}

#[test]
fn the_oldest_of_what_nobody_looks_at_is_dropped_above_the_limit() {
    let mut views = Views::new("alice", TimeZone::UTC, 1000);
    views.fit(Shape {
        width: 40,
        height: 6,
        has_seconds: false,
    });
    views.look_at(Some(ROOM));
    say(&mut views, ROOM, 1..=600);
    views.page_up();
    views.top();
    say(&mut views, OTHER, 1..=400);
    assert_eq!(views.take_forgotten(), None);
    say(&mut views, OTHER, [401]);
    assert_eq!(views.take_forgotten(), Some((OTHER, 41)));
    assert_eq!(views.take_forgotten(), None);
    // While the view follows the end, the room with most is shortened.
    views.bottom();
    say(&mut views, OTHER, 402..=500);
    assert_eq!(views.take_forgotten(), Some((ROOM, 61)));
    views.top();
    assert!(seen(&views).contains("61"));
    assert!(views.wants_older(), "what was dropped can be loaded again");
}

#[test]
fn older_messages_are_not_fetched_where_they_would_be_dropped_again() {
    let mut views = Views::new("alice", TimeZone::UTC, 1000);
    views.fit(Shape {
        width: 40,
        height: 6,
        has_seconds: false,
    });
    views.look_at(Some(ROOM));
    say(&mut views, ROOM, 10_001..=10_100);
    let mut oldest = 10_001;
    views.top();
    while views.wants_older() {
        older(&mut views, oldest - 100..oldest, None);
        oldest -= 100;
        views.top();
        assert!(oldest > 9_000, "it must end");
    }
    assert_eq!(views.take_forgotten(), None);
}

#[test]
fn what_is_cleared_comes_back_when_one_scrolls_up() {
    let mut views = views();
    say(&mut views, ROOM, 1..=20);
    views.clear(Some(ROOM));
    assert_eq!(seen(&views), "");
    assert_eq!(views.take_forgotten(), Some((ROOM, 21)));
    assert!(!views.wants_older());
    say(&mut views, ROOM, [21]);
    assert_eq!(seen(&views), "earlier messages:, Thursday, 1, 21");
    assert!(!views.wants_older());
    views.page_up();
    assert!(views.wants_older());
    older(&mut views, 1..=20, Some(1));
    assert_eq!(seen(&views), "16, 17, 18, 19, 20, 21");
}

#[test]
fn another_history_leaves_nothing_of_the_rooms() {
    let mut views = views();
    say(&mut views, ROOM, 1..=20);
    views.look_at(None);
    views.notice(None, 0, "another history");
    views.forget(None);
    assert_eq!((views.unread(ROOM), views.take_forgotten()), (0, None));
    assert_eq!(seen(&views), "Thursday, 1, -- another");
    views.look_at(Some(ROOM));
    assert_eq!(seen(&views), "");
}

#[test]
fn what_is_said_of_no_room_goes_where_one_looks() {
    let mut views = views();
    views.look_at(None);
    views.notice(None, 0, "message a");
    views.notice(Some(OTHER), 0, "message b");
    views.look_at(Some(ROOM));
    views.notice(None, 0, "message c");
    assert_eq!(seen(&views), "Thursday, 1, c");
    views.look_at(None);
    assert_eq!(seen(&views), "Thursday, 1, a");
    assert_eq!(views.unread(OTHER), 0);
}

#[test]
fn a_text_is_searched_for_in_both_directions_and_brought_into_sight() {
    let mut views = views();
    say(&mut views, ROOM, 1..=100);
    let find = |views: &Views, from, direction| views.find("MESSAGE 4", from, direction);
    let first = find(&views, None, Direction::Older).unwrap();
    views.show(first);
    assert_eq!(seen(&views), "47, 48, 49, 50, 51, 52");
    let second = find(&views, Some(first), Direction::Older).unwrap();
    assert_eq!(find(&views, Some(second), Direction::Newer), Some(first));
    assert_eq!(find(&views, Some(first), Direction::Newer), None);
    assert_eq!(find(&views, None, Direction::Newer), None);
    assert_eq!(views.find("no such", None, Direction::Older), None);
    assert_eq!(views.find("", None, Direction::Older), None);
    let last = views.find("message 100", None, Direction::Older).unwrap();
    views.show(last);
    assert_eq!(views.below(), None, "at the end it follows again");
}

#[test]
fn a_hundred_thousand_messages_are_scrolled_without_looking_at_them_all() {
    let mut views = views();
    say(&mut views, ROOM, 1..=100_000);
    for _ in 0..200 {
        views.page_up();
    }
    assert_eq!(seen(&views), "98995, 98996, 98997, 98998, 98999, 99000");
    views.top();
    assert!(seen(&views).ends_with("1, 2, 3, 4"));
    assert_eq!(views.below(), Some(99_996));
    views.bottom();
    assert!(seen(&views).ends_with("100000"));
    assert_eq!(views.take_forgotten(), None);
}

#[test]
fn what_the_server_has_lost_is_not_counted_as_unread() {
    let mut views = views();
    say(&mut views, OTHER, 1..=9);
    views.push(&chat(OTHER, 10, "bob"), Mention::Now);
    assert_eq!((views.unread(OTHER), views.mentions(OTHER)), (10, 1));
    // Nothing of it was read.
    views.forget_from(OTHER, 4);
    assert_eq!((views.unread(OTHER), views.mentions(OTHER)), (3, 0));
    views.read(OTHER, 2);
    views.forget_from(OTHER, 1);
    assert_eq!(views.unread(OTHER), 0);
}
