//! The end of the program: when all is sent and shown, and how goodbye is said.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use chatbox_common::wire::message::{ClientMessage, RoomId, Seq};

use super::requests::Asked;
use super::{App, Event};
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::model::Model;
use crate::session::Heard;
use crate::words::app as words;

/// How long a quitting client waits for answers, and to be shown its own messages.
const LAST_WORDS: Duration = Duration::from_secs(5);
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What happens once everything typed is sent and acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Plan {
    #[default]
    Stay,
    Quit,
    /// To log out everywhere, which the server was not asked for yet.
    LogOut,
}

#[derive(Debug, Default)]
pub(super) struct Quitting {
    plan: Plan,
    /// The end of the wait for what is still to be shown; none before the wait.
    by: Option<Instant>,
    /// The last own message that the server acknowledged, by room: the end waits until it is shown.
    committed: HashMap<RoomId, Seq>,
    /// A message was refused for good, or a command not carried out: a script fails.
    has_lost_one: bool,
    /// Questions that Ctrl-C ended: each comes as a signal, too, which must not end the program.
    interrupts: u32,
    /// Whether Ctrl-C ends the process by itself, shared with the plain terminal.
    ctrl_c_ends: Arc<AtomicBool>,
}

impl Quitting {
    pub(super) fn new(ctrl_c_ends: Arc<AtomicBool>) -> Self {
        Self {
            ctrl_c_ends,
            ..Self::default()
        }
    }

    /// With `false` Ctrl-C is an event of the loop.
    pub(super) fn let_ctrl_c_end(&self, ends: bool) {
        self.ctrl_c_ends.store(ends, Ordering::SeqCst);
    }

    /// No line is taken any more.
    pub(super) const fn begin(&mut self) {
        self.plan = Plan::Quit;
    }

    pub(super) const fn log_out(&mut self) {
        self.plan = Plan::LogOut;
    }

    /// Begins the wait anew: the answer is given as much time as all that was sent before.
    const fn ask_to_log_out(&mut self) {
        self.plan = Plan::Quit;
        self.by = None;
    }

    pub(super) const fn stay(&mut self) {
        self.plan = Plan::Stay;
        self.by = None;
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.plan != Plan::Stay
    }

    pub(super) fn is_to_log_out(&self) -> bool {
        self.plan == Plan::LogOut
    }

    pub(super) const fn by(&self) -> Option<Instant> {
        self.by
    }

    /// The first call begins the wait.
    fn is_out_of_time(&mut self, now: Instant) -> bool {
        *self.by.get_or_insert(now + LAST_WORDS) <= now
    }

    /// Something is acknowledged: what is left is given as much time again.
    pub(super) fn committed(&mut self, room: RoomId, seq: Seq) {
        self.by = None;
        let last = self.committed.entry(room).or_default();
        *last = seq.max(*last);
    }

    /// Of own messages only: others may go on talking.
    fn has_shown_all(&self, model: &Model) -> bool {
        let mut committed = self.committed.iter();
        committed.all(|(room, seq)| model.has_shown(*room, *seq))
    }

    pub(super) fn has_committed_from(&self, room: RoomId, from: Seq) -> bool {
        self.committed.get(&room).is_some_and(|last| *last >= from)
    }

    /// The server has lost what it had acknowledged in this room from that number on; false where
    /// that is nothing, or is known.
    pub(super) fn lose_committed_from(&mut self, room: RoomId, from: Seq) -> bool {
        let loses = self.has_committed_from(room, from);
        if loses {
            self.committed.remove(&room);
            self.lose_one();
        }
        loses
    }

    /// The same of all that it had acknowledged.
    pub(super) fn lose_all_committed(&mut self) -> bool {
        let loses = !self.committed.is_empty();
        if loses {
            self.committed.clear();
            self.lose_one();
        }
        loses
    }

    pub(super) const fn lose_one(&mut self) {
        self.has_lost_one = true;
    }

    pub(super) const fn question_was_interrupted(&mut self) {
        self.interrupts += 1;
    }

    /// Whether a signal is one that has ended a question; each is taken once.
    pub(super) const fn takes_interrupt(&mut self) -> bool {
        let takes = self.interrupts > 0;
        self.interrupts = self.interrupts.saturating_sub(1);
        takes
    }
}

impl App {
    /// Whether everything is acknowledged, and own messages and answers were shown or have been
    /// waited for long enough. A person waits for an acknowledgement no longer than for an answer.
    pub(super) fn may_quit(&mut self) -> bool {
        if !self.connection.is_up() {
            // While the server is away a person may go; a script waits until its text is sent.
            return self.is_person || self.unacknowledged() == 0;
        }
        if self.waiting() > 0 || !self.model.is_connected() {
            // A server that answers nothing keeps no person.
            return self.is_person && self.quitting.is_out_of_time(Instant::now());
        }
        let is_shown = self.quitting.has_shown_all(&self.model);
        let here_is_shown = self.here().is_none_or(|room| self.model.has_shown(room, 0));
        if self.requests.is_empty() && is_shown && here_is_shown {
            return true;
        }
        self.quitting.is_out_of_time(Instant::now())
    }

    /// Asks to be logged out everywhere, if that is planned and there is a link; `true` if it did.
    pub(super) fn logs_out(&mut self) -> Result<bool, ExitReason> {
        let asks = self.quitting.is_to_log_out() && self.connection.is_up();
        if asks {
            self.quitting.ask_to_log_out();
            self.ask(Asked::LogOut, ClientMessage::LogOut)?;
        }
        Ok(asks)
    }

    /// Says goodbye. Ctrl-C during this ends the process at once.
    pub(super) fn quit(&mut self) -> Result<Exit, ExitReason> {
        self.flush()?;
        self.have_read()?;
        // The terminal first: a signal that ends the process leaves its modes.
        self.face.close();
        self.quitting.let_ctrl_c_end(true);
        let unsent = self.told_unsent();
        if let Some(unsent) = &unsent {
            self.face.tell(unsent);
        }
        if self.quitting.is_to_log_out() || self.requests.is_logging_out() {
            self.face.tell(words::NOT_SAID_LOGGED_OUT);
            self.quitting.lose_one();
        }
        // A goodbye ends the login, which `--keep-session` leaves to the next script.
        if let Some(link) = self.connection.link()
            && !self.login.keeps()
            && link.say_bye().is_ok()
        {
            self.hear_goodbye();
        }
        let has_failed = self.quitting.has_lost_one && !self.is_person;
        Ok(if has_failed || unsent.is_some() {
            Exit::Failure
        } else {
            Exit::Fine
        })
    }

    /// Waits for the end of the session; every other event is dropped.
    fn hear_goodbye(&self) {
        let until = Instant::now() + GOODBYE_TIMEOUT;
        while let left = until.saturating_duration_since(Instant::now())
            && !left.is_zero()
            && let Ok(event) = self.events.recv_timeout(left)
        {
            if let Event::Heard(link, Heard::Ended(_)) = event
                && link == self.connection.number()
            {
                break;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_time_for_last_words_begins_once_and_anew_for_being_logged_out() {
        let mut quitting = Quitting::default();
        let now = Instant::now();
        quitting.log_out();
        assert!(!quitting.is_out_of_time(now));
        assert_eq!(quitting.by(), Some(now + LAST_WORDS));
        assert!(quitting.is_out_of_time(now + LAST_WORDS));
        quitting.ask_to_log_out();
        assert!(!quitting.is_out_of_time(now + LAST_WORDS));
        assert!(quitting.is_under_way() && !quitting.is_to_log_out());
    }

    #[test]
    fn who_stays_after_all_is_given_all_the_time_again() {
        let mut quitting = Quitting::default();
        assert!(!quitting.is_under_way());
        quitting.begin();
        quitting.is_out_of_time(Instant::now());
        quitting.stay();
        assert!(!quitting.is_under_way());
        assert_eq!(quitting.by(), None);
    }

    #[test]
    fn each_ctrl_c_that_ended_a_question_is_swallowed_once() {
        let mut quitting = Quitting::default();
        assert!(!quitting.takes_interrupt());
        quitting.question_was_interrupted();
        quitting.question_was_interrupted();
        assert!(quitting.takes_interrupt());
        assert!(quitting.takes_interrupt());
        assert!(!quitting.takes_interrupt());
    }

    #[test]
    fn the_last_message_of_a_room_is_waited_for_whatever_is_acknowledged_first() {
        let mut quitting = Quitting::default();
        quitting.committed(RoomId(1), 7);
        quitting.committed(RoomId(1), 5);
        quitting.committed(RoomId(2), 1);
        assert_eq!(quitting.committed, [(RoomId(1), 7), (RoomId(2), 1)].into());
    }
}
