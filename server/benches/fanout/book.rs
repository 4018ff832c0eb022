//! Who said and heard what: the check that no text is lost, doubled or out of order.
//!
//! Knows texts and counters, no socket and no clock: moments are nanoseconds since the
//! generator's start, and come in as arguments. A text carries its sender, the sender's counter
//! and the moment, so each delivery is checked by itself and no message is kept.

use std::ops::Range;

use crate::measure::Histogram;
use crate::target::{Heard, TEXT_LEN};

/// Numbers in a text have six bits a byte; every digit is printable and none is a space.
const DIGIT_BITS: u32 = 6;
const DIGIT_ZERO: u8 = b'0';
const SENDER: Range<usize> = 0..4;
const COUNTER: Range<usize> = 4..10;
const MOMENT: Range<usize> = 10..19;
const FILLER: Range<usize> = 19..TEXT_LEN;
/// Fills a text up to its length; [`FILLER`] of it is compared.
const SENTENCE: &[u8; TEXT_LEN] = b"                    a line of the length that people write, and so nothing to see here; go on, go on";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Text {
    /// The member's index.
    pub sender: usize,
    /// 1 for the sender's first text.
    pub counter: u64,
    /// When it was due, in nanoseconds.
    pub moment: u64,
}

impl Text {
    pub fn put(self, out: &mut String) {
        put_number(self.sender as u64, SENDER.len(), out);
        put_number(self.counter, COUNTER.len(), out);
        put_number(self.moment, MOMENT.len(), out);
        out.extend(SENTENCE[FILLER].iter().map(|&byte| char::from(byte)));
    }

    /// `None` for anything but what [`Text::put`] makes, to the last byte.
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

/// Counts of failed deliveries.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Faults {
    /// Never heard, and not announced as held back.
    pub lost: u64,
    /// How often a server told a member that it held chat back.
    pub lagged: u64,
    /// Texts held back from members that were told so.
    pub held_back: u64,
    /// Heard twice, before their predecessors, or never said.
    pub out_of_order: u64,
}

/// What one member has heard.
#[derive(Clone, Copy, Default)]
struct Ear {
    /// The last number in the room, where the protocol has numbers.
    number: Option<u64>,
    /// The server has announced a gap, and sent no text since.
    lagged: bool,
    /// Texts in announced gaps that are not yet attributed to their senders.
    announced: u64,
    /// The generator does not read from the member, and expects no deliveries to it.
    closed: bool,
}

#[derive(Default)]
pub struct Book {
    ears: Vec<Ear>,
    /// Texts said, by sender.
    said: Vec<u64>,
    /// By sender, the last text that its witness has heard or will never hear.
    witnessed: Vec<u64>,
    /// By member and sender, the counter heard last.
    last: Vec<u64>,
    hears_itself: bool,
    heard: u64,
    faults: Faults,
    /// Of the deliveries since it was last replaced, in nanoseconds.
    pub latency: Histogram,
}

impl Book {
    /// The first `senders` of the members will talk.
    pub fn new(members: usize, senders: usize) -> Self {
        Self {
            ears: vec![Ear::default(); members],
            said: vec![0; senders],
            witnessed: vec![0; senders],
            last: vec![0; members * senders],
            ..Self::default()
        }
    }

    pub fn senders(&self) -> usize {
        self.said.len()
    }

    /// The member whose deliveries pace a sender. It is another than the sender, because not every
    /// server sends members their own texts.
    pub fn witness_of(&self, sender: usize) -> usize {
        (sender + 1) % self.ears.len()
    }

    pub fn witnessed_by(&self, member: usize) -> Option<usize> {
        let before = member.checked_sub(1).unwrap_or(self.ears.len() - 1);
        (before < self.said.len()).then_some(before)
    }

    pub fn in_flight(&self, sender: usize) -> u64 {
        self.said[sender] - self.witnessed[sender]
    }

    pub fn say(&mut self, sender: usize, moment: u64) -> Text {
        self.said[sender] += 1;
        Text {
            sender,
            counter: self.said[sender],
            moment,
        }
    }

    /// Checks one delivery to a member.
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
                // What was held back is never delivered: the sender must not wait for it.
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

    pub const fn heard(&self) -> u64 {
        self.heard
    }

    /// Expects no more deliveries to a member; those that still come must be in order.
    pub fn close_ear(&mut self, member: usize) {
        self.ears[member].closed = true;
    }

    pub fn has_lagged(&self, member: usize) -> bool {
        self.ears[member].lagged
    }

    /// Whether each text was heard by every member, or is counted as lost or held back.
    pub fn is_complete(&self) -> bool {
        let said: u64 = self.said.iter().sum();
        let open = self.ears.iter().filter(|ear| !ear.closed).count() as u64;
        let ears = open - u64::from(!self.hears_itself && said > 0);
        self.heard + self.faults.lost + self.faults.held_back >= said * ears
    }

    /// Counts what is still missing as lost, or as held back where the server announced it.
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
