//! What is read outside the chat: around questions, of the strength of passwords, of the terminal.

pub const TITLE: &str = "ChatBox";

pub const QUESTION_KEYS: &str = "Enter: go on   Esc: back";
pub const CHOICE_KEYS: &str = "Up, Down, Enter: choose   Esc: leave";
/// After a key that leaves, and behind it the two choices.
pub const LEAVE: &str = "Leave ChatBox?";
pub const DO_LEAVE: &str = "Leave";
pub const STAY: &str = "Stay";
pub const LEAVE_KEYS: &str = "y: leave   any other key: stay";
pub const BUSY_KEYS: &str = "Esc: wait no longer";
/// Goes before one of the above where the text is longer than the screen.
pub const MORE_KEYS: &str = "PgUp, PgDn: more";

pub const ANSWER_FULL: &str = "That is longer than an answer may be.";

pub const NO_TERMINAL: &str = "standard input and output are no terminal";
/// There is a terminal, but of another session (`setsid`).
pub const NOT_CONTROLLING: &str = "standard input is not the controlling terminal";
pub const TAKEN: &str = "the terminal was taken before";
pub const GONE: &str = "the terminal is gone";

#[must_use]
pub fn busy(what: &str) -> String {
    format!("{what} …")
}

/// By the score of zxcvbn, 0 to 4.
pub const STRENGTHS: [&str; 5] = ["very weak", "weak", "fair", "strong", "very strong"];

/// The warnings of zxcvbn in this program's words (`password_strength`).
pub mod wrong {
    pub const KEY_ROW: &str = "Rows of keys are easy to guess.";
    pub const KEY_PATTERN: &str = "Short patterns on the keyboard are easy to guess.";
    pub const REPEATED_CHARACTER: &str = "The same character again and again is easy to guess.";
    pub const REPEATED_PART: &str = "Repeating a part makes it hardly better than the part.";
    pub const AMONG_FIRST: &str = "This is one of the first that everybody tries.";
    pub const COMMON: &str = "This is in the lists of common passwords.";
    pub const NEARLY_COMMON: &str = "This is close to a common password.";
    pub const SEQUENCE: &str = "Sequences such as abc or 6543 are easy to guess.";
    pub const YEAR: &str = "Recent years are easy to guess.";
    pub const ONE_WORD: &str = "A single word is easy to guess.";
    pub const DATE: &str = "Dates are easy to guess.";
    pub const NAME: &str = "Names are easy to guess.";
}

/// The suggestions of zxcvbn in this program's words (`password_strength`).
pub mod better {
    /// With the next one, for a password that is still empty.
    pub const SOME_WORDS: &str = "Take a few words that do not belong together.";
    pub const NO_SYMBOLS: &str = "Symbols, digits and capitals are not needed.";
    pub const MORE_WORDS: &str = "Add a word or two, better rare ones.";
    pub const CAPITAL: &str = "Capitals help little.";
    pub const ALL_CAPITALS: &str = "Only capitals are as easy to guess as none.";
    pub const REVERSED: &str = "Words written backwards are hardly harder to guess.";
    pub const SUBSTITUTES: &str = "Putting @ for a or 0 for o helps little.";
    pub const LONGER_PATTERN: &str = "Make the pattern longer, with more turns.";
    pub const NO_REPEATS: &str = "Do not repeat words or characters.";
    pub const NO_SEQUENCES: &str = "Avoid sequences.";
    pub const NO_YEARS: &str = "Avoid recent years.";
    pub const NO_OWN_YEARS: &str = "Avoid years that have to do with you.";
    pub const NO_OWN_DATES: &str = "Avoid dates that have to do with you.";
}
