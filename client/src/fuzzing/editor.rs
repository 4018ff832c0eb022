use chatbox_common::fuzzing::Choices;
use unicode_segmentation::UnicodeSegmentation;

use crate::completion;
use crate::input::MAX_LINE;
use crate::ui::full::editor::{EditOutcome, Editor, Submitted};
use crate::ui::full::keymap::Action;
use crate::width::width;

const ACTIONS: &[Action] = &[
    Action::Submit,
    Action::Newline,
    Action::Complete,
    Action::CompleteBack,
    Action::Left,
    Action::Right,
    Action::WordLeft,
    Action::WordRight,
    Action::LineStart,
    Action::LineEnd,
    Action::HistoryBack,
    Action::HistoryNext,
    Action::Backspace,
    Action::Delete,
    Action::KillToEnd,
    Action::KillToStart,
    Action::RubOutWord,
    Action::KillWordLeft,
    Action::KillWordRight,
    Action::Yank,
    Action::ScrollTop,
    Action::ScrollBottom,
    Action::Cancel,
    Action::Interrupt,
    Action::EndOfInput,
    Action::PageUp,
];

/// Keys and pastes.
///
/// The cursor always stands between two characters of the text, the text is never longer than a
/// message can be, its rows fit, and what is refused changes nothing.
pub fn editor(data: &[u8]) {
    let mut choices = Choices::new(data);
    let mut editor = Editor::default();
    while !choices.is_done() {
        let (before, cursor) = (editor.text().to_owned(), editor.cursor());
        let asked = editor.asking();
        let outcome = match choices.byte() {
            key @ b' '..=b'~' => editor.insert(key.into()),
            0x80.. => editor.insert(choices.character()),
            0 => editor.paste(&choices.text()),
            1 => {
                let copies = choices.byte().into();
                editor.paste(&choices.text().repeat(copies))
            }
            action => editor.perform(ACTIONS[usize::from(action) % ACTIONS.len()], names),
        };
        match outcome {
            EditOutcome::Full(size) => {
                assert!(size > MAX_LINE);
                assert_eq!((editor.text(), editor.cursor()), (&*before, cursor));
            }
            EditOutcome::Submitted(Submitted::Line(text) | Submitted::Paste(text)) => {
                assert!(editor.is_empty());
                assert!(asked.is_some() || text == before);
                assert!(text.len() <= MAX_LINE);
            }
            EditOutcome::Cleared => assert!(editor.is_empty() && !before.is_empty()),
            EditOutcome::Quit => assert!(editor.is_empty() && before.is_empty()),
            EditOutcome::Done | EditOutcome::Elsewhere => {}
        }
        assert_whole(&editor);
        // Now and then: it costs more than a key.
        let drawn = choices.byte();
        if drawn.is_multiple_of(4) {
            assert_laid_out(&editor, usize::from(drawn / 4));
        }
    }
}

fn assert_whole(editor: &Editor) {
    let text = editor.text();
    assert!(text.len() <= MAX_LINE);
    let mut ends = text.grapheme_indices(true).map(|(at, _)| at);
    let between = editor.cursor() == text.len() || ends.any(|at| at == editor.cursor());
    assert!(between, "{} in {text:?}", editor.cursor());
    if let Some(asking) = editor.asking() {
        assert!(asking.lines >= 2 && asking.bytes <= MAX_LINE);
    }
    if let Some((candidates, chosen)) = editor.candidates() {
        assert!(candidates.len() > 1 && text.contains(candidates[chosen].trim_end()));
    }
}

fn assert_laid_out(editor: &Editor, columns: usize) {
    let layout = editor.layout(columns);
    let columns = columns.max(1);
    let (row, column) = layout.cursor;
    assert!(row < layout.rows.len() && column < columns, "{layout:?}");
    for row in &layout.rows {
        assert!(width(row) <= columns, "{row:?} in {columns}");
        assert!(!row.contains(char::is_control), "{row:?}");
    }
}

fn names(text: &str, cursor: usize) -> Vec<String> {
    let (place, word) = completion::word(text, cursor);
    let behind = if place == 0 { ": " } else { " " };
    let names = ["bert", "bob", "zoe"].into_iter();
    let begun = names.filter(|name| !word.is_empty() && name.starts_with(word));
    begun.map(|name| format!("{name}{behind}")).collect()
}
