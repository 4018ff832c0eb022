//! A member's side of a session: opens and seals records, and reads of messages only what the
//! generator needs.
//!
//! Every record is authenticated. Of a chat message the number and the text are read in place;
//! rare messages are decoded as the product's client does.

use std::cell::RefCell;
use std::time::Instant;

use anyhow::{Context, bail};
use chatbox_common::crypto::record::{Opened, Opener, Sealer};
use chatbox_common::limits::MAX_MESSAGES_PER_RECORD;
use chatbox_common::secret::Secret;
use chatbox_common::wire::codec;
use chatbox_common::wire::frame::LENGTH_LEN;
use chatbox_common::wire::message::{ClientMessage, Follow, Plain, RoomId, Seq, ServerMessage};
use minicbor::{Decoder, Encoder};

use crate::target::{Heard, Talk};

const LOBBY: RoomId = RoomId(1);
/// The types of [`ClientMessage::Send`] and [`ServerMessage::Chat`].
const SEND: u32 = 16;
const CHAT: u32 = 17;
/// Keys of [`ServerMessage::Chat`].
const CHAT_SEQ: u8 = 2;
const CHAT_USER: u8 = 4;
const CHAT_TEXT: u8 = 6;

thread_local! {
    /// Shared by all members, since they take turns on the generator's thread: received bytes
    /// behind a member's incomplete record, and the record that is being opened.
    static SCRATCH: RefCell<(Vec<u8>, Vec<u8>)> = const { RefCell::new((Vec::new(), Vec::new())) };
}

pub struct Speech {
    sealer: Sealer,
    opener: Opener,
    /// The beginning of an incomplete record.
    part: Vec<u8>,
    clear: Vec<u8>,
    request: u32,
    /// The first half of this member's message ids.
    start: [u8; 8],
    said: u64,
}

impl Speech {
    /// `part` are the bytes that came behind the login.
    pub fn new(sealer: Sealer, opener: Opener, part: Vec<u8>) -> Self {
        Self {
            sealer,
            opener,
            part,
            clear: Vec::new(),
            request: 2,
            start: *Secret::random().expose(),
            said: 0,
        }
    }

    fn next_request(&mut self) -> u32 {
        self.request = self.request.wrapping_add(1);
        self.request
    }

    fn answer(&mut self, message: &ClientMessage, out: &mut Vec<u8>) -> anyhow::Result<()> {
        self.clear.clear();
        codec::put(message, &mut self.clear);
        Ok(self.sealer.seal(&self.clear, Instant::now(), out)?)
    }

    fn follow(&mut self, after: Seq, out: &mut Vec<u8>) -> anyhow::Result<()> {
        let request = self.next_request();
        let follow = Follow {
            request,
            room: LOBBY,
            after,
        };
        self.answer(&ClientMessage::Follow(follow), out)
    }

    /// Opens the complete records; returns how many bytes they had.
    fn records(
        &mut self,
        bytes: &[u8],
        record: &mut Vec<u8>,
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<usize> {
        let now = Instant::now();
        let mut rest = bytes;
        while let Some((length, behind)) = rest.split_first_chunk::<LENGTH_LEN>() {
            let length = u16::from_be_bytes(*length).into();
            let Some((body, behind)) = behind.split_at_checked(length) else {
                break;
            };
            record.clear();
            record.extend_from_slice(body);
            if let Opened::Messages(content) = self.opener.open(record, now)? {
                self.messages(content, out, heard)?;
            }
            rest = behind;
        }
        Ok(bytes.len() - rest.len())
    }

    fn messages(
        &mut self,
        content: &[u8],
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()> {
        let mut decoder = Decoder::new(content);
        while decoder.position() < content.len() {
            let begin = decoder.position();
            decoder.array()?;
            if decoder.u32()? == CHAT {
                chat(&mut decoder, heard)?;
                continue;
            }
            decoder.set_position(begin);
            self.rare(decoder.decode()?, out, heard)?;
        }
        Ok(())
    }

    fn rare(
        &mut self,
        message: ServerMessage,
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()> {
        match message {
            ServerMessage::Ping(Plain { request }) => {
                self.answer(&ClientMessage::Pong(Plain { request }), out)
            }
            ServerMessage::Lagged(lagged) => {
                heard(Heard::Lagged);
                let room = lagged.heads.first().context("lagged nowhere")?;
                self.follow(room.head, out)
            }
            ServerMessage::Following(following) if !following.live => {
                self.follow(following.head, out)
            }
            ServerMessage::Error(error) => bail!("the server refuses: {error:?}"),
            ServerMessage::Bye(bye) => bail!("the server says goodbye: {bye:?}"),
            _ => Ok(()),
        }
    }
}

/// Reads the map of a chat message, in which all values but two texts are numbers.
fn chat(decoder: &mut Decoder<'_>, heard: &mut dyn FnMut(Heard<'_>)) -> anyhow::Result<()> {
    let (mut seq, mut text) = (None, None);
    for _ in 0..decoder.map()?.context("a map of unknown length")? {
        match decoder.u8()? {
            CHAT_SEQ => seq = Some(decoder.u64()?),
            CHAT_TEXT => text = Some(decoder.str()?),
            CHAT_USER => _ = decoder.str()?,
            _ => _ = decoder.u64()?,
        }
    }
    let text = text.context("chat without a text")?;
    heard(Heard::Text(text.as_bytes(), seq));
    Ok(())
}

impl Talk for Speech {
    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()> {
        SCRATCH.with_borrow_mut(|(joined, record)| {
            let bytes = if self.part.is_empty() {
                bytes
            } else {
                joined.clear();
                joined.extend_from_slice(&self.part);
                joined.extend_from_slice(bytes);
                self.part.clear();
                joined
            };
            let used = self.records(bytes, record, out, heard)?;
            self.part.extend_from_slice(&bytes[used..]);
            Ok(())
        })
    }

    fn say(&mut self, texts: &[&str], out: &mut Vec<u8>) -> anyhow::Result<()> {
        for texts in texts.chunks(MAX_MESSAGES_PER_RECORD) {
            self.clear.clear();
            for text in texts {
                self.said += 1;
                let request = self.next_request();
                let mut id = [0; 16];
                id[..8].copy_from_slice(&self.start);
                id[8..].copy_from_slice(&self.said.to_be_bytes());
                let mut encoder = Encoder::new(&mut self.clear);
                encoder.array(2)?.u32(SEND)?.map(5)?;
                encoder.u8(0)?.u32(request)?.u8(1)?.u64(LOBBY.0)?;
                encoder.u8(2)?.bytes(&id)?.u8(3)?.str(text)?;
                // The kind: text.
                encoder.u8(4)?.u8(0)?;
            }
            self.sealer.seal(&self.clear, Instant::now(), out)?;
        }
        Ok(())
    }
}
