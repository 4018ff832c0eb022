//! The number of a session, as a server gives and people see it.
//!
//! 64 bits: 8 for the node where there are several, 24 for the start of the server, 32 for the
//! connection. So a number means one session, also in the logs of many runs. People see
//! `start.connection`; of a server that counts from 1 at every start, the number alone.

use std::fmt;
use std::str::FromStr;

const CONNECTION_BITS: u32 = 32;

/// The number before that of the first connection of a run: `start` is the number of the start, of
/// which 24 bits count.
#[must_use]
pub fn first(start: u32) -> u64 {
    u64::from(start & 0x00ff_ffff) << CONNECTION_BITS
}

/// A session's number as people see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionNumber(pub u64);

impl fmt::Display for SessionNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connection = self.0 & u64::from(u32::MAX);
        match self.0 >> CONNECTION_BITS {
            0 => write!(f, "{connection}"),
            start => write!(f, "{start}.{connection}"),
        }
    }
}

/// A text is no number of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a session's number is like 3.17")]
pub struct NoSessionNumber;

impl FromStr for SessionNumber {
    type Err = NoSessionNumber;

    /// As it is shown.
    fn from_str(text: &str) -> Result<Self, NoSessionNumber> {
        let (start, connection) = text.split_once('.').unwrap_or(("0", text));
        let [start, connection] =
            [start, connection].map(|part| part.parse::<u32>().map_err(|_| NoSessionNumber));
        let number = Self(u64::from(start?) << CONNECTION_BITS | u64::from(connection?));
        // Nothing but what is shown: "+1", "007".
        if number.to_string() == text {
            return Ok(number);
        }
        Err(NoSessionNumber)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_shown_with_the_start_that_it_belongs_to() {
        for (number, shown) in [
            (first(0) + 7, "7"),
            (first(12) + 1, "12.1"),
            (first(0x00ff_ffff) + 3, "16777215.3"),
            (first(0x0100_0001) + 3, "1.3"),
            (u64::MAX, "4294967295.4294967295"),
        ] {
            assert_eq!(SessionNumber(number).to_string(), shown);
            assert_eq!(shown.parse(), Ok(SessionNumber(number)));
        }
        for none in [
            "",
            ".",
            "3.",
            ".17",
            "3.17.1",
            "0.7",
            "+3.17",
            "3.017",
            "3.4294967296",
            "a",
        ] {
            assert_eq!(
                none.parse::<SessionNumber>(),
                Err(NoSessionNumber),
                "{none}"
            );
        }
    }
}
