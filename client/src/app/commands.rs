//! Carries out what a person or a script types: the loop calls [`App::carry_out`] for each intent
//! of the face. Grammar is `input`'s, waiting and sending are `outgoing`'s.

use std::time::Instant;

use chatbox_common::crypto::record::KeyAge;
use chatbox_common::wire::message::{ClientMessage, Kind, Plain, ServerInfo};

use super::App;
use super::requests::Asked;
use super::script::RunMode;
use super::typed::MAX_TERMINAL_LINE;
use crate::exit::ExitReason;
use crate::input::{self, Command, Input};
use crate::model::{Event as Told, Listed};
use crate::ui::Intent;
use crate::words::app as words;

/// What a line was meant for, also where it is not understood. It decides what becomes of the lines
/// typed behind it: after a line that failed they would be said in the wrong place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expected {
    /// It is said, or shows something.
    Text,
    /// The lines behind it are answers to its questions, among them secrets.
    Questions,
    /// The lines behind it are meant for another room.
    Move,
}

impl App {
    /// Called in the order in which the intents were typed.
    pub(super) fn carry_out(&mut self, intent: Intent) -> Result<(), ExitReason> {
        match intent {
            Intent::Line(line) => self.line(&line),
            Intent::Paste(block) => self.pasted(&block),
            Intent::TooLong(size) => self.not_taken(&input::too_long(size)),
            Intent::Cut(line) => self.unread(&line, &words::cut(MAX_TERMINAL_LINE - 1)),
            Intent::NoText(line) => self.unread(&line, words::NO_TEXT),
            Intent::Go(room) if self.model.is_in(room) => self.talk_in(room),
            // The membership has ended meanwhile, and what was typed behind it was meant for that room.
            Intent::Go(_) => self.not_moved(|app| app.problem(words::ROOM_GONE)),
            Intent::Older(room) => {
                self.focus.want_older(room);
                Ok(())
            }
            Intent::Forgot(room, before) => self.tell_model(Told::Forgot(room, before)),
            Intent::Failed => {
                self.quitting.lose_one();
                self.quitting.begin();
                self.problem(words::NOT_READ)
            }
            // The loop quits at once by itself; here everything typed before was carried out.
            Intent::End | Intent::Quit => {
                self.quitting.begin();
                Ok(())
            }
        }
    }

    fn line(&mut self, line: &str) -> Result<(), ExitReason> {
        if self.run_mode != RunMode::Chat {
            // A line of a script is a text, whatever it begins with.
            return self.understood(input::verbatim(line), Expected::Text);
        }
        let expected = if input::would_ask(line) {
            Expected::Questions
        } else if input::would_move(line) {
            Expected::Move
        } else {
            Expected::Text
        };
        self.understood(input::parse(line), expected)
    }

    fn pasted(&mut self, block: &str) -> Result<(), ExitReason> {
        if self.run_mode != RunMode::Chat {
            return self.understood(input::verbatim(block), Expected::Text);
        }
        let expected = if input::would_ask(block) {
            Expected::Questions
        } else {
            Expected::Text
        };
        self.understood(input::parse_pasted(block), expected)
    }

    /// For what will not be said: a script fails, while a person can type it again.
    fn not_taken(&mut self, why: &str) -> Result<(), ExitReason> {
        if self.run_mode != RunMode::Chat {
            self.quitting.lose_one();
        }
        self.problem(why)
    }

    /// For a line of which a part is missing or no UTF-8: the readable part tells whether it was a
    /// command that asks, whose answers must not be said in a room.
    fn unread(&mut self, line: &str, why: &str) -> Result<(), ExitReason> {
        if self.run_mode == RunMode::Chat && input::would_ask(line) {
            return self.not_asked(why);
        }
        self.not_taken(why)
    }

    fn understood(&mut self, understood: Input, expected: Expected) -> Result<(), ExitReason> {
        let asks = expected == Expected::Questions;
        if asks && let Input::Problem(sentence) = &understood {
            return self.not_asked(sentence);
        }
        let is_heard_logged_out = asks || understood == Input::Command(Command::Quit);
        if self.connection.is_logged_out() && !is_heard_logged_out {
            if understood != Input::Empty {
                self.problem(words::NOT_SENT)?;
            }
            return self.log_in_again();
        }
        match understood {
            Input::Empty => {
                if self.is_person {
                    self.connection.hurry(Instant::now());
                }
                Ok(())
            }
            Input::Problem(sentence) => {
                if expected == Expected::Move {
                    return self.not_moved(|app| app.not_taken(&sentence));
                }
                self.not_taken(&sentence)
            }
            Input::Text(text) => self.say_here(text, Kind::Text),
            Input::Command(command) => self.command(command),
        }
    }

    fn say_here(&mut self, text: String, kind: Kind) -> Result<(), ExitReason> {
        let Some(room) = self.here() else {
            self.quitting.lose_one();
            return self.problem(words::IN_NO_ROOM);
        };
        self.say_in(room, text, kind);
        self.tell_if_kept()
    }

    /// Tells a person, not a script, that a message waits for a connection.
    pub(super) fn tell_if_kept(&mut self) -> Result<(), ExitReason> {
        if self.is_person && !self.model.is_connected() {
            return self.problem(words::KEPT);
        }
        Ok(())
    }

    /// Not on standard output, which another program may read.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a step like others, each of which may be the last"
    )]
    pub(super) fn problem(&mut self, sentence: &str) -> Result<(), ExitReason> {
        self.face.tell(sentence);
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), ExitReason> {
        if !self.connection.is_up() && self.needs_connection(&command) {
            let moves = matches!(
                command,
                Command::Join(_) | Command::Create { .. } | Command::Direct(..) | Command::Close(_)
            );
            if moves {
                return self.not_moved(|app| app.problem(words::NO_CONNECTION));
            }
            return self.problem(words::NO_CONNECTION);
        }
        match command {
            Command::Help(topic) => self.help(topic),
            Command::List => self.tell_model(Told::Want(Listed::People)),
            Command::Info => self.ask(Asked::Info, ClientMessage::Info),
            Command::History { count, before } => self.history(count, before),
            Command::Unfold(room, seq) => self.unfold(&room, seq),
            Command::Search(words) => self.tell_model(Told::Find(words)),
            Command::WhoAmI => self.ask(Asked::WhoAmI, ClientMessage::Whoami),
            Command::Rooms => self.tell_model(Told::Want(Listed::Rooms)),
            Command::Create {
                name,
                topic,
                invited,
            } => self.create(name, topic, invited),
            Command::Join(name) => self.join(name),
            Command::Direct(user, text) => self.direct(user, text),
            Command::Me(text) => self.say_here(text, Kind::Action),
            Command::Whois(user) => self.tell_model(Told::WantProfile(user)),
            Command::Ignore(None) => self.show_ignored(),
            Command::Ignore(Some(user)) => self.ignore(user, true),
            Command::Unignore(user) => self.ignore(user, false),
            Command::Leave(room) => self.leave(&room),
            Command::Close(conversation) => self.close(&conversation),
            Command::Topic(room, None) => self.show_topic(&room),
            Command::Topic(room, Some(topic)) => self.set_topic(&room, topic),
            Command::Invite(room, user) => self.invite(&room, user),
            Command::Members(room) => self.members(&room),
            Command::Member {
                room,
                user,
                action,
                reason,
            } => self.moderate(&room, user, action, reason),
            Command::InRoom(room, order) => self.order_in(&room, order),
            Command::Sessions => self.ask(Asked::Sessions, ClientMessage::Sessions),
            Command::LogOut => {
                self.quitting.log_out();
                Ok(())
            }
            Command::Password => self.change_password(),
            Command::Factor(part) => self.change_factor(part),
            Command::Clear => {
                let here = self.here();
                Ok(self.face.clear(here)?)
            }
            Command::Quit => {
                self.quitting.begin();
                Ok(())
            }
        }
    }

    /// Commands that need one are refused without it. Messages wait for one, and so does a change
    /// of the account, which asks all its questions in any case.
    fn needs_connection(&self, command: &Command) -> bool {
        match command {
            Command::Help(_)
            | Command::Clear
            | Command::Quit
            | Command::Me(_)
            | Command::Ignore(None)
            | Command::Password
            | Command::Factor(_) => false,
            // To talk in a room that the person is in already, the server is not asked.
            Command::Join(name) => self.model.room_named(name).is_none(),
            // A text waits for the conversation, but what is typed behind a move is meant for it.
            Command::Direct(user, text) => {
                text.is_empty() && self.model.room_named(&format!("@{user}")).is_none()
            }
            Command::List
            | Command::Info
            | Command::History { .. }
            | Command::Unfold(..)
            | Command::Search(_)
            | Command::WhoAmI
            | Command::Rooms
            | Command::Create { .. }
            | Command::Whois(_)
            | Command::Ignore(Some(_))
            | Command::Unignore(_)
            | Command::Leave(_)
            | Command::Close(_)
            | Command::Topic(..)
            | Command::Invite(..)
            | Command::Members(_)
            | Command::Member { .. }
            | Command::InRoom(..)
            | Command::Sessions
            | Command::LogOut => true,
        }
    }

    fn help(&mut self, topic: Option<&str>) -> Result<(), ExitReason> {
        let mut text = input::help(topic);
        if topic.is_none() {
            text.push_str(&self.face.keys());
        }
        Ok(self.face.lines(words::HELP, &text)?)
    }

    pub(super) fn ask(
        &mut self,
        what: Asked,
        message: fn(Plain) -> ClientMessage,
    ) -> Result<(), ExitReason> {
        let request = self.requests.begin(what);
        self.say(message(Plain { request }))
    }

    pub(super) fn show_info(&mut self, info: &ServerInfo) -> Result<(), ExitReason> {
        let Some(link) = self.connection.link() else {
            return Ok(());
        };
        let (ours, theirs) = link.key_ages();
        let fingerprint = self.connection.fingerprint();
        let fingerprint = fingerprint.map_or_else(String::new, |known| known.to_string());
        let lines = words::info(&fingerprint, &key(ours), &key(theirs), info);
        Ok(self.face.lines(words::INFO, &lines)?)
    }
}

fn key(age: KeyAge) -> String {
    words::key(age.epoch, &words::span(age.age.as_secs()))
}
