//! The journal's thread: takes what waits, commits, logs, tells.

use std::collections::HashMap;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Chat, ErrorCode, ErrorMessage, RoomId, Seq, ServerMessage, Welcome,
};

use super::chat_log::{AuditedChat, Logged};
use super::commit::{Admitted, Committed, Outcome, Owed, Work};
use super::sessions::{Behind, Room, Session, encode, rooms_of};
use super::{Answer, Ask, Begin, Ended, Granted, Job, Journal, Online, Post, QUEUE, Unavailable};
use crate::audit::{Audit, Line};
use crate::clock::now_ms;
use crate::delivery::{Deliveries, Delivery, Join};
use crate::event::{self, Batch, Person, SessionId};
use crate::sealed::SealingKey;
use crate::store::{AccountId, Commit, Store, StoreError};
use crate::vital;
use chatbox_common::name::RoomName;

/// The most messages of one transaction.
const MAX_POSTS: usize = 512;
/// About the most bytes of text of one transaction.
const MAX_POST_BYTES: usize = 256 * 1024;
/// The most logins of one transaction: they cost more than messages, which go first.
const MAX_ASKS: usize = 32;
/// How often the thread looks at the disk, and after itself when nothing happens.
const TICK: Duration = Duration::from_millis(250);
/// Changes that are owed are counted no further than this while nothing can be written.
const MAX_OWED: usize = 10_000;
/// How often expired tokens are deleted.
const EXPIRY: Duration = Duration::from_secs(600);

/// What the journal is made of.
pub struct Parts {
    /// The database, whose only writer the journal becomes.
    pub store: Store,
    /// chat.log.
    pub chat: AuditedChat,
    /// The other audit files.
    pub audit: Audit,
    /// The senders.
    pub deliveries: Deliveries,
    /// Seals TOTP secrets at rest.
    pub seal: Arc<SealingKey>,
    /// Below so many free bytes nothing is written.
    pub min_free: u64,
}

/// Reads the rooms, adds what chat.log lacks, and starts the thread.
///
/// # Errors
/// When the database can't be read or the thread not be started.
pub fn start(parts: Parts) -> Result<(Journal, JoinHandle<()>), StartError> {
    let (queue, jobs) = mpsc::sync_channel(QUEUE);
    let writer = Writer::new(parts)?;
    let thread = vital::spawn("journal", move || writer.run(&jobs))?;
    Ok((Journal { queue }, thread))
}

/// Why the journal did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The database.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The thread.
    #[error("the journal's thread could not be started: {0}")]
    Thread(#[from] io::Error),
}

struct Writer {
    store: Store,
    chat: AuditedChat,
    audit: Audit,
    deliveries: Deliveries,
    seal: Arc<SealingKey>,
    min_free: u64,
    history_id: [u8; 16],
    rooms: HashMap<RoomId, Room>,
    sessions: HashMap<SessionId, Session>,
    /// Open sessions by account.
    accounts: HashMap<u64, usize>,
    behind: Behind,
    owed: Owed,
    /// The disk has too little room, as of the last look.
    low_space: bool,
    /// When to look at the disk and at chat.log again.
    next_look: Instant,
    next_expiry: Instant,
}

/// What was taken from the queue in one go.
#[derive(Default)]
struct Taken {
    posts: Vec<Post>,
    asks: Vec<Ask>,
    answers: Vec<Answer<Option<Granted>>>,
    /// Bytes of text in `posts`.
    bytes: usize,
    owed: Owed,
    /// Sessions that begin and end: after the transaction, in their order.
    others: Vec<Job>,
    jobs: usize,
    stop: bool,
}

impl Taken {
    /// Takes one job; false when the transaction is full.
    fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Post(post) => {
                self.bytes += post.text.len();
                self.posts.push(post);
            }
            Job::Ask(ask, answer) => {
                self.asks.push(ask);
                self.answers.push(answer);
            }
            Job::WrongCode(account) => self.owed.wrong_codes.extend(account.map(AccountId)),
            Job::Revoke(token) => self.owed.revoked.push(token),
            Job::Stop => self.stop = true,
            other => self.others.push(other),
        }
        self.jobs += 1;
        !self.stop
            && self.jobs < QUEUE
            && self.posts.len() < MAX_POSTS
            && self.bytes < MAX_POST_BYTES
            && self.asks.len() < MAX_ASKS
    }
}

impl Writer {
    fn new(parts: Parts) -> Result<Self, StartError> {
        let Parts {
            mut store,
            chat,
            audit,
            deliveries,
            seal,
            min_free,
        } = parts;
        let lobby = RoomName::lobby();
        let shown = chat.logged();
        let (history_id, rooms, kept) = store.transaction(Commit::Synced, |tx| {
            let kept = tx.last_row()?;
            if shown > kept {
                // A power cut or an older copy: people saw messages that are gone. Their clients
                // must forget them, since the numbers will come again with other texts.
                tx.renew_history_id()?;
                tx.skip_rows(shown)?;
            }
            let lobby = tx.room(&lobby)?.ok_or(StoreError::Missing)?;
            Ok((tx.history_id()?, vec![lobby], kept))
        })?;
        if shown > kept {
            let line = Line::error("history_shortened").with("logged_row", shown);
            audit.info(line.with("kept_row", kept));
        }
        let rooms = rooms.iter().map(|room| (room.id.0, Room::new(room)));
        let mut writer = Self {
            store,
            chat,
            audit,
            deliveries,
            seal,
            min_free,
            history_id,
            rooms: rooms.collect(),
            sessions: HashMap::new(),
            accounts: HashMap::new(),
            behind: Behind::default(),
            owed: Owed::default(),
            low_space: false,
            next_look: Instant::now(),
            next_expiry: Instant::now(),
        };
        writer.catch_up();
        writer.look_at_space();
        Ok(writer)
    }

    fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            let mut taken = Taken::default();
            let wait = self.next_due().saturating_duration_since(Instant::now());
            match jobs.recv_timeout(wait) {
                Ok(first) => {
                    let mut room = taken.take(first);
                    while room && let Ok(next) = jobs.try_recv() {
                        room = taken.take(next);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => taken.stop = true,
            }
            let stop = taken.stop;
            self.transact(taken);
            self.look_after(Instant::now());
            if stop {
                return self.finish();
            }
        }
    }

    /// When the thread must look after something even if no job comes.
    fn next_due(&self) -> Instant {
        let presence = self
            .rooms
            .values()
            .filter_map(|room| room.presence.next_due());
        let due = presence.chain(self.behind.due()).min();
        let tick = Instant::now() + TICK;
        due.map_or(tick, |due| due.min(tick))
    }

    fn look_after(&mut self, now: Instant) {
        for (id, room) in &mut self.rooms {
            if let Some(notice) = room.presence.take(now) {
                let (full, count) = encode(*id, notice);
                self.deliveries.broadcast(|| Delivery::Presence {
                    room: *id,
                    full: Arc::clone(&full),
                    count: Arc::clone(&count),
                });
            }
        }
        if now >= self.next_look {
            self.next_look = now + TICK;
            self.look_at_space();
            self.catch_up();
        }
        if self.behind.is_due(now) {
            let behind = &self.behind;
            let written = self.store.transaction(Commit::Usual, |tx| behind.write(tx));
            if let Err(error) = &written {
                self.tell_failure("online_not_written", error);
            }
            self.behind.done(written.is_ok(), now);
        }
        if now >= self.next_expiry {
            self.next_expiry = now + EXPIRY;
            let at = i64::try_from(now_ms()).unwrap_or(i64::MAX);
            let expired = self
                .store
                .transaction(Commit::Usual, |tx| tx.expire_resume(at));
            if let Err(error) = expired {
                self.tell_failure("tokens_not_expired", &error);
            }
        }
    }

    /// Nobody is online any more.
    fn finish(mut self) {
        let last = self.store.transaction(Commit::Usual, |tx| {
            tx.clear_online()?;
            Ok(())
        });
        if let Err(error) = last {
            self.tell_failure("last_write", &error);
        }
    }

    fn tell_failure(&self, event: &'static str, error: &StoreError) {
        self.audit.info(Line::error(event).with("why", error));
    }

    fn look_at_space(&mut self) {
        let low = self.store.check_space(self.min_free).is_err();
        if low != self.low_space {
            self.low_space = low;
            let line = if low {
                Line::error("disk_nearly_full")
            } else {
                Line::info("disk_has_room")
            };
            self.audit.info(line.with("min_free_bytes", self.min_free));
        }
    }

    fn catch_up(&mut self) {
        if !self.chat.is_behind() {
            return;
        }
        let store = std::cell::RefCell::new(&mut self.store);
        let caught = self.chat.catch_up(|after, limit| {
            let mut store = store.borrow_mut();
            store.transaction(Commit::Usual, |tx| tx.unlogged(after, limit))
        });
        match caught {
            Ok(0) => {}
            Ok(lines) => self.audit.info(
                Line::warn("chat_log_recovered")
                    .with("lines", lines)
                    .with("id", self.chat.logged()),
            ),
            Err(error) => self.tell_failure("chat_log_not_caught_up", &error),
        }
    }

    /// Commits what was taken, and tells everybody concerned.
    fn transact(&mut self, taken: Taken) {
        let writable = !self.low_space && !self.chat.is_behind();
        let mut posts = Vec::with_capacity(taken.posts.len());
        for post in taken.posts {
            match self.admit(&post, writable) {
                Ok(person) => posts.push(Admitted { post, person }),
                Err((code, sentence)) => self.refuse(&post, code, sentence),
            }
        }
        let (asks, answers) = (taken.asks, taken.answers);
        self.owe(taken.owed);
        if !(posts.is_empty() && asks.is_empty() && self.owed.is_empty()) {
            let now_ms = now_ms();
            match self.commit(&posts, &asks, now_ms) {
                Ok(done) => self.publish(&posts, answers, done, now_ms),
                Err(error) => {
                    self.tell_failure("commit_failed", &error);
                    if error.is_unavailable() {
                        self.give_up(&posts, answers);
                    } else {
                        self.one_by_one(posts, asks, answers);
                    }
                }
            }
        }
        for job in taken.others {
            self.other(job);
        }
    }

    fn admit(&self, post: &Post, writable: bool) -> Result<Person, (ErrorCode, &'static str)> {
        let session = self.sessions.get(&post.session);
        let session = session.filter(|session| session.rooms.contains(&post.room));
        let Some(session) = session else {
            return Err((ErrorCode::UnknownRoom, "there is no such room"));
        };
        if !writable {
            return Err((ErrorCode::Unavailable, UNAVAILABLE));
        }
        Ok(session.person.clone())
    }

    /// Adds to what is owed, up to a bound: memory must not grow while a disk is full.
    fn owe(&mut self, more: Owed) {
        self.owed.wrong_codes.extend(more.wrong_codes);
        self.owed.revoked.extend(more.revoked);
        self.owed.wrong_codes.truncate(MAX_OWED);
        self.owed.revoked.truncate(MAX_OWED);
    }

    fn commit(
        &mut self,
        posts: &[Admitted],
        asks: &[Ask],
        now_ms: u64,
    ) -> Result<Committed, StoreError> {
        if self.low_space {
            return Err(StoreError::Full);
        }
        let heads: HashMap<RoomId, Seq> = self
            .rooms
            .iter()
            .map(|(id, room)| (*id, room.head))
            .collect();
        let work = Work {
            posts,
            asks,
            owed: &self.owed,
            heads: &heads,
            seal: &self.seal,
            chat_log_mark: self.chat.synced(),
            now_ms,
        };
        let done = work.run(&mut self.store)?;
        self.owed = Owed::default();
        Ok(done)
    }

    /// A row that the database does not take must not take the others with it.
    fn one_by_one(
        &mut self,
        posts: Vec<Admitted>,
        asks: Vec<Ask>,
        answers: Vec<Answer<Option<Granted>>>,
    ) {
        // What is owed could be what the database does not take; it has its own turn.
        let owed = std::mem::take(&mut self.owed);
        for post in posts {
            let one = std::slice::from_ref(&post);
            let now_ms = now_ms();
            match self.commit(one, &[], now_ms) {
                Ok(done) => self.publish(one, Vec::new(), done, now_ms),
                Err(error) => {
                    self.tell_failure("message_not_committed", &error);
                    self.give_up(one, Vec::new());
                }
            }
        }
        for (ask, answer) in asks.into_iter().zip(answers) {
            let now_ms = now_ms();
            match self.commit(&[], std::slice::from_ref(&ask), now_ms) {
                Ok(done) => self.publish(&[], vec![answer], done, now_ms),
                Err(error) => {
                    self.tell_failure("login_not_committed", &error);
                    self.give_up(&[], vec![answer]);
                }
            }
        }
        self.owed = owed;
        if let Err(error) = self.commit(&[], &[], now_ms()) {
            self.tell_failure("failures_not_counted", &error);
            if !error.is_unavailable() {
                self.owed = Owed::default();
            }
        }
    }

    fn give_up(&self, posts: &[Admitted], answers: Vec<Answer<Option<Granted>>>) {
        for admitted in posts {
            self.refuse(&admitted.post, ErrorCode::Unavailable, UNAVAILABLE);
        }
        for answer in answers {
            // Whoever asked may have gone.
            let _ = answer.send(Err(Unavailable));
        }
    }

    fn refuse(&self, post: &Post, code: ErrorCode, sentence: &str) {
        let error = ErrorMessage {
            request: Some(post.request),
            code,
            text: sentence.to_owned(),
            retry_ms: None,
        };
        let message = ServerMessage::Error(error);
        self.deliveries.reply(post.session, &post.gate, &message);
    }

    /// After the commit: the heads move, chat.log is written, and only then anybody hears of it.
    fn publish(
        &mut self,
        posts: &[Admitted],
        answers: Vec<Answer<Option<Granted>>>,
        done: Committed,
        now_ms: u64,
    ) {
        let mut batches: HashMap<RoomId, Batch> = HashMap::new();
        let mut last_row = None;
        for (admitted, outcome) in posts.iter().zip(&done.posts) {
            let Some(room) = self.rooms.get(&admitted.post.room) else {
                continue;
            };
            let id = admitted.post.room;
            let batch = batches
                .entry(id)
                .or_insert_with(|| Batch::after(id, room.head));
            match *outcome {
                Outcome::New { seq, row } => {
                    let logged = logged(admitted, seq, now_ms);
                    self.chat.append(row, &room.name, room.mode, &logged);
                    last_row = Some(row);
                    batch.push(chat(admitted, seq, now_ms));
                    batch.acks.push(ack(&admitted.post, seq, now_ms));
                }
                Outcome::Existing { seq, time } => {
                    batch.acks.push(ack(&admitted.post, seq, time));
                }
                Outcome::Conflict => {
                    let sentence = "this message id was used for another message";
                    self.refuse(&admitted.post, ErrorCode::IdConflict, sentence);
                }
            }
        }
        if let Some(row) = last_row {
            self.chat.flush(row);
        }
        for (id, head) in done.heads {
            if let Some(room) = self.rooms.get_mut(&id) {
                room.head = head;
            }
        }
        for batch in batches.into_values() {
            let batch = Arc::new(batch);
            self.deliveries
                .broadcast(|| Delivery::Batch(Arc::clone(&batch)));
        }
        for (answer, granted) in answers.into_iter().zip(done.asks) {
            let _ = answer.send(Ok(granted));
        }
    }

    fn other(&mut self, job: Job) {
        let now = Instant::now();
        match job {
            Job::Begin(begin, answer) => {
                let welcomed = self.begin(*begin, now);
                let _ = answer.send(welcomed);
            }
            Job::End(ended) => self.end(ended, now),
            Job::Online(id, Online::Came(address)) => self.behind.came(id, address, now),
            Job::Online(id, Online::Went) => self.behind.went(id, now),
            // Taken by the transaction.
            Job::Post(_) | Job::Ask(..) | Job::WrongCode(_) | Job::Revoke(_) | Job::Stop => {}
        }
    }

    fn begin(&mut self, begin: Begin, now: Instant) -> Result<(), Unavailable> {
        let account = begin.person.account;
        let rooms = self
            .store
            .transaction(Commit::Usual, |tx| rooms_of(tx, account));
        let rooms = rooms.map_err(|error| {
            self.tell_failure("session_not_begun", &error);
            Unavailable
        })?;
        let mut described = Vec::new();
        let mut heads = Vec::new();
        for stored in &rooms {
            let id = stored.id.0;
            let room = self.rooms.entry(id).or_insert_with(|| Room::new(stored));
            room.presence.joined(&begin.person.user, now);
            described.push(room.describe(id));
            heads.push((id, room.head));
        }
        let welcome = Welcome {
            history_id: self.history_id,
            rooms: described,
            time: now_ms(),
            limits: begin.limits,
            server: env!("CARGO_PKG_VERSION").to_owned(),
            session: begin.session,
        };
        let mut bytes = Vec::new();
        codec::put(&ServerMessage::Welcome(welcome), &mut bytes);
        self.behind
            .logged_in(begin.session, begin.address, &begin.person, now);
        *self.accounts.entry(account).or_default() += 1;
        self.sessions.insert(
            begin.session,
            Session {
                person: begin.person,
                address: begin.address,
                rooms: heads.iter().map(|(id, _)| *id).collect(),
            },
        );
        let join = Join {
            session: begin.session,
            socket: begin.socket,
            sealer: begin.sealer,
            gate: begin.gate,
            rooms: heads,
            welcome: bytes,
        };
        self.deliveries
            .send(begin.session, Delivery::Join(Box::new(join)));
        Ok(())
    }

    fn end(&mut self, ended: Ended, now: Instant) {
        let Ended {
            session,
            cut_off,
            bye,
        } = ended;
        if let Some(gone) = self.sessions.remove(&session) {
            for id in &gone.rooms {
                if let Some(room) = self.rooms.get_mut(id) {
                    room.presence.left(&gone.person.user, cut_off, now);
                }
            }
            let account = gone.person.account;
            let open = self.accounts.entry(account).or_default();
            *open = open.saturating_sub(1);
            if *open == 0 {
                self.accounts.remove(&account);
                self.behind.logged_out(account, gone.address, now);
            }
        }
        self.deliveries
            .send(session, Delivery::Close { session, bye });
    }
}

const UNAVAILABLE: &str = "the server can't store anything just now; the message was not kept";

fn logged(admitted: &Admitted, seq: Seq, now_ms: u64) -> Logged<'_> {
    Logged {
        seq,
        user: &admitted.person.user,
        account: admitted.person.account,
        time: i64::try_from(now_ms).unwrap_or(i64::MAX),
        body: admitted.post.text.as_bytes(),
    }
}

fn chat(admitted: &Admitted, seq: Seq, now_ms: u64) -> Chat {
    Chat {
        room: admitted.post.room,
        seq,
        account: admitted.person.account,
        user: admitted.person.user.to_string(),
        time: now_ms,
        text: admitted.post.text.clone(),
    }
}

const fn ack(post: &Post, seq: Seq, time: u64) -> event::Committed {
    event::Committed {
        session: post.session,
        request: post.request,
        seq,
        time,
    }
}
