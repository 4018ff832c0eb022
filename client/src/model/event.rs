//! What goes into the model and what comes out of it.

use chatbox_common::limits::PAGE_LIMIT;
use chatbox_common::wire::message::{
    self, Chat, ClientMessage, Follow, Following, Found, Head, History, Ignoring, Invited, List,
    Member, MemberList, Members, Named, OnlinePerson, Page, People, Place, Presence, Profile, Read,
    ReadTo, RequestId, RoomChanged, RoomId, RoomList, RoomSummary, Rooms, Seq, Standing, Welcome,
};

/// What the model is told.
#[derive(Debug)]
pub enum Event {
    /// A session began.
    Welcome(Welcome),
    /// A message came live.
    Chat(Chat),
    /// The page asked for came.
    Page(Page),
    /// The people asked for came.
    People(People),
    /// The rooms asked for came.
    RoomList(RoomList),
    /// The members asked for came.
    MemberList(MemberList),
    /// One is in a room from now on.
    Joined(message::Room),
    /// One is in a room no longer.
    Left(RoomId),
    /// Something about a room was changed.
    RoomChanged(RoomChanged),
    /// What was asked about somebody came.
    Profile(Profile),
    /// One ignores somebody from now on, or no longer does.
    Ignoring(Ignoring),
    /// Who came to a room and went.
    Presence(Presence),
    /// Something happened to a member of a room.
    Standing(Standing),
    /// Somebody lets one into a room.
    Invited(Invited),
    /// The server can't give the page or the people now; [`Event::Retry`] asks again.
    PageDelayed,
    /// The server won't give the page or the people.
    PageRefused,
    /// The time to ask again has come.
    Retry,
    /// Live messages were cut.
    Lagged(Vec<Head>),
    /// Answers [`Ask::Follow`].
    Following(Following),
    /// Everything shown was read: of this room, or of all.
    HaveRead(Option<RoomId>),
    /// The messages of a room before this one are no longer kept by whoever shows them.
    Forgot(RoomId, Seq),
    /// A room is to be shown from behind this message on, whatever was read.
    StartAt(RoomId, Seq),
    /// Another session of the same person has read so far.
    ReadTo(ReadTo),
    /// The connection is gone; nothing that was asked for comes any more.
    Disconnected,
    /// The person wants so many messages before the oldest one shown.
    WantOlder(RoomId, u32),
    /// The person wants so many messages before a moment, in milliseconds since 1970.
    WantBefore(RoomId, u64, u32),
    /// The person looks for words, or, without any, for older messages with the last ones.
    Find(Option<String>),
    /// What was searched for came.
    Found(Found),
    /// The person wants a list.
    Want(Listed),
    /// The person wants to know who somebody is.
    WantProfile(String),
}

/// What comes in as many answers as it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Who is online.
    People,
    /// Which rooms there are.
    Rooms,
    /// Who belongs to a room.
    Members(RoomId),
}

impl Listed {
    fn into_message(self, request: RequestId, after: Option<String>) -> ClientMessage {
        let limit = PAGE_LIMIT;
        match self {
            Self::People => ClientMessage::List(List {
                request,
                after,
                limit,
            }),
            Self::Rooms => ClientMessage::Rooms(Rooms {
                request,
                after,
                limit,
            }),
            Self::Members(room) => ClientMessage::Members(Members {
                request,
                room,
                after,
                limit,
            }),
        }
    }
}

/// Whether a message names whoever reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mention {
    /// It does not, or is their own.
    No,
    /// It does, and was said before they came.
    Earlier,
    /// It does, and they are here: it calls them.
    Now,
    /// It was said to them alone while they are here, which calls them as well.
    Alone,
}

/// What is to be done, in order.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    /// Show a message.
    Show(Chat, Mention),
    /// Say something, of a room or of none.
    Notice(Option<RoomId>, String),
    /// Nothing shown so far is in any room's history any more.
    Forget,
    /// Show messages that stand before the oldest one shown, in ascending order.
    Older {
        /// Where.
        room: RoomId,
        /// Which.
        messages: Vec<(Chat, Mention)>,
        /// With which one the room's history begins, where there is nothing before these.
        begins: Option<Seq>,
    },
    /// What is shown next of a room was not read yet.
    Unread {
        /// Where.
        room: RoomId,
        /// How many messages.
        count: u32,
        /// How many of them are shown.
        shown: usize,
    },
    /// Show who is online.
    People(Vec<OnlinePerson>),
    /// Show which rooms there are.
    Rooms(Vec<RoomSummary>),
    /// Show who belongs to a room.
    Members(Vec<Member>),
    /// Show who somebody is.
    Profile(Profile),
    /// Show who came to a room and went, of those whom one wants to see.
    Presence(Presence),
    /// Show what happened to a member of a room.
    Standing(Standing),
    /// Show that somebody lets one into a room.
    Invited(Invited),
    /// Show messages from before a moment, in ascending order.
    Past {
        /// Where.
        room: RoomId,
        /// The moment, in milliseconds since 1970.
        before: u64,
        /// Which.
        messages: Vec<Chat>,
        /// Whether there are none before them.
        is_all: bool,
    },
    /// Show what was found, the newest last.
    Found {
        /// What was searched for.
        words: String,
        /// Which.
        messages: Vec<Chat>,
        /// Whether there may be older ones.
        more: bool,
        /// Whether some may be missing.
        incomplete: bool,
    },
    /// Ask the server.
    Ask(Ask),
    /// The server does not keep its promises; the session can't go on. Says why.
    Fault(String),
}

/// A question to the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// A page of a room's messages.
    History {
        /// Where.
        room: RoomId,
        /// Only after this one.
        after: Option<Seq>,
        /// Only before this one.
        before: Option<Seq>,
        /// At most so many.
        limit: u32,
    },
    /// A page of a room's messages from before a moment.
    Until {
        /// Where.
        room: RoomId,
        /// The moment, in milliseconds since 1970.
        time: u64,
        /// At most so many.
        limit: u32,
    },
    /// A page of a search.
    Search {
        /// What is looked for.
        words: String,
        /// Only messages older than this one.
        before: Option<Place>,
        /// At most so many.
        limit: u32,
    },
    /// A page of a list.
    List {
        /// Which.
        what: Listed,
        /// Only names after this one.
        after: Option<String>,
    },
    /// Who somebody is.
    Whois(String),
    /// The room live again.
    Follow {
        /// Where.
        room: RoomId,
        /// The last message shown.
        after: Seq,
    },
    /// Tells how far the person has read; nothing is answered.
    Read {
        /// Where.
        room: RoomId,
        /// The last message read.
        seq: Seq,
    },
}

impl Ask {
    /// The message that asks, under a number of the caller's.
    #[must_use]
    pub fn into_message(self, request: RequestId) -> ClientMessage {
        match self {
            Self::History {
                room,
                after,
                before,
                limit,
            } => ClientMessage::History(History {
                request,
                room,
                after,
                before,
                limit,
                before_time: None,
            }),
            Self::Until { room, time, limit } => ClientMessage::History(History {
                request,
                room,
                after: None,
                before: None,
                limit,
                before_time: Some(time),
            }),
            Self::Search {
                words,
                before,
                limit,
            } => ClientMessage::Search(message::Search {
                request,
                words,
                before,
                limit,
            }),
            Self::List { what, after } => what.into_message(request, after),
            Self::Whois(user) => ClientMessage::Whois(Named { request, user }),
            Self::Read { room, seq } => ClientMessage::Read(Read { request, room, seq }),
            Self::Follow { room, after } => ClientMessage::Follow(Follow {
                request,
                room,
                after,
            }),
        }
    }
}
