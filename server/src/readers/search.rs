//! Searches in the rooms that the asker is in at that moment.

use std::collections::BTreeMap;
use std::time::Duration;

use chatbox_common::limits::{MAX_SEARCH_WORDS, PAGE_BYTES};
use chatbox_common::search::Query;
use chatbox_common::wire::message::{AccountId, ErrorCode, Found, Search, ServerMessage};

use super::cpu_time::cpu_time;
use super::pages::chat;
use super::refusal::refusal;
use crate::store::{Searched, Snapshot, Sought, StoreError, first_readable};

/// Of the one thread that searches. The dearest search there is in a million messages of people takes half
/// of it; texts that were made for it would take as long as there are messages.
pub(super) const MOST_TIME: Duration = Duration::from_millis(250);

/// What says that a search which begins now has taken as long as it may.
pub(super) fn is_over(most: Duration) -> impl FnMut() -> bool + Send + 'static {
    let end = cpu_time() + most;
    move || cpu_time() >= end
}

/// `None` where it is to go on from a message in a room that the asker is not in.
pub(super) fn search(
    snapshot: &Snapshot<'_>,
    account: AccountId,
    asked: &Search,
) -> Result<Option<ServerMessage>, StoreError> {
    let refused = |sentence: &str| refusal(asked.request, ErrorCode::InvalidArgument, sentence);
    let query = Query::new(&asked.words);
    if query.is_empty() {
        let sentence = "search for at least one word of letters or digits";
        return Ok(Some(refused(sentence)));
    }
    if query.len() > usize::from(MAX_SEARCH_WORDS) {
        let sentence = format!("a search has at most {MAX_SEARCH_WORDS} words");
        return Ok(Some(refused(&sentence)));
    }
    let rooms = snapshot.searched_by(account)?.into_iter();
    let first = |room: Searched| first_readable(room.access, room.first_kept, room.joined_seq);
    let rooms: BTreeMap<_, _> = rooms.map(|room| (room.room, first(room))).collect();
    let before = match asked.before {
        Some(place) if !rooms.contains_key(&place.room) => return Ok(None),
        Some(place) => snapshot.row_of(place.room, place.seq)?,
        None => None,
    };
    let hits = snapshot.search(Sought {
        words: &query,
        rooms,
        before,
        limit: asked.limit,
        max_bytes: PAGE_BYTES,
    })?;
    let messages = hits.messages.iter();
    Ok(Some(ServerMessage::Found(Found {
        request: asked.request,
        messages: messages.map(|(room, hit)| chat(*room, hit)).collect(),
        more: hits.more,
        incomplete: hits.ended || snapshot.is_index_behind()?,
    })))
}
