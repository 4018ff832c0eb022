//! What each request costs the account that makes it: the one place where a type has its price.
//!
//! A new type does not compile until it has one. What the prices are paid from is `account_budget`.

use std::time::Duration;

use chatbox_common::wire::message::{ClientMessage, RequestId};

/// Bytes that a session is sent for one unit of work, where what it asks for decides how many they
/// are: pages, and messages that come again behind a `follow`.
const BYTES_PER_UNIT: usize = 8 * 1024;
/// Bytes of a record that are looked through for one unit.
const RECEIVED_PER_UNIT: usize = 4 * 1024;
/// Of a thread's time for one unit.
const TIME_PER_UNIT: Duration = Duration::from_micros(10);
/// Half of what an account has at most: who has all of it need not wait, and nobody waits longer than
/// five seconds for one answer.
const MOST_FOR_TIME: u32 = 2_500;
/// A resume without the rooms: a synced transaction, a thread, two lines of credentials.log.
pub const RESUME: u32 = 50;
/// Rooms that a resume reads, describes and tells for one unit.
const ROOMS_PER_UNIT: u64 = 2;
/// With [`RESUME`] half of what an account has at most: who is in ten thousand rooms must be able to pay.
const MOST_FOR_ROOMS: u32 = 2_500 - RESUME;

/// A message beyond those that an account may say: it is decoded and refused.
pub const REFUSED: u32 = 1;
/// A message of a type that this version does not know: it is decoded and refused.
pub const UNKNOWN: Price = Price::work(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Price {
    /// Counts as a message; beyond the messages that an account may say a second, this request is
    /// refused.
    pub message: Option<RequestId>,
    /// Units of work. A unit is some ten microseconds of the server's processors: what a `ping`
    /// takes. What is beyond an account's units waits.
    pub work: u32,
}

impl Price {
    /// The session ends by it.
    const NOTHING: Self = Self::work(0);

    const fn work(work: u32) -> Self {
        Self {
            message: None,
            work,
        }
    }

    const fn message(request: RequestId, work: u32) -> Self {
        Self {
            message: Some(request),
            work,
        }
    }
}

/// In a session.
#[must_use]
pub const fn price(message: &ClientMessage) -> Price {
    use ClientMessage as C;
    match message {
        // Its transaction is what the messages a second are for, and who sets no limit to these
        // wants none.
        C::Send(asked) => Price::message(asked.request, 0),
        // Each is a transaction of its own.
        C::Create(asked) => Price::message(asked.request, 2),
        C::Join(asked) => Price::message(asked.request, 2),
        C::Leave(asked) => Price::message(asked.request, 2),
        C::SetTopic(asked) => Price::message(asked.request, 2),
        C::Invite(asked) => Price::message(asked.request, 2),
        C::Direct(asked) => Price::message(asked.request, 2),
        C::Moderate(asked) => Price::message(asked.request, 2),
        C::Lock(asked) => Price::message(asked.request, 2),
        C::Archive(asked) => Price::message(asked.request, 2),
        C::Hide(asked) => Price::message(asked.request, 2),
        C::Ignore(asked) => Price::message(asked.request, 2),
        // And the time it takes (`for_time`), which is more than this for the dear ones.
        C::Search(asked) => Price::message(asked.request, 50),
        C::Password(asked) => Price::message(asked.request, 10),
        C::PasswordConfirm(_) | C::Factor(_) | C::FactorConfirm(_) | C::LogOut(_) => {
            Price::work(20)
        }
        // Pages cost besides what they bring (`for_bytes`), and `rooms` the time it takes as well: it counts the members of all that it lists, which is 0.3 ms for 50 small rooms and 23 ms for
        // 500 of a thousand members each.
        C::List(_) | C::Rooms(_) | C::Members(_) => Price::work(4),
        C::History(_) | C::Whois(_) | C::Sessions(_) => Price::work(2),
        C::Follow(_) | C::Read(_) | C::Whoami(_) | C::Info(_) | C::Ping(_) | C::Pong(_) => {
            Price::work(1)
        }
        C::Bye(_)
        | C::Register(_)
        | C::RegisterConfirm(_)
        | C::Login(_)
        | C::LoginConfirm(_)
        | C::Resume(_) => Price::NOTHING,
    }
}

/// Units for what a session was sent because it asked for it.
#[must_use]
pub fn for_bytes(bytes: usize) -> u32 {
    u32::try_from(bytes.div_ceil(BYTES_PER_UNIT)).unwrap_or(u32::MAX)
}

/// Units for what took so long.
#[must_use]
pub fn for_time(took: Duration) -> u32 {
    let units = took.as_nanos().div_ceil(TIME_PER_UNIT.as_nanos());
    u32::try_from(units).unwrap_or(u32::MAX).min(MOST_FOR_TIME)
}

/// Units for a record of so many bytes, all of which is looked through, also what no version knows.
/// What a request needs is free.
#[must_use]
pub fn for_received(bytes: usize) -> u32 {
    u32::try_from(bytes / RECEIVED_PER_UNIT).unwrap_or(u32::MAX)
}

/// Units that a resume costs beside [`RESUME`] where the account is in so many rooms, of hidden ones
/// half.
#[must_use]
pub fn of_rooms(rooms: u64) -> u32 {
    let units = u32::try_from(rooms.div_ceil(ROOMS_PER_UNIT)).unwrap_or(u32::MAX);
    units.min(MOST_FOR_ROOMS)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use chatbox_common::wire::codec;
    use chatbox_common::wire::corpus;

    use super::*;

    /// The number of its type: a message is an array of two, and no type needs more than a byte.
    fn kind(message: &ClientMessage) -> u8 {
        let mut bytes = Vec::new();
        codec::put(message, &mut bytes);
        match bytes[1] {
            0x18 => bytes[2],
            short => short,
        }
    }

    #[test]
    fn the_document_names_the_types_that_count_as_messages() {
        let all = corpus::client().into_iter();
        let counted = all.filter(|message| price(message).message.is_some());
        let counted: BTreeSet<_> = counted.map(|message| kind(&message)).collect();
        let named = [16, 26, 27, 28, 29, 30, 32, 34, 35, 37, 38, 41, 45, 46];
        assert_eq!(counted, BTreeSet::from(named));
        let document = include_str!("../../docs/PROTOCOL.md");
        let sentence = "Types 26 to 30, 32, 34, 35, 37, 38, 41, 45 and 46 count as messages";
        assert!(document.contains(sentence));
    }

    #[test]
    fn a_resume_costs_by_its_rooms_and_never_more_than_an_account_has() {
        assert_eq!((of_rooms(1), of_rooms(500)), (1, 250));
        assert_eq!(of_rooms(u64::MAX) + RESUME, 2_500);
        let ms = |ms| for_time(Duration::from_millis(ms));
        assert_eq!((ms(0), ms(1), ms(23), ms(900)), (0, 100, 2_300, 2_500));
        assert_eq!(for_time(Duration::from_nanos(1)), 1);
        assert_eq!((for_received(4_095), for_received(65_518)), (0, 15));
        assert_eq!(
            (for_bytes(0), for_bytes(1), for_bytes(32 * 1024)),
            (0, 1, 4)
        );
    }
}
