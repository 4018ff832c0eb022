use chatbox_common::limits::MAX_TEXT;
use chatbox_common::name::UserName;
use chatbox_common::search::{Query, index_text};
use chatbox_common::wire::message::{AccountId, Kind};
use tempfile::TempDir;

use crate::store::{
    Commit, Durability, LOBBY, NewAccount, NewMessage, Portion, Sought, SqlLog, Store, StoreError,
    Tx,
};

struct Searcher {
    store: Store,
    account: AccountId,
    _directory: TempDir,
}

thread_local! {
    static SEARCHER: std::cell::RefCell<Searcher> = Searcher::new().into();
}

/// A text that is said and searched for.
///
/// Each of its words is one word, whatever is in it the message is found by its words, and there is
/// something to mark.
pub fn search_words(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if text.len() <= MAX_TEXT {
        SEARCHER.with_borrow_mut(|searcher| searcher.find(&text));
    }
}

impl Searcher {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let quiet = SqlLog::new(|_| ());
        let mut store = Store::open(directory.path(), Durability::Normal, quiet).unwrap();
        let alice = UserName::parse("alice").unwrap();
        let account = store.transaction(Commit::Usual, |tx| {
            tx.create_account(&NewAccount {
                user: &alice,
                verifier: "SCRAM-SHA-256$600000:c2FsdA==$a:b",
                recovery: &[],
                created_at: 1,
            })
        });
        Self {
            account: account.unwrap(),
            store,
            _directory: directory,
        }
    }

    fn find(&mut self, text: &str) {
        let query = Query::new(text);
        let places = query.places(text);
        assert_eq!(places.is_empty(), query.is_empty());
        let mut end = 0;
        for place in places {
            assert!(place.start >= end && !text[place.clone()].is_empty());
            end = place.end;
        }
        let words = query.terms();
        for word in words.iter().filter(|word| !word.contains(' ')) {
            assert_eq!(Query::new(word).terms(), [word.as_str()]);
        }
        let mut found = None;
        // Undone, so that the next text has the room for itself.
        let undone: Result<(), StoreError> = self.store.transaction(Commit::Usual, |tx| {
            found = Some(said_and_sought(tx, self.account, text, &query)?);
            Err(StoreError::Missing)
        });
        assert!(matches!(undone, Err(StoreError::Missing)), "{undone:?}");
        // Of a text with more words the end may not be found.
        let is_whole = index_text(text).split(' ').count() < 2_000;
        let expected = Some(usize::from(!words.is_empty()));
        assert!(found == expected || !is_whole, "{found:?}");
    }
}

/// How many messages were found.
fn said_and_sought(
    tx: &Tx<'_>,
    sender: AccountId,
    text: &str,
    words: &Query,
) -> Result<usize, StoreError> {
    let message = NewMessage {
        room: LOBBY,
        sender,
        client_id: [1; 16],
        kind: Kind::Text,
        body: text.as_bytes(),
        time: 1,
    };
    tx.insert_message(1, &message)?;
    tx.index(Portion {
        messages: 9,
        bytes: 2 * MAX_TEXT,
        merged_pages: 8,
    })?;
    let hits = tx.search(Sought {
        words,
        rooms: [(LOBBY, 1)].into(),
        before: None,
        limit: 9,
        max_bytes: 2 * MAX_TEXT,
    })?;
    assert!(!hits.more);
    Ok(hits.messages.len())
}
