//! What a script wants: lines said in one room, the messages of one room, who is there. The loop is
//! the chat's own, so that nothing is lost or doubled here either; the mode of the run only decides what
//! comes in, what is shown, and when it is over.

use chatbox_common::wire::message::{
    ClientMessage, History, Join, Page, Room, RoomId, Seq, ServerMessage, Welcome,
};

use super::requests::Asked;
use super::{App, output_failed};
use crate::cli::{Exit, Script, Since};
use crate::exit::ExitReason;

use crate::model::{Event as Told, Listed};
use crate::sanitize::name;
use crate::ui::Intent;
use crate::words::script as words;

/// What the program was started for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunMode {
    /// To chat.
    Chat,
    /// To say something in a room (`#ops`) or to somebody alone (`@bob`).
    Send {
        /// Where.
        room: String,
        /// What; nothing for the lines of standard input.
        text: Option<String>,
        /// Whether each message waits for the acknowledgement of the one before, and is told.
        one_by_one: bool,
    },
    /// To show what is said in a room.
    Tail {
        /// Where.
        room: String,
        /// From where on; what is said from now on where nothing is said.
        since: Option<Since>,
        /// After how many messages it is over.
        count: Option<u64>,
    },
    /// To show who is online.
    List,
    /// To show who one is.
    WhoAmI,
}

impl RunMode {
    /// What a command of a script is; nothing for one that needs no session.
    #[must_use]
    pub fn of(script: &Script) -> Option<Self> {
        Some(match script {
            Script::Send(sending) => Self::Send {
                room: sending.room.to_string(),
                text: sending.text(),
                one_by_one: sending.wait_ack,
            },
            Script::Tail(tailing) => Self::Tail {
                room: tailing.room.to_string(),
                since: tailing.since,
                count: tailing.count,
            },
            Script::List(_) => Self::List,
            Script::Whoami(_) => Self::WhoAmI,
            Script::Completions { .. } => return None,
        })
    }

    /// Whether it is a question, of which nothing is known before it is answered.
    pub(super) const fn is_question(&self) -> bool {
        matches!(self, Self::List | Self::WhoAmI)
    }

    /// Whether it goes on through lost connections as long as it takes.
    pub(super) const fn is_patient(&self) -> bool {
        matches!(self, Self::Send { .. } | Self::Tail { .. })
    }

    /// Whether lines of standard input are wanted.
    pub(super) const fn reads_lines(&self) -> bool {
        matches!(self, Self::Chat | Self::Send { text: None, .. })
    }

    /// The room that alone matters.
    pub(super) fn room(&self) -> Option<&str> {
        match self {
            Self::Send { room, .. } | Self::Tail { room, .. } => Some(room),
            Self::Chat | Self::List | Self::WhoAmI => None,
        }
    }
}

/// A room that waits to be shown until it is known from where on.
pub(super) struct Beginning {
    /// What the model is told then.
    event: Told,
    room: RoomId,
    /// What came meanwhile.
    behind: Vec<ServerMessage>,
}

/// Whether what the program was started for has begun.
#[derive(Default)]
pub(super) enum ScriptStart {
    #[default]
    NotYet,
    /// It is not known yet from where on.
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

    /// What waits, which begins now.
    fn take_asked(&mut self) -> Option<Box<Beginning>> {
        match std::mem::replace(self, Self::Begun) {
            Self::Asked(beginning) => Some(beginning),
            other @ (Self::NotYet | Self::Begun) => {
                *self = other;
                None
            }
        }
    }

    /// The answer does not come any more.
    pub(super) fn disconnected(&mut self) {
        if self.is_asked() {
            *self = Self::NotYet;
        }
    }
}

impl App {
    /// A session begins. Rooms that do not matter are not known to the model, so that nothing of
    /// them is fetched.
    pub(super) fn begin_run(&mut self, mut welcome: Welcome) -> Result<(), ExitReason> {
        let wanted = self.run_mode.room().unwrap_or_default();
        let is_wanted = |room: &Room| room.name.eq_ignore_ascii_case(wanted);
        welcome.rooms.retain(is_wanted);
        let room = welcome.rooms.first().map(|room| (room.room, room.head));
        self.begin_room(Told::Welcome(welcome), room)?;
        if self.script_start.is_asked() {
            return Ok(());
        }
        self.go_on_run()
    }

    /// Tells the model of a room (its number and head), from the place on that the script wants.
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
                self.script_start = ScriptStart::Asked(Box::new(Beginning {
                    event,
                    room,
                    behind: Vec::new(),
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

    /// The last message before the moment from which on a room is to be shown.
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
        Ok(())
    }

    /// What is heard while the beginning is not known waits, all but the answer that tells it.
    pub(super) fn heard_too_early(&mut self, message: ServerMessage) -> Option<ServerMessage> {
        let ScriptStart::Asked(beginning) = &mut self.script_start else {
            return Some(message);
        };
        match &message {
            ServerMessage::Chat(_)
            | ServerMessage::Lagged(_)
            | ServerMessage::Left(_)
            | ServerMessage::RoomChanged(_) => {
                beginning.behind.push(message);
                None
            }
            // What is no part of a room's course: answers, and what concerns the session.
            _ => Some(message),
        }
    }

    /// Does what the program was started for, in a session that has begun.
    fn go_on_run(&mut self) -> Result<(), ExitReason> {
        match self.run_mode.clone() {
            RunMode::Chat => Ok(()),
            RunMode::List => self.tell_model(Told::Want(Listed::People)),
            RunMode::WhoAmI => self.ask(Asked::WhoAmI, ClientMessage::Whoami),
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
        let name = room.to_owned();
        self.order(Asked::Move, |request| {
            ClientMessage::Join(Join { request, name })
        });
        Ok(())
    }

    /// Whether the next line may be taken before the last one is acknowledged.
    pub(super) fn may_go_on(&self) -> bool {
        let is_slow = matches!(
            self.run_mode,
            RunMode::Send {
                one_by_one: true,
                ..
            }
        );
        !is_slow || self.unsent() == 0
    }

    /// A message was acknowledged.
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

    /// Whether a message is to be shown; the last one of a script ends it.
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
