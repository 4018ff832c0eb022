//! The line to the server: taken up, lost, and taken up again.

use std::sync::atomic::Ordering;
use std::time::Instant;

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{Bye, ByeReason, ClientMessage};

use super::{App, Event, Line, unacknowledged};
use crate::cli::Exit;
use crate::door::{NotResumed, tell};
use crate::model::Event as Told;
use crate::session::{Ending, Entered, Link};
use crate::stop::Stop;

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
        self.ticket = Some(ticket);
        self.line = Line::Up(Box::new(link));
        Ok(())
    }

    /// Says something to the server; where that fails the line is lost.
    pub(super) fn say(&mut self, message: &ClientMessage) -> Result<(), Stop> {
        if let Line::Up(link) = &mut self.line
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
        let sentence = if text.is_empty() {
            "the server ended the session".to_owned()
        } else {
            format!("the server ended the session: {text}")
        };
        match reason {
            ByeReason::Quit => Err(Stop::fine()),
            ByeReason::Shutdown | ByeReason::Timeout | ByeReason::Busy => self.lost(&sentence),
            ByeReason::LoggedOut if self.asked_to_log_out() => {
                let sentence = "you are logged out everywhere";
                Err(Stop::because(Exit::Fine, sentence))
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
            error if error.is_timeout() => "the server fell silent".to_owned(),
            ChannelError::Io(_) | ChannelError::Closed | ChannelError::CutOff => {
                "connection lost".to_owned()
            }
            // Somebody on the way, or a server that can't keep to the protocol.
            other => format!("the connection was broken off: {other}"),
        };
        self.lost(&sentence)
    }

    fn lost(&mut self, sentence: &str) -> Result<(), Stop> {
        self.line = Line::LoggedOut;
        self.forget_change()?;
        let was_moving = self.is_moving();
        let given_up = self.outgoing.disconnected();
        self.asked.clear();
        self.page_at = None;
        self.whispers.disconnected();
        self.tell_model(Told::Disconnected)?;
        if given_up > self.whispers.len() {
            self.problem(
                "What was asked for just now may not have been done; look, and ask again.",
            )?;
        }
        if was_moving {
            self.not_moved()?;
        }
        self.try_later(sentence)
    }

    fn try_later(&mut self, sentence: &str) -> Result<(), Stop> {
        if !self.is_person && self.backoff.attempts() >= SCRIPT_ATTEMPTS {
            let unsent = unacknowledged(self.unsent());
            let sentence = format!("{sentence}; {unsent}");
            return Err(Stop::because(Exit::CutOff, &sentence));
        }
        let pause = self.backoff.next(rand::random());
        self.line = Line::Down(Instant::now() + pause);
        let seconds = pause.as_secs_f32().round().max(1.0);
        let notice = format!("{sentence}, reconnecting in {seconds} s");
        Ok(self.face.notice(&notice)?)
    }

    /// Continues the login on a new connection.
    pub(super) fn reconnect(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        let Some(ticket) = self.ticket.take_if(|ticket| !ticket.is_over(now)) else {
            return self.logged_out();
        };
        self.face.flush()?;
        // Nothing is connected that a goodbye could be said to.
        self.ends_at_once.store(true, Ordering::SeqCst);
        let resumed = self.door.resume(&ticket);
        self.ends_at_once.store(false, Ordering::SeqCst);
        match resumed {
            Ok(entered) => {
                self.face.notice("connected again")?;
                self.take_up(entered)
            }
            Err(NotResumed::Later(sentence)) => {
                self.ticket = Some(ticket);
                self.try_later(&sentence)
            }
            Err(NotResumed::Refused) => self.logged_out(),
            Err(NotResumed::Stop(stop)) => Err(stop),
        }
    }

    /// The login can't be continued, only made anew.
    fn logged_out(&mut self) -> Result<(), Stop> {
        self.ticket = None;
        if !self.is_person {
            let sentence = "the login could not be continued after the connection was lost";
            return Err(Stop::because(Exit::LoginRefused, sentence));
        }
        self.line = Line::LoggedOut;
        self.keyboard.want();
        let notice = "the login could not be continued: press Enter to log in again";
        Ok(self.face.notice(notice)?)
    }

    /// Asks the person to log in again. The line that was typed only said that somebody is there.
    pub(super) fn log_in_again(&mut self) -> Result<(), Stop> {
        self.face.flush()?;
        if let Some(modes) = &self.modes {
            modes.give_back();
        }
        let entered = self.door.log_in_again(&self.user);
        if let Some(modes) = &self.modes {
            modes.take();
        }
        match entered {
            Ok(entered) => self.take_up(entered),
            Err(stop) if stop.is_final() => Err(stop),
            Err(stop) => {
                tell(&stop.sentence);
                self.keyboard.want();
                Ok(self
                    .face
                    .notice("press Enter to try again, or type /quit")?)
            }
        }
    }
}
