mod endless;
mod power_cuts;

use chatbox_common::wire::message::{
    AccountId, Chat, Following, Kind, Limits, OnlinePerson, Page, People, Room,
};
use std::ops::RangeInclusive;

use super::held::MAX_HELD;
use super::*;

pub(super) const ROOM: RoomId = RoomId(1);
/// For an empty page.
#[allow(clippy::reversed_empty_ranges, reason = "an empty range is meant")]
const NONE: RangeInclusive<Seq> = 1..=0;

pub(super) fn chat(seq: Seq) -> Chat {
    Chat {
        room: ROOM,
        seq,
        account: AccountId(7),
        user: "alice".into(),
        time: 0,
        text: format!("message {seq}"),
        kind: Kind::Text,
    }
}

pub(super) fn welcome_of(history: u8, first: Seq, head: Seq) -> Event {
    welcome_with(history, first, head, head)
}

fn welcome_read(head: Seq, read: Seq) -> Event {
    welcome_with(1, 1, head, read)
}

fn unread(count: u32, shown: usize) -> Effect {
    let room = ROOM;
    Effect::Unread { room, count, shown }
}

fn read(seq: Seq) -> Effect {
    Effect::Ask(Ask::Read { room: ROOM, seq })
}

fn welcome_with(history: u8, first: Seq, head: Seq, read: Seq) -> Event {
    Event::Welcome(Welcome {
        history_id: [history; 16],
        rooms: vec![Room {
            first,
            head,
            read,
            ..Room::new(ROOM, "#lobby")
        }],
        time: 0,
        limits: Limits::with_pace(5),
        server: "0".into(),
        session: 1,
        ignored: Vec::new(),
        capabilities: None,
        predecessor: None,
    })
}

pub(super) fn welcome(head: Seq) -> Event {
    welcome_of(1, 1, head)
}

pub(super) fn page(range: RangeInclusive<Seq>, more: bool) -> Event {
    page_from(1, range, more)
}

fn page_from(first: Seq, range: RangeInclusive<Seq>, more: bool) -> Event {
    Event::Page(Page {
        request: 0,
        room: ROOM,
        messages: range.map(chat).collect(),
        more,
        first,
    })
}

fn lagged(head: Seq) -> Event {
    Event::Lagged(vec![Head { room: ROOM, head }])
}

fn following(head: Seq, live: bool) -> Event {
    Event::Following(Following {
        request: 0,
        room: ROOM,
        head,
        live,
    })
}

fn after(after: Seq) -> Effect {
    Effect::Ask(Ask::History {
        room: ROOM,
        after: Some(after),
        before: None,
        limit: 500,
    })
}

pub(super) fn before(before: Seq, limit: u32) -> Effect {
    Effect::Ask(Ask::History {
        room: ROOM,
        after: None,
        before: Some(before),
        limit,
    })
}

fn follow(after: Seq) -> Effect {
    Effect::Ask(Ask::Follow { room: ROOM, after })
}

pub(super) fn shown(effects: &[Effect]) -> Vec<Seq> {
    let shown = effects.iter().filter_map(|effect| match effect {
        Effect::Show(chat, _) => Some(chat.seq),
        _ => None,
    });
    shown.collect()
}

fn older(effect: &Effect) -> (Vec<Seq>, Option<Seq>) {
    let Effect::Older {
        messages, begins, ..
    } = effect
    else {
        panic!("{effect:?}");
    };
    (messages.iter().map(|(chat, _)| chat.seq).collect(), *begins)
}

/// Has shown the messages up to `head`.
pub(super) fn at(head: Seq) -> Model {
    let mut model = Model::new("zoe");
    model.apply(welcome(head));
    model.apply(page(1..=head, false));
    model
}

#[test]
fn the_first_view_is_the_last_ten_and_what_came_meanwhile() {
    let mut model = Model::new("zoe");
    assert_eq!(model.apply(welcome(100)), [before(101, 10)]);
    assert_eq!(model.apply(Event::Chat(chat(101))), []);
    let effects = model.apply(page(91..=100, true));
    assert_eq!(shown(&effects), (91..=101).collect::<Vec<_>>());
    assert_eq!(effects.len(), 11);
}

#[test]
fn what_was_not_read_is_shown_behind_ten_that_were() {
    let mut model = Model::new("zoe");
    let asked = model.apply(welcome_read(100, 70));
    assert_eq!(asked, [before(101, 40)]);
    let effects = model.apply(page(61..=100, true));
    assert_eq!(shown(&effects), (61..=100).collect::<Vec<_>>());
    assert_eq!(effects[10], unread(30, 30));
    assert_eq!(model.apply(Event::HaveRead(None)), [read(100)]);
    assert_eq!(model.apply(Event::HaveRead(None)), []);
}

#[test]
fn of_more_than_a_page_the_last_are_shown_and_the_rest_is_told_of() {
    let mut model = Model::new("zoe");
    assert_eq!(model.apply(welcome_read(2_000, 0)), [before(2_001, 500)]);
    let effects = model.apply(page(1_501..=2_000, true));
    assert_eq!(effects[0], unread(2000, 500));
    assert_eq!(effects.len(), 501);
}

#[test]
fn how_far_one_has_read_is_told_once_and_again_where_it_may_have_been_lost() {
    let mut model = at(3);
    assert_eq!(model.apply(Event::HaveRead(None)), []);
    model.apply(Event::Chat(chat(4)));
    assert_eq!(model.apply(Event::HaveRead(None)), [read(4)]);
    model.apply(Event::Disconnected);
    assert_eq!(model.apply(Event::HaveRead(None)), []);
    model.apply(welcome_read(4, 3));
    assert_eq!(model.apply(Event::HaveRead(None)), [read(4)]);
    // Another session has told it already.
    model.apply(Event::Chat(chat(5)));
    model.apply(Event::ReadTo(ReadTo { room: ROOM, seq: 5 }));
    assert_eq!(model.apply(Event::HaveRead(None)), []);
}

#[test]
fn the_first_message_of_an_empty_room_is_shown() {
    let mut model = Model::new("zoe");
    assert_eq!(model.apply(welcome(0)), [before(1, 10)]);
    assert_eq!(model.apply(Event::Chat(chat(1))), []);
    assert_eq!(shown(&model.apply(page(NONE, false))), [1]);
}

#[test]
fn what_was_shown_is_not_shown_again() {
    let mut model = at(3);
    for seq in [3, 1, 2] {
        assert_eq!(model.apply(Event::Chat(chat(seq))), []);
    }
    assert_eq!(shown(&model.apply(Event::Chat(chat(4)))), [4]);
}

#[test]
fn a_hole_is_filled_before_what_is_behind_it_is_shown() {
    let mut model = at(3);
    assert_eq!(model.apply(Event::Chat(chat(6))), [after(3)]);
    assert_eq!(model.apply(Event::Chat(chat(7))), []);
    assert_eq!(shown(&model.apply(page(4..=6, true))), [4, 5, 6, 7]);
}

#[test]
fn after_a_lag_pages_are_fetched_and_the_room_followed_until_it_is_live() {
    let mut model = at(3);
    assert_eq!(model.apply(lagged(9)), [after(3)]);
    let effects = model.apply(page(4..=8, true));
    assert_eq!(effects.last(), Some(&after(8)));
    let effects = model.apply(page(9..=10, false));
    assert_eq!(shown(&effects), [9, 10]);
    assert_eq!(effects.last(), Some(&follow(10)));
    assert_eq!(model.apply(following(12, false)), [after(10)]);
    let effects = model.apply(page(11..=12, false));
    assert_eq!(effects.last(), Some(&follow(12)));
    assert_eq!(model.apply(following(14, true)), []);
    assert_eq!(shown(&model.apply(Event::Chat(chat(13)))), [13]);
}

#[test]
fn after_a_reconnect_exactly_what_was_missed_is_fetched() {
    let mut model = at(3);
    model.apply(Event::Chat(chat(6)));
    assert_eq!(model.apply(Event::Disconnected), []);
    // An answer to a request of the old connection.
    assert_eq!(model.apply(page(4..=6, false)), []);
    assert_eq!(model.apply(welcome(8)), [after(3)]);
    let effects = model.apply(page(4..=8, false));
    assert_eq!(shown(&effects), [4, 5, 6, 7, 8]);
    assert_eq!(effects.len(), 5);
    model.apply(Event::Disconnected);
    assert_eq!(model.apply(welcome(8)), []);
}

#[test]
fn another_history_makes_everything_forgotten() {
    for event in [welcome_of(2, 1, 2), welcome_of(1, 1, 2)] {
        let mut model = at(3);
        model.apply(Event::Disconnected);
        let effects = model.apply(event);
        assert!(
            matches!(&effects[..2], [Effect::Forget, Effect::Notice(None, n)] if n.contains("another history"))
        );
        assert_eq!(effects[2], before(3, 10));
        assert_eq!(shown(&model.apply(page(1..=2, false))), [1, 2]);
    }
}

#[test]
fn what_retention_removed_is_told_and_not_waited_for() {
    let mut model = at(3);
    model.apply(Event::Disconnected);
    assert_eq!(model.apply(welcome_of(1, 7, 9)), [after(3)]);
    let effects = model.apply(page_from(7, 7..=9, false));
    assert!(matches!(&effects[0], Effect::Notice(Some(ROOM), n) if n.contains("begins at 7")));
    assert_eq!(shown(&effects), [7, 8, 9]);
    // Retention removed every message.
    model.apply(Event::Disconnected);
    model.apply(welcome_of(1, 12, 11));
    let effects = model.apply(page_from(12, NONE, false));
    assert!(matches!(&effects[0], Effect::Notice(Some(ROOM), n) if n.contains("begins at 12")));
    assert_eq!(effects.len(), 1);
    assert_eq!(shown(&model.apply(Event::Chat(chat(12)))), [12]);
}

#[test]
fn a_server_that_keeps_a_message_back_is_not_asked_for_ever() {
    let mut model = at(3);
    model.apply(Event::Chat(chat(6)));
    let effects = model.apply(page(5..=6, false));
    assert!(matches!(&effects[0], Effect::Fault(f) if f.contains("message 4")));
    assert!(shown(&effects).is_empty());
}

#[test]
fn a_page_of_another_room_or_out_of_order_is_a_fault() {
    let wrong = |change: fn(&mut Page)| {
        let mut model = at(3);
        model.apply(lagged(6));
        let Event::Page(mut page) = page(4..=6, false) else {
            unreachable!()
        };
        change(&mut page);
        matches!(model.apply(Event::Page(page))[0], Effect::Fault(_))
    };
    assert!(wrong(|page| page.room = RoomId(2)));
    assert!(wrong(|page| page.messages.swap(0, 1)));
    assert!(wrong(|page| page.messages[0].room = RoomId(2)));
    assert!(wrong(|page| page.messages[1].seq = 4));
}

#[test]
fn what_is_held_is_bounded_and_what_was_dropped_is_fetched() {
    let mut model = at(1);
    let far = MAX_HELD as Seq + 100;
    for seq in 3..=far {
        model.apply(Event::Chat(chat(seq)));
    }
    let effects = model.apply(page(2..=2, true));
    let last = MAX_HELD as Seq + 2;
    assert_eq!(shown(&effects), (2..=last).collect::<Vec<_>>());
    assert_eq!(effects.last(), Some(&after(last)));
}

#[test]
fn one_page_is_under_way_at_a_time() {
    let mut model = at(3);
    assert_eq!(model.apply(lagged(9)), [after(3)]);
    assert_eq!(model.apply(Event::Want(Listed::People)), []);
    assert_eq!(model.apply(Event::WantOlder(ROOM, 5)), []);
    assert_eq!(model.apply(Event::Chat(chat(20))), []);
    assert_eq!(model.apply(Event::PageDelayed), []);
    assert_eq!(model.apply(lagged(21)), []);
    assert_eq!(model.apply(Event::Retry), [after(3)]);
}

#[test]
fn older_messages_come_in_their_order_over_several_pages() {
    let mut model = Model::new("zoe");
    model.apply(welcome(100));
    model.apply(page(91..=100, true));
    assert_eq!(model.apply(Event::WantOlder(ROOM, 30)), [before(91, 30)]);
    assert_eq!(model.apply(page(81..=90, true)), [before(81, 20)]);
    let effects = model.apply(page(61..=80, true));
    assert_eq!(older(&effects[0]), ((61..=90).collect(), None));
    assert_eq!(model.apply(Event::WantOlder(ROOM, 1000)), [before(61, 500)]);
    let effects = model.apply(page(1..=60, false));
    assert_eq!(older(&effects[0]), ((1..=60).collect(), Some(1)));
    assert_eq!(shown(&model.apply(Event::Chat(chat(101)))), [101]);
}

#[test]
fn what_was_to_stand_before_something_forgotten_leaves_no_gap() {
    let mut model = Model::new("zoe");
    model.apply(welcome(100));
    model.apply(page(91..=100, true));
    assert_eq!(model.apply(Event::WantOlder(ROOM, 30)), [before(91, 30)]);
    assert_eq!(model.apply(Event::Forgot(ROOM, 101)), []);
    let effects = model.apply(page(61..=90, true));
    assert_eq!(older(&effects[0]), (Vec::new(), None));
    assert_eq!(model.apply(Event::WantOlder(ROOM, 30)), [before(101, 30)]);
}

#[test]
fn a_wish_that_is_refused_is_forgotten() {
    let mut model = at(3);
    assert_eq!(model.apply(Event::WantOlder(ROOM, 5)), [before(1, 5)]);
    let effects = model.apply(Event::PageRefused);
    assert_eq!(older(&effects[0]), (Vec::new(), None));
    assert_eq!(effects.len(), 1);
    assert!(model.has_shown(ROOM, 3));
    assert!(!model.has_shown(ROOM, 4));
}

#[test]
fn a_list_follows_its_pages() {
    let person = |user: &str| OnlinePerson {
        user: user.into(),
        sessions: 1,
        since: 0,
    };
    let people = |names: &[&str], more| {
        Event::People(People {
            request: 0,
            people: names.iter().map(|name| person(name)).collect(),
            more,
        })
    };
    let ask = |after: Option<&str>| {
        Effect::Ask(Ask::List {
            what: Listed::People,
            after: after.map(str::to_owned),
        })
    };
    let mut model = at(0);
    assert_eq!(model.apply(Event::Want(Listed::People)), [ask(None)]);
    let effects = model.apply(people(&["a", "b"], true));
    assert_eq!(effects[1], ask(Some("b")));
    assert_eq!(model.apply(people(&["c"], false)).len(), 1);
    model.apply(Event::Want(Listed::People));
    assert_eq!(model.apply(people(&[], true)).len(), 1);
}

/// A history that continues the first one, in which the room had so many messages.
fn continued(kept: Seq, head: Seq) -> Event {
    let Event::Welcome(mut begun) = welcome_with(2, 1, head, head) else {
        panic!("a welcome");
    };
    begun.predecessor = Some([1; 16]);
    begun.rooms[0].kept = Some(kept);
    Event::Welcome(begun)
}

#[test]
fn what_a_power_cut_took_is_dropped_and_its_numbers_are_filled_anew() {
    let mut model = Model::new("bob");
    model.apply(welcome(5));
    model.apply(page(1..=5, false));
    model.apply(Event::Disconnected);
    let effects = model.apply(continued(3, 6));
    let said = "#lobby: messages 4 to 5 were lost in a power cut of the server, \
                and other ones get these numbers";
    assert_eq!(
        effects[..],
        [
            Effect::ForgetFrom(ROOM, 4),
            Effect::Notice(Some(ROOM), said.to_owned()),
            after(3),
        ]
    );
    assert_eq!(shown(&model.apply(page(4..=6, false))), [4, 5, 6]);
    // It is said once.
    model.apply(Event::Disconnected);
    assert_eq!(model.apply(continued(3, 6)), []);
}

#[test]
fn a_history_that_lost_nothing_that_was_shown_goes_on_without_a_word() {
    let mut model = Model::new("bob");
    model.apply(welcome(5));
    model.apply(page(1..=5, false));
    model.apply(Event::Disconnected);
    assert_eq!(model.apply(continued(5, 5)), []);
    assert_eq!(shown(&model.apply(Event::Chat(chat(6)))), [6]);
}

#[test]
fn a_history_that_continues_another_than_the_one_shown_is_another() {
    let mut model = Model::new("bob");
    model.apply(welcome_of(7, 1, 5));
    model.apply(page(1..=5, false));
    model.apply(Event::Disconnected);
    assert!(model.apply(continued(3, 6)).contains(&Effect::Forget));
}

#[test]
fn what_was_asked_for_before_a_power_cut_is_answered_and_may_be_asked_for_again() {
    let mut model = Model::new("bob");
    model.apply(welcome(5));
    model.apply(page(3..=5, true));
    model.apply(Event::WantOlder(ROOM, 100));
    model.apply(Event::WantWhole(Place { room: ROOM, seq: 5 }));
    model.apply(Event::Find(Some("tea".to_owned())));
    model.apply(Event::Disconnected);
    let effects = model.apply(continued(4, 4));
    let nothing = Effect::Older {
        room: ROOM,
        messages: Vec::new(),
        begins: None,
    };
    assert!(effects.contains(&nothing), "{effects:?}");
    let told = |effect: &&Effect| matches!(effect, Effect::Notice(None, sentence) if sentence.contains("ask again"));
    assert_eq!(effects.iter().filter(told).count(), 1, "{effects:?}");
    let asks: Vec<_> = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Ask(_)))
        .collect();
    assert!(asks.is_empty(), "{asks:?}");
    assert!(model.has_shown(ROOM, 4) && !model.fetches_older());
}
