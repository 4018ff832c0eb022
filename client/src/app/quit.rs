//! The end of the program: when all is said and shown, and how goodbye is said.

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

/// How long a quitting client waits for what it was still to be shown.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long it waits for the server's goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What is to happen once all is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Plan {
    /// The chat goes on.
    #[default]
    Stay,
    /// Goodbye.
    Quit,
    /// Being logged out everywhere, which the server was not asked for yet.
    LogOut,
}

/// Whether the program is about to quit, and with what exit code.
#[derive(Debug, Default)]
pub(super) struct Quitting {
    plan: Plan,
    /// Until when what is still to be shown is waited for.
    by: Option<Instant>,
    /// The last message of one's own that was committed, by room.
    committed: HashMap<RoomId, Seq>,
    /// A message was refused for good.
    has_lost_one: bool,
    /// How often Ctrl-C ended a question, and is not to end the program as well.
    interrupts: u32,
    ctrl_c_ends: Arc<AtomicBool>,
}

impl Quitting {
    /// Nothing is to happen yet. `ctrl_c_ends` says whether Ctrl-C ends the process by itself.
    pub(super) fn new(ctrl_c_ends: Arc<AtomicBool>) -> Self {
        Self {
            ctrl_c_ends,
            ..Self::default()
        }
    }

    /// Has Ctrl-C end the process by itself, or be heard of.
    pub(super) fn let_ctrl_c_end(&self, ends: bool) {
        self.ctrl_c_ends.store(ends, Ordering::SeqCst);
    }

    /// Nothing more is typed: once all is said, goodbye.
    pub(super) const fn begin(&mut self) {
        self.plan = Plan::Quit;
    }

    /// The server is to be asked to log one out everywhere, once all is said.
    pub(super) const fn log_out(&mut self) {
        self.plan = Plan::LogOut;
    }

    /// The server is asked for it now. The answer is given as much time as all that was said before
    /// had.
    const fn ask_to_log_out(&mut self) {
        self.plan = Plan::Quit;
        self.by = None;
    }

    /// The chat goes on after all.
    pub(super) const fn stay(&mut self) {
        self.plan = Plan::Stay;
        self.by = None;
    }

    /// Whether nothing more is typed.
    pub(super) fn is_under_way(&self) -> bool {
        self.plan != Plan::Stay
    }

    /// Whether the server is still to be asked to log one out everywhere.
    pub(super) fn is_to_log_out(&self) -> bool {
        self.plan == Plan::LogOut
    }

    /// Until when what is still to be shown is waited for.
    pub(super) const fn by(&self) -> Option<Instant> {
        self.by
    }

    /// Whether it was waited long enough for what is still to be shown; the first time begins the
    /// wait.
    fn is_out_of_time(&mut self, now: Instant) -> bool {
        *self.by.get_or_insert(now + LAST_WORDS) <= now
    }

    /// A message of one's own was committed.
    pub(super) fn committed(&mut self, room: RoomId, seq: Seq) {
        let last = self.committed.entry(room).or_default();
        *last = seq.max(*last);
    }

    /// Whether all messages of one's own were shown.
    fn has_shown_all(&self, model: &Model) -> bool {
        let mut committed = self.committed.iter();
        committed.all(|(room, seq)| model.has_shown(*room, *seq))
    }

    /// Something that was to be said or done will not be: a script fails.
    pub(super) const fn lose_one(&mut self) {
        self.has_lost_one = true;
    }

    /// Ctrl-C ended a question, and is heard of once more as a signal.
    pub(super) const fn question_was_interrupted(&mut self) {
        self.interrupts += 1;
    }

    /// Whether a signal is one that has ended a question.
    pub(super) const fn takes_interrupt(&mut self) -> bool {
        let takes = self.interrupts > 0;
        self.interrupts = self.interrupts.saturating_sub(1);
        takes
    }
}

impl App {
    /// Whether all is said, and all is shown that one's own messages came to.
    pub(super) fn may_quit(&mut self) -> bool {
        if !self.connection.is_up() {
            // A person is not kept waiting for a server that is away; a script's words are.
            return self.is_person || self.unsent() == 0;
        }
        if self.outgoing.len() + self.direct_messages.len() > 0 || !self.model.is_connected() {
            return false;
        }
        let is_shown = self.quitting.has_shown_all(&self.model);
        let lobby_is_shown = self.here().is_none_or(|room| self.model.has_shown(room, 0));
        if self.requests.is_empty() && is_shown && lobby_is_shown {
            return true;
        }
        self.quitting.is_out_of_time(Instant::now())
    }

    /// How many messages wait, for an acknowledgement or before.
    pub(super) fn unsent(&self) -> usize {
        self.outgoing.messages() + self.direct_messages.len()
    }

    /// Asks to be logged out everywhere now, if that can be asked; says whether it was.
    pub(super) fn logs_out(&mut self) -> Result<bool, ExitReason> {
        let asks = self.quitting.is_to_log_out() && self.connection.is_up();
        if asks {
            self.quitting.ask_to_log_out();
            self.ask(Asked::LogOut, ClientMessage::LogOut)?;
        }
        Ok(asks)
    }

    /// Says goodbye. Whoever interrupts this, too, ends at once.
    pub(super) fn quit(&mut self) -> Result<Exit, ExitReason> {
        self.quitting.let_ctrl_c_end(true);
        self.flush()?;
        self.have_read()?;
        self.face.close();
        let unsent = self.unsent();
        if unsent > 0 {
            self.face.tell(&words::unacknowledged(unsent));
        }
        if self.quitting.is_to_log_out() || self.requests.is_logging_out() {
            self.face.tell(words::NOT_SAID_LOGGED_OUT);
            self.quitting.lose_one();
        }
        // What a goodbye ends can't be continued by the next script.
        if let Some(link) = self.connection.link()
            && !self.login.keeps()
            && link.say_bye().is_ok()
        {
            self.hear_goodbye();
        }
        let has_failed = self.quitting.has_lost_one && !self.is_person;
        Ok(if has_failed || unsent > 0 {
            Exit::Failure
        } else {
            Exit::Fine
        })
    }

    /// Waits for the server's goodbye. Nothing else that is told counts any more.
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
