//! Begins and ends sessions, between two batches; requests to follow a room and notes of what was
//! read keep their place among these. Called by the `writer`.

use std::collections::HashMap;
use std::time::Instant;

use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    self, AccountId, Bye, ByeReason, Capabilities, Joined, RoomId, Seq, ServerMessage, Welcome,
};

use super::job::{Begin, Ended, FollowRequest, HasRead, Job, LOGGED_OUT};
use super::room::{Member, RoomState, UNKNOWN_ROOM};
use super::sessions::{Gone, SessionState};
use super::state::JournalState;
use crate::audit::events;
use crate::clock::{now_ms, stamp};
use crate::delivery::{Delivery, FollowAgain, Join};
use crate::store::{Membership, StoreError};

/// About the most bytes of rooms in a record: well below what a record holds, since a welcome has
/// up to a thousand ignored names beside them.
const ROOM_BYTES: usize = 24 * 1024;
const MAX_ROOMS: usize = 128;

/// What the database has for the welcome of an account's session.
pub(super) struct Beginning {
    rooms: Vec<Membership>,
    /// In the order of the names.
    ignored: Vec<String>,
}

/// By account; an account that could not be read is missing.
pub(super) type Memberships = HashMap<AccountId, Beginning>;

/// Reads the rooms of the accounts whose sessions begin, in one transaction: after a restart of the
/// server hundreds do at once. Returns as well how many of the jobs can be carried out with them:
/// all, or those up to the session that was read last before the time was over.
pub(super) fn memberships<'a>(
    state: &mut JournalState,
    jobs: impl Iterator<Item = &'a Job>,
    until: Instant,
) -> (Memberships, usize) {
    let jobs: Vec<&Job> = jobs.collect();
    // Nothing is asked of the database then, and nothing has succeeded.
    if !jobs.iter().any(|job| matches!(job, Job::Begin(_))) {
        return (Memberships::new(), jobs.len());
    }
    let read = read_memberships(state, &jobs, until);
    match state.watch(&events::SESSIONS_NOT_BEGUN, read) {
        Ok(read) => read,
        Err(error) if error.is_unavailable() || jobs.len() == 1 => (Memberships::new(), jobs.len()),
        // A row that can't be read must not keep the other accounts out.
        Err(_) => {
            let mut all = Memberships::new();
            for job in &jobs {
                let read = read_memberships(state, &[*job], until);
                if let Ok((one, _)) = state.watch(&events::SESSION_NOT_BEGUN, read) {
                    all.extend(one);
                }
            }
            (all, jobs.len())
        }
    }
}

/// Also loads into memory the rooms of these accounts that are not there yet.
fn read_memberships(
    state: &mut JournalState,
    jobs: &[&Job],
    until: Instant,
) -> Result<(Memberships, usize), StoreError> {
    let now = stamp();
    let (all, new, count) = state.read_beside_rooms(|tx, known| {
        let (mut all, mut new) = (Memberships::new(), HashMap::new());
        for (place, job) in (1..).zip(jobs) {
            let Job::Begin(begin) = job else { continue };
            let account = begin.person.account;
            if all.contains_key(&account) {
                continue;
            }
            let rooms = tx.memberships_of(account)?;
            let ignored = tx.ignored_by(account)?.into_iter();
            for id in rooms.iter().map(|one| one.room) {
                if !known.contains(id)
                    && !new.contains_key(&id)
                    && let Some(room) = RoomState::load(tx, id, now)?
                {
                    new.insert(id, room);
                }
            }
            let beginning = Beginning {
                ignored: ignored.map(|name| name.to_string()).collect(),
                rooms,
            };
            all.insert(account, beginning);
            if Instant::now() >= until {
                return Ok((all, new, place));
            }
        }
        Ok((all, new, jobs.len()))
    })?;
    for (id, room) in new {
        state.take_in(id, room);
    }
    Ok((all, count))
}

pub(super) fn begin(
    state: &mut JournalState,
    begin: Begin,
    memberships: &Memberships,
    now: Instant,
) {
    let account = begin.person.account;
    let sessions = state.sessions();
    if sessions.is_logged_out_since(account, begin.after) || sessions.is_ended(&begin.token) {
        return turn_away(state, begin, ByeReason::LoggedOut, LOGGED_OUT);
    }
    let Some(beginning) = memberships.get(&account) else {
        // Its code is spent and its token good: on `Busy` a client resumes by itself.
        let sentence = "the server can't read its database just now";
        return turn_away(state, begin, ByeReason::Busy, sentence);
    };
    let mut described = Vec::new();
    let mut heads = Vec::new();
    for &membership in &beginning.rooms {
        let id = membership.room;
        let Some(room) = state.rooms_mut().get_mut(id) else {
            continue;
        };
        // A registration makes a member of the lobby in the database alone.
        let member = Member::from(membership);
        room.members.entry(account).or_insert(member);
        heads.push((id, room.head));
        state.rooms_mut().come(id, &begin.person.user, now);
        described.extend(state.rooms().describe(id, &begin.person));
    }
    // What is hidden is neither told nor delivered.
    let hidden = state.rooms().hidden_by(account);
    for &id in &hidden {
        state.rooms_mut().come(id, &begin.person.user, now);
    }
    let mut described = in_records(described).into_iter();
    let welcome = Welcome {
        history_id: state.history_id(),
        rooms: described.next().unwrap_or_default(),
        time: now_ms(),
        limits: begin.limits.clone(),
        server: env!("CARGO_PKG_VERSION").to_owned(),
        session: begin.session,
        ignored: beginning.ignored.clone(),
        capabilities: Some(Capabilities::own()),
        predecessor: state.predecessor(),
    };
    state
        .write_behind_mut()
        .logged_in(begin.session, begin.address, &begin.person, now);
    state.sessions_mut().begin(
        begin.session,
        SessionState {
            person: begin.person.clone(),
            address: begin.address,
            capabilities: begin.capabilities,
            rooms: heads.iter().map(|(id, _)| *id).chain(hidden).collect(),
            token: begin.token,
            is_logged_out: false,
        },
    );
    let mut records = vec![encoded(&[ServerMessage::Welcome(welcome)])];
    records.extend(described.map(joined));
    (begin.begun)();
    hand_over(state, begin, heads, records);
}

/// Sends a goodbye in place of the welcome.
fn turn_away(state: &JournalState, begin: Begin, reason: ByeReason, sentence: &str) {
    let session = begin.session;
    let bye = Bye {
        reason,
        text: sentence.to_owned(),
    };
    hand_over(
        state,
        begin,
        Vec::new(),
        vec![encoded(&[ServerMessage::Bye(bye)])],
    );
    if reason == ByeReason::LoggedOut {
        state.deliveries().send(session, Delivery::LogOut(session));
    }
    state
        .deliveries()
        .send(session, Delivery::Close { session, bye: None });
}

/// From here on the session's delivery thread owns its sealer and the socket's writing side.
fn hand_over(state: &JournalState, begin: Begin, rooms: Vec<(RoomId, Seq)>, welcome: Vec<Vec<u8>>) {
    let join = Join {
        session: begin.session,
        socket: begin.socket,
        greeting: begin.greeting,
        sealer: begin.sealer,
        backpressure: begin.backpressure,
        rooms,
        welcome,
    };
    state
        .deliveries()
        .send(join.session, Delivery::Join(Box::new(join)));
}

/// Passes the request to the session's delivery thread, with `after` raised to what the account may
/// read: delivery keeps a room's latest messages and knows no rights.
pub(super) fn follow(state: &JournalState, asked: FollowRequest) {
    let FollowRequest {
        session,
        in_flight,
        follow,
    } = asked;
    let room = state.rooms().get(follow.room);
    let account = state.sessions().get(session).map(|one| one.person.account);
    let first = room
        .zip(account)
        .map_or(0, |(room, account)| room.readable_from(account));
    let job = Delivery::Follow(FollowAgain {
        session,
        request: follow.request,
        room: follow.room,
        after: follow.after.max(first.saturating_sub(1)),
        in_flight,
    });
    state.deliveries().send(session, job);
}

/// A number beyond the head counts as the head, a lower one than before is ignored. The account's
/// other sessions are told when it is written.
pub(super) fn has_read(state: &mut JournalState, read: &HasRead, now: Instant) {
    let HasRead {
        session,
        in_flight,
        read,
    } = read;
    let Some(account) = state
        .sessions()
        .open(*session)
        .map(|one| one.person.account)
    else {
        return;
    };
    let room = state.rooms_mut().get_mut(read.room);
    let found = room.and_then(|room| Some((room.head, room.members.get_mut(&account)?)));
    // Whether a hidden one is in memory depends on who else is online.
    let Some((head, member)) = found.filter(|(_, member)| !member.hidden) else {
        return state.refuse(*session, in_flight, read.request, UNKNOWN_ROOM);
    };
    let seq = read.seq.min(head);
    if seq > member.read {
        member.read = seq;
        state
            .write_behind_mut()
            .has_read(account, read.room, seq, *session, now);
    }
}

pub(super) fn end(state: &mut JournalState, ended: Ended, now: Instant) {
    let Ended {
        session,
        cut_off,
        bye,
    } = ended;
    if let Some(Gone { session, was_last }) = state.sessions_mut().end(session) {
        for &id in &session.rooms {
            state.rooms_mut().go(id, &session.person.user, cut_off, now);
        }
        if was_last {
            let account = session.person.account;
            state
                .write_behind_mut()
                .logged_out(account, session.address, now);
        }
        for &id in &session.rooms {
            state.rooms_mut().visit(id);
        }
    }
    state
        .deliveries()
        .send(session, Delivery::Close { session, bye });
}

/// Cuts rooms into the contents of records by [`ROOM_BYTES`] and [`MAX_ROOMS`].
fn in_records(rooms: Vec<message::Room>) -> Vec<Vec<message::Room>> {
    let mut parts: Vec<Vec<message::Room>> = Vec::new();
    let mut left = 0;
    for room in rooms {
        let weight = codec::length(&room);
        match parts.last_mut() {
            Some(part) if weight <= left && part.len() < MAX_ROOMS => {
                left -= weight;
                part.push(room);
            }
            _ => {
                left = ROOM_BYTES.saturating_sub(weight);
                parts.push(vec![room]);
            }
        }
    }
    parts
}

fn joined(rooms: Vec<message::Room>) -> Vec<u8> {
    let rooms = rooms.into_iter().map(|room| {
        ServerMessage::Joined(Joined {
            request: None,
            room,
        })
    });
    encoded(&rooms.collect::<Vec<_>>())
}

fn encoded(messages: &[ServerMessage]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for message in messages {
        codec::put(message, &mut bytes);
    }
    bytes
}

#[cfg(test)]
mod tests {
    use chatbox_common::crypto::record::MAX_CONTENT;
    use chatbox_common::limits::{MAX_IGNORED, MAX_TOPIC};
    use chatbox_common::name::MAX_NAME;

    use super::*;

    #[test]
    fn rooms_with_the_longest_texts_fit_their_records() {
        let long = "x".repeat(MAX_TOPIC);
        let room = |n| message::Room {
            topic: long.clone(),
            locked: Some(long.clone()),
            archived: Some(long.clone()),
            ..message::Room::new(RoomId(n), &format!("#{}", "y".repeat(MAX_NAME)))
        };
        let rooms: Vec<_> = (0..400).map(room).collect();
        let parts = in_records(rooms.clone());
        assert_eq!(parts.concat(), rooms);
        // Beside the first part stand the names of those who are ignored.
        let names = usize::try_from(MAX_IGNORED).unwrap() * (MAX_NAME + 2);
        for part in parts {
            assert!(joined(part).len() + names <= MAX_CONTENT);
        }
    }
}
