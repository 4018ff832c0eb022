//! The tables, and the steps from each schema to the next.
//!
//! `ONLINE` and `REGISTERED` keep the names and the meaning that README.md gives them, for
//! operators who query them. A migration is a list of statements that ends by setting
//! `user_version`; a published one is never changed, a new one is appended.

use std::path::{Path, PathBuf};

use rusqlite::Connection;

use super::copy;
use super::error::StoreError;
use super::meta;
use super::sql::{self, SqlLog};

/// The statements that lead from one schema to the next, each one line, without values.
type Migration = &'static [&'static str];

/// The element at index n leads from schema n to n + 1.
pub(super) const MIGRATIONS: &[Migration] = &[V1, V2, V3];

pub const SCHEMA_VERSION: usize = MIGRATIONS.len();

const V1: Migration = &[
    "CREATE TABLE ONLINE(\
     client_id INTEGER PRIMARY KEY, \
     ip_port TEXT NOT NULL, \
     status TEXT NOT NULL CHECK(status IN ('anonymous', 'online')), \
     user TEXT, \
     CHECK((status = 'online') = (user IS NOT NULL))) STRICT",
    // AUTOINCREMENT: an account's number is never given out again.
    "CREATE TABLE REGISTERED(\
     id INTEGER PRIMARY KEY AUTOINCREMENT, \
     user TEXT NOT NULL UNIQUE COLLATE NOCASE, \
     password TEXT NOT NULL, \
     ip_port TEXT, \
     status TEXT NOT NULL DEFAULT 'ok' CHECK(status IN ('ok', 'ko')), \
     online TEXT NOT NULL DEFAULT 'ko' CHECK(online IN ('ok', 'ko')), \
     skeleton TEXT NOT NULL UNIQUE, \
     totp BLOB, \
     last_step INTEGER NOT NULL DEFAULT 0, \
     failed_codes INTEGER NOT NULL DEFAULT 0, \
     role TEXT NOT NULL DEFAULT 'member' CHECK(role IN ('member', 'admin')), \
     created_at INTEGER NOT NULL, \
     last_login_at INTEGER) STRICT",
    "CREATE TABLE recovery_codes(\
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     hash BLOB NOT NULL CHECK(length(hash) = 32), \
     spent_at INTEGER, \
     PRIMARY KEY(account, hash)) STRICT, WITHOUT ROWID",
    "CREATE TABLE resume_tokens(\
     id BLOB PRIMARY KEY CHECK(length(id) = 16), \
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     family BLOB NOT NULL CHECK(length(family) = 16), \
     hash BLOB NOT NULL CHECK(length(hash) = 32), \
     expires_at INTEGER NOT NULL, \
     state TEXT NOT NULL CHECK(state IN ('newest', 'previous', 'spent'))) STRICT, WITHOUT ROWID",
    "CREATE INDEX resume_tokens_account ON resume_tokens(account)",
    "CREATE INDEX resume_tokens_family ON resume_tokens(family)",
    "CREATE TABLE invitations(\
     hash BLOB PRIMARY KEY CHECK(length(hash) = 32), \
     made_by INTEGER REFERENCES REGISTERED(id), \
     expires_at INTEGER NOT NULL, \
     spent_by INTEGER REFERENCES REGISTERED(id)) STRICT, WITHOUT ROWID",
    "CREATE TABLE rooms(\
     id INTEGER PRIMARY KEY AUTOINCREMENT, \
     name TEXT NOT NULL UNIQUE COLLATE NOCASE, \
     topic TEXT NOT NULL DEFAULT '', \
     mode TEXT NOT NULL CHECK(mode IN ('audited', 'private')), \
     next_seq INTEGER NOT NULL DEFAULT 1, \
     first_seq INTEGER NOT NULL DEFAULT 1, \
     created_at INTEGER NOT NULL, \
     CHECK(1 <= first_seq AND first_seq <= next_seq)) STRICT",
    "CREATE TABLE members(\
     room INTEGER NOT NULL REFERENCES rooms(id), \
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     joined_seq INTEGER NOT NULL, \
     joined_at INTEGER NOT NULL, \
     PRIMARY KEY(room, account)) STRICT, WITHOUT ROWID",
    "CREATE INDEX members_account ON members(account)",
    // AUTOINCREMENT: chat.log names rows by id and knows the highest it holds, so an id must not
    // come back after retention has removed its row.
    "CREATE TABLE messages(\
     id INTEGER PRIMARY KEY AUTOINCREMENT, \
     room INTEGER NOT NULL REFERENCES rooms(id), \
     seq INTEGER NOT NULL CHECK(seq >= 1), \
     sender INTEGER NOT NULL REFERENCES REGISTERED(id), \
     device INTEGER NOT NULL DEFAULT 0, \
     kind INTEGER NOT NULL, \
     body BLOB NOT NULL CHECK(length(body) <= 32768), \
     time INTEGER NOT NULL, \
     epoch INTEGER, \
     client_id BLOB NOT NULL CHECK(length(client_id) = 16), \
     UNIQUE(room, seq), \
     UNIQUE(sender, client_id)) STRICT",
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID",
    concat!(
        "INSERT INTO meta(key, value) VALUES\
         ('history_id', randomblob(16)), \
         ('made_with', '",
        env!("CARGO_PKG_VERSION"),
        "'), \
         ('chat_log_mark', 0), \
         ('iterations', 600000)"
    ),
    "INSERT INTO rooms(name, mode, created_at) \
     VALUES('#lobby', 'audited', unixepoch() * 1000)",
    "PRAGMA user_version = 1",
];

/// Rooms beside the lobby, marks of what members have read, ignored people, the index for searches.
const V2: Migration = &[
    "ALTER TABLE rooms ADD COLUMN access TEXT NOT NULL DEFAULT 'open' \
     CHECK(access IN ('open', 'invited', 'direct'))",
    "ALTER TABLE rooms ADD COLUMN locked TEXT",
    "ALTER TABLE rooms ADD COLUMN created_by INTEGER REFERENCES REGISTERED(id)",
    "CREATE INDEX rooms_created_by ON rooms(created_by)",
    "ALTER TABLE members ADD COLUMN role TEXT NOT NULL DEFAULT 'member' \
     CHECK(role IN ('member', 'moderator', 'owner'))",
    "ALTER TABLE members ADD COLUMN read_seq INTEGER NOT NULL DEFAULT 0",
    // Programs that kept no mark showed every message so far: it counts as read.
    "UPDATE members SET read_seq = (SELECT next_seq - 1 FROM rooms WHERE id = room)",
    "CREATE TABLE room_invitations(\
     room INTEGER NOT NULL REFERENCES rooms(id), \
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_by INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_at INTEGER NOT NULL, \
     PRIMARY KEY(room, account)) STRICT, WITHOUT ROWID",
    "CREATE TABLE bans(\
     room INTEGER NOT NULL REFERENCES rooms(id), \
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_by INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_at INTEGER NOT NULL, \
     reason TEXT NOT NULL, \
     PRIMARY KEY(room, account)) STRICT, WITHOUT ROWID",
    // Kept beside the memberships, so that leaving the room does not end a mute.
    "CREATE TABLE mutes(\
     room INTEGER NOT NULL REFERENCES rooms(id), \
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_by INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_at INTEGER NOT NULL, \
     ends_at INTEGER, \
     reason TEXT NOT NULL, \
     PRIMARY KEY(room, account)) STRICT, WITHOUT ROWID",
    "CREATE TABLE ignores(\
     account INTEGER NOT NULL REFERENCES REGISTERED(id), \
     ignored INTEGER NOT NULL REFERENCES REGISTERED(id), \
     made_at INTEGER NOT NULL, \
     PRIMARY KEY(account, ignored)) STRICT, WITHOUT ROWID",
    // Without the texts, which `messages` has; its rows are written some time after theirs.
    "CREATE VIRTUAL TABLE messages_fts USING fts5(room, body, content='', contentless_delete=1, \
     detail=column, tokenize='unicode61 remove_diacritics 2')",
    // FTS5 merges a lot at once when left to itself, and every writer waits for it: `index` merges
    // in small portions.
    "INSERT INTO messages_fts(messages_fts, rank) VALUES('automerge', 0)",
    "INSERT INTO meta(key, value) VALUES('fts_mark', 0)",
    "PRAGMA user_version = 2",
];

/// Which tokens have expired, who follows whom in a room's list, and how many rooms somebody has made,
/// without looking at all; archived rooms; hidden conversations; what a history has in common with the one that it continues; steps
/// that were spent while the clock ran ahead; an index that knows which words stand side by side.
const V3: Migration = &[
    "CREATE INDEX resume_tokens_expires_at ON resume_tokens(expires_at)",
    // The account's name, which never changes: an index can't be made over two tables.
    "ALTER TABLE members ADD COLUMN user TEXT NOT NULL DEFAULT '' COLLATE NOCASE",
    "UPDATE members SET user = (SELECT user FROM REGISTERED WHERE id = account)",
    "CREATE INDEX members_user ON members(room, user)",
    "ALTER TABLE members ADD COLUMN hidden INTEGER NOT NULL DEFAULT 0 CHECK(hidden IN (0, 1))",
    // Whom one begins a conversation with has it in their list once something is said there.
    "UPDATE members SET hidden = 1 WHERE EXISTS(SELECT 1 FROM rooms r WHERE r.id = room \
     AND r.access = 'direct' AND r.next_seq = 1 AND r.created_by IS NOT account)",
    "DROP INDEX members_account",
    "CREATE INDEX members_account ON members(account, hidden)",
    "ALTER TABLE rooms ADD COLUMN archived TEXT",
    // All that is counted: whoever has begun thousands of conversations may ask for another.
    "DROP INDEX rooms_created_by",
    "CREATE INDEX rooms_created_by ON rooms(created_by, access, archived)",
    "ALTER TABLE rooms ADD COLUMN kept_seq INTEGER",
    "ALTER TABLE REGISTERED ADD COLUMN run_from INTEGER NOT NULL DEFAULT 0",
    "ALTER TABLE REGISTERED ADD COLUMN ahead_from INTEGER",
    "ALTER TABLE REGISTERED ADD COLUMN ahead_to INTEGER",
    "UPDATE REGISTERED SET run_from = last_step",
    // Of words that are the server's own (`chatbox_common::search`) and pass this tokenizer as they
    // are. It is empty, and filled beside the running server, as for a database without an index.
    "DROP TABLE messages_fts",
    "CREATE VIRTUAL TABLE messages_fts USING fts5(room, body, content='', contentless_delete=1, \
     tokenize='ascii')",
    "INSERT INTO messages_fts(messages_fts, rank) VALUES('automerge', 0)",
    "UPDATE meta SET value = 0 WHERE key = 'fts_mark'",
    "PRAGMA user_version = 3",
];

const VERSION: &str = "PRAGMA user_version";

/// The schema the database has; 0 before the first migration.
///
/// # Errors
/// [`StoreError::NewerSchema`] when it is newer than the last of `migrations`; SQLite's errors.
pub(super) fn check(
    connection: &Connection,
    log: &SqlLog,
    migrations: &[Migration],
) -> Result<usize, StoreError> {
    let (entry, found) = sql::pragma(connection, VERSION, |row| row.get::<_, i64>(0));
    log.write(vec![entry]);
    let found = found?.unwrap_or(0);
    match usize::try_from(found) {
        Ok(schema) if schema <= migrations.len() => Ok(schema),
        _ => Err(StoreError::NewerSchema {
            found,
            known: i64::try_from(migrations.len()).unwrap_or(i64::MAX),
        }),
    }
}

/// Brings the database to the newest schema: each step in one transaction, and, unless the database
/// was empty, after a copy of it.
///
/// # Errors
/// Those of [`check`], of the copy and of SQLite; the steps before the failing one are kept.
pub(super) fn migrate(
    connection: &Connection,
    log: &SqlLog,
    directory: &Path,
    migrations: &[Migration],
) -> Result<(), StoreError> {
    let found = check(connection, log, migrations)?;
    let is_empty = sql::read(connection, log, meta::is_empty)?;
    for (index, statements) in migrations.iter().enumerate().skip(found) {
        if !is_empty {
            let backup = backup_name(directory, index + 1);
            copy::copy(connection, log, &backup, |copy| {
                sql::write(copy, log, meta::become_copy)
            })?;
        }
        sql::write(connection, log, |tx| {
            statements
                .iter()
                .try_for_each(|statement| tx.define(statement))
        })?;
    }
    connection.flush_prepared_statement_cache();
    Ok(())
}

/// `backup-before-v2.db`, or the first of `backup-before-v2.1.db`, … that is free: the copy of an
/// earlier attempt is kept, and does not stop this one.
fn backup_name(directory: &Path, schema: usize) -> PathBuf {
    let first = directory.join(format!("backup-before-v{schema}.db"));
    std::iter::once(first.clone())
        .chain((1..100).map(|n| directory.join(format!("backup-before-v{schema}.{n}.db"))))
        .find(|path| !path.exists())
        .unwrap_or(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// With what a copy is parted from, as it is in the first schema.
    const ONE: Migration = &[
        "CREATE TABLE t(x)",
        "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY NOT NULL)",
        "INSERT INTO meta VALUES('history_id', zeroblob(16))",
        "CREATE TABLE resume_tokens(id)",
        "INSERT INTO resume_tokens VALUES(1)",
        "PRAGMA user_version = 1",
    ];
    const TWO: Migration = &[
        "ALTER TABLE t ADD COLUMN y",
        "UPDATE t SET y = x + 1",
        "PRAGMA user_version = 2",
    ];
    const BROKEN: Migration = &[
        "ALTER TABLE t ADD COLUMN z",
        "INSERT INTO missing VALUES(1)",
        "PRAGMA user_version = 3",
    ];

    fn quiet() -> SqlLog {
        SqlLog::new(|_| ())
    }

    fn number(connection: &Connection, query: &str) -> i64 {
        connection.query_row(query, (), |row| row.get(0)).unwrap()
    }

    #[test]
    fn every_migration_ends_by_naming_its_schema() {
        for (index, statements) in MIGRATIONS.iter().enumerate() {
            assert_eq!(
                statements.last().copied(),
                Some(format!("PRAGMA user_version = {}", index + 1)).as_deref()
            );
            assert!(statements.iter().all(|s| !s.contains(['\n', '?'])));
        }
    }

    #[test]
    fn an_empty_database_is_made_without_a_copy() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &quiet(), directory.path(), MIGRATIONS).unwrap();
        assert_eq!(number(&connection, VERSION), 3);
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0);
        assert_eq!(
            number(
                &connection,
                "SELECT count(*) FROM rooms WHERE name = '#lobby' AND mode = 'audited' \
                 AND next_seq = 1 AND first_seq = 1"
            ),
            1
        );
        // FTS5 makes the tables of the search index itself, without STRICT.
        let loose = "SELECT count(*) FROM pragma_table_list \
                     WHERE schema = 'main' AND name NOT LIKE 'sqlite_%' \
                     AND name NOT LIKE 'messages_fts%' AND strict = 0";
        assert_eq!(number(&connection, loose), 0);
    }

    #[test]
    fn an_older_database_is_copied_and_then_migrated() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &quiet(), directory.path(), &[ONE]).unwrap();
        connection
            .execute_batch("INSERT INTO t VALUES(41)")
            .unwrap();

        migrate(&connection, &quiet(), directory.path(), &[ONE, TWO]).unwrap();
        assert_eq!(number(&connection, "SELECT y FROM t"), 42);
        assert_eq!(number(&connection, VERSION), 2);
        let copy = Connection::open(directory.path().join("backup-before-v2.db")).unwrap();
        assert_eq!(number(&copy, VERSION), 1);
        assert_eq!(number(&copy, "SELECT x FROM t"), 41);
        // Who is started from it is another server, in which nobody is logged in.
        let parted = "SELECT (SELECT count(*) FROM resume_tokens) + \
                      (SELECT count(*) FROM meta WHERE value = zeroblob(16))";
        assert_eq!((number(&connection, parted), number(&copy, parted)), (2, 0));
        let mark = "SELECT count(*) FROM meta WHERE key = 'copied'";
        assert_eq!((number(&connection, mark), number(&copy, mark)), (0, 1));

        migrate(&connection, &quiet(), directory.path(), &[ONE, TWO]).unwrap();
        assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    /// A database of schema 2 with these rows in it, in today's schema.
    fn brought_up_to_date(rows: &str) -> Connection {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &quiet(), directory.path(), &MIGRATIONS[..2]).unwrap();
        connection.execute_batch(rows).unwrap();
        migrate(&connection, &quiet(), directory.path(), MIGRATIONS).unwrap();
        connection
    }

    #[test]
    fn memberships_of_schema_2_get_their_accounts_names() {
        let connection = brought_up_to_date(
            "INSERT INTO REGISTERED(user, password, skeleton, created_at) \
             VALUES('bob', 'v', 'bob', 1), ('Alice', 'v', 'alice', 1); \
             INSERT INTO members(room, account, joined_seq, joined_at) \
             VALUES(1, 1, 1, 1), (1, 2, 1, 1)",
        );
        let named = "SELECT count(*) FROM members m JOIN REGISTERED a ON a.id = m.account \
                     WHERE m.user = a.user COLLATE BINARY";
        assert_eq!(number(&connection, named), 2);
        let lines = sql::read(&connection, &quiet(), |snapshot| {
            snapshot.member_lines(super::super::LOBBY, "", 9, 0)
        });
        let users: Vec<_> = lines.unwrap().into_iter().map(|line| line.user).collect();
        let users: Vec<_> = users
            .iter()
            .map(chatbox_common::name::UserName::as_str)
            .collect();
        assert_eq!(users, ["Alice", "bob"]);
    }

    #[test]
    fn an_index_of_schema_2_is_emptied_to_be_made_anew() {
        let connection = brought_up_to_date(
            "INSERT INTO REGISTERED(user, password, skeleton, created_at) \
             VALUES('bob', 'v', 'bob', 1); \
             INSERT INTO messages(id, room, seq, sender, kind, body, time, client_id) \
             VALUES(7, 1, 1, 1, 0, CAST('東京都へ' AS BLOB), 1, randomblob(16)); \
             INSERT INTO messages_fts(rowid, room, body) VALUES(7, 'r1', '東京都へ'); \
             UPDATE meta SET value = 7 WHERE key = 'fts_mark'",
        );
        let indexed = |connection: &Connection, words: &str| {
            let found = format!("SELECT count(*) FROM messages_fts('{words}')");
            number(connection, &found)
        };
        assert_eq!(indexed(&connection, "room : r1"), 0);
        let behind = |snapshot: &sql::Snapshot<'_>| snapshot.is_index_behind();
        assert!(sql::read(&connection, &quiet(), behind).unwrap());
        let portion = super::super::Portion {
            messages: 9,
            bytes: 999,
            merged_pages: 8,
        };
        let more = sql::write(&connection, &quiet(), |tx| tx.index(portion));
        assert!(!more.unwrap());
        assert_eq!(indexed(&connection, "body : \"京都\""), 1);
        assert!(!sql::read(&connection, &quiet(), behind).unwrap());
    }

    #[test]
    fn of_conversations_in_which_nothing_was_said_who_began_them_has_them_alone() {
        let connection = brought_up_to_date(
            "INSERT INTO REGISTERED(user, password, skeleton, created_at) \
             VALUES('a', 'v', 'a', 1), ('b', 'v', 'b', 1); \
             INSERT INTO rooms(id, name, mode, access, next_seq, created_by, created_at) \
             VALUES(7, '@a+b', 'audited', 'direct', 1, 2, 1), \
             (8, '@a+c', 'audited', 'direct', 2, 2, 1), (9, '#o', 'audited', 'open', 1, 2, 1); \
             INSERT INTO members(room, account, joined_seq, joined_at) \
             VALUES(7, 1, 1, 1), (7, 2, 1, 1), (8, 1, 1, 1), (8, 2, 1, 1), (9, 1, 1, 1)",
        );
        assert_eq!(number(&connection, "SELECT sum(hidden) FROM members"), 1);
        let hidden = "SELECT room * 10 + account FROM members WHERE hidden = 1";
        assert_eq!(number(&connection, hidden), 71);
    }

    #[test]
    fn a_migration_that_fails_changes_nothing_and_can_be_tried_again() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        migrate(&connection, &quiet(), directory.path(), &[ONE, TWO]).unwrap();
        for _ in 0..2 {
            migrate(&connection, &quiet(), directory.path(), &[ONE, TWO, BROKEN]).unwrap_err();
            assert_eq!(number(&connection, VERSION), 2);
            assert!(connection.prepare("SELECT z FROM t").is_err());
        }
        assert!(directory.path().join("backup-before-v3.db").exists());
        assert!(directory.path().join("backup-before-v3.1.db").exists());
    }

    #[test]
    fn a_newer_database_is_refused_with_a_sentence() {
        let directory = tempfile::tempdir().unwrap();
        let connection = Connection::open_in_memory().unwrap();
        connection.execute_batch("PRAGMA user_version = 3").unwrap();
        let refusal = migrate(&connection, &quiet(), directory.path(), &[ONE, TWO]).unwrap_err();
        assert!(matches!(
            refusal,
            StoreError::NewerSchema { found: 3, known: 2 }
        ));
        assert!(refusal.to_string().contains("schemas up to 2"));
    }
}
