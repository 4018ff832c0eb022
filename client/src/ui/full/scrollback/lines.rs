//! The rows of an entry, with its time and name, at a given width; and the lines between entries.
//!
//! The threat: a text that looks like another message. No text begins in the first column of the
//! screen: further rows begin in the column where the text does, or, where too little would be
//! left, behind a bar that no message begins with. Knows nothing of colours and of its place on the
//! screen; `scroll` calls it for what is in sight.

use std::borrow::Cow;
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::store::{Entry, Form, places};
use crate::ui::fold::fold;
use crate::ui::full::colours::Role;
use crate::width::{clusters, cut, width};
use crate::words::screen as words;
use crate::wrap::wrap;

/// With fewer columns left beside a name, further rows begin behind [`BAR`].
const MIN_ROOM: usize = 16;
/// With fewer columns left behind a name, the text begins in the next row.
const MIN_FIRST: usize = 4;
const BAR: &str = "│ ";
const RULE: &str = "─";
/// Before the name of the author of a message that names the reader.
const CALL: &str = "!";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece<'e> {
    pub text: Cow<'e, str>,
    pub role: Role,
}

pub type Row<'e> = Vec<Piece<'e>>;

pub(super) fn piece<'e>(text: impl Into<Cow<'e, str>>, role: Role) -> Piece<'e> {
    let text = text.into();
    Piece { text, role }
}

/// What the rows depend on besides the entry.
#[derive(Debug, Clone, Copy)]
pub struct Look<'l> {
    pub width: usize,
    pub has_seconds: bool,
    /// Of the times shown.
    pub zone: &'l TimeZone,
    /// What is searched for, to be marked; empty for nothing.
    pub sought: &'l str,
}

/// The text of an entry in rows.
struct Wrapped {
    /// What further rows begin with.
    indent: Cow<'static, str>,
    /// The bytes of the text in each row that is shown.
    rows: Vec<Range<usize>>,
    /// How many rows are not shown.
    hidden: usize,
}

/// Of milliseconds since 1970-01-01 UTC; `None` where the server's number is out of range.
fn local(milliseconds: u64, zone: &TimeZone) -> Option<DateTime> {
    let stamp = Timestamp::from_millisecond(i64::try_from(milliseconds).ok()?).ok()?;
    Some(zone.to_datetime(stamp))
}

/// Both in milliseconds since 1970.
#[must_use]
pub fn is_same_day(one: u64, other: u64, zone: &TimeZone) -> bool {
    let day = |time| local(time, zone).map(DateTime::date);
    day(one) == day(other)
}

impl Look<'_> {
    #[must_use]
    pub fn day(&self, time: u64) -> Row<'static> {
        let day = local(time, self.zone).map(|time| time.strftime(words::DAY).to_string());
        self.rule(day.as_deref().unwrap_or(words::NO_DAY), Role::Aside)
    }

    /// A line across the screen with a text in it.
    #[must_use]
    pub fn rule(&self, text: &str, role: Role) -> Row<'static> {
        let begin = format!("{RULE}{RULE} {text} ");
        let left = self.width.saturating_sub(width(&begin));
        let line = format!("{begin}{}", RULE.repeat(left));
        vec![piece(cut(&line, self.width), role)]
    }

    #[must_use]
    pub fn rows<'e>(&self, entry: &'e Entry) -> Vec<Row<'e>> {
        let head = self.head(entry);
        let wrapped = self.wrapped(entry, &head);
        self.lay_out(entry, head, wrapped)
    }

    /// As [`Look::rows`], but with each line of the text in one row, for a terminal that wraps it
    /// itself.
    #[must_use]
    pub fn lines<'e>(&self, entry: &'e Entry) -> Vec<Row<'e>> {
        let head = self.head(entry);
        let Wrapped { rows, hidden, .. } = self.wrapped(entry, &head);
        let end = rows.last().map_or(0, |row| row.end);
        let kept = entry.text.get(..end).unwrap_or_default();
        let without_edge = Self {
            width: usize::MAX,
            ..*self
        };
        let lines = Wrapped {
            indent: " ".repeat(wide(&head)).into(),
            rows: wrap(kept, usize::MAX, usize::MAX),
            hidden,
        };
        without_edge.lay_out(entry, head, lines)
    }

    fn lay_out<'e>(&self, entry: &'e Entry, head: Row<'e>, wrapped: Wrapped) -> Vec<Row<'e>> {
        let Wrapped {
            indent,
            rows: ranges,
            hidden,
        } = wrapped;
        let role = match entry.form {
            Form::Notice => Role::Notice,
            Form::Said | Form::Did if entry.calls => Role::Call,
            Form::Said | Form::Did => Role::Text,
        };
        let found = places(&entry.text, self.sought);
        let end = ranges.last().map_or(0, |range| range.end);
        let mut rows = self.head_rows(head);
        for (number, range) in ranges.into_iter().enumerate() {
            let mut text = marked(&entry.text, range, &found, role);
            match rows.last_mut() {
                Some(last) if number == 0 => last.append(&mut text),
                _ => {
                    text.insert(0, piece(indent.clone(), Role::Aside));
                    rows.push(text);
                }
            }
        }
        if hidden > 0 {
            let is_found = found.last().is_some_and(|place| place.end > end);
            rows.push(self.folded(entry, indent, hidden, is_found));
        }
        rows
    }

    /// The row that stands for hidden ones, marked where what is searched for is among them.
    fn folded<'e>(
        &self,
        entry: &Entry,
        indent: Cow<'static, str>,
        hidden: usize,
        is_found: bool,
    ) -> Row<'e> {
        let command = (entry.seq > 0).then(|| words::unfold(None, entry.seq));
        let told = words::folded(hidden, command.as_deref());
        let told = cut(&told, self.width.saturating_sub(width(&indent)));
        let role = if is_found { Role::Found } else { Role::Aside };
        vec![piece(indent, Role::Aside), piece(told, role)]
    }

    /// The number of [`Look::rows`], without making them.
    #[must_use]
    pub fn height(&self, entry: &Entry) -> usize {
        let head = self.head(entry);
        let Wrapped { rows, hidden, .. } = self.wrapped(entry, &head);
        self.head_rows(head).len() + (rows.len() + usize::from(hidden > 0)).saturating_sub(1)
    }

    fn wrapped(&self, entry: &Entry, head: &Row<'_>) -> Wrapped {
        let wide = wide(head);
        let room = self.width.saturating_sub(wide);
        let indent = if room >= MIN_ROOM {
            Cow::Owned(" ".repeat(wide))
        } else {
            Cow::Borrowed(self.bar())
        };
        let rest = self.width.saturating_sub(width(&indent));
        let first = if room < MIN_FIRST { 0 } else { room };
        let mut rows = wrap(&entry.text, first, rest);
        let (kept, hidden) = fold(rows.len());
        rows.truncate(kept);
        Wrapped {
            indent,
            rows,
            hidden,
        }
    }

    /// What stands before the text: time, mark, name.
    fn head<'e>(&self, entry: &'e Entry) -> Row<'e> {
        let mark = if entry.calls {
            piece(CALL, Role::Call)
        } else {
            piece(" ", Role::Text)
        };
        let name = entry.name.as_deref().unwrap_or_default();
        let role = if entry.is_own {
            Role::Own
        } else {
            Role::Name(entry.shade.into())
        };
        let mut head = vec![piece(self.clock(entry.time), Role::Aside), mark];
        match entry.form {
            Form::Said => head.extend([
                piece("<", Role::Aside),
                piece(name, role),
                piece("> ", Role::Aside),
            ]),
            Form::Did => head.extend([
                piece("* ", Role::Aside),
                piece(name, role),
                piece(" ", Role::Text),
            ]),
            Form::Notice => head.push(piece("-- ", Role::Aside)),
        }
        head
    }

    fn clock(&self, time: u64) -> Cow<'static, str> {
        let [short, long] = words::NO_TIME;
        match local(time, self.zone) {
            None if self.has_seconds => long.into(),
            None => short.into(),
            Some(time) if self.has_seconds => {
                let (hour, minute, second) = (time.hour(), time.minute(), time.second());
                format!("{hour:02}:{minute:02}:{second:02}").into()
            }
            Some(time) => format!("{:02}:{:02}", time.hour(), time.minute()).into(),
        }
    }

    fn bar(&self) -> &'static str {
        if self.width < 8 { BAR.trim_end() } else { BAR }
    }

    /// The rows of a head, which are several where it is wider than the screen.
    fn head_rows<'e>(&self, head: Row<'e>) -> Vec<Row<'e>> {
        if wide(&head) <= self.width {
            return vec![head];
        }
        let mut rows = Vec::new();
        let (mut row, mut used) = (Row::new(), 0);
        for Piece { text, role } in head {
            for cluster in clusters(&text) {
                if used > 0 && used + cluster.width > self.width {
                    rows.push(std::mem::take(&mut row));
                    row.push(piece(self.bar(), Role::Aside));
                    used = width(self.bar());
                }
                used += cluster.width;
                row.push(piece(cluster.text.to_owned(), role));
            }
        }
        rows.push(row);
        rows
    }
}

/// In columns.
fn wide(row: &Row<'_>) -> usize {
    row.iter().map(|piece| width(&piece.text)).sum()
}

/// A range of a text, with the parts of it in `found` marked.
pub(in crate::ui::full) fn marked<'e>(
    text: &'e str,
    range: Range<usize>,
    found: &[Range<usize>],
    role: Role,
) -> Row<'e> {
    let mut row = Row::new();
    let mut push = |bytes: Range<usize>, role| {
        if let Some(text) = text.get(bytes).filter(|text| !text.is_empty()) {
            row.push(piece(text, role));
        }
    };
    let mut at = range.start;
    let first = found.partition_point(|place| place.end <= at);
    let here = found.iter().skip(first);
    for place in here.take_while(|place| place.start < range.end) {
        let (start, end) = (place.start.max(at), place.end.min(range.end));
        push(at..start, role);
        push(start..end, Role::Found);
        at = end;
    }
    push(at..range.end, role);
    row
}
