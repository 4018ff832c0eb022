//! Whose turn it is: what was typed and may be carried out now, and what waits, unread in the terminal
//! or behind what was typed before.
//!
//! The threat: a question that is asked while the keyboard's thread reads. It would take a part of the
//! answer, and show it. So nothing that waits leads to a question, only a line that has just come: then
//! no other is asked for.

use super::App;
use super::scene::{concerns_no_room, quits};
use crate::input::{self, Input};
use crate::outgoing::MAX_WAITING;
use crate::ui::Intent;

impl App {
    /// In the order in which they were typed.
    pub(super) fn takes_lines(&self) -> bool {
        self.takes_commands() && !self.is_nowhere_yet() && !self.connection.is_logged_out()
    }

    /// If not, what is typed waits, and a pipe is not read: also with [`MAX_WAITING`] messages.
    pub(super) fn takes_commands(&self) -> bool {
        (self.is_there() || self.model.is_in_a_room())
            && self.waiting() < MAX_WAITING
            && self.is_free()
            && self.may_go_on()
    }

    fn is_free(&self) -> bool {
        self.changing.is_none() && !self.quitting.is_under_way()
    }

    /// Enter tries now to connect, or logs in, whatever waits.
    pub(super) fn hears_enter(&self) -> bool {
        self.is_person && self.is_free() && !self.connection.is_up()
    }

    /// The first of what waits that may be carried out before the others. Where there is none, a line
    /// of the keyboard is asked for.
    pub(super) fn next_overtaking(&mut self) -> Option<Intent> {
        let first = {
            let mut ahead = self.typed_ahead.iter().enumerate();
            ahead.position(|(place, intent)| self.may_overtake(place, intent))
        };
        let next = self.typed_ahead.next_that(|place, _| Some(place) == first);
        if next.is_none() && self.connection.is_logged_out() {
            // What comes now logs in, and does not wait.
            self.typed_ahead.want();
        }
        next
    }

    /// Whether what waits in this place may be carried out before what was typed before it. Nobody
    /// quits before the texts that were typed before, unless the server is away.
    fn may_overtake(&self, place: usize, intent: &Intent) -> bool {
        let is_up = self.connection.is_up();
        match intent {
            Intent::Line(_) if self.connection.is_logged_out() => quits(intent),
            Intent::Line(_) if !is_up && is_empty(intent) => true,
            Intent::Line(_) => concerns_no_room(intent) && (place == 0 || !quits(intent)),
            Intent::End | Intent::Failed | Intent::Quit => !is_up,
            Intent::Paste(_) => false,
            _ => !is_up && place == 0 && !self.is_nowhere_yet(),
        }
    }

    /// Whether a line that has come waits behind what was typed before, for a room or for the
    /// connection.
    pub(super) fn is_to_wait(&self, intent: &Intent) -> bool {
        let asks = match intent {
            Intent::Line(line) | Intent::Cut(line) | Intent::NoText(line) => input::would_ask(line),
            _ => false,
        };
        if asks || concerns_no_room(intent) {
            return false;
        }
        // Rooms are found again behind the login, which only a line leads to.
        if self.is_person && self.connection.is_logged_out() {
            return false;
        }
        if self.is_nowhere_yet() || !self.is_person {
            return self.is_nowhere_yet();
        }
        if self.connection.is_up() {
            return !self.takes_lines() && self.typed_ahead.iter().next().is_some();
        }
        let is_line = matches!(intent, Intent::Line(_)) && !is_empty(intent);
        is_line && !self.takes_lines()
    }
}

fn is_empty(intent: &Intent) -> bool {
    matches!(intent, Intent::Line(line) if input::parse(line) == Input::Empty)
}
