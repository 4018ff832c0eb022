mod extremes;

use std::time::{Duration, Instant};

use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::wire::message::{
    Access, AccountId, Chat, Kind, Limits, Room, RoomId, RoomMode, Seq, Welcome,
};
use jiff::tz::TimeZone;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::style::{Color, Modifier};

use super::colours::Palette;
use super::paint::{Input, Painting, input_width, paint};
use super::panel::Panel;
use super::scrollback::{LIMIT, Views};
use crate::model::{Event, Mention, Model};
use crate::ui::{Scene, Way};

/// 2026-01-01 12:34:00 in UTC.
const NOON: u64 = 1_767_225_600_000 + 45_240_000;

fn room(room: RoomId, name: &str, topic: &str) -> Room {
    Room {
        topic: topic.into(),
        online: 3,
        access: if name.starts_with('@') {
            Access::Direct
        } else {
            Access::Open
        },
        ..Room::new(room, name)
    }
}

fn model(rooms: Vec<Room>) -> Model {
    let mut model = Model::new("alice");
    model.apply(Event::Welcome(Welcome {
        history_id: [1; 16],
        rooms,
        time: 0,
        limits: Limits::with_pace(5),
        server: "0".into(),
        session: 1,
        ignored: Vec::new(),
        capabilities: None,
        predecessor: None,
    }));
    model
}

fn chat(room: RoomId, seq: Seq, user: &str, text: &str) -> Chat {
    Chat {
        room,
        seq,
        account: AccountId(1),
        user: user.into(),
        time: NOON + seq * 1000,
        text: text.into(),
        kind: Kind::Text,
    }
}

fn three_rooms() -> (Model, Views) {
    let model = model(vec![
        room(RoomId(1), "#lobby", "Be kind"),
        room(RoomId(2), "#ops", "Deploys & outages"),
        room(RoomId(3), "@bob", ""),
    ]);
    let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
    views.look_at(Some(RoomId(2)));
    views.push(
        &chat(RoomId(2), 1, "bob", "is the build green?"),
        Mention::No,
    );
    views.push(&chat(RoomId(2), 2, "Alice", "yes"), Mention::No);
    let mut wave = chat(RoomId(2), 3, "carol", "waves");
    wave.kind = Kind::Action;
    views.push(&wave, Mention::No);
    views.push(&chat(RoomId(2), 4, "bob", "@alice thanks"), Mention::Now);
    views.notice(Some(RoomId(2)), NOON + 86_400_000, "dave came to #ops");
    views.push(&chat(RoomId(1), 1, "bob", "hello"), Mention::No);
    views.push(&chat(RoomId(1), 2, "bob", "alice: lunch?"), Mention::Now);
    views.push(&chat(RoomId(3), 1, "bob", "psst"), Mention::No);
    (model, views)
}

fn scene(model: &Model) -> Scene<'_> {
    Scene {
        model,
        user: "alice",
        here: Some(RoomId(2)),
        way: Way::Up {
            fingerprint: Fingerprint::from_key(&[0; 32]),
            epoch: 2,
        },
        entering: None,
        is_full: false,
        unsent: 0,
    }
}

fn painting<'a>(model: &'a Model, views: &'a mut Views) -> Painting<'a> {
    Painting {
        scene: scene(model),
        views,
        panel: None,
        prompt: "#ops> ",
        input: Input::Line {
            rows: &[],
            cursor: (0, 0),
        },
        hints: &[],
        shows_rooms: true,
        palette: Palette::Colours,
        now: Instant::now(),
    }
}

/// The rows of the screen without trailing blanks, and the cursor as column and row.
fn screen(painting: Painting<'_>, columns: u16, rows: u16) -> (Vec<String>, (u16, u16)) {
    let terminal = painted(painting, columns, rows);
    let buffer = terminal.backend().buffer();
    let row = |y| {
        (0..columns)
            .map(|x| buffer[(x, y)].symbol())
            .collect::<String>()
    };
    let rows = (0..rows).map(|y| row(y).trim_end().to_owned()).collect();
    let cursor = terminal.backend().cursor_position();
    (rows, (cursor.x, cursor.y))
}

fn painted(painting: Painting<'_>, columns: u16, rows: u16) -> Terminal<TestBackend> {
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    terminal.draw(|frame| paint(frame, painting)).unwrap();
    terminal
}

#[test]
fn a_screen_has_topic_rooms_messages_status_and_input() {
    let (model, mut views) = three_rooms();
    let rows = ["hello bob".to_owned()];
    let mut painting = painting(&model, &mut views);
    painting.input = Input::Line {
        rows: &rows,
        cursor: (0, 5),
    };
    let (shown, cursor) = screen(painting, 80, 14);
    assert_eq!(
        shown,
        [
            "[audited]  3 online  #ops  Deploys & outages",
            "1 #lobby 2 @1│── earlier messages: Page Up ─────────────────────────────────────",
            "2 #ops       │── Thursday, 1 January 2026 ──────────────────────────────────────",
            "3 @bob      1│12:34 <bob> is the build green?",
            "             │12:34 <Alice> yes",
            "             │12:34 * carol waves",
            "             │12:34!<bob> @alice thanks",
            "             │── Friday, 2 January 2026 ────────────────────────────────────────",
            "             │12:34 -- dave came to #ops",
            "             │",
            "             │",
            "             │",
            "connected  server key checked  epoch 2    /help  Tab completes  Page Up: earlier",
            "#ops> hello bob",
        ]
    );
    assert_eq!(cursor, (11, 13));
}

#[test]
fn a_narrow_screen_has_no_list_and_tells_where_somebody_talks() {
    let (model, mut views) = three_rooms();
    let (shown, cursor) = screen(painting(&model, &mut views), 40, 10);
    assert_eq!(
        shown,
        [
            "[audited]  3 online  #ops  Deploys & ou…",
            "── Thursday, 1 January 2026 ────────────",
            "12:34 <bob> is the build green?",
            "12:34 <Alice> yes",
            "12:34 * carol waves",
            "12:34!<bob> @alice thanks",
            "── Friday, 2 January 2026 ──────────────",
            "12:34 -- dave came to #ops",
            "server key checked  [Act: 1@,3@]   /help",
            "#ops>",
        ]
    );
    assert_eq!(cursor, (6, 9));
}

#[test]
fn a_wide_screen_shows_seconds() {
    let (model, mut views) = three_rooms();
    let (shown, _) = screen(painting(&model, &mut views), 120, 30);
    assert!(
        shown[3].ends_with("│12:34:01 <bob> is the build green?"),
        "{}",
        shown[3]
    );
}

#[test]
fn the_mode_of_a_room_is_in_sight_whatever_its_name() {
    let long = format!("#{}~{}", "r".repeat(32), "n".repeat(32));
    let mut private = room(RoomId(2), &long, "topic");
    private.mode = RoomMode::Private;
    private.locked = Some("owner".to_owned());
    let model = model(vec![private]);
    let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
    for columns in 20..120 {
        let (shown, _) = screen(painting(&model, &mut views), columns, 6);
        assert!(shown[0].starts_with("[private]"), "{columns} {}", shown[0]);
    }
    let (shown, _) = screen(painting(&model, &mut views), 120, 6);
    assert_eq!(
        shown[0],
        format!("[private]  [locked]  3 online  {long}  topic")
    );
}

#[test]
fn no_name_and_no_topic_looks_like_what_the_program_says_of_a_room() {
    let fake = "[private]  [locked]  9 online";
    for (name, topic) in [
        (format!("#lobby {fake}"), fake.to_owned()),
        (fake.to_owned(), String::new()),
    ] {
        let model = model(vec![room(RoomId(2), &name, &topic)]);
        let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
        for columns in 20..120 {
            let (shown, _) = screen(painting(&model, &mut views), columns, 6);
            let behind = shown[0].strip_prefix("[audited]").unwrap().trim_start();
            let behind = behind.strip_prefix("3 online  ").unwrap_or(behind);
            // What follows is the name, cut or not, and its topic.
            let begin: String = name.chars().take(6).collect();
            assert!(behind.starts_with(&begin), "{columns} {}", shown[0]);
        }
    }
}

#[test]
fn the_status_says_how_things_are_before_it_says_which_keys_help() {
    let (model, mut views) = three_rooms();
    let now = Instant::now();
    let status = |views: &mut Views, way: Way, unsent: usize, columns: u16| {
        let mut painting = painting(&model, views);
        painting.scene.way = way;
        painting.scene.unsent = unsent;
        painting.now = now;
        screen(painting, columns, 6).0[4].clone()
    };
    let down = Way::Down(now + Duration::from_millis(2500));
    assert_eq!(
        status(&mut views, down, 2, 40),
        "reconnecting in 3 s  2 unsent      /help"
    );
    assert_eq!(status(&mut views, down, 2, 20), "reconnecting in 3 s");
    assert!(status(&mut views, Way::Down(now), 0, 40).starts_with("connecting…"));
    assert!(status(&mut views, Way::Connecting, 0, 40).starts_with("connecting…"));
    assert!(status(&mut views, Way::LoggedOut, 0, 40).starts_with("logged out"));
    assert_eq!(
        status(&mut views, Way::Silent, 2, 40),
        "the server does not answer  2 unsent"
    );
    views.page_up();
    let up = scene(&model).way;
    assert!(
        status(&mut views, up, 0, 60).starts_with("connected  server key checked  epoch 2  ↓ ")
    );
    assert_eq!(status(&mut views, up, 0, 20), "↓ 1 below      /help");
}

#[test]
fn a_lost_connection_has_other_colours_than_a_good_one() {
    let (model, mut views) = three_rooms();
    let now = Instant::now();
    for palette in [Palette::Colours, Palette::NoColours] {
        let mut style = |way: Way| {
            let mut painting = painting(&model, &mut views);
            painting.palette = palette;
            painting.scene.way = way;
            let terminal = painted(painting, 60, 6);
            terminal.backend().buffer()[(0, 4)].style()
        };
        let up = style(scene(&model).way);
        for way in [Way::Silent, Way::Down(now), Way::Connecting, Way::LoggedOut] {
            assert_ne!(style(way), up, "{way:?}");
        }
    }
}

#[test]
fn the_input_grows_to_a_third_of_the_screen_and_keeps_the_cursor_in_sight() {
    let (model, mut views) = three_rooms();
    let rows: Vec<String> = (1..=20).map(|number| format!("row {number}")).collect();
    let mut typed = |cursor, height| {
        let mut painting = painting(&model, &mut views);
        painting.input = Input::Line {
            rows: &rows,
            cursor,
        };
        screen(painting, 40, height)
    };
    let (shown, cursor) = typed((0, 0), 12);
    assert_eq!(
        shown[8..],
        ["#ops> row 1", "      row 2", "      row 3", "      row 4"]
    );
    assert_eq!(cursor, (6, 8));
    let (shown, cursor) = typed((19, 6), 12);
    assert_eq!(
        shown[8..],
        [
            "      row 17",
            "      row 18",
            "      row 19",
            "      row 20"
        ]
    );
    assert_eq!(cursor, (12, 11));
    let (shown, _) = typed((0, 0), 60);
    assert_eq!(
        shown[49..51],
        ["server key checked  [Act: 1@,3@]   /help", "#ops> row 1"]
    );
    // A cursor outside is drawn in the last cell.
    assert_eq!(typed((99, 99), 12).1, (39, 11));
}

#[test]
fn a_prompt_leaves_half_of_the_screen() {
    assert_eq!(input_width(80, "#ops> "), 74);
    assert_eq!(input_width(20, &"x".repeat(66)), 10);
    assert_eq!(input_width(0, "#ops> "), 1);
}

#[test]
fn hints_stand_above_the_status_and_leave_half_of_the_messages() {
    let (model, mut views) = three_rooms();
    let hints: Vec<String> = ["/join #room", "/leave", "\u{1b}[2J"]
        .map(str::to_owned)
        .to_vec();
    let mut painting = painting(&model, &mut views);
    painting.hints = &hints;
    let (shown, _) = screen(painting, 40, 10);
    assert_eq!(shown[5..8], ["/join #room", "/leave", "\\u{1b}[2J"]);
    assert!(shown[4].ends_with("dave came to #ops"));
    let mut small = self::painting(&model, &mut views);
    small.hints = &hints;
    let (shown, _) = screen(small, 40, 5);
    assert_eq!(shown[2], "/join #room");
}

#[test]
fn a_search_stands_in_the_input_s_place_and_marks_what_it_finds() {
    let (model, mut views) = three_rooms();
    let mut painting = painting(&model, &mut views);
    painting.input = Input::Search {
        text: "BUILD",
        is_found: true,
    };
    let terminal = painted(painting, 40, 10);
    let buffer = terminal.backend().buffer();
    assert!(buffer[(19, 2)].modifier.contains(Modifier::REVERSED));
    assert!(!buffer[(18, 2)].modifier.contains(Modifier::REVERSED));
    let mut painting = self::painting(&model, &mut views);
    painting.input = Input::Search {
        text: "nothing",
        is_found: false,
    };
    let (shown, cursor) = screen(painting, 40, 10);
    assert_eq!(shown[9], "search: nothing (not found)");
    assert_eq!(cursor, (15, 9));
}

#[test]
fn a_question_stands_in_the_input_s_place() {
    let (model, mut views) = three_rooms();
    let mut painting = painting(&model, &mut views);
    painting.input = Input::Question("Send these 12 lines as one message? y/n");
    let (shown, cursor) = screen(painting, 30, 10);
    assert_eq!(shown[8..], ["Send these 12 lines as one", "message? y/n"]);
    assert_eq!(cursor, (13, 9));
}

#[test]
fn a_panel_covers_the_messages_alone() {
    let (model, mut views) = three_rooms();
    let mut panel = Panel::new("help", "/help\n/join\n");
    let mut painting = painting(&model, &mut views);
    painting.panel = Some(&mut panel);
    let (shown, _) = screen(painting, 60, 8);
    assert_eq!(
        shown[1],
        format!("1 #lobby 2 @1│── help {}", "─".repeat(38))
    );
    assert_eq!(shown[2], "2 #ops       │/help");
    assert_eq!(
        shown[5],
        format!("             │── Esc closes {}", "─".repeat(32))
    );
}

#[test]
fn without_the_list_messages_have_all_columns() {
    let (model, mut views) = three_rooms();
    let mut painting = painting(&model, &mut views);
    painting.shows_rooms = false;
    let (shown, _) = screen(painting, 80, 9);
    assert!(
        shown.contains(&"12:34 <bob> is the build green?".to_owned()),
        "{shown:?}"
    );
}

#[test]
fn for_copying_lines_are_whole_and_as_many_as_fit() {
    let (model, mut views) = three_rooms();
    screen(painting(&model, &mut views), 80, 9);
    let parted = |head: &str, text: &str| (head.to_owned(), text.to_owned());
    assert_eq!(
        views.bare(80, 1),
        [parted("12:34 -- ", "dave came to #ops")]
    );
    let link = format!("https://example.org/{}", "x".repeat(300));
    let mut chat = Chat {
        room: RoomId(2),
        seq: 99,
        account: AccountId(1),
        user: "bob".into(),
        time: NOON + 87_000_000,
        text: link.clone(),
        kind: Kind::Text,
    };
    views.push(&chat, Mention::No);
    screen(painting(&model, &mut views), 80, 9);
    assert_eq!(views.bare(80, 5), [parted("12:44 <bob> ", &link)]);
    chat.text = format!("{link}{link}");
    chat.seq = 100;
    views.push(&chat, Mention::No);
    assert!(views.bare(80, 5).is_empty(), "none is cut");
}

#[test]
fn where_there_are_many_rooms_the_one_looked_at_is_in_sight() {
    let rooms = (1..=30).map(|number| room(RoomId(number), &format!("#room{number:02}"), ""));
    let model = model(rooms.collect());
    let mut views = Views::new("alice", TimeZone::UTC, LIMIT);
    let mut painting = painting(&model, &mut views);
    painting.scene.here = Some(RoomId(20));
    let terminal = painted(painting, 80, 10);
    let buffer = terminal.backend().buffer();
    let row: String = (0..9).map(|x| buffer[(x, 7)].symbol()).collect();
    assert_eq!(row, "20 #room2");
    assert!(buffer[(0, 7)].modifier.contains(Modifier::REVERSED));
}

#[test]
fn without_colours_there_are_none_on_the_screen_and_mentions_have_their_sign() {
    let (model, mut views) = three_rooms();
    let mut painting = painting(&model, &mut views);
    painting.palette = Palette::NoColours;
    let terminal = painted(painting, 80, 14);
    let cells = &terminal.backend().buffer().content;
    assert!(
        cells
            .iter()
            .all(|cell| (cell.fg, cell.bg) == (Color::Reset, Color::Reset))
    );
    assert!(cells.iter().any(|cell| cell.symbol() == "!"));
}

#[test]
fn a_screen_that_is_too_small_says_so() {
    let (model, mut views) = three_rooms();
    let (shown, _) = screen(painting(&model, &mut views), 30, 4);
    assert_eq!(
        shown,
        [
            "The terminal is too small: 20",
            "columns and 5 lines are",
            "needed, it has 30x4.",
            "",
        ]
    );
}
