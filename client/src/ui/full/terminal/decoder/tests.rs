use super::*;
use crate::ui::full::keymap::{Stroke, is_text};

const ESCAPE: Duration = Duration::from_millis(50);

/// What is typed, in words; as on the keyboard thread, `expire` is called whenever nothing comes.
struct Keyboard {
    decoder: Decoder,
    now: Instant,
    typed: Vec<Typed>,
}

impl Keyboard {
    fn new() -> Self {
        Self {
            decoder: Decoder::new(ESCAPE),
            now: Instant::now(),
            typed: Vec::new(),
        }
    }

    fn waits(&mut self, milliseconds: u64) {
        self.now += Duration::from_millis(milliseconds);
        self.decoder.expire(self.now, &mut self.typed);
    }

    fn sends(&mut self, bytes: &[u8]) {
        self.decoder.take(bytes, self.now, &mut self.typed);
    }

    fn typed(&mut self) -> Vec<String> {
        let typed = mem::take(&mut self.typed)
            .into_iter()
            .map(|typed| match typed {
                Typed::Paste(text) => format!("paste {text:?}"),
                Typed::Key(key) => match is_text(key) {
                    Some(c) => format!("{c:?}"),
                    None => Stroke::pressed(key)
                        .map_or("of another keyboard".to_owned(), |key| key.to_string()),
                },
            });
        typed.collect()
    }
}

/// All of it at once, and then nothing for long.
fn typed(bytes: &[u8]) -> Vec<String> {
    let mut keyboard = Keyboard::new();
    keyboard.sends(bytes);
    keyboard.waits(10_000);
    keyboard.typed()
}

/// Bytes of terminals, and what they are.
const KEYS: &[(&[u8], &[&str])] = &[
    (b"a", &["'a'"]),
    (b"A", &["'A'"]),
    ("é漢👍".as_bytes(), &["'é'", "'漢'", "'👍'"]),
    (b"\r", &["enter"]),
    (b"\n", &["ctrl-j"]),
    (b"\t", &["tab"]),
    (b"\x7f", &["backspace"]),
    (b"\x08", &["ctrl-h"]),
    (b"\x00", &["ctrl-space"]),
    (b"\x01", &["ctrl-a"]),
    (b"\x1a", &["ctrl-z"]),
    (b"\x1f", &["ctrl-_"]),
    (b"\x1b", &["esc"]),
    (b"\x1b\x1b", &["esc", "esc"]),
    (b"\x1b\x1b\x1b", &["esc", "esc", "esc"]),
    (b"\x1ba", &["alt-a"]),
    (b"\x1bA", &["alt-a"]),
    (b"\x1b1", &["alt-1"]),
    (b"\x1b\r", &["alt-enter"]),
    (b"\x1b\x7f", &["alt-backspace"]),
    (b"\x1b\x08", &["ctrl-alt-h"]),
    ("\x1bé".as_bytes(), &["alt-é"]),
    // Bytes that begin sequences, alone.
    (b"\x1b[", &["alt-["]),
    (b"\x1bO", &["alt-o"]),
    (b"\x1b]", &["alt-]"]),
    (b"\x1bP", &["alt-p"]),
    (b"\x1b_", &["alt-_"]),
    (b"\x1b\x1b[", &["esc", "alt-["]),
    (b"\x1b\x1ba", &["esc", "alt-a"]),
    // xterm, in both of its modes.
    (b"\x1b[A", &["up"]),
    (b"\x1bOA", &["up"]),
    (b"\x1b[D\x1b[C", &["left", "right"]),
    (b"\x1b[H\x1bOF", &["home", "end"]),
    (b"\x1b[1;5D", &["ctrl-left"]),
    (b"\x1b[1;3C", &["alt-right"]),
    (b"\x1b[1;8B", &["ctrl-alt-shift-down"]),
    (b"\x1b[5C", &["ctrl-right"]),
    (b"\x1bO5C", &["ctrl-right"]),
    (b"\x1b[5~", &["pageup"]),
    (b"\x1b[6;2~", &["shift-pagedown"]),
    (b"\x1b[2~\x1b[3~", &["insert", "delete"]),
    (b"\x1b[Z", &["shift-tab"]),
    (b"\x1bOP\x1b[15~\x1b[24~", &["f1", "f5", "f12"]),
    (b"\x1b[1;2P", &["shift-f1"]),
    (b"\x1bOM\x1bOp", &["enter", "'0'"]),
    // rxvt.
    (b"\x1b[7~\x1b[8~", &["home", "end"]),
    (
        b"\x1b[5^\x1b[6$\x1b[5@",
        &["ctrl-pageup", "shift-pagedown", "ctrl-shift-pageup"],
    ),
    (b"\x1b[a\x1bOd", &["shift-up", "ctrl-left"]),
    (b"\x1b\x1b[A", &["alt-up"]),
    // The Linux console.
    (b"\x1b[[A\x1b[[E", &["f1", "f5"]),
    // Keys by number.
    (b"\x1b[97;5u", &["ctrl-a"]),
    (b"\x1b[13;3u", &["alt-enter"]),
    (b"\x1b[27;5;105~", &["tab"]),
    (b"\x1b[97;5:1u\x1b[97;5:3u", &["ctrl-a"]),
    // Pastes.
    (b"\x1b[200~\x1b[201~", &["paste \"\""]),
    (
        b"\x1b[200~one\rtwo\x1b[201~x",
        &["paste \"one\\rtwo\"", "'x'"],
    ),
    (
        b"\x1b[200~\x03\x1b[A\x1b[20\x1b\x1b[201~",
        &["paste \"\\u{3}\\u{1b}[A\\u{1b}[20\\u{1b}\""],
    ),
    ("\x1b[200~é\x1b[201~".as_bytes(), &["paste \"é\""]),
    // Answers, and reports that another program left on.
    (b"\x1b[24;80R", &[]),
    (b"\x1b[?62;22c\x1b[>0;276;0c", &[]),
    (b"\x1b[?2026;2$y", &[]),
    (b"\x1b[4;0;0t", &[]),
    (b"\x1b[I\x1b[O", &[]),
    (b"\x1b[?1u", &[]),
    (b"\x1b[<35;10;10Mx", &["'x'"]),
    (b"\x1b[M !!x", &["'x'"]),
    (b"\x1b]11;rgb:0000/0000/0000\x1b\\x", &["'x'"]),
    (b"\x1b]52;c;c2VjcmV0\x07x", &["'x'"]),
    (b"\x1bP1$r0 q\x1b\\x", &["'x'"]),
    (b"\x1bP>|XTerm(370)\x1b\\", &[]),
    (b"\x1b_Gi=31;OK\x1b\\", &[]),
    (b"\x1b^x\x1b\\\x1bXx\x1b\\", &[]),
    ("\x1b]0;é漢\x1b\\".as_bytes(), &[]),
    // Cut off by what comes next.
    (b"\x1b[12\x1b[A", &["up"]),
    (b"\x1b[12\x03", &["ctrl-c"]),
    (b"\x1bO\x1b[A", &["up"]),
    (b"\x1bO\r", &["enter"]),
    (b"\x1b[[\x1b", &["esc"]),
    (b"\x1b[[\x1b[A", &["up"]),
    (b"\x1b[M\x1b[A", &["up"]),
    (b"\x1b[M !\x03", &["ctrl-c"]),
    (b"\x1b]11;rgb\rx", &["enter", "'x'"]),
    (b"\x1b]11;rgb\x1b[A", &["up"]),
    (b"\xe6\xbca", &["'a'"]),
    // No UTF-8.
    (b"\xff\xc3\x80\x80x\xc0y", &["'À'", "'x'", "'y'"]),
];

#[test]
fn each_key_is_known_however_a_terminal_sends_it() {
    for (bytes, expected) in KEYS {
        assert_eq!(typed(bytes), *expected, "{}", bytes.escape_ascii());
    }
}

#[test]
fn however_slowly_the_bytes_come_they_are_the_same() {
    for (bytes, _) in KEYS {
        let at_once = typed(bytes);
        // Up to the wait, and not beyond it; and all of one speed, or one gap after another.
        for gap in 0..=40 {
            let mut keyboard = Keyboard::new();
            for byte in *bytes {
                keyboard.sends(&[*byte]);
                keyboard.waits(gap);
            }
            keyboard.waits(10_000);
            assert_eq!(keyboard.typed(), at_once, "{} {gap}", bytes.escape_ascii());
        }
        for at in 1..bytes.len() {
            let mut keyboard = Keyboard::new();
            keyboard.sends(&bytes[..at]);
            keyboard.waits(40);
            keyboard.sends(&bytes[at..]);
            keyboard.waits(10_000);
            assert_eq!(keyboard.typed(), at_once, "{} {at}", bytes.escape_ascii());
        }
    }
}

#[test]
fn a_lone_escape_waits_as_long_as_it_is_told_to() {
    let mut keyboard = Keyboard::new();
    keyboard.sends(b"\x1b");
    keyboard.waits(49);
    assert_eq!(keyboard.typed(), [""; 0]);
    keyboard.waits(1);
    assert_eq!(keyboard.typed(), ["esc"]);
    keyboard.sends(b"a");
    assert_eq!(keyboard.typed(), ["'a'"]);
    keyboard.decoder = Decoder::new(Duration::from_secs(2));
    keyboard.sends(b"\x1b");
    keyboard.waits(1_999);
    keyboard.sends(b"\r");
    assert_eq!(keyboard.typed(), ["alt-enter"]);
}

#[test]
fn a_sequence_without_its_end_is_given_up_and_is_no_text() {
    for begun in [
        &b"\x1b[1;"[..],
        b"\x1bO5",
        b"\xe6\xbc",
        b"\x1b[[",
        b"\x1b[M ",
        b"\x1b]11;rgb",
    ] {
        let mut keyboard = Keyboard::new();
        keyboard.sends(begun);
        keyboard.waits(999);
        assert!(keyboard.decoder.deadline().is_some());
        keyboard.waits(1);
        assert!(keyboard.decoder.deadline().is_none());
        keyboard.sends(b"x");
        assert_eq!(keyboard.typed(), ["'x'"], "{}", begun.escape_ascii());
    }
}

#[test]
fn a_paste_waits_for_its_end_and_no_answer_is_longer_than_its_bound() {
    let mut keyboard = Keyboard::new();
    keyboard.sends(b"\x1b[200~one\r");
    keyboard.waits(3_600_000);
    assert!(keyboard.decoder.is_in_paste());
    keyboard.sends(b"two\x1b[201~");
    assert_eq!(keyboard.typed(), ["paste \"one\\rtwo\""]);
    // A paste that is longer than anything takes is kept up to the bound.
    keyboard.sends(b"\x1b[200~");
    keyboard.sends(&vec![b'x'; MAX_PASTE + 7]);
    keyboard.sends(b"\x1b[201~");
    assert_eq!(
        keyboard.typed(),
        [format!("paste {:?}", "x".repeat(MAX_PASTE))]
    );
    // An answer without an end is over with the first silence.
    keyboard.sends(b"\x1b]52;c;");
    keyboard.sends(&vec![b'x'; MAX_ANSWER + 1]);
    keyboard.waits(50);
    keyboard.sends(b"y");
    assert_eq!(keyboard.typed(), ["'y'"]);
    // Parameters beyond theirs are no key.
    keyboard.sends(format!("\u{1b}[{}A", "1".repeat(MAX_PARAMETERS + 9)).as_bytes());
    keyboard.sends(b"z");
    assert_eq!(keyboard.typed(), ["'z'"]);
}

#[test]
fn ctrl_c_alone_after_a_while_ends_a_paste_whose_end_was_lost() {
    let mut keyboard = Keyboard::new();
    keyboard.sends(b"\x1b[200~one\r");
    keyboard.waits(999);
    keyboard.sends(b"\x03");
    keyboard.waits(1_000);
    keyboard.sends(b"\x03\r");
    keyboard.waits(1_000);
    keyboard.sends(b"x");
    assert_eq!(keyboard.typed(), [""; 0]);
    keyboard.waits(1_000);
    keyboard.sends(b"\x03");
    keyboard.sends(b"y");
    assert_eq!(keyboard.typed(), ["ctrl-c", "'y'"]);
}

#[test]
fn whoever_hammers_ctrl_c_leaves_a_paste_whose_end_was_lost() {
    let mut keyboard = Keyboard::new();
    keyboard.sends(b"\x1b[200~one\r");
    for _ in 0..5 {
        keyboard.waits(199);
        // A key that is held may be read several times at once.
        keyboard.sends(b"\x03\x03");
    }
    assert_eq!(keyboard.typed(), [""; 0]);
    keyboard.waits(5);
    keyboard.sends(b"\x03");
    assert_eq!(keyboard.typed(), ["ctrl-c"]);
    keyboard.sends(b"y");
    assert_eq!(keyboard.typed(), ["'y'"]);
}

#[test]
fn no_bytes_keep_anybody_from_the_keys() {
    let mut seed = 1_u32;
    for _ in 0..2_000 {
        let mut keyboard = Keyboard::new();
        let bytes: Vec<u8> = (0..40)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let bytes = b"\x1b\x1b[O]P_^X0123;?$~uMAR\\\x07\x03\xe6\xbc\xff";
                bytes[usize::try_from(seed >> 16).unwrap() % bytes.len()]
            })
            .collect();
        keyboard.sends(&bytes);
        keyboard.waits(1_000);
        // The end of a paste that may have begun.
        keyboard.sends(b"\x1b[201~");
        keyboard.waits(1_000);
        keyboard.typed();
        keyboard.sends(b"x");
        assert_eq!(keyboard.typed(), ["'x'"], "{}", bytes.escape_ascii());
    }
}
