//! The line that is being typed, and what arrives meanwhile.

use std::os::unix::process::ExitStatusExt;

use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::testkit::terminal::client::{SIZE, client_with};
use chatbox_common::testkit::terminal::{CTRL_U, CTRL_Z, Screen, Signal};

use super::*;

/// A person in the lobby, and somebody else there.
fn two(server: &ServerProcess) -> (Screen, ScriptedClient) {
    let (mut alice, client) = server.register("alice");
    client.cut();
    let program = client_with(server, &mut alice, "").args(["--plain"]);
    let alice = Screen::start(program, SIZE);
    alice.sees("you are alice");
    let (_, bob) = server.register("bob");
    alice.sees("bob came");
    (alice, bob)
}

/// The rows around the one that ends so are this.
fn stands_between(screen: &Screen, text: &str, above: &str, below: &str) {
    screen.until_rows(|rows| {
        let at = rows.iter().position(|row| row.trim_end().ends_with(text));
        let row = |at: Option<usize>| at.and_then(|at| rows.get(at)).map(|row| row.trim_end());
        let around = (row(at.map(|at| at - 1)), row(at.map(|at| at + 1)));
        if around == (Some(above), Some(below)) {
            return Ok(());
        }
        Err(format!("{text:?} between {above:?} and {below:?}"))
    });
}

#[test]
fn what_arrives_stands_above_the_line_that_is_being_typed() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut alice, mut bob) = two(&server);
    alice.press("heö");
    alice.sees("heö");
    bob.post(id(1, 1), "first");
    stands_between(&alice, "<bob> first", "heö", "heö");
    alice.press("\u{7f}lo");
    stands_between(&alice, "<bob> first", "heö", "helo");
    // Who is spoken to alone is told by a word and a bell.
    let mark = alice.mark();
    let alone = bob.direct("alice").unwrap().room;
    bob.say_in(alone, 2, "psst").unwrap();
    alice.sees("[direct] @bob <bob> psst");
    alice.wrote(mark, "\u{7}");
    // A line of the program's own is told like that as well.
    alice.press(&format!("{CTRL_U}/nonsense\r"));
    alice.sees("There is no command /nonsense");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    alice.types("/quit");
    assert_eq!(alice.ends().code(), Some(0));
    assert!(server.lines("chat.log").join("\n").contains("hello"));
}

/// Waits until the terminal gives each key as it is pressed, or edits lines itself.
fn gives_keys(screen: &Screen, expected: bool) {
    let both = LocalModes::ICANON | LocalModes::ECHO;
    let wanted = if expected { LocalModes::empty() } else { both };
    let what = format!("keys as they are pressed: {expected}");
    screen.modes_become(&what, |modes| {
        modes & both == wanted && modes.contains(LocalModes::ISIG)
    });
}

#[test]
fn whatever_stops_or_ends_the_chat_gives_the_terminal_back() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut alice, _bob) = two(&server);
    for stop in [CTRL_Z, ""] {
        gives_keys(&alice, true);
        alice.press(stop);
        if stop.is_empty() {
            alice.signal(Signal::TSTP);
        }
        alice.stops();
        gives_keys(&alice, false);
        alice.signal(Signal::CONT);
    }
    gives_keys(&alice, true);
    alice.types("still here");
    alice.sees("<alice> still here");
    alice.press("begun");
    alice.sees("begun");
    alice.signal(Signal::HUP);
    assert_eq!(alice.ends().signal(), Some(Signal::HUP.as_raw()));
    gives_keys(&alice, false);
}

#[test]
fn where_another_program_edits_lines_the_terminal_is_left_to_it() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut alice, client) = server.register("alice");
    client.cut();
    // As Emacs and expect do.
    let program = client_with(&server, &mut alice, "").without_echo();
    let mut alice = Transcript::start(program.args(["--plain"]));
    alice.sees("you are alice");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    assert!(alice.modes().contains(LocalModes::ICANON));
    assert!(!alice.text().contains("\nhello"), "it was echoed");
}

#[test]
fn a_line_begun_for_a_room_that_is_closed_is_not_said_in_another() {
    let server = ServerProcess::start(UNLIMITED);
    let (mut alice, _bob) = two(&server);
    alice.press("/join #inner\rfor the ");
    alice.sees("there is no such room");
    alice.sees("what you type is said nowhere");
    alice.types("inner circle");
    alice.sees("Nothing was sent");
    alice.types("/join #lobby");
    alice.types("hello");
    alice.sees("#lobby <alice> hello");
    assert!(!server.lines("chat.log").join("\n").contains("circle"));
}
