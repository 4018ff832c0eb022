//! The lines of a running server's log files, read by the grammar of docs/OPERATING.md as it stands
//! there.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::collections::BTreeMap;
use std::fs;

use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED};
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::wire::message::{Access, Action};

/// What a rule of RFC 5234 is made of.
enum Notation {
    Either(Vec<Notation>),
    Sequence(Vec<Notation>),
    /// From so many times to so many.
    Repeated(usize, usize, Box<Notation>),
    Text(String),
    Range(char, char),
    Rule(String),
    /// A rule in words.
    Visible,
}

/// Rules by their names. Alternatives are tried in their order, and repetitions take what they can:
/// that is enough for a grammar whose alternatives are told apart by how they begin.
struct Grammar(BTreeMap<String, Notation>);

/// Takes what one rule has on its right side apart.
struct Reader<'a>(&'a str);

impl Reader<'_> {
    fn skip(&mut self, text: &str) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(text);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn take(&mut self, is_part: impl Fn(char) -> bool) -> String {
        let end = self.0.find(|c| !is_part(c)).unwrap_or(self.0.len());
        let (taken, rest) = self.0.split_at(end);
        self.0 = rest;
        taken.to_owned()
    }

    fn either(&mut self) -> Notation {
        let mut parts = vec![self.sequence()];
        while self.skip("/") {
            parts.push(self.sequence());
        }
        Notation::Either(parts)
    }

    fn sequence(&mut self) -> Notation {
        let mut parts = Vec::new();
        loop {
            self.0 = self.0.trim_start();
            if self.0.is_empty() || self.0.starts_with(['/', ')']) {
                return Notation::Sequence(parts);
            }
            parts.push(self.repeated());
        }
    }

    fn repeated(&mut self) -> Notation {
        let least = self.take(|c| c.is_ascii_digit());
        let (least, most) = if self.0.starts_with('*') {
            self.skip("*");
            let most = self.take(|c| c.is_ascii_digit());
            (
                least.parse().unwrap_or(0),
                most.parse().unwrap_or(usize::MAX),
            )
        } else {
            let exactly = least.parse().unwrap_or(1);
            (exactly, exactly)
        };
        Notation::Repeated(least, most, Box::new(self.one()))
    }

    fn one(&mut self) -> Notation {
        if self.skip("(") {
            let part = self.either();
            assert!(self.skip(")"), "{}", self.0);
            part
        } else if self.skip("\"") {
            let text = self.take(|c| c != '"');
            assert!(self.skip("\""), "{}", self.0);
            Notation::Text(text)
        } else if self.skip("%x") {
            let number = |text: String| char::from_u32(u32::from_str_radix(&text, 16).unwrap());
            let first = number(self.take(|c| c.is_ascii_hexdigit())).unwrap();
            let last = if self.0.starts_with('-') {
                self.skip("-");
                number(self.take(|c| c.is_ascii_hexdigit())).unwrap()
            } else {
                first
            };
            Notation::Range(first, last)
        } else if self.skip("<a visible character beyond ASCII>") {
            Notation::Visible
        } else {
            let name = self.take(|c| c.is_ascii_alphabetic());
            assert!(!name.is_empty(), "{}", self.0);
            Notation::Rule(name)
        }
    }
}

impl Grammar {
    /// The rules of the document, and those of RFC 5234's appendix B.1.
    fn of(document: &str) -> Self {
        let begin = document.find("In the notation of RFC 5234").unwrap();
        let own = document[begin..].lines().skip(2);
        let own = own.take_while(|line| line.starts_with("    "));
        let core = [
            "SP = %x20",
            "LF = %x0A",
            "DQUOTE = %x22",
            "DIGIT = %x30-39",
            "HEXDIG = DIGIT / %x41-46 / %x61-66",
        ];
        let rules = own.chain(core).map(|line| {
            let (name, rule) = line.split_once('=').unwrap();
            let rule = rule.split_once(" ;").map_or(rule, |(rule, _)| rule);
            let mut reader = Reader(rule);
            let part = reader.either();
            assert_eq!(reader.0, "", "the end of {line}");
            (name.trim().to_owned(), part)
        });
        Self(rules.collect())
    }

    /// What is left of a text behind the part.
    fn behind<'t>(&self, part: &Notation, text: &'t str) -> Option<&'t str> {
        match part {
            Notation::Either(parts) => parts.iter().find_map(|part| self.behind(part, text)),
            Notation::Sequence(parts) => parts
                .iter()
                .try_fold(text, |text, part| self.behind(part, text)),
            Notation::Repeated(least, most, part) => {
                let (mut text, mut count) = (text, 0);
                while count < *most
                    && let Some(rest) = self.behind(part, text)
                {
                    (text, count) = (rest, count + 1);
                }
                (count >= *least).then_some(text)
            }
            Notation::Text(expected) => text.strip_prefix(expected.as_str()),
            Notation::Range(first, last) => text.strip_prefix(|c| (*first..=*last).contains(&c)),
            Notation::Rule(name) => self.behind(self.0.get(name).expect(name), text),
            Notation::Visible => text.strip_prefix(|c: char| !c.is_ascii() && is_visible(c)),
        }
    }

    fn is_line(&self, text: &str) -> bool {
        self.behind(&Notation::Rule("line".to_owned()), text) == Some("")
    }
}

/// Of those that the test says.
fn is_visible(c: char) -> bool {
    !c.is_control() && !('\u{200b}'..='\u{202e}').contains(&c) && c != '\u{feff}'
}

fn grammar() -> Grammar {
    Grammar::of(include_str!("../../docs/OPERATING.md"))
}

#[test]
fn what_is_no_line_is_none_to_the_grammar() {
    let grammar = grammar();
    let line = "2026-11-28T14:00:00.000Z INFO  said text=\"a \\u{202e} = \\\\ \\\" \\+17\" a=b\n";
    assert!(grammar.is_line(line));
    for (part, other) in [
        ("Z INFO", " INFO"),
        ("INFO  said", "INFO said"),
        ("INFO ", "DEBUG"),
        ("said", "Said"),
        ("text=\"", "text="),
        ("text", "te-xt"),
        ("\\u{202e}", "\u{202e}"),
        ("\\u{202e}", "\\u{}"),
        ("\\\\ ", "\\ "),
        ("\\\"", "\""),
        ("\\+17", "\\+"),
        ("a=b", "a=\u{7f}"),
        ("a=b", "a=b=c"),
        ("a=b", "a="),
        ("a=b", "a"),
        ("\n", ""),
        ("\n", "\n\n"),
    ] {
        let other = line.replacen(part, other, 1);
        assert!(!grammar.is_line(&other), "{other:?}");
    }
}

#[test]
fn all_lines_that_a_busy_server_writes_are_of_the_grammar() {
    const TEXT: &str =
        "a=b \"quoted\" \\n\n\tzoë \u{4f60}\u{597d} \u{1f600}\u{202e}\u{200b}\u{feff} #x";
    let config = format!("{UNLIMITED}[logging]\nlog_level = \"debug\"\n");
    let mut server = ServerProcess::start(&config);
    let (mut account, mut alice) = server.register("Alice");
    let (_bob, mut bob) = server.register("Bob");
    let ops = alice.create("#ops", Access::Open).unwrap().room;
    bob.join("#ops").unwrap();
    alice.topic(ops, "\"a\" = 'b' \\ zoë").unwrap();
    alice.lock(ops, Some("why = \"because\"")).unwrap();
    alice.lock(ops, None).unwrap();
    alice.moderate(ops, "Bob", Action::Mute).unwrap();
    alice.moderate(ops, "Bob", Action::Kick).unwrap();
    alice.say_in(ops, 1, TEXT).unwrap();
    alice.act_in(ops, 2, &"\u{202e}".repeat(2_700)).unwrap();
    bob.direct("Alice").unwrap();
    bob.post(id(2, 1), &"\\\"".repeat(4_096));
    let _ = bob.topic(ops, "not mine");
    alice.archive(ops, Some("it is over")).unwrap();
    let (code, wrong) = (account.code(step_now()), account.wrong_code());
    for (name, password, code) in [
        ("Alice", "wrong password", &code),
        ("Alice", &*account.password, &wrong),
        ("nobody", "secret = \"\"", &code),
    ] {
        let mut client = ScriptedClient::connect(&server);
        client.attempt(name, password, code);
        client.refusal();
    }
    server.log_in(&mut account).bye();
    server.send_signal(rustix::process::Signal::HUP);
    server.line("info.log", &["reloaded"]);
    server.send_signal(rustix::process::Signal::USR1);
    server.line("info.log", &["INFO  state "]);
    server.send_signal(rustix::process::Signal::USR2);
    server.line("info.log", &["signal_ignored"]);
    server.operated(&["user", "set-role", "alice", "admin"]);
    server.stop();
    server.restart();
    server.stop();

    let grammar = grammar();
    let mut all = String::new();
    for file in ["info.log", "credentials.log", "sql.log", "chat.log"] {
        let text = fs::read_to_string(server.log_path(file)).unwrap();
        assert!(text.lines().count() >= 3, "{file}: {text}");
        for line in text.split_inclusive('\n') {
            assert!(grammar.is_line(line), "{file}: {line:?}");
        }
        all.push_str(&text);
    }
    // Nearly everything that the grammar knows was there: no text of a client's is cut.
    for part in [
        "\\\\",
        "\\\"",
        "\\n",
        "\\t",
        "\\u{202e}",
        "\"\"",
        "你好",
        " WARN  ",
    ] {
        assert!(all.contains(part), "{part}");
    }
}
