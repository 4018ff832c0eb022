//! What is said to one person: the room for it has to be asked for first (docs/PROTOCOL.md, 13.9).
//! What was typed is kept until the room is there, across lost connections.

use std::collections::HashMap;

use chatbox_common::wire::message::{ClientMessage, Direct, Kind, RequestId, RoomId};

use super::App;
use super::requests::Asked;
use crate::exit::ExitReason;

/// With an empty `text` a move into the conversation.
#[derive(Debug)]
struct DirectMessage {
    user: String,
    text: String,
}

#[derive(Debug, Default)]
pub(super) struct DirectMessages {
    asked: HashMap<RequestId, DirectMessage>,
    /// Those whose request was lost with a connection, or that were typed without one.
    waiting: Vec<DirectMessage>,
}

impl DirectMessages {
    /// Counts texts only: nothing is lost with a move.
    pub(super) fn len(&self) -> usize {
        let all = self.asked.values().chain(&self.waiting);
        all.filter(|message| !message.text.is_empty()).count()
    }

    /// Whether something for `user` waits: it goes first, so that the order is kept.
    fn is_for(&self, user: &str) -> bool {
        let mut all = self.asked.values().chain(&self.waiting);
        all.any(|message| message.user.eq_ignore_ascii_case(user))
    }

    /// No answer comes any more; after the next welcome the rooms are asked for again.
    pub(super) fn disconnected(&mut self) {
        self.waiting
            .extend(self.asked.drain().map(|(_, message)| message));
    }
}

impl App {
    /// Sends `text` to `user`; an empty one moves into the conversation.
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

    /// Runs after each welcome of a chat.
    pub(super) fn ask_for_direct_rooms(&mut self) {
        for message in std::mem::take(&mut self.direct_messages.waiting) {
            self.ask_for(message);
        }
    }

    /// `request` is answered with `room`; `false` if it did not ask for a conversation.
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

    /// The text that is lost with the refused room; `None` for a move or another request.
    pub(super) fn direct_refused(&mut self, request: RequestId) -> Option<String> {
        let message = self.direct_messages.asked.remove(&request)?;
        Some(message.text).filter(|text| !text.is_empty())
    }
}
