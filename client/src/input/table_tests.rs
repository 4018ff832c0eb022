use super::super::command::Target;
use super::*;

fn parsed(line: &str) -> Option<Command> {
    let (name, arguments) = split(line);
    (find(name).unwrap().parse)(arguments).ok()
}

fn ops() -> Target {
    Target::Room("#ops".to_owned())
}

fn member(room: Target, action: MemberAction, reason: &str) -> Command {
    Command::Member {
        room,
        user: "bob".to_owned(),
        action,
        reason: reason.to_owned(),
    }
}

#[test]
fn rooms_are_made_entered_and_left() {
    let text = str::to_owned;
    let create = |topic, invited| Command::Create {
        name: text("#ops"),
        topic: text(topic),
        invited,
    };
    for (line, command) in [
        ("rooms", Command::Rooms),
        ("join #ops", Command::Join(text("#ops"))),
        ("create #ops", create("", false)),
        ("create #ops all of it", create("all of it", false)),
        ("create -invited #ops", create("", true)),
        ("create -invited  #ops  us", create("us", true)),
        ("leave", Command::Leave(Target::Here)),
        ("leave #ops", Command::Leave(ops())),
        ("close", Command::Close(Target::Here)),
        ("close bob", Command::Close(Target::Room(text("@bob")))),
        ("close @bob", Command::Close(Target::Room(text("@bob")))),
        ("close #ops", Command::Close(ops())),
        ("topic", Command::Topic(Target::Here, None)),
        ("topic #ops", Command::Topic(ops(), None)),
        ("topic -", Command::Topic(Target::Here, Some(text("")))),
        ("topic #ops a b", Command::Topic(ops(), Some(text("a b")))),
        ("invite @bob", Command::Invite(Target::Here, text("bob"))),
        ("invite #ops bob", Command::Invite(ops(), text("bob"))),
        ("members", Command::Members(Target::Here)),
        (
            "lock",
            Command::InRoom(Target::Here, RoomOrder::Lock(Some(text("")))),
        ),
        (
            "lock #ops now",
            Command::InRoom(ops(), RoomOrder::Lock(Some(text("now")))),
        ),
        (
            "archive #ops it is over",
            Command::InRoom(ops(), RoomOrder::Archive(Some(text("it is over")))),
        ),
        (
            "unarchive #ops",
            Command::InRoom(ops(), RoomOrder::Archive(None)),
        ),
        ("unlock #ops", Command::InRoom(ops(), RoomOrder::Lock(None))),
        ("dm @bob", Command::Direct(text("bob"), text(""))),
        ("msg bob a  b", Command::Direct(text("bob"), text("a  b"))),
    ] {
        assert_eq!(parsed(line), Some(command), "{line}");
    }
    for line in [
        "rooms all",
        "join",
        "join ops",
        "join #",
        "join #a #b",
        "create",
        "create ops",
        "create -invited",
        "leave ops",
        "close @",
        "close @bob now",
        "close #ops now",
        "invite",
        "invite @",
        "invite a b",
        "members ops",
        "unlock now",
        "archive",
        "archive it is over",
        "unarchive",
        "unarchive #ops now",
        "dm",
        "dm @",
    ] {
        assert_eq!(parsed(line), None, "{line}");
    }
}

#[test]
fn members_are_looked_after() {
    use MemberAction::{Ban, Deop, Kick, Mute, Op, Unban, Unmute};
    let here = || Target::Here;
    for (line, command) in [
        ("kick bob", member(here(), Kick, "")),
        ("kick #ops @bob go away", member(ops(), Kick, "go away")),
        ("ban @bob spam", member(here(), Ban, "spam")),
        ("unban bob", member(here(), Unban, "")),
        ("mute bob", member(here(), Mute(None), "")),
        ("mute bob 90s", member(here(), Mute(Some(90)), "")),
        (
            "mute #ops bob 10m why",
            member(ops(), Mute(Some(600)), "why"),
        ),
        ("mute bob 2h", member(here(), Mute(Some(7_200)), "")),
        ("mute bob 7d", member(here(), Mute(Some(604_800)), "")),
        (
            "mute bob quiet please",
            member(here(), Mute(None), "quiet please"),
        ),
        ("unmute bob", member(here(), Unmute, "")),
        ("op #ops bob", member(ops(), Op, "")),
        ("deop bob", member(here(), Deop, "")),
    ] {
        assert_eq!(parsed(line), Some(command), "{line}");
    }
    for line in [
        "kick",
        "kick #ops",
        "op bob now",
        "unban bob why",
        "mute",
        "deop a b",
    ] {
        assert_eq!(parsed(line), None, "{line}");
    }
}

#[test]
fn people_are_looked_up_and_ignored() {
    let bob = || "bob".to_owned();
    for (line, command) in [
        ("whois bob", Command::Whois(bob())),
        ("whois @bob", Command::Whois(bob())),
        ("ignore", Command::Ignore(None)),
        ("ignore @bob", Command::Ignore(Some(bob()))),
        ("unignore bob", Command::Unignore(bob())),
        ("me waves at @bob", Command::Me("waves at @bob".to_owned())),
        (
            "me waves\nand goes",
            Command::Me("waves\nand goes".to_owned()),
        ),
    ] {
        assert_eq!(parsed(line), Some(command), "{line}");
    }
    for line in [
        "whois",
        "whois @",
        "whois a b",
        "ignore a b",
        "unignore",
        "me",
    ] {
        assert_eq!(parsed(line), None, "{line}");
    }
}
