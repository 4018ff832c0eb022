//! What can be said, in both directions. docs/protocol.cddl says the same in CDDL.
//!
//! A message is an array of its type number and a map. In the map key 0 is the request's number,
//! which the answer repeats. Type numbers 64 to 95 of both directions are kept for devices and
//! key packages (end-to-end encryption), and are unknown to this version.

mod account;
mod error;
mod login;
mod membership;
mod people;
mod room;

use std::fmt;

use minicbor::{Decode, Encode};

pub use account::{
    Changed, Factor, FactorConfirm, FactorPart, NewFactor, Password, PasswordChallenge,
    PasswordConfirm, SessionInfo, SessionList,
};
pub use error::{Bye, ByeReason, ErrorCode, ErrorMessage};
pub use login::{
    LoggedIn, Login, LoginChallenge, LoginConfirm, Register, RegisterChallenge, RegisterConfirm,
    Resume,
};
pub use membership::{
    Access, Action, Create, Direct, Invite, Invited, Join, Joined, Left, Lock, Member, MemberList,
    Members, Moderate, Room, RoomChanged, RoomList, RoomMode, RoomRole, RoomSummary, Rooms,
    SetTopic, Standing,
};
pub use people::{Ignore, Ignoring, List, Named, OnlinePerson, People, Profile, ServerInfo, You};
pub use room::{
    Ack, Chat, Follow, Following, Found, Head, History, Kind, Lagged, Limits, Page, Place,
    Presence, Read, ReadTo, Search, Send, Welcome,
};

/// Number of a request, chosen by whoever asks; its answer repeats it.
pub type RequestId = u32;
/// Place of a message in its room: 1, 2, 3, …
pub type Seq = u64;
/// A client's name for a message: 8 random bytes of its start and an 8-byte counter.
pub type MessageId = [u8; 16];

/// Number of a room: never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RoomId(pub u64);

/// Number of an account: never used again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct AccountId(pub u64);

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What a client says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ClientMessage {
    /// Asks for an account.
    #[n(1)]
    Register(#[n(0)] Register),
    /// Confirms it with the password's verifier and a first code.
    #[n(2)]
    RegisterConfirm(#[n(0)] RegisterConfirm),
    /// Begins a login.
    #[n(3)]
    Login(#[n(0)] Login),
    /// Ends it with both proofs.
    #[n(4)]
    LoginConfirm(#[n(0)] LoginConfirm),
    /// Continues an earlier login.
    #[n(5)]
    Resume(#[n(0)] Resume),
    /// Says something in a room.
    #[n(16)]
    Send(#[n(0)] Send),
    /// Asks for a page of a room's messages.
    #[n(17)]
    History(#[n(0)] History),
    /// Asks to get a room's messages live again.
    #[n(18)]
    Follow(#[n(0)] Follow),
    /// Asks who is there.
    #[n(19)]
    List(#[n(0)] List),
    /// Asks who one is.
    #[n(20)]
    Whoami(#[n(0)] Plain),
    /// Asks about the server.
    #[n(21)]
    Info(#[n(0)] Plain),
    /// Asks for a sign of life.
    #[n(22)]
    Ping(#[n(0)] Plain),
    /// Answers [`ServerMessage::Ping`].
    #[n(23)]
    Pong(#[n(0)] Plain),
    /// Says goodbye.
    #[n(24)]
    Bye(#[n(0)] Bye),
    /// Asks which rooms there are.
    #[n(25)]
    Rooms(#[n(0)] Rooms),
    /// Makes a room.
    #[n(26)]
    Create(#[n(0)] Create),
    /// Enters a room.
    #[n(27)]
    Join(#[n(0)] Join),
    /// Leaves a room.
    #[n(28)]
    Leave(#[n(0)] InRoom),
    /// Says what a room is about.
    #[n(29)]
    SetTopic(#[n(0)] SetTopic),
    /// Lets somebody into a room.
    #[n(30)]
    Invite(#[n(0)] Invite),
    /// Asks who belongs to a room.
    #[n(31)]
    Members(#[n(0)] Members),
    /// Opens the conversation with somebody.
    #[n(32)]
    Direct(#[n(0)] Direct),
    /// Says how far one has read in a room; answered only where it is refused.
    #[n(33)]
    Read(#[n(0)] Read),
    /// Does something to a member of a room.
    #[n(34)]
    Moderate(#[n(0)] Moderate),
    /// Leaves a room's word to its moderators, or gives it back to all.
    #[n(35)]
    Lock(#[n(0)] Lock),
    /// Asks who somebody is.
    #[n(36)]
    Whois(#[n(0)] Named),
    /// Says whom one does not want to see.
    #[n(37)]
    Ignore(#[n(0)] Ignore),
    /// Looks for messages.
    #[n(38)]
    Search(#[n(0)] Search),
    /// Asks where one is logged in.
    #[n(39)]
    Sessions(#[n(0)] Plain),
    /// Ends all of one's sessions, this one included, and their resume tokens.
    #[n(40)]
    LogOut(#[n(0)] Plain),
    /// Begins a change of the password.
    #[n(41)]
    Password(#[n(0)] Password),
    /// Ends it with both proofs and the new password's verifier.
    #[n(42)]
    PasswordConfirm(#[n(0)] PasswordConfirm),
    /// Asks for a new second factor.
    #[n(43)]
    Factor(#[n(0)] Factor),
    /// Confirms it with a first code.
    #[n(44)]
    FactorConfirm(#[n(0)] FactorConfirm),
}

/// What a server says.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ServerMessage {
    /// Answers [`ClientMessage::Register`].
    #[n(1)]
    RegisterChallenge(#[n(0)] RegisterChallenge),
    /// Answers [`ClientMessage::Login`].
    #[n(2)]
    LoginChallenge(#[n(0)] LoginChallenge),
    /// Logged in: answers a confirmation or a resume. The last message before the session's rules.
    #[n(3)]
    LoggedIn(#[n(0)] LoggedIn),
    /// The first message of a session.
    #[n(16)]
    Welcome(#[n(0)] Welcome),
    /// A message of a room, live.
    #[n(17)]
    Chat(#[n(0)] Chat),
    /// Answers [`ClientMessage::Send`]: the message is committed.
    #[n(18)]
    Ack(#[n(0)] Ack),
    /// Answers [`ClientMessage::History`].
    #[n(19)]
    Page(#[n(0)] Page),
    /// This session's live messages were cut; it fetches pages, then follows.
    #[n(20)]
    Lagged(#[n(0)] Lagged),
    /// Answers [`ClientMessage::Follow`]: everything after the named number comes live.
    #[n(21)]
    Following(#[n(0)] Following),
    /// Who came and went.
    #[n(22)]
    Presence(#[n(0)] Presence),
    /// Answers [`ClientMessage::List`].
    #[n(23)]
    People(#[n(0)] People),
    /// Answers [`ClientMessage::Whoami`].
    #[n(24)]
    You(#[n(0)] You),
    /// Answers [`ClientMessage::Info`].
    #[n(25)]
    ServerInfo(#[n(0)] ServerInfo),
    /// Asks for a sign of life.
    #[n(26)]
    Ping(#[n(0)] Plain),
    /// Answers [`ClientMessage::Ping`].
    #[n(27)]
    Pong(#[n(0)] Plain),
    /// A request was refused.
    #[n(30)]
    Error(#[n(0)] ErrorMessage),
    /// Says goodbye, and why.
    #[n(31)]
    Bye(#[n(0)] Bye),
    /// A request was carried out, and there is nothing else to say of it.
    #[n(32)]
    Done(#[n(0)] Plain),
    /// One is in a room from now on, in all of one's sessions.
    #[n(33)]
    Joined(#[n(0)] Joined),
    /// One is no longer in a room.
    #[n(34)]
    Left(#[n(0)] Left),
    /// Something about a room one is in was changed.
    #[n(35)]
    RoomChanged(#[n(0)] RoomChanged),
    /// Somebody came to belong to a room, no longer does, or may do other things there.
    #[n(36)]
    Standing(#[n(0)] Standing),
    /// Answers [`ClientMessage::Rooms`].
    #[n(37)]
    RoomList(#[n(0)] RoomList),
    /// Answers [`ClientMessage::Members`].
    #[n(38)]
    MemberList(#[n(0)] MemberList),
    /// Somebody lets one into a room.
    #[n(39)]
    Invited(#[n(0)] Invited),
    /// One has read so far in another of one's sessions.
    #[n(40)]
    ReadTo(#[n(0)] ReadTo),
    /// Answers [`ClientMessage::Whois`].
    #[n(41)]
    Profile(#[n(0)] Profile),
    /// One ignores somebody from now on, or no longer.
    #[n(42)]
    Ignoring(#[n(0)] Ignoring),
    /// Answers [`ClientMessage::Search`].
    #[n(43)]
    Found(#[n(0)] Found),
    /// Answers [`ClientMessage::Sessions`].
    #[n(44)]
    SessionList(#[n(0)] SessionList),
    /// Answers [`ClientMessage::Password`].
    #[n(45)]
    PasswordChallenge(#[n(0)] PasswordChallenge),
    /// Answers [`ClientMessage::Factor`].
    #[n(46)]
    NewFactor(#[n(0)] NewFactor),
    /// The password or the second factor was changed.
    #[n(47)]
    Changed(#[n(0)] Changed),
}

impl ClientMessage {
    /// Whether there is a message of this number above.
    pub(super) const fn is_known(kind: u32) -> bool {
        matches!(kind, 1..=5 | 16..=44)
    }
}

impl ServerMessage {
    /// Whether there is a message of this number above.
    pub(super) const fn is_known(kind: u32) -> bool {
        matches!(kind, 1..=3 | 16..=27 | 30..=47)
    }
}

/// A request, or its answer, with nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Plain {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
}

/// A request about a room, with nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InRoom {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
}
