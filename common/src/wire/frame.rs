//! Frames: a 2-byte big-endian length and that many bytes.

use std::fmt;
use std::ops::{Range, RangeInclusive};

use zeroize::Zeroize;

/// Bytes of a frame's length.
pub const LENGTH_LEN: usize = 2;

/// Bytes that a buffer holds while nothing is pending, unless its owner sets another size.
pub const IDLE_CAPACITY: usize = 4096;

/// A frame of a length that the caller does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {length} bytes, where {least} to {most} are allowed")]
pub struct FrameLength {
    /// Announced length in bytes.
    pub length: usize,
    /// The shortest one allowed, in bytes.
    pub least: usize,
    /// The longest one allowed, in bytes.
    pub most: usize,
}

/// Appends one frame.
///
/// # Errors
/// When `body` is longer than 65,535 bytes; `out` is left as it was.
pub fn put(body: &[u8], out: &mut Vec<u8>) -> Result<(), FrameLength> {
    let length = u16::try_from(body.len()).map_err(|_| FrameLength {
        length: body.len(),
        least: 0,
        most: u16::MAX.into(),
    })?;
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(body);
    Ok(())
}

/// Cuts frames out of a stream.
///
/// Its memory follows what has arrived: an announced length allocates nothing. A frame that is
/// not yet complete stays until the rest comes, whatever happens to the reads in between.
/// Records are opened in place, and some hold secrets: what was taken is wiped by the first
/// [`FrameBuffer::space`] with nothing pending, and whenever the buffer moves or is dropped.
pub struct FrameBuffer {
    /// How many bytes it holds while nothing is pending; at least 1.
    idle: usize,
    bytes: Vec<u8>,
    start: usize,
    end: usize,
}

impl Drop for FrameBuffer {
    fn drop(&mut self) {
        self.bytes.zeroize();
    }
}

impl fmt::Debug for FrameBuffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FrameBuffer({} bytes pending)", self.pending().len())
    }
}

impl Default for FrameBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl FrameBuffer {
    /// An empty buffer of [`IDLE_CAPACITY`].
    #[must_use]
    pub const fn new() -> Self {
        Self::with_capacity(IDLE_CAPACITY)
    }

    /// An empty buffer that holds this many bytes while nothing is pending, and more while it
    /// must. It allocates with the first [`FrameBuffer::space`].
    #[must_use]
    pub const fn with_capacity(bytes: usize) -> Self {
        Self {
            idle: if bytes == 0 { 1 } else { bytes },
            bytes: Vec::new(),
            start: 0,
            end: 0,
        }
    }

    /// Where the next bytes of the stream go: never empty. Follow it by [`FrameBuffer::filled`].
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            // One large frame must not cost an idle connection its memory for ever.
            if self.bytes.len() == self.idle {
                self.wipe(0..self.end);
            } else {
                self.move_to(self.idle);
            }
            (self.start, self.end) = (0, 0);
        } else if self.end == self.bytes.len() {
            if self.start == 0 {
                self.move_to(self.bytes.len() * 2);
            } else {
                self.bytes.copy_within(self.start..self.end, 0);
                let old = self.end;
                (self.start, self.end) = (0, self.end - self.start);
                self.wipe(self.end..old);
            }
        }
        self.bytes.get_mut(self.end..).unwrap_or_default()
    }

    /// Takes a new allocation with the pending bytes at its start, and wipes the old one.
    fn move_to(&mut self, length: usize) {
        let mut bytes = vec![0; length];
        for (to, from) in bytes.iter_mut().zip(self.pending()) {
            *to = *from;
        }
        self.bytes.zeroize();
        (self.start, self.end) = (0, self.end - self.start);
        self.bytes = bytes;
    }

    fn wipe(&mut self, range: Range<usize>) {
        self.get_mut(range).fill(0);
    }

    /// Says that the first `count` bytes of [`FrameBuffer::space`] were filled.
    pub fn filled(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// Whether a frame has begun and is not complete.
    #[must_use]
    pub const fn is_partial(&self) -> bool {
        self.start != self.end
    }

    /// The raw bytes received and not yet taken: for a peer that does not speak in frames.
    #[must_use]
    pub fn pending(&self) -> &[u8] {
        self.bytes.get(self.start..self.end).unwrap_or_default()
    }

    /// Drops the first `count` pending bytes.
    pub fn skip(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
    }

    /// Takes the next complete frame's body, if it is all there.
    ///
    /// # Errors
    /// When the announced length is none of `lengths`: the stream can't be read any further.
    pub fn next_frame(
        &mut self,
        lengths: RangeInclusive<usize>,
    ) -> Result<Option<&mut [u8]>, FrameLength> {
        let range = self.next_range(lengths)?;
        Ok(range.map(|range| self.get_mut(range)))
    }

    /// Like [`FrameBuffer::next_frame`], as a place for [`FrameBuffer::get_mut`]: good until the
    /// next call of [`FrameBuffer::space`].
    ///
    /// # Errors
    /// As [`FrameBuffer::next_frame`].
    pub fn next_range(
        &mut self,
        lengths: RangeInclusive<usize>,
    ) -> Result<Option<Range<usize>>, FrameLength> {
        let Some(&[high, low]) = self.pending().first_chunk::<LENGTH_LEN>() else {
            return Ok(None);
        };
        let length = usize::from(u16::from_be_bytes([high, low]));
        if !lengths.contains(&length) {
            return Err(FrameLength {
                length,
                least: *lengths.start(),
                most: *lengths.end(),
            });
        }
        let body = self.start + LENGTH_LEN;
        if self.end < body + length {
            return Ok(None);
        }
        self.start = body + length;
        Ok(Some(body..body + length))
    }

    /// The bytes of a place that [`FrameBuffer::next_range`] named.
    pub fn get_mut(&mut self, range: Range<usize>) -> &mut [u8] {
        self.bytes.get_mut(range).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn feed(buffer: &mut FrameBuffer, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let space = buffer.space();
            let n = space.len().min(bytes.len());
            space[..n].copy_from_slice(&bytes[..n]);
            buffer.filled(n);
            bytes = &bytes[n..];
        }
    }

    #[test]
    fn frames_come_out_whole_however_they_arrive() {
        let bodies: Vec<Vec<u8>> = [0, 1, 5, 4094, 4095, 4096, 65_535]
            .iter()
            .map(|&n| (0..n).map(|i| u8::try_from(i % 251).unwrap()).collect())
            .collect();
        let mut stream = Vec::new();
        for body in &bodies {
            put(body, &mut stream).unwrap();
        }
        let capacities = [0, 1, 2048, IDLE_CAPACITY].into_iter();
        let steps = [1, 2, 3, 1000, stream.len()];
        for (capacity, step) in capacities.flat_map(|capacity| steps.map(|step| (capacity, step))) {
            let mut buffer = FrameBuffer::with_capacity(capacity);
            let mut seen = Vec::new();
            for piece in stream.chunks(step) {
                feed(&mut buffer, piece);
                while let Some(frame) = buffer.next_frame(0..=65_535).unwrap() {
                    seen.push(frame.to_vec());
                }
            }
            assert_eq!(seen, bodies, "{capacity} bytes, in steps of {step}");
            assert!(!buffer.is_partial());
        }
    }

    #[test]
    fn an_announced_length_allocates_nothing() {
        let mut buffer = FrameBuffer::new();
        feed(&mut buffer, &[0xff, 0xff, 1, 2, 3]);
        assert_eq!(buffer.next_frame(0..=65_535), Ok(None));
        assert_eq!(buffer.bytes.len(), IDLE_CAPACITY);
    }

    #[test]
    fn a_frame_out_of_bounds_is_refused_at_its_length() {
        for length in [0, 16, 4097, 65_535] {
            let mut buffer = FrameBuffer::new();
            feed(&mut buffer, &u16::try_from(length).unwrap().to_be_bytes());
            let (least, most) = (17, 4096);
            let refused = FrameLength {
                length,
                least,
                most,
            };
            assert_eq!(buffer.next_frame(least..=most), Err(refused));
        }
    }

    #[test]
    fn a_large_frame_gives_its_memory_back() {
        let mut stream = Vec::new();
        put(&vec![7; 60_000], &mut stream).unwrap();
        for capacity in [2048, IDLE_CAPACITY] {
            let mut buffer = FrameBuffer::with_capacity(capacity);
            feed(&mut buffer, &stream);
            assert_eq!(
                buffer.next_frame(0..=65_535).unwrap().unwrap().len(),
                60_000
            );
            assert_eq!(buffer.space().len(), capacity);
        }
    }

    #[test]
    fn bytes_that_were_taken_are_wiped() {
        // Records of several sizes, each opened in place, arriving in several measures: once all
        // are taken and there is room for more, nothing of them is left in the buffer.
        let mut stream = Vec::new();
        for size in [1, 5, 100, 4094, 4095, 9000, 65_535, 3] {
            put(&vec![0x5e; size], &mut stream).unwrap();
        }
        for step in [1, 7, 1000, 4096, stream.len()] {
            let mut buffer = FrameBuffer::new();
            for piece in stream.chunks(step) {
                feed(&mut buffer, piece);
                while buffer.next_frame(0..=65_535).unwrap().is_some() {}
            }
            buffer.space();
            assert!(buffer.bytes.iter().all(|&b| b == 0), "in steps of {step}");
        }
    }

    #[test]
    fn a_buffer_that_moves_its_pending_bytes_leaves_nothing_behind_them() {
        let mut buffer = FrameBuffer::new();
        let mut stream = Vec::new();
        put(&[0x5e; 3000], &mut stream).unwrap();
        put(&[0x5e; 3000], &mut stream).unwrap();
        feed(&mut buffer, &stream[..IDLE_CAPACITY]);
        assert!(buffer.next_frame(0..=3000).unwrap().is_some());
        assert!(buffer.space().iter().all(|&b| b == 0));
        assert_eq!(buffer.pending(), &stream[3002..IDLE_CAPACITY]);
    }

    #[test]
    fn a_buffer_shows_nothing_of_what_it_holds() {
        let mut buffer = FrameBuffer::new();
        feed(&mut buffer, &[0, 9, b's', b'e', b'c']);
        assert_eq!(format!("{buffer:?}"), "FrameBuffer(5 bytes pending)");
    }

    #[test]
    fn a_body_that_no_length_can_name_is_refused() {
        assert!(put(&vec![0; 65_536], &mut Vec::new()).is_err());
    }
}
