//! What is a word: FTS5 itself is asked, since only it knows how it takes a text apart.
//!
//! The index can't be searched for phrases. So each word of a search must be one word for the index
//! as well, whatever was typed, and a rule of our own would differ from FTS5's in some script.

use rusqlite::Connection;

use super::error::StoreError;
use super::sql::{self, SqlLog};
use super::statement::statements;

statements! {
    const TABLE = "CREATE VIRTUAL TABLE typed USING fts5(text, content='', \
        tokenize='unicode61 remove_diacritics 2')";
    const WORDS = "CREATE VIRTUAL TABLE words USING fts5vocab(typed, row)";
    const TYPE = "INSERT INTO typed(rowid, text) VALUES(1, ?1)";
    const READ = "SELECT term FROM words LIMIT ?1";
    const FORGET = "INSERT INTO typed(typed) VALUES('delete-all')";
}

/// A table in memory with the tokenizer of the index. Used by one thread at a time.
pub struct Words {
    connection: Connection,
    log: SqlLog,
}

impl Words {
    /// # Errors
    /// SQLite's.
    pub fn new() -> Result<Self, StoreError> {
        let connection = Connection::open_in_memory()?;
        connection.set_prepared_statement_cache_capacity(STATEMENTS.len() + sql::STATEMENTS.len());
        // Not reported to sql.log: it is not the server's database.
        let log = SqlLog::new(|_| ());
        sql::write(&connection, &log, |tx| {
            tx.execute(TABLE, ())?;
            tx.execute(WORDS, ())
        })?;
        Ok(Self { connection, log })
    }

    /// The words of a text as the index has them, each once, at most `most`.
    ///
    /// # Errors
    /// SQLite's.
    pub fn of(&self, text: &str, most: u32) -> Result<Vec<String>, StoreError> {
        sql::write(&self.connection, &self.log, |tx| {
            tx.execute(TYPE, [text])?;
            let words = tx.all(READ, [most], |row| row.get(0))?;
            tx.execute(FORGET, ())?;
            Ok(words)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::schema::MIGRATIONS;
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Words::new().unwrap().of(text, 99).unwrap()
    }

    #[test]
    fn words_are_taken_apart_as_the_index_takes_them() {
        let rule = |statement: &str| {
            let rule = statement.split_once("tokenize=").unwrap().1;
            rule.trim_end_matches(')').to_owned()
        };
        let mut statements = MIGRATIONS.iter().copied().flatten();
        let index = statements.find(|s| s.contains("VIRTUAL TABLE messages_fts"));
        assert_eq!(rule(TABLE.text()), rule(index.unwrap()));
    }

    #[test]
    fn what_is_between_words_is_dropped_and_case_and_accents_are_the_same() {
        for (text, expected) in [
            ("Hello, WORLD!", &["hello", "world"][..]),
            ("Zoë e\u{301}te\u{301}", &["ete", "zoe"]),
            (
                "a-b \"c\" NEAR(d) body:e* ^f",
                &["a", "b", "body", "c", "d", "e", "f", "near"],
            ),
            ("one one ONE", &["one"]),
            ("a\0b", &["a", "b"]),
            ("10.20.30.40:7878", &["10", "20", "30", "40", "7878"]),
            ("日本語 на русском", &["на", "русском", "日本語"]),
            ("", &[]),
            (" \"*^:-()+{}\u{1f600}", &[]),
        ] {
            assert_eq!(words(text), expected, "{text:?}");
        }
        assert_eq!(Words::new().unwrap().of("a b c d", 3).unwrap().len(), 3);
    }

    #[test]
    fn what_was_asked_before_leaves_nothing_behind() {
        let words = Words::new().unwrap();
        for text in ["one two", "three", ""] {
            let found = words.of(text, 9).unwrap().len();
            assert_eq!(found, text.split_whitespace().count());
        }
    }
}
