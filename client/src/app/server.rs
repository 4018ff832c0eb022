//! Carries out what the server says: finds what an answer was for, tells the model, the queues and
//! the face. Owns no state.

use std::time::{Duration, Instant};

use chatbox_common::wire::message::{
    Access, Ack, ClientMessage, ErrorCode, ErrorMessage, Page, Plain, RequestId, Room,
    ServerMessage, Welcome, You,
};

use super::requests::Asked;
use super::script::RunMode;
use super::{App, people};
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::model::Event as Told;
use crate::outgoing::Refused;
use crate::sanitize::name;
use crate::session::{Heard, UNANSWERED};
use crate::ui::Listing;
use crate::words::app as words;

/// Characters of a refused text that are repeated.
const SHOWN_TEXT: usize = 40;

/// With a sentence of this program for a code that it does not know.
fn told(mut error: ErrorMessage) -> ErrorMessage {
    if let ErrorCode::Other(code) = error.code {
        error.text = words::refused(code);
    }
    error
}

impl App {
    pub(super) fn heard(&mut self, heard: Heard) -> Result<(), ExitReason> {
        let was_silent = self.silence.heard();
        if was_silent && !matches!(heard, Heard::Ended(_)) {
            self.state(words::ANSWERS_AGAIN)?;
        }
        match heard {
            Heard::Messages(messages) => {
                let link = self.connection.number();
                for message in messages {
                    self.message(message)?;
                    // An answer could not be sent: the rest belongs to a connection that is gone.
                    if !self.connection.hears(link) {
                        break;
                    }
                }
                Ok(())
            }
            Heard::NewKey(epoch) => {
                self.connection.note_new_key(epoch);
                Ok(())
            }
            Heard::Ended(ending) => self.ended(ending),
        }
    }

    pub(super) fn message(&mut self, message: ServerMessage) -> Result<(), ExitReason> {
        let Some(message) = self.heard_too_early(message) else {
            return Ok(());
        };
        match message {
            ServerMessage::Welcome(welcome) => {
                self.welcome(welcome)?;
                self.go_on_finding()
            }
            ServerMessage::Chat(chat) => self.tell_model(Told::Chat(chat)),
            ServerMessage::Ack(ack) => self.acknowledged(&ack),
            ServerMessage::Page(page) => self.page(page),
            ServerMessage::People(list) => self.page_of(list.request, Told::People(list)),
            ServerMessage::RoomList(list) => self.page_of(list.request, Told::RoomList(list)),
            ServerMessage::MemberList(list) => self.page_of(list.request, Told::MemberList(list)),
            ServerMessage::Profile(who) => self.page_of(who.request, Told::Profile(who)),
            ServerMessage::Found(found) => self.page_of(found.request, Told::Found(found)),
            ServerMessage::Following(following) => {
                let (request, event) = (following.request, Told::Following(following));
                self.answer(request, Asked::Follow, |app| app.tell_model(event))
            }
            ServerMessage::You(you) => {
                self.answer(you.request, Asked::WhoAmI, |app| app.show_oneself(&you))
            }
            ServerMessage::ServerInfo(info) => {
                self.answer(info.request, Asked::Info, |app| app.show_info(&info))
            }
            ServerMessage::SessionList(list) => {
                self.answer(list.request, Asked::Sessions, |app| app.show_sessions(&list))
            }
            ServerMessage::PasswordChallenge(challenge) => self.password_challenge(&challenge),
            ServerMessage::NewFactor(factor) => self.new_factor(factor),
            ServerMessage::Changed(changed) => self.changed(changed),
            ServerMessage::Done(done) => self.done(&done),
            ServerMessage::Joined(joined) => self.joined(joined),
            ServerMessage::Left(left) => self.left(&left),
            ServerMessage::RoomChanged(changed) => self.room_changed(&changed),
            ServerMessage::Standing(standing) => self.tell_model(Told::Standing(standing)),
            ServerMessage::Invited(invited) => self.tell_model(Told::Invited(invited)),
            ServerMessage::Ignoring(ignoring) => self.ignoring(ignoring),
            ServerMessage::Announcement(announcement) => {
                let sentence = words::announcement(&announcement.text);
                Ok(self.face.notice(None, &sentence)?)
            }
            ServerMessage::ReadTo(read) => self.tell_model(Told::ReadTo(read)),
            ServerMessage::Lagged(lagged) => self.tell_model(Told::Lagged(lagged.heads)),
            ServerMessage::Presence(presence) => self.tell_model(Told::Presence(presence)),
            ServerMessage::Ping(ping) => self.say(ClientMessage::Pong(ping)),
            ServerMessage::Error(error) => self.error(&told(error)),
            ServerMessage::Pong(pong) => match self.requests.answered(pong.request) {
                Some(Asked::Membership) => self.told_all_rooms(),
                Some(Asked::Rooms) => self.found_all(),
                _ => Ok(()),
            },
            // The login is over, and its messages answer nothing.
            ServerMessage::RegisterChallenge(_)
            | ServerMessage::LoginChallenge(_)
            | ServerMessage::LoggedIn(_)
            // The link reports it as the end of the session.
            | ServerMessage::Bye(_) => Ok(()),
        }
    }

    /// An answer to nothing that was asked for is ignored.
    fn answer(
        &mut self,
        request: RequestId,
        what: Asked,
        follows: impl FnOnce(&mut Self) -> Result<(), ExitReason>,
    ) -> Result<(), ExitReason> {
        if self.requests.is_answer(request, what) {
            return follows(self);
        }
        Ok(())
    }

    fn page_of(&mut self, request: RequestId, event: Told) -> Result<(), ExitReason> {
        self.answer(request, Asked::Page, |app| app.tell_model(event))
    }

    fn page(&mut self, page: Page) -> Result<(), ExitReason> {
        if self.requests.is_answer(page.request, Asked::Since) {
            return self.found_since(&page);
        }
        self.page_of(page.request, Told::Page(page))
    }

    fn acknowledged(&mut self, ack: &Ack) -> Result<(), ExitReason> {
        if let Some(room) = self.outgoing.acknowledged(ack.request) {
            self.patience.gets_on();
            self.quitting.committed(room, ack.seq);
            self.told_number(room, ack.seq)?;
        }
        Ok(())
    }

    fn show_oneself(&mut self, you: &You) -> Result<(), ExitReason> {
        if self.run_mode == RunMode::WhoAmI {
            self.quitting.begin();
        }
        Ok(self.face.listing(Listing::You(you))?)
    }

    fn done(&mut self, done: &Plain) -> Result<(), ExitReason> {
        self.outgoing.answered(done.request);
        if self.requests.answered(done.request) == Some(Asked::Invite) {
            self.face.notice(None, words::INVITED)?;
        }
        Ok(())
    }

    fn welcome(&mut self, welcome: Welcome) -> Result<(), ExitReason> {
        let capabilities = welcome.capabilities.unwrap_or_default();
        self.connection.welcomed(welcome.session, capabilities);
        self.outgoing.set_limit(welcome.limits.messages_per_second);
        if self.run_mode != RunMode::Chat {
            return self.begin_run(welcome);
        }
        let is_hidden = |room: &Room| {
            people::partner(room).is_some_and(|user| {
                let mut ignored = welcome.ignored.iter();
                ignored.any(|ignored| ignored.eq_ignore_ascii_case(user))
            })
        };
        let is_quiet = |room: &Room| room.access == Access::Direct && room.read == room.head;
        let news = welcome
            .rooms
            .iter()
            .filter(|room| !self.model.is_in(room.room) && !is_quiet(room) && !is_hidden(room));
        let news: Vec<Room> = news.cloned().collect();
        self.tell_model(Told::Welcome(welcome))?;
        let here = self.here();
        self.face.notice(here, &words::you_are(&self.user))?;
        for room in &news {
            self.face.entered(room)?;
        }
        if self.is_person && self.connection.number() == 1 {
            let called = here.map(|room| name(self.model.room_name(room)));
            self.face.notice(here, &words::begin(called.as_deref()))?;
        }
        self.focus.saw(Instant::now());
        self.place_direct_messages();
        Ok(())
    }

    fn error(&mut self, error: &ErrorMessage) -> Result<(), ExitReason> {
        let retry = error.retry_ms.map(|ms| Duration::from_millis(ms.into()));
        let asked = error
            .request
            .and_then(|request| Some((request, self.requests.answered(request)?)));
        let Some((request, what)) = asked else {
            return match error.request {
                Some(UNANSWERED) => Ok(()),
                Some(request) => self.message_refused(request, error, retry),
                None => self.tell(&error.text),
            };
        };
        match what {
            Asked::WhoAmI if self.run_mode.is_question() => {
                Err(ExitReason::because(Exit::Failure, &error.text))
            }
            Asked::WhoAmI | Asked::Info | Asked::Sessions | Asked::Membership => {
                self.tell(&error.text)
            }
            Asked::Rooms => self.found_all(),
            Asked::Page => self.page_refused(error, retry),
            // The room may have been left meanwhile.
            Asked::Follow if error.code == ErrorCode::UnknownRoom => Ok(()),
            Asked::Follow => Err(ExitReason::because(
                Exit::Failure,
                &words::not_followed(&error.text),
            )),
            Asked::Since => Err(ExitReason::because(Exit::Failure, &error.text)),
            Asked::Change => self.change_refused(error),
            Asked::LogOut => {
                // A script fails; a person goes on.
                self.quitting.lose_one();
                if self.is_person {
                    self.quitting.stay();
                }
                self.tell(&error.text)
            }
            Asked::Room | Asked::Invite | Asked::Move => {
                self.command_refused(what, request, error, retry)
            }
        }
    }

    fn page_refused(
        &mut self,
        error: &ErrorMessage,
        retry: Option<Duration>,
    ) -> Result<(), ExitReason> {
        use ErrorCode::{Busy, PageInFlight, TooFast, Unavailable};
        if matches!(error.code, Busy | PageInFlight | TooFast | Unavailable) {
            if error.code == Unavailable && self.requests.is_new_trouble(&error.text) {
                self.tell(&words::tried_again(&error.text))?;
            }
            self.requests.delay_page(Instant::now(), retry);
            return self.tell_model(Told::PageDelayed);
        }
        let hint = match (error.code, self.model.asked_about()) {
            (ErrorCode::UnknownUser, Some(user)) => self.meant(&format!("@{user}")),
            _ => String::new(),
        };
        if self.run_mode.is_question() {
            return Err(ExitReason::because(Exit::Failure, &error.text));
        }
        self.tell(&format!("{}{hint}", error.text))?;
        self.tell_model(Told::PageRefused)
    }

    fn command_refused(
        &mut self,
        what: Asked,
        request: RequestId,
        error: &ErrorMessage,
        retry: Option<Duration>,
    ) -> Result<(), ExitReason> {
        let now = Instant::now();
        let refused = match self.outgoing.refused(request, error.code, retry, now) {
            Refused::ForNow { is_new } => {
                self.requests.expect(request, what);
                return self.tell_later(error, is_new);
            }
            Refused::Command(refused) => people::named(&refused),
            Refused::ForGood(_) | Refused::Unknown => None,
        };
        let is_unknown = matches!(error.code, ErrorCode::UnknownRoom | ErrorCode::UnknownUser);
        let hint = match refused.filter(|_| is_unknown) {
            Some(name) => self.meant(&name),
            None => String::new(),
        };
        let sentence = format!("{}{hint}", error.text);
        let lost = self.direct_refused(request);
        for text in &lost {
            self.not_sent(&sentence, text)?;
        }
        match what {
            _ if !lost.is_empty() => Ok(()),
            Asked::Move => self.not_moved(|app| app.tell(&sentence)),
            _ => self.tell(&sentence),
        }
    }

    fn message_refused(
        &mut self,
        request: RequestId,
        error: &ErrorMessage,
        retry: Option<Duration>,
    ) -> Result<(), ExitReason> {
        let now = Instant::now();
        match self.outgoing.refused(request, error.code, retry, now) {
            Refused::ForNow { is_new } => self.tell_later(error, is_new),
            Refused::ForGood(text) => self.not_sent(&error.text, &text),
            Refused::Command(_) | Refused::Unknown => self.tell(&error.text),
        }
    }

    /// Something is sent again: told once, and not where that takes moments only.
    fn tell_later(&mut self, error: &ErrorMessage, is_new: bool) -> Result<(), ExitReason> {
        if !is_new || error.code == ErrorCode::TooFast {
            return Ok(());
        }
        self.tell(&words::tried_again(&error.text))
    }

    pub(super) fn not_sent(&mut self, why: &str, text: &str) -> Result<(), ExitReason> {
        self.quitting.lose_one();
        let begin: String = text.chars().take(SHOWN_TEXT).collect();
        self.tell(&words::not_sent(why, &begin))
    }

    pub(super) fn tell(&mut self, sentence: &str) -> Result<(), ExitReason> {
        self.problem(sentence)
    }
}
