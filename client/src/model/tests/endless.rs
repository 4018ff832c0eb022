//! A server that gives without end.

use chatbox_common::wire::message::{Action, Member, MemberList, Presence, RoomRole, Standing};

use super::*;

fn numbered(number: u64) -> Room {
    Room::new(RoomId(number), &format!("#room{number}"))
}

fn notices(effects: &[Effect]) -> usize {
    let notices = effects
        .iter()
        .filter(|effect| matches!(effect, Effect::Notice(..)));
    notices.count()
}

#[test]
fn rooms_beyond_the_bound_are_left_out_and_that_is_told_once_in_a_session() {
    let mut model = at(0);
    let mut told = 0;
    for number in 2..=20_000 {
        told += notices(&model.apply(Event::Joined(numbered(number))));
    }
    assert_eq!(model.listed_rooms().len(), MAX_ROOMS);
    assert_eq!(told, 1);
    assert!(!model.is_in(RoomId(20_000)));
    let mut left_out = chat(1);
    left_out.room = RoomId(20_000);
    assert_eq!(model.apply(Event::Chat(left_out)), []);
    // One of them is left, and there is room for another.
    model.apply(Event::Left(RoomId(2)));
    model.apply(Event::Joined(numbered(20_000)));
    assert!(model.is_in(RoomId(20_000)));
    model.apply(Event::Disconnected);
    let Event::Welcome(mut begun) = welcome(0) else {
        unreachable!()
    };
    begun.rooms.extend((2..=11_000).map(numbered));
    let effects = model.apply(Event::Welcome(begun));
    assert_eq!(notices(&effects), 1);
    assert_eq!(model.listed_rooms().len(), MAX_ROOMS);
}

#[test]
fn of_rooms_that_were_left_so_many_are_remembered_and_the_face_forgets_the_others() {
    let mut model = at(0);
    let mut forgotten = Vec::new();
    for number in 2..=5_000 {
        model.apply(Event::Joined(numbered(number)));
        for effect in model.apply(Event::Left(RoomId(number))) {
            match effect {
                Effect::ForgetRoom(room) => forgotten.push(room.0),
                other => panic!("{other:?}"),
            }
        }
    }
    let expected: Vec<u64> = (2..=5_000 - MAX_FORMER as u64).collect();
    assert_eq!(forgotten, expected);
}

#[test]
fn of_a_room_that_one_is_not_in_nothing_is_shown() {
    let mut model = at(0);
    let room = RoomId(77);
    let names = || vec!["bob".to_owned()];
    let presence = Presence {
        room,
        joined: names(),
        left: names(),
        online: 9,
    };
    assert_eq!(model.apply(Event::Presence(presence)), []);
    let standing = Standing {
        room,
        user: "bob".to_owned(),
        action: Action::Op,
        by: "carol".to_owned(),
        reason: String::new(),
        role: RoomRole::Moderator,
        seconds: None,
    };
    assert_eq!(model.apply(Event::Standing(standing)), []);
}

fn members(names: &[String]) -> Event {
    let member = |user: &String| Member {
        user: user.clone(),
        role: RoomRole::Member,
        muted: false,
    };
    Event::MemberList(MemberList {
        request: 0,
        room: ROOM,
        members: names.iter().map(member).collect(),
        more: true,
    })
}

#[test]
fn a_list_that_goes_in_a_circle_is_asked_for_no_longer() {
    let mut model = at(0);
    model.apply(Event::Want(Listed::Members(ROOM)));
    let names = |names: &[&str]| -> Vec<String> { names.iter().map(|n| (*n).to_owned()).collect() };
    let effects = model.apply(members(&names(&["alice", "Bob"])));
    assert!(matches!(
        effects[..],
        [Effect::Members(_), Effect::Ask(Ask::List { .. })]
    ));
    // Its last name comes no later than that of the page before.
    let effects = model.apply(members(&names(&["zoe", "BOB"])));
    assert!(
        matches!(effects[..], [Effect::Members(_), Effect::ListCut(_)]),
        "{effects:?}"
    );
    assert!(!model.is_listing() && model.has_shown(ROOM, 0));
}

#[test]
fn a_list_without_an_end_is_asked_for_no_longer_than_the_longest() {
    let mut model = at(0);
    model.apply(Event::Want(Listed::Members(ROOM)));
    for number in 0.. {
        let names: Vec<_> = (0..500).map(|n| format!("{number:06}-{n:03}")).collect();
        let effects = model.apply(members(&names));
        if let [Effect::Members(_), Effect::ListCut(_)] = effects[..] {
            assert_eq!(number, 199, "after 100,000 names");
            break;
        }
        assert!(number < 199, "it is asked for again and again");
    }
    assert!(!model.is_listing());
}

#[test]
fn of_rooms_that_lag_a_few_are_followed_at_a_time() {
    let mut model = at(0);
    for number in 2..=100 {
        model.apply(Event::Joined(numbered(number)));
        let effects = model.apply(Event::Page(Page {
            request: 0,
            room: RoomId(number),
            messages: Vec::new(),
            more: false,
            first: 1,
        }));
        assert_eq!(effects, []);
    }
    let heads = (1..=100).map(|number| Head {
        room: RoomId(number),
        head: 0,
    });
    let effects = model.apply(Event::Lagged(heads.collect()));
    assert_eq!(effects.len(), 16);
    let follow = Effect::Ask(Ask::Follow {
        room: RoomId(17),
        after: 0,
    });
    assert_eq!(model.apply(following(0, true)), [follow]);
}

#[test]
fn more_earlier_messages_than_were_asked_for_are_left_to_the_next_request() {
    let mut model = Model::new("zoe");
    model.apply(welcome(100));
    model.apply(page(91..=100, true));
    assert_eq!(model.apply(Event::WantOlder(ROOM, 5)), [before(91, 5)]);
    let effects = model.apply(page(1..=90, false));
    assert_eq!(older(&effects[0]), ((86..=90).collect(), None));
}
