//! What the journal takes from its queue in one go, and how long it waits before the next.

use std::sync::mpsc::SyncSender;
use std::time::Duration;

use super::commit::Deferred;
use super::job::{AuthRequest, Figures, Granted, Job, Post, QUEUE, ReplySender};
use crate::event::SessionId;

/// The most messages of one transaction.
const MAX_POSTS: usize = 512;
/// About the most bytes of text of one transaction: well below an outbox of the default size.
const MAX_POST_BYTES: usize = 64 * 1024;
/// Where several sessions send at once, no transaction begins sooner than this after the one
/// before: messages that come meanwhile share a commit, and one record for each recipient.
const PACE: Duration = Duration::from_millis(1);
/// Each so many messages of a transaction lengthen the pace by another [`PACE`], up to
/// [`MAX_PACE`]: with 20 messages a commit costs as much as they do, with 200 next to nothing.
const CROWD: usize = 32;
const MAX_PACE: Duration = Duration::from_millis(4);

#[derive(Default)]
pub(super) struct Batch {
    pub(super) posts: Vec<Post>,
    pub(super) auth_requests: Vec<(AuthRequest, ReplySender<Option<Granted>>)>,
    /// Of text in `posts`.
    bytes: usize,
    pub(super) deferred: Deferred,
    /// Sessions that begin and end, room requests, and what must keep its place among these: done
    /// after the transaction, in order.
    pub(super) others: Vec<Job>,
    /// `others` has requests of members or of the operator, which no later message may overtake.
    pub(super) room_requests: bool,
    /// Answered at once: who asks how it is does not wait behind a rush.
    pub(super) figures: Vec<SyncSender<Figures>>,
    pub(super) jobs: usize,
    pub(super) stop: bool,
}

impl Batch {
    /// False when the transaction is full, or the journal is to stop.
    pub(super) fn take(&mut self, job: Job) -> bool {
        match job {
            Job::Post(post) => {
                self.bytes += post.text.len();
                self.posts.push(post);
            }
            Job::Auth(request, answer) => self.auth_requests.push((*request, answer)),
            Job::WrongCode(account) => self.deferred.wrong_codes.extend(account),
            Job::Revoke(token) => self.deferred.revoked.push(token),
            Job::Stop => self.stop = true,
            Job::Figures(answer) => self.figures.push(answer),
            other => {
                self.room_requests |= other.is_request();
                self.others.push(other);
            }
        }
        self.jobs += 1;
        !self.stop
            && self.jobs < QUEUE
            && self.posts.len() < MAX_POSTS
            && self.bytes < MAX_POST_BYTES
    }

    /// Whether a message must wait for the room requests that were taken before it.
    pub(super) const fn holds_up(&self, next: &Job) -> bool {
        self.room_requests && matches!(next, Job::Post(_))
    }

    /// The session that sent all messages, if there is one.
    pub(super) fn sole_sender(&self) -> Option<SessionId> {
        let first = self.posts.first()?.session;
        let all_its = self.posts.iter().all(|post| post.session == first);
        all_its.then_some(first)
    }
}

/// From the beginning of a transaction of so many messages to that of the next.
pub(super) fn pace(posts: usize) -> Duration {
    let paces = u32::try_from(1 + posts / CROWD).unwrap_or(u32::MAX);
    PACE.saturating_mul(paces).min(MAX_PACE)
}
