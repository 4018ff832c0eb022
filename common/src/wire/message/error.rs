//! Refusals (docs/PROTOCOL.md, section 14) and the end of a connection (section 15).

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::RequestId;

/// A request was refused, and had no effect.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ErrorMessage {
    /// Repeats the number of the request, where there was one.
    #[n(0)]
    pub request: Option<RequestId>,
    /// A client acts on this alone.
    #[n(1)]
    pub code: ErrorCode,
    /// A sentence for people; no client decides by it, and none shows that of a code it does not
    /// know.
    #[n(2)]
    pub text: String,
    /// Try again in this many milliseconds.
    #[n(3)]
    pub retry_ms: Option<u32>,
}

/// An enum of numbers to which a later version may add: a number without a name is taken, and ends
/// no session.
macro_rules! open_list {
    ($(#[$about:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $number:literal,)* }) => {
        $(#[$about])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum $name {
            $($(#[$doc])* $variant,)*
            /// A number that this version has no name for; never sent.
            Other(u32),
        }

        impl $name {
            /// As it is sent.
            #[must_use]
            pub const fn number(self) -> u32 {
                match self {
                    $(Self::$variant => $number,)*
                    Self::Other(number) => number,
                }
            }
        }

        impl<C> Encode<C> for $name {
            fn encode<W: encode::Write>(
                &self,
                encoder: &mut Encoder<W>,
                _: &mut C,
            ) -> Result<(), encode::Error<W::Error>> {
                encoder.u32(self.number())?.ok()
            }
        }

        impl<'b, C> Decode<'b, C> for $name {
            fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
                Ok(match decoder.u32()? {
                    $($number => Self::$variant,)*
                    other => Self::Other(other),
                })
            }
        }
    };
}

open_list! {
    /// Every refusal there is.
    ErrorCode {
        /// The server does not know this type of message.
        Unsupported = 1,
        /// The name breaks the rule for names.
        InvalidName = 3,
        /// The name, or one that looks like it, belongs to somebody.
        NameTaken = 4,
        /// This server takes no registrations.
        RegistrationClosed = 5,
        /// The first code of a new TOTP secret was wrong; another may be tried.
        WrongCode = 6,
        /// A login, a resume, or a change of password or second factor was refused; nothing says why.
        LoginRefused = 7,
        /// Too much at once; `retry_ms` may say for how long.
        Busy = 8,
        /// The text is longer than allowed.
        TextTooLong = 9,
        /// The text is empty, nothing but white space, or has control characters.
        TextInvalid = 10,
        /// There is no such room, none that the person may know of, or they are not in it.
        UnknownRoom = 11,
        /// Too many messages or requests a second; `retry_ms` says when to go on.
        TooFast = 12,
        /// The message id was used for another message.
        IdConflict = 13,
        /// The server can't store anything just now; nothing was acknowledged.
        Unavailable = 14,
        /// An earlier request for a page is not answered yet.
        PageInFlight = 15,
        /// An argument is out of its range.
        InvalidArgument = 16,
        /// The person is not in the room.
        NotMember = 17,
        /// The person may not do that in this room.
        NotAllowed = 18,
        /// There are as many rooms as there may be, in all or made by one person, or one has begun as
        /// many conversations as one may.
        TooManyRooms = 19,
        /// No account has this name.
        UnknownUser = 20,
        /// The person may read and not write in this room.
        Muted = 21,
        /// Only moderators may write there for now.
        Locked = 22,
        /// The person is banned from the room.
        Banned = 23,
        /// The room is archived: nobody writes there or enters any more.
        Archived = 24,
    }
}

/// The last message of a connection.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Bye {
    /// A client acts on this alone.
    #[n(1)]
    pub reason: ByeReason,
    /// A sentence for people; no client decides by it.
    #[n(2)]
    pub text: String,
}

open_list! {
    /// Why a connection ends.
    ByeReason {
        /// The client asked for it.
        Quit = 1,
        /// The server stops.
        Shutdown = 2,
        /// Nothing came for too long, or a deadline passed.
        Timeout = 3,
        /// Something came that the protocol does not allow.
        Protocol = 4,
        /// The login, resume or registration was refused.
        LoginRefused = 5,
        /// The server has no room for another connection, or for another session of the account.
        Busy = 6,
        /// Too many messages were refused as too fast.
        Flood = 7,
        /// The account was disabled, logged out, or changed in another session, or this session showed
        /// too many wrong proofs.
        LoggedOut = 8,
    }
}
