//! Words of texts and of searches, without an index.

use super::*;

fn terms(typed: &str) -> Vec<String> {
    Query::new(typed).terms()
}

/// What is marked of a text.
fn found<'t>(typed: &str, text: &'t str) -> Vec<&'t str> {
    let places = Query::new(typed).places(text).into_iter();
    places.map(|place| &text[place]).collect()
}

#[test]
fn what_is_between_words_is_dropped_and_case_and_accents_are_the_same() {
    for (text, words) in [
        ("Hello, WORLD!", "hello world"),
        ("Zoë e\u{301}te\u{301} Ça Vấn", "zoe ete ca van"),
        ("a-b \"c\" NEAR(d) body:e* ^f", "a b c near d body e f"),
        ("one one ONE", "one one one"),
        ("a\0b", "a b"),
        ("10.20.30.40:7878", "10 20 30 40 7878"),
        ("Мой НА Ёж и\u{301}", "мой на ёж и"),
        ("ΟΔΌΣ οδός", "οδοσ οδοσ"),
        ("İx Ｆｕｌｌ ﬁne ①", "ix full fine 1"),
        ("שָׁלוֹם مُحَمَّد آب", "שלום محمد اب"),
        ("हिन्दी", "हिन्दी"),
        ("so\u{ad}ft jo\u{200d}in 1\u{fe0f}\u{20e3}", "soft join 1"),
        ("", ""),
        (" \"*^:-()+{}\u{1f600} \u{301}", ""),
    ] {
        assert_eq!(index_text(text), words, "{text:?}");
    }
}

#[test]
fn what_is_written_without_blanks_is_in_the_index_in_pairs_and_alone() {
    for (text, words) in [
        ("東京都", "東京 京都 都 東 京"),
        ("日本disk語", "日本 本 disk 語 日"),
        ("서울에서", "서울 울에 에서 서 울 에"),
        // Decomposed, and of half width.
        ("\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}", "서울 울 서"),
        ("ﾊﾟﾘ か\u{3099}", "パリ リ が パ"),
        ("日，本。々", "日 本 々"),
        ("ที่นี่", "ที ี\u{e48} \u{e48}น นี ี\u{e48} \u{e48} ท ี น"),
        ("ខ្មែរ", "ខ\u{17d2} \u{17d2}ម មែ ែរ រ ខ \u{17d2} ម ែ"),
        ("葛\u{e0100}城", "葛城 城 葛"),
    ] {
        assert_eq!(index_text(text), words, "{text:?}");
    }
    assert_eq!(terms("東京都 disk 語"), ["東京 京都", "disk", "語"]);
    assert_eq!(terms("disk、Disk 東京 東京"), ["disk", "東京"]);
}

/// As FTS5 does it: the tokens of each term side by side. Then as the server does.
fn is_found(typed: &str, text: &str) -> bool {
    let index = format!(" {} ", index_text(text));
    let query = Query::new(typed);
    let mut terms = query.terms().into_iter();
    !query.is_empty()
        && terms.all(|term| index.contains(&format!(" {term} ")))
        && (!query.is_shortened() || query.is_in(text))
}

#[test]
fn a_search_finds_what_is_side_by_side_and_marks_it() {
    for (typed, text, marked) in [
        ("東京", "昨日東京都へ", &["東京"][..]),
        ("京都 東京", "東京都", &["東京都"]),
        ("東京都", "東京、京都", &[]),
        ("東京都", "東京 京都", &[]),
        ("本語", "日本 語", &[]),
        ("語", "日本語、言語学", &["語", "語"]),
        ("disk", "ディスクdiskが", &["disk"]),
        ("ﾃﾞｨｽｸ", "ディスクdisk", &["ディスク"]),
        ("서울", "서울에서", &["서울"]),
        ("นี่", "ที่นี่", &["นี่"]),
        ("uber", "ÜBER über-all", &["ÜBER", "über"]),
        ("dis", "disk", &[]),
        ("ete", "e\u{301}te\u{301}!", &["e\u{301}te\u{301}"]),
        ("のの", "のののの", &["のののの"]),
        ("株式", "㍿", &["㍿"]),
    ] {
        assert_eq!(found(typed, text), marked, "{typed} in {text}");
        assert_eq!(is_found(typed, text), !marked.is_empty(), "{typed}");
    }
    assert_eq!(Query::new("a 東").places("x東a"), [1..4, 4..5]);
    assert!(Query::new("").places("a").is_empty());
}

/// Every text of up to so many of these signs.
fn all_texts(most: usize) -> Vec<String> {
    const SIGNS: [&str; 8] = ["a", "東", "京", "ก", "\u{e48}", "\u{301}", "\u{200d}", "、"];
    let mut texts = vec![String::new()];
    let mut begin = 0;
    for _ in 0..most {
        let end = texts.len();
        for at in begin..end {
            let longer = SIGNS.map(|sign| format!("{}{sign}", texts[at]));
            texts.extend(longer);
        }
        begin = end;
    }
    texts
}

#[test]
fn what_is_found_is_what_is_marked() {
    let texts = all_texts(4);
    assert_eq!(texts.len(), 4_681);
    for typed in all_texts(3) {
        let query = Query::new(&typed);
        assert_eq!(terms(&typed).len(), query.len());
        let word = |word| Query { sought: vec![word] };
        let words: Vec<_> = query.sought.iter().cloned().map(word).collect();
        for text in texts.iter().skip(typed.len() % 5).step_by(5) {
            let is_marked = |word: &Query| !word.places(text).is_empty();
            let are_all = !words.is_empty() && words.iter().all(is_marked);
            assert_eq!(query.is_in(text), words.iter().all(is_marked));
            assert_eq!(is_found(&typed, text), are_all, "{typed:?} in {text:?}");
        }
    }
}

#[test]
fn of_long_words_the_index_is_asked_for_the_beginning_and_the_text_for_the_rest() {
    let long: String = ('一'..).take(30).collect();
    let query = Query::new(&long);
    assert_eq!(query.terms()[0].split(' ').count(), 16);
    let (begin, end) = long.split_at(17 * '一'.len_utf8());
    let text = format!("は{long}が");
    assert!(query.is_shortened() && query.is_in(&text));
    assert_eq!(found(&long, &text), [&long]);
    for other in [
        begin.to_owned(),
        format!("{begin}は{end}"),
        format!("{begin} {end}"),
    ] {
        assert!(index_text(&other).contains(&query.terms()[0]), "{other}");
        assert!(!is_found(&long, &other) && !query.is_in(&other), "{other}");
    }
    assert!(!Query::new(begin).is_shortened());
    // Each word has its part, and one pair at least.
    let two = Query::new(&format!("{begin} {end} disk"));
    let pairs = |query: &Query| -> Vec<usize> {
        let terms = query.terms().into_iter();
        terms.map(|term| term.split(' ').count()).collect()
    };
    assert_eq!(pairs(&two), [8, 8, 1]);
    assert!(two.is_shortened() && two.is_in(&format!("disk {end}、{begin}")));
    let many: Vec<String> = ('一'..).take(16).map(|c| format!("{c}丂七")).collect();
    assert_eq!(pairs(&Query::new(&many.join(" "))), [1; 16]);
}

#[test]
fn of_a_text_two_thousand_different_words_are_in_the_index_and_none_behind_them() {
    let many: String = ('\u{4e00}'..='\u{58a9}').collect();
    assert_eq!(many.len(), 8_190);
    let index = index_text(&many);
    let words: Vec<_> = index.split(' ').collect();
    assert_eq!(
        (words.len(), words.iter().collect::<HashSet<_>>().len()),
        (MOST_WORDS, MOST_WORDS)
    );
    // Nor those that it has already: they would stand beside what they are not beside.
    assert_eq!(index_text(&format!("{many} word 一丁")), index);
    let at = |n: usize| many.chars().nth(n).unwrap();
    let pair = |n| String::from_iter([at(n), at(n + 1)]);
    for (typed, is_in) in [
        (pair(0), true),
        (pair(999), true),
        (at(999).into(), true),
        (pair(1_001), false),
        (at(1_002).into(), false),
    ] {
        assert_eq!(is_found(&typed, &many), is_in, "{typed}");
    }
    // Whatever is said again takes no place.
    for text in ["word ".repeat(1_600), "のは".repeat(1_300)] {
        assert!(is_found("end", &format!("{text} end")));
    }
    let common: String = ('a'..='z')
        .flat_map(|a| ('a'..='z').map(move |b| format!("{a}{b} ")))
        .collect();
    assert!(is_found("end", &format!("{common}{common}end")));
}

#[test]
fn nothing_makes_an_index_or_a_search_dear() {
    let most = |text: &str| {
        let tokens = index_text(text);
        assert!(tokens.len() <= 16 * MAX_TEXT, "{}", tokens.len());
        tokens.split(' ').count()
    };
    let texts = [
        "㌖",
        "ﷺ",
        "的",
        "a ",
        "中 ",
        "ก\u{e48}",
        "\u{301}",
        "x",
        "각",
    ];
    for sign in texts {
        assert!(most(&sign.repeat(MAX_TEXT / sign.len())) <= MOST_TOKENS);
        let typed = sign.repeat(85);
        let terms = terms(&typed);
        assert!(terms.len() <= usize::from(MAX_SEARCH_WORDS) + 1);
        let pairs: usize = terms.iter().map(|term| term.split(' ').count()).sum();
        assert!(pairs <= MOST_PAIRS, "{sign}");
    }
    let long = "x".repeat(MOST_LETTERS);
    assert_eq!(index_text(&format!("{long}y z")), format!("{long} z"));
    assert_eq!(found(&format!("{long}1"), &format!("{long}2")).len(), 1);
}

#[test]
fn every_character_of_a_word_is_found_and_no_place_cuts_one() {
    // Ideographs of other planes differ in nothing.
    let all = (0..0x2_0000).chain(0x2_f800..0x2_fa20);
    for c in all.chain(0xe_0000..0xe_0200).filter_map(char::from_u32) {
        let (typed, text) = (c.to_string(), format!("x{c}y \u{301}{c}"));
        let words = terms(&typed);
        assert_eq!(is_found(&typed, &text), !words.is_empty(), "{c:?}");
        let again: Vec<_> = words
            .iter()
            .flat_map(|word| terms(&word.replace(' ', "")))
            .collect();
        let places = Query::new(&typed).places(&text);
        assert_eq!(places.is_empty(), words.is_empty(), "{c:?}");
        assert!(places.iter().all(|place| text.get(place.clone()).is_some()));
        if words.iter().all(|word| !word.contains(' ')) {
            assert_eq!(again, words, "{c:?}");
        }
    }
}
