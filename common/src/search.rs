//! What a word is for a search: the server's index is made of these words, a search asks for them,
//! and a client marks them in what was found.
//!
//! A word is a run of letters and digits. Case makes no difference, nor do accents and other marks
//! above and below letters, but for those that make Cyrillic letters of their own; what Unicode
//! calls compatible is the same (NFKC, but for the order of marks). What cannot be seen, such as
//! joiners and selectors, is passed over.
//!
//! Chinese, Japanese, Thai and others write no blanks between words, and Korean hangs endings on
//! them. So each character there (`is_unspaced`) is in the index with the one behind it, and a
//! search for several of them is one for neighbouring pairs, the first of which the index is asked
//! for; what follows in a long one is compared with the text of what was found. Elsewhere words are found whole, and
//! nothing finds a word by its beginning. What is written in other characters is another word:
//! traditional and simplified ones, hiragana and katakana.
//!
//! The threat: texts of peers, which must not make an index or a search dear. Words are cut, and
//! what a text may have of them, and what an index is asked for, is bounded: of a text with more
//! than 2,000 different words, pairs and characters the rest is not found, though it is marked where
//! the text is found by its beginning.

#[cfg(test)]
mod tests;

use std::collections::HashSet;
use std::ops::Range;

use unicode_normalization::char::{
    canonical_combining_class, compose, decompose_compatible, is_combining_mark,
};

use crate::limits::{MAX_SEARCH_WORDS, MAX_TEXT};

/// Longer words are the same if they begin alike.
const MOST_LETTERS: usize = 128;
/// Texts have fewer words and pairs than bytes, but for signs that stand for several letters.
const MOST_TOKENS: usize = MAX_TEXT;
/// Different words, pairs and letters alone that an index has of a text: each is an entry of its own, which
/// whoever waits for the index's writer pays for. A thousand different ideographs have as many; what
/// people write in an alphabet has fewer.
const MOST_WORDS: usize = 2_000;

/// Pairs that the index is asked for, over all words of a search, of which each has one: it reads the places
/// of each in all messages that have them all. Seventeen letters find little else than what begins so.
const MOST_PAIRS: usize = 16;

/// Scripts that are written without blanks between words, and Hangul, in blocks of Unicode's
/// `Blocks.txt`: those of line breaking classes ID, SA, H2, H3 and CJ (UAX #14) that have letters,
/// after compatible characters were replaced.
const UNSPACED: [(char, char); 17] = [
    // Thai, Lao.
    ('\u{e00}', '\u{eff}'),
    // Myanmar.
    ('\u{1000}', '\u{109f}'),
    // Hangul Jamo.
    ('\u{1100}', '\u{11ff}'),
    // Khmer.
    ('\u{1780}', '\u{17ff}'),
    // Tai Le, New Tai Lue.
    ('\u{1950}', '\u{19df}'),
    // Tai Tham.
    ('\u{1a20}', '\u{1aaf}'),
    // CJK radicals.
    ('\u{2e80}', '\u{2fdf}'),
    // CJK iteration mark, zero and numerals.
    ('\u{3005}', '\u{303c}'),
    // Hiragana, Katakana, Bopomofo, Kanbun, strokes.
    ('\u{3040}', '\u{31ff}'),
    // CJK extension A.
    ('\u{3400}', '\u{4dbf}'),
    // CJK, Yi.
    ('\u{4e00}', '\u{a4cf}'),
    // Hangul Jamo extended A.
    ('\u{a960}', '\u{a97f}'),
    // Myanmar extended A and B.
    ('\u{a9e0}', '\u{a9ff}'),
    ('\u{aa60}', '\u{aadf}'),
    // Hangul syllables, Jamo extended B.
    ('\u{ac00}', '\u{d7ff}'),
    // Kana supplements.
    ('\u{1aff0}', '\u{1b16f}'),
    // The planes of ideographs.
    ('\u{20000}', '\u{3fffd}'),
];

fn is_unspaced(c: char) -> bool {
    c >= '\u{e00}'
        && UNSPACED
            .iter()
            .any(|(first, last)| (*first..=*last).contains(&c))
}

/// Joiners, selectors and other characters that take no place; they part nothing.
const fn is_unseen(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200d}' | '\u{2060}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0100}'..='\u{e01ef}'
    )
}

/// Marks without which a letter is the same: accents, vowel points of Hebrew and Arabic, frames.
/// Those of kana and of Indic and Thai letters have other classes.
fn is_dropped(mark: char, letter: char) -> bool {
    let is_frame = matches!(mark, '\u{20d0}'..='\u{20ff}');
    // Short i, yo, yi, short u.
    let is_cyrillic =
        matches!(letter, '\u{400}'..='\u{52f}') && matches!(mark, '\u{306}' | '\u{308}');
    is_frame || !is_cyrillic && matches!(canonical_combining_class(mark), 10..=36 | 200..)
}

/// A run of letters, all of scripts with blanks or all of scripts without.
#[derive(Debug, Default)]
struct Run {
    letters: Vec<char>,
    /// Where each letter stands in the text, in bytes.
    places: Vec<Range<usize>>,
    is_unspaced: bool,
}

impl Run {
    fn add(&mut self, c: char, place: &Range<usize>, take: &mut impl FnMut(&Self)) {
        if is_unseen(c) {
            self.widen(place);
        } else if is_combining_mark(c) {
            // Without a letter before it a mark is none of a word.
            if let Some(letter) = self.letters.last() {
                if is_dropped(c, *letter) {
                    self.widen(place);
                } else if !self.is_composed(c, place) {
                    self.push(c, place);
                }
            }
        } else if !c.is_alphanumeric() {
            self.end(take);
        } else if !self.is_composed(c, place) {
            let is_unspaced = is_unspaced(c);
            if self.is_unspaced != is_unspaced {
                self.end(take);
            }
            self.is_unspaced = is_unspaced;
            self.push(c, place);
        }
    }

    fn push(&mut self, letter: char, place: &Range<usize>) {
        self.letters.push(letter);
        self.places.push(place.clone());
    }

    /// Joins it with the letter before, where both are one.
    fn is_composed(&mut self, c: char, place: &Range<usize>) -> bool {
        let Some(letter) = self.letters.last_mut() else {
            return false;
        };
        let Some(joined) = compose(*letter, c) else {
            return false;
        };
        *letter = joined;
        self.widen(place);
        true
    }

    fn widen(&mut self, place: &Range<usize>) {
        if let Some(last) = self.places.last_mut() {
            last.end = place.end;
        }
    }

    fn end(&mut self, take: &mut impl FnMut(&Self)) {
        if !self.letters.is_empty() {
            take(self);
        }
        self.letters.clear();
        self.places.clear();
    }

    /// What is compared of a word; all of a run without blanks.
    fn compared(&self) -> &[char] {
        let most = if self.is_unspaced {
            usize::MAX
        } else {
            MOST_LETTERS
        };
        self.letters.get(..most).unwrap_or(&self.letters)
    }
}

fn read(text: &str, mut take: impl FnMut(&Run)) {
    let mut run = Run::default();
    for (at, c) in text.char_indices() {
        let place = at..at + c.len_utf8();
        if c.is_ascii() {
            run.add(c.to_ascii_lowercase(), &place, &mut take);
            continue;
        }
        decompose_compatible(c, |part| {
            for lower in part.to_lowercase() {
                // Sigma has another form at the end of a word, and only there.
                let lower = if lower == 'ς' { 'σ' } else { lower };
                run.add(lower, &place, &mut take);
            }
        });
    }
    run.end(&mut take);
}

/// What an index gets of a text.
struct IndexText {
    tokens: String,
    /// Tokens that it may still get.
    left: usize,
    /// The words that it has or will have.
    words: HashSet<Vec<char>>,
    /// The letters within runs without blanks, each once.
    inner: Vec<char>,
    /// Those that stand behind a run already.
    alone: HashSet<char>,
    /// Nothing that comes now is taken, not even words that it has: they would stand beside others than
    /// in the text.
    is_full: bool,
}

impl IndexText {
    /// Whether it may have the word.
    fn knows(&mut self, word: &[char]) -> bool {
        self.words.contains(word)
            || self.words.len() < MOST_WORDS && self.words.insert(word.to_vec())
    }

    fn put(&mut self, word: &[char]) {
        if self.left > 0 {
            self.left -= 1;
            self.tokens.extend(word);
            self.tokens.push(' ');
        }
    }

    fn push(&mut self, word: &[char]) {
        self.is_full = self.is_full || !self.knows(word);
        if !self.is_full {
            self.put(word);
        }
    }

    fn take(&mut self, run: &Run) {
        if !run.is_unspaced {
            return self.push(run.compared());
        }
        for pair in run.letters.windows(2) {
            let letter = pair.get(..1).unwrap_or_default();
            let is_new = !self.words.contains(letter);
            self.is_full = self.is_full || !self.knows(letter);
            if self.is_full {
                return;
            }
            if is_new {
                self.inner.extend(letter);
            }
            self.push(pair);
        }
        if let Some(last) = run.letters.last().filter(|_| !self.is_full) {
            self.push(&[*last]);
            self.alone.insert(*last);
        }
    }
}

/// The words of a text for the index, parted by blanks: a search for neighbours ([`Query::terms`])
/// finds what is written side by side, since behind each run without blanks stands its last
/// character alone. The other characters of such runs stand at the end, each once. What comes behind
/// 2,000 different words, pairs and characters is left out.
#[must_use]
pub fn index_text(text: &str) -> String {
    let mut index = IndexText {
        tokens: String::with_capacity(text.len()),
        left: MOST_TOKENS,
        words: HashSet::new(),
        inner: Vec::new(),
        alone: HashSet::new(),
        is_full: false,
    };
    read(text, |run| index.take(run));
    for letter in std::mem::take(&mut index.inner) {
        if index.alone.insert(letter) {
            index.put(&[letter]);
        }
    }
    let mut tokens = index.tokens;
    tokens.truncate(tokens.trim_end().len());
    tokens
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Word {
    letters: Vec<char>,
    is_unspaced: bool,
}

impl Word {
    const fn pairs(&self) -> usize {
        if self.is_unspaced {
            self.letters.len().saturating_sub(1)
        } else {
            0
        }
    }

    /// Where a run has it, in bytes.
    fn places<'r>(&'r self, run: &'r Run) -> impl Iterator<Item = Range<usize>> + 'r {
        // Of a script with blanks a run is the word, or is not.
        let length = if self.is_unspaced {
            self.letters.len()
        } else {
            run.letters.len()
        };
        let windows = run.letters.windows(length).zip(run.places.windows(length));
        let is_it = |window: &[char]| window.get(..MOST_LETTERS).unwrap_or(window) == self.letters;
        windows
            .filter(move |(window, _)| self.is_unspaced == run.is_unspaced && is_it(window))
            .filter_map(|(_, places)| span(places))
    }
}

/// The words that are searched for, each once.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Query {
    sought: Vec<Word>,
}

impl Query {
    /// Of what was typed. Words after one too many ([`MAX_SEARCH_WORDS`]) are left out, and letters
    /// of a very long one.
    #[must_use]
    pub fn new(typed: &str) -> Self {
        let mut sought = Vec::new();
        read(typed, |run| {
            let letters = run.letters.iter().copied().take(MOST_LETTERS).collect();
            let word = Word {
                letters,
                is_unspaced: run.is_unspaced,
            };
            if sought.len() <= usize::from(MAX_SEARCH_WORDS) && !sought.contains(&word) {
                sought.push(word);
            }
        });
        Self { sought }
    }

    /// How many words there are.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.sought.len()
    }

    /// Whether nothing that was typed is a word.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.sought.is_empty()
    }

    /// Of each word that has pairs.
    fn most_pairs(&self) -> usize {
        let long = self.sought.iter().filter(|word| word.pairs() > 0).count();
        (MOST_PAIRS / long.max(1)).max(1)
    }

    /// Each word as [`index_text`] has it: one, or several that must follow each other there,
    /// parted by blanks. They hold nothing but letters, digits, marks and these blanks.
    #[must_use]
    pub fn terms(&self) -> Vec<String> {
        let most = self.most_pairs();
        let terms = self.sought.iter().map(|word| {
            if word.pairs() > 0 {
                let pairs = word.letters.windows(2).take(most).map(String::from_iter);
                pairs.collect::<Vec<_>>().join(" ")
            } else {
                word.letters.iter().collect()
            }
        });
        terms.collect()
    }

    /// Whether a text that has all [`Query::terms`] may lack the end of a word.
    #[must_use]
    pub fn is_shortened(&self) -> bool {
        let most = self.most_pairs();
        self.sought.iter().any(|word| word.pairs() > most)
    }

    /// Whether a text has all words.
    #[must_use]
    pub fn is_in(&self, text: &str) -> bool {
        let mut missing: Vec<&Word> = self.sought.iter().collect();
        read(text, |run| {
            missing.retain(|word| word.places(run).next().is_none());
        });
        missing.is_empty()
    }

    /// Where a text has these words, in bytes, in ascending order and without overlaps.
    #[must_use]
    pub fn places(&self, text: &str) -> Vec<Range<usize>> {
        let mut places: Vec<Range<usize>> = Vec::new();
        read(text, |run| {
            for word in &self.sought {
                places.extend(word.places(run));
            }
        });
        places.sort_by_key(|place| (place.start, place.end));
        places.dedup_by(|next, kept| {
            let overlaps = next.start < kept.end;
            if overlaps {
                kept.end = kept.end.max(next.end);
            }
            overlaps
        });
        places
    }
}

fn span(places: &[Range<usize>]) -> Option<Range<usize>> {
    Some(places.first()?.start..places.last()?.end)
}
