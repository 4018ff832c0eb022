use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;

use super::wrap::{MAX_JOINED, MAX_WIDTH, clusters, cut, draw, width, wrap};
use crate::sanitize;

fn rows(text: &str, first: usize, rest: usize) -> Vec<&str> {
    let rows = wrap(text, first, rest);
    rows.into_iter().map(|row| &text[row]).collect()
}

const CORPUS: &[&str] = &[
    "plain words",
    "e\u{301} decomposed, Việt\u{323}",
    "你好，世界。こんにちは 한국어",
    "👩\u{200d}👩\u{200d}👧 ❤\u{fe0f}\u{200d}🔥 🇫🇷 👍🏽 ☎\u{fe0f} ☎ 1\u{fe0f}\u{20e3}",
    "🧑🏻\u{200d}❤\u{fe0f}\u{200d}💋\u{200d}🧑🏼",
    "क\u{94d}\u{200d}ष स्त्री ক্ষ",
    "می\u{200c}خواهم שלום",
    "\u{17d8} \u{600}1 \u{e000} \u{378}",
    "a\u{fe0f}b\u{fe0e}",
];

#[test]
fn what_is_measured_is_what_is_drawn() {
    for text in CORPUS {
        let text = sanitize::text(text);
        let area = Rect::new(0, 0, 80, 1);
        let (mut ours, mut theirs) = (Buffer::empty(area), Buffer::empty(area));
        let end = draw(&mut ours, (0, 0), &text, 80, Style::new());
        let (their_end, _) = theirs.set_stringn(0, 0, &text, 80, Style::new());
        assert_eq!(ours, theirs, "{text}");
        assert_eq!((usize::from(end), end), (width(&text), their_end), "{text}");
    }
}

#[test]
fn signs_take_the_columns_that_terminals_give_them() {
    for (sign, columns) in [
        ("a", 1),
        ("é", 1),
        ("e\u{301}", 1),
        ("界", 2),
        ("❤", 1),
        ("❤\u{fe0f}", 2),
        ("👩\u{200d}👩\u{200d}👧\u{200d}👦", 2),
        ("👍🏽", 2),
        ("🇫🇷", 2),
        ("ｶﾞ", 2),
        ("한", 2),
        ("\u{301}", 0),
        ("", 0),
        ("\t\u{1b}", 0),
    ] {
        assert_eq!(width(sign), columns, "{sign:?}");
    }
}

#[test]
fn nothing_is_left_out_behind_a_sound_mark() {
    let area = Rect::new(0, 0, 6, 1);
    let (empty, mut drawn) = (Buffer::empty(area), Buffer::empty(area));
    assert_eq!(draw(&mut drawn, (0, 0), "ｶﾞﾊﾟxy", 6, Style::new()), 6);
    let drawn: Vec<_> = empty
        .diff(&drawn)
        .into_iter()
        .map(|(x, _, cell)| (x, cell.symbol()))
        .collect();
    assert_eq!(drawn, [(0, "ｶﾞ"), (2, "ﾊﾟ"), (4, "x"), (5, "y")]);
}

#[test]
fn a_chain_that_no_script_needs_is_taken_apart() {
    for (link, columns) in [("👩\u{200d}", 2), ("\u{1100}", 2), ("क\u{94d}", 1)] {
        let chain = format!("{}x", link.repeat(500));
        assert_eq!(width(&chain), 500 * columns + 1, "{link:?}");
        assert!(clusters(&chain).all(|cluster| cluster.width <= MAX_WIDTH));
        assert!(clusters(&chain).all(|cluster| cluster.text.chars().count() <= MAX_JOINED));
    }
}

#[test]
fn nothing_is_wider_than_its_row_and_nothing_is_lost() {
    for text in CORPUS.iter().copied().chain([
        "one two three  four",
        "see https://example.org/a-b/c?d=e now",
        "\n\n a\n",
        "     ",
    ]) {
        for rest in 2..30 {
            for first in [0, 1, rest / 2, rest] {
                let rows = rows(text, first, rest);
                for (number, row) in rows.iter().enumerate() {
                    let room = if number == 0 { first } else { rest };
                    // A cluster wider than the whole row is cut off by `draw`.
                    let lone = clusters(row).filter(|cluster| cluster.width > 0).count() == 1;
                    assert!(
                        width(row) <= room || lone,
                        "{text:?} {first} {rest}: {row:?}"
                    );
                }
                let black = |text: &str| text.replace([' ', '\n'], "");
                assert_eq!(black(&rows.concat()), black(text), "{first} {rest}");
            }
        }
    }
}

#[test]
fn words_are_kept_whole_where_they_fit() {
    assert_eq!(rows("one two three", 8, 8), ["one two", "three"]);
    assert_eq!(rows("one two three", 3, 9), ["one", "two three"]);
    assert_eq!(rows("three", 3, 9), ["", "three"]);
    assert_eq!(
        rows("ab incomprehensible", 8, 8),
        ["ab incom", "prehensi", "ble"]
    );
    assert_eq!(rows("a\n  b  c\n", 8, 8), ["a", "  b  c", ""]);
    assert_eq!(rows("", 0, 8), [""]);
}

#[test]
fn ideographs_go_on_where_words_would_turn() {
    assert_eq!(rows("ab 你好世界", 8, 8), ["ab 你好", "世界"]);
    assert_eq!(rows("ab 你好世", 6, 8), ["ab 你", "好世"]);
    assert_eq!(rows("ab 한국어", 8, 8), ["ab", "한국어"]);
    assert_eq!(rows("你好", 1, 1), ["你", "好"]);
}

#[test]
fn a_link_begins_its_own_row_and_is_broken_at_the_edge_alone() {
    let link = "https://example.org/a-long/path-to";
    let text = format!("look: {link} there");
    let shown = rows(&text, 20, 20);
    assert_eq!(
        shown,
        ["look:", "https://example.org/", "a-long/path-to there"]
    );
    assert_eq!(rows(&text, 40, 40), [&text[..40], "there"]);
    let text = "(HTTP://EXAMPLE.ORG/1234567)";
    assert_eq!(rows(text, 16, 16), ["(", "HTTP://EXAMPLE.O", "RG/1234567)"]);
    assert_eq!(
        rows(link, 5, 20),
        ["", "https://example.org/", "a-long/path-to"]
    );
    assert_eq!(rows("xhttps://a", 6, 6), ["x", "https:", "//a"]);
    assert_eq!(rows("://", 2, 2), [":/", "/"]);
}

#[test]
fn what_is_too_long_is_cut_and_says_so() {
    assert_eq!(cut("lobby", 5), "lobby");
    assert_eq!(cut("lobby", 4), "lob…");
    assert_eq!(cut("世界", 3), "世…");
    assert_eq!(cut("世界", 2), "…");
    assert_eq!(cut("lobby", 0), "");
}
