use std::ops::RangeInclusive;

use super::Choices;
use crate::wire::frame::{self, FrameBuffer, FrameLength, LENGTH_LEN};

const LEAST: [usize; 4] = [0, 1, 5, 300];
const MOST: [usize; 6] = [0, 1, 5, 300, 4096, 65_535];

/// A stream that arrives in pieces.
///
/// Whatever the pieces are, the frames are those of the whole stream, and a length that is not allowed
/// is refused as soon as it is there. The memory follows what has arrived, and nothing of what was
/// taken stays in the buffer.
pub fn frames(data: &[u8]) {
    let mut choices = Choices::new(data);
    let idle = choices.one_of(&[0, 1, 2, 5, 300, 4096]);
    let limits = usize::from(choices.byte());
    let most = MOST[limits % MOST.len()];
    let lengths = LEAST[limits / MOST.len() % LEAST.len()]..=most;
    let pieces = [(); 4].map(|()| 1 + usize::from(choices.byte()));
    let stream = choices.rest();
    let (expected, ending) = cut(stream, &lengths);

    let mut buffer = FrameBuffer::with_capacity(idle);
    let mut frames: Vec<Vec<u8>> = Vec::new();
    let mut rest = stream;
    for piece in pieces.into_iter().cycle() {
        let space = buffer.space();
        assert!(!space.is_empty());
        let count = piece.min(space.len()).min(rest.len());
        let (arrived, later) = rest.split_at(count);
        space[..count].copy_from_slice(arrived);
        buffer.filled(count);
        rest = later;
        let refused = loop {
            match buffer.next_frame(lengths.clone()) {
                Ok(Some(frame)) => frames.push(frame.to_vec()),
                Ok(None) => break None,
                Err(error) => break Some(error),
            }
        };
        if refused.is_some() {
            assert_eq!(refused, ending.err());
            break;
        }
        let held = buffer.pending().len() + buffer.space().len();
        assert!(held <= idle.max(2 * (LENGTH_LEN + most)), "{held}");
        if rest.is_empty() {
            assert_eq!(ending, Ok(buffer.pending()));
            break;
        }
    }
    assert_eq!(frames, expected);
    if !buffer.is_partial() {
        assert!(buffer.space().iter().all(|byte| *byte == 0));
    }

    let mut written = Vec::new();
    for body in &frames {
        frame::put(body, &mut written).unwrap();
    }
    assert!(stream.starts_with(&written));
}

/// The frames of a whole stream, and what is left of it.
fn cut<'s>(
    mut stream: &'s [u8],
    lengths: &RangeInclusive<usize>,
) -> (Vec<Vec<u8>>, Result<&'s [u8], FrameLength>) {
    let mut frames = Vec::new();
    while let Some((length, rest)) = stream.split_first_chunk::<LENGTH_LEN>() {
        let length = usize::from(u16::from_be_bytes(*length));
        if !lengths.contains(&length) {
            let (least, most) = (*lengths.start(), *lengths.end());
            return (
                frames,
                Err(FrameLength {
                    length,
                    least,
                    most,
                }),
            );
        }
        let Some((body, rest)) = rest.split_at_checked(length) else {
            break;
        };
        frames.push(body.to_vec());
        stream = rest;
    }
    (frames, Ok(stream))
}
