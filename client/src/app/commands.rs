//! What a person types, carried out.

use chatbox_common::crypto::record::KeyAge;
use chatbox_common::wire::message::{ClientMessage, Kind, Plain, ServerInfo};

use super::App;
use super::requests::Asked;
use super::script::RunMode;
use super::typed::Typed;
use crate::exit::ExitReason;
use crate::input::{self, Command, Input};
use crate::model::{Event as Told, Listed};
use crate::words::app as words;

impl App {
    pub(super) fn typed(&mut self, typed: Typed) -> Result<(), ExitReason> {
        let moves = matches!((&self.run_mode, &typed), (RunMode::Chat, Typed::Line(line)) if input::would_move(line));
        let asks = self.run_mode == RunMode::Chat
            && matches!(&typed, Typed::Line(line) | Typed::Pasted(line) if input::would_ask(line));
        let understood = match typed {
            Typed::Line(line) => self.understood(&line),
            Typed::Pasted(block) if self.run_mode == RunMode::Chat => input::parse_pasted(&block),
            Typed::Pasted(block) => input::verbatim(&block),
            Typed::TooLong(size) => {
                self.lose_in_script();
                return self.problem(&input::too_long(size));
            }
            Typed::Go(room) => {
                return if self.model.is_in(room) {
                    self.talk_in(room)
                } else {
                    Ok(())
                };
            }
            Typed::Failed => {
                self.quitting.lose_one();
                self.quitting.begin();
                return self.problem(words::NOT_READ);
            }
            Typed::Cut => {
                self.lose_in_script();
                return self.problem(words::CUT);
            }
            Typed::NoText => {
                self.lose_in_script();
                return self.problem(words::NO_TEXT);
            }
            Typed::End => {
                self.quitting.begin();
                return Ok(());
            }
        };
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
            Input::Empty => Ok(()),
            Input::Problem(sentence) => {
                self.lose_in_script();
                self.problem(&sentence)?;
                if moves { self.not_moved() } else { Ok(()) }
            }
            Input::Text(text) => self.say_here(text, Kind::Text),
            Input::Command(command) => self.command(command),
        }
    }

    /// What was typed will not be said: a script fails, while a person can type it again.
    fn lose_in_script(&mut self) {
        if self.run_mode != RunMode::Chat {
            self.quitting.lose_one();
        }
    }

    fn say_here(&mut self, text: String, kind: Kind) -> Result<(), ExitReason> {
        let Some(room) = self.here() else {
            self.quitting.lose_one();
            return self.problem(words::IN_NO_ROOM);
        };
        self.outgoing.push(room, text, kind);
        self.tell_if_kept()
    }

    /// Tells a person that what they said is on its way only later.
    pub(super) fn tell_if_kept(&mut self) -> Result<(), ExitReason> {
        if self.is_person && !self.model.is_connected() {
            return self.problem(words::KEPT);
        }
        Ok(())
    }

    /// A problem is for the person, not for whoever reads the output.
    #[expect(
        clippy::unnecessary_wraps,
        reason = "a step like others, each of which may be the last"
    )]
    pub(super) fn problem(&mut self, sentence: &str) -> Result<(), ExitReason> {
        self.face.tell(sentence);
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), ExitReason> {
        match command {
            Command::Help(None) => {
                let text = format!("{}{}", input::help(None), self.face.keys());
                Ok(self.face.lines(words::HELP, &text)?)
            }
            Command::Help(topic) => Ok(self.face.lines(words::HELP, &input::help(topic))?),
            Command::Clear => {
                let here = self.here();
                Ok(self.face.clear(here)?)
            }
            Command::Quit => {
                self.quitting.begin();
                Ok(())
            }
            Command::Me(text) => self.say_here(text, Kind::Action),
            Command::Ignore(None) => self.show_ignored(),
            Command::Direct(user, text) => self.direct(user, text),
            Command::Password => self.change_password(),
            Command::Factor(factor) => self.change_factor(factor),
            Command::Join(name) if self.model.room_named(&name).is_some() => {
                self.room_command(Command::Join(name))
            }
            _ if !self.connection.is_up() => {
                self.problem(words::NO_CONNECTION)?;
                match command {
                    Command::Join(_) | Command::Create { .. } => self.not_moved(),
                    _ => Ok(()),
                }
            }
            Command::List => self.tell_model(Told::Want(Listed::People)),
            Command::Rooms => self.tell_model(Told::Want(Listed::Rooms)),
            Command::History { count, before } => self.history(count, before),
            Command::Search(words) => self.tell_model(Told::Find(words)),
            Command::Whois(user) => self.tell_model(Told::WantProfile(user)),
            Command::Ignore(Some(user)) => {
                self.ignore(user, true);
                Ok(())
            }
            Command::Unignore(user) => {
                self.ignore(user, false);
                Ok(())
            }
            Command::WhoAmI => self.ask(Asked::WhoAmI, ClientMessage::Whoami),
            Command::Info => self.ask(Asked::Info, ClientMessage::Info),
            Command::Sessions => self.ask(Asked::Sessions, ClientMessage::Sessions),
            Command::LogOut => {
                self.quitting.log_out();
                Ok(())
            }
            other => self.room_command(other),
        }
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
