//! A delivery thread: its sessions, its rooms, and the loop that takes its jobs.
//!
//! It knows no account and no right: the journal decides which session is in which room, and its
//! jobs come in the order of its commits.

use std::collections::HashMap;
use std::net::Shutdown;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::Instant;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    Ack, Bye, ErrorCode, ErrorMessage, Following, Head, Lagged, RequestId, RoomId, ServerMessage,
};

use super::budget::{Budget, Share};
use super::job::{Backlog, Delivery, FollowAgain, Join};
use super::recipient::{Dead, Recipient, Tools};
use super::room_feed::{merge, records};
use super::table::SessionTable;
use super::writable::Writable;
use crate::event::{RoomBatch, SessionId};

/// The most acknowledgements put before the chat of a record: with the most messages of chat they
/// are 256, the most that a record may hold.
const RECORD_ACKS: usize = 64;
/// The most rooms that one [`Lagged`] names, so that it fits a record.
const MAX_HEADS: usize = 2_000;
/// Jobs taken from the queue in one go.
const TAKE: usize = 256;
/// About the most bytes of chat taken from the queue in one go: well below an outbox of the default
/// size, or a thread that is behind would find every outbox full, however fast its peer reads.
const TAKE_BYTES: usize = 64 * 1024;

/// Encoded acknowledgements.
type Acks = HashMap<SessionId, Vec<Vec<u8>>>;

pub(super) struct Worker {
    receiver: Receiver<Delivery>,
    backlog: Arc<Backlog>,
    table: SessionTable,
    writable: Arc<Writable>,
    outbox_limit: usize,
    budget: Arc<Budget>,
    scratch: Vec<u8>,
}

impl Worker {
    pub(super) fn new(
        receiver: Receiver<Delivery>,
        backlog: Arc<Backlog>,
        writable: Arc<Writable>,
        outbox_limit: usize,
        budget: Arc<Budget>,
    ) -> Self {
        Self {
            receiver,
            backlog,
            table: SessionTable::default(),
            writable,
            outbox_limit,
            budget,
            scratch: Vec::new(),
        }
    }

    /// Works until [`Delivery::Stop`].
    pub(super) fn run(mut self) {
        let mut batches: Vec<Arc<RoomBatch>> = Vec::new();
        while let Ok(first) = self.receiver.recv() {
            let mut job = Some(first);
            let (mut taken, mut bytes) = (0, 0);
            // All batches that wait go out together; any other job keeps its place among them.
            while let Some(next) = job.take() {
                taken += 1;
                match next {
                    Delivery::RoomBatch(batch) => {
                        bytes += batch.bytes.len();
                        batches.push(batch);
                    }
                    Delivery::Stop => return self.deliver(&mut batches),
                    other => {
                        self.deliver(&mut batches);
                        self.handle(other);
                    }
                }
                if taken < TAKE && bytes < TAKE_BYTES {
                    job = self.receiver.try_recv().ok();
                }
            }
            self.deliver(&mut batches);
            self.backlog.done(bytes);
        }
    }

    fn handle(&mut self, job: Delivery) {
        match job {
            Delivery::Reply { session, bytes } => self.reply(session, &bytes),
            Delivery::Join(join) => self.join(*join),
            Delivery::Enter {
                session,
                room,
                head,
                bytes,
            } => {
                if self.table.enter(session, room, head) {
                    self.with(session, |session, tools| session.tell(&bytes, tools));
                }
            }
            Delivery::Leave {
                session,
                room,
                bytes,
            } => {
                self.table.leave(session, room);
                self.with(session, |session, tools| {
                    session.forget(room);
                    session.tell(&bytes, tools)
                });
            }
            Delivery::Tell { session, bytes } => {
                self.with(session, |session, tools| session.tell(&bytes, tools));
            }
            Delivery::Offer { session, bytes } => {
                self.with(session, |session, tools| session.offer(&bytes, tools));
            }
            Delivery::Droppable { session, bytes } => {
                self.with(session, |session, tools| {
                    session.tell_droppable(&bytes, tools)
                });
            }
            Delivery::Notice {
                room,
                bytes,
                must_be_known,
            } => self.notice(room, &bytes, must_be_known),
            Delivery::Follow(asked) => self.follow(asked),
            Delivery::Presence { room, full, count } => self.presence(room, &full, &count),
            Delivery::Writable(session) => self.flush(session),
            Delivery::LogOut(session) => {
                if let Some(session) = self.table.session(session) {
                    session.log_out();
                }
            }
            Delivery::Close { session, bye } => self.close(session, bye),
            Delivery::Drop(session) => self.remove(session, Shutdown::Both),
            // The loop has taken both.
            Delivery::RoomBatch(_) | Delivery::Stop => {}
        }
    }

    /// Ends the session where `work` failed, or where its goodbye is sent.
    fn with(
        &mut self,
        number: SessionId,
        work: impl FnOnce(&mut Recipient, &mut Tools) -> Result<(), Dead>,
    ) {
        let Some(session) = self.table.session(number) else {
            return;
        };
        let mut tools = Tools {
            now: Instant::now(),
            writable: &self.writable,
            scratch: &mut self.scratch,
        };
        match work(session, &mut tools) {
            Ok(()) if session.is_over() => self.remove(number, Shutdown::Write),
            Ok(()) => {}
            Err(Dead) => self.remove(number, Shutdown::Both),
        }
    }

    fn join(&mut self, mut join: Join) {
        let number = join.session;
        let rooms = std::mem::take(&mut join.rooms);
        let greeting = std::mem::take(&mut join.greeting);
        let welcome = std::mem::take(&mut join.welcome);
        let backpressure = Arc::clone(&join.backpressure);
        let session = Recipient::new(join, self.outbox_limit, Share::of(&self.budget));
        self.table.insert(session, &rooms);
        // Before the greeting is sent: where the peer is gone, that closes the session, which must
        // come last.
        backpressure.begin();
        self.with(number, |session, tools| {
            let (first, rest) = welcome
                .split_first()
                .map_or((&[][..], &[][..]), |(first, rest)| (first.as_slice(), rest));
            session.greet(&greeting, first, tools)?;
            rest.iter().try_for_each(|bytes| session.say(bytes, tools))
        });
    }

    fn notice(&mut self, room: RoomId, bytes: &[u8], must_be_known: bool) {
        for number in self.table.numbers(room) {
            self.with(number, |session, tools| {
                if must_be_known {
                    session.tell(bytes, tools)
                } else {
                    session.tell_droppable(bytes, tools)
                }
            });
        }
    }

    fn reply(&mut self, number: SessionId, bytes: &[u8]) {
        self.with(number, |session, tools| session.reply(bytes, tools));
    }

    /// Sends a reply that this thread makes, so that the backpressure has not counted it yet.
    fn say(&mut self, number: SessionId, bytes: &[u8]) {
        self.with(number, |session, tools| session.say(bytes, tools));
    }

    fn say_message(&mut self, number: SessionId, message: &ServerMessage) {
        let mut bytes = Vec::new();
        codec::put(message, &mut bytes);
        self.say(number, &bytes);
    }

    fn close(&mut self, number: SessionId, bye: Option<Bye>) {
        if let Some(bye) = bye {
            self.say_message(number, &ServerMessage::Bye(bye));
        }
        self.with(number, |session, _| {
            session.close();
            Ok(())
        });
    }

    fn remove(&mut self, number: SessionId, how: Shutdown) {
        if let Some(session) = self.table.remove(number) {
            session.end(how, &self.writable);
        }
    }

    fn presence(&mut self, room: RoomId, full: &[u8], count: &Arc<[u8]>) {
        for number in self.table.numbers(room) {
            self.with(number, |session, tools| {
                session.presence(room, full, count, tools)
            });
        }
    }

    /// Sends what waits. Once all of it is sent, the peer is told which rooms have lagged, and the
    /// notices that waited.
    fn flush(&mut self, number: SessionId) {
        self.with(number, |session, tools| session.flush(tools.writable));
        let Some(session) = self.table.session(number) else {
            return;
        };
        if !session.is_drained() {
            return;
        }
        let waiting = session.waiting_presence();
        if std::mem::take(&mut session.lagged) {
            let heads = self.table.stop_live(number).into_iter();
            let heads: Vec<Head> = heads.map(|(room, head)| Head { room, head }).collect();
            for heads in heads.chunks(MAX_HEADS) {
                let heads = heads.to_vec();
                self.say_message(number, &ServerMessage::Lagged(Lagged { heads }));
            }
        }
        for notice in waiting {
            self.say(number, &notice);
        }
    }

    /// A room that is live is told to be, or not to be where the client is missing messages from
    /// before it was: nothing is sent a second time to a session that had it.
    fn follow(&mut self, asked: FollowAgain) {
        let FollowAgain {
            session: number,
            request,
            room: id,
            after,
            in_flight,
        } = asked;
        let Some(has_lagged) = self.table.session(number).map(|session| session.lagged) else {
            return;
        };
        let live_from = self.table.live_from(number, id).copied();
        let Some((room, live_from)) = self.table.room(id).zip(live_from) else {
            return self.refuse(number, request, ErrorCode::UnknownRoom, "no such room");
        };
        let head = room.head;
        if after > head {
            let sentence = "the room has not come so far";
            return self.refuse(number, request, ErrorCode::InvalidArgument, sentence);
        }
        let missed = match live_from {
            // It has lagged and not drained yet: it gets `Lagged` later, and follows again then.
            _ if has_lagged => None,
            Some(from) => (after >= from).then(Vec::new),
            None => room.since(after),
        };
        if missed.is_some()
            && live_from.is_none()
            && let Some(live_from) = self.table.live_from(number, id)
        {
            *live_from = Some(after);
        }
        let answer = Following {
            request,
            room: id,
            head,
            live: missed.is_some(),
        };
        self.say_message(number, &ServerMessage::Following(answer));
        for batch in missed.unwrap_or_default() {
            let skip = usize::try_from((after + 1).saturating_sub(batch.first)).unwrap_or(0);
            let records = records(&batch.bytes, &batch.ends, skip);
            self.with(number, |session, tools| {
                if session.takes_chat() {
                    in_flight.owe(records.iter().map(|record| record.len()).sum());
                    session.chat(records, tools)?;
                }
                Ok(())
            });
        }
    }

    fn refuse(&mut self, number: SessionId, request: RequestId, code: ErrorCode, text: &str) {
        let error = ErrorMessage {
            request: Some(request),
            code,
            text: text.to_owned(),
            retry_ms: None,
        };
        self.say_message(number, &ServerMessage::Error(error));
    }

    fn deliver(&mut self, batches: &mut Vec<Arc<RoomBatch>>) {
        let mut rest = batches.as_slice();
        while let Some(first) = rest.first() {
            let same = rest.iter().take_while(|b| b.room == first.room).count();
            let (run, others) = rest.split_at(same);
            self.deliver_room(first.room, run);
            rest = others;
        }
        batches.clear();
    }

    fn deliver_room(&mut self, id: RoomId, run: &[Arc<RoomBatch>]) {
        let mut acks = self.acks(run);
        let ended = if self.table.remember(id, run) {
            self.send_live(id, run, &mut acks)
        } else {
            Vec::new()
        };
        for number in ended {
            self.remove(number, Shutdown::Both);
        }
        // Senders who get no live chat are still owed their acknowledgements.
        for (number, own) in acks {
            for record in own.chunks(RECORD_ACKS) {
                self.say(number, &record.concat());
            }
        }
    }

    /// Sends a room's chat, and to those who said some of it their acknowledgements. Returns the
    /// sessions that can't go on.
    fn send_live(&mut self, id: RoomId, run: &[Arc<RoomBatch>], acks: &mut Acks) -> Vec<SessionId> {
        let merged;
        let (bytes, ends) = if let [only] = run {
            (&only.bytes, &only.ends)
        } else {
            merged = merge(run);
            (&merged.0, &merged.1)
        };
        let records = records(bytes, ends, 0);
        let mut tools = Tools {
            now: Instant::now(),
            writable: &self.writable,
            scratch: &mut self.scratch,
        };
        self.table.for_each_live(id, |session| {
            let own = if acks.is_empty() {
                None
            } else {
                acks.remove(&session.number())
            };
            match own {
                None => session
                    .chat(records.iter().copied(), &mut tools)
                    .map(|_| ()),
                Some(own) => chat_after_acks(session, &own, &records, &mut tools),
            }
        })
    }

    /// The acknowledgements of a run for this thread's sessions, each encoded.
    fn acks(&self, run: &[Arc<RoomBatch>]) -> Acks {
        let mut acks = Acks::new();
        for committed in run.iter().flat_map(|batch| &batch.acks) {
            if !self.table.contains(committed.session) {
                continue;
            }
            let mut bytes = Vec::new();
            let ack = Ack {
                request: committed.request,
                seq: committed.seq,
                time: committed.time,
            };
            codec::put(&ServerMessage::Ack(ack), &mut bytes);
            acks.entry(committed.session).or_default().push(bytes);
        }
        acks
    }
}

/// Sends a session's acknowledgements in the record of the first messages where there is room, so
/// that a sender gets one record, not two.
fn chat_after_acks(
    session: &mut Recipient,
    acks: &[Vec<u8>],
    records: &[&[u8]],
    tools: &mut Tools,
) -> Result<(), Dead> {
    let (early, last) = acks.split_at(acks.len().saturating_sub(RECORD_ACKS));
    for record in early.chunks(RECORD_ACKS) {
        session.say(&record.concat(), tools)?;
    }
    let last = last.concat();
    let Some((chat, others)) = records.split_first() else {
        return session.say(&last, tools);
    };
    let first = [&last, *chat].concat();
    let together = std::iter::once(first.as_slice()).chain(others.iter().copied());
    if !session.chat(together, tools)? {
        session.say(&last, tools)?;
    }
    Ok(())
}
