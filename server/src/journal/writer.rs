//! The journal's thread: takes the jobs that wait, commits them, and has the audit and the delivery
//! threads told. Owns the order in which jobs of different kinds are carried out.

#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::actions::room_request;
use super::admit::{admit, refuse_posts};
use super::batch::{Batch, pace};
use super::begin_end::{self, Memberships, memberships};
use super::commit::Admitted;
use super::handle::connection_events;
use super::job::{AuthRequest, ConnectionEvent, Granted, Job, ReplySender, TICK};
use super::operate::{announce, operate};
use super::publish::{give_up, publish};
use super::state::JournalState;
use crate::audit::events;
use crate::clock::{now_ms, stamp};

/// The most logins of one transaction, but for the last one of the run: they cost more than
/// messages, which must not wait for a rush of them.
const MAX_AUTH_REQUESTS: usize = 64;
/// Sessions begin and end this far apart, or together in one go, which reads memberships once. One
/// that comes alone begins at once, and no message waits for it.
const SESSION_PACE: Duration = Duration::from_millis(4);
/// For so long at a time: who comes in to hundreds of rooms keeps no message waiting much longer.
const SESSION_TURN: Duration = Duration::from_millis(2);
const EXPIRY: Duration = Duration::from_secs(600);

pub(super) struct Writer {
    state: JournalState,
    /// A message that waits for the room requests before it.
    held_up: Option<Job>,
    connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
    /// Logins that wait for a synced transaction, each with the channel for its answer.
    auth_requests: VecDeque<(AuthRequest, ReplySender<Option<Granted>>)>,
    /// Sessions that begin and end, room requests, and what must keep its place among these.
    others: VecDeque<Job>,
    /// `others` waits until then, unless a room request is among the jobs or the thread stops.
    next_session_change: Instant,
    /// At the disk and at chat.log.
    next_look: Instant,
    next_expiry: Instant,
}

impl Writer {
    pub(super) fn new(
        state: JournalState,
        connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
    ) -> Self {
        let now = Instant::now();
        Self {
            state,
            held_up: None,
            connection_events,
            auth_requests: VecDeque::new(),
            others: VecDeque::new(),
            next_session_change: now,
            next_look: now,
            next_expiry: now,
        }
    }

    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        let mut next_begin = Instant::now();
        // A session that sends alone has no other to share a commit with: it is not kept waiting.
        let mut alone = None;
        loop {
            let mut batch = Batch::default();
            let wait = self.next_due().saturating_duration_since(Instant::now());
            let first = self
                .held_up
                .take()
                .map_or_else(|| jobs.recv_timeout(wait), Ok);
            match first {
                Ok(first) => {
                    let mut room = batch.take(first);
                    if alone.is_none() || batch.sole_sender() != alone {
                        let pause = next_begin.saturating_duration_since(Instant::now());
                        // Not a wait for a job: those that come meanwhile share the commit.
                        std::thread::sleep(pause);
                    }
                    self.state.deliveries().wait_for_slowest();
                    while room && let Ok(next) = jobs.try_recv() {
                        if batch.holds_up(&next) {
                            self.held_up = Some(next);
                            break;
                        }
                        room = batch.take(next);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => batch.stop = true,
            }
            let stop = batch.stop;
            let is_idle = batch.jobs == 0;
            // A room action is slow already: what waits behind it must not wait longer.
            let is_dear = batch.room_requests && batch.posts.is_empty();
            if !(is_idle || is_dear) {
                next_begin = Instant::now() + pace(batch.posts.len());
            }
            alone = batch.sole_sender();
            self.transact(batch);
            self.look_after(Instant::now());
            if stop {
                return self.state.finish();
            }
            self.state.index(is_idle);
        }
    }

    /// The latest time for the next turn, even if no job comes.
    fn next_due(&self) -> Instant {
        let sync = (!self.auth_requests.is_empty()).then(|| self.state.next_sync());
        let session_change = (!self.others.is_empty()).then_some(self.next_session_change);
        let due = self
            .state
            .next_due()
            .into_iter()
            .chain(sync)
            .chain(session_change)
            .min();
        let tick = Instant::now() + TICK;
        due.map_or(tick, |due| due.min(tick))
    }

    fn look_after(&mut self, now: Instant) {
        self.state.tell_presence(now);
        if now >= self.next_look {
            self.next_look = now + TICK;
            self.state.look_at_space();
            self.state.catch_up();
            self.state.count_failures();
            for event in std::mem::take(&mut *connection_events(&self.connection_events)) {
                match event {
                    ConnectionEvent::Accepted(id, address) => {
                        self.state
                            .write_behind_mut()
                            .connection_accepted(id, address, now);
                    }
                    ConnectionEvent::Ended(id) => {
                        self.state.write_behind_mut().connection_ended(id, now);
                    }
                }
            }
        }
        self.state.write_what_is_behind(now);
        if now >= self.next_expiry {
            let more = self.state.expire_tokens();
            self.next_expiry = now + if more { TICK } else { EXPIRY };
        }
    }

    fn transact(&mut self, batch: Batch) {
        for answer in batch.figures {
            // Whoever asked may have gone.
            let _ = answer.send(self.state.figures());
        }
        let writable = self.state.takes_messages();
        let now = stamp();
        let mut posts = Vec::with_capacity(batch.posts.len());
        let mut refused = Vec::new();
        for post in batch.posts {
            match admit(&mut self.state, &post, writable, now) {
                Ok(person) => posts.push(Admitted { post, person }),
                Err(refusal) => refused.push((post, refusal)),
            }
        }
        refuse_posts(&mut self.state, refused);
        self.auth_requests.extend(batch.auth_requests);
        self.state.deferred_mut().add(batch.deferred);
        // A client that says goodbye waits until its token is deleted: that is not put off to the
        // next sync.
        let says_goodbye = !self.state.deferred().revoked.is_empty();
        let count = if batch.stop {
            self.auth_requests.len()
        } else if says_goodbye || Instant::now() >= self.state.next_sync() {
            self.auth_requests.len().min(MAX_AUTH_REQUESTS)
        } else {
            0
        };
        let (auth_requests, mut answers): (Vec<_>, Vec<_>) =
            self.auth_requests.drain(..count).unzip();
        let with_deferred = says_goodbye || batch.stop || !auth_requests.is_empty();
        if !posts.is_empty()
            || !auth_requests.is_empty()
            || (with_deferred && !self.state.deferred().is_empty())
        {
            let now_ms = now_ms();
            let done = self
                .state
                .commit(&posts, &auth_requests, with_deferred, now_ms);
            match self.state.watch(&events::COMMIT_FAILED, done) {
                Ok(done) => publish(&mut self.state, &posts, answers, done, now_ms),
                Err(error) if error.is_unavailable() => {
                    // Those that wait for a later transaction would fail as well.
                    answers.extend(self.auth_requests.drain(..).map(|(_, answer)| answer));
                    give_up(&self.state, &posts, answers);
                }
                Err(_) => self.one_by_one(posts, auth_requests, answers),
            }
        }
        self.state.rooms_mut().forget_visited();
        self.others.extend(batch.others);
        let is_due = !self.others.is_empty() && Instant::now() >= self.next_session_change;
        if is_due || batch.stop || batch.room_requests {
            self.carry_out_others(batch.stop, Instant::now() + SESSION_TURN);
        }
    }

    /// In the order of the jobs, whatever their kind. What takes longer than a turn goes on in the
    /// next one, but for room requests and what comes before them, for which later messages wait.
    fn carry_out_others(&mut self, to_the_end: bool, until: Instant) {
        let mut others = std::mem::take(&mut self.others);
        while !others.is_empty()
            && (to_the_end || Instant::now() < until || others.iter().any(Job::is_request))
        {
            // A room action may change memberships: those that were read before it would not hold.
            let run = others.iter().take_while(|job| !job.is_request());
            let (memberships, count) = memberships(&mut self.state, run, until);
            for job in others.drain(..count) {
                self.other(job, &memberships);
            }
            if others.front().is_some_and(Job::is_request)
                && let Some(request) = others.pop_front()
            {
                self.other(request, &memberships);
            }
        }
        self.others = others;
        self.state.rooms_mut().forget_visited();
        self.next_session_change = Instant::now() + SESSION_PACE;
    }

    /// For a row that the database refuses: it must not make the others of its batch fail.
    fn one_by_one(
        &mut self,
        posts: Vec<Admitted>,
        auth_requests: Vec<AuthRequest>,
        answers: Vec<ReplySender<Option<Granted>>>,
    ) {
        // Apart, since the deferred changes could be what the database refuses; and first, since
        // logins are judged by them.
        self.state.count_failures();
        for post in posts {
            let one = std::slice::from_ref(&post);
            let now_ms = now_ms();
            let done = self.state.commit(one, &[], false, now_ms);
            match self.state.watch(&events::MESSAGE_NOT_COMMITTED, done) {
                Ok(done) => publish(&mut self.state, one, Vec::new(), done, now_ms),
                Err(_) => give_up(&self.state, one, Vec::new()),
            }
        }
        for (request, answer) in auth_requests.into_iter().zip(answers) {
            let now_ms = now_ms();
            let request = std::slice::from_ref(&request);
            let done = self.state.commit(&[], request, false, now_ms);
            match self.state.watch(&events::LOGIN_NOT_COMMITTED, done) {
                Ok(done) => publish(&mut self.state, &[], vec![answer], done, now_ms),
                Err(_) => give_up(&self.state, &[], vec![answer]),
            }
        }
    }

    fn other(&mut self, job: Job, memberships: &Memberships) {
        let now = Instant::now();
        match job {
            Job::Begin(begin) => begin_end::begin(&mut self.state, *begin, memberships, now),
            Job::End(ended) => begin_end::end(&mut self.state, ended, now),
            Job::Follow(asked) => begin_end::follow(&self.state, asked),
            Job::Read(read) => begin_end::has_read(&mut self.state, &read, now),
            Job::RoomRequest(request) => room_request(&mut self.state, &request),
            // Whoever asked may have gone.
            Job::Operator(request, answer) => {
                let _ = answer.send(operate(&mut self.state, &request));
            }
            Job::Announce(text, answer) => {
                let _ = answer.send(announce(&self.state, text));
            }
            Job::Reload(settings, answer) => {
                let _ = answer.send(self.state.take_settings(settings));
            }
            // Handled by `Batch::take` and `transact`.
            Job::Post(_)
            | Job::Auth(..)
            | Job::WrongCode(_)
            | Job::Figures(_)
            | Job::Revoke(_)
            | Job::Stop => {}
        }
    }
}
