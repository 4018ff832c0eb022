//! Messages found by their words.
//!
//! SQLite's FTS5 gets nothing of what a user typed except for letters and digits
//! ([`Query::terms`]), each word in quotes: nothing that it could take for its query syntax. Where
//! that is less than what is sought, the texts of what it finds are looked at.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use chatbox_common::search::Query;
use chatbox_common::wire::message::{Access, AccountId, RoomId};

use super::column::{Column, take};
use super::error::StoreError;
use super::history::{Message, read_message};
use super::index::room_word;
use super::sql::Snapshot;
use super::statement::statements;

/// After so many hits that are none, because the account may not read them or their texts go on
/// otherwise, rooms that have none left that it may read are dropped from the search.
const MOST_PASSED_OVER: usize = 64;

/// A room as a member of it may search it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Searched {
    pub room: RoomId,
    pub access: Access,
    /// Messages sent since the member joined have this number or a higher one.
    pub joined_seq: u64,
    /// The number of the oldest message that retention has left.
    pub first_kept: u64,
}

#[derive(Debug, Clone)]
pub struct Sought<'a> {
    /// A message must have all of its words.
    pub words: &'a Query,
    /// Each room with the first number that may be found.
    pub rooms: BTreeMap<RoomId, u64>,
    /// Only rows below this one.
    pub before: Option<u64>,
    pub limit: u32,
    /// As of a page of history.
    pub max_bytes: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hits {
    /// The newest first.
    pub messages: Vec<(RoomId, Message)>,
    /// There are older ones.
    pub more: bool,
    /// It was ended before it had looked at all there is; there may be more of which nothing is known.
    pub ended: bool,
}

statements! {
    const ROOMS = "SELECT m.room, r.access, m.joined_seq, r.first_seq FROM members m \
        JOIN rooms r ON r.id = m.room WHERE m.account = ?1 AND r.mode = 'audited' AND r.next_seq > 1";
    const ROW = "SELECT id FROM messages WHERE room = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
    // CROSS JOIN fixes the order of the tables: the words come first, whatever the planner
    // estimates.
    const FIND = "SELECT m.id, m.seq, m.sender, a.user, m.device, m.kind, m.body, \
        m.time, m.epoch, m.room FROM messages_fts f CROSS JOIN messages m ON m.id = f.rowid \
        CROSS JOIN REGISTERED a ON a.id = m.sender \
        WHERE messages_fts MATCH ?1 AND f.rowid < ?2 ORDER BY f.rowid DESC";
}

impl Snapshot<'_> {
    /// The rooms that the account is in, hidden ones among them; without those where nothing was said
    /// yet, and private ones, whose messages are never indexed.
    ///
    /// # Errors
    /// SQLite's.
    pub fn searched_by(&self, account: AccountId) -> Result<Vec<Searched>, StoreError> {
        self.all(ROOMS, [account.put()], |row| {
            Ok(Searched {
                room: take(row, 0)?,
                access: take(row, 1)?,
                joined_seq: take(row, 2)?,
                first_kept: take(row, 3)?,
            })
        })
    }

    /// The row of a room's message with this number, or of the next one that retention has left.
    ///
    /// # Errors
    /// SQLite's.
    pub fn row_of(&self, room: RoomId, seq: u64) -> Result<Option<u64>, StoreError> {
        self.one(ROW, (room.put(), seq.put()), |row| take(row, 0))
    }

    /// The newest messages that have all the words. An account that may read only the last few
    /// messages of a room must not make it walk through all that was said before: after
    /// `MOST_PASSED_OVER` of these it goes on without the rooms of which only such are left. Where it
    /// finds nothing it may take long: [`Reader::read_within`](super::Reader::read_within) ends it, and
    /// it has what it had found until then.
    ///
    /// # Errors
    /// SQLite's.
    pub fn search(&self, sought: Sought<'_>) -> Result<Hits, StoreError> {
        let Sought {
            words,
            mut rooms,
            before,
            limit,
            max_bytes,
        } = sought;
        let mut walk = Walk {
            hits: Hits {
                messages: Vec::new(),
                more: false,
                ended: false,
            },
            limit: usize::try_from(limit.max(1)).unwrap_or(usize::MAX),
            bytes_left: max_bytes,
            before: before.unwrap_or(u64::MAX),
        };
        let walked = self.endable(|| {
            while !words.is_empty() && !rooms.is_empty() && self.walk(&mut walk, words, &rooms)? {
                rooms = self.reaching(&rooms, walk.before)?;
            }
            Ok(())
        });
        match walked {
            Err(StoreError::Ended) => {
                walk.hits.ended = true;
                // The next page is asked for by the last message of this one.
                walk.hits.more = !walk.hits.messages.is_empty();
            }
            walked => walked?,
        }
        Ok(walk.hits)
    }

    /// Goes on with a search, to its end or until it has passed over [`MOST_PASSED_OVER`] hits;
    /// returns whether the latter.
    fn walk(
        &self,
        walk: &mut Walk,
        words: &Query,
        rooms: &BTreeMap<RoomId, u64>,
    ) -> Result<bool, StoreError> {
        let mut passed_over = 0;
        let asked = (expression(&words.terms(), rooms), walk.before.put());
        let is_shortened = words.is_shortened();
        self.scan(FIND, asked, |row| {
            let (room, seq) = (take(row, 9)?, take(row, 1)?);
            if rooms.get(&room).is_some_and(|first| *first <= seq) {
                let message = read_message(row)?;
                if !is_shortened || words.is_in(&String::from_utf8_lossy(&message.body)) {
                    return Ok(walk.take(room, message));
                }
            }
            passed_over += 1;
            walk.before = take(row, 0)?;
            Ok(if passed_over < MOST_PASSED_OVER {
                ControlFlow::Continue(())
            } else {
                ControlFlow::Break(())
            })
        })?;
        Ok(passed_over == MOST_PASSED_OVER)
    }

    /// The rooms of which a message that may be read has a row below `before`.
    fn reaching(
        &self,
        rooms: &BTreeMap<RoomId, u64>,
        before: u64,
    ) -> Result<BTreeMap<RoomId, u64>, StoreError> {
        let mut reaching = BTreeMap::new();
        for (&room, &first) in rooms {
            if self.row_of(room, first)?.is_some_and(|row| row < before) {
                reaching.insert(room, first);
            }
        }
        Ok(reaching)
    }
}

struct Walk {
    hits: Hits,
    limit: usize,
    bytes_left: usize,
    /// Only rows below this one are left to be looked at.
    before: u64,
}

impl Walk {
    fn take(&mut self, room: RoomId, message: Message) -> ControlFlow<()> {
        let found = &mut self.hits.messages;
        let weight = message.weight();
        if !found.is_empty() && (found.len() >= self.limit || weight > self.bytes_left) {
            self.hits.more = true;
            return ControlFlow::Break(());
        }
        self.bytes_left = self.bytes_left.saturating_sub(weight);
        found.push((room, message));
        ControlFlow::Continue(())
    }
}

/// FTS5's query: any of the rooms, and all of the words.
fn expression(words: &[String], rooms: &BTreeMap<RoomId, u64>) -> String {
    let rooms: Vec<String> = rooms.keys().map(|room| room_word(*room)).collect();
    let quoted = |word: &String| format!("\"{}\"", word.replace('"', "\"\""));
    let words: Vec<String> = words.iter().map(quoted).collect();
    let (rooms, words) = (rooms.join(" OR "), words.join(" "));
    format!("room : ({rooms}) AND body : ({words})")
}
