//! What a person types, carried out.

use chatbox_common::crypto::handshake::SUITE;
use chatbox_common::crypto::record::KeyAge;
use chatbox_common::wire::message::{ClientMessage, Kind, Plain, ServerInfo, You};

use super::typed::Typed;
use super::{App, Asked, Leaving, Line};
use crate::door::tell;
use crate::input::{self, Command, Input};
use crate::model::{Event as Told, Listed};
use crate::stop::Stop;
use crate::ui::plain::name;

impl App {
    pub(super) fn typed(&mut self, typed: Typed) -> Result<(), Stop> {
        self.keyboard.has_come();
        let moves = matches!(&typed, Typed::Line(line) if input::would_move(line));
        let understood = match typed {
            Typed::Line(line) => input::parse(&line),
            Typed::Pasted(block) => input::parse_pasted(&block),
            Typed::TooLong(size) => return self.problem(&input::too_long(size)),
            Typed::Cut => {
                return self.problem(
                    "Nothing was sent: a terminal passes on only the first 4095 bytes of a line, \
                     so the end of this one is missing. Type it in parts, or pipe it in.",
                );
            }
            Typed::NoText => return self.problem("Nothing was sent: the line is not UTF-8."),
            Typed::End => {
                self.leaving = Leaving::Yes;
                return Ok(());
            }
        };
        if matches!(self.line, Line::LoggedOut) && understood != Input::Command(Command::Quit) {
            if understood != Input::Empty {
                self.problem("What you typed was not sent.")?;
            }
            return self.log_in_again();
        }
        match understood {
            Input::Empty => Ok(()),
            Input::Problem(sentence) => {
                self.problem(&sentence)?;
                if moves { self.not_moved() } else { Ok(()) }
            }
            Input::Text(text) => self.say_here(text, Kind::Text),
            Input::Command(command) => self.command(command),
        }
    }

    fn say_here(&mut self, text: String, kind: Kind) -> Result<(), Stop> {
        let Some(room) = self.here() else {
            self.has_lost_one = true;
            return self.problem("Nothing was sent: you are in no room; see /rooms.");
        };
        self.outgoing.push(room, text, kind);
        self.tell_if_kept()
    }

    /// Tells a person that what they said is on its way only later.
    pub(super) fn tell_if_kept(&mut self) -> Result<(), Stop> {
        if self.is_person && !self.model.is_connected() {
            return self.problem("kept, and sent once there is a connection again");
        }
        Ok(())
    }

    /// A problem is for the person, not for whoever reads the output.
    pub(super) fn problem(&mut self, sentence: &str) -> Result<(), Stop> {
        self.face.flush()?;
        tell(sentence);
        Ok(())
    }

    fn command(&mut self, command: Command) -> Result<(), Stop> {
        match command {
            Command::Help(topic) => Ok(self.face.lines(&input::help(topic))?),
            Command::Clear => Ok(self.face.clear()?),
            Command::Quit => {
                self.leaving = Leaving::Yes;
                Ok(())
            }
            Command::Me(text) => self.say_here(text, Kind::Action),
            Command::Ignore(None) => self.show_ignored(),
            Command::Direct(user, text) => self.direct(user, text),
            Command::Join(name) if self.model.room_named(&name).is_some() => {
                self.room_command(Command::Join(name))
            }
            _ if !matches!(self.line, Line::Up(_)) => {
                self.problem("There is no connection just now; try again later.")?;
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
                self.log_out();
                Ok(())
            }
            Command::Password => self.change_password(),
            Command::Factor(factor) => self.change_factor(factor),
            other => self.room_command(other),
        }
    }

    pub(super) fn ask(
        &mut self,
        what: Asked,
        message: fn(Plain) -> ClientMessage,
    ) -> Result<(), Stop> {
        let request = self.next_request();
        self.asked.insert(request, what);
        self.say(&message(Plain { request }))
    }

    pub(super) fn show_you(&mut self, you: &You) -> Result<(), Stop> {
        let since = self.face.time(you.since);
        let lines = format!(
            "  name      {} (account {})\n  session   {}, since {since}; open sessions of this \
             account: {}\n  address   {}\n",
            name(&you.user),
            you.account,
            you.session,
            you.sessions,
            crate::sanitize::line(&you.address),
        );
        Ok(self.face.lines(&lines)?)
    }

    pub(super) fn show_info(&mut self, info: &ServerInfo) -> Result<(), Stop> {
        let Line::Up(link) = &self.line else {
            return Ok(());
        };
        let (ours, theirs) = link.key_ages();
        let fingerprint = match &self.ticket {
            Some(ticket) => ticket.fingerprint.to_string(),
            None => String::new(),
        };
        let lines = format!(
            "  suite     {SUITE}\n  server    {fingerprint}\n  keys      to the server {}, from \
             the server {}\n  version   {} (this client: {})\n  up for    {}\n  people    {}, on \
             {} of at most {} connections\n",
            key(ours),
            key(theirs),
            name(&info.server),
            env!("CARGO_PKG_VERSION"),
            span(info.uptime),
            info.people,
            info.connections,
            info.most_connections,
        );
        Ok(self.face.lines(&lines)?)
    }
}

fn key(age: KeyAge) -> String {
    format!("epoch {}, {} old", age.epoch, span(age.age.as_secs()))
}

/// A span of seconds in its two largest units.
fn span(seconds: u64) -> String {
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds} s"),
        (0, 0, _) => format!("{minutes} min {} s", seconds % 60),
        (0, _, _) => format!("{hours} h {} min", minutes % 60),
        _ => format!("{days} d {} h", hours % 24),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_told_in_its_two_largest_units() {
        for (seconds, told) in [
            (0, "0 s"),
            (59, "59 s"),
            (61, "1 min 1 s"),
            (3_600, "1 h 0 min"),
            (90_000, "1 d 1 h"),
        ] {
            assert_eq!(span(seconds), told);
        }
    }
}
