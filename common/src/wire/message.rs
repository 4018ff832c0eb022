//! What can be said, in both directions. docs/protocol.cddl says the same in CDDL.
//!
//! A message is an array of its type number and a map. In the map key 0 is the request's number,
//! which the answer repeats. Type numbers 64 to 95 of both directions are kept for devices and
//! key packages (end-to-end encryption), and are unknown to this version.

use minicbor::{Decode, Decoder, Encode, decode};

use crate::secret::{Secret, SecretString};

/// The longest text of a chat message, in bytes of UTF-8.
pub const MAX_TEXT: usize = 8 * 1024;
/// A page ends once it holds this many bytes of messages.
pub const PAGE_BYTES: usize = 32 * 1024;
/// The most messages or people in a page.
pub const PAGE_LIMIT: u32 = 500;
/// The most messages in one record.
pub const MAX_MESSAGES_PER_RECORD: usize = 256;

/// Number of a request, chosen by whoever asks; its answer repeats it.
pub type RequestId = u32;
/// Number of a room.
pub type RoomId = u64;
/// Place of a message in its room: 1, 2, 3, …
pub type Seq = u64;
/// Number of an account: never used again.
pub type AccountId = u64;
/// A client's name for a message: 8 random bytes of its start and an 8-byte counter.
pub type MessageId = [u8; 16];

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
}

/// A request, or its answer, with nothing else in it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Plain {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
}

/// Asks for an account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Register {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The name wished for, as it shall be shown.
    #[n(1)]
    pub user: String,
    /// An invitation's one-time token; its place is kept, no server of this version takes one.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub invitation: Option<Vec<u8>>,
}

/// What a new account needs.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterChallenge {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Salt of the password.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub salt: [u8; 16],
    /// Iterations of PBKDF2.
    #[n(2)]
    pub iterations: u32,
    /// The TOTP secret.
    #[n(3)]
    pub totp: Secret<20>,
    /// The recovery codes, each 10 bytes.
    #[n(4)]
    pub recovery: Vec<Secret<10>>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
}

/// Makes the account.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct RegisterConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// `StoredKey` (RFC 5802, section 3).
    #[n(1)]
    pub stored_key: Secret<32>,
    /// `ServerKey` (RFC 5802, section 3).
    #[n(2)]
    pub server_key: Secret<32>,
    /// A code of the new TOTP secret, six digits.
    #[n(3)]
    pub code: SecretString,
}

/// Begins a login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Login {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-first-message.
    #[n(1)]
    pub scram: String,
}

/// Answers [`Login`], whether or not the name exists.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginChallenge {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-first-message.
    #[n(1)]
    pub scram: String,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// Both proofs of a login.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoginConfirm {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's client-final-message.
    #[n(1)]
    pub scram: String,
    /// Six digits, or a recovery code.
    #[n(2)]
    pub code: SecretString,
}

/// Continues an earlier login on a new connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Resume {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Which token.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub id: [u8; 16],
    /// The token, hidden under an HMAC that covers the channel binding.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub proof: [u8; 32],
}

/// The login succeeded.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct LoggedIn {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// SCRAM's server-final-message; only after a [`LoginConfirm`].
    #[n(1)]
    pub scram: Option<String>,
    /// The name as it was registered.
    #[n(2)]
    pub user: String,
    /// Number of the account.
    #[n(3)]
    pub account: AccountId,
    /// Name of the resume token.
    #[cbor(n(4), with = "minicbor::bytes")]
    pub token_id: [u8; 16],
    /// The resume token.
    #[n(5)]
    pub token: Secret<32>,
    /// How long the token can be used, in seconds.
    #[n(6)]
    pub token_seconds: u32,
    /// Wrong second factors after a right password since the last login.
    #[n(7)]
    pub wrong_codes: u32,
}

/// How a room's messages are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum RoomMode {
    /// The server reads and keeps the text, and logs it.
    #[n(0)]
    Audited,
    /// End-to-end encrypted. Its number is kept; this version has no such rooms.
    #[n(1)]
    Private,
}

/// A room one is in.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Room {
    /// Number of the room.
    #[n(0)]
    pub room: RoomId,
    /// Its name, with `#`.
    #[n(1)]
    pub name: String,
    /// Its topic, or nothing.
    #[n(2)]
    pub topic: String,
    /// How its messages are kept.
    #[n(3)]
    pub mode: RoomMode,
    /// The first message still kept; one above `head` when there is none.
    #[n(4)]
    pub first: Seq,
    /// The last message, 0 when there was none. What comes live begins behind it.
    #[n(5)]
    pub head: Seq,
    /// Members online.
    #[n(6)]
    pub online: u32,
}

/// What a client must know of the server's limits.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Limits {
    /// Messages a second, 0 for no limit.
    #[n(0)]
    pub messages_per_second: u32,
    /// The longest text, in bytes.
    #[n(1)]
    pub text_bytes: u32,
    /// The most messages in a page.
    #[n(2)]
    pub page_messages: u32,
}

/// The first message of a session.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Welcome {
    /// Made with the database; another one means another history: forget the old.
    #[cbor(n(1), with = "minicbor::bytes")]
    pub history_id: [u8; 16],
    /// The rooms one is in.
    #[n(2)]
    pub rooms: Vec<Room>,
    /// The server's time, milliseconds since 1970-01-01 UTC.
    #[n(3)]
    pub time: u64,
    /// Limits.
    #[n(4)]
    pub limits: Limits,
    /// The server's version.
    #[n(5)]
    pub server: String,
    /// Number of this session.
    #[n(6)]
    pub session: u64,
}

/// Says something in a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Send {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The client's name for the message: the same again means the same message.
    #[cbor(n(2), with = "minicbor::bytes")]
    pub id: MessageId,
    /// What.
    #[n(3)]
    pub text: String,
}

/// The message is committed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ack {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The message's place in its room.
    #[n(1)]
    pub seq: Seq,
    /// When it was committed, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub time: u64,
}

/// A message of a room.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Chat {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Its place in the room.
    #[n(2)]
    pub seq: Seq,
    /// Whose, as a number.
    #[n(3)]
    pub account: AccountId,
    /// Whose, as a name.
    #[n(4)]
    pub user: String,
    /// When, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub time: u64,
    /// What.
    #[n(6)]
    pub text: String,
}

/// Asks for a page of a room's messages: those after a number in ascending order from there, or
/// the last ones before a number. With neither, the last ones of all.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct History {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Only messages after this one.
    #[n(2)]
    pub after: Option<Seq>,
    /// Only messages before this one; not together with `after`.
    #[n(3)]
    pub before: Option<Seq>,
    /// At most so many, 1 to [`PAGE_LIMIT`].
    #[n(4)]
    pub limit: u32,
}

/// A page of messages, ascending.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Page {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The messages.
    #[n(2)]
    pub messages: Vec<Chat>,
    /// Whether more follow in the direction asked for.
    #[n(3)]
    pub more: bool,
    /// The first message still kept.
    #[n(4)]
    pub first: Seq,
}

/// The place a room has come to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Head {
    /// Where.
    #[n(0)]
    pub room: RoomId,
    /// The last message.
    #[n(1)]
    pub head: Seq,
}

/// This session's live messages were cut in the rooms named.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Lagged {
    /// The rooms and how far they are.
    #[n(1)]
    pub heads: Vec<Head>,
}

/// Asks to get a room's messages live again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Follow {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// The last message one has.
    #[n(2)]
    pub after: Seq,
}

/// Answers [`Follow`]. When `live` is false the room is too far ahead: fetch pages, follow again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Following {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// How far the room is.
    #[n(2)]
    pub head: Seq,
    /// Whether everything after the number one named comes live from here on.
    #[n(3)]
    pub live: bool,
}

/// Who came and went since the last notice.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Presence {
    /// Where.
    #[n(1)]
    pub room: RoomId,
    /// Who came; empty in large rooms.
    #[n(2)]
    pub joined: Vec<String>,
    /// Who went; empty in large rooms.
    #[n(3)]
    pub left: Vec<String>,
    /// Members online now.
    #[n(4)]
    pub online: u32,
}

/// Asks who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct List {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Only names after this one, in the order of the list.
    #[n(1)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`].
    #[n(2)]
    pub limit: u32,
}

/// Somebody who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Person {
    /// Name.
    #[n(0)]
    pub user: String,
    /// Sessions.
    #[n(1)]
    pub sessions: u32,
    /// Since when, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub since: u64,
}

/// Who is online, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct People {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The people.
    #[n(1)]
    pub people: Vec<Person>,
    /// Whether more follow.
    #[n(2)]
    pub more: bool,
}

/// Who one is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct You {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Name.
    #[n(1)]
    pub user: String,
    /// Number of the account.
    #[n(2)]
    pub account: AccountId,
    /// The address the server sees.
    #[n(3)]
    pub address: String,
    /// Number of this session.
    #[n(4)]
    pub session: u64,
    /// Since when, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub since: u64,
    /// Sessions of this account, this one included.
    #[n(6)]
    pub sessions: u32,
}

/// About the server.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServerInfo {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The server's version.
    #[n(1)]
    pub server: String,
    /// Seconds since it started.
    #[n(2)]
    pub uptime: u64,
    /// People online.
    #[n(3)]
    pub people: u32,
    /// Connections, logged in or not.
    #[n(4)]
    pub connections: u32,
    /// The most connections it takes.
    #[n(5)]
    pub most_connections: u32,
}

/// A request was refused.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ErrorMessage {
    /// Number of the request, where there was one.
    #[n(0)]
    pub request: Option<RequestId>,
    /// Which refusal.
    #[cbor(n(1), decode_with = "error_code")]
    pub code: ErrorCode,
    /// A sentence for people.
    #[n(2)]
    pub text: String,
    /// When to try again, in milliseconds.
    #[n(3)]
    pub retry_ms: Option<u32>,
}

/// Every refusal there is. A client that meets a number it does not know shows the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ErrorCode {
    /// A number this version does not know. Nobody sends it.
    #[n(0)]
    Other,
    /// The server does not know this type of message.
    #[n(1)]
    Unsupported,
    /// The name is outside the rule for names.
    #[n(3)]
    InvalidName,
    /// The name, or one that looks like it, belongs to somebody.
    #[n(4)]
    NameTaken,
    /// This server takes no registrations.
    #[n(5)]
    RegistrationClosed,
    /// A registration's code was not right; it may be tried again.
    #[n(6)]
    WrongCode,
    /// The login or resume was refused; nothing says why.
    #[n(7)]
    LoginRefused,
    /// Too much at once; try later.
    #[n(8)]
    Busy,
    /// The text is longer than allowed.
    #[n(9)]
    TextTooLong,
    /// The text is empty or has control characters.
    #[n(10)]
    TextInvalid,
    /// There is no such room, or one is not in it.
    #[n(11)]
    UnknownRoom,
    /// Too many messages a second.
    #[n(12)]
    TooFast,
    /// The message id was used for another message.
    #[n(13)]
    IdConflict,
    /// The server can't store anything just now; nothing was acknowledged.
    #[n(14)]
    Unavailable,
    /// A page is still under way.
    #[n(15)]
    PageInFlight,
    /// An argument is out of its range.
    #[n(16)]
    InvalidArgument,
}

/// A goodbye.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bye {
    /// Why.
    #[cbor(n(1), decode_with = "bye_reason")]
    pub reason: ByeReason,
    /// A sentence for people.
    #[n(2)]
    pub text: String,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ByeReason {
    /// A number this version does not know. Nobody sends it.
    #[n(0)]
    Other,
    /// The client asked for it.
    #[n(1)]
    Quit,
    /// The server stops.
    #[n(2)]
    Shutdown,
    /// Nothing came for too long.
    #[n(3)]
    Timeout,
    /// Something came that the protocol does not allow.
    #[n(4)]
    Protocol,
    /// The login or resume was refused.
    #[n(5)]
    LoginRefused,
    /// The server has no room for another connection.
    #[n(6)]
    Busy,
    /// Far too many messages a second.
    #[n(7)]
    Flood,
    /// The account was disabled or logged out.
    #[n(8)]
    LoggedOut,
}

/// A refusal of a later version must not end the session of an earlier one.
fn error_code<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<ErrorCode, decode::Error> {
    known_or(decoder, ErrorCode::Other)
}

fn bye_reason<C>(decoder: &mut Decoder<'_>, _: &mut C) -> Result<ByeReason, decode::Error> {
    known_or(decoder, ByeReason::Other)
}

fn known_or<'b, T: Decode<'b, ()>>(
    decoder: &mut Decoder<'b>,
    other: T,
) -> Result<T, decode::Error> {
    match decoder.decode() {
        Err(error) if error.is_unknown_variant() => Ok(other),
        result => result,
    }
}
