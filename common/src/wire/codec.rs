//! Messages to bytes and back: the content of a record is CBOR items back to back (RFC 8742), in
//! the subset of docs/PROTOCOL.md, section 7, which `strict` checks. Refuses by form
//! alone; what a message may say, and when, is its receiver's to check.

use minicbor::{Decode, Decoder, Encode, Encoder, decode, encode};

use super::message::{ClientMessage, RequestId, ServerMessage};
use super::strict;
pub use super::strict::{MAX_KEYS, MAX_NESTING, Malformed};
use crate::limits::MAX_MESSAGES_PER_RECORD;
use crate::secret::{Secret, SecretString};

/// A message read from a record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read<M> {
    /// Of a type that this version knows.
    Known(M),
    /// Of a type that this version does not know. The server answers `unsupported`, the client
    /// ignores it (docs/PROTOCOL.md, 17).
    Unknown {
        /// The type number.
        kind: u32,
        /// The request number (key 0), where there is one.
        request: Option<RequestId>,
    },
}

/// The messages of one direction; type numbers are the direction's own.
pub trait Message: Encode<()> + for<'b> Decode<'b, ()> {
    /// Whether this version has a message of this type number.
    fn knows(kind: u32) -> bool;
}

impl Message for ClientMessage {
    fn knows(kind: u32) -> bool {
        Self::is_known(kind)
    }
}

impl Message for ServerMessage {
    fn knows(kind: u32) -> bool {
        Self::is_known(kind)
    }
}

/// Appends one message to the content of a record. Its size is not limited here.
pub fn put<M: Message>(message: &M, out: &mut Vec<u8>) {
    // Writing to a Vec can't fail, and no type here refuses to be encoded.
    let written = encode(message, out);
    debug_assert!(written.is_ok(), "{written:?}");
}

/// How many bytes a message, or a part of one, has when it is encoded.
pub fn length(value: &impl Encode<()>) -> usize {
    struct Counter(usize);

    impl encode::Write for Counter {
        type Error = std::convert::Infallible;

        fn write_all(&mut self, bytes: &[u8]) -> Result<(), Self::Error> {
            self.0 += bytes.len();
            Ok(())
        }
    }

    let mut counter = Counter(0);
    let written = encode(value, &mut counter);
    debug_assert!(written.is_ok(), "{written:?}");
    counter.0
}

/// The messages of one record, in order, at most [`MAX_MESSAGES_PER_RECORD`]. After an error
/// nothing more comes.
pub struct Messages<'a, M> {
    rest: &'a [u8],
    count: usize,
    kind: std::marker::PhantomData<M>,
}

/// Reads the content of a record, message by message.
#[must_use]
pub const fn messages<M: Message>(content: &[u8]) -> Messages<'_, M> {
    Messages {
        rest: content,
        count: 0,
        kind: std::marker::PhantomData,
    }
}

impl<M: Message> Iterator for Messages<'_, M> {
    type Item = Result<Read<M>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = if self.count < MAX_MESSAGES_PER_RECORD {
            take(&mut self.rest)
        } else {
            Err(Malformed::TooMany)
        };
        self.count += 1;
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

fn take<M: Message>(bytes: &mut &[u8]) -> Result<Read<M>, Malformed> {
    let length = strict::item_len(bytes)?;
    let (item, rest) = bytes.split_at_checked(length).ok_or(Malformed::Truncated)?;
    *bytes = rest;
    let mut decoder = Decoder::new(item);
    let kind = envelope(&mut decoder).map_err(|_| Malformed::Field)?;
    if M::knows(kind) {
        decode(item).map(Read::Known).map_err(|_| Malformed::Field)
    } else {
        let request = request(&mut decoder).map_err(|_| Malformed::Field)?;
        Ok(Read::Unknown { kind, request })
    }
}

/// Reads the head of the array of two and the type number (docs/PROTOCOL.md, 8.1).
fn envelope(decoder: &mut Decoder<'_>) -> Result<u32, decode::Error> {
    if decoder.array()? != Some(2) {
        return Err(decode::Error::message("an array of two"));
    }
    decoder.u32()
}

/// Key 0 is the request number in a message of unknown type, too (docs/PROTOCOL.md, 8.1).
fn request(decoder: &mut Decoder<'_>) -> Result<Option<RequestId>, decode::Error> {
    for _ in 0..decoder.map()?.unwrap_or(0) {
        if decoder.i64()? == 0 {
            return decoder.u32().map(Some);
        }
        decoder.skip()?;
    }
    Ok(None)
}

impl<C, const N: usize> Encode<C> for Secret<N> {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.bytes(self.expose())?.ok()
    }
}

impl<'b, C, const N: usize> Decode<'b, C> for Secret<N> {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Self::try_from(decoder.bytes()?).map_err(|_| decode::Error::message("wrong length"))
    }
}

impl<C> Encode<C> for SecretString {
    fn encode<W: encode::Write>(
        &self,
        encoder: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), encode::Error<W::Error>> {
        encoder.str(self.expose())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for SecretString {
    fn decode(decoder: &mut Decoder<'b>, _: &mut C) -> Result<Self, decode::Error> {
        Ok(Self::new(decoder.str()?.to_owned()))
    }
}

#[cfg(test)]
#[path = "codec_tests.rs"]
mod tests;
