//! What is said to one person: the room for it has to be asked for first (docs/PROTOCOL.md, 13.9).
//! What was typed is kept until the room is there, across lost connections.

use std::collections::VecDeque;

use chatbox_common::wire::message::{ClientMessage, Direct, Kind, RequestId, RoomId};

use super::App;
use super::requests::Asked;
use crate::exit::ExitReason;

#[derive(Debug)]
struct DirectMessage {
    user: String,
    text: String,
    kind: Kind,
}

/// Counts with what waits in `outgoing`, and so is bounded with it (`App::takes_lines`).
#[derive(Debug, Default)]
pub(super) struct DirectMessages {
    /// In the order in which they were typed.
    waiting: VecDeque<DirectMessage>,
    /// The conversation with this person is asked for: one request for all that waits for it.
    asked: Vec<(RequestId, String)>,
}

impl DirectMessages {
    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Each with the name of the person, in the order in which they were typed.
    pub(super) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let all = self.waiting.iter();
        all.map(|message| (&*message.user, &*message.text))
    }

    /// Whether something for `user` waits: it goes first, so that the order is kept.
    fn is_for(&self, user: &str) -> bool {
        let mut all = self.waiting.iter();
        all.any(|message| message.user.eq_ignore_ascii_case(user))
    }

    fn is_asked_for(&self, user: &str) -> bool {
        let mut all = self.asked.iter();
        all.any(|(_, asked)| asked.eq_ignore_ascii_case(user))
    }

    /// The texts for `user`, which wait no longer.
    fn take_for(&mut self, user: &str) -> Vec<(String, Kind)> {
        let mut texts = Vec::new();
        for message in std::mem::take(&mut self.waiting) {
            if message.user.eq_ignore_ascii_case(user) {
                texts.push((message.text, message.kind));
            } else {
                self.waiting.push_back(message);
            }
        }
        texts
    }

    /// The texts that `request` was for.
    fn answered(&mut self, request: RequestId) -> Option<Vec<(String, Kind)>> {
        let place = self.asked.iter().position(|(asked, _)| *asked == request)?;
        let (_, user) = self.asked.swap_remove(place);
        Some(self.take_for(&user))
    }

    /// No answer comes any more; after the next welcome the rooms are asked for again. Returns how
    /// many requests that are.
    pub(super) fn disconnected(&mut self) -> usize {
        std::mem::take(&mut self.asked).len()
    }
}

impl App {
    /// Sends `text` to `user`; an empty one moves into the conversation.
    pub(super) fn direct(&mut self, user: String, text: String) -> Result<(), ExitReason> {
        let room = self.model.room_named(&format!("@{user}"));
        if text.is_empty() {
            if let Some(room) = room {
                return self.talk_in(room);
            }
            return self.order_move(&format!("@{user}"), |request| {
                ClientMessage::Direct(Direct { request, user })
            });
        }
        match room {
            Some(room) => self.say_in(room, text, Kind::Text),
            None => self.wait_for_room(user, text, Kind::Text),
        }
        self.tell_if_kept()
    }

    /// Says it behind all that was typed for the room before, also in another one.
    pub(super) fn say_in(&mut self, room: RoomId, text: String, kind: Kind) {
        let user = self.model.room_name(room).strip_prefix('@');
        match user.filter(|user| self.direct_messages.is_for(user)) {
            Some(user) => self.wait_for_room(user.to_owned(), text, kind),
            None => self.outgoing.push(room, text, kind),
        }
    }

    fn wait_for_room(&mut self, user: String, text: String, kind: Kind) {
        let message = DirectMessage { user, text, kind };
        self.direct_messages.waiting.push_back(message);
        self.place_direct_messages();
    }

    /// Says what waits where the conversation is there, and asks for the others. Runs after each
    /// welcome of a chat as well.
    pub(super) fn place_direct_messages(&mut self) {
        // Before all rooms are found again, what waits to be sent has numbers of another history.
        if !self.model.is_connected() || self.meant.is_some() {
            return;
        }
        let users = self.direct_messages.waiting.iter();
        let users: Vec<String> = users.map(|message| message.user.clone()).collect();
        for user in users {
            // A request under way is answered with the room, also where that is there by now.
            if self.direct_messages.is_asked_for(&user) || !self.direct_messages.is_for(&user) {
                continue;
            }
            if let Some(room) = self.model.room_named(&format!("@{user}")) {
                let texts = self.direct_messages.take_for(&user);
                self.say_all(room, texts);
                continue;
            }
            let request = self.requests.begin(Asked::Room);
            self.direct_messages.asked.push((request, user.clone()));
            let asking = ClientMessage::Direct(Direct { request, user });
            self.outgoing.push_request(request, asking);
        }
    }

    fn say_all(&mut self, room: RoomId, texts: Vec<(String, Kind)>) {
        for (text, kind) in texts {
            self.outgoing.push(room, text, kind);
        }
    }

    /// `request` is answered with `room`; `false` if no text waited for it.
    pub(super) fn send_direct(&mut self, request: RequestId, room: RoomId) -> bool {
        match self.direct_messages.answered(request) {
            Some(texts) => self.say_all(room, texts),
            None => return false,
        }
        true
    }

    /// The texts that are lost with the refused room; none for a move or another request.
    pub(super) fn direct_refused(&mut self, request: RequestId) -> Vec<String> {
        let texts = self.direct_messages.answered(request);
        let texts = texts.unwrap_or_default().into_iter();
        texts.map(|(text, _)| text).collect()
    }
}
