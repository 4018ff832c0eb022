//! The way to the journal, for everybody else: a job into its queue, and the answer where one is
//! waited for.

use std::net::SocketAddr;
use std::sync::mpsc::{self, SyncSender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chatbox_common::wire::message::{AccountId, Follow};

use super::job::{
    AuthRequest, Begin, Change, ConnectionEvent, Ended, Granted, HasRead, Job, LogIn, Post,
    Registration, ResumeUse, RoomRequest, Unavailable,
};
use crate::event::SessionId;
use crate::store::TokenId;

pub(super) fn connection_events(
    of: &Mutex<Vec<ConnectionEvent>>,
) -> MutexGuard<'_, Vec<ConnectionEvent>> {
    // A list is whole at every step.
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The way to the journal. Cheap to clone.
#[derive(Clone)]
pub struct Journal {
    pub(super) queue: SyncSender<Job>,
    /// Not jobs: strangers, who come and go as they like, wake nobody.
    pub(super) connection_events: Arc<Mutex<Vec<ConnectionEvent>>>,
}

impl Journal {
    fn send(&self, job: Job) {
        if self.queue.send(job).is_err() {
            log::error!("the journal has ended; a job is lost");
        }
    }

    /// Queues a message. Waits while the queue is full; the answer goes to the session.
    pub fn post(&self, post: Post) {
        self.send(Job::Post(post));
    }

    fn auth(&self, request: AuthRequest) -> Result<Option<Granted>, Unavailable> {
        let (answer, done) = mpsc::sync_channel(1);
        self.send(Job::Auth(Box::new(request), answer));
        done.recv().unwrap_or(Err(Unavailable))
    }

    /// Makes an account; `None` when its name was taken meanwhile.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn register(&self, registration: Registration) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Register(registration))
    }

    /// Completes a login; `None` when what it would spend is spent, what it was judged by no longer
    /// holds, or the account was disabled.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn log_in(&self, log_in: LogIn) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::LogIn(log_in))
    }

    /// Completes a resume; `None` when the token is no longer good.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn resume(&self, resume: ResumeUse) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Resume(resume))
    }

    /// Changes an account; `None` when what proved it is spent, or no longer what the account has,
    /// or the session that asks has ended.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn change(&self, change: Change) -> Result<Option<Granted>, Unavailable> {
        self.auth(AuthRequest::Change(change))
    }

    /// Ends all sessions of an account and deletes its tokens.
    ///
    /// # Errors
    /// When the database can't be written.
    pub fn log_out(&self, account: AccountId) -> Result<(), Unavailable> {
        self.auth(AuthRequest::LogOut(account)).map(|_| ())
    }

    /// Notes a failed login: with the account whose code was wrong after a right password, or
    /// without one. Nobody waits for it, so the two take the same time.
    pub fn login_failed(&self, wrong_code: Option<AccountId>) {
        self.send(Job::WrongCode(wrong_code));
    }

    /// Ends the family of a resume token: its owner said goodbye.
    pub fn revoke(&self, token: TokenId) {
        self.send(Job::Revoke(token));
    }

    /// Begins a session: its requests wait ([`Backpressure`](crate::delivery::Backpressure)) until
    /// its welcome is on the way, or a goodbye in its place where the database can't be read.
    pub fn begin(&self, begin: Begin) {
        self.send(Job::Begin(Box::new(begin)));
    }

    /// Passes a request to follow on to the session's delivery thread, behind everything committed:
    /// who has read a page of it must not be ahead of what delivery knows.
    pub fn follow(&self, session: SessionId, follow: Follow) {
        self.send(Job::Follow(session, follow));
    }

    /// Notes how far somebody has read, behind everything committed; only a refusal is answered.
    pub fn read(&self, read: HasRead) {
        self.send(Job::Read(read));
    }

    /// Has something done with rooms; the answer goes to the session.
    pub fn room_request(&self, request: RoomRequest) {
        self.send(Job::RoomRequest(Box::new(request)));
    }

    /// Ends a session, behind everything that it sent.
    pub fn end(&self, ended: Ended) {
        self.send(Job::End(ended));
    }

    /// A connection was accepted.
    pub fn connection_accepted(&self, connection: SessionId, address: SocketAddr) {
        connection_events(&self.connection_events)
            .push(ConnectionEvent::Accepted(connection, address));
    }

    /// A connection has ended.
    pub fn connection_ended(&self, connection: SessionId) {
        connection_events(&self.connection_events).push(ConnectionEvent::Ended(connection));
    }

    /// Commits what is queued, and ends the thread.
    pub fn stop(&self) {
        self.send(Job::Stop);
    }
}
