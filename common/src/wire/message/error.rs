//! Refusals and goodbyes.

use minicbor::{Decode, Decoder, Encode, decode};

use super::RequestId;

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
    /// One is not in the room.
    #[n(17)]
    NotMember,
    /// One may not do that there.
    #[n(18)]
    NotAllowed,
    /// There are as many rooms as there may be, for one person or in all.
    #[n(19)]
    TooManyRooms,
    /// There is nobody of this name.
    #[n(20)]
    UnknownUser,
    /// One may read and not write for a while.
    #[n(21)]
    Muted,
    /// Only moderators may write there for now.
    #[n(22)]
    Locked,
    /// One is banned from the room.
    #[n(23)]
    Banned,
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
