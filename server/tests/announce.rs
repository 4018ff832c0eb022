//! What the operator tells everybody.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::wait::eventually;
use chatbox_common::wire::message::ServerMessage;

const TEXT: &str = "a new disk at six: back in ten minutes";

#[test]
fn everybody_is_told_and_older_clients_by_what_they_know() {
    let mut server = ServerProcess::start("");
    let (_alice, mut alice) = server.register("Alice");
    let (_bob, bob) = server.register("Bob");
    let token = bob.token();
    bob.cut();
    let mut older = server.resume_with(&token, None);
    // Bob's first session is on its way out.
    eventually("two sessions", || {
        let sessions = server.operated(&["sessions", "--json"]);
        (sessions.lines().count() == 2).then_some(())
    });
    let said = server.operated(&["announce", TEXT]);
    assert_eq!(said, "Told in 2 sessions.\n");
    let told = alice.until("an announcement", |message| match message {
        ServerMessage::Announcement(announcement) => Some(announcement.text),
        _ => None,
    });
    assert_eq!(told, TEXT);
    let told = older.until("an error that answers nothing", |message| match message {
        ServerMessage::Error(error) => Some((error.request, error.text)),
        ServerMessage::Announcement(_) => panic!("it does not know of it"),
        _ => None,
    });
    let text = format!("the operator tells everybody: {TEXT}");
    assert_eq!(told, (None, text));
    let line = format!(" text=\"{TEXT}\" gid=");
    server.line("info.log", &["INFO  announced by=operator uid=", &line]);

    for (text, why) in [
        ("", "nothing to tell"),
        ("a\nb", "one line"),
        (&"x".repeat(513), "512"),
    ] {
        let output = server.operate(&["announce", text]);
        assert_eq!(output.status.code(), Some(2));
        let complaint = String::from_utf8(output.stderr).unwrap();
        assert!(complaint.contains(why), "{complaint}");
    }
    server.stop();
    let complaint = server.operated_in_vain(&["announce", TEXT]);
    assert!(complaint.contains("no server is running"), "{complaint}");
}
