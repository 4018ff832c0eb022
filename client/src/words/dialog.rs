//! What is read outside the chat: questions' surroundings, the strength of passwords, the terminal.

/// The name above every question.
pub const TITLE: &str = "ChatBox";

/// Which keys a question takes.
pub const QUESTION_KEYS: &str = "Enter: go on   Esc: back";
/// Which keys a choice takes.
pub const CHOICE_KEYS: &str = "Up, Down, Enter: choose   Esc: leave";
/// Which keys there are while one waits.
pub const BUSY_KEYS: &str = "Esc: wait no longer";
/// Before one of the above, where not all is to be seen.
pub const MORE_KEYS: &str = "PgUp, PgDn: more";

/// An answer that is longer than the field takes.
pub const ANSWER_FULL: &str = "That is longer than an answer may be.";

/// There is no terminal to take.
pub const NO_TERMINAL: &str = "standard input and output are no terminal";
/// There is one, of another session (`setsid`).
pub const NOT_CONTROLLING: &str = "standard input is not the controlling terminal";
/// The terminal was taken once.
pub const TAKEN: &str = "the terminal was taken before";
/// Nobody sits there any more.
pub const GONE: &str = "the terminal is gone";

/// Something that takes a while.
#[must_use]
pub fn busy(what: &str) -> String {
    format!("{what} …")
}

/// How hard a password is to guess, from the least.
pub const STRENGTHS: [&str; 5] = ["very weak", "weak", "fair", "strong", "very strong"];

/// What is wrong with a password.
pub mod wrong {
    /// `qwertz`.
    pub const KEY_ROW: &str = "Rows of keys are easy to guess.";
    /// `qawsed`.
    pub const KEY_PATTERN: &str = "Short patterns on the keyboard are easy to guess.";
    /// `aaaa`.
    pub const REPEATED_CHARACTER: &str = "The same character again and again is easy to guess.";
    /// `abcabcabc`.
    pub const REPEATED_PART: &str = "Repeating a part makes it hardly better than the part.";
    /// Among the first that are tried.
    pub const AMONG_FIRST: &str = "This is one of the first that everybody tries.";
    /// In every list.
    pub const COMMON: &str = "This is in the lists of common passwords.";
    /// Almost in every list.
    pub const NEARLY_COMMON: &str = "This is close to a common password.";
    /// `abcdef`.
    pub const SEQUENCE: &str = "Sequences such as abc or 6543 are easy to guess.";
    /// `2019`.
    pub const YEAR: &str = "Recent years are easy to guess.";
    /// `mountain`.
    pub const ONE_WORD: &str = "A single word is easy to guess.";
    /// `12.3.1994`.
    pub const DATE: &str = "Dates are easy to guess.";
    /// `miller`.
    pub const NAME: &str = "Names are easy to guess.";
}

/// What would make a password better.
pub mod better {
    /// Nothing was typed yet.
    pub const SOME_WORDS: &str = "Take a few words that do not belong together.";
    /// Nothing was typed yet.
    pub const NO_SYMBOLS: &str = "Symbols, digits and capitals are not needed.";
    /// It is too short.
    pub const MORE_WORDS: &str = "Add a word or two, better rare ones.";
    /// `Mountain`.
    pub const CAPITAL: &str = "Capitals help little.";
    /// `MOUNTAIN`.
    pub const ALL_CAPITALS: &str = "Only capitals are as easy to guess as none.";
    /// `niatnuom`.
    pub const REVERSED: &str = "Words written backwards are hardly harder to guess.";
    /// `m0unt@in`.
    pub const SUBSTITUTES: &str = "Putting @ for a or 0 for o helps little.";
    /// `qwertz`.
    pub const LONGER_PATTERN: &str = "Make the pattern longer, with more turns.";
    /// `abcabc`.
    pub const NO_REPEATS: &str = "Do not repeat words or characters.";
    /// `abcdef`.
    pub const NO_SEQUENCES: &str = "Avoid sequences.";
    /// `2019`.
    pub const NO_YEARS: &str = "Avoid recent years.";
    /// `1994`.
    pub const NO_OWN_YEARS: &str = "Avoid years that have to do with you.";
    /// `12.3.1994`.
    pub const NO_OWN_DATES: &str = "Avoid dates that have to do with you.";
}
