//! The chat itself: one loop that owns the model, the waiting messages and the way to the server,
//! and is told by two threads what was typed and what was heard.
//!
//! Here session and face are joined; neither knows the other. Nothing in the loop waits but the
//! loop itself: connecting again and writing to the server are done by threads of their own. Keys
//! come before what is heard, whatever waits.

mod account;
mod direct;
mod errand;
#[cfg(test)]
mod full_tests;
mod line;
mod past;
mod people;
mod person;
mod rooms;
mod server;
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
use crate::door::{Door, Untaken};
use crate::input;
use crate::model::{Ask, Effect, Event as Told, Model, Room};
use crate::outgoing::{MAX_WAITING, Next, Outgoing};
use crate::session::{Entered, Heard, Link, Ticket};
use crate::stop::Stop;
use crate::ui::{Face, Reading, Scene, Way, Wish};
use crate::words::app as words;
use crate::words::script as script_words;
use crate::words::tables::Clock;
use account::Changing;
use direct::Whispers;
use errand::Beginning;
pub use errand::Errand;
use typed::{Keyboard, Typed};

/// Events that may wait: what is heard faster than shown slows the reading, and TCP the server.
const EVENTS: usize = 64;
/// What is shown counts as read so much later, all of it at once.
const READING: Duration = Duration::from_secs(1);
/// The number of requests that are answered only where they are refused, which nobody minds.
const UNANSWERED: RequestId = 0;
/// How long a leaving client waits for what it was still to be shown.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// How long it waits for the server's goodbye.
const GOODBYE_TIMEOUT: Duration = Duration::from_secs(2);

/// What the loop is told.
enum Event {
    /// From the keyboard or a pipe.
    Typed(Typed),
    /// From the link with this number.
    Heard(u64, Heard),
    /// An attempt to continue the login has ended.
    Resumed(Box<(Ticket, Result<Entered, Untaken>)>),
    /// Ctrl-C, or the system wants the program to end: this signal.
    Interrupt(i32),
    /// Keys were pressed, which the face understands.
    Pressed,
}

/// How many messages of before a person who scrolls is given at a time.
const OLDER: u32 = 100;

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
    /// The message before the moment that an errand begins with.
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

/// Whether the program is about to leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaving {
    No,
    /// Once all is said, with a goodbye.
    Yes,
    /// By logging out everywhere, which the server was not asked for yet.
    Everywhere,
}

/// The way to the server.
enum Line {
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
    door: Door,
    face: Box<dyn Face>,
    clock: Clock,
    model: Model,
    outgoing: Outgoing,
    backoff: Backoff,
    /// What the program was started for.
    errand: Errand,
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
    line: Line,
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
    whispers: Whispers,
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
    leaving: Leaving,
    /// Until when what is still to be shown is waited for.
    leave_by: Option<Instant>,
    /// A message was refused for good.
    has_lost_one: bool,
}

impl App {
    /// Gets ready to talk as `entered`. From here on Ctrl-C says goodbye first.
    ///
    /// # Errors
    /// When the system refuses a thread or a signal handler.
    pub fn begin(
        door: Door,
        face: Box<dyn Face>,
        clock: Clock,
        settings: &Settings,
        entered: Entered,
        errand: Errand,
        ctrl_c_ends: Arc<AtomicBool>,
    ) -> Result<Self, Stop> {
        let (teller, events) = mpsc::sync_channel(EVENTS);
        let mut app = Self::new(door, face, clock, settings, &entered.user, (teller, events));
        app.ctrl_c_ends = ctrl_c_ends;
        app.is_person &= errand == Errand::Chat;
        app.errand = errand;
        if app.face.hears_signals() {
            let teller = app.teller.clone();
            app.face.wake_with(Box::new(move || {
                // A loop that is behind looks at the keys by itself.
                let _ = teller.try_send(Event::Pressed);
            }));
        } else {
            if app.errand.reads_lines() {
                app.keyboard = Some(Keyboard::start(app.teller.clone())?);
            }
            watch_signals(app.teller.clone())?;
            // They are heard from here on; elsewhere Ctrl-C ends the program as it does any other.
            app.ctrl_c_ends.store(cfg!(not(unix)), Ordering::SeqCst);
        }
        app.face.back();
        app.take_up(entered)?;
        Ok(app)
    }

    fn new(
        door: Door,
        face: Box<dyn Face>,
        clock: Clock,
        settings: &Settings,
        user: &UserName,
        (teller, events): (SyncSender<Event>, Receiver<Event>),
    ) -> Self {
        Self {
            is_person: face.can_be_asked(),
            door,
            face,
            clock,
            model: Model::new(user.as_str()),
            outgoing: Outgoing::new(),
            backoff: Backoff::new(settings.reconnect_delay),
            errand: Errand::Chat,
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
            line: Line::LoggedOut,
            session: 0,
            changing: None,
            interrupts: 0,
            link: 0,
            current: Current::Unchosen,
            whispers: Whispers::default(),
            read_at: None,
            request: 0,
            asked: HashMap::new(),
            page_at: None,
            committed: HashMap::new(),
            leaving: Leaving::No,
            leave_by: None,
            has_lost_one: false,
        }
    }

    /// Talks until the end.
    ///
    /// # Errors
    /// When the session can't go on.
    pub fn run(mut self) -> Result<Exit, Stop> {
        loop {
            if let Some(exit) = self.turn()? {
                return Ok(exit);
            }
        }
    }

    /// One round of the loop; says how the program ends, if it does.
    fn turn(&mut self) -> Result<Option<Exit>, Stop> {
        while let Some(wish) = self.next_wish() {
            if wish == Wish::Leave {
                return self.leave().map(Some);
            }
            self.wished(wish)?;
        }
        let pace = self.send_what_waits()?;
        if self.leaving != Leaving::No && self.may_leave() {
            if !self.can_log_out() {
                return self.leave().map(Some);
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
                // A line that was lost may still have something to say.
                if link == self.link && matches!(self.line, Line::Up(_)) {
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
                let exit = self.leave()?;
                if self.errand != Errand::Chat {
                    // Whoever called a script is to see that it did not end by itself.
                    end_by(signal);
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
        let is_free = self.changing.is_none() && self.leaving == Leaving::No;
        let is_logged_out = matches!(self.line, Line::LoggedOut);
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

    fn typed_in(&mut self, typed: Typed) -> Result<(), Stop> {
        if let Some(keyboard) = &mut self.keyboard {
            keyboard.has_come();
        }
        self.typed(typed)
    }

    fn wished(&mut self, wish: Wish) -> Result<(), Stop> {
        match wish {
            // What asks for secrets is not kept: the keys that follow are the answers.
            Wish::Line(line) if input::asks(&line) => self.typed(Typed::Line(line)),
            Wish::Line(line) => {
                self.ahead.push_back(Typed::Line(line));
                Ok(())
            }
            Wish::Paste(block) => {
                self.ahead.push_back(Typed::Pasted(block));
                Ok(())
            }
            // What was typed before is said where it was typed.
            Wish::Go(room) => {
                self.ahead.push_back(Typed::Go(room));
                Ok(())
            }
            Wish::Older(room) => {
                self.older.insert(room);
                Ok(())
            }
            Wish::Forgot(room, before) => self.tell_model(Told::Forgot(room, before)),
            Wish::Leave => Ok(()),
        }
    }

    /// One wish for older messages is under way at a time.
    fn older_wanted(&mut self) -> Result<(), Stop> {
        if !self.model.is_connected() || self.model.fetches_older() {
            return Ok(());
        }
        match self.older.pop_first() {
            Some(room) => self.tell_model(Told::WantOlder(room, OLDER)),
            None => Ok(()),
        }
    }

    /// How things stand, for the face.
    fn way(&self) -> Way {
        match (&self.line, &self.ticket) {
            (Line::Up(link), Some(ticket)) => Way::Up {
                fingerprint: ticket.fingerprint,
                epoch: link.key_ages().0.epoch,
            },
            (Line::Down(at), _) => Way::Down(*at),
            (Line::Trying, _) => Way::Connecting,
            (Line::LoggedOut | Line::Up(_), _) => Way::LoggedOut,
        }
    }

    fn next_wish(&mut self) -> Option<Wish> {
        let (here, way, unsent) = (self.here(), self.way(), self.unsent());
        let Self {
            face, model, user, ..
        } = self;
        let user = user.as_str();
        face.wish(&Scene {
            model,
            user,
            here,
            way,
            unsent,
        })
    }

    /// Shows what there is to show. Says when to do so again, whatever happens.
    fn flush(&mut self) -> Result<Option<Instant>, Stop> {
        let (here, way, unsent) = (self.here(), self.way(), self.unsent());
        let Self {
            face, model, user, ..
        } = self;
        let user = user.as_str();
        let scene = Scene {
            model,
            user,
            here,
            way,
            unsent,
        };
        let redraw = face
            .flush(&scene)
            .map_err(|error| output_failed(&self.errand, error))?;
        if let Reading::Room(room) = face.reading(&scene)
            && model.room(room).is_some_and(Room::has_unread)
        {
            self.read_at.get_or_insert(Instant::now() + READING);
        }
        Ok(redraw)
    }

    /// The next event; nothing when it is time for something else.
    fn next_event(&self, others: &[Option<Instant>]) -> Result<Option<Event>, Stop> {
        let reconnect = match self.line {
            Line::Down(at) => Some(at),
            Line::Up(_) | Line::Trying | Line::LoggedOut => None,
        };
        let times = [reconnect, self.page_at, self.leave_by, self.read_at];
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
                Err(Stop::because(Exit::Failure, words::LOST_THREADS))
            }
        }
    }

    fn time_has_come(&mut self) -> Result<(), Stop> {
        let now = Instant::now();
        if self.page_at.is_some_and(|at| at <= now) {
            self.page_at = None;
            self.tell_model(Told::Retry)?;
        }
        if self.read_at.is_some_and(|at| at <= now) {
            self.have_read()?;
        }
        match self.line {
            Line::Down(at) if at <= now => self.reconnect(),
            _ => Ok(()),
        }
    }

    /// Whether it is to be seen first where one talks from now on.
    fn is_moving(&self) -> bool {
        self.asked.values().any(|what| *what == Asked::Move)
    }

    /// One is not where one wanted to talk. What a script says next, or what was typed ahead, was
    /// meant for there and must not be said elsewhere.
    fn not_moved(&mut self) -> Result<(), Stop> {
        if self.is_person {
            if !self.ahead.is_empty() || (self.keyboard.is_some() && typed::has_more()) {
                self.current = Current::Nowhere;
                self.face.notice(None, words::NOWHERE)?;
            }
            return Ok(());
        }
        Err(Stop::because(Exit::Failure, words::NOT_ENTERED))
    }

    fn have_read(&mut self) -> Result<(), Stop> {
        self.read_at = None;
        let (here, way, unsent) = (self.here(), self.way(), self.unsent());
        let scene = Scene {
            model: &self.model,
            user: self.user.as_str(),
            here,
            way,
            unsent,
        };
        match self.face.reading(&scene) {
            Reading::All => self.tell_model(Told::HaveRead(None)),
            Reading::Room(room) => self.tell_model(Told::HaveRead(Some(room))),
            Reading::Nothing => Ok(()),
        }
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
    fn send_what_waits(&mut self) -> Result<Option<Instant>, Stop> {
        // Before the welcome the server's limit is not known.
        while let Line::Up(link) = &mut self.line
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
    fn tell_model(&mut self, event: Told) -> Result<(), Stop> {
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
                Effect::Forget if matches!(self.errand, Errand::Tail { .. }) => {
                    return Err(Stop::because(Exit::Failure, script_words::OTHER_HISTORY));
                }
                Effect::Forget => self.face.forget()?,
                Effect::People(people) => {
                    self.face.people(&people)?;
                    if self.errand == Errand::List && !self.model.is_listing() {
                        self.leaving = Leaving::Yes;
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
                    return Err(Stop::because(Exit::Failure, &sentence));
                }
            }
        }
        Ok(())
    }

    /// Whether all is said, and all is shown that one's own messages came to.
    fn may_leave(&mut self) -> bool {
        if !matches!(self.line, Line::Up(_)) {
            // A person is not kept waiting for a server that is away; a script's words are.
            return self.is_person || self.unsent() == 0;
        }
        if self.outgoing.len() + self.whispers.len() > 0 || !self.model.is_connected() {
            return false;
        }
        let mut committed = self.committed.iter();
        let is_shown = committed.all(|(room, seq)| self.model.has_shown(*room, *seq));
        let lobby_is_shown = self.here().is_none_or(|room| self.model.has_shown(room, 0));
        if self.asked.is_empty() && is_shown && lobby_is_shown {
            return true;
        }
        let now = Instant::now();
        *self.leave_by.get_or_insert(now + LAST_WORDS) <= now
    }

    /// How many messages wait, for an acknowledgement or before.
    fn unsent(&self) -> usize {
        self.outgoing.messages() + self.whispers.len()
    }

    /// Says goodbye. Whoever interrupts this, too, ends at once.
    fn leave(&mut self) -> Result<Exit, Stop> {
        self.ctrl_c_ends.store(true, Ordering::SeqCst);
        self.flush()?;
        self.have_read()?;
        self.face.close();
        let unsent = self.unsent();
        if unsent > 0 {
            self.face.tell(&words::unacknowledged(unsent));
        }
        if self.leaving == Leaving::Everywhere || self.asked_to_log_out() {
            self.face.tell(words::NOT_SAID_LOGGED_OUT);
            self.has_lost_one = true;
        }
        // What a goodbye ends can't be continued by the next script.
        if let Line::Up(link) = &self.line
            && !self.door.keeps()
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

/// Whoever reads what is shown may have seen enough; whoever sends has not said enough then.
fn output_failed(errand: &Errand, error: io::Error) -> Stop {
    match errand {
        Errand::Send { .. } => Stop::because(Exit::Failure, &error.to_string()),
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

/// Ctrl-C and the system's wish to end become events.
#[cfg(unix)]
fn watch_signals(teller: SyncSender<Event>) -> Result<(), Stop> {
    use signal_hook::consts::{SIGINT, SIGTERM};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                if teller.send(Event::Interrupt(signal)).is_err() {
                    return;
                }
            }
        })?;
    Ok(())
}

#[cfg(unix)]
fn end_by(signal: i32) {
    // It fails for signals without a default alone.
    let _ = signal_hook::low_level::emulate_default_handler(signal);
}

#[cfg(not(unix))]
const fn end_by(_: i32) {}

#[cfg(not(unix))]
fn watch_signals(_: SyncSender<Event>) -> Result<(), Stop> {
    Ok(())
}
