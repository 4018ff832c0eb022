use unicode_normalization::char::is_combining_mark;

use crate::charset::Charset;
use crate::sanitize::{self, MAX_MARKS};

/// A text of somebody else's, behind a place in it.
///
/// Nothing that a terminal obeys comes out, nothing is lost but marks of a pile, and what is clean
/// is not cleaned again.
pub fn sanitize(data: &[u8]) {
    let (at, text) = data.split_first().unwrap_or((&0, &[]));
    let text = String::from_utf8_lossy(text);

    let (line, several) = (sanitize::line(&text), sanitize::text(&text));
    for (shown, layout) in [(&line, ""), (&several, "\n\t")] {
        assert_harmless(shown, layout);
        assert_kept(&text, shown);
        assert!(shown.len() <= 6 * text.len() + 3);
    }
    assert_eq!(sanitize::line(&line), line);
    assert_eq!(sanitize::text(&several), several);
    assert_harmless(&sanitize::name(&text), "");

    let (shown, place) = sanitize::text_at(&text, (*at).into());
    let (_, next) = sanitize::text_at(&text, usize::from(*at) + 1);
    assert_eq!(shown, several);
    assert!(shown.is_char_boundary(place) && place <= next);

    let ascii = Charset::Other.shown(&shown);
    assert!(ascii.chars().all(|c| matches!(c, ' '..='~' | '\n' | '\t')));
}

fn assert_harmless(shown: &str, layout: &str) {
    let is_joiner = |c| matches!(c, '\u{200c}' | '\u{200d}');
    let is_shaped = |c: &char| !c.is_ascii() && !sanitize::is_never_bare(*c);
    let characters: Vec<char> = shown.chars().collect();
    for (at, c) in characters.iter().enumerate() {
        let before = at.checked_sub(1).map(|before| &characters[before]);
        let joins = is_joiner(*c)
            && before.is_some_and(is_shaped)
            && characters.get(at + 1).is_some_and(is_shaped);
        let harmless = joins || layout.contains(*c) || !sanitize::is_never_bare(*c);
        assert!(harmless, "{c:?} in {shown:?}");
    }
}

/// Reads `shown` beside the text that it was made of.
fn assert_kept(text: &str, shown: &str) {
    let mut rest = shown;
    let mut marks = 0;
    for c in text.chars() {
        if is_combining_mark(c) {
            marks += 1;
            if marks == 1 {
                let based = rest.strip_prefix('\u{25cc}');
                rest = based.filter(|rest| rest.starts_with(c)).unwrap_or(rest);
            }
            if marks == MAX_MARKS + 1 {
                rest = rest.strip_prefix('…').unwrap();
            }
            if marks > MAX_MARKS {
                continue;
            }
        } else if !matches!(c, '\u{200c}' | '\u{200d}') {
            marks = 0;
        }
        let escaped = format!("\\u{{{:x}}}", u32::from(c));
        let kept = rest.strip_prefix(c).or_else(|| rest.strip_prefix(&escaped));
        rest = kept.unwrap_or_else(|| panic!("{c:?} of {text:?} is lost in {shown:?}"));
    }
    assert_eq!(rest, "");
}
