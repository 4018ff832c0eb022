//! What there is of one account, as the operator hands it out.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;

use chatbox_common::testkit::LOBBY;
use chatbox_common::testkit::account::Account;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{id, sending};
use chatbox_common::wire::message::{Access, Action, ClientMessage};
use serde_json::{Value, json};

fn exported(server: &ServerProcess, file: &str) -> Vec<Value> {
    let said = server.operated(&["user", "export", "alice", file]);
    assert_eq!(said, format!("What there is of Alice is in {file}.\n"));
    let path = server.path().join(file);
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let text = fs::read_to_string(path).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn holds_no_secret(server: &ServerProcess, account: &Account) {
    let text = fs::read_to_string(server.path().join("beside.json")).unwrap();
    let verifier: String = server
        .query("SELECT password FROM REGISTERED WHERE id = 1")
        .unwrap();
    let totp = account.totp.base32();
    for secret in [verifier.as_str(), totp.expose(), account.password.as_str()] {
        assert!(!text.contains(secret), "{secret}");
    }
}

#[test]
fn an_export_has_everything_that_is_somebodys_and_nothing_that_is_a_secret() {
    /// More than the server reads in one go.
    const MANY: u64 = 1_200;
    let mut server = ServerProcess::start(UNLIMITED);
    let (account, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    bob.say_in(ops, 1, "bob's own").unwrap();
    let two = alice.direct("Bob").unwrap().room;
    alice.say_in(two, 1, "just between us").unwrap();
    alice.act_in(ops, 2, "waves").unwrap();
    for part in (0..MANY).collect::<Vec<_>>().chunks(100) {
        let said = |n: &u64| {
            sending(
                u32::try_from(1_000 + n).unwrap(),
                id(7, *n),
                &format!("number {n}"),
            )
        };
        alice.say_all(&part.iter().map(said).collect::<Vec<ClientMessage>>());
        for n in part {
            alice.ack(u32::try_from(1_000 + n).unwrap());
        }
    }
    alice.moderate(ops, "Bob", Action::Mute).unwrap();
    alice.ignore("Bob", true).unwrap();

    let beside = exported(&server, "beside.json");
    let of = |all: &[Value], kind: &str| -> Vec<Value> {
        all.iter()
            .filter(|one| one["type"] == kind)
            .cloned()
            .collect()
    };
    let [facts] = &of(&beside, "account")[..] else {
        panic!("one account");
    };
    assert_eq!(
        (&facts["user"], &facts["account"]),
        (&json!("Alice"), &json!(1))
    );
    assert_eq!(facts["sessions"].as_array().unwrap().len(), 1);
    let names = |kind: &str| -> BTreeSet<String> {
        let all = of(&beside, kind).into_iter();
        all.map(|one| one["room"].as_str().unwrap().to_owned())
            .collect()
    };
    let all = ["#lobby", "#ops", "@Alice+Bob"].map(str::to_owned);
    assert_eq!(names("membership"), BTreeSet::from(all.clone()));
    assert_eq!(
        names("room_made"),
        BTreeSet::from(["#ops", "@Alice+Bob"].map(str::to_owned))
    );
    let mute = &of(&beside, "mute")[0];
    assert_eq!(
        (&mute["user"], &mute["by"]),
        (&json!("Bob"), &json!("Alice"))
    );
    assert_eq!(of(&beside, "ignored")[0]["user"], "Bob");
    assert_eq!(of(&beside, "login").len(), 1);
    let messages = of(&beside, "message");
    let texts: BTreeSet<_> = messages
        .iter()
        .map(|one| one["text"].as_str().unwrap())
        .collect();
    assert_eq!(messages.len(), texts.len(), "each once");
    let numbers: Vec<_> = (0..MANY).map(|n| format!("number {n}")).collect();
    let sent = numbers.iter().map(String::as_str);
    assert_eq!(texts, sent.chain(["just between us", "waves"]).collect());
    let waves = messages.iter().find(|one| one["text"] == "waves").unwrap();
    assert_eq!(
        (&waves["kind"], &waves["room"]),
        (&json!("action"), &json!("#ops"))
    );
    let last = messages
        .iter()
        .find(|one| one["text"] == format!("number {}", MANY - 1))
        .unwrap();
    assert_eq!(
        (&last["room"], &last["seq"]),
        (&json!("#lobby"), &json!(MANY))
    );
    bob.say_in(LOBBY, 2, "is nobody else's").unwrap();

    holds_no_secret(&server, &account);
    server.line(
        "info.log",
        &[
            "user_exported by=operator",
            "user=Alice account=1 file=beside.json",
        ],
    );
    let again = server.operated_in_vain(&["user", "export", "alice", "beside.json"]);
    assert!(again.contains("exists already"), "{again}");
    let nobody = server.operated_in_vain(&["user", "export", "nobody", "nobody.json"]);
    assert_eq!(nobody, "chatbox-server: no such user: nobody\n");
    assert!(!server.path().join("nobody.json").exists());
    server.stop();
    let stopped = exported(&server, "stopped.json");
    assert_eq!(stopped[1..], beside[1..], "all but who is online");
    let nobody = server.operated_in_vain(&["user", "export", "nobody", "nobody.json"]);
    assert_eq!(nobody, "chatbox-server: no such user: nobody\n");
}
