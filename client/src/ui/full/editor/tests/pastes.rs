use super::*;

#[test]
fn a_paste_of_one_line_is_as_good_as_typed() {
    for (before, pasted, after) in [
        ("a|b", "one", "aone|b"),
        ("|", "one\n", "one|"),
        ("|", "one\r\n", "one|"),
        ("|", "a\tb\n\n", "a\tb|"),
        ("a|", "\r\n", "a|"),
        ("a|", "", "a|"),
    ] {
        let mut editor = editor(before);
        assert_eq!(editor.paste(pasted), EditOutcome::Done);
        assert_eq!((shown(&editor).as_str(), editor.asking()), (after, None));
    }
    let mut editor = editor("|");
    let _ = editor.paste("/quit\n");
    assert_eq!(press(&mut editor, "enter"), line("/quit"));
}

#[test]
fn a_paste_of_several_lines_is_asked_about() {
    let mut editor = editor("see: | ok");
    assert_eq!(editor.paste("a\r\nb\rc\n"), EditOutcome::Done);
    assert_eq!(editor.asking(), Some(Asking { lines: 3, bytes: 5 }));
    assert_eq!(shown(&editor), "see: | ok");
    assert_eq!(
        press(&mut editor, "x ctrl-w backspace tab ctrl-d"),
        EditOutcome::Done
    );
    assert_eq!(press(&mut editor, "pageup"), EditOutcome::Elsewhere);
    assert_eq!(shown(&editor), "see: | ok");
    assert_eq!(press(&mut editor, "enter"), paste("see: a\nb\nc ok"));
    assert_eq!((shown(&editor).as_str(), editor.asking()), ("|", None));
    let _ = press(&mut editor, "up");
    assert_eq!(press(&mut editor, "enter"), paste("see: a\nb\nc ok"));
}

#[test]
fn a_paste_is_forgotten_or_edited() {
    for keys in ["esc", "ctrl-c"] {
        let mut editor = editor("a|b");
        let _ = editor.paste("x\ny");
        assert_eq!(press(&mut editor, keys), EditOutcome::Done);
        assert_eq!((shown(&editor).as_str(), editor.asking()), ("a|b", None));
    }
    let mut editor = editor("a|b");
    let _ = editor.paste("x\ny");
    assert_eq!(press(&mut editor, "e"), EditOutcome::Done);
    assert_eq!(
        (shown(&editor).as_str(), editor.asking()),
        ("ax\ny|b", None)
    );
    assert_eq!(press(&mut editor, "! enter"), paste("ax\ny!b"));
}

#[test]
fn pastes_that_follow_each_other_are_asked_about_together() {
    let mut editor = editor("|");
    let _ = editor.paste("a\nb\n");
    let _ = editor.paste("c");
    assert_eq!(editor.asking(), Some(Asking { lines: 3, bytes: 5 }));
    assert_eq!(press(&mut editor, "enter"), paste("a\nb\nc"));
    let _ = editor.paste("a\nb");
    let _ = press(&mut editor, "e space");
    let _ = editor.paste("c\nd");
    assert_eq!(press(&mut editor, "enter"), paste("a\nb c\nd"));
}

#[test]
fn several_pasted_lines_give_no_orders_and_a_typed_command_takes_them() {
    let pasted = |before: &str, keys: &str| {
        let mut editor = editor(before);
        let _ = editor.paste("/quit\n/quit");
        press(&mut editor, keys)
    };
    for (before, keys, outcome) in [
        ("|", "enter", paste("/quit\n/quit")),
        ("|", "e enter", paste("/quit\n/quit")),
        ("|foo", "enter", paste("/quit\n/quitfoo")),
        ("x|", "e up home delete enter", paste("/quit\n/quit")),
        ("/me |", "enter", line("/me /quit\n/quit")),
        ("/me |", "e enter", line("/me /quit\n/quit")),
        ("|", "e up home / m e space enter", line("/me /quit\n/quit")),
        // A paste stays one when it is killed and yanked, or taken from the history.
        (
            "|",
            "e ctrl-u ctrl-u ctrl-u ctrl-y enter",
            paste("/quit\n/quit"),
        ),
        ("|", "enter up enter", paste("/quit\n/quit")),
        ("|", "e ctrl-c up enter", paste("/quit\n/quit")),
        // With a single line left it is as good as typed.
        ("|", "e ctrl-u backspace enter", line("/quit")),
        ("|", "e ctrl-u ctrl-u ctrl-u / q enter", line("/q")),
    ] {
        assert_eq!(pasted(before, keys), outcome, "{before:?}, {keys}");
    }
}

#[test]
fn what_does_not_fit_is_refused_whole() {
    let mut editor = editor("|");
    let longest = "x".repeat(MAX_LINE);
    assert_eq!(
        editor.paste(&format!("{longest}y")),
        EditOutcome::Full(MAX_LINE + 1)
    );
    assert_eq!(
        editor.paste(&"a\n".repeat(500_000)),
        EditOutcome::Full(999_999)
    );
    assert_eq!((editor.text(), editor.asking()), ("", None));
    assert_eq!(editor.paste(&format!("{longest}\r\n")), EditOutcome::Done);
    for keys in ["y", "é", "alt-enter"] {
        assert!(
            matches!(press(&mut editor, keys), EditOutcome::Full(_)),
            "{keys}"
        );
        assert_eq!(editor.text(), longest);
    }
    let _ = press(&mut editor, "ctrl-a ctrl-k ctrl-y");
    assert_eq!(
        press(&mut editor, "ctrl-y"),
        EditOutcome::Full(2 * MAX_LINE)
    );
    let _ = press(&mut editor, "backspace backspace backspace space b");
    assert_eq!(press(&mut editor, "tab"), EditOutcome::Full(MAX_LINE + 3));
    assert!(editor.text().ends_with("x b"));
    // A paste that waits is kept, too.
    let _ = press(&mut editor, "ctrl-c");
    let _ = editor.paste("a\nb");
    assert!(matches!(editor.paste(&longest), EditOutcome::Full(_)));
    assert_eq!(editor.asking(), Some(Asking { lines: 2, bytes: 3 }));
}
