//! What is said to somebody alone: the room for it has to be there first. What was typed is kept
//! until it is, whatever the connection does.

use std::collections::HashMap;

use chatbox_common::wire::message::{ClientMessage, Direct, Kind, RequestId, RoomId};

use super::{App, Asked};
use crate::exit::Stop;

/// Somebody, and what is to be said to them; without words, what is typed next is.
#[derive(Debug)]
struct Whisper {
    user: String,
    text: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Whispers {
    asked: HashMap<RequestId, Whisper>,
    /// Those whose question was lost with a connection.
    waiting: Vec<Whisper>,
}

impl Whispers {
    /// How many texts wait.
    pub(super) fn len(&self) -> usize {
        let all = self.asked.values().chain(&self.waiting);
        all.filter(|whisper| !whisper.text.is_empty()).count()
    }

    /// Whether something waits for this person, which is to be said first.
    fn is_for(&self, user: &str) -> bool {
        let mut all = self.asked.values().chain(&self.waiting);
        all.any(|whisper| whisper.user.eq_ignore_ascii_case(user))
    }

    /// No answer comes any more.
    pub(super) fn disconnected(&mut self) {
        self.waiting
            .extend(self.asked.drain().map(|(_, whisper)| whisper));
    }
}

impl App {
    /// Says something to somebody alone, or talks with them from now on.
    pub(super) fn direct(&mut self, user: String, text: String) -> Result<(), Stop> {
        let room = self.model.room_named(&format!("@{user}"));
        if let Some(room) = room.filter(|_| !self.whispers.is_for(&user)) {
            self.say_there(room, text)?;
            return self.tell_if_kept();
        }
        let whisper = Whisper { user, text };
        if self.model.is_connected() {
            self.ask_for(whisper);
            return Ok(());
        }
        self.whispers.waiting.push(whisper);
        self.tell_if_kept()
    }

    fn say_there(&mut self, room: RoomId, text: String) -> Result<(), Stop> {
        if text.is_empty() {
            return self.talk_in(room);
        }
        self.outgoing.push(room, text, Kind::Text);
        Ok(())
    }

    fn ask_for(&mut self, whisper: Whisper) {
        let request = self.next_request();
        let user = whisper.user.clone();
        let what = if whisper.text.is_empty() {
            Asked::Move
        } else {
            Asked::Room
        };
        self.asked.insert(request, what);
        self.whispers.asked.insert(request, whisper);
        let message = ClientMessage::Direct(Direct { request, user });
        self.outgoing.push_request(request, message);
    }

    /// Asks for the rooms of all who wait for one.
    pub(super) fn ask_for_whispers(&mut self) {
        for whisper in std::mem::take(&mut self.whispers.waiting) {
            self.ask_for(whisper);
        }
    }

    /// The room that was asked for in order to say something is there; false when it was not.
    pub(super) fn whisper(&mut self, request: RequestId, room: RoomId) -> Result<bool, Stop> {
        let Some(whisper) = self.whispers.asked.remove(&request) else {
            return Ok(false);
        };
        self.say_there(room, whisper.text)?;
        Ok(true)
    }

    /// The room that was asked for in order to say something was refused: what it was.
    pub(super) fn whisper_refused(&mut self, request: RequestId) -> Option<String> {
        let whisper = self.whispers.asked.remove(&request)?;
        Some(whisper.text).filter(|text| !text.is_empty())
    }
}
