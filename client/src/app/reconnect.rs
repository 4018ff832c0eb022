//! The connection to the server: taken up, lost, and taken up again.

use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{Bye, ByeReason, ClientMessage};

use super::script::RunMode;
use super::{App, Event};
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::login::{LoggedInAgain, LoginAgain, NotResumed, ResumeError};
use crate::model::Event as Told;
use crate::session::{Ending, Entered, Link, Ticket};
use crate::words::app as words;

/// Pauses before a piped chat gives up: some seven minutes in all with the default first pause of
/// 5 s. A person, `send` and `tail` do not give up.
const SCRIPT_ATTEMPTS: u32 = 10;

impl App {
    pub(super) fn take_up(&mut self, entered: Entered) -> Result<(), ExitReason> {
        let number = self.connection.next_number();
        let teller = self.teller.clone();
        let forward = move |heard| teller.send(Event::Heard(number, heard)).is_ok();
        let (link, ticket) = Link::start(entered, forward)?;
        self.login.keep(&ticket)?;
        self.connection.take_up(link, ticket);
        Ok(())
    }

    /// A failure is a lost connection, and dealt with as one.
    pub(super) fn say(&mut self, message: ClientMessage) -> Result<(), ExitReason> {
        match self.connection.send(message) {
            Ok(()) => Ok(()),
            Err(error) => self.cut_off(&error),
        }
    }

    pub(super) fn ended(&mut self, ending: Ending) -> Result<(), ExitReason> {
        let bye = match ending {
            Ending::CutOff(error) => return self.cut_off(&error),
            Ending::Bye(bye) => bye,
        };
        let Bye { reason, text } = bye;
        let sentence = words::server_ended(&text);
        match reason {
            ByeReason::Shutdown | ByeReason::Timeout | ByeReason::Busy => self.lost(&sentence),
            ByeReason::LoggedOut if self.requests.is_logging_out() => Err(ExitReason::because(
                Exit::Fine,
                words::LOGGED_OUT_EVERYWHERE,
            )),
            // To `quit` the server was not asked: whoever asks hears the answer elsewhere.
            ByeReason::Quit
            | ByeReason::Flood
            | ByeReason::LoggedOut
            | ByeReason::LoginRefused
            | ByeReason::Other(_) => Err(ExitReason::because(Exit::CutOff, &sentence)),
            ByeReason::Protocol => Err(ExitReason::because(Exit::Failure, &sentence)),
        }
    }

    pub(super) fn cut_off(&mut self, error: &ChannelError) -> Result<(), ExitReason> {
        let sentence = match error {
            error if error.is_timeout() => words::SILENT.to_owned(),
            ChannelError::Io(_) | ChannelError::Closed | ChannelError::CutOff => {
                words::CONNECTION_LOST.to_owned()
            }
            // An attacker on the way, or a server that breaks the protocol.
            other => words::broken_off(other),
        };
        self.lost(&sentence)
    }

    fn lost(&mut self, sentence: &str) -> Result<(), ExitReason> {
        self.connection.lost();
        self.silence.disconnected();
        self.forget_change()?;
        let was_moving = self.requests.is_moving();
        let given_up = self.outgoing.disconnected();
        self.requests.disconnected();
        self.script_start.disconnected();
        let asked_again = self.direct_messages.disconnected();
        self.tell_model(Told::Disconnected)?;
        if given_up > asked_again {
            self.problem(words::MAY_NOT_BE_DONE)?;
        }
        if self.run_mode.is_question() {
            return Err(ExitReason::because(Exit::CutOff, sentence));
        }
        // `send` and `tail` ask for their room again after the next welcome.
        if was_moving && !self.run_mode.is_patient() {
            self.not_moved(|_| Ok(()))?;
        }
        self.try_later(sentence, None)
    }

    fn try_later(&mut self, sentence: &str, retry: Option<Duration>) -> Result<(), ExitReason> {
        let gives_up = !self.is_person && !self.run_mode.is_patient();
        if gives_up && self.connection.attempts() >= SCRIPT_ATTEMPTS {
            return Err(ExitReason::because(Exit::CutOff, sentence));
        }
        let pause = self.connection.pause(Instant::now(), rand::random(), retry);
        let seconds = pause.as_secs_f32().round().max(1.0);
        if self.run_mode != RunMode::Chat && !self.connection.is_news(sentence) {
            return Ok(());
        }
        let mut told = words::reconnecting(sentence, seconds);
        // With as many lines none is read.
        if self.is_person && !self.typed_ahead.is_full() {
            told.push_str(words::ENTER_HURRIES);
        }
        self.state(&told)
    }

    /// The state of the connection is shown in a chat, and is not part of a script's output.
    pub(super) fn state(&mut self, sentence: &str) -> Result<(), ExitReason> {
        if self.run_mode == RunMode::Chat {
            return Ok(self.face.notice(None, sentence)?);
        }
        self.problem(sentence)
    }

    /// Connects on a thread of its own: the loop does not wait for it.
    pub(super) fn reconnect(&mut self) -> Result<(), ExitReason> {
        let Some(ticket) = self.connection.begin_attempt(Instant::now()) else {
            return self.logged_out();
        };
        let (way, teller) = (self.login.way(), self.teller.clone());
        thread::Builder::new()
            .name("reconnect".to_owned())
            .spawn(move || {
                let resumed = way.resume(&ticket);
                // Fails only where the program ends meanwhile.
                let _ = teller.send(Event::Resumed(Box::new((ticket, resumed))));
            })?;
        Ok(())
    }

    pub(super) fn resumed(
        &mut self,
        (ticket, resumed): (Ticket, Result<Entered, ResumeError>),
    ) -> Result<(), ExitReason> {
        let error = match resumed {
            Ok(entered) => {
                self.state(words::CONNECTED_AGAIN)?;
                return self.take_up(entered);
            }
            Err(error) => error,
        };
        match self.login.judge(error, ticket.fingerprint) {
            NotResumed::Later { sentence, retry } => {
                self.connection.give_back(ticket);
                self.try_later(&sentence, retry)
            }
            NotResumed::Refused => self.logged_out(),
            NotResumed::Exit(reason) => Err(reason),
        }
    }

    /// A person is asked to log in again; a script does so by itself where it has what it takes, and
    /// ends elsewhere.
    fn logged_out(&mut self) -> Result<(), ExitReason> {
        self.connection.log_out();
        self.login.forget_saved()?;
        if !self.is_person {
            if let Some(again) = self.login.again() {
                return self.log_in_by_itself(again);
            }
            return Err(ExitReason::because(
                Exit::LoginRefused,
                words::NOT_CONTINUED,
            ));
        }
        Ok(self.face.notice(None, words::ENTER_LOGS_IN)?)
    }

    fn log_in_by_itself(&mut self, again: LoginAgain) -> Result<(), ExitReason> {
        self.connection.begin_login();
        let teller = self.teller.clone();
        thread::Builder::new()
            .name("login".to_owned())
            .spawn(move || {
                // Fails only where the program ends meanwhile.
                let _ = teller.send(Event::LoggedIn(Box::new(again.run())));
            })?;
        Ok(())
    }

    pub(super) fn logged_in_again(&mut self, ended: LoggedInAgain) -> Result<(), ExitReason> {
        match self.login.judge_again(ended) {
            Ok(entered) => {
                self.state(words::LOGGED_IN_AGAIN)?;
                self.take_up(entered)
            }
            Err(NotResumed::Later { sentence, retry }) => self.try_later(&sentence, retry),
            Err(NotResumed::Refused) => Err(ExitReason::because(
                Exit::LoginRefused,
                words::NOT_CONTINUED,
            )),
            Err(NotResumed::Exit(reason)) => Err(reason),
        }
    }

    /// The line that led here is not sent: it only said that somebody is there to be asked.
    pub(super) fn log_in_again(&mut self) -> Result<(), ExitReason> {
        self.face.will_be_asked();
        self.flush()?;
        let Self {
            login, face, user, ..
        } = self;
        let entered = login.log_in_again(user, &mut **face);
        // Answers to questions that are not asked any more.
        let has_dropped = entered.is_err() && face.discard();
        face.back();
        match entered {
            Ok(entered) => self.take_up(entered),
            Err(reason) if reason.is_final() => Err(reason),
            Err(reason) => {
                self.problem(&reason.sentence)?;
                self.tell_dropped(has_dropped)?;
                Ok(self.face.notice(None, words::ENTER_TRIES_AGAIN)?)
            }
        }
    }
}
