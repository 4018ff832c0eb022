//! The chat itself: one loop that owns the model, the waiting messages and the way to the server,
//! and is told by two threads what was typed and what was heard.
//!
//! Here session and face are joined; neither knows the other. Nothing in the loop waits but the
//! loop itself, except for a reconnect, which Ctrl-C then ends like any program.

mod account;
mod direct;
mod keys;
mod line;
mod past;
mod people;
mod person;
mod rooms;
mod server;
mod typed;

use std::collections::HashMap;
use std::io::{BufWriter, IsTerminal, Stdout, stdin, stdout};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, SyncSender};
use std::time::{Duration, Instant};

use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{RequestId, RoomId, Seq};
use jiff::tz::TimeZone;

use crate::backoff::Backoff;
use crate::cli::Exit;
use crate::config::Settings;
use crate::door::{Door, can_ask, tell};
use crate::model::{Ask, Effect, Event as Told, Model};
use crate::modes::Modes;
use crate::outgoing::{MAX_WAITING, Next, Outgoing};
use crate::screen::{self, Screen};
use crate::session::{Entered, Heard, Link, Ticket};
use crate::stop::Stop;
use crate::ui::plain::Plain;
use account::Changing;
use direct::Whispers;
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
    /// Ctrl-C, or the system wants the program to end.
    Interrupt,
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
    /// Only a login helps; the person was asked to press Enter for it.
    LoggedOut,
}

/// See the module.
pub struct App {
    door: Door,
    face: Plain<BufWriter<Stdout>>,
    model: Model,
    outgoing: Outgoing,
    backoff: Backoff,
    keyboard: Keyboard,
    /// Those of the terminal, where it passes on keys.
    modes: Option<Modes>,
    events: Receiver<Event>,
    teller: SyncSender<Event>,
    ctrl_c_ends: Arc<AtomicBool>,
    /// Ctrl-C ends the program without a goodbye.
    ends_at_once: Arc<AtomicBool>,
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
        settings: &Settings,
        entered: Entered,
        ctrl_c_ends: Arc<AtomicBool>,
        screen: Screen,
    ) -> Result<Self, Stop> {
        let (teller, events) = mpsc::sync_channel(EVENTS);
        let is_screen = screen.escapes && stdin().is_terminal();
        let modes = is_screen.then(Modes::default).filter(Modes::take);
        let keyboard = Keyboard::start(teller.clone(), modes.is_some())?;
        let ends_at_once = Arc::default();
        watch_signals(teller.clone(), modes.as_ref(), Arc::clone(&ends_at_once))?;
        // They are heard from here on; elsewhere Ctrl-C ends the program as it does any other.
        ctrl_c_ends.store(cfg!(not(unix)), Ordering::SeqCst);
        let mut app = Self {
            door,
            face: Plain::new(
                BufWriter::new(stdout()),
                TimeZone::system(),
                screen.escapes,
                screen::width,
            ),
            model: Model::new(entered.user.as_str()),
            outgoing: Outgoing::new(),
            backoff: Backoff::new(settings.reconnect_delay),
            keyboard,
            modes,
            events,
            teller,
            ctrl_c_ends,
            ends_at_once,
            is_person: can_ask(),
            user: entered.user.clone(),
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
        };
        app.take_up(entered)?;
        Ok(app)
    }

    /// Talks until the end.
    ///
    /// # Errors
    /// When the session can't go on.
    pub fn run(mut self) -> Result<Exit, Stop> {
        loop {
            let pace = self.send_what_waits()?;
            if self.leaving != Leaving::No && self.may_leave() {
                if !self.can_log_out() {
                    return self.leave();
                }
                self.ask_to_log_out()?;
            }
            let is_free = self.changing.is_none() && self.leaving == Leaving::No;
            if self.model.is_in_a_room()
                && self.outgoing.len() < MAX_WAITING
                && is_free
                && !self.is_moving()
            {
                self.keyboard.want();
            }
            self.face.flush()?;
            match self.next_event(pace)? {
                Some(Event::Typed(typed)) => self.typed(typed)?,
                Some(Event::Heard(link, heard)) if link == self.link => self.heard(heard)?,
                Some(Event::Heard(..)) => {}
                Some(Event::Interrupt) if self.interrupts > 0 => self.interrupts -= 1,
                Some(Event::Interrupt) => {
                    if self.is_person {
                        // The terminal has echoed ^C, and what comes next begins its own line.
                        self.face.lines("\n")?;
                    }
                    return self.leave();
                }
                None => self.time_has_come()?,
            }
        }
    }

    /// The next event; nothing when it is time for something else.
    fn next_event(&self, pace: Option<Instant>) -> Result<Option<Event>, Stop> {
        let reconnect = match self.line {
            Line::Down(at) => Some(at),
            Line::Up(_) | Line::LoggedOut => None,
        };
        let times = [pace, reconnect, self.page_at, self.leave_by, self.read_at];
        let event = match times.into_iter().flatten().min() {
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
            Err(RecvTimeoutError::Disconnected) => Err(Stop::because(
                Exit::Failure,
                "the program lost its own threads",
            )),
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
            if typed::has_more() {
                self.current = Current::Nowhere;
                self.face.notice(rooms::NOWHERE)?;
            }
            return Ok(());
        }
        let sentence = "the room to talk in could not be entered; nothing more is sent";
        Err(Stop::because(Exit::Failure, sentence))
    }

    fn have_read(&mut self) -> Result<(), Stop> {
        self.read_at = None;
        self.tell_model(Told::HaveRead)
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
                    if let Err(error) = link.send(&message) {
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
                Effect::Show(chat, mention) => {
                    let room = self.model.room_name(chat.room);
                    self.face.chat(room, &chat, mention)?;
                    self.read_at.get_or_insert(Instant::now() + READING);
                }
                Effect::Notice(sentence) => self.face.notice(&sentence)?,
                Effect::People(people) => self.face.people(&people)?,
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
                            self.say(&ask.into_message(UNANSWERED))?;
                            continue;
                        }
                        Ask::Follow { .. } => Asked::Follow,
                        _ => Asked::Page,
                    };
                    let request = self.next_request();
                    self.asked.insert(request, what);
                    self.say(&ask.into_message(request))?;
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
    fn leave(mut self) -> Result<Exit, Stop> {
        self.modes = None;
        self.ctrl_c_ends.store(true, Ordering::SeqCst);
        self.face.flush()?;
        self.have_read()?;
        let unsent = self.unsent();
        if unsent > 0 {
            tell(&unacknowledged(unsent));
        }
        if self.leaving == Leaving::Everywhere || self.asked_to_log_out() {
            tell("the server has not said that you are logged out everywhere");
            self.has_lost_one = true;
        }
        if let Line::Up(link) = &mut self.line
            && link.say_bye().is_ok()
        {
            let until = Instant::now() + GOODBYE_TIMEOUT;
            while let Ok(event) = self
                .events
                .recv_timeout(until.saturating_duration_since(Instant::now()))
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

/// The number of the next request.
const fn following(request: RequestId) -> RequestId {
    match request.wrapping_add(1) {
        UNANSWERED => UNANSWERED + 1,
        next => next,
    }
}

/// What is told of messages that were taken and may be lost.
fn unacknowledged(count: usize) -> String {
    match count {
        0 => "every message was acknowledged".to_owned(),
        1 => "1 message was not acknowledged and may be lost".to_owned(),
        _ => format!("{count} messages were not acknowledged and may be lost"),
    }
}

/// Ctrl-C and the system's wish to end become events; while the program is stopped, the terminal has
/// its modes back.
#[cfg(unix)]
fn watch_signals(
    teller: SyncSender<Event>,
    modes: Option<&Modes>,
    ends_at_once: Arc<AtomicBool>,
) -> Result<(), Stop> {
    use signal_hook::consts::{SIGCONT, SIGINT, SIGQUIT, SIGTERM, SIGTSTP};
    let mut signals = signal_hook::iterator::Signals::new([SIGINT, SIGTERM])?;
    if modes.is_some() {
        for signal in [SIGTSTP, SIGCONT, SIGQUIT] {
            signals.add_signal(signal)?;
        }
    }
    // Without any taken there are none to give back.
    let modes = modes.map_or_else(|| Modes::default().watcher(), Modes::watcher);
    std::thread::Builder::new()
        .name("signals".to_owned())
        .spawn(move || {
            for signal in signals.forever() {
                match signal {
                    SIGTSTP => modes.stop(),
                    SIGCONT => modes.go_on(),
                    SIGQUIT => modes.end(SIGQUIT),
                    SIGINT if ends_at_once.load(Ordering::SeqCst) => modes.end(SIGINT),
                    _ if teller.send(Event::Interrupt).is_err() => return,
                    _ => {}
                }
            }
        })?;
    Ok(())
}

#[cfg(not(unix))]
fn watch_signals(_: SyncSender<Event>, _: Option<&Modes>, _: Arc<AtomicBool>) -> Result<(), Stop> {
    Ok(())
}
