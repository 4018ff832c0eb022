//! What a person or a script has said and the server has not acknowledged: how much it is, and what
//! it was, to be told where the program ends without it.

use std::collections::BTreeMap;

use chatbox_common::wire::message::{ClientMessage, RoomId};

use super::App;
use super::requests::Asked;
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::input::{self, Input};
use crate::sanitize::{self, name};
use crate::ui::Intent;
use crate::words::app as words;

/// Texts that are repeated, each by its first line.
const MOST_TOLD: usize = 10;
/// Characters of each.
const SHOWN_TEXT: usize = 60;

/// Rooms in which something is to be said, by numbers of a history that is not the server's any more:
/// those behind the welcome have not been told yet.
pub(super) struct Meant {
    names: BTreeMap<RoomId, String>,
    /// In which the person talked.
    chosen: Option<RoomId>,
}

impl App {
    /// Messages that were taken and are not acknowledged, sent or not.
    pub(super) fn unacknowledged(&self) -> usize {
        self.outgoing.messages() + self.direct_messages.len()
    }

    /// Whether nothing goes on before the server has done something.
    pub(super) fn waits_for_the_server(&self) -> bool {
        !self.is_there() || self.requests.is_moving() || self.unacknowledged() > 0
    }

    /// Something was sent that the server has not answered; also the beginning of a session is its
    /// to make.
    pub(super) fn is_owed_an_answer(&self) -> bool {
        let asked = self.outgoing.is_under_way() || !self.requests.is_empty();
        self.connection.is_up() && (asked || !self.model.is_connected())
    }

    /// Those, and the texts that wait to be taken.
    pub(super) fn unsent(&self) -> usize {
        self.unacknowledged() + self.typed_ahead.texts()
    }

    /// How much is not acknowledged, and what; `None` where it is nothing.
    pub(super) fn told_unsent(&self) -> Option<String> {
        let count = self.unsent();
        if count == 0 {
            return None;
        }
        let mut sentence = words::unacknowledged(count);
        for (place, text) in self.unsent_texts().into_iter().take(MOST_TOLD) {
            let first = text.trim().lines().next().unwrap_or_default();
            let begin: String = first.chars().take(SHOWN_TEXT).collect();
            let is_all = begin.len() == text.trim().len();
            let shown = sanitize::line(&begin);
            sentence.push_str(&words::unsent_text(&place, &shown, is_all));
        }
        Some(sentence)
    }

    /// In the order in which they were to be said, but for those to people whose conversation is not
    /// there yet, which stand behind the others.
    fn unsent_texts(&self) -> Vec<(String, String)> {
        let taken = self.outgoing.texts().map(|(room, text)| {
            let meant = self.meant.as_ref().and_then(|meant| meant.names.get(&room));
            let called = meant.map_or_else(|| self.model.room_name(room), String::as_str);
            (name(called), text.to_owned())
        });
        let direct = self.direct_messages.texts();
        let direct = direct.map(|(user, text)| (format!("@{}", name(user)), text.to_owned()));
        let ahead = self.typed_ahead.iter().filter(|intent| is_text(intent));
        let ahead = ahead.map(|intent| (String::new(), text_of(intent).to_owned()));
        taken.chain(direct).chain(ahead).collect()
    }

    /// The names of the rooms in which something is to be said, by number.
    pub(super) fn rooms_meant(&self) -> BTreeMap<RoomId, String> {
        let unsent = self.outgoing.texts().map(|(room, _)| room);
        let rooms = unsent.chain(self.focus.chosen());
        let rooms = rooms.filter(|room| self.model.is_in(*room));
        rooms
            .map(|room| (room, self.model.room_name(room).to_owned()))
            .collect()
    }

    /// The server has another history, in which a number may be that of another room: a text goes to
    /// the room of the name that it was typed for. Where one is missing, nothing is said before all
    /// rooms were told: those for which the welcome has no place follow it.
    pub(super) fn find_again(&mut self, names: BTreeMap<RoomId, String>) -> Result<(), ExitReason> {
        let chosen = self.focus.chosen();
        // Where the connection was lost before all were told, nothing has been found yet.
        let meant = self.meant.take().unwrap_or(Meant { names, chosen });
        let mut names = meant.names.values();
        if names.all(|name| self.model.room_named(name).is_some()) {
            return self.readdress(&meant);
        }
        self.outgoing.hold();
        if meant.chosen.is_some() {
            self.focus.lose();
        }
        self.meant = Some(meant);
        self.ask(Asked::Rooms, ClientMessage::Ping)
    }

    /// After each welcome: whether all rooms were told may not have been answered.
    pub(super) fn go_on_finding(&mut self) -> Result<(), ExitReason> {
        if self.meant.is_none() || self.requests.is_finding() {
            return Ok(());
        }
        self.find_again(BTreeMap::new())
    }

    /// All rooms were told.
    pub(super) fn found_all(&mut self) -> Result<(), ExitReason> {
        match self.meant.take() {
            Some(meant) => self.readdress(&meant),
            None => Ok(()),
        }
    }

    /// What was meant for a room that is not there is given up.
    fn readdress(&mut self, meant: &Meant) -> Result<(), ExitReason> {
        let model = &self.model;
        let found = |room: RoomId| model.room_named(meant.names.get(&room)?);
        let given_up = self.outgoing.readdress(found);
        let chosen = meant.chosen.map(found);
        match chosen {
            None => {}
            Some(Some(room)) => self.focus.choose(room),
            Some(None) => self.focus.lose(),
        }
        // What follows is told where the person is now.
        self.flush()?;
        for (room, text) in given_up {
            let called = meant.names.get(&room).map_or("?", String::as_str);
            self.not_sent(&words::no_room_any_more(&name(called)), &text)?;
        }
        if chosen == Some(None) {
            self.face.notice(None, words::NOWHERE)?;
        }
        self.place_direct_messages();
        Ok(())
    }

    /// Whether it is not known yet where a line that has come is to be said.
    pub(super) fn is_nowhere_yet(&self) -> bool {
        self.requests.is_moving() || self.meant.is_some()
    }

    /// The program ends for `reason`: with what is not sent, which makes a success none.
    pub(super) fn with_unsent(&self, reason: ExitReason) -> ExitReason {
        let Some(unsent) = self.told_unsent() else {
            return reason;
        };
        let exit = match reason.exit {
            Exit::Fine => Exit::Failure,
            other => other,
        };
        let sentence = match &*reason.sentence {
            "" => unsent,
            why => format!("{why}\n{unsent}"),
        };
        ExitReason { exit, sentence }
    }
}

fn text_of(intent: &Intent) -> &str {
    match intent {
        Intent::Line(text) | Intent::Paste(text) => text,
        _ => "",
    }
}

/// Whether it is said, and is not a command.
pub(super) fn is_text(intent: &Intent) -> bool {
    match intent {
        Intent::Line(line) => matches!(input::parse(line), Input::Text(_)),
        Intent::Paste(block) => matches!(input::parse_pasted(block), Input::Text(_)),
        _ => false,
    }
}
