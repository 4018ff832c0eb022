//! The chat itself: one loop that owns the model, the waiting messages and the connection. Threads
//! feed it through one queue: the keyboard, the link, signals, an attempt to connect again.
//!
//! Session and face meet here; neither knows the other. The loop blocks only where it waits for an
//! event and where it asks the person: connecting again and writing to the server are done by
//! threads of their own. Keys come before what is heard, whatever waits.

mod account;
mod commands;
mod connection;
mod direct;
mod focus;
#[cfg(test)]
mod full_tests;
mod output;
mod past;
mod patience;
mod people;
mod quit;
mod reconnect;
mod requests;
mod rooms;
mod scene;
mod script;
mod server;
mod signals;
mod silence;
mod turn;
mod typed;
mod unsent;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::Instant;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{ClientMessage, Plain, RoomId};

use crate::cli::Exit;
use crate::config::Settings;
use crate::exit::ExitReason;
use crate::login::{LoggedInAgain, Login, ResumeError};
use crate::model::{Ask, Effect, Event as Told, Model};
use crate::outgoing::{Next, Outgoing};
use crate::session::{Entered, Heard, Ticket, UNANSWERED};
use crate::ui::{Face, Intent, Listing};
use crate::words::app as words;
use crate::words::script as script_words;
use crate::words::tables::Clock;
use account::Changing;
use connection::Connection;
use direct::DirectMessages;
use focus::Focus;
use patience::Patience;
use quit::Quitting;
use requests::{Asked, Requests};
pub use script::RunMode;
use script::ScriptStart;
use silence::{Silence, Step};
use typed::{Keyboard, TypedAhead};
use unsent::Meant;

/// Events that may wait. A full queue stops the reading thread, and TCP slows the server.
const EVENTS: usize = 64;

enum Event {
    /// A line of a pipe or a plain terminal; a full screen sends [`Event::Pressed`].
    Typed(Intent),
    /// From the link with this number.
    Heard(u64, Heard),
    /// An attempt to continue the login has ended; it gives its ticket back.
    Resumed(Box<(Ticket, Result<Entered, ResumeError>)>),
    /// A login that no person was asked for has ended.
    LoggedIn(Box<LoggedInAgain>),
    /// Whoever read standard output has gone.
    ReaderGone,
    /// SIGINT (Ctrl-C) or SIGTERM, by its number.
    Interrupt(i32),
    /// Keys wait in the face, which knows what they mean.
    Pressed,
}

pub struct App {
    login: Login,
    face: Box<dyn Face>,
    clock: Clock,
    model: Model,
    outgoing: Outgoing,
    direct_messages: DirectMessages,
    connection: Connection,
    requests: Requests,
    /// While there is one no line is taken: the keyboard is for questions.
    changing: Option<Changing>,
    focus: Focus,
    meant: Option<Meant>,
    typed_ahead: TypedAhead,
    patience: Patience,
    silence: Silence,
    quitting: Quitting,
    run_mode: RunMode,
    script_start: ScriptStart,
    events: Receiver<Event>,
    teller: SyncSender<Event>,
    /// A person chats at a terminal: they are told and asked where a script fails.
    is_person: bool,
    user: UserName,
}

impl App {
    /// From here on Ctrl-C says goodbye first.
    pub fn begin(
        login: Login,
        face: Box<dyn Face>,
        clock: Clock,
        settings: &Settings,
        entered: Entered,
        run_mode: RunMode,
        ctrl_c_ends: Arc<AtomicBool>,
    ) -> Result<Self, ExitReason> {
        let (teller, events) = mpsc::sync_channel(EVENTS);
        let mut app = Self::new(
            login,
            face,
            clock,
            settings,
            &entered.user,
            (teller, events),
        );
        app.quitting = Quitting::new(ctrl_c_ends);
        app.is_person &= run_mode == RunMode::Chat;
        app.patience = Patience::new(run_mode.timeout());
        app.run_mode = run_mode;
        // Before Ctrl-C is taken over: until the questions are over it cancels them.
        app.face.back();
        if app.face.hears_signals() {
            let teller = app.teller.clone();
            app.face.wake_with(Box::new(move || {
                // A loop that is behind looks at the keys by itself.
                let _ = teller.try_send(Event::Pressed);
            }));
        } else {
            signals::watch(app.teller.clone())?;
            if matches!(app.run_mode, RunMode::Tail { .. }) {
                output::watch(app.teller.clone())?;
            }
            // From here on signals are events; where there are none Ctrl-C still ends the process.
            app.quitting.let_ctrl_c_end(cfg!(not(unix)));
            if app.run_mode.reads_lines() {
                let keyboard = Keyboard::start(app.teller.clone(), app.face.type_lines())?;
                app.typed_ahead.read_from(keyboard);
            }
        }
        app.take_up(entered)?;
        Ok(app)
    }

    fn new(
        login: Login,
        face: Box<dyn Face>,
        clock: Clock,
        settings: &Settings,
        user: &UserName,
        (teller, events): (SyncSender<Event>, Receiver<Event>),
    ) -> Self {
        Self {
            is_person: face.can_be_asked(),
            login,
            face,
            clock,
            model: Model::new(user.as_str()),
            outgoing: Outgoing::new(),
            direct_messages: DirectMessages::default(),
            connection: Connection::new(settings.reconnect_delay),
            requests: Requests::default(),
            changing: None,
            focus: Focus::default(),
            meant: None,
            typed_ahead: TypedAhead::default(),
            patience: Patience::default(),
            silence: Silence::default(),
            quitting: Quitting::default(),
            run_mode: RunMode::Chat,
            script_start: ScriptStart::default(),
            events,
            teller,
            user: user.clone(),
        }
    }

    pub fn run(mut self) -> Result<Exit, ExitReason> {
        loop {
            match self.turn() {
                Ok(None) => {}
                Ok(Some(exit)) => return Ok(exit),
                Err(reason) => {
                    // What was shown before. Where the output is gone, that is told already.
                    let _ = self.flush();
                    return Err(self.with_unsent(reason));
                }
            }
        }
    }

    /// One round of the loop; `Some` ends the program.
    fn turn(&mut self) -> Result<Option<Exit>, ExitReason> {
        while let Some(intent) = self.next_intent() {
            if intent == Intent::Quit {
                return self.quit().map(Some);
            }
            self.take(intent)?;
        }
        let pace = self.send_what_waits()?;
        if self.quitting.is_under_way() && self.may_quit() && !self.logs_out()? {
            return self.quit().map(Some);
        }
        if let Some(intent) = self.next_typed() {
            self.carry_out(intent)?;
            return Ok(None);
        }
        self.older_wanted()?;
        let redraw = self.flush()?;
        // Also where something always comes: what others say is no acknowledgement.
        self.be_patient()?;
        match self.next_event(&[pace, redraw])? {
            Some(Event::Typed(intent)) => {
                self.typed_ahead.has_come();
                self.line_came(intent)?;
            }
            Some(Event::Heard(link, heard)) => {
                if self.connection.hears(link) {
                    self.heard(heard)?;
                }
            }
            Some(Event::Resumed(attempt)) => self.resumed(*attempt)?,
            Some(Event::LoggedIn(ended)) => self.logged_in_again(*ended)?,
            Some(Event::ReaderGone) => return Err(ExitReason::fine()),
            Some(Event::Interrupt(_)) if self.quitting.takes_interrupt() => {}
            Some(Event::Interrupt(signal)) => return self.interrupted(signal).map(Some),
            Some(Event::Pressed) => {}
            None => self.time_has_come()?,
        }
        Ok(None)
    }

    fn interrupted(&mut self, signal: i32) -> Result<Exit, ExitReason> {
        if self.is_person {
            // The terminal has echoed ^C, and what comes next begins its own line.
            self.face.lines("", "\n")?;
        }
        let exit = self.quit()?;
        if self.run_mode != RunMode::Chat {
            // The caller of a script sees by its status that a signal ended it.
            signals::end_by(signal);
        }
        Ok(exit)
    }

    /// Whether the server has told where one is: a script waits for its room; in a chat one may be in
    /// none, and must get to another.
    fn is_there(&self) -> bool {
        let is_somewhere = self.run_mode == RunMode::Chat || self.model.is_in_a_room();
        self.model.is_connected() && is_somewhere
    }

    /// Messages and commands that were taken and are not answered.
    fn waiting(&self) -> usize {
        self.outgoing.len() + self.direct_messages.len()
    }

    /// `None` when one of the times has come for which the loop waits, or one of `others`.
    fn next_event(&mut self, others: &[Option<Instant>]) -> Result<Option<Event>, ExitReason> {
        self.silence.watch(self.is_owed_an_answer(), Instant::now());
        let times = [
            self.patience.by(),
            self.silence.at(),
            self.connection.retry_at(),
            self.requests.page_at(),
            self.quitting.by(),
            self.focus.read_at(),
        ];
        let times = times.iter().chain(others);
        let event = match times.flatten().min() {
            Some(at) => {
                let wait = at.saturating_duration_since(Instant::now());
                self.events.recv_timeout(wait)
            }
            None => self.events.recv().map_err(RecvTimeoutError::from),
        };
        match event {
            Ok(event) => Ok(Some(event)),
            Err(RecvTimeoutError::Timeout) => Ok(None),
            // Can't happen: `teller` is a sender, too.
            Err(RecvTimeoutError::Disconnected) => {
                Err(ExitReason::because(Exit::Failure, words::LOST_THREADS))
            }
        }
    }

    /// An error once nothing has gone on for as long as `--timeout` says.
    fn be_patient(&mut self) -> Result<(), ExitReason> {
        let (waits, now) = (self.waits_for_the_server(), Instant::now());
        self.patience.watch(waits, now);
        if self.patience.by().is_some_and(|at| at <= now) {
            return Err(ExitReason::because(
                Exit::CannotConnect,
                script_words::TIMED_OUT,
            ));
        }
        Ok(())
    }

    fn time_has_come(&mut self) -> Result<(), ExitReason> {
        let now = Instant::now();
        self.be_patient()?;
        match self.silence.step(now) {
            Some(Step::Ask) => {
                let request = UNANSWERED;
                self.say(ClientMessage::Ping(Plain { request }))?;
            }
            Some(Step::Tell) => self.state(words::NO_ANSWER)?,
            None => {}
        }
        if self.requests.page_is_due(now) {
            self.tell_model(Told::Retry)?;
        }
        if self.focus.read_at().is_some_and(|at| at <= now) {
            self.have_read()?;
        }
        if self.connection.retry_at().is_some_and(|at| at <= now) {
            self.reconnect()?;
        }
        Ok(())
    }

    /// The room that was asked for was not entered, which `tell` says. What a script says next, or
    /// a person has typed ahead or begun to, was meant for that room and must not be said in another: the
    /// script ends, the person talks nowhere until they choose a room. What they type after they
    /// have read of it is not typed ahead.
    fn not_moved(
        &mut self,
        tell: impl FnOnce(&mut Self) -> Result<(), ExitReason>,
    ) -> Result<(), ExitReason> {
        let has_typed_ahead =
            self.is_person && (self.typed_ahead.has_more() || self.face.has_begun_a_line());
        if has_typed_ahead {
            self.focus.lose();
            // What follows is told where the person is now.
            self.flush()?;
        }
        tell(self)?;
        if !self.is_person {
            return Err(ExitReason::because(Exit::Failure, words::NOT_ENTERED));
        }
        if has_typed_ahead {
            self.face.notice(None, words::NOWHERE)?;
        }
        Ok(())
    }

    fn here(&self) -> Option<RoomId> {
        self.focus.here(&self.model)
    }

    /// Sends as much as the pace allows; returns when to go on.
    fn send_what_waits(&mut self) -> Result<Option<Instant>, ExitReason> {
        // Before the welcome the server's limit is not known.
        while self.connection.is_up() && self.model.is_connected() {
            let request = self.requests.upcoming();
            match self.outgoing.next(request, Instant::now()) {
                Next::Send(message) => {
                    self.requests.number();
                    self.say(message)?;
                }
                Next::At(at) => return Ok(Some(at)),
                Next::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    fn tell_model(&mut self, event: Told) -> Result<(), ExitReason> {
        let mut meant = match &event {
            Told::Welcome(_) => self.rooms_meant(),
            _ => BTreeMap::new(),
        };
        for effect in self.model.apply(event) {
            match effect {
                Effect::Show(..) if !self.is_shown() => {}
                Effect::Show(chat, mention) => {
                    let room = self.model.room_name(chat.room);
                    self.face.chat(room, &chat, mention)?;
                    self.focus.saw(Instant::now());
                }
                Effect::Notice(room, sentence) => self.face.notice(room, &sentence)?,
                Effect::Older {
                    room,
                    messages,
                    begins,
                } => {
                    let called = self.model.room_name(room);
                    self.face.older(room, called, &messages, begins)?;
                }
                Effect::Unread { room, count, shown } => {
                    let called = self.model.room_name(room);
                    self.face.unread(room, called, count, shown)?;
                }
                Effect::Forget => {
                    self.history_is_lost()?;
                    self.face.forget(None)?;
                    self.find_again(std::mem::take(&mut meant))?;
                }
                Effect::ForgetRoom(room) => self.face.forget(Some(room))?,
                Effect::ForgetFrom(room, seq) => {
                    self.end_is_lost(room, seq)?;
                    self.face.forget_from(room, seq)?;
                }
                Effect::People(people) => self.show_people(&people)?,
                Effect::Rooms(rooms) => self.face.listing(Listing::Rooms(&rooms))?,
                Effect::Members(members) => self.face.listing(Listing::Members(&members))?,
                Effect::ListCut(sentence) => self.list_is_cut(&sentence)?,
                Effect::Profile(profile) => self.face.listing(Listing::Profile(&profile))?,
                Effect::Presence(presence) => self.show_presence(&presence)?,
                Effect::Standing(standing) => self.show_standing(&standing)?,
                Effect::Invited(invited) => self.show_invited(&invited)?,
                Effect::Past {
                    room,
                    before,
                    messages,
                    is_all,
                } => self.show_past(room, before, &messages, is_all)?,
                Effect::Whole(chat) => {
                    let called = self.model.room_name(chat.room);
                    self.face.whole(called, &chat)?;
                }
                Effect::Found {
                    words,
                    messages,
                    more,
                    incomplete,
                } => self.show_found(&words, &messages, more, incomplete)?,
                Effect::Ask(ask) => self.ask_for_model(ask)?,
                Effect::Fault(sentence) => {
                    return Err(ExitReason::because(Exit::Failure, &sentence));
                }
            }
        }
        Ok(())
    }

    fn ask_for_model(&mut self, ask: Ask) -> Result<(), ExitReason> {
        let what = match ask {
            Ask::Read { .. } => return self.say(ask.into_message(UNANSWERED)),
            Ask::Follow { .. } => Asked::Follow,
            Ask::History { .. }
            | Ask::Until { .. }
            | Ask::Search { .. }
            | Ask::List { .. }
            | Ask::Whois(_) => Asked::Page,
        };
        let request = self.requests.begin(what);
        self.say(ask.into_message(request))
    }
}

/// A broken pipe is no failure where the program only shows: its reader has seen enough. `send`
/// is not done by then.
fn output_failed(run_mode: &RunMode, error: io::Error) -> ExitReason {
    match run_mode {
        RunMode::Send { .. } => ExitReason::because(Exit::Failure, &error.to_string()),
        RunMode::Chat | RunMode::Tail { .. } | RunMode::List | RunMode::WhoAmI => error.into(),
    }
}
