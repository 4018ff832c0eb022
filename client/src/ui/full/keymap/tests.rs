use ratatui::crossterm::event::{KeyCode, KeyEventKind, KeyModifiers};

use super::*;

fn event(written: &str) -> KeyEvent {
    Stroke::parse(written).unwrap().event()
}

fn with(overrides: &[(&str, &str)]) -> Result<Keymap, Vec<KeyFault>> {
    let overrides = overrides.iter();
    let owned = overrides.map(|(key, action)| ((*key).to_owned(), (*action).to_owned()));
    Keymap::with(&owned.collect::<Vec<_>>())
}

#[test]
fn every_key_of_the_table_does_what_its_row_says_and_is_in_the_help() {
    let keymap = Keymap::default();
    let help = keymap.help();
    for (row, help) in TABLE.iter().zip(&help) {
        for key in row.keys {
            assert_eq!(keymap.action(event(key)), Some(row.action), "{key}");
        }
        assert_eq!(keymap.keys(row.action), row.keys, "{}", row.name);
        assert_eq!((help.action, help.help), (row.name, row.help));
        assert_eq!(help.keys, row.keys);
        assert_eq!(named(row.name), Ok(Some(row.action)));
        assert_eq!(name(row.action), row.name);
        let is_kebab = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        assert!(row.name.chars().all(is_kebab), "{}", row.name);
    }
    assert_eq!(help.len(), TABLE.len());
}

#[test]
fn no_key_and_no_action_is_in_the_table_twice() {
    let keymap = Keymap::default();
    for (at, (stroke, _)) in keymap.0.iter().enumerate() {
        let mut others = keymap.0.iter().skip(at + 1);
        assert!(others.all(|(other, _)| other != stroke), "{stroke}");
    }
    for (at, row) in TABLE.iter().enumerate() {
        let mut others = TABLE.iter().skip(at + 1);
        assert!(
            others.all(|other| other.action != row.action && other.name != row.name),
            "{}",
            row.name
        );
    }
}

#[test]
fn the_habits_are_there() {
    let keymap = Keymap::default();
    for (key, name) in [
        ("ctrl-n", "next-room"),
        ("ctrl-p", "previous-room"),
        ("alt-1", "room-1"),
        ("alt-9", "room-9"),
        ("alt-a", "next-activity"),
        ("alt-l", "bare-view"),
        ("ctrl-r", "search"),
        ("ctrl-l", "redraw"),
        ("ctrl-c", "interrupt"),
        ("ctrl-d", "end-of-input"),
        ("pageup", "page-up"),
        ("pagedown", "page-down"),
        ("home", "scroll-top"),
        ("end", "scroll-bottom"),
        // Unbound with Shift: as without.
        ("shift-pageup", "page-up"),
        ("shift-backspace", "backspace"),
        ("shift-enter", "submit"),
    ] {
        let found = keymap.action(event(key)).map(super::name);
        assert_eq!(found, Some(name), "{key}");
    }
    for key in ["x", "space", "alt-0", "f1", "ctrl-space", "ctrl-_"] {
        assert_eq!(keymap.action(event(key)), None, "{key}");
    }
}

#[test]
fn a_key_that_is_let_go_does_nothing() {
    let mut key = event("ctrl-c");
    key.kind = KeyEventKind::Release;
    assert_eq!(Keymap::default().action(key), None);
    key.kind = KeyEventKind::Repeat;
    assert_eq!(Keymap::default().action(key), Some(Action::Interrupt));
    let mut key = KeyEvent::new(KeyCode::Char('a'), KeyModifiers::NONE);
    assert_eq!(is_text(key), Some('a'));
    key.kind = KeyEventKind::Release;
    assert_eq!(is_text(key), None);
}

#[test]
fn keys_get_other_actions_or_none() {
    let keymap = with(&[
        ("F5", "redraw"),
        ("ctrl-n", "none"),
        ("Ctrl-P", " Next-Room "),
        ("enter", "submit"),
        ("alt-q", "interrupt"),
        ("ctrl-c", "none"),
    ])
    .unwrap();
    for (key, action) in [
        ("f5", Some(Action::Redraw)),
        ("ctrl-l", Some(Action::Redraw)),
        ("ctrl-n", None),
        ("ctrl-p", Some(Action::NextRoom)),
        ("enter", Some(Action::Submit)),
        ("alt-q", Some(Action::Interrupt)),
        ("ctrl-c", None),
    ] {
        assert_eq!(keymap.action(event(key)), action, "{key}");
    }
    assert_eq!(keymap.keys(Action::Redraw), ["ctrl-l", "f5"]);
    assert_eq!(keymap.keys(Action::PreviousRoom), [""; 0]);
}

#[test]
fn everything_that_is_wrong_is_said_with_its_place() {
    let faults = with(&[
        ("f1", "serach"),
        ("alt-x", "redraw"),
        ("pgdown", "hist"),
        ("a", "redraw"),
        ("space", "none"),
        ("shift-É", "redraw"),
        ("enter", "newline"),
        ("ctrl-m", "none"),
        ("alt-X", "search"),
        ("ctrl-c", "redraw"),
        ("f2", "\u{202e}"),
    ])
    .unwrap_err();
    let said = [
        (0, "There is no action serach; did you mean search?"),
        (2, "did you mean pagedown?"),
        (2, "did you mean history-back?"),
        (3, "a is for typing"),
        (4, "space is for typing"),
        (5, "é is for typing"),
        (6, "enter always sends"),
        (7, "enter always sends"),
        (8, "alt-x is given an action twice."),
        (10, "\\u{202e}"),
        (9, "Give interrupt another key before ctrl-c"),
    ];
    assert_eq!(faults.len(), said.len(), "{faults:?}");
    for (fault, (index, part)) in faults.iter().zip(said) {
        assert_eq!(fault.index, index, "{fault:?}");
        assert!(fault.sentence.contains(part), "{fault:?}");
    }
}
