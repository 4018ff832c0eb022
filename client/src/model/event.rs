//! The model's inputs ([`Event`], from `app`) and outputs ([`Effect`], carried out by `app`).

use chatbox_common::limits::PAGE_LIMIT;
use chatbox_common::wire::message::{
    self, Chat, ClientMessage, Follow, Following, Found, Head, History, Ignoring, Invited, List,
    Member, MemberList, Members, Named, OnlinePerson, Page, People, Place, Presence, Profile, Read,
    ReadTo, RequestId, RoomChanged, RoomId, RoomList, RoomSummary, Rooms, Seq, Standing, Welcome,
};

#[derive(Debug)]
pub enum Event {
    /// A session began, the first or the next.
    Welcome(Welcome),
    /// Live, not in a page.
    Chat(Chat),
    /// Answers [`Ask::History`] and [`Ask::Until`].
    Page(Page),
    People(People),
    RoomList(RoomList),
    MemberList(MemberList),
    /// A membership began, in whichever session, or the server describes a room again.
    Joined(message::Room),
    /// The membership ended: left, kicked or banned.
    Left(RoomId),
    RoomChanged(RoomChanged),
    /// Answers [`Ask::Whois`].
    Profile(Profile),
    /// The list of ignored people changed, in whichever session.
    Ignoring(Ignoring),
    Presence(Presence),
    Standing(Standing),
    Invited(Invited),
    /// The request under way can't be answered now; [`Event::Retry`] asks again.
    PageDelayed,
    /// The request under way was refused for good.
    PageRefused,
    /// After [`Event::PageDelayed`], when the time to ask again has come.
    Retry,
    /// The server stopped sending these rooms live (docs/PROTOCOL.md, 13.5).
    Lagged(Vec<Head>),
    /// Answers [`Ask::Follow`].
    Following(Following),
    /// Everything shown was read: of this room, or of all.
    HaveRead(Option<RoomId>),
    /// The face dropped the room's messages before this one, so they may be asked for again.
    Forgot(RoomId, Seq),
    /// A script wants a room from behind this message on, whatever was read. Before the room is
    /// joined.
    StartAt(RoomId, Seq),
    /// The person has read so far in another session.
    ReadTo(ReadTo),
    /// No answer to an earlier request comes any more.
    Disconnected,
    /// So many messages before the oldest one shown.
    WantOlder(RoomId, u32),
    /// So many messages before a moment, in milliseconds since 1970.
    WantBefore(RoomId, u64, u32),
    /// One message, whatever was shown of it.
    WantWhole(Place),
    /// A search; `None` for older messages of the last one.
    Find(Option<String>),
    /// Answers [`Ask::Search`].
    Found(Found),
    Want(Listed),
    WantProfile(String),
}

/// Lists that come in pages; the model asks until the last one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Those online.
    People,
    /// Those the person may know of.
    Rooms,
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

/// Whether a message names the person who reads it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mention {
    /// No, or it is their own.
    No,
    /// Yes, but it was said before the session began: no bell rings.
    Earlier,
    /// Yes, and it came since: the bell rings.
    Now,
    /// In a conversation of two since the session began: the bell rings as well.
    Alone,
}

/// To be carried out in the order in which they are returned.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Show(Chat, Mention),
    /// Show a sentence, in a room or where the person is.
    Notice(Option<RoomId>, String),
    /// The server has another history (docs/PROTOCOL.md, 13.1): drop all that was shown.
    Forget,
    /// The server has lost this message of the room and all behind it, and gives their numbers to
    /// others: drop them.
    ForgetFrom(RoomId, Seq),
    /// Drop what was shown of this room, which the person has left.
    ForgetRoom(RoomId),
    /// Show messages before the oldest one shown, in ascending order.
    Older {
        room: RoomId,
        messages: Vec<(Chat, Mention)>,
        /// The first message kept, where there is none before these.
        begins: Option<Seq>,
    },
    /// The messages that follow were not read yet.
    Unread {
        room: RoomId,
        /// All unread messages of the room.
        count: u32,
        /// Those of them that are shown.
        shown: usize,
    },
    People(Vec<OnlinePerson>),
    Rooms(Vec<RoomSummary>),
    Members(Vec<Member>),
    /// The list asked for is left out from here on. A sentence that says why.
    ListCut(String),
    Profile(Profile),
    /// Without ignored people and the person themselves.
    Presence(Presence),
    Standing(Standing),
    Invited(Invited),
    /// Messages from before a moment, in ascending order.
    Past {
        room: RoomId,
        /// In milliseconds since 1970.
        before: u64,
        messages: Vec<Chat>,
        /// There are none before them.
        is_all: bool,
    },
    /// One message, to be shown in all its length.
    Whole(Chat),
    /// What a search found, the newest last.
    Found {
        words: String,
        messages: Vec<Chat>,
        /// There may be older ones.
        more: bool,
        /// The server's index is behind, so some may be missing.
        incomplete: bool,
    },
    Ask(Ask),
    /// The server breaks the protocol, and the session can't go on. A sentence that says why.
    Fault(String),
}

/// A request to the server.
#[derive(Debug, PartialEq, Eq)]
pub enum Ask {
    /// A page of a room: behind `after`, before `before`, or the last messages.
    History {
        room: RoomId,
        after: Option<Seq>,
        before: Option<Seq>,
        limit: u32,
    },
    /// A page of a room's messages from before a moment.
    Until {
        room: RoomId,
        /// In milliseconds since 1970.
        time: u64,
        limit: u32,
    },
    Search {
        words: String,
        /// Only messages older than this one.
        before: Option<Place>,
        limit: u32,
    },
    /// A page of a list.
    List {
        what: Listed,
        /// Only names after this one.
        after: Option<String>,
    },
    Whois(String),
    /// Live messages again.
    Follow {
        room: RoomId,
        /// The last message shown.
        after: Seq,
    },
    /// Answered only where it is refused.
    Read {
        room: RoomId,
        /// The last message read.
        seq: Seq,
    },
}

impl Ask {
    /// The caller chooses the request's number and awaits the answer.
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
