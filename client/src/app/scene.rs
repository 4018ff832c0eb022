//! The state that the face draws, and what a person at a full screen wants.

use std::time::Instant;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::RoomId;

use super::{App, output_failed};
use crate::exit::ExitReason;
use crate::input;
use crate::model::{Event as Told, KnownRoom, Model};
use crate::ui::{Intent, Reading, Scene, Way};

/// Messages fetched at a time for a person who scrolls up.
const OLDER: u32 = 100;

/// What a scene has besides the model and the name.
#[derive(Clone, Copy)]
struct SceneParts {
    here: Option<RoomId>,
    way: Way,
    unsent: usize,
    is_full: bool,
}

fn scene<'s>(model: &'s Model, user: &'s UserName, parts: SceneParts) -> Scene<'s> {
    let SceneParts {
        here,
        way,
        unsent,
        is_full,
    } = parts;
    Scene {
        model,
        user: user.as_str(),
        here,
        way,
        unsent,
        is_full,
    }
}

impl App {
    fn state_of_things(&self) -> SceneParts {
        SceneParts {
            here: self.here(),
            way: self.connection.way(),
            unsent: self.unsent(),
            is_full: self.typed_ahead.is_full(),
        }
    }

    /// Keys of a full screen come whenever they are pressed: a line waits behind those typed before
    /// it, so that it is said in the room in which it was typed.
    pub(super) fn take(&mut self, intent: Intent) -> Result<(), ExitReason> {
        match &intent {
            // What asks for secrets must ask at once: the keys that follow are the answers.
            Intent::Line(line) | Intent::Paste(line) if input::would_ask(line) => {
                self.carry_out(intent)
            }
            Intent::Older(_) | Intent::Forgot(..) => self.carry_out(intent),
            Intent::Line(_)
            | Intent::Paste(_)
            | Intent::TooLong(_)
            | Intent::Cut(_)
            | Intent::NoText(_)
            | Intent::Go(_)
            | Intent::Failed
            | Intent::End
            | Intent::Quit => {
                self.typed_ahead.keep(intent);
                Ok(())
            }
        }
    }

    /// One request for older messages is under way at a time.
    pub(super) fn older_wanted(&mut self) -> Result<(), ExitReason> {
        if !self.model.is_connected() || self.model.fetches_older() {
            return Ok(());
        }
        match self.focus.next_older() {
            Some(room) => self.tell_model(Told::WantOlder(room, OLDER)),
            None => Ok(()),
        }
    }

    pub(super) fn next_intent(&mut self) -> Option<Intent> {
        let state = self.state_of_things();
        self.face.intent(&scene(&self.model, &self.user, state))
    }

    /// Draws; returns when to draw again without an event.
    pub(super) fn flush(&mut self) -> Result<Option<Instant>, ExitReason> {
        let state = self.state_of_things();
        let scene = scene(&self.model, &self.user, state);
        let redraw = self
            .face
            .flush(&scene)
            .map_err(|error| output_failed(&self.run_mode, error))?;
        if let Reading::Room(room) = self.face.reading(&scene)
            && self.model.room(room).is_some_and(KnownRoom::has_unread)
        {
            self.focus.saw(Instant::now());
        }
        Ok(redraw)
    }

    /// Only what is in sight counts as read.
    pub(super) fn have_read(&mut self) -> Result<(), ExitReason> {
        self.focus.have_read();
        let state = self.state_of_things();
        let scene = scene(&self.model, &self.user, state);
        match self.face.reading(&scene) {
            Reading::All => self.tell_model(Told::HaveRead(None)),
            Reading::Room(room) => self.tell_model(Told::HaveRead(Some(room))),
            Reading::Nothing => Ok(()),
        }
    }
}
