//! Refusals (docs/PROTOCOL.md, section 14) and the end of a connection (section 15).

use minicbor::{Decode, Decoder, Encode, decode};

use super::RequestId;

/// A request was refused, and had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ErrorMessage {
    /// Repeats the number of the request, where there was one.
    #[n(0)]
    pub request: Option<RequestId>,
    /// A client acts on this alone. A number that it does not know is [`ErrorCode::Other`].
    #[cbor(n(1), decode_with = "error_code")]
    pub code: ErrorCode,
    /// A sentence for people; no client decides by it.
    #[n(2)]
    pub text: String,
    /// Try again in this many milliseconds.
    #[n(3)]
    pub retry_ms: Option<u32>,
}

/// Every refusal there is. A client that meets a number it does not know shows the sentence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ErrorCode {
    /// Stands for a number that this version does not know; never sent.
    #[n(0)]
    Other,
    /// The server does not know this type of message.
    #[n(1)]
    Unsupported,
    /// The name breaks the rule for names.
    #[n(3)]
    InvalidName,
    /// The name, or one that looks like it, belongs to somebody.
    #[n(4)]
    NameTaken,
    /// This server takes no registrations.
    #[n(5)]
    RegistrationClosed,
    /// The first code of a new TOTP secret was wrong; another may be tried.
    #[n(6)]
    WrongCode,
    /// A login, a resume, or a change of password or second factor was refused; nothing says why.
    #[n(7)]
    LoginRefused,
    /// Too much at once; `retry_ms` may say for how long.
    #[n(8)]
    Busy,
    /// The text is longer than allowed.
    #[n(9)]
    TextTooLong,
    /// The text is empty, nothing but white space, or has control characters.
    #[n(10)]
    TextInvalid,
    /// There is no such room, none that the person may know of, or they are not in it.
    #[n(11)]
    UnknownRoom,
    /// Too many messages or requests a second; `retry_ms` says when to go on.
    #[n(12)]
    TooFast,
    /// The message id was used for another message.
    #[n(13)]
    IdConflict,
    /// The server can't store anything just now; nothing was acknowledged.
    #[n(14)]
    Unavailable,
    /// An earlier request for a page is not answered yet.
    #[n(15)]
    PageInFlight,
    /// An argument is out of its range.
    #[n(16)]
    InvalidArgument,
    /// The person is not in the room.
    #[n(17)]
    NotMember,
    /// The person may not do that in this room.
    #[n(18)]
    NotAllowed,
    /// There are as many rooms as there may be, in all or made by one person, or one has begun as
    /// many conversations as one may.
    #[n(19)]
    TooManyRooms,
    /// No account has this name.
    #[n(20)]
    UnknownUser,
    /// The person may read and not write in this room.
    #[n(21)]
    Muted,
    /// Only moderators may write there for now.
    #[n(22)]
    Locked,
    /// The person is banned from the room.
    #[n(23)]
    Banned,
}

/// The last message of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bye {
    /// A number that the client does not know is [`ByeReason::Other`].
    #[cbor(n(1), decode_with = "bye_reason")]
    pub reason: ByeReason,
    /// A sentence for people; no client decides by it.
    #[n(2)]
    pub text: String,
}

/// Why a connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum ByeReason {
    /// Stands for a number that this version does not know; never sent.
    #[n(0)]
    Other,
    /// The client asked for it.
    #[n(1)]
    Quit,
    /// The server stops.
    #[n(2)]
    Shutdown,
    /// Nothing came for too long, or a deadline passed.
    #[n(3)]
    Timeout,
    /// Something came that the protocol does not allow.
    #[n(4)]
    Protocol,
    /// The login, resume or registration was refused.
    #[n(5)]
    LoginRefused,
    /// The server has no room for another connection, or for another session of the account.
    #[n(6)]
    Busy,
    /// Too many messages were refused as too fast.
    #[n(7)]
    Flood,
    /// The account was disabled, logged out, or changed in another session, or this session showed
    /// too many wrong proofs.
    #[n(8)]
    LoggedOut,
}

/// A code of a later server must not end the session of an earlier client.
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
