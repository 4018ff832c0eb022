//! All members at once: one thread, one epoll, sockets that never block.
//!
//! It shares the processors with the server it measures, so it does little for each delivery and
//! nothing for members that hear nothing. The [`Book`] checks what the members say and hear;
//! their [`Talk`]s know the protocol.

use std::io::{ErrorKind, Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, Event, EventData, EventFlags};

use crate::book::Book;
use crate::target::{MemberConnection, TEXT_LEN, Talk};

/// Bytes read at once, into one buffer for all members: small enough to stay in the cache.
const READ_BUFFER: usize = 64 * 1024;
/// Ready sockets that one wait reports at most.
const EVENTS: usize = 256;
/// How often [`Generator::run_until`] checks its condition at least.
const LOOK: Duration = Duration::from_millis(20);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pace {
    /// Each sender keeps this many texts in flight.
    Window(u64),
    /// This many texts a second in all, the senders taking turns.
    PerSecond(u32),
}

struct DrivenMember {
    socket: TcpStream,
    talk: Box<dyn Talk + Send>,
    /// From `sent` on, what the socket has not taken yet.
    out: Vec<u8>,
    sent: usize,
    /// Whether epoll watches for the socket to take more.
    waits: bool,
}

struct Turn {
    due: Instant,
    every: Duration,
    sender: usize,
}

pub struct Generator {
    epoll: OwnedFd,
    members: Vec<DrivenMember>,
    start: Instant,
    window: Option<u64>,
    turn: Option<Turn>,
    events: Vec<Event>,
    buffer: Vec<u8>,
    words: String,
    pub book: Book,
}

impl Generator {
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self {
            epoll: epoll::create(epoll::CreateFlags::CLOEXEC)?,
            members: Vec::new(),
            start: Instant::now(),
            window: None,
            turn: None,
            events: Vec::with_capacity(EVENTS),
            buffer: vec![0; READ_BUFFER],
            words: String::new(),
            book: Book::default(),
        })
    }

    pub fn members(&self) -> usize {
        self.members.len()
    }

    /// The member's index is the number of those adopted before it.
    pub fn adopt(&mut self, connection: MemberConnection) -> anyhow::Result<()> {
        let MemberConnection { socket, talk } = connection;
        socket.set_nonblocking(true)?;
        let data = EventData::new_u64(self.members.len() as u64);
        epoll::add(&self.epoll, &socket, data, EventFlags::IN)?;
        self.members.push(DrivenMember {
            socket,
            talk,
            out: Vec::new(),
            sent: 0,
            waits: false,
        });
        Ok(())
    }

    /// Until [`Self::read_again`], nothing is read from this member.
    pub fn stop_reading(&mut self, member: usize) -> anyhow::Result<()> {
        epoll::delete(&self.epoll, &self.members[member].socket)?;
        self.book.close_ear(member);
        Ok(())
    }

    pub fn read_again(&mut self, member: usize) -> anyhow::Result<()> {
        let data = EventData::new_u64(member as u64);
        epoll::add(
            &self.epoll,
            &self.members[member].socket,
            data,
            EventFlags::IN,
        )?;
        Ok(())
    }

    /// From now on the first `senders` members talk.
    pub fn begin(&mut self, senders: usize, pace: Pace) -> anyhow::Result<()> {
        match pace {
            Pace::Window(texts) => {
                self.window = Some(texts);
                for sender in 0..senders {
                    self.refill(sender)?;
                }
            }
            Pace::PerSecond(texts) => {
                self.turn = Some(Turn {
                    due: Instant::now(),
                    every: Duration::from_secs(1) / texts,
                    sender: 0,
                });
            }
        }
        Ok(())
    }

    /// No new text is said from now on; the texts in flight still arrive.
    pub fn stop(&mut self) {
        self.window = None;
        self.turn = None;
    }

    /// Fails when a member's connection ends, or the server sends an error or an unknown message.
    pub fn run_for(&mut self, duration: Duration) -> anyhow::Result<()> {
        let end = Instant::now() + duration;
        self.run_until(end, |_| false)
    }

    pub fn run_until(
        &mut self,
        end: Instant,
        is_over: impl Fn(&Book) -> bool,
    ) -> anyhow::Result<()> {
        loop {
            self.say_what_is_due()?;
            let now = Instant::now();
            if now >= end || is_over(&self.book) {
                return Ok(());
            }
            let due = self.turn.as_ref().map_or(end, |turn| turn.due.min(end));
            self.poll(due.saturating_duration_since(now).min(LOOK))?;
        }
    }

    pub fn poll(&mut self, patience: Duration) -> anyhow::Result<()> {
        // Whole milliseconds, rounded down: waking too early is harmless, too late delays a text.
        let patience = Duration::from_millis(patience.as_millis() as u64);
        let patience = Timespec::try_from(patience)?;
        self.events.clear();
        match epoll::wait(
            &self.epoll,
            spare_capacity(&mut self.events),
            Some(&patience),
        ) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        for place in 0..self.events.len() {
            let Event { flags, data, .. } = self.events[place];
            let member = data.u64() as usize;
            let mut done = Ok(());
            if flags.contains(EventFlags::OUT) {
                done = self.flush(member);
            }
            if flags != EventFlags::OUT {
                done = done.and_then(|()| self.read(member));
            }
            done.with_context(|| format!("member {member}"))?;
        }
        Ok(())
    }

    fn read(&mut self, index: usize) -> anyhow::Result<()> {
        let member = &mut self.members[index];
        let count = match (&member.socket).read(&mut self.buffer) {
            Ok(0) => bail!("the server closed the line"),
            Ok(count) => count,
            Err(error) if is_passing(&error) => return Ok(()),
            Err(error) => return Err(error.into()),
        };
        let now = self.start.elapsed().as_nanos() as u64;
        let book = &mut self.book;
        let bytes = &self.buffer[..count];
        let answered = member.out.len();
        member.talk.read(bytes, &mut member.out, &mut |heard| {
            book.hear(index, now, &heard);
        })?;
        if member.out.len() > answered {
            self.flush(index)?;
        }
        match self.book.witnessed_by(index) {
            Some(sender) => self.refill(sender),
            None => Ok(()),
        }
    }

    /// All texts for which the window has room go out together.
    fn refill(&mut self, sender: usize) -> anyhow::Result<()> {
        let Some(window) = self.window else {
            return Ok(());
        };
        let room = window.saturating_sub(self.book.in_flight(sender));
        let now = self.start.elapsed();
        self.say(sender, room, now)
    }

    fn say_what_is_due(&mut self) -> anyhow::Result<()> {
        let now = Instant::now();
        while let Some(turn) = self.turn.as_mut().filter(|turn| turn.due <= now) {
            let (sender, due) = (turn.sender, turn.due);
            turn.due += turn.every;
            turn.sender = (sender + 1) % self.book.senders();
            self.say(sender, 1, due.saturating_duration_since(self.start))?;
        }
        Ok(())
    }

    fn say(&mut self, sender: usize, count: u64, moment: Duration) -> anyhow::Result<()> {
        if count == 0 {
            return Ok(());
        }
        self.words.clear();
        for _ in 0..count {
            let text = self.book.say(sender, moment.as_nanos() as u64);
            text.put(&mut self.words);
        }
        let texts: Vec<&str> = (0..self.words.len())
            .step_by(TEXT_LEN)
            .map(|begin| &self.words[begin..begin + TEXT_LEN])
            .collect();
        let member = &mut self.members[sender];
        member.talk.say(&texts, &mut member.out)?;
        self.flush(sender)
    }

    /// Writes what the socket takes, and has epoll watch for the rest.
    fn flush(&mut self, index: usize) -> anyhow::Result<()> {
        let member = &mut self.members[index];
        while member.sent < member.out.len() {
            match (&member.socket).write(&member.out[member.sent..]) {
                Ok(count) => member.sent += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        let all = member.sent == member.out.len();
        if all {
            member.out.clear();
            member.sent = 0;
        }
        if member.waits == all {
            member.waits = !all;
            let mut flags = EventFlags::IN;
            flags.set(EventFlags::OUT, !all);
            let data = EventData::new_u64(index as u64);
            epoll::modify(&self.epoll, &member.socket, data, flags)?;
        }
        Ok(())
    }
}

fn is_passing(error: &std::io::Error) -> bool {
    matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)
}
