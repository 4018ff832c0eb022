//! How other threads reach the journal: they put a job into its queue, and wait for the answer
//! where there is one. Connections, commands and logins call it.

use std::net::SocketAddr;
use std::sync::mpsc::{self, SyncSender, TrySendError};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::wire::message::AccountId;

use super::job::{
    AuthRequest, Begin, Change, ConnectionEvent, Ended, Figures, FollowRequest, Granted, HasRead,
    Job, JournalSettings, LogIn, OperatorError, OperatorRequest, Post, Registration, ResumeUse,
    RoomRequest, TICK, Unavailable,
};
use crate::event::SessionId;
use crate::store::TokenId;

pub(super) fn connection_events(
    of: &Mutex<Vec<ConnectionEvent>>,
) -> MutexGuard<'_, Vec<ConnectionEvent>> {
    // A poisoned lock does no harm: the list is whole at every step.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Cheap to clone. While the journal's queue is full, each job waits for a place in it.
#[derive(Clone)]
pub struct Journal {
    pub(super) queue: SyncSender<Job>,
    /// No jobs: peers that are not logged in connect and go as they like, and must not wake the
    /// journal. It takes these once a tick.
    pub(super) connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
}

impl Journal {
    fn send(&self, job: Job) {
        if self.queue.send(job).is_err() {
            log::error!("the journal has ended; a job is lost");
        }
    }

    /// The answer goes to the session.
    pub fn post(&self, post: Post) {
        self.send(Job::Post(post));
    }

    fn auth(&self, request: AuthRequest) -> Result<Option<Granted>, Unavailable> {
        let (answer, done) = mpsc::sync_channel(1);
        self.send(Job::Auth(Box::new(request), answer));
        done.recv().unwrap_or(Err(Unavailable))
    }

    /// `None` when the name was taken meanwhile.
    pub fn register(&self, registration: Registration) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Register(registration))
    }

    /// `None` when the code is spent, the credentials that the login was judged by have changed,
    /// the account was disabled, or too many codes were wrong for another than a recovery code.
    pub fn log_in(&self, log_in: LogIn) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::LogIn(log_in))
    }

    /// `None` when the token is no longer good, or the account was disabled.
    pub fn resume(&self, resume: ResumeUse) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Resume(resume))
    }

    /// `None` when the code that proved it is spent, the credentials that it was judged by have
    /// changed, or the session that asks has ended or was logged out.
    pub fn change(&self, change: Change) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Change(change))
    }

    /// Ends all sessions of an account, the one that asks among them, and deletes its tokens.
    pub fn log_out(&self, account: AccountId) -> Result<(), Unavailable> {
        self.auth(AuthRequest::LogOut(account)).map(|_| ())
    }

    /// Notes a failed login: with the account where a code was wrong after a right password, else
    /// without one. The peer does not wait for it, and both are jobs: the time of a refusal must
    /// not tell whether the password was right.
    pub fn login_failed(&self, wrong_code: Option<AccountId>) {
        self.send(Job::WrongCode(wrong_code));
    }

    /// Ends the family of a resume token: its session said goodbye, or showed too many wrong
    /// proofs.
    pub fn revoke(&self, token: TokenId) {
        self.send(Job::Revoke(token));
    }

    /// The session's requests wait ([`Backpressure`](crate::delivery::Backpressure)) until its
    /// delivery thread has it and sends its welcome, or a goodbye in place of that: it was logged
    /// out meanwhile, or the database can't be read.
    pub fn begin(&self, begin: Begin) {
        self.send(Job::Begin(Box::new(begin)));
    }

    /// Reaches the session's delivery thread after all messages committed before: a client that has
    /// read a page must not be ahead of what delivery knows.
    pub fn follow(&self, request: FollowRequest) {
        self.send(Job::Follow(request));
    }

    /// Done after all messages committed before; only a refusal is answered.
    pub fn read(&self, read: HasRead) {
        self.send(Job::Read(read));
    }

    /// The answer goes to the session.
    pub fn room_request(&self, request: RoomRequest) {
        self.send(Job::RoomRequest(Box::new(request)));
    }

    /// Done after everything that the session sent.
    pub fn end(&self, ended: Ended) {
        self.send(Job::End(ended));
    }

    pub fn connection_accepted(&self, connection: SessionId, address: SocketAddr) {
        connection_events(&self.connection_events)
            .push(ConnectionEvent::Accepted(connection, address));
    }

    pub fn connection_ended(&self, connection: SessionId) {
        connection_events(&self.connection_events).push(ConnectionEvent::Ended(connection));
    }

    /// Returns the account or room as the database spells it. Everything that follows from it has
    /// become true by then, but for sessions that are about to end.
    ///
    /// # Errors
    /// Then nothing was changed.
    pub fn operate(&self, request: OperatorRequest) -> Result<String, OperatorError> {
        let (answer, done) = mpsc::sync_channel(1);
        self.send(Job::Operator(Box::new(request), answer));
        done.recv().unwrap_or(Err(OperatorError::Stopping))
    }

    /// Tells everybody who is online then, in the order of what was asked for before. Returns in how
    /// many sessions that was; `None` while the server stops.
    #[must_use]
    pub fn announce(&self, text: String) -> Option<usize> {
        let (answer, told) = mpsc::sync_channel(1);
        self.send(Job::Announce(text, answer));
        told.recv().ok()
    }

    /// Returns once the settings hold and nothing more is written to a chat.log that was moved, and
    /// whether it has all its lines.
    pub fn reload(&self, settings: JournalSettings) -> bool {
        let (answer, done) = mpsc::sync_channel(1);
        self.send(Job::Reload(settings, answer));
        // Fails where the server stops, which keeps no settings.
        done.recv().unwrap_or(true)
    }

    /// `None` where the thread does not answer within `patience`: its disk does not, or it has ended.
    #[must_use]
    pub fn figures(&self, patience: Duration) -> Option<Figures> {
        let until = Instant::now() + patience;
        let (answer, found) = mpsc::sync_channel(1);
        let mut job = Job::Figures(answer);
        while let Err(refused) = self.queue.try_send(job) {
            let TrySendError::Full(again) = refused else {
                return None;
            };
            if Instant::now() >= until {
                return None;
            }
            job = again;
            // A full queue can't be waited for with a deadline.
            thread::sleep(TICK / 10);
        }
        found
            .recv_timeout(until.saturating_duration_since(Instant::now()))
            .ok()
    }

    /// The thread commits what was queued before, and ends.
    pub fn stop(&self) {
        self.send(Job::Stop);
    }
}
