use std::sync::mpsc::sync_channel;

use ratatui::Terminal;
use ratatui::backend::{Backend, TestBackend};
use ratatui::buffer::Cell;
use ratatui::crossterm::event::KeyModifiers;
use ratatui::layout::Position;
use ratatui::style::Color;

use super::*;
use crate::prompt::MAX_ANSWER;
use crate::qr;

const URI: &str =
    "otpauth://totp/ChatBox:alice?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ChatBox";
const HOST_KEY: &str = "The key of chat.example:7878 is not known yet:\n  \
    SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU\n\
    Is it the one its operator gave you? Type yes to go on: ";
const MENU: [Choice; 3] = [
    Choice {
        key: '1',
        label: "Register",
    },
    Choice {
        key: '2',
        label: "Log in",
    },
    Choice {
        key: 'q',
        label: "Quit",
    },
];

fn key(code: KeyCode) -> Pressed {
    Pressed::Key(KeyEvent::new(code, KeyModifiers::NONE))
}

fn control(letter: char) -> Pressed {
    Pressed::Key(KeyEvent::new(KeyCode::Char(letter), KeyModifiers::CONTROL))
}

fn type_in(dialog: &mut Dialog, text: &str) {
    for character in text.chars() {
        assert_eq!(dialog.press(key(KeyCode::Char(character))), None);
    }
}

fn terminal(columns: u16, lines: u16) -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(columns, lines)).unwrap()
}

fn text(terminal: &Terminal<TestBackend>) -> String {
    let buffer = terminal.backend().buffer();
    let mut text = String::new();
    for row in buffer.area.rows() {
        let line: String = row
            .columns()
            .map(|cell| buffer[cell.as_position()].symbol())
            .collect();
        text += line.trim_end();
        text.push('\n');
    }
    text
}

fn screen(dialog: &mut Dialog, columns: u16, lines: u16) -> String {
    let mut terminal = terminal(columns, lines);
    terminal.draw(|frame| dialog.paint(frame)).unwrap();
    text(&terminal)
}

fn sheet() -> Sheet {
    let codes = "  AAAQ-EAYE-AUDA-OCAJ\n".repeat(10);
    Sheet {
        text: Zeroizing::new(format!(
            "\nThe second factor, for an authenticator app:\n  secret: GEZD GNBV GY3T QOJQ GEZD \
             GNBV GY3T QOJQ\n  link: {URI}\n\nRecovery codes, each good once in place of the \
             app's code:\n{codes}\nNote all of this down now: it is not shown again.\n"
        )),
        invitation: "\nScan this with the app, or type the secret into it:\n".to_owned(),
        picture: qr::render(URI, None, false).unwrap(),
    }
}

fn symbol_at(terminal: &Terminal<TestBackend>, position: Position) -> String {
    terminal.backend().buffer()[position].symbol().to_owned()
}

#[test]
fn a_menu_looks_like_this() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.tell("the name is taken");
    dialog.offer(&MENU);
    let shown = "\
┌ ChatBox ─────────────────────────────┐
│ the name is taken                    │
│                                      │
│  1) Register                         │
│  2) Log in                           │
│  q) Quit                             │
│                                      │
│ Up, Down, Enter: choose   Esc: leave │
└──────────────────────────────────────┘
";
    assert_eq!(screen(&mut dialog, 40, 10), format!("{shown}\n"));
}

#[test]
fn a_choice_is_made_by_its_key_or_by_going_to_it() {
    for (keys, place) in [
        (vec![KeyCode::Char('1')], 0),
        (vec![KeyCode::Char('Q')], 2),
        (vec![KeyCode::Enter], 0),
        (vec![KeyCode::Down, KeyCode::Enter], 1),
        (vec![KeyCode::Up, KeyCode::Enter], 2),
        (vec![KeyCode::End, KeyCode::Down, KeyCode::Enter], 0),
        (vec![KeyCode::Char('x'), KeyCode::Tab, KeyCode::Enter], 1),
    ] {
        let mut dialog = Dialog::new(Palette::Colours);
        dialog.offer(&MENU);
        let outcomes: Vec<_> = keys
            .iter()
            .filter_map(|code| dialog.press(key(*code)))
            .collect();
        let chosen = DialogOutcome::Answer(Answer::Chosen(place));
        assert_eq!(outcomes, [chosen], "{keys:?}");
    }
}

#[test]
fn there_is_a_way_back_from_everything() {
    let fill: [fn(&mut Dialog); 4] = [
        |dialog| dialog.offer(&MENU),
        |dialog| dialog.ask("Name: ", false),
        |dialog| dialog.ask_new_secret("New password: ", &[]),
        |dialog| dialog.wait_for("connecting"),
    ];
    for ask in fill {
        let mut dialog = Dialog::new(Palette::Colours);
        ask(&mut dialog);
        for (pressed, outcome) in [
            (key(KeyCode::Esc), DialogOutcome::Cancelled),
            (control('d'), DialogOutcome::Cancelled),
            (control('c'), DialogOutcome::Interrupted),
            (control('z'), DialogOutcome::Suspend),
            (control('l'), DialogOutcome::Redraw),
            (Pressed::Redraw, DialogOutcome::Redraw),
        ] {
            assert_eq!(dialog.press(pressed), Some(outcome));
        }
    }
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.ask("Name: ", false);
    type_in(&mut dialog, "a");
    assert_eq!(dialog.press(control('d')), None);
}

#[test]
fn a_question_keeps_its_answer_in_sight_whatever_the_size() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.ask(HOST_KEY, false);
    type_in(&mut dialog, "yes");
    let wide = screen(&mut dialog, 80, 24);
    assert!(wide.contains("  SHA256:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU "));
    assert!(wide.contains("Type yes to go on: yes "));
    for (columns, lines) in [(40, 10), (30, 6), (20, 5), (200, 60)] {
        let shown = screen(&mut dialog, columns, lines);
        assert!(shown.contains("yes"), "{shown}");
        assert!(shown.contains("Enter") || columns < 40, "{shown}");
    }
    let small = screen(&mut dialog, 19, 5);
    assert!(small.starts_with("The terminal is too"), "{small}");
}

#[test]
fn every_size_is_drawn_without_a_panic() {
    let mut dialogs: Vec<Dialog> = Vec::new();
    for ask in 0..5 {
        for has_sheet in [false, true] {
            let mut dialog = Dialog::new([Palette::Colours, Palette::NoColours][ask % 2]);
            dialog.say("A sentence that is too long for one line of a terminal.\n日本語\n");
            dialog.tell("A problem.");
            if has_sheet {
                dialog.show(&sheet());
            }
            match ask {
                0 => dialog.offer(&MENU),
                1 => dialog.ask(HOST_KEY, false),
                2 => dialog.ask_new_secret("New password, 8 characters or more: ", &["alice"]),
                3 => dialog.wait_for("connecting to chat.example:7878"),
                _ => dialog.rest(),
            }
            dialog.press(Pressed::Paste(
                "日本語 👩\u{200d}👩\u{200d}👧 e\u{301}".repeat(9),
            ));
            dialogs.push(dialog);
        }
    }
    for dialog in &mut dialogs {
        for columns in (0..40).chain([68, 80, 200]) {
            for lines in (0..15).chain([24, 60]) {
                let mut terminal = terminal(columns, lines);
                dialog.press(key(KeyCode::PageUp));
                terminal.draw(|frame| dialog.paint(frame)).unwrap();
                let cursor = terminal.backend().cursor_position();
                assert!(cursor.x <= columns && cursor.y <= lines);
            }
        }
    }
}

#[test]
fn the_picture_and_the_question_are_in_sight_at_80_by_24() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.ask("Name: ", false);
    type_in(&mut dialog, "alice");
    dialog.press(key(KeyCode::Enter));
    dialog.show(&sheet());
    dialog.ask("Code shown there: ", true);
    type_in(&mut dialog, "123");
    // Sizes that show it beside the conversation, and at its end.
    for (columns, lines) in [(80, 24), (60, 24), (45, 24), (100, 40)] {
        let shown = screen(&mut dialog, columns, lines);
        for line in sheet().picture.lines() {
            assert!(shown.contains(line), "{columns} {lines}: {shown}");
        }
        assert!(shown.contains("Code shown there: •••"), "{shown}");
    }
}

#[test]
fn what_does_not_fit_is_found_by_scrolling_and_no_further() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.show(&sheet());
    dialog.ask("Code shown there: ", true);
    for (columns, lines) in [(80, 24), (60, 24), (40, 8)] {
        let secret = "secret: GEZD";
        assert!(!screen(&mut dialog, columns, lines).contains(secret));
        for _ in 0..50 {
            dialog.press(key(KeyCode::PageUp));
            screen(&mut dialog, columns, lines);
        }
        let top = screen(&mut dialog, columns, lines);
        assert!(top.contains(secret), "{top}");
        assert!(top.contains("Code shown there:"), "{top}");
        dialog.press(key(KeyCode::Down));
        assert_ne!(screen(&mut dialog, columns, lines), top);
        dialog.press(key(KeyCode::Up));
        assert_eq!(screen(&mut dialog, columns, lines), top);
        for _ in 0..50 {
            dialog.press(key(KeyCode::PageDown));
        }
    }
}

#[test]
fn ink_is_light_whatever_colours_the_terminal_has() {
    for palette in [Palette::Colours, Palette::NoColours] {
        let mut dialog = Dialog::new(palette);
        dialog.show(&sheet());
        let mut terminal = terminal(60, 40);
        terminal.draw(|frame| dialog.paint(frame)).unwrap();
        let buffer = terminal.backend().buffer();
        let inked = buffer.content().iter().filter(|cell| cell.symbol() == "█");
        let colours = (Color::White, Color::Black);
        assert!(inked.clone().count() > 100);
        assert!(inked.into_iter().all(|cell| (cell.fg, cell.bg) == colours));
    }
}

#[test]
fn a_new_password_is_measured_and_never_shown() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.ask_new_secret("New password: ", &["alice"]);
    type_in(&mut dialog, "password");
    let weak = screen(&mut dialog, 80, 24);
    assert!(weak.contains("New password: ••••••••  "), "{weak}");
    assert!(weak.contains("[#----] very weak"), "{weak}");
    assert!(
        weak.contains("one of the first that everybody tries"),
        "{weak}"
    );
    dialog.press(control('u'));
    dialog.press(Pressed::Paste("gravel toaster violin\nhedgehog".to_owned()));
    let strong = screen(&mut dialog, 80, 24);
    assert!(strong.contains("[#####] very strong"), "{strong}");
    for shown in [weak, strong, format!("{dialog:?}")] {
        assert!(!shown.contains("gravel"), "{shown}");
    }
    let answer = dialog.press(key(KeyCode::Enter));
    assert!(!format!("{answer:?}").contains("gravel"));
    let typed = SecretString::new("gravel toaster violin".to_owned());
    assert_eq!(answer, Some(DialogOutcome::Answer(Answer::Line(typed))));
    let after = screen(&mut dialog, 80, 24);
    assert!(after.contains("New password: •••••••• "), "{after}");
    assert!(!after.contains(&"•".repeat(9)), "{after}");
}

#[test]
fn what_is_said_and_typed_gives_no_orders_to_the_terminal() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.tell("no\u{1b}[2J\u{202e}");
    dialog.ask("Name: ", false);
    dialog.press(Pressed::Paste("\u{1b}]0;x\u{7}".to_owned()));
    let shown = screen(&mut dialog, 80, 24);
    assert!(shown.contains("no\\u{1b}[2J\\u{202e}"), "{shown}");
    assert!(shown.contains("\\u{1b}]0;x\\u{7}"), "{shown}");
    assert!(!shown.contains('\u{1b}'));
}

#[test]
fn an_answer_that_is_too_long_is_refused_aloud() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.ask("Name: ", false);
    dialog.press(Pressed::Paste("x".repeat(MAX_ANSWER + 1)));
    assert!(screen(&mut dialog, 80, 24).contains(words::ANSWER_FULL));
    type_in(&mut dialog, "y");
    assert!(!screen(&mut dialog, 80, 24).contains(words::ANSWER_FULL));
}

#[test]
fn another_way_begins_with_nothing() {
    let mut dialog = Dialog::new(Palette::Colours);
    dialog.show(&sheet());
    dialog.tell("cancelled");
    dialog.offer(&MENU);
    let shown = screen(&mut dialog, 80, 24);
    assert!(
        shown.contains("cancelled") && !shown.contains('█'),
        "{shown}"
    );
    dialog.press(key(KeyCode::Char('1')));
    assert!(!screen(&mut dialog, 80, 24).contains("cancelled"));
    dialog.say("~");
    dialog.forget();
    assert!(!screen(&mut dialog, 80, 24).contains('~'));
}

fn answered<T>(
    pressed: impl IntoIterator<Item = Pressed>,
    ask: impl FnOnce(&mut PromptLoop<'_, TestBackend>) -> T,
) -> (T, String) {
    let (press, keys) = sync_channel(64);
    for pressed in pressed {
        press.send(pressed).unwrap();
    }
    drop(press);
    let mut terminal = terminal(60, 20);
    let mut dialog = Dialog::new(Palette::Colours);
    let told = ask(&mut PromptLoop {
        terminal: &mut terminal,
        pressed: &keys,
        dialog: &mut dialog,
    });
    (told, text(&terminal))
}

fn typed(line: &str) -> Vec<Pressed> {
    let keys = line.chars().map(|character| key(KeyCode::Char(character)));
    keys.chain([key(KeyCode::Enter)]).collect()
}

#[test]
fn a_conversation_goes_through_the_seat() {
    let mut pressed = typed("2");
    pressed.truncate(1);
    pressed.extend(typed(" bob "));
    pressed.push(Pressed::Knock);
    pressed.push(Pressed::Redraw);
    pressed.extend(typed(" geheim "));
    let ((), shown) = answered(pressed, |prompts| {
        assert_eq!(prompts.choose(&MENU).unwrap(), 1);
        prompts.say("Hello.").unwrap();
        assert_eq!(prompts.ask("Name: ").unwrap(), "bob");
        assert_eq!(
            prompts.ask_secret("Password: ").unwrap().expose(),
            " geheim "
        );
        prompts.tell("it is wrong");
    });
    for line in ["Hello.", "Name: bob", "Password: ••••••••", "it is wrong"] {
        assert!(shown.contains(line), "{shown}");
    }
}

#[test]
fn who_cancels_is_told_from_an_end_that_lasts() {
    let (told, _) = answered([key(KeyCode::Esc), control('c')], |prompts| {
        [prompts.ask("Name: "), prompts.ask("Name: ")]
    });
    assert!(matches!(
        told,
        [Err(PromptError::Cancelled), Err(PromptError::Interrupted)]
    ));
    let (told, _) = answered(
        [Pressed::Interrupt, key(KeyCode::Enter), Pressed::Gone],
        |prompts| [prompts.choose(&MENU), prompts.choose(&MENU)],
    );
    assert!(
        told.iter()
            .all(|told| matches!(told, Err(PromptError::Ended)))
    );
    // A terminal that is gone, or whose threads are.
    for pressed in [vec![Pressed::Gone], Vec::new()] {
        let (told, _) = answered(pressed, |prompts| prompts.ask("Name: "));
        assert!(matches!(told, Err(PromptError::Terminal(_))));
    }
}

#[test]
fn a_task_is_waited_for_and_what_is_typed_meanwhile_goes_nowhere() {
    let (press, keys) = sync_channel(64);
    let mut terminal = terminal(60, 20);
    let mut prompts = PromptLoop {
        terminal: &mut terminal,
        pressed: &keys,
        dialog: &mut Dialog::new(Palette::Colours),
    };
    let typing = press.clone();
    let task = move || {
        for key in typed("early") {
            typing.send(key).unwrap();
        }
    };
    prompts
        .busy(press.clone(), "connecting", Box::new(task))
        .unwrap();
    // It knocks also after a panic, or the caller would wait for ever.
    let task = || std::panic::resume_unwind(Box::new(()));
    prompts
        .busy(press.clone(), "connecting", Box::new(task))
        .unwrap();
    for pressed in typed("late") {
        press.send(pressed).unwrap();
    }
    assert_eq!(prompts.ask("Name: ").unwrap(), "late");
}

#[test]
fn who_does_not_want_to_wait_need_not() {
    for pressed in [key(KeyCode::Esc), control('c')] {
        let (press, keys) = sync_channel(64);
        let (go_on, until) = sync_channel::<()>(1);
        let mut terminal = terminal(60, 20);
        let mut prompts = PromptLoop {
            terminal: &mut terminal,
            pressed: &keys,
            dialog: &mut Dialog::new(Palette::Colours),
        };
        press.send(pressed).unwrap();
        let task = move || until.recv().unwrap();
        let waited = prompts.busy(press, "connecting to chat:7878", Box::new(task));
        assert!(matches!(waited, Err(PromptError::Interrupted)));
        let shown = text(&terminal);
        assert!(shown.contains("connecting to chat:7878 …"), "{shown}");
        go_on.send(()).unwrap();
    }
}

#[test]
fn what_somebody_else_wrote_on_the_screen_is_drawn_over() {
    let (press, keys) = sync_channel(64);
    let mut terminal = terminal(60, 20);
    let mut dialog = Dialog::new(Palette::Colours);
    terminal.draw(|frame| dialog.paint(frame)).unwrap();
    let mut cell = Cell::default();
    cell.set_char('x');
    terminal
        .backend_mut()
        .draw([(3, 0, &cell)].into_iter())
        .unwrap();
    let place = Position::new(3, 0);
    assert_eq!(symbol_at(&terminal, place), "x");
    let mut prompts = PromptLoop {
        terminal: &mut terminal,
        pressed: &keys,
        dialog: &mut dialog,
    };
    press.send(Pressed::Redraw).unwrap();
    press.send(key(KeyCode::Enter)).unwrap();
    prompts.ask("Name: ").unwrap();
    assert_eq!(symbol_at(&terminal, place), " ");
}
