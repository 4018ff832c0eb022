//! Faces of the client: how it looks to whoever sits before it.
//!
//! `app` tells its face what there is to show, in words that hold for every face, and hears from it
//! what the person wants. A face knows what the model knows and nothing of sessions.

pub mod full;
pub mod json;
pub mod plain;
pub mod script;

use std::io;
use std::time::Instant;

use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::wire::message::{
    Chat, Member, OnlinePerson, Profile, Room, RoomId, RoomSummary, Seq, You,
};

use crate::model::{Mention, Model};
use crate::prompt::Prompter;
use crate::words::tables::{self, Clock};

/// The state of the way to the server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// There is a session.
    Up {
        /// That of the server's key, which is pinned.
        fingerprint: Fingerprint,
        /// The number of the key that is sent with.
        epoch: u64,
    },
    /// Tried again at that moment.
    Down(Instant),
    /// Being tried.
    Connecting,
    /// Only a login helps.
    LoggedOut,
}

/// What a face may look at when it draws or understands a key.
#[derive(Debug, Clone, Copy)]
pub struct Scene<'s> {
    /// Rooms, people, what was read.
    pub model: &'s Model,
    /// Whose session it is.
    pub user: &'s str,
    /// The room one talks in.
    pub here: Option<RoomId>,
    /// The way to the server.
    pub way: Way,
    /// How many messages are not acknowledged.
    pub unsent: usize,
}

/// What a person or a script wants, wherever it comes from: keys of a face, lines of a terminal or
/// a pipe. What concerns a face alone is none.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Intent {
    /// This was typed, perhaps with its end: a text or a command, perhaps of several lines.
    Line(String),
    /// This was pasted, and what was typed around it: several lines are a text.
    Paste(String),
    /// A line longer than [`MAX_LINE`](crate::input::MAX_LINE), of so many bytes; all of it was
    /// skipped.
    TooLong(usize),
    /// A line that a terminal has kept as much of as it keeps, so that its end is probably missing;
    /// what can be read of it.
    Cut(String),
    /// A line that is no UTF-8; what can be read of it.
    NoText(String),
    /// To talk in this room.
    Go(RoomId),
    /// To see messages before the oldest ones shown of this room; never twice before they came.
    Older(RoomId),
    /// The face no longer keeps the messages of a room before this one.
    Forgot(RoomId, Seq),
    /// What there was to read can't be read; nothing more comes.
    Failed,
    /// Nothing more comes: to quit once all is said.
    End,
    /// To quit now.
    Quit,
}

/// What counts as read of what was shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// All of it.
    All,
    /// That of this room.
    Room(RoomId),
    /// Nothing.
    Nothing,
}

/// What a person asked for, as the server answers it.
#[derive(Debug, Clone, Copy)]
pub enum Listing<'l> {
    /// Who is online.
    People(&'l [OnlinePerson]),
    /// Which rooms there are.
    Rooms(&'l [RoomSummary]),
    /// Who belongs to a room.
    Members(&'l [Member]),
    /// Who somebody is.
    Profile(&'l Profile),
    /// Who one is oneself.
    You(&'l You),
}

impl Listing<'_> {
    /// As text, in lines that end with a line feed: what every face shows that shows text.
    #[must_use]
    pub fn text(self, clock: &Clock) -> String {
        match self {
            Self::People(people) => tables::people(clock, people),
            Self::Rooms(rooms) => tables::rooms(rooms),
            Self::Members(members) => tables::members(members),
            Self::Profile(profile) => tables::profile(clock, profile),
            Self::You(you) => tables::you(clock, you),
        }
    }
}

/// See the module. Texts are given as they came: a face passes them through
/// [`crate::sanitize`], all but its own.
pub trait Face: Prompter {
    /// Shows a message, the next one of its room. `room` is the room's name.
    ///
    /// # Errors
    /// Here and below, when the output does not take it.
    fn chat(&mut self, room: &str, chat: &Chat, mention: Mention) -> io::Result<()>;

    /// Shows messages that stand before the oldest one shown of a room; with `begins` the room's
    /// history begins there.
    fn older(
        &mut self,
        id: RoomId,
        room: &str,
        messages: &[(Chat, Mention)],
        begins: Option<Seq>,
    ) -> io::Result<()>;

    /// One is in this room, as it is.
    fn entered(&mut self, room: &Room) -> io::Result<()>;

    /// What is shown next of a room was not read yet: `count` messages, `shown` of which follow.
    fn unread(&mut self, id: RoomId, room: &str, count: u32, shown: usize) -> io::Result<()>;

    /// Shows messages out of their order between two sentences, with their days.
    fn excerpt(
        &mut self,
        title: &str,
        messages: &[(String, Chat)],
        end: Option<&str>,
    ) -> io::Result<()>;

    /// Says something that happened, in a room or wherever the person looks.
    fn notice(&mut self, room: Option<RoomId>, text: &str) -> io::Result<()>;

    /// Shows a text of this program's own, in lines that end with a line feed.
    fn lines(&mut self, title: &str, text: &str) -> io::Result<()>;

    /// Shows what was asked for; long lists come in several parts.
    fn listing(&mut self, listing: Listing<'_>) -> io::Result<()>;

    /// One talks in this room from now on; `room` is its name.
    fn moved(&mut self, id: RoomId, room: &str) -> io::Result<()>;

    /// Nothing that was shown of any room is in its history any more.
    fn forget(&mut self) -> io::Result<()>;

    /// Empties the screen, or what is shown of the room one looks at.
    fn clear(&mut self, here: Option<RoomId>) -> io::Result<()>;

    /// What counts as read of what was shown so far.
    fn reading(&self, scene: &Scene<'_>) -> Reading;

    /// The next thing the person wants, if keys that were pressed came to one. Never waits.
    fn intent(&mut self, scene: &Scene<'_>) -> Option<Intent>;

    /// What was shown is seen from here on. Says when to call it again without an event, if
    /// something on the screen changes with the time.
    fn flush(&mut self, scene: &Scene<'_>) -> io::Result<Option<Instant>>;

    /// Throws away what was typed ahead, which was meant for a question that is not asked. Says
    /// whether there was anything.
    fn discard(&mut self) -> bool;

    /// What its keys do, in lines that end with a line feed; nothing where they are the terminal's.
    fn keys(&self) -> String;

    /// Calls `wake` (from whichever thread) whenever keys were pressed, so that
    /// [`Face::intent`] is asked.
    fn wake_with(&mut self, wake: Box<dyn Fn() + Send>);

    /// Questions are over: what is shown from here on is the chat. A sheet that no question followed
    /// is left to the person until they have seen it.
    fn back(&mut self);

    /// Whether it hears itself of the signals that end a program.
    fn hears_signals(&self) -> bool;

    /// Gives the terminal back: what is told from here on is told on standard error.
    fn close(&mut self);
}
