use chatbox_common::wire::message::FactorPart;

use super::command::{DEFAULT_HISTORY, MAX_HISTORY};
use super::*;

fn problem(typed: &str) -> String {
    match parse(typed) {
        Input::Problem(sentence) => sentence,
        other => panic!("{typed:?} became {other:?}"),
    }
}

#[test]
fn every_command_of_the_table_is_obeyed_and_in_the_help() {
    let all = help(None);
    for row in TABLE {
        match parse(&format!("/{}", row.name)) {
            Input::Command(_) => {}
            // It needs more than its name, and says what.
            other => assert_eq!(
                other,
                Input::Problem(format!("Usage: {}: {}", usage(row), row.help))
            ),
        }
        for shown in [&all, &help(Some(row.name))] {
            assert!(shown.contains(&usage(row)) && shown.contains(row.help));
        }
        assert_eq!(help(Some(row.name)).lines().count(), 1);
    }
    assert_eq!(all.lines().count(), TABLE.len() + 1);
}

fn history(count: u16, before: Option<&str>) -> Command {
    let before = before.map(|time| When::parse(time).unwrap());
    Command::History { count, before }
}

#[test]
fn commands_take_their_arguments() {
    for (typed, command) in [
        ("/help", Command::Help(None)),
        ("/help history", Command::Help(Some("history"))),
        ("/help /QUIT", Command::Help(Some("quit"))),
        ("/list", Command::List),
        ("/List \t", Command::List),
        ("/info\r\n", Command::Info),
        ("/history", history(DEFAULT_HISTORY, None)),
        ("/history  1", history(1, None)),
        ("/history 1000", history(MAX_HISTORY, None)),
        ("/history before 2h", history(DEFAULT_HISTORY, Some("2h"))),
        ("/history 5 before 14:30", history(5, Some("14:30"))),
        (
            "/history  5  before  2026-11-22  14:30:05",
            history(5, Some("2026-11-22 14:30:05")),
        ),
        ("/search", Command::Search(None)),
        (
            "/search  two words ",
            Command::Search(Some("two words".into())),
        ),
        ("/whoami", Command::WhoAmI),
        ("/sessions", Command::Sessions),
        ("/logout all", Command::LogOut),
        ("/password", Command::Password),
        ("/2fa secret", Command::Factor(FactorPart::Secret)),
        ("/2fa  codes ", Command::Factor(FactorPart::RecoveryCodes)),
        ("/clear", Command::Clear),
        ("/quit", Command::Quit),
        (":quit", Command::Quit),
        (":quit \n", Command::Quit),
    ] {
        assert_eq!(parse(typed), Input::Command(command), "{typed:?}");
    }
}

#[test]
fn wrong_arguments_are_answered_with_the_usage() {
    for (typed, usage) in [
        ("/list all", "Usage: /list: "),
        ("/quit\nnow", "Usage: /quit: "),
        ("/history 0", "Usage: /history [n] [before time]: "),
        ("/history 1001", "Usage: /history [n] [before time]: "),
        ("/history -1", "Usage: /history [n] [before time]: "),
        (
            "/history 99999999999999999999",
            "Usage: /history [n] [before time]: ",
        ),
        ("/history 1 2", "Usage: /history [n] [before time]: "),
        ("/history before", "Usage: /history [n] [before time]: "),
        (
            "/history before noon",
            "Usage: /history [n] [before time]: ",
        ),
        (
            "/history 0 before 2h",
            "Usage: /history [n] [before time]: ",
        ),
        ("/history 2h", "Usage: /history [n] [before time]: "),
        ("/help nothing", "Usage: /help [command]: "),
        ("/logout", "Usage: /logout all: "),
        ("/password hunter2", "Usage: /password: "),
        ("/2fa", "Usage: /2fa secret|codes: "),
    ] {
        assert!(problem(typed).starts_with(usage), "{}", problem(typed));
    }
}

#[test]
fn an_unknown_command_is_never_sent_and_the_nearest_is_named() {
    for (typed, guess) in [
        ("/lsit", "/list?"),
        ("/hist", "/history?"),
        ("/quiet", "/quit?"),
        ("/WHOMAI", "/whoami?"),
        ("/q", "/quit?"),
    ] {
        let sentence = problem(typed);
        assert!(sentence.contains(guess), "{sentence}");
        assert!(sentence.contains("/help"), "{sentence}");
    }
    for typed in ["/etc/passwd", "/*comment*/", "/x", "/é", "/ list", "/"] {
        let sentence = problem(typed);
        assert!(!sentence.contains("did you mean"), "{sentence}");
        assert!(sentence.contains("/help"), "{sentence}");
    }
}

#[test]
fn a_command_that_asks_is_known_however_it_is_mistyped() {
    for typed in [
        "/password",
        "/PASSWORD \r\n",
        "/2fa secret",
        "/passwd",
        "/pasword",
        "/Passwort old new",
        "/pass",
        "/passw\u{fffd}rd",
        "/passwordhunter2",
        "/2fasecret",
        "/ password",
        " /password",
        "\t/2fa codes\n",
        " /pasword",
        "/pwd",
        "/PIN 1234",
        "/login alice hunter2",
        "/otp",
        "/password\nold\nnew",
        " /password old\nnew",
        "\n\n /password old\nnew\n",
        "/2fa\n123456",
    ] {
        assert!(would_ask(typed), "{typed:?}");
        // Nor is it sent as a text, typed or pasted.
        assert!(!matches!(parse(typed), Input::Text(_)), "{typed:?}");
        assert!(!matches!(parse_pasted(typed), Input::Text(_)), "{typed:?}");
    }
    for typed in [
        "password",
        "//password",
        " //password",
        "see /password",
        "/me",
        "/list",
        "/lsit",
        "/etc/passwd",
        " /list",
        "/p",
        "/afk",
        " /eta 5 min",
        " /2 cents",
        "/",
        "",
        "how to:\n/password\nthen type",
        "//password\nold",
        "/keyboard",
        "/pinned",
    ] {
        assert!(!would_ask(typed), "{typed:?}");
    }
    assert!(problem(" /password").contains("begins with a blank"));
    assert!(problem("/passwd").contains("did you mean /password?"));
    // A script's lines are texts.
    assert_eq!(verbatim(" /password"), Input::Text(" /password".to_owned()));
}

#[test]
fn a_line_with_a_secret_where_none_is_taken_is_told_from_others() {
    for typed in [
        "/password old new",
        "/passwd old",
        "/PASSWORDold",
        " /password old",
        "/2fa 123456",
        "/password old\nnew",
        "\n/password old",
    ] {
        assert!(may_hold_secret(typed), "{typed:?}");
    }
    for typed in [
        "/password",
        "/2fa secret",
        "/2fa codes",
        "/list x",
        "text",
        "",
    ] {
        assert!(!may_hold_secret(typed), "{typed:?}");
    }
}

#[test]
fn a_problem_is_short_and_fit_for_a_terminal() {
    let sentence = problem(&format!("/\u{202e}{}", "x".repeat(100_000)));
    assert!(sentence.len() < 200 && sentence.contains("\\u{202e}"));
}

#[test]
fn a_name_is_an_account_and_nobody_takes_another() {
    for typed in ["/nick", "/nick bob", "/NICK bob"] {
        assert!(problem(typed).contains("a name is an account"), "{typed}");
    }
}

#[test]
fn several_pasted_lines_give_no_orders() {
    for (pasted, sent) in [
        ("/quit\n/quit\n", "/quit\n/quit"),
        ("//a\r\n//b\r\n", "//a\n//b"),
        (":quit\n\nx", ":quit\n\nx"),
    ] {
        assert_eq!(parse_pasted(pasted), Input::Text(sent.to_owned()));
    }
    assert_eq!(parse_pasted("/quit\n"), Input::Command(Command::Quit));
    assert_eq!(parse_pasted("//a"), Input::Text("/a".to_owned()));
    assert_eq!(parse_pasted("\n \n"), Input::Empty);
    let colours = parse_pasted("a\n\u{1b}[1mb");
    assert!(matches!(colours, Input::Problem(why) if why.contains("\\u{1b}")));
}

#[test]
fn texts_are_taken_as_typed() {
    for (typed, sent) in [
        ("hello", "hello"),
        ("  indented\n\tcode\n", "  indented\n\tcode"),
        (
            "from a file\r\nwith two lines\r\n",
            "from a file\nwith two lines",
        ),
        ("//etc/hosts", "/etc/hosts"),
        ("///", "//"),
        (" /list", " /list"),
        (":quit smoking", ":quit smoking"),
    ] {
        assert_eq!(parse(typed), Input::Text(sent.to_owned()), "{typed:?}");
    }
    for typed in ["", "   ", "\n", "\r\n", "\t \n"] {
        assert_eq!(parse(typed), Input::Empty, "{typed:?}");
    }
}

#[test]
fn a_text_has_at_most_8_kib() {
    let longest = "é".repeat(MAX_TEXT / 2);
    assert_eq!(parse(&longest), Input::Text(longest.clone()));
    assert_eq!(parse(&format!("//{}", &longest[2..])), {
        Input::Text(format!("/{}", &longest[2..]))
    });
    assert!(problem(&format!("{longest}!")).contains("8193 bytes"));
}

#[test]
fn control_characters_are_named_and_not_sent() {
    for (typed, named) in [
        ("a\u{1b}[2J", "\\u{1b}"),
        ("a\rb", "\\u{d}"),
        ("/list\u{7}", "\\u{7}"),
        ("a\u{9b}b", "\\u{9b}"),
        ("a\0", "\\u{0}"),
        ("\u{7f}", "\\u{7f}"),
    ] {
        assert!(problem(typed).contains(named), "{typed:?}");
    }
}
