//! What keys do: those of the line go to the editor; the others scroll, search, change the room,
//! open and close the panel, or become intents.

use std::io;

use chatbox_common::wire::message::RoomId;
use ratatui::backend::Backend;
use ratatui::crossterm::event::{KeyCode, KeyEvent};

use super::editor::{EditOutcome, Submitted};
use super::keymap::{self, Action};
use super::scrollback::Direction;
use super::terminal::{self, Pressed};
use super::{Full, Mode, ScreenSearch};
use crate::completion;
use crate::input;
use crate::ui::{Intent, Scene};
use crate::words::full as words;

impl<B: Backend> Full<B> {
    pub(super) fn take(&mut self, pressed: Pressed, scene: &Scene<'_>) -> io::Result<()> {
        match pressed {
            Pressed::Key(key) => {
                self.frames.hurry();
                self.key(key, scene)
            }
            Pressed::Paste(text) => {
                self.frames.hurry();
                self.paste(&text);
                if self.editor.asking().is_some() {
                    self.show_question(scene)?;
                }
                Ok(())
            }
            Pressed::Redraw => self.draw_anew(),
            Pressed::Interrupt | Pressed::Gone => {
                self.intents.push_back(Intent::Quit);
                Ok(())
            }
            Pressed::Knock => Ok(()),
        }
    }

    /// After a change of size, or when another program had the terminal.
    pub(super) fn draw_anew(&mut self) -> io::Result<()> {
        match self.mode {
            Mode::Bare => self.show_bare(),
            Mode::Talk | Mode::Search(_) | Mode::Quitting => self.redraw(),
        }
    }

    fn key(&mut self, key: KeyEvent, scene: &Scene<'_>) -> io::Result<()> {
        match &self.mode {
            Mode::Bare => {
                self.mode = Mode::Talk;
                self.redraw()
            }
            Mode::Quitting => {
                self.mode = Mode::Talk;
                let yes = self.keymap.action(key) == Some(Action::Interrupt)
                    || matches!(key.code, KeyCode::Char(c) if words::YES.contains(c));
                if yes {
                    self.intents.push_back(Intent::Quit);
                }
                Ok(())
            }
            Mode::Search(_) => {
                self.search_key(key);
                Ok(())
            }
            Mode::Talk => self.talk_key(key, scene),
        }
    }

    fn paste(&mut self, text: &str) {
        match &mut self.mode {
            Mode::Search(search) => {
                search.lengthen(text.lines().next().unwrap_or_default());
                self.seek(Direction::Older);
            }
            Mode::Talk => {
                let outcome = self.editor.paste(text);
                self.come(outcome);
            }
            Mode::Quitting | Mode::Bare => {}
        }
    }

    fn talk_key(&mut self, key: KeyEvent, scene: &Scene<'_>) -> io::Result<()> {
        let Some(action) = self.keymap.action(key) else {
            let outcome = match keymap::is_text(key) {
                Some(character) => self.editor.insert(character),
                None => return Ok(()),
            };
            self.come(outcome);
            return Ok(());
        };
        if self.panel_takes(action) {
            return Ok(());
        }
        if scene.is_full && self.must_wait(action) {
            self.bell.want();
            self.say_here(words::FULL);
            return Ok(());
        }
        let (model, here) = (scene.model, scene.here);
        let candidates = |text: &str, cursor| completion::complete(model, here, text, cursor);
        match self.editor.perform(action, candidates) {
            EditOutcome::Elsewhere => self.perform(action, scene),
            EditOutcome::Quit => {
                self.mode = Mode::Quitting;
                self.show_question(scene)
            }
            outcome => {
                self.come(outcome);
                Ok(())
            }
        }
    }

    /// What would be queued behind more than may wait: lines, and going to a room, in which the next
    /// line would be said. A command that asks for secrets is carried out at once.
    fn must_wait(&self, action: Action) -> bool {
        match action {
            Action::Submit => !input::would_ask(self.editor.text()),
            Action::Room(_) | Action::NextRoom | Action::PreviousRoom | Action::NextActivity => {
                true
            }
            _ => false,
        }
    }

    pub(super) fn come(&mut self, outcome: EditOutcome) {
        match outcome {
            EditOutcome::Done | EditOutcome::Elsewhere | EditOutcome::Cleared => {}
            EditOutcome::Full(size) => {
                self.bell.want();
                self.say_here(&input::too_long(size));
            }
            EditOutcome::Submitted(submitted) => {
                self.panel = None;
                self.views.bottom();
                self.intents.push_back(match submitted {
                    Submitted::Line(line) => Intent::Line(line),
                    Submitted::Paste(block) => Intent::Paste(block),
                });
            }
            EditOutcome::Quit => self.mode = Mode::Quitting,
        }
    }

    /// True where the panel takes the action; it comes before the line.
    fn panel_takes(&mut self, action: Action) -> bool {
        let is_empty = self.editor.is_empty();
        let Some(panel) = &mut self.panel else {
            return false;
        };
        match action {
            Action::PageUp => panel.page_up(),
            Action::PageDown => panel.page_down(),
            Action::HistoryBack if is_empty => panel.up(),
            Action::HistoryNext if is_empty => panel.down(),
            Action::ScrollTop if is_empty => panel.top(),
            Action::ScrollBottom if is_empty => panel.bottom(),
            Action::Cancel => self.panel = None,
            Action::Interrupt if is_empty => self.panel = None,
            // The person may go on typing below an open panel.
            _ => return false,
        }
        true
    }

    fn perform(&mut self, action: Action, scene: &Scene<'_>) -> io::Result<()> {
        match action {
            Action::PageUp => self.views.page_up(),
            Action::PageDown => self.views.page_down(),
            Action::ScrollTop => self.views.top(),
            Action::ScrollBottom => self.views.bottom(),
            Action::Room(number) => {
                let mut rooms = scene.model.listed_rooms().into_iter();
                if let Some((room, _)) = rooms.find(|(_, known)| known.number == u32::from(number))
                {
                    self.go(room);
                }
            }
            Action::NextRoom => self.turn(scene, 1),
            Action::PreviousRoom => self.turn(scene, -1),
            Action::NextActivity => {
                if let Some(room) = self.views.next_active(scene.model) {
                    self.go(room);
                }
            }
            Action::ToggleRooms => self.shows_rooms = !self.shows_rooms,
            Action::Search => {
                self.mode = Mode::Search(ScreenSearch::default());
            }
            Action::BareView => return self.show_bare(),
            Action::Redraw => return self.redraw(),
            Action::Suspend => {
                if self.raw_terminal.is_some() {
                    terminal::suspend();
                }
                return self.redraw();
            }
            // The line had no use for these at this moment, and Cancel has nothing open to close.
            Action::Cancel
            | Action::Submit
            | Action::Newline
            | Action::Complete
            | Action::CompleteBack
            | Action::Left
            | Action::Right
            | Action::WordLeft
            | Action::WordRight
            | Action::LineStart
            | Action::LineEnd
            | Action::HistoryBack
            | Action::HistoryNext
            | Action::Backspace
            | Action::Delete
            | Action::KillToEnd
            | Action::KillToStart
            | Action::RubOutWord
            | Action::KillWordLeft
            | Action::KillWordRight
            | Action::Yank
            | Action::Interrupt
            | Action::EndOfInput => {}
        }
        Ok(())
    }

    fn go(&mut self, room: RoomId) {
        self.panel = None;
        self.intents.push_back(Intent::Go(room));
    }

    /// From the last room on to the first, and back.
    fn turn(&mut self, scene: &Scene<'_>, by: isize) {
        let rooms = scene.model.listed_rooms();
        let here = rooms.iter().position(|(room, _)| Some(*room) == scene.here);
        let count = rooms.len().cast_signed();
        let place = match here {
            Some(here) if count > 0 => (here.cast_signed() + by).rem_euclid(count),
            _ => 0,
        };
        if let Some((room, _)) = rooms.get(place.unsigned_abs()) {
            self.go(*room);
        }
    }

    fn search_key(&mut self, key: KeyEvent) {
        let action = self.keymap.action(key);
        let Mode::Search(search) = &mut self.mode else {
            return;
        };
        let direction = match action {
            Some(Action::Cancel | Action::Interrupt) => {
                self.mode = Mode::Talk;
                self.views.bottom();
                return;
            }
            // The view stays at the place found.
            Some(Action::Submit) => {
                self.mode = Mode::Talk;
                return;
            }
            Some(Action::Search | Action::HistoryBack | Action::PageUp) => Direction::Older,
            Some(Action::HistoryNext | Action::PageDown) => Direction::Newer,
            Some(Action::Backspace) => {
                search.shorten();
                Direction::Older
            }
            Some(Action::KillToStart) => {
                *search = ScreenSearch::default();
                return;
            }
            // Other actions have no meaning in a search.
            Some(_) => return,
            None => match keymap::is_text(key) {
                Some(character) => {
                    search.lengthen(character.encode_utf8(&mut [0; 4]));
                    Direction::Older
                }
                None => return,
            },
        };
        self.seek(direction);
    }

    fn seek(&mut self, direction: Direction) {
        let Mode::Search(search) = &mut self.mode else {
            return;
        };
        let found = self.views.find(&search.text, search.at, direction);
        search.is_found = found.is_some();
        if let Some(id) = found {
            search.at = found;
            self.views.show(id);
        }
    }
}
