//! The end of the program: when all is said and shown, and how goodbye is said.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use super::{App, Event, LinkState, Quitting};
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::session::Heard;
use crate::words::app as words;

/// How long a quitting client waits for what it was still to be shown.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long it waits for the server's goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

impl App {
    /// Whether all is said, and all is shown that one's own messages came to.
    pub(super) fn may_quit(&mut self) -> bool {
        if !matches!(self.link_state, LinkState::Up(_)) {
            // A person is not kept waiting for a server that is away; a script's words are.
            return self.is_person || self.unsent() == 0;
        }
        if self.outgoing.len() + self.direct_messages.len() > 0 || !self.model.is_connected() {
            return false;
        }
        let mut committed = self.committed.iter();
        let is_shown = committed.all(|(room, seq)| self.model.has_shown(*room, *seq));
        let lobby_is_shown = self.here().is_none_or(|room| self.model.has_shown(room, 0));
        if self.asked.is_empty() && is_shown && lobby_is_shown {
            return true;
        }
        let now = Instant::now();
        *self.quit_by.get_or_insert(now + LAST_WORDS) <= now
    }

    /// How many messages wait, for an acknowledgement or before.
    pub(super) fn unsent(&self) -> usize {
        self.outgoing.messages() + self.direct_messages.len()
    }

    /// Says goodbye. Whoever interrupts this, too, ends at once.
    pub(super) fn quit(&mut self) -> Result<Exit, ExitReason> {
        self.ctrl_c_ends.store(true, Ordering::SeqCst);
        self.flush()?;
        self.have_read()?;
        self.face.close();
        let unsent = self.unsent();
        if unsent > 0 {
            self.face.tell(&words::unacknowledged(unsent));
        }
        if self.quitting == Quitting::Everywhere || self.asked_to_log_out() {
            self.face.tell(words::NOT_SAID_LOGGED_OUT);
            self.has_lost_one = true;
        }
        // What a goodbye ends can't be continued by the next script.
        if let LinkState::Up(link) = &self.link_state
            && !self.login.keeps()
            && link.say_bye().is_ok()
        {
            let until = Instant::now() + GOODBYE_TIMEOUT;
            while let left = until.saturating_duration_since(Instant::now())
                && !left.is_zero()
                && let Ok(event) = self.events.recv_timeout(left)
            {
                match event {
                    Event::Heard(link, Heard::Ended(_)) if link == self.link => break,
                    _ => {}
                }
            }
        }
        Ok(match (self.has_lost_one && !self.is_person, unsent) {
            (false, 0) => Exit::Fine,
            _ => Exit::Failure,
        })
    }
}
