//! The chat itself: one loop that owns the model, the waiting messages and the way to the server,
//! and is told by two threads what was typed and what was heard.
//!
//! Here session and face are joined; neither knows the other. Nothing in the loop waits but the
//! loop itself: connecting again and writing to the server are done by threads of their own. Keys
//! come before what is heard, whatever waits.

mod account;
mod commands;
mod direct;
#[cfg(test)]
mod full_tests;
mod past;
mod people;
mod quit;
mod reconnect;
mod rooms;
mod scene;
mod script;
mod server;
mod signals;
mod typed;

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{RequestId, RoomId, Seq};

use crate::backoff::Backoff;
use crate::cli::Exit;
use crate::config::Settings;
use crate::exit::ExitReason;
use crate::login::{Login, ResumeError};
use crate::model::{Ask, Effect, Event as Told, Model};
use crate::outgoing::{MAX_WAITING, Next, Outgoing};
use crate::session::{Entered, Heard, Link, Ticket};
use crate::ui::{Face, Intent};
use crate::words::app as words;
use crate::words::script as script_words;
use crate::words::tables::Clock;
use account::Changing;
use direct::DirectMessages;
use script::Beginning;
pub use script::RunMode;
use typed::{Keyboard, Typed};

/// Events that may wait: what is heard faster than shown slows the reading, and TCP the server.
const EVENTS: usize = 64;
/// What is shown counts as read so much later, all of it at once.
const READING: Duration = Duration::from_secs(1);
/// The number of requests that are answered only where they are refused, which nobody minds.
const UNANSWERED: RequestId = 0;

/// What the loop is told.
enum Event {
    /// From the keyboard or a pipe.
    Typed(Typed),
    /// From the link with this number.
    Heard(u64, Heard),
    /// An attempt to continue the login has ended.
    Resumed(Box<(Ticket, Result<Entered, ResumeError>)>),
    /// Ctrl-C, or the system wants the program to end: this signal.
    Interrupt(i32),
    /// Keys were pressed, which the face understands.
    Pressed,
}

/// What a request was for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Asked {
    Page,
    Follow,
    WhoAmI,
    Info,
    Sessions,
    LogOut,
    /// A change of one's own account.
    Change,
    /// Something done with a room or its members.
    Room,
    /// The message before the moment that a script begins with.
    Since,
    /// Letting somebody into a room, which nobody else hears of.
    Invite,
    /// Entering a room, which is then the room one talks in: what is typed next waits for it.
    Move,
}

/// Where one talks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Current {
    /// No room was chosen yet.
    Unchosen,
    In(RoomId),
    /// Nowhere, until a room is chosen.
    Nowhere,
}

/// Whether the program is about to quit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Quitting {
    No,
    /// Once all is said, with a goodbye.
    Yes,
    /// By logging out everywhere, which the server was not asked for yet.
    Everywhere,
}

/// The way to the server.
enum LinkState {
    Up(Box<Link>),
    /// Tried again at that moment.
    Down(Instant),
    /// Being tried.
    Trying,
    /// Only a login helps; the person was asked to press Enter for it.
    LoggedOut,
}

/// See the module.
pub struct App {
    login: Login,
    face: Box<dyn Face>,
    clock: Clock,
    model: Model,
    outgoing: Outgoing,
    backoff: Backoff,
    /// What the program was started for.
    run_mode: RunMode,
    /// Nothing was done of it yet.
    is_beginning: bool,
    beginning: Option<Beginning>,
    /// Lines of a pipe or a plain terminal.
    keyboard: Option<Keyboard>,
    /// What was typed and has to wait for what was typed before.
    ahead: VecDeque<Typed>,
    /// Rooms whose older messages are wanted by a face that scrolls.
    older: BTreeSet<RoomId>,
    events: Receiver<Event>,
    teller: SyncSender<Event>,
    ctrl_c_ends: Arc<AtomicBool>,
    /// Whether a person sits at a terminal.
    is_person: bool,
    user: UserName,
    ticket: Option<Ticket>,
    link_state: LinkState,
    /// Number of the session, as the server counts.
    session: u64,
    /// A change of one's own account; as long as it is under way the keyboard is for questions.
    changing: Option<Changing>,
    /// How often Ctrl-C ended a question, and is not to end the program as well.
    interrupts: u32,
    /// Number of the link; what older ones still say is not heard.
    link: u64,
    /// The room one talks in.
    current: Current,
    /// What is to be said to somebody alone.
    direct_messages: DirectMessages,
    /// Number of the last request.
    request: RequestId,
    asked: HashMap<RequestId, Asked>,
    /// When to tell the server how far the person has read.
    read_at: Option<Instant>,
    /// When to ask again for a page that was refused.
    page_at: Option<Instant>,
    /// The last message of one's own that was committed, by room.
    committed: HashMap<RoomId, Seq>,
    /// Nothing more is typed: once all is said, goodbye.
    quitting: Quitting,
    /// Until when what is still to be shown is waited for.
    quit_by: Option<Instant>,
    /// A message was refused for good.
    has_lost_one: bool,
}

impl App {
    /// Gets ready to talk as `entered`. From here on Ctrl-C says goodbye first.
    ///
    /// # Errors
    /// When the system refuses a thread or a signal handler.
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
        app.ctrl_c_ends = ctrl_c_ends;
        app.is_person &= run_mode == RunMode::Chat;
        app.run_mode = run_mode;
        // Before Ctrl-C is taken over: as long as there are questions it is theirs.
        app.face.back();
        if app.face.hears_signals() {
            let teller = app.teller.clone();
            app.face.wake_with(Box::new(move || {
                // A loop that is behind looks at the keys by itself.
                let _ = teller.try_send(Event::Pressed);
            }));
        } else {
            if app.run_mode.reads_lines() {
                app.keyboard = Some(Keyboard::start(app.teller.clone())?);
            }
            signals::watch(app.teller.clone())?;
            // They are heard from here on; elsewhere Ctrl-C ends the program as it does any other.
            app.ctrl_c_ends.store(cfg!(not(unix)), Ordering::SeqCst);
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
            backoff: Backoff::new(settings.reconnect_delay),
            run_mode: RunMode::Chat,
            is_beginning: true,
            beginning: None,
            keyboard: None,
            ahead: VecDeque::new(),
            older: BTreeSet::new(),
            events,
            teller,
            ctrl_c_ends: Arc::default(),
            user: user.clone(),
            ticket: None,
            link_state: LinkState::LoggedOut,
            session: 0,
            changing: None,
            interrupts: 0,
            link: 0,
            current: Current::Unchosen,
            direct_messages: DirectMessages::default(),
            read_at: None,
            request: 0,
            asked: HashMap::new(),
            page_at: None,
            committed: HashMap::new(),
            quitting: Quitting::No,
            quit_by: None,
            has_lost_one: false,
        }
    }

    /// Talks until the end.
    ///
    /// # Errors
    /// When the session can't go on.
    pub fn run(mut self) -> Result<Exit, ExitReason> {
        loop {
            if let Some(exit) = self.turn()? {
                return Ok(exit);
            }
        }
    }

    /// One round of the loop; says how the program ends, if it does.
    fn turn(&mut self) -> Result<Option<Exit>, ExitReason> {
        while let Some(intent) = self.next_intent() {
            if intent == Intent::Quit {
                return self.quit().map(Some);
            }
            self.carry_out(intent)?;
        }
        let pace = self.send_what_waits()?;
        if self.quitting != Quitting::No && self.may_quit() {
            if !self.can_log_out() {
                return self.quit().map(Some);
            }
            self.ask_to_log_out()?;
        }
        if self.takes_lines() {
            if let Some(typed) = self.ahead.pop_front() {
                self.typed(typed)?;
                return Ok(None);
            }
            self.want_line();
        }
        self.older_wanted()?;
        let redraw = self.flush()?;
        match self.next_event(&[pace, redraw])? {
            Some(Event::Typed(typed)) => self.typed_in(typed)?,
            Some(Event::Heard(link, heard)) => {
                // A connection that was lost may still have something to say.
                if link == self.link && matches!(self.link_state, LinkState::Up(_)) {
                    self.heard(heard)?;
                }
            }
            Some(Event::Resumed(attempt)) => self.resumed(*attempt)?,
            Some(Event::Interrupt(_)) if self.interrupts > 0 => self.interrupts -= 1,
            Some(Event::Interrupt(signal)) => {
                if self.is_person {
                    // The terminal has echoed ^C, and what comes next begins its own line.
                    self.face.lines("", "\n")?;
                }
                let exit = self.quit()?;
                if self.run_mode != RunMode::Chat {
                    // Whoever called a script is to see that it did not end by itself.
                    signals::end_by(signal);
                }
                return Ok(Some(exit));
            }
            Some(Event::Pressed) => {}
            None => self.time_has_come()?,
        }
        Ok(None)
    }

    /// Whether what is typed can be carried out now.
    fn takes_lines(&self) -> bool {
        let is_free = self.changing.is_none() && self.quitting == Quitting::No;
        let is_logged_out = matches!(self.link_state, LinkState::LoggedOut);
        (self.model.is_in_a_room() || is_logged_out)
            && self.outgoing.len() < MAX_WAITING
            && is_free
            && !self.is_moving()
            && self.may_go_on()
    }

    fn want_line(&mut self) {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.want();
        }
    }

    fn typed_in(&mut self, typed: Typed) -> Result<(), ExitReason> {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.has_come();
        }
        self.typed(typed)
    }

    /// The next event; nothing when it is time for something else.
    fn next_event(&self, others: &[Option<Instant>]) -> Result<Option<Event>, ExitReason> {
        let reconnect = match self.link_state {
            LinkState::Down(at) => Some(at),
            LinkState::Up(_) | LinkState::Trying | LinkState::LoggedOut => None,
        };
        let times = [reconnect, self.page_at, self.quit_by, self.read_at];
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
            // This end holds a sender itself.
            Err(RecvTimeoutError::Disconnected) => {
                Err(ExitReason::because(Exit::Failure, words::LOST_THREADS))
            }
        }
    }

    fn time_has_come(&mut self) -> Result<(), ExitReason> {
        let now = Instant::now();
        if self.page_at.is_some_and(|at| at <= now) {
            self.page_at = None;
            self.tell_model(Told::Retry)?;
        }
        if self.read_at.is_some_and(|at| at <= now) {
            self.have_read()?;
        }
        match self.link_state {
            LinkState::Down(at) if at <= now => self.reconnect(),
            _ => Ok(()),
        }
    }

    /// Whether it is to be seen first where one talks from now on.
    fn is_moving(&self) -> bool {
        self.asked.values().any(|what| *what == Asked::Move)
    }

    /// One is not where one wanted to talk. What a script says next, or what was typed ahead, was
    /// meant for there and must not be said elsewhere.
    fn not_moved(&mut self) -> Result<(), ExitReason> {
        if self.is_person {
            if !self.ahead.is_empty() || (self.keyboard.is_some() && typed::has_more()) {
                self.current = Current::Nowhere;
                self.face.notice(None, words::NOWHERE)?;
            }
            return Ok(());
        }
        Err(ExitReason::because(Exit::Failure, words::NOT_ENTERED))
    }

    /// The room one talks in: the one chosen last, or the lobby as long as none was. Who was sent
    /// out of it talks nowhere: what was meant for one room is not said in another.
    fn here(&self) -> Option<RoomId> {
        match self.current {
            Current::Unchosen => self.model.room_named(RoomName::LOBBY),
            Current::In(room) => Some(room).filter(|room| self.model.is_in(*room)),
            Current::Nowhere => None,
        }
    }

    const fn next_request(&mut self) -> RequestId {
        self.request = following(self.request);
        self.request
    }

    /// Sends as much as the pace allows; says when to go on.
    fn send_what_waits(&mut self) -> Result<Option<Instant>, ExitReason> {
        // Before the welcome the server's limit is not known.
        while let LinkState::Up(link) = &mut self.link_state
            && self.model.is_connected()
        {
            let request = following(self.request);
            match self.outgoing.next(request, Instant::now()) {
                Next::Send(message) => {
                    self.request = request;
                    if let Err(error) = link.send(message) {
                        self.cut_off(&error)?;
                    }
                }
                Next::At(at) => return Ok(Some(at)),
                Next::Nothing => return Ok(None),
            }
        }
        Ok(None)
    }

    /// Tells the model and does what follows.
    fn tell_model(&mut self, event: Told) -> Result<(), ExitReason> {
        for effect in self.model.apply(event) {
            match effect {
                Effect::Show(..) if !self.is_shown() => {}
                Effect::Show(chat, mention) => {
                    let room = self.model.room_name(chat.room);
                    self.face.chat(room, &chat, mention)?;
                    self.read_at.get_or_insert(Instant::now() + READING);
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
                Effect::Forget if matches!(self.run_mode, RunMode::Tail { .. }) => {
                    return Err(ExitReason::because(
                        Exit::Failure,
                        script_words::OTHER_HISTORY,
                    ));
                }
                Effect::Forget => self.face.forget()?,
                Effect::People(people) => {
                    self.face.people(&people)?;
                    if self.run_mode == RunMode::List && !self.model.is_listing() {
                        self.quitting = Quitting::Yes;
                    }
                }
                Effect::Rooms(rooms) => self.face.rooms(&rooms)?,
                Effect::Members(members) => self.face.members(&members)?,
                Effect::Profile(profile) => self.face.profile(&profile)?,
                Effect::Presence(presence) => self.show_presence(&presence)?,
                Effect::Standing(standing) => self.show_standing(&standing)?,
                Effect::Invited(invited) => self.show_invited(&invited)?,
                Effect::Past {
                    room,
                    before,
                    messages,
                    is_all,
                } => self.show_past(room, before, &messages, is_all)?,
                Effect::Found {
                    words,
                    messages,
                    more,
                    incomplete,
                } => self.show_found(&words, &messages, more, incomplete)?,
                Effect::Ask(ask) => {
                    let what = match ask {
                        Ask::Read { .. } => {
                            self.say(ask.into_message(UNANSWERED))?;
                            continue;
                        }
                        Ask::Follow { .. } => Asked::Follow,
                        _ => Asked::Page,
                    };
                    let request = self.next_request();
                    self.asked.insert(request, what);
                    self.say(ask.into_message(request))?;
                }
                Effect::Fault(sentence) => {
                    return Err(ExitReason::because(Exit::Failure, &sentence));
                }
            }
        }
        Ok(())
    }
}

/// Whoever reads what is shown may have seen enough; whoever sends has not said enough then.
fn output_failed(run_mode: &RunMode, error: io::Error) -> ExitReason {
    match run_mode {
        RunMode::Send { .. } => ExitReason::because(Exit::Failure, &error.to_string()),
        _ => error.into(),
    }
}

/// The number of the next request.
const fn following(request: RequestId) -> RequestId {
    match request.wrapping_add(1) {
        UNANSWERED => UNANSWERED + 1,
        next => next,
    }
}
