//! What was said, and who has heard it: the check that nothing is lost, doubled or out of order.
//!
//! Knows texts and counters, no socket and no clock: moments are nanoseconds since the
//! generator's start, and come in as arguments. A text says who said it, how many that one had
//! said before, and when; so each delivery is judged by itself, without a message kept.

use std::ops::Range;

use crate::measure::Histogram;
use crate::target::{Heard, TEXT_LEN};

/// A text's number of six bits a byte, all of them printable and none a space.
const DIGIT_BITS: u32 = 6;
const DIGIT_ZERO: u8 = b'0';
const SENDER: Range<usize> = 0..4;
const COUNTER: Range<usize> = 4..10;
const MOMENT: Range<usize> = 10..19;
const FILLER: Range<usize> = 19..TEXT_LEN;
/// What people write, so far as it has to be compared.
const SENTENCE: &[u8; TEXT_LEN] = b"                    a line of the length that people write, and so nothing to see here; go on, go on";

/// One line as it is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// Which member said it.
    pub sender: usize,
    /// 1 for that member's first.
    pub counter: u64,
    /// When it was said, or was to be said, in nanoseconds.
    pub moment: u64,
}

impl Text {
    /// Appends it.
    pub fn put(self, out: &mut String) {
        put_number(self.sender as u64, SENDER.len(), out);
        put_number(self.counter, COUNTER.len(), out);
        put_number(self.moment, MOMENT.len(), out);
        out.extend(SENTENCE[FILLER].iter().map(|&byte| char::from(byte)));
    }

    /// Reads it; nothing where it is not what [`Text::put`] makes, to the last byte.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let text: &[u8; TEXT_LEN] = text.try_into().ok()?;
        (text[FILLER] == SENTENCE[FILLER]).then(|| Self {
            sender: number(&text[SENDER]) as usize,
            counter: number(&text[COUNTER]),
            moment: number(&text[MOMENT]),
        })
    }
}

fn put_number(number: u64, digits: usize, out: &mut String) {
    for place in (0..digits as u32).rev() {
        let digit = (number >> (place * DIGIT_BITS)) & ((1 << DIGIT_BITS) - 1);
        out.push(char::from(DIGIT_ZERO + digit as u8));
    }
}

fn number(digits: &[u8]) -> u64 {
    digits.iter().fold(0, |number, digit| {
        (number << DIGIT_BITS) | u64::from(digit.wrapping_sub(DIGIT_ZERO))
    })
}

/// What went wrong with deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Never heard, though nobody said that they were held back.
    pub lost: u64,
    /// Times a member was told that chat was held back from it.
    pub lagged: u64,
    /// Held back from members who were told so.
    pub held_back: u64,
    /// Twice, earlier than their predecessors, or not a text that was said.
    pub out_of_order: u64,
}

/// What one member heard last.
#[derive(Clone, Copy, Default)]
struct Ear {
    /// Number in the room, where the protocol has one.
    number: Option<u64>,
    /// Was told that a gap comes, and has heard nothing since.
    lagged: bool,
    /// Texts in gaps that were announced, and not met yet with the sender whose they are.
    announced: u64,
    /// Is not read from for now; its deliveries are not expected.
    closed: bool,
}

/// Who said and heard how much.
#[derive(Default)]
pub struct Book {
    ears: Vec<Ear>,
    /// Texts said, per sender.
    said: Vec<u64>,
    /// Of these the last that the sender's witness has heard, or was told that it will not.
    witnessed: Vec<u64>,
    /// Per member and sender the counter heard last.
    last: Vec<u64>,
    hears_itself: bool,
    heard: u64,
    faults: Faults,
    /// Of what was heard since it was emptied last.
    pub latency: Histogram,
}

impl Book {
    /// Nothing said yet; the first `senders` of the members are to.
    pub fn new(members: usize, senders: usize) -> Self {
        Self {
            ears: vec![Ear::default(); members],
            said: vec![0; senders],
            witnessed: vec![0; senders],
            last: vec![0; members * senders],
            ..Self::default()
        }
    }

    /// How many are to say something.
    pub fn senders(&self) -> usize {
        self.said.len()
    }

    /// The member whose hearing counts for a sender, the same whether or not a server sends
    /// people their own words.
    pub fn witness_of(&self, sender: usize) -> usize {
        (sender + 1) % self.ears.len()
    }

    /// The sender whose witness this member is.
    pub fn witnessed_by(&self, member: usize) -> Option<usize> {
        let before = member.checked_sub(1).unwrap_or(self.ears.len() - 1);
        (before < self.said.len()).then_some(before)
    }

    /// Texts of a sender that its witness has not heard yet.
    pub fn in_flight(&self, sender: usize) -> u64 {
        self.said[sender] - self.witnessed[sender]
    }

    /// The next text of a sender.
    pub fn say(&mut self, sender: usize, moment: u64) -> Text {
        self.said[sender] += 1;
        Text {
            sender,
            counter: self.said[sender],
            moment,
        }
    }

    /// What a member heard, at this moment.
    pub fn hear(&mut self, member: usize, now: u64, heard: &Heard<'_>) {
        match *heard {
            Heard::Text(bytes, number) => match Text::parse(bytes) {
                Some(text) if text.sender < self.said.len() => {
                    self.hear_text(member, now, text, number);
                }
                _ => self.faults.out_of_order += 1,
            },
            Heard::Lagged => {
                self.faults.lagged += 1;
                self.ears[member].lagged = true;
                // What was held back will never be heard: the sender does not wait for it.
                if let Some(sender) = self.witnessed_by(member) {
                    self.witnessed[sender] = self.said[sender];
                }
            }
        }
    }

    fn hear_text(&mut self, member: usize, now: u64, text: Text, number: Option<u64>) {
        let ear = &mut self.ears[member];
        if let Some(number) = number {
            let expected = ear.number.map_or(number, |last| last + 1);
            if ear.lagged && number > expected {
                ear.announced += number - expected;
            } else if number != expected {
                self.faults.out_of_order += 1;
            }
            ear.number = Some(number);
            ear.lagged = false;
        }
        let place = &mut self.last[member * self.said.len() + text.sender];
        if text.counter <= *place || text.counter > self.said[text.sender] {
            self.faults.out_of_order += 1;
            return;
        }
        let missing = text.counter - *place - 1;
        *place = text.counter;
        self.hears_itself |= member == text.sender;
        if ear.closed {
            return;
        }
        let announced = missing.min(ear.announced);
        ear.announced -= announced;
        self.faults.held_back += announced;
        self.faults.lost += missing - announced;
        self.heard += 1;
        self.latency.record(now.saturating_sub(text.moment));
        if self.witness_of(text.sender) == member {
            let witnessed = &mut self.witnessed[text.sender];
            *witnessed = text.counter.max(*witnessed);
        }
    }

    /// Deliveries so far.
    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// Expects nothing more from a member; what it hears all the same must be in order.
    pub fn close_ear(&mut self, member: usize) {
        self.ears[member].closed = true;
    }

    /// Whether a member was told that chat was held back.
    pub fn has_lagged(&self, member: usize) -> bool {
        self.ears[member].lagged
    }

    /// Whether all that was said has been heard by all, or its absence accounted for.
    pub fn is_complete(&self) -> bool {
        let said: u64 = self.said.iter().sum();
        let open = self.ears.iter().filter(|ear| !ear.closed).count() as u64;
        let ears = open - u64::from(!self.hears_itself && said > 0);
        self.heard + self.faults.lost + self.faults.held_back >= said * ears
    }

    /// What is still missing counts as lost, or held back where the member knows of it.
    pub fn close(&mut self) -> Faults {
        let senders = self.said.len();
        for (member, ear) in self.ears.iter_mut().enumerate() {
            for (sender, said) in self.said.iter().enumerate() {
                if ear.closed || (sender == member && !self.hears_itself) {
                    continue;
                }
                let missing = said - self.last[member * senders + sender];
                let announced = if ear.lagged {
                    missing
                } else {
                    missing.min(ear.announced)
                };
                ear.announced -= announced.min(ear.announced);
                self.faults.held_back += announced;
                self.faults.lost += missing - announced;
            }
        }
        self.faults
    }
}
