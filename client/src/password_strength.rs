//! How hard a password is to guess, by the patterns that guessers know (zxcvbn).
//!
//! The threat: SCRAM is no PAKE. The server's operator, or a fake server that a person logged in
//! to, can try passwords offline, as fast as they can compute. Knows nothing of the rules for
//! passwords and asks nobody; keeps nothing of the password and never prints it.

use zxcvbn::feedback::{Feedback, Suggestion, Warning};
use zxcvbn::zxcvbn;

use crate::words::dialog::{STRENGTHS, better, wrong};

/// Characters that are judged: the time grows faster than the length, and a password that is weak
/// up to here is weak.
const MAX_JUDGED: usize = 100;

/// From this score on, guessing offline takes long enough (10^8 guesses, each of 600,000 rounds).
const ENOUGH: u8 = 3;

/// Guessers try it first.
const OWN_NAME: &str = "chatbox";

/// Holds nothing of the password itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Strength {
    /// From 0, the weakest, to 4.
    pub score: u8,
    /// The score in words.
    pub label: &'static str,
    /// What would make it better; `None` where it is good enough.
    pub hint: Option<String>,
    /// The score is [`ENOUGH`] or more.
    pub is_enough: bool,
}

/// `about` are words that make the password easier to guess, such as its owner's name.
#[must_use]
pub fn judge(password: &str, about: &[&str]) -> Strength {
    let end = password.char_indices().nth(MAX_JUDGED);
    let judged = end.map_or(password, |(end, _)| password.get(..end).unwrap_or(password));
    let mut known = vec![OWN_NAME];
    known.extend(about);
    // The crate's result and working memory hold copies of the password and its parts, which are
    // freed here but can't be wiped.
    let found = zxcvbn(judged, &known);
    let score = u8::from(found.score());
    let is_enough = score >= ENOUGH;
    let hint = found.feedback().map(sentence).filter(|_| !is_enough);
    Strength {
        score,
        label: STRENGTHS
            .get(usize::from(score))
            .copied()
            .unwrap_or_default(),
        hint,
        is_enough,
    }
}

/// Two sentences at most: the screen has one line or two for them.
fn sentence(feedback: &Feedback) -> String {
    let suggestions = feedback.suggestions().iter().copied().map(suggested);
    let sentences: Vec<_> = feedback
        .warning()
        .map(warned)
        .into_iter()
        .chain(suggestions)
        .take(2)
        .collect();
    sentences.join(" ")
}

const fn warned(warning: Warning) -> &'static str {
    match warning {
        Warning::StraightRowsOfKeysAreEasyToGuess => wrong::KEY_ROW,
        Warning::ShortKeyboardPatternsAreEasyToGuess => wrong::KEY_PATTERN,
        Warning::RepeatsLikeAaaAreEasyToGuess => wrong::REPEATED_CHARACTER,
        Warning::RepeatsLikeAbcAbcAreOnlySlightlyHarderToGuess => wrong::REPEATED_PART,
        Warning::ThisIsATop10Password | Warning::ThisIsATop100Password => wrong::AMONG_FIRST,
        Warning::ThisIsACommonPassword => wrong::COMMON,
        Warning::ThisIsSimilarToACommonlyUsedPassword => wrong::NEARLY_COMMON,
        Warning::SequencesLikeAbcAreEasyToGuess => wrong::SEQUENCE,
        Warning::RecentYearsAreEasyToGuess => wrong::YEAR,
        Warning::AWordByItselfIsEasyToGuess => wrong::ONE_WORD,
        Warning::DatesAreOftenEasyToGuess => wrong::DATE,
        Warning::NamesAndSurnamesByThemselvesAreEasyToGuess
        | Warning::CommonNamesAndSurnamesAreEasyToGuess => wrong::NAME,
    }
}

const fn suggested(suggestion: Suggestion) -> &'static str {
    match suggestion {
        Suggestion::UseAFewWordsAvoidCommonPhrases => better::SOME_WORDS,
        Suggestion::NoNeedForSymbolsDigitsOrUppercaseLetters => better::NO_SYMBOLS,
        Suggestion::AddAnotherWordOrTwo => better::MORE_WORDS,
        Suggestion::CapitalizationDoesntHelpVeryMuch => better::CAPITAL,
        Suggestion::AllUppercaseIsAlmostAsEasyToGuessAsAllLowercase => better::ALL_CAPITALS,
        Suggestion::ReversedWordsArentMuchHarderToGuess => better::REVERSED,
        Suggestion::PredictableSubstitutionsDontHelpVeryMuch => better::SUBSTITUTES,
        Suggestion::UseALongerKeyboardPatternWithMoreTurns => better::LONGER_PATTERN,
        Suggestion::AvoidRepeatedWordsAndCharacters => better::NO_REPEATS,
        Suggestion::AvoidSequences => better::NO_SEQUENCES,
        Suggestion::AvoidRecentYears => better::NO_YEARS,
        Suggestion::AvoidYearsThatAreAssociatedWithYou => better::NO_OWN_YEARS,
        Suggestion::AvoidDatesAndYearsThatAreAssociatedWithYou => better::NO_OWN_DATES,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_everybody_tries_is_very_weak_and_the_reason_is_said() {
        for password in ["", "password", "12345678", "qwertyui", "aaaaaaaa"] {
            let strength = judge(password, &[]);
            assert_eq!(
                (strength.score, strength.label, strength.is_enough),
                (0, "very weak", false),
                "{password}"
            );
            assert!(strength.hint.is_some_and(|hint| hint.ends_with('.')));
        }
        let hint = judge("password", &[]).hint.unwrap();
        assert_eq!(
            hint,
            format!("{} {}", wrong::AMONG_FIRST, better::MORE_WORDS)
        );
    }

    #[test]
    fn words_that_do_not_belong_together_are_enough_and_need_no_hint() {
        let strength = judge("gravel toaster violin hedgehog", &[]);
        assert_eq!((strength.score, strength.label), (4, "very strong"));
        assert!(strength.is_enough);
        assert_eq!(strength.hint, None);
    }

    #[test]
    fn the_owner_s_name_and_ours_make_it_easier() {
        let about = ["zugspitzenkind"];
        let [other, own] = [&[][..], &about].map(|about| judge("zugspitzenkind77", about).score);
        assert!(own < other, "{own} {other}");
        assert!(!judge("chatbox77", &[]).is_enough);
    }

    #[test]
    fn only_the_beginning_of_a_long_password_is_judged() {
        let long = "é".repeat(MAX_JUDGED);
        let longer = format!("{long} gravel toaster violin hedgehog");
        assert_eq!(judge(&long, &[]), judge(&longer, &[]));
        // Its worst case: every character may stand for another one.
        let _ = judge(&"4@8({[<3690|1!$5+7%2".repeat(200), &[]);
    }

    #[test]
    fn nothing_of_the_password_is_in_what_is_said() {
        for password in ["Mountain", "miller1994", "abcabcabc", "m0unt@in", "zqxj"] {
            let shown = format!("{:?}", judge(password, &["miller"]));
            assert!(!shown.contains(password), "{shown}");
        }
    }
}
