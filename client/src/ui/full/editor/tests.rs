mod pastes;

use unicode_segmentation::UnicodeSegmentation;

use super::*;
use crate::ui::full::keymap::{Keymap, Stroke, is_text};

fn names(text: &str, cursor: usize) -> Vec<String> {
    let (place, word) = crate::completion::word(text, cursor);
    let behind = if place == 0 { ": " } else { " " };
    let names = ["bert", "bob", "zoe"].into_iter();
    let begun = names.filter(|name| !word.is_empty() && name.starts_with(word));
    begun.map(|name| format!("{name}{behind}")).collect()
}

/// A `|` marks the cursor in the text.
fn editor(marked: &str) -> Editor {
    let mut editor = Editor::default();
    set(&mut editor, marked);
    editor
}

fn set(editor: &mut Editor, marked: &str) {
    let cursor = marked.find('|').unwrap();
    editor.line.set(Piece {
        text: marked.replace('|', ""),
        is_pasted: false,
    });
    editor.line.go(cursor);
    assert_eq!(shown(editor), marked);
}

fn shown(editor: &Editor) -> String {
    let (before, behind) = editor.text().split_at(editor.cursor());
    format!("{before}|{behind}")
}

/// Presses keys, written as in the configuration and separated by blanks; returns the outcome of
/// the last one.
fn press(editor: &mut Editor, keys: &str) -> EditOutcome {
    let keymap = Keymap::default();
    let mut last = EditOutcome::Done;
    for key in keys.split(' ').filter(|key| !key.is_empty()) {
        let event = Stroke::parse(key).unwrap().event();
        last = match (keymap.action(event), is_text(event)) {
            (Some(action), _) => editor.perform(action, names),
            (None, Some(character)) => editor.insert(character),
            (None, None) => EditOutcome::Elsewhere,
        };
    }
    last
}

fn line(text: &str) -> EditOutcome {
    EditOutcome::Submitted(Submitted::Line(text.to_owned()))
}

fn paste(text: &str) -> EditOutcome {
    EditOutcome::Submitted(Submitted::Paste(text.to_owned()))
}

/// The line before, the keys, the line after.
const KEYS: &[(&str, &str, &str)] = &[
    // Typing.
    ("|", "h i", "hi|"),
    ("a|c", "b", "ab|c"),
    ("a|b", "space", "a |b"),
    ("a|b", "alt-enter", "a\n|b"),
    ("a|b", "ctrl-j c", "a\nc|b"),
    ("a|", "f1 alt-0 ctrl-space b", "ab|"),
    // A mark joins the character before it; a joiner joins those on both sides.
    ("e|x", "\u{301}", "e\u{301}|x"),
    ("👩|", "\u{200d} 👧 backspace", "|"),
    ("🇫|", "🇷", "🇫🇷|"),
    ("|🇷x", "🇫", "🇫🇷|x"),
    // Moving.
    ("ab|c", "ctrl-b", "a|bc"),
    ("ab|c", "left left left", "|abc"),
    ("a|bc", "ctrl-f", "ab|c"),
    ("ab|c", "right right", "abc|"),
    ("e\u{301}👍🏽🇫🇷|", "left", "e\u{301}👍🏽|🇫🇷"),
    ("e\u{301}👍🏽|🇫🇷", "left", "e\u{301}|👍🏽🇫🇷"),
    (
        "|e\u{301}👩\u{200d}👧x",
        "right right",
        "e\u{301}👩\u{200d}👧|x",
    ),
    ("a\n|b", "left", "a|\nb"),
    ("one two-three| x", "alt-b", "one two-|three x"),
    ("one two-|three", "alt-b", "one |two-three"),
    ("one, |two", "ctrl-left", "|one, two"),
    ("|one two", "alt-f", "one| two"),
    ("one| -- two\nx", "alt-f", "one -- two|\nx"),
    ("one| two", "ctrl-right", "one two|"),
    (
        "pré|s, e\u{301}te\u{301}",
        "alt-f alt-f",
        "prés, e\u{301}te\u{301}|",
    ),
    ("ab|c", "ctrl-a", "|abc"),
    ("a|bc", "ctrl-e", "abc|"),
    ("x\nab|c\ny", "ctrl-a", "x\n|abc\ny"),
    ("x\na|bc\ny", "ctrl-e", "x\nabc|\ny"),
    ("x\nab|c\ny", "home", "x\n|abc\ny"),
    ("x\na|bc\ny", "end", "x\nabc|\ny"),
    // Between lines, in the same column; 漢 takes two.
    ("abc\nde|f", "up", "ab|c\ndef"),
    ("ab|c\ndef", "down", "abc\nde|f"),
    ("abcd\nx\nabc|d", "up", "abcd\nx|\nabcd"),
    ("abcd\nx\nabc|d", "up up", "abc|d\nx\nabcd"),
    ("abcd\nx\nabc|d", "up left up", "|abcd\nx\nabcd"),
    ("漢漢|\nabcde", "down", "漢漢\nabcd|e"),
    ("漢漢\nabc|d", "up", "漢|漢\nabcd"),
    ("|a\n\nb", "down down", "a\n\n|b"),
    // The history is empty.
    ("a|b\nc", "up", "a|b\nc"),
    ("ab\nc|d", "down", "ab\nc|d"),
    // Deleting.
    ("ab|c", "backspace", "a|c"),
    ("ab|c", "ctrl-h", "a|c"),
    ("|a", "backspace", "|a"),
    ("xe\u{301}|", "backspace", "x|"),
    ("x👩\u{200d}👩\u{200d}👧|", "backspace", "x|"),
    ("a\n|b", "backspace", "a|b"),
    ("🇫x|🇷", "backspace", "🇫🇷|"),
    ("a|bc", "delete", "a|c"),
    ("a|e\u{301}c", "delete", "a|c"),
    ("abc|", "delete", "abc|"),
    ("a|\nb", "delete", "a|b"),
    ("a|bc", "ctrl-d", "a|c"),
    ("abc|", "ctrl-d", "abc|"),
    // Killing and putting back.
    ("ab|cd", "ctrl-k", "ab|"),
    ("ab|cd\nef", "ctrl-k", "ab|\nef"),
    ("ab|\nef", "ctrl-k", "ab|ef"),
    ("ab|cd", "ctrl-u", "|cd"),
    ("ef\nab|cd", "ctrl-u", "ef\n|cd"),
    ("ef\n|cd", "ctrl-u", "ef|cd"),
    ("one two-three  |x", "ctrl-w", "one |x"),
    ("one|", "ctrl-w ctrl-w", "|"),
    ("a\nb c|", "ctrl-w ctrl-w", "a\n|"),
    ("a\n|", "ctrl-w", "a|"),
    ("one two-three|", "alt-backspace", "one two-|"),
    ("one two-|", "ctrl-alt-h", "one |"),
    ("|one two", "alt-d", "| two"),
    ("one| -- two!", "alt-d", "one|!"),
    ("|abc", "ctrl-y", "|abc"),
    ("ab|cd", "ctrl-k ctrl-y ctrl-y", "abcdcd|"),
    ("ab|cd", "ctrl-u ctrl-e ctrl-y", "cdab|"),
    // Consecutive kills are yanked as one, in the order of the text.
    ("one two three|", "ctrl-w ctrl-w ctrl-y", "one two three|"),
    ("|one two three", "alt-d alt-d ctrl-y", "one two| three"),
    (
        "one |two three",
        "alt-d ctrl-u ctrl-k ctrl-y",
        "one two three|",
    ),
    ("one two|", "ctrl-w left right ctrl-w ctrl-y", "one |"),
    ("one two|", "ctrl-w x ctrl-w ctrl-y", "one x|"),
    ("one two|", "ctrl-w ctrl-k ctrl-w ctrl-y", "one |"),
    // A deleted character is not for yanking.
    ("ab|c", "ctrl-k backspace ctrl-y", "ac|"),
    // Completing.
    ("zo|", "tab", "zoe: |"),
    ("hi zo|", "tab", "hi zoe |"),
    ("hi zo| there", "tab", "hi zoe |there"),
    ("b|", "tab", "bert: |"),
    ("b|", "tab tab", "bob: |"),
    ("b|", "tab tab tab", "bert: |"),
    ("b|", "shift-tab", "bob: |"),
    ("hi b|", "tab shift-tab", "hi bob |"),
    ("hi b| x", "tab tab tab y", "hi bert y|x"),
    ("b|", "tab x tab", "bert: x|"),
    ("b|", "tab esc tab", "bert: |"),
    ("b|", "tab left left ctrl-k tab", "bert: |"),
    ("nobody|", "tab", "nobody|"),
    ("|", "tab shift-tab", "|"),
];

#[test]
fn every_key_does_to_the_line_what_hands_expect() {
    for (before, keys, after) in KEYS {
        let mut editor = editor(before);
        let _ = press(&mut editor, keys);
        assert_eq!(shown(&editor), *after, "{before:?}, {keys}");
    }
}

#[test]
fn every_key_of_the_line_is_tried() {
    let elsewhere = ["enter"];
    for row in Keymap::default().help() {
        for key in row.keys {
            let event = Stroke::parse(&key).unwrap().event();
            let action = Keymap::default().action(event).unwrap();
            let is_tried = |(_, keys, _): &(_, &str, _)| keys.split(' ').any(|one| one == key);
            assert!(
                !action.is_of_line() || elsewhere.contains(&&*key) || KEYS.iter().any(is_tried),
                "{key}"
            );
        }
    }
}

#[test]
fn enter_submits_and_the_history_has_it() {
    let mut editor = editor("one| line");
    assert_eq!(press(&mut editor, "enter"), line("one line"));
    assert_eq!(shown(&editor), "|");
    assert_eq!(press(&mut editor, "enter"), line(""));
    set(&mut editor, "two|");
    assert_eq!(press(&mut editor, "enter"), line("two"));
    set(&mut editor, "two|");
    assert_eq!(press(&mut editor, "enter"), line("two"));
    set(&mut editor, "be|gun");
    for (keys, after) in [
        ("up", "two|"),
        ("up", "one line|"),
        ("up", "one line|"),
        // Edits of older lines are kept until a line is sent.
        ("!", "one line!|"),
        ("down", "two|"),
        ("down", "begun|"),
        ("down", "begun|"),
        ("up up", "one line!|"),
    ] {
        let _ = press(&mut editor, keys);
        assert_eq!(shown(&editor), after, "{keys}");
    }
    assert_eq!(press(&mut editor, "enter"), line("one line!"));
    for after in ["one line!|", "two|", "one line|"] {
        let _ = press(&mut editor, "up");
        assert_eq!(shown(&editor), after);
    }
}

#[test]
fn the_history_begins_where_the_lines_of_a_text_end() {
    let mut editor = editor("first|");
    let _ = press(&mut editor, "enter a alt-enter b up");
    assert_eq!(shown(&editor), "a|\nb");
    let _ = press(&mut editor, "up");
    assert_eq!(shown(&editor), "first|");
    let _ = press(&mut editor, "down");
    assert_eq!(shown(&editor), "a\nb|");
}

#[test]
fn ctrl_c_throws_the_line_away_and_asks_only_when_there_is_none() {
    let mut editor = editor("oh| no");
    assert_eq!(press(&mut editor, "ctrl-c"), EditOutcome::Cleared);
    assert_eq!(shown(&editor), "|");
    assert_eq!(press(&mut editor, "ctrl-c"), EditOutcome::Quit);
    assert_eq!(press(&mut editor, "ctrl-d"), EditOutcome::Quit);
    let _ = press(&mut editor, "up");
    assert_eq!(shown(&editor), "oh no|");
}

#[test]
fn what_is_not_the_line_s_is_left_to_others() {
    for keys in [
        "pageup", "ctrl-n", "alt-1", "ctrl-r", "ctrl-l", "ctrl-z", "esc",
    ] {
        let mut editor = editor("a|b");
        assert_eq!(press(&mut editor, keys), EditOutcome::Elsewhere, "{keys}");
        assert_eq!(shown(&editor), "a|b");
    }
    for keys in ["home", "end"] {
        assert_eq!(
            press(&mut editor("|"), keys),
            EditOutcome::Elsewhere,
            "{keys}"
        );
        assert_eq!(press(&mut editor("a|"), keys), EditOutcome::Done, "{keys}");
    }
}

#[test]
fn candidates_are_shown_while_one_is_chosen() {
    let mut editor = editor("b|");
    let _ = press(&mut editor, "tab");
    let both = ["bert: ".to_owned(), "bob: ".to_owned()];
    assert_eq!(editor.candidates(), Some((&both[..], 0)));
    let _ = press(&mut editor, "tab");
    assert_eq!(editor.candidates(), Some((&both[..], 1)));
    assert_eq!(press(&mut editor, "esc"), EditOutcome::Done);
    assert_eq!((editor.candidates(), editor.text()), (None, "bob: "));
    assert_eq!(press(&mut editor, "esc"), EditOutcome::Elsewhere);
    set(&mut editor, "z|");
    let _ = press(&mut editor, "tab");
    assert_eq!(editor.candidates(), None, "there is but one");
}

/// A deterministic generator, so that a failure can be repeated.
fn numbers(mut state: u64) -> impl FnMut(usize) -> usize {
    move |below| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        usize::try_from(state >> 33).unwrap() % below
    }
}

#[test]
fn whatever_is_pressed_the_cursor_stands_between_clusters_and_within_the_rows() {
    const TYPED: &[&str] = &[
        "a", " ", "é", "\u{301}", "\u{200d}", "👩", "🇫", "漢", "\n", "\t", "\u{1b}", "\u{202e}",
        "\u{fe0f}", "क", "\u{94d}", "\u{102b}", "\u{600}", "ﾞ", "\u{200c}", "b",
    ];
    let keys: Vec<String> = Keymap::default()
        .help()
        .into_iter()
        .flat_map(|row| row.keys)
        .collect();
    let drawn = |row: &str| -> usize { row.graphemes(true).map(layout::width).sum() };
    for seed in 0..10 {
        let mut number = numbers(seed);
        let mut editor = Editor::default();
        for _ in 0..300 {
            match number(4) {
                0 => drop(press(&mut editor, &keys[number(keys.len())])),
                1 => drop(editor.paste(&TYPED[number(TYPED.len())].repeat(3))),
                _ => TYPED[number(TYPED.len())]
                    .chars()
                    .for_each(|c| drop(editor.insert(c))),
            }
            let (text, cursor) = (editor.text(), editor.cursor());
            let mut places = text.grapheme_indices(true).map(|(place, _)| place);
            assert!(
                cursor == text.len() || places.any(|place| place == cursor),
                "{text:?}"
            );
            for width in [1, 2, 7, 80] {
                let Layout { rows, cursor } = editor.layout(width);
                assert!(cursor.0 < rows.len() && cursor.1 < width, "{text:?}");
                assert!(rows.iter().all(|row| drawn(row) <= width), "{rows:?}");
            }
        }
    }
}

#[test]
fn pasted_lines_that_are_no_message_are_refused_before_they_are_asked_about() {
    let mut editor = Editor::default();
    let long = format!("one\n{}", "x".repeat(MAX_TEXT));
    assert_eq!(editor.paste(&long), EditOutcome::Full(MAX_TEXT + 4));
    let just = format!("one\n{}", "x".repeat(MAX_TEXT - 3));
    assert_eq!(editor.paste(&just), EditOutcome::Full(MAX_TEXT + 1));
    assert!(editor.asking().is_none());
    assert_eq!(editor.paste(&just[1..]), EditOutcome::Done);
    assert!(editor.asking().is_some());
}
