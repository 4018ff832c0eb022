//! Commands about rooms, called by `commands`, and the server's messages about them, called by
//! `server`.

use chatbox_common::name::RoomName;
use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Create, Hide, InRoom, Invite, Join, Joined, Left, Moderate,
    RequestId, RoomChanged, RoomId, RoomMode, SetTopic,
};

use super::App;
use super::requests::Asked;
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::input::{MemberAction, RoomOrder, Target};
use crate::model::{Event as Told, Listed};
use crate::sanitize::name;
use crate::session::UNANSWERED;
use crate::words::app as words;

impl App {
    /// `None` if the person is not in it, which they are told, with the room that was probably
    /// meant.
    pub(super) fn target(&mut self, target: &Target) -> Result<Option<RoomId>, ExitReason> {
        let found = match target {
            Target::Here => self.here(),
            Target::Room(name) => self.model.room_named(name),
        };
        if found.is_none() {
            let hint = match target {
                Target::Here => String::new(),
                Target::Room(name) => self.meant(name),
            };
            let sentence = words::no_such_room(&hint);
            self.problem(&sentence)?;
        }
        Ok(found)
    }

    /// Sends nothing if the person is not in the room.
    fn ask_in(
        &mut self,
        target: &Target,
        message: impl FnOnce(RequestId, RoomId) -> ClientMessage,
    ) -> Result<(), ExitReason> {
        if let Some(room) = self.target(target)? {
            self.order(Asked::Room, |request| message(request, room))?;
        }
        Ok(())
    }

    /// Queued behind the messages typed before it, so that the server gets both in this order.
    /// Nothing is asked that the server did not announce.
    pub(super) fn order(
        &mut self,
        what: Asked,
        message: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<(), ExitReason> {
        let request = self.requests.upcoming();
        let message = message(request);
        if !self.connection.is_known(&message) {
            return self.problem(words::SERVER_IS_OLDER);
        }
        self.requests.begin(what);
        self.outgoing.push_request(request, message);
        Ok(())
    }

    /// As [`App::order`], to enter a room: what is typed behind it waits for the answer.
    pub(super) fn order_move(
        &mut self,
        to: &str,
        message: impl FnOnce(RequestId) -> ClientMessage,
    ) -> Result<(), ExitReason> {
        let message = message(self.requests.upcoming());
        if !self.connection.is_known(&message) {
            return self.problem(words::SERVER_IS_OLDER);
        }
        let request = self.requests.begin_move(to);
        self.outgoing.push_request(request, message);
        Ok(())
    }

    /// A room the person is in already is made the current one without asking the server.
    pub(super) fn join(&mut self, name: String) -> Result<(), ExitReason> {
        if let Some(room) = self.model.room_named(&name) {
            return self.talk_in(room);
        }
        self.order_move(&name.clone(), |request| {
            ClientMessage::Join(Join { request, name })
        })
    }

    pub(super) fn create(
        &mut self,
        name: String,
        topic: String,
        invited: bool,
    ) -> Result<(), ExitReason> {
        let access = if invited {
            Access::Invited
        } else {
            Access::Open
        };
        self.order_move(&name.clone(), |request| {
            ClientMessage::Create(Create {
                request,
                name,
                topic,
                mode: RoomMode::Audited,
                access,
            })
        })
    }

    pub(super) fn leave(&mut self, target: &Target) -> Result<(), ExitReason> {
        self.ask_in(target, |request, room| {
            ClientMessage::Leave(InRoom { request, room })
        })
    }

    /// What is typed behind `/close` is not for the conversation any more, where saying it would bring
    /// that back.
    pub(super) fn close(&mut self, target: &Target) -> Result<(), ExitReason> {
        let Some(room) = self.target(target)? else {
            return Ok(());
        };
        let Some(known) = self.model.room(room) else {
            return Ok(());
        };
        if known.told.access != Access::Direct {
            let sentence = words::not_closed(&name(&known.told.name));
            return self.problem(&sentence);
        }
        // What is unread is counted beside its name; only what comes meanwhile is unseen.
        let seen = known.head();
        let hide = |request| {
            ClientMessage::Hide(Hide {
                request,
                room,
                seen,
            })
        };
        if self.here() != Some(room) {
            return self.order(Asked::Room, hide);
        }
        if !self.connection.is_known(&hide(UNANSWERED)) {
            return self.not_moved(|app| app.problem(words::SERVER_IS_OLDER));
        }
        self.order_move(RoomName::LOBBY, hide)
    }

    pub(super) fn show_topic(&mut self, target: &Target) -> Result<(), ExitReason> {
        let Some(room) = self.target(target)? else {
            return Ok(());
        };
        let called = name(self.model.room_name(room));
        let sentence = words::topic(&called, self.model.topic(room));
        Ok(self.face.notice(Some(room), &sentence)?)
    }

    pub(super) fn set_topic(&mut self, target: &Target, topic: String) -> Result<(), ExitReason> {
        self.ask_in(target, |request, room| {
            ClientMessage::SetTopic(SetTopic {
                request,
                room,
                topic,
            })
        })
    }

    pub(super) fn members(&mut self, target: &Target) -> Result<(), ExitReason> {
        match self.target(target)? {
            Some(room) => self.tell_model(Told::Want(Listed::Members(room))),
            None => Ok(()),
        }
    }

    pub(super) fn order_in(&mut self, target: &Target, order: RoomOrder) -> Result<(), ExitReason> {
        self.ask_in(target, |request, room| order.into_message(request, room))
    }

    pub(super) fn invite(&mut self, target: &Target, user: String) -> Result<(), ExitReason> {
        if let Some(room) = self.target(target)? {
            self.order(Asked::Invite, |request| {
                ClientMessage::Invite(Invite {
                    request,
                    room,
                    user,
                })
            })?;
        }
        Ok(())
    }

    pub(super) fn moderate(
        &mut self,
        room: &Target,
        user: String,
        action: MemberAction,
        reason: String,
    ) -> Result<(), ExitReason> {
        let (action, seconds) = match action {
            MemberAction::Kick => (Action::Kick, None),
            MemberAction::Ban => (Action::Ban, None),
            MemberAction::Unban => (Action::Unban, None),
            MemberAction::Mute(seconds) => (Action::Mute, seconds),
            MemberAction::Unmute => (Action::Unmute, None),
            MemberAction::Op => (Action::Op, None),
            MemberAction::Deop => (Action::Deop, None),
        };
        self.ask_in(room, |request, room| {
            ClientMessage::Moderate(Moderate {
                request,
                room,
                user,
                action,
                seconds,
                reason,
            })
        })
    }

    pub(super) fn talk_in(&mut self, room: RoomId) -> Result<(), ExitReason> {
        self.focus.choose(room);
        let called = self.model.room_name(room);
        Ok(self.face.moved(room, called)?)
    }

    pub(super) fn joined(&mut self, joined: Joined) -> Result<(), ExitReason> {
        let room = joined.room.room;
        let request = joined.request.unwrap_or(UNANSWERED);
        let asked = self.requests.answered(request);
        self.outgoing.answered(request);
        if !self.model.is_in(room) && (asked.is_some() || !self.is_hidden(&joined.room)) {
            self.face.entered(&joined.room)?;
        }
        // The model of a script has its own room alone.
        if self
            .run_mode
            .room()
            .is_some_and(|wanted| !joined.room.name.eq_ignore_ascii_case(wanted))
        {
            return Ok(());
        }
        let (head, called) = (joined.room.head, joined.room.name.clone());
        self.begin_room(Told::Joined(joined.room), Some((room, head)))?;
        if self.send_direct(request, room) || asked != Some(Asked::Move) {
            return Ok(());
        }
        self.tell_entered(&called)?;
        self.talk_in(room)
    }

    pub(super) fn left(&mut self, left: &Left) -> Result<(), ExitReason> {
        if let Some(request) = left.request {
            self.requests.answered(request);
            self.outgoing.answered(request);
        }
        let room = name(self.model.room_name(left.room));
        let sentence = if self.is_conversation(left.room) {
            if self.run_mode.room().is_some() {
                // Hidden in another session: what is said comes all the same, and brings it back.
                return Ok(());
            }
            words::closed(&room)
        } else {
            words::left(left.action, &name(&left.by), &room, &left.reason)
        };
        if self.run_mode.room().is_some() && self.model.is_in(left.room) {
            return Err(ExitReason::because(Exit::Failure, &sentence));
        }
        let was_here = self.here() == Some(left.room);
        self.tell_model(Told::Left(left.room))?;
        if was_here && left.request.is_some() {
            self.focus.leave();
        }
        let here = self.here();
        if here.is_none() {
            // What follows is told where the person is now.
            self.flush()?;
        }
        self.face.notice(here, &sentence)?;
        match here {
            _ if !was_here => Ok(()),
            Some(room) => self.talk_in(room),
            None => Ok(self.face.notice(None, words::NOWHERE)?),
        }
    }

    fn is_conversation(&self, room: RoomId) -> bool {
        let known = self.model.room(room);
        known.is_some_and(|known| known.told.access == Access::Direct)
    }

    pub(super) fn room_changed(&mut self, changed: &RoomChanged) -> Result<(), ExitReason> {
        let room = name(self.model.room_name(changed.room));
        let by = name(&changed.by);
        let Some(before) = self.model.room(changed.room) else {
            return Ok(());
        };
        let sentences = words::room_changes(&before.told, changed, &by, &room);
        for sentence in sentences {
            self.face.notice(Some(changed.room), &sentence)?;
        }
        self.tell_model(Told::RoomChanged(changed.clone()))
    }
}
