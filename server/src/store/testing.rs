//! A store in a temporary directory, and rows for the tests of the store and the journal.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{AccountId, Kind, RoomId};
use tempfile::TempDir;

use super::rooms::Heads;
use super::statement::Statement;
use super::{
    Commit, Durability, LOBBY, NewAccount, NewMessage, Snapshot, SqlLog, Store, StoreError, Tx,
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
pub(super) fn message(sender: AccountId, n: u8, body: &[u8]) -> NewMessage<'_> {
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
