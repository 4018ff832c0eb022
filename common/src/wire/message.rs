//! The messages of both directions (docs/PROTOCOL.md, 8); docs/protocol.cddl says the same in CDDL.
//!
//! A message is an array of its type number and a map. In the map key 0 is the request's number,
//! which the answer repeats. Type numbers 64 to 95 of both directions are kept for devices and
//! key packages (end-to-end encryption), and are unknown to this version.

mod account;
mod capability;
mod error;
mod login;
mod membership;
mod moderation;
mod people;
mod room;

use std::fmt;

use minicbor::{Decode, Encode};

pub use account::{
    Changed, Factor, FactorConfirm, FactorPart, NewFactor, Password, PasswordChallenge,
    PasswordConfirm, SessionInfo, SessionList,
};
pub use capability::{Capabilities, Capability};
pub use error::{Bye, ByeReason, ErrorCode, ErrorMessage};
pub use login::{
    LoggedIn, Login, LoginChallenge, LoginConfirm, Register, RegisterChallenge, RegisterConfirm,
    Resume,
};
pub use membership::{
    Access, Archive, Create, Direct, Hide, Invite, Invited, Join, Joined, Lock, Member, MemberList,
    Members, Room, RoomChanged, RoomList, RoomMode, RoomRole, RoomSummary, Rooms, SetTopic,
};
pub use moderation::{Action, Left, Moderate, Standing};
pub use people::{
    Announcement, Ignore, Ignoring, List, Named, OnlinePerson, People, Profile, ServerInfo, You,
};
pub use room::{
    Ack, Chat, Follow, Following, Found, Head, History, Kind, Lagged, Limits, Page, Place,
    Presence, Read, ReadTo, Search, Send, Welcome,
};

/// Number of a request, chosen by the side that asks and repeated by the answer; free again once it
/// is answered. Those of the server's pings are apart from the client's (docs/PROTOCOL.md, 8.1).
pub type RequestId = u32;
/// A message's number in its room: 1, 2, 3, … without gaps, the same for everybody.
pub type Seq = u64;
/// A client's name for a message: 8 random bytes chosen when the client starts, then an 8-byte
/// counter, big-endian (docs/PROTOCOL.md, 13.3).
pub type MessageId = [u8; 16];

/// Number of a room, never used again. Says nothing of how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct RoomId(pub u64);

/// Number of an account, never used again.
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

/// What a client sends, by type number (docs/PROTOCOL.md, 8.3).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ClientMessage {
    /// Asks for an account (docs/PROTOCOL.md, 10).
    #[n(1)]
    Register(#[n(0)] Register),
    /// Ends a registration with the password's verifier and a first code.
    #[n(2)]
    RegisterConfirm(#[n(0)] RegisterConfirm),
    /// Begins a login (docs/PROTOCOL.md, 11).
    #[n(3)]
    Login(#[n(0)] Login),
    /// Ends a login with the password's proof and the second factor.
    #[n(4)]
    LoginConfirm(#[n(0)] LoginConfirm),
    /// Continues an earlier login by its token (docs/PROTOCOL.md, 12).
    #[n(5)]
    Resume(#[n(0)] Resume),
    /// Says something in a room (docs/PROTOCOL.md, 13.3).
    #[n(16)]
    Send(#[n(0)] Send),
    /// Asks for a page of a room's messages (docs/PROTOCOL.md, 13.4).
    #[n(17)]
    History(#[n(0)] History),
    /// Asks for a room's live messages again (docs/PROTOCOL.md, 13.5).
    #[n(18)]
    Follow(#[n(0)] Follow),
    /// Asks who is online (docs/PROTOCOL.md, 13.6).
    #[n(19)]
    List(#[n(0)] List),
    /// Asks for the person's own name, account and session.
    #[n(20)]
    Whoami(#[n(0)] Plain),
    /// Asks for the server's version and load.
    #[n(21)]
    Info(#[n(0)] Plain),
    /// Asks for [`ServerMessage::Pong`]. Any record counts as a sign of life (docs/PROTOCOL.md,
    /// 13.7).
    #[n(22)]
    Ping(#[n(0)] Plain),
    /// Answers [`ServerMessage::Ping`], with its number.
    #[n(23)]
    Pong(#[n(0)] Plain),
    /// Ends this session and its login (docs/PROTOCOL.md, 15). Answered by a bye.
    #[n(24)]
    Bye(#[n(0)] Bye),
    /// Asks for the rooms that the person may know of (docs/PROTOCOL.md, 13.8).
    #[n(25)]
    Rooms(#[n(0)] Rooms),
    /// Makes a room, whose owner the person is.
    #[n(26)]
    Create(#[n(0)] Create),
    /// Enters a room.
    #[n(27)]
    Join(#[n(0)] Join),
    /// Leaves a room in all of the person's sessions. Answered by [`ServerMessage::Left`].
    #[n(28)]
    Leave(#[n(0)] InRoom),
    /// Sets a room's topic; a moderator's right.
    #[n(29)]
    SetTopic(#[n(0)] SetTopic),
    /// Invites a person into a room; a moderator's right.
    #[n(30)]
    Invite(#[n(0)] Invite),
    /// Asks who belongs to a room.
    #[n(31)]
    Members(#[n(0)] Members),
    /// Opens the conversation of two with a person (docs/PROTOCOL.md, 13.9).
    #[n(32)]
    Direct(#[n(0)] Direct),
    /// Says how far the person has read a room; answered only where it is refused
    /// (docs/PROTOCOL.md, 13.10).
    #[n(33)]
    Read(#[n(0)] Read),
    /// Does something to a person in a room (docs/PROTOCOL.md, 13.8).
    #[n(34)]
    Moderate(#[n(0)] Moderate),
    /// Lets only moderators write in a room, or all members again; a moderator's right.
    #[n(35)]
    Lock(#[n(0)] Lock),
    /// Asks for a person's profile (docs/PROTOCOL.md, 13.11).
    #[n(36)]
    Whois(#[n(0)] Named),
    /// Puts a person on one's list of ignored people, or removes them (docs/PROTOCOL.md, 13.11).
    #[n(37)]
    Ignore(#[n(0)] Ignore),
    /// Looks for messages in all of the person's rooms (docs/PROTOCOL.md, 13.12).
    #[n(38)]
    Search(#[n(0)] Search),
    /// Asks for the person's own sessions (docs/PROTOCOL.md, 13.13).
    #[n(39)]
    Sessions(#[n(0)] Plain),
    /// Ends all sessions of the account, this one included, and deletes their resume tokens.
    /// Answered by a bye (docs/PROTOCOL.md, 13.13).
    #[n(40)]
    LogOut(#[n(0)] Plain),
    /// Begins a proof of the password, for a change of it or of the second factor
    /// (docs/PROTOCOL.md, 13.14).
    #[n(41)]
    Password(#[n(0)] Password),
    /// Ends a change of the password with both proofs and the new verifier.
    #[n(42)]
    PasswordConfirm(#[n(0)] PasswordConfirm),
    /// Asks for a new second factor, with both proofs (docs/PROTOCOL.md, 13.15).
    #[n(43)]
    Factor(#[n(0)] Factor),
    /// Ends the change to a new TOTP secret with a first code of it.
    #[n(44)]
    FactorConfirm(#[n(0)] FactorConfirm),
    /// Archives a room, or opens it again; an owner's right (docs/PROTOCOL.md, 13.8).
    #[n(45)]
    Archive(#[n(0)] Archive),
    /// Takes a conversation of two out of the person's list until somebody speaks there. Answered by
    /// [`ServerMessage::Left`] (docs/PROTOCOL.md, 13.9).
    #[n(46)]
    Hide(#[n(0)] Hide),
}

/// What a server sends, by type number (docs/PROTOCOL.md, 8.4).
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(flat)]
pub enum ServerMessage {
    /// Answers [`ClientMessage::Register`].
    #[n(1)]
    RegisterChallenge(#[n(0)] RegisterChallenge),
    /// Answers [`ClientMessage::Login`].
    #[n(2)]
    LoginChallenge(#[n(0)] LoginChallenge),
    /// Answers a [`ClientMessage::RegisterConfirm`], [`ClientMessage::LoginConfirm`] or
    /// [`ClientMessage::Resume`]. The last message before a session's rules hold.
    #[n(3)]
    LoggedIn(#[n(0)] LoggedIn),
    /// The first message of a session (docs/PROTOCOL.md, 13.1).
    #[n(16)]
    Welcome(#[n(0)] Welcome),
    /// A live message of a room.
    #[n(17)]
    Chat(#[n(0)] Chat),
    /// Answers [`ClientMessage::Send`]: the message is committed.
    #[n(18)]
    Ack(#[n(0)] Ack),
    /// Answers [`ClientMessage::History`].
    #[n(19)]
    Page(#[n(0)] Page),
    /// This session gets no live messages of some rooms any more; it fetches pages, then follows
    /// (docs/PROTOCOL.md, 13.5).
    #[n(20)]
    Lagged(#[n(0)] Lagged),
    /// Answers [`ClientMessage::Follow`], and says whether the room is live.
    #[n(21)]
    Following(#[n(0)] Following),
    /// Who came and went in a room (docs/PROTOCOL.md, 13.6).
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
    /// Asks for [`ClientMessage::Pong`], after 60 s of silence (docs/PROTOCOL.md, 13.7).
    #[n(26)]
    Ping(#[n(0)] Plain),
    /// Answers [`ClientMessage::Ping`].
    #[n(27)]
    Pong(#[n(0)] Plain),
    /// Refuses a request (docs/PROTOCOL.md, 14).
    #[n(30)]
    Error(#[n(0)] ErrorMessage),
    /// Ends the connection, and says why (docs/PROTOCOL.md, 15).
    #[n(31)]
    Bye(#[n(0)] Bye),
    /// A request was carried out, and has no other answer.
    #[n(32)]
    Done(#[n(0)] Plain),
    /// The person is in a room from now on, in all of their sessions.
    #[n(33)]
    Joined(#[n(0)] Joined),
    /// The person is no longer in a room, in all of their sessions, or has hidden a conversation.
    #[n(34)]
    Left(#[n(0)] Left),
    /// A room's topic or lock was changed, or it was archived or opened again.
    #[n(35)]
    RoomChanged(#[n(0)] RoomChanged),
    /// What was done to a member of a room (docs/PROTOCOL.md, 13.8).
    #[n(36)]
    Standing(#[n(0)] Standing),
    /// Answers [`ClientMessage::Rooms`].
    #[n(37)]
    RoomList(#[n(0)] RoomList),
    /// Answers [`ClientMessage::Members`].
    #[n(38)]
    MemberList(#[n(0)] MemberList),
    /// Somebody invites the person into a room.
    #[n(39)]
    Invited(#[n(0)] Invited),
    /// The person has read so far in another of their sessions (docs/PROTOCOL.md, 13.10).
    #[n(40)]
    ReadTo(#[n(0)] ReadTo),
    /// Answers [`ClientMessage::Whois`].
    #[n(41)]
    Profile(#[n(0)] Profile),
    /// The person ignores somebody from now on, or no longer; to all of their sessions.
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
    /// The password or the second factor was changed. Answers [`ClientMessage::PasswordConfirm`] or
    /// [`ClientMessage::FactorConfirm`].
    #[n(47)]
    Changed(#[n(0)] Changed),
    /// The operator tells everybody who is online.
    #[n(48)]
    Announcement(#[n(0)] Announcement),
}

impl ClientMessage {
    /// The variants' numbers; a test compares them with the decoder.
    pub(super) const fn is_known(kind: u32) -> bool {
        matches!(kind, 1..=5 | 16..=46)
    }
}

impl ServerMessage {
    /// The variants' numbers; a test compares them with the decoder.
    pub(super) const fn is_known(kind: u32) -> bool {
        matches!(kind, 1..=3 | 16..=27 | 30..=48)
    }
}

/// A request, or an answer, that has nothing but its number.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Plain {
    /// Chosen by the side that asks, repeated by the answer.
    #[n(0)]
    pub request: RequestId,
}

/// A request that names a room and has nothing else.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct InRoom {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// The room's number.
    #[n(1)]
    pub room: RoomId,
}
