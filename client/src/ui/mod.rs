//! The faces of the client: the full screen, plain lines, and the output of scripts.
//!
//! `app` tells its face what to show, in terms that hold for every face, and takes the person's
//! intents from it. A face reads the model and knows nothing of sessions.

mod bell;
mod fold;
pub mod full;
mod hit;
pub mod json;
pub mod plain;
pub mod script;

use std::io;
use std::time::Instant;

use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::search::Query;
use chatbox_common::wire::message::{
    Chat, Member, OnlinePerson, Profile, Room, RoomId, RoomSummary, Seq, You,
};

use crate::model::{Mention, Model};
use crate::prompt::{Prompter, Typing};
use crate::words::tables::{self, Clock};

/// The state of the connection to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    Up {
        /// Of the server's pinned key.
        fingerprint: Fingerprint,
        /// Of the sending key; each key update adds one.
        epoch: u64,
    },
    /// There is a connection, and nothing comes from the server that is asked.
    Silent,
    /// The next attempt begins at this moment.
    Down(Instant),
    Connecting,
    /// The session can't be continued: only a new login helps.
    LoggedOut,
}

/// What a face is given to draw, and to understand keys.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'s> {
    pub model: &'s Model,
    pub user: &'s str,
    /// The room that typed messages go to.
    pub here: Option<RoomId>,
    /// The room, or `@` and the person, that is to be entered: what is typed waits for the answer.
    pub entering: Option<&'s str>,
    pub way: Way,
    /// How many messages the server has not acknowledged.
    pub unsent: usize,
    /// So much waits that no further line is taken: it stays in the input.
    pub is_full: bool,
}

/// What a person or a script wants: from the keys of a face, or the lines of a terminal or a pipe.
/// What concerns the face alone, such as scrolling, is done by it and is no intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// A typed text or command, perhaps of several lines, perhaps with its line feed.
    Line(String),
    /// A paste with what was typed around it: several lines are a message, never a command.
    Paste(String),
    /// The length in bytes of a line longer than [`MAX_LINE`](crate::input::MAX_LINE); all of it
    /// was skipped.
    TooLong(usize),
    /// A line that fills the line buffer of a terminal, so that its end is probably missing; what
    /// is not UTF-8 in it is replaced.
    Cut(String),
    /// A line that is not UTF-8; what is not in it is replaced.
    NoText(String),
    Go(RoomId),
    /// To fetch messages before the oldest shown of this room; not repeated until they have come.
    Older(RoomId),
    /// The face no longer keeps the room's messages before this one: they may be fetched again.
    Forgot(RoomId, Seq),
    /// The input can't be read; no intent follows.
    Failed,
    /// The input has ended: to quit once everything typed before is carried out.
    End,
    /// To quit without waiting for the lines typed before.
    Quit,
}

/// Which of the messages shown count as read by the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    All,
    Room(RoomId),
    Nothing,
}

/// The server's answer to a list that the person asked for.
#[derive(Debug, Clone, Copy)]
pub enum Listing<'l> {
    People(&'l [OnlinePerson]),
    Rooms(&'l [RoomSummary]),
    Members(&'l [Member]),
    Profile(&'l Profile),
    You(&'l You),
    /// Why the list that was shown last is not whole.
    Cut(&'l str),
}

impl Listing<'_> {
    /// Sanitized text, in lines that end with a line feed: the same for every face but JSON.
    #[must_use]
    pub fn text(self, clock: &Clock) -> String {
        match self {
            Self::People(people) => tables::people(clock, people),
            Self::Rooms(rooms) => tables::rooms(rooms),
            Self::Members(members) => tables::members(members),
            Self::Profile(profile) => tables::profile(clock, profile),
            Self::You(you) => tables::you(clock, you),
            Self::Cut(why) => tables::cut(why),
        }
    }
}

/// Texts from the network are given as they came: the face passes them through
/// [`crate::sanitize`]. An error is always one of the output, and ends the program.
pub trait Face: Prompter {
    /// Shows the next message of its room. `room` is, here and below, the room's name.
    fn chat(&mut self, room: &str, chat: &Chat, mention: Mention) -> io::Result<()>;

    /// Shows messages from before the oldest one shown of a room, oldest first; with `begins` the
    /// room's history begins at that number.
    fn older(
        &mut self,
        id: RoomId,
        room: &str,
        messages: &[(Chat, Mention)],
        begins: Option<Seq>,
    ) -> io::Result<()>;

    /// The person has joined this room, or was in it when the session began.
    fn entered(&mut self, room: &Room) -> io::Result<()>;

    /// What comes next of a room is unread: `count` messages, of which the last `shown` follow.
    fn unread(&mut self, id: RoomId, room: &str, count: u32, shown: usize) -> io::Result<()>;

    /// Shows messages outside the order of their rooms, with their dates, between two sentences:
    /// found ones, of which the words `sought` are shown, or those of a time.
    fn excerpt(
        &mut self,
        title: &str,
        messages: &[(String, Chat)],
        sought: &Query,
        end: Option<&str>,
    ) -> io::Result<()>;

    /// Shows one message in all its length; elsewhere a long one is folded.
    fn whole(&mut self, room: &str, chat: &Chat) -> io::Result<()>;

    /// Says something that happened in a room; with none, wherever the person looks.
    fn notice(&mut self, room: Option<RoomId>, text: &str) -> io::Result<()>;

    /// Shows a text that is this program's own or already sanitized, in lines that end with a line
    /// feed.
    fn lines(&mut self, title: &str, text: &str) -> io::Result<()>;

    /// A long list comes in several calls.
    fn listing(&mut self, listing: Listing<'_>) -> io::Result<()>;

    /// Typed messages go to this room from now on.
    fn moved(&mut self, id: RoomId, room: &str) -> io::Result<()>;

    /// What was shown so far of a room, or of all, is shown again if the person returns to it. So it
    /// is when the server has another history.
    fn forget(&mut self, room: Option<RoomId>) -> io::Result<()>;

    /// The server has lost this message of a room and all behind it. A face that has no screen
    /// takes back nothing.
    fn forget_from(&mut self, room: RoomId, seq: Seq) -> io::Result<()>;

    /// Empties what is shown of a room, or of none; a face that has no screen does nothing.
    fn clear(&mut self, here: Option<RoomId>) -> io::Result<()>;

    fn reading(&self, scene: &Scene<'_>) -> Reading;

    /// The next intent, if the keys pressed so far came to one. Never blocks.
    fn intent(&mut self, scene: &Scene<'_>) -> Option<Intent>;

    /// Brings what was shown to the output. Returns when to call it again although nothing
    /// happens, where something on the screen changes with the time.
    fn flush(&mut self, scene: &Scene<'_>) -> io::Result<Option<Instant>>;

    /// Discards what was typed ahead for a question that is not asked after all, a line that is begun
    /// among it: it must not be taken for a message. True if there was anything.
    fn discard(&mut self) -> bool;

    /// Discards the line that is begun alone, or a paste that waits there. True if there was any.
    fn drop_line(&mut self) -> bool {
        false
    }

    /// Offers a line that was submitted no more: it was an answer, perhaps a secret. A face that
    /// keeps no lines does nothing.
    fn forget_line(&mut self, _line: &str) {}

    /// The help of its keys, in lines that end with a line feed; empty where the terminal edits the
    /// line.
    fn keys(&self) -> String;

    /// Has `wake` called, from any thread, whenever keys were pressed, so that `app` calls
    /// [`Face::intent`].
    fn wake_with(&mut self, wake: Box<dyn Fn() + Send>);

    /// Questions are over: what is shown from here on is the chat. A sheet that no question
    /// followed stays until the person has confirmed it.
    fn back(&mut self);

    /// The chat begins to read lines: the face echoes what is typed of them, where what arrives would
    /// be written into it otherwise.
    fn type_lines(&mut self) -> Option<Typing> {
        None
    }

    /// Whether a line is begun in the face's input, or a paste waits there. Where the face reads no
    /// keys, whoever reads the lines knows.
    fn has_begun_a_line(&self) -> bool {
        false
    }

    /// Whether the face itself watches for the signals that end a program; `app` does otherwise.
    fn hears_signals(&self) -> bool;

    /// Gives the terminal back; [`Prompter::tell`] writes to standard error from here on.
    fn close(&mut self);
}
