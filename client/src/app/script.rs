//! What a script wants: lines said in one room, the messages of one room, who is there. The loop is
//! the chat's own, so that nothing is lost or doubled here either; the mode of the run only decides
//! what comes in, what is shown, and when it is over.

use std::time::Duration;

use chatbox_common::wire::message::{
    ClientMessage, Head, History, Join, Page, Room, RoomId, Seq, ServerMessage, Welcome,
};

use super::requests::Asked;
use super::{App, output_failed};
use crate::cli::{Exit, Script, Since};
use crate::exit::ExitReason;

use crate::model::{Event as Told, Listed};
use crate::sanitize::name;
use crate::ui::Intent;
use crate::words::script as words;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunMode {
    Chat,
    Send {
        /// `#ops`, or `@bob` for a conversation.
        room: String,
        /// `None` for the lines of standard input.
        text: Option<String>,
        /// Each message waits for the acknowledgement of the one before, which is printed.
        one_by_one: bool,
        /// How long to wait for the server while nothing goes on.
        timeout: Option<Duration>,
    },
    Tail {
        room: String,
        /// `None` for what is said from now on.
        since: Option<Since>,
        /// The run ends after so many messages.
        count: Option<u64>,
        /// Whether to enter a room that the account is not in: it stays there.
        joins: bool,
    },
    List,
    WhoAmI,
}

impl RunMode {
    /// `None` for a command that needs no session.
    #[must_use]
    pub fn of(script: &Script) -> Option<Self> {
        Some(match script {
            Script::Send(sending) => Self::Send {
                room: sending.room.to_string(),
                text: sending.text(),
                one_by_one: sending.wait_ack,
                timeout: sending.timeout,
            },
            Script::Tail(tailing) => Self::Tail {
                room: tailing.room.to_string(),
                since: tailing.since,
                count: tailing.count,
                joins: tailing.join,
            },
            Script::List(_) => Self::List,
            Script::Whoami(_) => Self::WhoAmI,
            Script::Completions { .. } => return None,
        })
    }

    /// Whether the answer is all: a refusal or a lost connection ends the run.
    pub(super) const fn is_question(&self) -> bool {
        matches!(self, Self::List | Self::WhoAmI)
    }

    /// Whether it connects again as often as it takes.
    pub(super) const fn is_patient(&self) -> bool {
        matches!(self, Self::Send { .. } | Self::Tail { .. })
    }

    pub(super) const fn timeout(&self) -> Option<Duration> {
        match self {
            Self::Send { timeout, .. } => *timeout,
            Self::Chat | Self::Tail { .. } | Self::List | Self::WhoAmI => None,
        }
    }

    pub(super) const fn reads_lines(&self) -> bool {
        matches!(self, Self::Chat | Self::Send { text: None, .. })
    }

    /// The one room that the run is about; others are kept from the model.
    pub(super) fn room(&self) -> Option<&str> {
        match self {
            Self::Send { room, .. } | Self::Tail { room, .. } => Some(room),
            Self::Chat | Self::List | Self::WhoAmI => None,
        }
    }
}

/// Messages that are held back; what comes behind them is fetched as if the room had lagged.
const MAX_BEHIND: usize = 1_024;

/// A room is held back until the server has said from which message on it is shown.
pub(super) struct Beginning {
    /// Brings the room to the model.
    event: Told,
    room: RoomId,
    /// Which is left by nobody, only hidden in another session.
    is_conversation: bool,
    /// What came meanwhile, in order.
    behind: Vec<ServerMessage>,
    /// The last message known of that is not in `behind`; 0 for none.
    head: Seq,
}

impl Beginning {
    /// Keeps what belongs to the course of the room: others are not shown.
    fn keep(&mut self, message: ServerMessage) {
        if matches!(self.behind.last(), Some(ServerMessage::Left(_))) {
            // The run ends there.
            return;
        }
        match message {
            ServerMessage::Chat(chat) if chat.room != self.room => {}
            ServerMessage::Chat(chat) if self.behind.len() >= MAX_BEHIND => self.miss(chat.seq),
            ServerMessage::Lagged(lagged) => {
                for Head { room, head } in lagged.heads {
                    if room == self.room {
                        self.miss(head);
                    }
                }
            }
            ServerMessage::Left(left) if left.room != self.room || self.is_conversation => {}
            ServerMessage::Chat(_) | ServerMessage::Left(_) => self.behind.push(message),
            // A script shows no topic and no lock.
            _ => {}
        }
    }

    fn miss(&mut self, seq: Seq) {
        self.head = self.head.max(seq);
    }
}

#[derive(Default)]
pub(super) enum ScriptStart {
    #[default]
    NotYet,
    /// The server was asked from which message on.
    Asked(Box<Beginning>),
    Begun,
}

impl ScriptStart {
    const fn has_begun(&self) -> bool {
        matches!(self, Self::Begun)
    }

    const fn is_asked(&self) -> bool {
        matches!(self, Self::Asked(_))
    }

    /// Leaves [`Self::Begun`] behind if something was asked, and no change otherwise.
    fn take_asked(&mut self) -> Option<Box<Beginning>> {
        match std::mem::replace(self, Self::Begun) {
            Self::Asked(beginning) => Some(beginning),
            other @ (Self::NotYet | Self::Begun) => {
                *self = other;
                None
            }
        }
    }

    /// The answer does not come any more; the next session asks again.
    pub(super) fn disconnected(&mut self) {
        if self.is_asked() {
            *self = Self::NotYet;
        }
    }
}

impl App {
    /// The model is told of the one room that matters, so that nothing of others is fetched.
    pub(super) fn begin_run(&mut self, mut welcome: Welcome) -> Result<(), ExitReason> {
        let wanted = self.run_mode.room().unwrap_or_default();
        let is_wanted = |room: &Room| room.name.eq_ignore_ascii_case(wanted);
        welcome.rooms.retain(is_wanted);
        self.judge_acknowledged(&welcome)?;
        let room = welcome.rooms.first().map(|room| (room.room, room.head));
        self.begin_room(Told::Welcome(welcome), room)?;
        if self.script_start.is_asked() {
            return Ok(());
        }
        self.go_on_run()
    }

    /// The server may have lost what it has acknowledged and not shown yet, which the model does not
    /// know of.
    fn judge_acknowledged(&mut self, welcome: &Welcome) -> Result<(), ExitReason> {
        let is_continued = self.model.is_continued_by(welcome);
        for room in &welcome.rooms {
            let kept = if is_continued {
                room.kept.unwrap_or(0)
            } else {
                room.head
            };
            let first_lost = kept.saturating_add(1);
            if !self.quitting.has_committed_from(room.room, first_lost) {
                continue;
            }
            if is_continued {
                self.end_is_lost(room.room, first_lost)?;
            } else {
                self.history_is_lost()?;
            }
        }
        Ok(())
    }

    /// The numbers known so far mean nothing any more: `tail` can't take back what was printed, and
    /// `send` does not know whether what was acknowledged is there.
    pub(super) fn history_is_lost(&mut self) -> Result<(), ExitReason> {
        match self.run_mode {
            RunMode::Tail { .. } => Err(ExitReason::because(Exit::Failure, words::OTHER_HISTORY)),
            RunMode::Send { .. } if self.quitting.lose_all_committed() => {
                self.problem(words::OTHER_HISTORY)
            }
            RunMode::Send { .. } | RunMode::Chat | RunMode::List | RunMode::WhoAmI => Ok(()),
        }
    }

    /// The same from this number of the room on.
    pub(super) fn end_is_lost(&mut self, room: RoomId, from: Seq) -> Result<(), ExitReason> {
        match self.run_mode {
            RunMode::Tail { .. } if self.here() == Some(room) => {
                Err(ExitReason::because(Exit::Failure, &words::lost_from(from)))
            }
            RunMode::Send { .. } if self.quitting.lose_committed_from(room, from) => {
                self.problem(&words::lost_acknowledged(from))
            }
            RunMode::Tail { .. }
            | RunMode::Send { .. }
            | RunMode::Chat
            | RunMode::List
            | RunMode::WhoAmI => Ok(()),
        }
    }

    /// Tells the model of `room` (its number and head), from the message on that the script wants;
    /// where that goes by time, the server is asked for it first.
    pub(super) fn begin_room(
        &mut self,
        event: Told,
        room: Option<(RoomId, Seq)>,
    ) -> Result<(), ExitReason> {
        let (RunMode::Tail { since, .. }, Some((room, head)), true) =
            (&self.run_mode, room, !self.script_start.has_begun())
        else {
            return self.tell_model(event);
        };
        match *since {
            None => self.begin_at(event, room, head),
            Some(Since::After(after)) => self.begin_at(event, room, after.min(head)),
            Some(Since::From(when)) => {
                let Some(time) = when.milliseconds(&self.clock.now()) else {
                    return Err(ExitReason::because(Exit::Usage, words::NO_SUCH_MOMENT));
                };
                let is_conversation = self.run_mode.room().is_some_and(|to| to.starts_with('@'));
                self.script_start = ScriptStart::Asked(Box::new(Beginning {
                    event,
                    room,
                    is_conversation,
                    behind: Vec::new(),
                    head: 0,
                }));
                let request = self.requests.begin(Asked::Since);
                self.say(ClientMessage::History(History {
                    request,
                    room,
                    after: None,
                    before: None,
                    limit: 1,
                    before_time: Some(time),
                }))
            }
        }
    }

    fn begin_at(&mut self, event: Told, room: RoomId, after: Seq) -> Result<(), ExitReason> {
        self.script_start = ScriptStart::Begun;
        self.tell_model(Told::StartAt(room, after))?;
        self.tell_model(event)
    }

    /// `page` has the last message before the moment from which on the room is shown.
    pub(super) fn found_since(&mut self, page: &Page) -> Result<(), ExitReason> {
        let Some(beginning) = self.script_start.take_asked() else {
            return Ok(());
        };
        let before_first = page.first.saturating_sub(1);
        let after = page.messages.last().map_or(before_first, |chat| chat.seq);
        self.begin_at(beginning.event, beginning.room, after)?;
        self.go_on_run()?;
        for message in beginning.behind {
            self.message(message)?;
        }
        match (beginning.room, beginning.head) {
            (_, 0) => Ok(()),
            (room, head) => self.tell_model(Told::Lagged(vec![Head { room, head }])),
        }
    }

    /// Keeps back the course of rooms until the beginning is known; `None` if `message` was kept.
    pub(super) fn heard_too_early(&mut self, message: ServerMessage) -> Option<ServerMessage> {
        let ScriptStart::Asked(beginning) = &mut self.script_start else {
            return Some(message);
        };
        match &message {
            ServerMessage::Chat(_)
            | ServerMessage::Lagged(_)
            | ServerMessage::Left(_)
            | ServerMessage::RoomChanged(_) => {
                beginning.keep(message);
                None
            }
            // What is no part of a room's course: answers, and what concerns the session.
            _ => Some(message),
        }
    }

    /// Runs after each welcome: a room is entered again, but a text is sent only once.
    fn go_on_run(&mut self) -> Result<(), ExitReason> {
        match self.run_mode.clone() {
            RunMode::Chat => Ok(()),
            RunMode::List => self.tell_model(Told::Want(Listed::People)),
            RunMode::WhoAmI => self.ask(Asked::WhoAmI, ClientMessage::Whoami),
            // All is typed, and only acknowledgements are missing. They come from wherever one was put
            // out meanwhile, too; that one may not enter again must not pass for a failure.
            RunMode::Send { .. } if self.quitting.is_under_way() => Ok(()),
            RunMode::Send { room, text, .. } => {
                self.go_to(&room)?;
                let start = std::mem::replace(&mut self.script_start, ScriptStart::Begun);
                if let Some(text) = text.filter(|_| !start.has_begun()) {
                    self.typed_ahead.keep(Intent::Paste(text));
                    self.typed_ahead.keep(Intent::End);
                }
                Ok(())
            }
            RunMode::Tail { room, .. } => self.go_to(&room),
        }
    }

    fn go_to(&mut self, room: &str) -> Result<(), ExitReason> {
        if let Some(number) = self.model.room_named(room) {
            self.focus.choose(number);
            return Ok(());
        }
        if self.requests.is_moving() {
            return Ok(());
        }
        if let Some(user) = room.strip_prefix('@') {
            return self.direct(user.to_owned(), String::new());
        }
        if matches!(self.run_mode, RunMode::Tail { joins: false, .. }) {
            // Rooms for which the welcome has no place follow it, and come before the answer.
            return self.ask(Asked::Membership, ClientMessage::Ping);
        }
        let name = room.to_owned();
        self.order_move(room, |request| ClientMessage::Join(Join { request, name }))
    }

    /// The server has said which rooms the account is in.
    pub(super) fn told_all_rooms(&mut self) -> Result<(), ExitReason> {
        let room = self.run_mode.room().unwrap_or_default();
        let Some(number) = self.model.room_named(room) else {
            let sentence = words::not_a_member(&name(room));
            return Err(ExitReason::because(Exit::Failure, &sentence));
        };
        self.focus.choose(number);
        Ok(())
    }

    /// The account has entered a room for a script, and stays in it.
    pub(super) fn tell_entered(&mut self, room: &str) -> Result<(), ExitReason> {
        if self.run_mode == RunMode::Chat || room.starts_with('@') {
            return Ok(());
        }
        self.problem(&words::entered(&name(room)))
    }

    /// With `--wait-ack` only once the line before is acknowledged.
    pub(super) fn may_go_on(&self) -> bool {
        let is_slow = matches!(
            self.run_mode,
            RunMode::Send {
                one_by_one: true,
                ..
            }
        );
        !is_slow || self.unacknowledged() == 0
    }

    /// With `--wait-ack` prints the room and number of a message that was acknowledged.
    pub(super) fn told_number(&mut self, room: RoomId, seq: Seq) -> Result<(), ExitReason> {
        if let RunMode::Send {
            one_by_one: true,
            room: named,
            ..
        } = &self.run_mode
        {
            let known = self.model.room(room).map(|room| room.told.name.clone());
            let line = words::acknowledged(&name(&known.unwrap_or_else(|| named.clone())), seq);
            let put = self.face.lines("", &line);
            put.map_err(|error| output_failed(&self.run_mode, error))?;
        }
        Ok(())
    }

    /// Counts the messages of `tail --count`; the last one ends the run.
    pub(super) fn is_shown(&mut self) -> bool {
        let count = match &mut self.run_mode {
            RunMode::Chat => return true,
            RunMode::Tail { count, .. } => count,
            RunMode::Send { .. } | RunMode::List | RunMode::WhoAmI => return false,
        };
        match count {
            None => true,
            Some(0) => false,
            Some(left) => {
                *left -= 1;
                if *left == 0 {
                    self.quitting.begin();
                }
                true
            }
        }
    }
}
