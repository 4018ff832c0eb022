//! Whether a text names somebody: `@alice` anywhere, or `alice:` and `alice,` at its beginning.
//!
//! A name counts when it is the whole of a name: not inside a longer one, whatever the case. Names
//! may end with a dot or a dash, and so may sentences: `@alice.` names alice, since nobody else can
//! be called `alice.` beside her.

pub(super) fn names(text: &str, name: &str) -> bool {
    begins_with(text, name) || holds(text, name)
}

fn begins_with(text: &str, name: &str) -> bool {
    let begin = text.split_at_checked(name.len());
    begin.is_some_and(|(begin, rest)| {
        begin.eq_ignore_ascii_case(name) && rest.starts_with([':', ','])
    })
}

fn holds(text: &str, name: &str) -> bool {
    let mut words = text.split(char::is_whitespace);
    words.any(|word| {
        // A link names nobody, whatever it goes to: `https://git.example/@alice/repo`.
        let before = word.split_once("://").map_or(word, |(before, _)| before);
        word_holds(before, name)
    })
}

fn word_holds(word: &str, name: &str) -> bool {
    let mut before = None;
    let mut rest = word.chars();
    while let Some(c) = rest.next() {
        if c == '@' && !before.is_some_and(belongs) && is_whole(rest.as_str(), name) {
            return true;
        }
        before = Some(c);
    }
    false
}

/// `text` is what stands behind an `@`; dots and dashes at its end may be the sentence's.
fn is_whole(text: &str, name: &str) -> bool {
    let end = text.find(|c| !belongs(c)).unwrap_or(text.len());
    let (found, _) = text.split_at_checked(end).unwrap_or_default();
    let spoken = found.trim_end_matches(['.', '-', '_']);
    found.eq_ignore_ascii_case(name) || spoken.eq_ignore_ascii_case(name)
}

/// Letters of all scripts count, though names are ASCII: they make a longer word of a name.
fn belongs(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_behind_an_at_sign_counts_anywhere() {
        for text in [
            "@alice",
            "hello @alice",
            "hello @ALICE, are you there?",
            "is it (@alice)?",
            "ask @alice: she knows",
            "ask @alice.",
            "ask @alice...",
            "one\n@alice\nthree",
            "@bob @alice",
            "é @alice é",
            "@@alice",
            "@alice's turn",
            "https://git.example/@bob is @alice",
            "bob/@alice",
        ] {
            assert!(names(text, "Alice"), "{text}");
        }
    }

    #[test]
    fn a_bare_name_counts_at_the_beginning_with_a_colon_or_a_comma() {
        for text in ["alice: lunch?", "Alice, lunch?", "alice:"] {
            assert!(names(text, "alice"), "{text}");
        }
        for text in [
            "alice",
            "alice is away",
            "lunch, alice: now",
            " alice: x",
            "alice; x",
        ] {
            assert!(!names(text, "alice"), "{text}");
        }
    }

    #[test]
    fn a_longer_name_is_another_s() {
        for text in [
            "@alice2",
            "@alice-bob",
            "@alice.b",
            "@malice",
            "bob@alice",
            "bob@alice.example",
            "@alicé",
            "é@alice",
            "alice2: hello",
            "@ alice",
            "https://git.example/@alice/repo",
            "see (https://git.example/@alice)",
            "https://alice@git.example/ https://@alice",
            "@",
            "",
        ] {
            assert!(!names(text, "alice"), "{text}");
        }
    }

    #[test]
    fn a_name_that_ends_with_a_sign_is_named_by_it() {
        for name in ["alice.", "a-"] {
            assert!(names(&format!("hello @{name}"), name));
            assert!(names(&format!("{name}: hello"), name));
        }
        assert!(!names("hello @alice", "alice."));
    }
}
