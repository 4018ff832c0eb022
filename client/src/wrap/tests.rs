use super::{wrap, wrap_for_any};
use crate::width::{Cluster, clusters};

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
fn nothing_is_wider_than_its_row_and_nothing_is_lost() {
    let wide: fn(&Cluster<'_>) -> usize = |cluster| cluster.width;
    let most: fn(&Cluster<'_>) -> usize = |cluster| cluster.most;
    for text in CORPUS.iter().copied().chain([
        "one two three  four",
        "see https://example.org/a-b/c?d=e now",
        "\n\n a\n",
        "     ",
        "a \u{301}b  \u{20e0}",
    ]) {
        for rest in 3..30 {
            for first in [0, 1, rest / 2, rest] {
                for (rows, measure) in [
                    (wrap(text, first, rest), wide),
                    (wrap_for_any(text, first, rest), most),
                ] {
                    let rows: Vec<&str> = rows.into_iter().map(|row| &text[row]).collect();
                    for (number, row) in rows.iter().enumerate() {
                        let room = if number == 0 { first } else { rest };
                        let used: usize = clusters(row).map(|cluster| measure(&cluster)).sum();
                        assert!(used <= room, "{text:?} {first} {rest}: {row:?}");
                    }
                    let black = |text: &str| text.replace([' ', '\n'], "");
                    assert_eq!(black(&rows.concat()), black(text), "{first} {rest}");
                }
            }
        }
    }
}

#[test]
fn a_mark_on_a_blank_is_not_lost_where_a_row_ends() {
    for text in ["abcd \u{301}", "abcd \u{301}efgh", "abcd  \u{301} efgh"] {
        for columns in 1..12 {
            let shown = rows(text, columns, columns).concat();
            assert!(shown.contains(" \u{301}"), "{text:?} {columns}: {shown:?}");
        }
    }
    assert_eq!(rows("abcd \u{301}efgh", 4, 8), ["abcd", " \u{301}efgh"]);
}

#[test]
fn what_has_no_width_is_not_lost_where_a_row_begins() {
    let chain = "👩\u{200d}".repeat(8);
    let vowels = "\u{1161}".repeat(13);
    for (text, room) in [
        ("abcd \u{301}https://example.org/", 4),
        ("a \u{301}漢", 1),
        (&chain, 1),
        (&format!("{vowels} https://example.org/"), 4),
        (&format!("{vowels}漢"), 1),
    ] {
        let shown = rows(text, room, room).concat().replace(' ', "");
        assert_eq!(shown, text.replace(' ', ""), "{text:?}");
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
