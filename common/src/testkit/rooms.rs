//! Requests of a scripted client about rooms and people, each of which waits for its answer.

use crate::wire::message::{
    Access, Action, Archive, ClientMessage, Create, Direct, ErrorCode, Found, Hide, History,
    Ignore, InRoom, Invite, Join, Kind, Lock, Member, Members, Moderate, Named, Page, Place,
    Profile, Room, RoomId, RoomMode, RoomSummary, Rooms, Search, Send, Seq, ServerMessage,
    SetTopic,
};

use super::scripted_client::{ScriptedClient, id};
use super::wait::eventually;

pub type Answer = Result<ServerMessage, ErrorCode>;

impl ScriptedClient {
    /// Waits for the answer or the refusal. Messages that come before it are passed over.
    pub fn request(&mut self, make: impl FnOnce(u32) -> ClientMessage) -> Answer {
        let asked = self.ask(make);
        self.until("an answer", |message| match &message {
            ServerMessage::Error(error) if error.request == Some(asked) => Some(Err(error.code)),
            ServerMessage::Done(done) if done.request == asked => Some(Ok(message)),
            ServerMessage::Joined(joined) if joined.request == Some(asked) => Some(Ok(message)),
            ServerMessage::Left(left) if left.request == Some(asked) => Some(Ok(message)),
            ServerMessage::RoomList(list) if list.request == asked => Some(Ok(message)),
            ServerMessage::MemberList(list) if list.request == asked => Some(Ok(message)),
            ServerMessage::Profile(profile) if profile.request == asked => Some(Ok(message)),
            ServerMessage::Ignoring(it) if it.request == Some(asked) => Some(Ok(message)),
            ServerMessage::Page(page) if page.request == asked => Some(Ok(message)),
            ServerMessage::Found(found) if found.request == asked => Some(Ok(message)),
            ServerMessage::Following(it) if it.request == asked => Some(Ok(message)),
            ServerMessage::Ack(ack) if ack.request == asked => Some(Ok(message)),
            _ => None,
        })
    }

    fn entered(&mut self, make: impl FnOnce(u32) -> ClientMessage) -> Result<Room, ErrorCode> {
        self.request(make).map(|answer| match answer {
            ServerMessage::Joined(joined) => joined.room,
            other => panic!("not in a room: {other:?}"),
        })
    }

    pub fn create(&mut self, name: &str, access: Access) -> Result<Room, ErrorCode> {
        self.entered(|request| {
            ClientMessage::Create(Create {
                request,
                name: name.to_owned(),
                topic: format!("about {name}"),
                mode: RoomMode::Audited,
                access,
            })
        })
    }

    pub fn join(&mut self, name: &str) -> Result<Room, ErrorCode> {
        let name = name.to_owned();
        self.entered(|request| ClientMessage::Join(Join { request, name }))
    }

    pub fn direct(&mut self, user: &str) -> Result<Room, ErrorCode> {
        let user = user.to_owned();
        self.entered(|request| ClientMessage::Direct(Direct { request, user }))
    }

    /// A conversation of two, of which the messages up to `seen` were seen.
    pub fn hide(&mut self, room: RoomId, seen: Seq) -> Answer {
        self.request(|request| {
            ClientMessage::Hide(Hide {
                request,
                room,
                seen,
            })
        })
    }

    pub fn leave(&mut self, room: RoomId) -> Answer {
        self.request(|request| ClientMessage::Leave(InRoom { request, room }))
    }

    pub fn topic(&mut self, room: RoomId, topic: &str) -> Answer {
        let topic = topic.to_owned();
        self.request(|request| {
            ClientMessage::SetTopic(SetTopic {
                request,
                room,
                topic,
            })
        })
    }

    pub fn invite(&mut self, room: RoomId, user: &str) -> Answer {
        let user = user.to_owned();
        self.request(|request| {
            ClientMessage::Invite(Invite {
                request,
                room,
                user,
            })
        })
    }

    pub fn lock(&mut self, room: RoomId, reason: Option<&str>) -> Answer {
        let reason = reason.map(str::to_owned);
        self.request(|request| {
            ClientMessage::Lock(Lock {
                request,
                room,
                reason,
            })
        })
    }

    /// `None` opens the room again.
    pub fn archive(&mut self, room: RoomId, reason: Option<&str>) -> Answer {
        let reason = reason.map(str::to_owned);
        self.request(|request| {
            ClientMessage::Archive(Archive {
                request,
                room,
                reason,
            })
        })
    }

    pub fn moderate(&mut self, room: RoomId, user: &str, action: Action) -> Answer {
        self.moderate_for(room, user, action, None)
    }

    pub fn moderate_for(
        &mut self,
        room: RoomId,
        user: &str,
        action: Action,
        seconds: Option<u32>,
    ) -> Answer {
        let user = user.to_owned();
        self.request(|request| {
            ClientMessage::Moderate(Moderate {
                request,
                room,
                user,
                action,
                seconds,
                reason: "because".to_owned(),
            })
        })
    }

    /// `counter` makes the message's id: the same one again is the same message.
    pub fn say_in(&mut self, room: RoomId, counter: u64, text: &str) -> Answer {
        let text = text.to_owned();
        self.request(|request| {
            ClientMessage::Send(Send {
                request,
                room,
                id: id(77, counter),
                text,
                kind: Kind::Text,
            })
        })
    }

    /// As [`Self::say_in`], for an action.
    pub fn act_in(&mut self, room: RoomId, counter: u64, text: &str) -> Answer {
        let text = text.to_owned();
        self.request(|request| {
            ClientMessage::Send(Send {
                request,
                room,
                id: id(77, counter),
                text,
                kind: Kind::Action,
            })
        })
    }

    pub fn whois(&mut self, user: &str) -> Result<Profile, ErrorCode> {
        let user = user.to_owned();
        let answer = self.request(|request| ClientMessage::Whois(Named { request, user }));
        answer.map(|answer| match answer {
            ServerMessage::Profile(profile) => profile,
            other => panic!("no profile: {other:?}"),
        })
    }

    /// The name as the server has it.
    pub fn ignore(&mut self, user: &str, ignored: bool) -> Result<String, ErrorCode> {
        let user = user.to_owned();
        let answer = self.request(|request| {
            ClientMessage::Ignore(Ignore {
                request,
                user,
                ignored,
            })
        });
        answer.map(|answer| match answer {
            ServerMessage::Ignoring(it) if it.ignored == ignored => it.user,
            other => panic!("not done: {other:?}"),
        })
    }

    pub fn rooms(&mut self) -> Vec<RoomSummary> {
        let answer = self.request(|request| {
            ClientMessage::Rooms(Rooms {
                request,
                after: None,
                limit: 500,
            })
        });
        match answer {
            Ok(ServerMessage::RoomList(list)) => list.rooms,
            other => panic!("no list: {other:?}"),
        }
    }

    pub fn members(&mut self, room: RoomId) -> Result<Vec<Member>, ErrorCode> {
        let answer = self.request(|request| {
            ClientMessage::Members(Members {
                request,
                room,
                after: None,
                limit: 500,
            })
        });
        answer.map(|answer| match answer {
            ServerMessage::MemberList(list) => list.members,
            other => panic!("no list: {other:?}"),
        })
    }

    /// One page, which may be incomplete while the server indexes.
    pub fn find(
        &mut self,
        words: &str,
        before: Option<Place>,
        limit: u32,
    ) -> Result<Found, ErrorCode> {
        let words = words.to_owned();
        let answer = self.request(|request| {
            ClientMessage::Search(Search {
                request,
                words,
                before,
                limit,
            })
        });
        answer.map(|answer| match answer {
            ServerMessage::Found(found) => found,
            other => panic!("not found: {other:?}"),
        })
    }

    /// Waits until everything is indexed. The newest first.
    pub fn texts_with(&mut self, words: &str) -> Vec<String> {
        let found = eventually("the whole index", || {
            let found = self.find(words, None, 500).unwrap();
            (!found.incomplete).then_some(found)
        });
        found.messages.into_iter().map(|chat| chat.text).collect()
    }

    /// `time` in milliseconds since 1970.
    pub fn before_time(&mut self, room: RoomId, time: u64, limit: u32) -> Result<Page, ErrorCode> {
        let answer = self.request(|request| {
            ClientMessage::History(History {
                request,
                room,
                after: None,
                before: None,
                limit,
                before_time: Some(time),
            })
        });
        answer.map(|answer| match answer {
            ServerMessage::Page(page) => page,
            other => panic!("no page: {other:?}"),
        })
    }
}
