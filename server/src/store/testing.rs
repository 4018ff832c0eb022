//! A store in a temporary directory, and rows for the tests of the store and the journal.

use std::path::Path;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, Kind, RoomId};
use rusqlite::{Connection, Params, StatementStatus};
use tempfile::TempDir;

use super::rooms::Heads;
use super::statement::Statement;
use super::{
    Commit, DATABASE, Durability, LOBBY, NewAccount, NewMessage, Snapshot, SqlLog, Store,
    StoreError, Tx,
};

pub(super) fn quiet() -> SqlLog {
    SqlLog::new(|_| ())
}

pub(crate) fn store() -> (TempDir, Store) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path(), Durability::Normal, quiet()).unwrap();
    (directory, store)
}

pub(super) fn name(text: &str) -> UserName {
    UserName::parse(text).unwrap()
}

/// An account with two recovery codes, the hashes of 32 times 1 and 32 times 2.
pub(crate) fn account(store: &mut Store, user: &str) -> AccountId {
    store
        .transaction(Commit::Usual, |tx| {
            tx.create_account(&NewAccount {
                user: &name(user),
                verifier: "SCRAM-SHA-256$600000:c2FsdA==$a:b",
                recovery: &[[1; 32], [2; 32]],
                created_at: 1_000,
            })
        })
        .unwrap()
}

/// Steps of SQLite's machine by which the work of two lookups may differ: they take some ten
/// nanoseconds each, and a row that is read or not is more than these.
pub(super) const A_FEW: u32 = 12;

/// How many steps of SQLite's machine a statement takes.
pub(super) fn vm_steps(directory: &Path, statement: Statement, params: impl Params) -> u32 {
    let connection = Connection::open(directory.join(DATABASE)).unwrap();
    let mut prepared = connection.prepare(statement.text()).unwrap();
    let mut rows = prepared.query(params).unwrap();
    while rows.next().unwrap().is_some() {}
    drop(rows);
    let steps = prepared.get_status(StatementStatus::VmStep);
    u32::try_from(steps).unwrap()
}

pub(super) fn heads(snapshot: &Snapshot<'_>, room: RoomId) -> Result<Heads, StoreError> {
    let room = snapshot.room_by_id(room)?;
    room.map(|room| room.heads).ok_or(StoreError::Missing)
}

pub(super) fn room(tx: &Tx<'_>, name: &str, mode: &str) -> RoomId {
    const MAKE: Statement =
        Statement::of_test("INSERT INTO rooms(name, mode, created_at) VALUES(?1, ?2, 9)");
    tx.execute(MAKE, (name, mode)).unwrap();
    RoomId(tx.last_id())
}

/// A message to the lobby whose client id ends in `n`.
pub(crate) fn message(sender: AccountId, n: u8, body: &[u8]) -> NewMessage<'_> {
    let mut client_id = [0; 16];
    client_id[15] = n;
    NewMessage {
        room: LOBBY,
        sender,
        client_id,
        kind: Kind::Action,
        body,
        time: 5_000 + i64::from(n),
    }
}
