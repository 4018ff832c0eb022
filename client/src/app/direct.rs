//! What is said to somebody alone: the room for it has to be there first. What was typed is kept
//! until it is, whatever the connection does.

use std::collections::HashMap;

use chatbox_common::wire::message::{ClientMessage, Direct, Kind, RequestId, RoomId};

use super::App;
use super::requests::Asked;
use crate::exit::ExitReason;

/// Somebody, and what is to be said to them; without words, what is typed next is.
#[derive(Debug)]
struct DirectMessage {
    user: String,
    text: String,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct DirectMessages {
    asked: HashMap<RequestId, DirectMessage>,
    /// Those whose question was lost with a connection.
    waiting: Vec<DirectMessage>,
}

impl DirectMessages {
    /// How many texts wait.
    pub(super) fn len(&self) -> usize {
        let all = self.asked.values().chain(&self.waiting);
        all.filter(|message| !message.text.is_empty()).count()
    }

    /// Whether something waits for this person, which is to be said first.
    fn is_for(&self, user: &str) -> bool {
        let mut all = self.asked.values().chain(&self.waiting);
        all.any(|message| message.user.eq_ignore_ascii_case(user))
    }

    /// No answer comes any more.
    pub(super) fn disconnected(&mut self) {
        self.waiting
            .extend(self.asked.drain().map(|(_, message)| message));
    }
}

impl App {
    /// Says something to somebody alone, or talks with them from now on.
    pub(super) fn direct(&mut self, user: String, text: String) -> Result<(), ExitReason> {
        let room = self.model.room_named(&format!("@{user}"));
        if let Some(room) = room.filter(|_| !self.direct_messages.is_for(&user)) {
            self.say_there(room, text)?;
            return self.tell_if_kept();
        }
        let message = DirectMessage { user, text };
        if self.model.is_connected() {
            self.ask_for(message);
            return Ok(());
        }
        self.direct_messages.waiting.push(message);
        self.tell_if_kept()
    }

    fn say_there(&mut self, room: RoomId, text: String) -> Result<(), ExitReason> {
        if text.is_empty() {
            return self.talk_in(room);
        }
        self.outgoing.push(room, text, Kind::Text);
        Ok(())
    }

    fn ask_for(&mut self, message: DirectMessage) {
        let user = message.user.clone();
        let what = if message.text.is_empty() {
            Asked::Move
        } else {
            Asked::Room
        };
        let request = self.requests.begin(what);
        self.direct_messages.asked.insert(request, message);
        let asking = ClientMessage::Direct(Direct { request, user });
        self.outgoing.push_request(request, asking);
    }

    /// Asks for the rooms of all who wait for one.
    pub(super) fn ask_for_direct_rooms(&mut self) {
        for message in std::mem::take(&mut self.direct_messages.waiting) {
            self.ask_for(message);
        }
    }

    /// The room that was asked for in order to say something is there; false when it was not.
    pub(super) fn send_direct(
        &mut self,
        request: RequestId,
        room: RoomId,
    ) -> Result<bool, ExitReason> {
        let Some(message) = self.direct_messages.asked.remove(&request) else {
            return Ok(false);
        };
        self.say_there(room, message.text)?;
        Ok(true)
    }

    /// The room that was asked for in order to say something was refused: what it was.
    pub(super) fn direct_refused(&mut self, request: RequestId) -> Option<String> {
        let message = self.direct_messages.asked.remove(&request)?;
        Some(message.text).filter(|text| !text.is_empty())
    }
}
