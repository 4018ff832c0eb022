//! Times and spans as people type them.

use jiff::Zoned;
use jiff::civil::{Date, Time};

/// A moment as it was typed; which one that is depends on the time zone and on now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// In seconds.
    Ago(u32),
    /// Local time on that day, or today.
    Clock(Option<Date>, Time),
}

impl When {
    /// Understands `2026-11-22`, `14:30`, `2026-11-22 14:30:05`, and spans such as `2h`. A day
    /// alone is its beginning.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut words = text.split_whitespace();
        let when = match (words.next()?, words.next()) {
            (day, Some(time)) => Self::Clock(Some(date(day)?), clock(time)?),
            (word, None) => {
                let today = || Some(Self::Clock(None, clock(word)?));
                let day = || Some(Self::Clock(Some(date(word)?), Time::midnight()));
                span(word).map(Self::Ago).or_else(day).or_else(today)?
            }
        };
        words.next().is_none().then_some(when)
    }

    /// The moment in milliseconds since 1970-01-01 UTC, in the zone of `now`; what lies before 1970
    /// becomes 0. `None` outside the calendar.
    #[must_use]
    pub fn milliseconds(self, now: &Zoned) -> Option<u64> {
        let moment = match self {
            Self::Ago(seconds) => {
                let span = jiff::SignedDuration::from_secs(seconds.into());
                now.timestamp().checked_sub(span).ok()?
            }
            Self::Clock(day, time) => {
                let zone = now.time_zone().clone();
                let moment = day.unwrap_or(now.date()).to_datetime(time);
                moment.to_zoned(zone).ok()?.timestamp()
            }
        };
        Some(u64::try_from(moment.as_millisecond()).unwrap_or(0))
    }
}

fn date(word: &str) -> Option<Date> {
    Date::strptime("%Y-%m-%d", word).ok()
}

fn clock(word: &str) -> Option<Time> {
    let formats = ["%H:%M:%S", "%H:%M"];
    formats
        .into_iter()
        .find_map(|format| Time::strptime(format, word).ok())
}

/// `90s`, `10m`, `2h` or `7d` in seconds; `None` for 0 and for more than a `u32` holds.
#[must_use]
pub fn span(word: &str) -> Option<u32> {
    let unit = word.chars().last()?;
    let count: u32 = word.strip_suffix(unit)?.parse().ok()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    count.checked_mul(seconds).filter(|&seconds| seconds > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 22 November 2026, 15:00 in Paris, which is UTC+1 in winter and UTC+2 in summer.
    fn now() -> Zoned {
        "2026-11-22T15:00:00+01:00[Europe/Paris]".parse().unwrap()
    }

    /// Typed in Paris, returned in UTC.
    fn meant(typed: &str) -> Option<String> {
        let milliseconds = When::parse(typed)?.milliseconds(&now())?;
        let moment = jiff::Timestamp::from_millisecond(milliseconds.try_into().unwrap());
        Some(moment.unwrap().to_string())
    }

    #[test]
    fn days_and_times_are_those_of_the_wall() {
        for (typed, moment) in [
            ("2026-11-22", "2026-11-21T23:00:00Z"),
            ("14:30", "2026-11-22T13:30:00Z"),
            ("14:30:05", "2026-11-22T13:30:05Z"),
            ("2026-07-01 14:30", "2026-07-01T12:30:00Z"),
            ("2026-11-22  00:00:01", "2026-11-21T23:00:01Z"),
            ("2026-03-29 02:30", "2026-03-29T01:30:00Z"),
            ("1969-01-01", "1970-01-01T00:00:00Z"),
        ] {
            assert_eq!(meant(typed).as_deref(), Some(moment), "{typed}");
        }
    }

    #[test]
    fn a_span_is_so_long_ago() {
        for (typed, moment) in [
            ("90s", "2026-11-22T13:58:30Z"),
            ("10m", "2026-11-22T13:50:00Z"),
            ("2h", "2026-11-22T12:00:00Z"),
            ("3d", "2026-11-19T14:00:00Z"),
        ] {
            assert_eq!(meant(typed).as_deref(), Some(moment), "{typed}");
        }
    }

    #[test]
    fn what_is_no_time_is_none() {
        for typed in [
            "",
            "0h",
            "2",
            "h",
            "2w",
            "yesterday",
            "2026-11-31",
            "2026-13-01",
            "25:00",
            "14:60",
            "14",
            "14:30 2026-11-22",
            "2026-11-22 2h",
            "2026-11-22 14:30 x",
            "99999999999d",
            "-2h",
            "2026-11-22T14:30",
        ] {
            assert_eq!(When::parse(typed), None, "{typed}");
        }
    }

    #[test]
    fn a_span_has_a_number_and_a_unit() {
        for bad in [
            "",
            "0s",
            "s",
            "10",
            "-1m",
            "1w",
            "99999999999s",
            "50000d",
            "1.5h",
            "é",
        ] {
            assert_eq!(span(bad), None, "{bad}");
        }
    }
}
