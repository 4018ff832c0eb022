//! What the face is shown of how things stand, and what a person at a full screen wants.

use std::time::Instant;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::RoomId;

use super::typed::Typed;
use super::{App, Line, READING, output_failed};
use crate::exit::Stop;
use crate::input;
use crate::model::{Event as Told, Model, Room};
use crate::ui::{Reading, Scene, Way, Wish};

/// How many messages of before a person who scrolls is given at a time.
const OLDER: u32 = 100;

/// Where one talks, the way to the server, and how many messages are not acknowledged.
type State = (Option<RoomId>, Way, usize);

fn scene<'s>(model: &'s Model, user: &'s UserName, (here, way, unsent): State) -> Scene<'s> {
    Scene {
        model,
        user: user.as_str(),
        here,
        way,
        unsent,
    }
}

impl App {
    fn state_of_things(&self) -> State {
        (self.here(), self.way(), self.unsent())
    }

    pub(super) fn wished(&mut self, wish: Wish) -> Result<(), Stop> {
        match wish {
            // What asks for secrets is not kept: the keys that follow are the answers.
            Wish::Line(line) if input::would_ask(&line) => self.typed(Typed::Line(line)),
            Wish::Paste(line) if input::would_ask(&line) => self.typed(Typed::Pasted(line)),
            Wish::Line(line) => {
                self.ahead.push_back(Typed::Line(line));
                Ok(())
            }
            Wish::Paste(block) => {
                self.ahead.push_back(Typed::Pasted(block));
                Ok(())
            }
            // What was typed before is said where it was typed.
            Wish::Go(room) => {
                self.ahead.push_back(Typed::Go(room));
                Ok(())
            }
            Wish::Older(room) => {
                self.older.insert(room);
                Ok(())
            }
            Wish::Forgot(room, before) => self.tell_model(Told::Forgot(room, before)),
            Wish::Leave => Ok(()),
        }
    }

    /// One wish for older messages is under way at a time.
    pub(super) fn older_wanted(&mut self) -> Result<(), Stop> {
        if !self.model.is_connected() || self.model.fetches_older() {
            return Ok(());
        }
        match self.older.pop_first() {
            Some(room) => self.tell_model(Told::WantOlder(room, OLDER)),
            None => Ok(()),
        }
    }

    /// How things stand, for the face.
    fn way(&self) -> Way {
        match (&self.line, &self.ticket) {
            (Line::Up(link), Some(ticket)) => Way::Up {
                fingerprint: ticket.fingerprint,
                epoch: link.key_ages().0.epoch,
            },
            (Line::Down(at), _) => Way::Down(*at),
            (Line::Trying, _) => Way::Connecting,
            (Line::LoggedOut | Line::Up(_), _) => Way::LoggedOut,
        }
    }

    /// What the person wants, if keys that were pressed came to it.
    pub(super) fn next_wish(&mut self) -> Option<Wish> {
        let state = self.state_of_things();
        self.face.wish(&scene(&self.model, &self.user, state))
    }

    /// Shows what there is to show. Says when to do so again, whatever happens.
    pub(super) fn flush(&mut self) -> Result<Option<Instant>, Stop> {
        let state = self.state_of_things();
        let scene = scene(&self.model, &self.user, state);
        let redraw = self
            .face
            .flush(&scene)
            .map_err(|error| output_failed(&self.errand, error))?;
        if let Reading::Room(room) = self.face.reading(&scene)
            && self.model.room(room).is_some_and(Room::has_unread)
        {
            self.read_at.get_or_insert(Instant::now() + READING);
        }
        Ok(redraw)
    }

    /// What was in sight counts as read.
    pub(super) fn have_read(&mut self) -> Result<(), Stop> {
        self.read_at = None;
        let state = self.state_of_things();
        let scene = scene(&self.model, &self.user, state);
        match self.face.reading(&scene) {
            Reading::All => self.tell_model(Told::HaveRead(None)),
            Reading::Room(room) => self.tell_model(Told::HaveRead(Some(room))),
            Reading::Nothing => Ok(()),
        }
    }
}
