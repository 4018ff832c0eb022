//! A database that an earlier version wrote is brought to today's schema, and its accounts find
//! what they had.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::id;
use chatbox_common::wire::message::{Access, RoomRole};

const ALICE: &str = "KTRL5MJSFRT2KHSMVSEK2A3DE6ZRTLPT";
const BOB: &str = "YF6JVTGQKXCKM4G3PFUQKYNQS3UUPXH2";

fn account(name: &str, totp: &str) -> Account {
    let totp = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, totp);
    Account {
        name: UserName::parse(name).unwrap(),
        password: "correct horse battery".to_owned(),
        totp: TotpSecret::new(Secret::new(totp.unwrap().try_into().unwrap())),
        recovery: Vec::new(),
        last_step: 0,
    }
}

fn put(fixture: &str, into: &Path) {
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    fs::create_dir_all(into.parent().unwrap()).unwrap();
    fs::copy(from.join(fixture), into).unwrap();
    fs::set_permissions(into, Permissions::from_mode(0o600)).unwrap();
}

fn lay_out(directory: &Path) {
    put("schema-1/chatbox.db", &directory.join("data/chatbox.db"));
    for key in ["name_hash", "salt", "server_identity", "totp_seal"] {
        put(
            &format!("schema-1/{key}"),
            &directory.join("keys").join(key),
        );
    }
}

#[test]
fn a_database_of_the_first_schema_is_copied_brought_up_to_date_and_used() {
    let mut server = ServerProcess::start_prepared(UNLIMITED, lay_out);
    let mut alice = server.log_in(&mut account("Alice", ALICE));
    let mut bob = server.log_in(&mut account("Bob", BOB));

    let rooms = &alice.welcome.as_ref().unwrap().rooms;
    assert_eq!(rooms.len(), 1);
    let lobby = &rooms[0];
    assert_eq!((lobby.room, lobby.head, lobby.read), (LOBBY, 5, 5));
    assert_eq!((lobby.access, lobby.role), (Access::Open, RoomRole::Member));
    let asked = alice.history(Some(0), None, 10);
    let page = alice.page(asked).messages;
    assert_eq!((page.len(), page[3].text.as_str()), (5, "from Bob, 1"));

    // A message sent again is recognised across the migration, and new ones get the next numbers.
    assert_eq!(alice.post(id(1, 3), "from Alice, 3").seq, 3);
    assert_eq!(bob.post(id(2, 3), "from Bob, 3").seq, 6);
    let ops = alice.create("#ops", Access::Open).unwrap();
    assert_eq!(bob.join("#ops").unwrap().room, ops.room);
    for room in [LOBBY, ops.room] {
        let members = bob.members(room).unwrap().into_iter();
        let names: Vec<_> = members.map(|member| member.user).collect();
        assert_eq!(names, ["Alice", "Bob"]);
    }

    let copy = server.path().join("data/backup-before-v2.db");
    let copy = rusqlite::Connection::open(copy).unwrap();
    let number = |query| {
        copy.query_row(query, (), |row| row.get::<_, i64>(0))
            .unwrap()
    };
    assert_eq!(number("PRAGMA user_version"), 1);
    assert_eq!(number("SELECT count(*) FROM messages"), 5);

    server.kill();
    server.restart();
    assert_eq!(server.query("PRAGMA foreign_key_check"), None);
    assert_eq!(server.query("PRAGMA integrity_check").unwrap(), "ok");
}

#[test]
fn its_messages_are_indexed_beside_the_running_server() {
    const MANY: i64 = 1_000;
    let mut server = ServerProcess::start_prepared(UNLIMITED, |directory| {
        lay_out(directory);
        let database = rusqlite::Connection::open(directory.join("data/chatbox.db")).unwrap();
        let said = "WITH RECURSIVE n(seq) AS (SELECT 6 UNION ALL SELECT seq + 1 FROM n \
            WHERE seq < ?1) INSERT INTO messages(room, seq, sender, kind, body, time, client_id) \
            SELECT 1, seq, 1, 0, CAST('word no' || seq || 'が満杯' AS BLOB), seq, randomblob(16) FROM n";
        database.execute(said, [MANY]).unwrap();
        let head = "UPDATE rooms SET next_seq = ?1 + 1";
        database.execute(head, [MANY]).unwrap();
    });
    let mut alice = server.log_in(&mut account("Alice", ALICE));
    alice.post(id(1, 4), "word since");
    assert_eq!(alice.texts_with("since"), ["word since"]);
    assert_eq!(alice.texts_with("from bob 1"), ["from Bob, 1"]);
    for n in [6, 77, 500, MANY] {
        let text = format!("word no{n}が満杯");
        assert_eq!(alice.texts_with(&format!("満杯 no{n}")), [text]);
    }
    server.stop();
    assert_eq!(server.query("PRAGMA integrity_check").unwrap(), "ok");
}
