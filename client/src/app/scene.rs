//! The state that the face draws, and what a person at a full screen wants.

use std::time::Instant;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::RoomId;

use super::requests::Requests;
use super::{App, output_failed};
use crate::exit::ExitReason;
use crate::input::{self, Command, Input};
use crate::model::{Event as Told, KnownRoom, Model};
use crate::sanitize::name;
use crate::ui::{Intent, Reading, Scene, Way};
use crate::words::app as words;

/// Messages fetched at a time for a person who scrolls up.
const OLDER: u32 = 100;

/// What a scene has by value.
#[derive(Clone, Copy)]
struct SceneParts {
    here: Option<RoomId>,
    way: Way,
    unsent: usize,
    is_full: bool,
}

fn scene<'s>(
    (model, user, requests): (&'s Model, &'s UserName, &'s Requests),
    parts: SceneParts,
) -> Scene<'s> {
    let SceneParts {
        here,
        way,
        unsent,
        is_full,
    } = parts;
    Scene {
        model,
        user: user.as_str(),
        entering: requests.moving_to(),
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
            way: match self.connection.way() {
                Way::Up { .. } if self.silence.is_told() => Way::Silent,
                way => way,
            },
            unsent: self.unsent(),
            is_full: self.typed_ahead.is_full(),
        }
    }

    /// Keys of a full screen come whenever they are pressed: a line waits behind those typed before
    /// it, so that it is said in the room in which it was typed.
    pub(super) fn take(&mut self, intent: Intent) -> Result<(), ExitReason> {
        match &intent {
            // What asks for secrets must ask at once: the keys that follow are the answers.
            Intent::Line(line) | Intent::Paste(line)
                if input::would_ask(line) || self.connection.is_logged_out() =>
            {
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

    /// What was typed and may be carried out now. While a room is to be entered, that is only what
    /// means the same everywhere; the rest is meant for that room. Nobody quits before the texts
    /// that were typed before.
    pub(super) fn next_typed(&mut self) -> Option<Intent> {
        if self.takes_lines() {
            self.typed_ahead.next()
        } else if self.hears_enter() || self.is_person && self.takes_commands() {
            self.next_overtaking()
        } else {
            None
        }
    }

    /// A line that was asked for may come when a room is to be entered.
    pub(super) fn line_came(&mut self, intent: Intent) -> Result<(), ExitReason> {
        if !self.is_to_wait(&intent) {
            return self.carry_out(intent);
        }
        self.typed_ahead.keep(intent);
        match self.requests.moving_to().filter(|_| self.is_person) {
            Some(room) => {
                let sentence = words::waits_for(&name(room));
                self.problem(&sentence)
            }
            None => self.tell_if_kept(),
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
        self.face
            .intent(&scene((&self.model, &self.user, &self.requests), state))
    }

    /// Draws; returns when to draw again without an event.
    pub(super) fn flush(&mut self) -> Result<Option<Instant>, ExitReason> {
        let state = self.state_of_things();
        let scene = scene((&self.model, &self.user, &self.requests), state);
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
        let scene = scene((&self.model, &self.user, &self.requests), state);
        match self.face.reading(&scene) {
            Reading::All => self.tell_model(Told::HaveRead(None)),
            Reading::Room(room) => self.tell_model(Told::HaveRead(Some(room))),
            Reading::Nothing => Ok(()),
        }
    }
}

pub(super) fn concerns_no_room(intent: &Intent) -> bool {
    match intent {
        Intent::Line(line) => input::concerns_no_room(line),
        _ => false,
    }
}

pub(super) fn quits(intent: &Intent) -> bool {
    matches!(intent, Intent::Line(line) if input::parse(line) == Input::Command(Command::Quit))
}
