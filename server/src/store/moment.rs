//! Where in a room's history a moment lies.
//!
//! Times have no index: within a room they ascend with the numbers, so a moment is found by binary
//! search. Where the clock was set back they do not quite, and then one of the places is found at
//! which messages from before the moment meet later ones.

use chatbox_common::wire::message::RoomId;

use super::column::{Column, take};
use super::error::StoreError;
use super::sql::Snapshot;
use super::statement::statements;

statements! {
    // Retention may have removed a number: then the next one that is left stands for it.
    const AT = "SELECT seq, time FROM messages WHERE room = ?1 AND seq >= ?2 ORDER BY seq LIMIT 1";
}

impl Snapshot<'_> {
    /// The number below which a room's messages are from before `time`: one of `first` to
    /// `head` + 1. It takes as many look-ups as the room's length has bits.
    ///
    /// # Errors
    /// SQLite's.
    pub fn seq_at(
        &self,
        room: RoomId,
        first: u64,
        head: u64,
        time: i64,
    ) -> Result<u64, StoreError> {
        // What is below `low` is from before `time`, what is at `high` and above is not.
        let (mut low, mut high) = (first, head.saturating_add(1));
        while low < high {
            let middle = low.midpoint(high);
            let found = self.one(AT, (room.put(), middle.put()), |row| {
                Ok((take::<u64>(row, 0)?, row.get::<_, i64>(1)?))
            })?;
            match found {
                Some((seq, at)) if at < time => low = seq.saturating_add(1),
                Some(_) | None => high = middle,
            }
        }
        Ok(low)
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{account, message, store};
    use super::super::{Commit, LOBBY, Tx};

    /// The messages, from number 1 on, have these times; a message without one is gone.
    fn found(times: &[Option<i64>], moments: &[i64]) -> Vec<u64> {
        let (_directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let head = times.len() as u64;
        let fill = |tx: &Tx<'_>| {
            for (seq, time) in (1u8..).zip(times) {
                if let Some(time) = *time {
                    let mut message = message(alice, seq, b"x");
                    message.time = time;
                    tx.insert_message(seq.into(), &message)?;
                }
            }
            let at = |time: &i64| tx.seq_at(LOBBY, 1, head, *time);
            moments.iter().map(at).collect()
        };
        store.transaction(Commit::Usual, fill).unwrap()
    }

    #[test]
    fn a_moment_lies_behind_everything_from_before_it() {
        let times = [10, 20, 20, 30, 40].map(Some);
        let moments = [i64::MIN, 10, 11, 20, 21, 30, 40, 41, i64::MAX];
        assert_eq!(found(&times, &moments), [1, 1, 2, 2, 4, 4, 5, 6, 6]);
        assert_eq!(found(&[], &[5]), [1]);
    }

    #[test]
    fn messages_that_are_gone_are_passed_over() {
        let times = [None, None, Some(10), None, Some(20), None, None];
        // A moment between two of them may be at any of the numbers that are gone there.
        let found = found(&times, &[5, 10, 15, 20, 25]);
        for (seq, places) in found.iter().zip([1..=3, 1..=3, 4..=5, 4..=5, 6..=8]) {
            assert!(places.contains(seq), "{found:?}");
        }
    }

    #[test]
    fn a_clock_that_was_set_back_confuses_nobody() {
        let times = [10, 50, 20, 30, 60].map(Some);
        let found = found(&times, &[5, 25, 55, 99]);
        assert_eq!((found[0], found[2], found[3]), (1, 5, 6));
        assert!((2..=4).contains(&found[1]), "{found:?}");
    }
}
