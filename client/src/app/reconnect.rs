//! The line to the server: taken up, lost, and taken up again.

use std::thread;
use std::time::Instant;

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{Bye, ByeReason, ClientMessage};

use super::{App, Errand, Event, Line};
use crate::cli::Exit;
use crate::exit::Stop;
use crate::login::{NotResumed, Untaken};
use crate::model::Event as Told;
use crate::session::{Ending, Entered, Link, Ticket};
use crate::words::app as words;

/// How often a script tries to get back before it gives up: some six minutes in all.
const SCRIPT_ATTEMPTS: u32 = 10;

impl App {
    /// Takes a new session up.
    pub(super) fn take_up(&mut self, entered: Entered) -> Result<(), Stop> {
        self.link += 1;
        let number = self.link;
        let teller = self.teller.clone();
        let forward = move |heard| teller.send(Event::Heard(number, heard)).is_ok();
        let (link, ticket) = Link::start(entered, forward)?;
        self.door.keep(&ticket)?;
        self.ticket = Some(ticket);
        self.line = Line::Up(Box::new(link));
        Ok(())
    }

    /// Says something to the server; where that fails the line is lost.
    pub(super) fn say(&mut self, message: ClientMessage) -> Result<(), Stop> {
        if let Line::Up(link) = &self.line
            && let Err(error) = link.send(message)
        {
            self.cut_off(&error)?;
        }
        Ok(())
    }

    /// The session has ended.
    pub(super) fn ended(&mut self, ending: Ending) -> Result<(), Stop> {
        let bye = match ending {
            Ending::CutOff(error) => return self.cut_off(&error),
            Ending::Bye(bye) => bye,
        };
        let Bye { reason, text } = bye;
        let sentence = words::server_ended(&text);
        match reason {
            ByeReason::Quit => Err(Stop::fine()),
            ByeReason::Shutdown | ByeReason::Timeout | ByeReason::Busy => self.lost(&sentence),
            ByeReason::LoggedOut if self.asked_to_log_out() => {
                Err(Stop::because(Exit::Fine, words::LOGGED_OUT_EVERYWHERE))
            }
            ByeReason::Flood
            | ByeReason::LoggedOut
            | ByeReason::LoginRefused
            | ByeReason::Other => Err(Stop::because(Exit::CutOff, &sentence)),
            ByeReason::Protocol => Err(Stop::because(Exit::Failure, &sentence)),
        }
    }

    /// The session ended without a goodbye.
    pub(super) fn cut_off(&mut self, error: &ChannelError) -> Result<(), Stop> {
        let sentence = match error {
            error if error.is_timeout() => words::SILENT.to_owned(),
            ChannelError::Io(_) | ChannelError::Closed | ChannelError::CutOff => {
                words::CONNECTION_LOST.to_owned()
            }
            // Somebody on the way, or a server that can't keep to the protocol.
            other => words::broken_off(other),
        };
        self.lost(&sentence)
    }

    fn lost(&mut self, sentence: &str) -> Result<(), Stop> {
        self.line = Line::LoggedOut;
        self.forget_change()?;
        let was_moving = self.is_moving();
        let given_up = self.outgoing.disconnected();
        self.asked.clear();
        self.beginning = None;
        self.page_at = None;
        self.whispers.disconnected();
        self.tell_model(Told::Disconnected)?;
        if given_up > self.whispers.len() {
            self.problem(words::MAY_NOT_BE_DONE)?;
        }
        if self.errand.is_question() {
            return Err(Stop::because(Exit::CutOff, sentence));
        }
        // A script that goes on asks again.
        if was_moving && !self.errand.is_patient() {
            self.not_moved()?;
        }
        self.try_later(sentence)
    }

    fn try_later(&mut self, sentence: &str) -> Result<(), Stop> {
        let gives_up = !self.is_person && !self.errand.is_patient();
        if gives_up && self.backoff.attempts() >= SCRIPT_ATTEMPTS {
            let sentence = words::gave_up(sentence, self.unsent());
            return Err(Stop::because(Exit::CutOff, &sentence));
        }
        let pause = self.backoff.next(rand::random());
        self.line = Line::Down(Instant::now() + pause);
        let seconds = pause.as_secs_f32().round().max(1.0);
        Ok(self
            .face
            .notice(None, &words::reconnecting(sentence, seconds))?)
    }

    /// How the way to the server is: news for who chats, beside the point for a script.
    fn state(&mut self, sentence: &str) -> Result<(), Stop> {
        if self.errand == Errand::Chat {
            return Ok(self.face.notice(None, sentence)?);
        }
        self.problem(sentence)
    }

    /// Has the login continued on a new connection.
    pub(super) fn reconnect(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        let Some(ticket) = self.ticket.take_if(|ticket| !ticket.is_over(now)) else {
            return self.logged_out();
        };
        self.line = Line::Trying;
        let (way, teller) = (self.door.way(), self.teller.clone());
        thread::Builder::new()
            .name("reconnect".to_owned())
            .spawn(move || {
                let resumed = way.resume(&ticket);
                // A program that ends meanwhile does not listen.
                let _ = teller.send(Event::Resumed(Box::new((ticket, resumed))));
            })?;
        Ok(())
    }

    /// An attempt to continue the login has ended.
    pub(super) fn resumed(
        &mut self,
        (ticket, resumed): (Ticket, Result<Entered, Untaken>),
    ) -> Result<(), Stop> {
        let untaken = match resumed {
            Ok(entered) => {
                self.state(words::CONNECTED_AGAIN)?;
                return self.take_up(entered);
            }
            Err(untaken) => untaken,
        };
        match self.door.judge(untaken, ticket.fingerprint) {
            NotResumed::Later(sentence) => {
                self.ticket = Some(ticket);
                self.try_later(&sentence)
            }
            NotResumed::Refused => self.logged_out(),
            NotResumed::Stop(stop) => Err(stop),
        }
    }

    /// The login can't be continued, only made anew.
    fn logged_out(&mut self) -> Result<(), Stop> {
        self.ticket = None;
        if !self.is_person {
            return Err(Stop::because(Exit::LoginRefused, words::NOT_CONTINUED));
        }
        self.line = Line::LoggedOut;
        Ok(self.face.notice(None, words::ENTER_LOGS_IN)?)
    }

    /// Asks the person to log in again. The line that was typed only said that somebody is there.
    pub(super) fn log_in_again(&mut self) -> Result<(), Stop> {
        self.face.will_be_asked();
        self.flush()?;
        let Self {
            door, face, user, ..
        } = self;
        let entered = door.log_in_again(user, &mut **face);
        // Of those that were still to be asked.
        let has_dropped = entered.is_err() && face.discard();
        face.back();
        match entered {
            Ok(entered) => self.take_up(entered),
            Err(stop) if stop.is_final() => Err(stop),
            Err(stop) => {
                self.problem(&stop.sentence)?;
                self.tell_dropped(has_dropped)?;
                Ok(self.face.notice(None, words::ENTER_TRIES_AGAIN)?)
            }
        }
    }
}
