use std::fs;

use chatbox_common::fuzzing::Choices;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{AccountId, Kind, RoomMode};

use crate::journal::AuditedChat;
use crate::store::{Message, Title, Unlogged};

/// A chat.log as a sudden end, a full disk or a person left it.
///
/// Whole lines stay as they are, half a line goes, each message behind the last one found is added
/// once, and the next start finds nothing missing.
pub fn chat_log(data: &[u8]) {
    let mut choices = Choices::new(data);
    let (mark, rows) = (u64::from(choices.byte()), u64::from(choices.byte()));
    let damaged = choices.rest();
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("chat.log");
    fs::write(&path, damaged).unwrap();

    let (mut chat, _) = AuditedChat::open(directory.path(), mark).unwrap();
    let found = chat.logged();
    let missing = rows.saturating_sub(found);
    let added = chat.catch_up(|after, limit| Ok(database(rows, after, limit)));
    assert_eq!(u64::try_from(added.unwrap()).unwrap(), missing);
    assert!(!chat.is_behind());
    assert_eq!(chat.logged(), found.max(rows));
    drop(chat);

    let whole = damaged.iter().rposition(|byte| *byte == b'\n');
    let whole = &damaged[..whole.map_or(0, |at| at + 1)];
    let content = fs::read(&path).unwrap();
    let lines = String::from_utf8(content.strip_prefix(whole).unwrap().to_vec()).unwrap();
    let mut expected = found..rows;
    for line in lines.lines() {
        let row = expected.next().unwrap() + 1;
        assert!(line.contains(&format!(" message id={row} room=#lobby ")));
    }
    assert_eq!(expected.next(), None);

    let (chat, repairs) = AuditedChat::open(directory.path(), mark).unwrap();
    assert!(repairs.is_empty(), "{repairs:?}");
    assert_eq!(chat.logged(), found.max(rows));
}

/// Answers as a database with so many messages does.
fn database(rows: u64, after: u64, limit: u32) -> Vec<Unlogged> {
    let end = rows.min(after.saturating_add(limit.into()));
    (after.saturating_add(1)..=end).map(stored).collect()
}

fn stored(row: u64) -> Unlogged {
    Unlogged {
        title: Title::Room(RoomName::lobby()),
        mode: RoomMode::Audited,
        message: Message {
            id: row,
            seq: row,
            sender: AccountId(1),
            sender_name: UserName::parse("alice").unwrap(),
            device: 0,
            kind: Kind::Text,
            body: format!("text {row} id=99\nid=98").into_bytes(),
            time: 0,
            epoch: None,
        },
    }
}
