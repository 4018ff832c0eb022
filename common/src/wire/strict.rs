//! The strict form of CBOR that this protocol takes (RFC 8949, cut down), checked in one walk
//! before anything is decoded.
//!
//! Integers, byte strings, text, arrays, maps, true, false and null; definite lengths only;
//! integer keys of 32 bits, none twice in a map, at most [`MAX_KEYS`]; nesting at most
//! [`MAX_NESTING`]. Tags, floats, `undefined` and other simple values are refused. The walk needs
//! no memory beyond its stack, and a length is only ever compared with what is there.

/// Arrays and maps within one another, the message's own array being the first.
pub const MAX_NESTING: usize = 8;
/// The largest key; the smallest is `-1 - MAX_KEY`.
pub const MAX_KEY: u32 = 0x7fff_ffff;
/// The most keys in one map.
pub const MAX_KEYS: usize = 64;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// The bytes end inside an item.
    #[error("a message ends too early")]
    Truncated,
    /// A form outside the subset of docs/PROTOCOL.md, section 7.
    #[error("a message uses a form of CBOR that is not allowed here")]
    Form,
    /// A key that is no integer of 32 bits, is there twice, or is beyond [`MAX_KEYS`].
    #[error("a map has a key twice, too many keys, or one that is not an integer")]
    Key,
    /// Text that is not UTF-8.
    #[error("a text is not UTF-8")]
    Utf8,
    /// Nested deeper than [`MAX_NESTING`].
    #[error("a message is nested too deeply")]
    Nesting,
    /// A known message lacks a key, or one has a value of the wrong kind.
    #[error("a message lacks a field or has one of the wrong kind")]
    Field,
    /// More than 256 messages in one record.
    #[error("a record has too many messages")]
    TooMany,
}

/// The head of an item (RFC 8949, section 3).
struct Head {
    major: u8,
    argument: u64,
}

fn head(bytes: &mut &[u8]) -> Result<Head, Malformed> {
    let (&first, rest) = bytes.split_first().ok_or(Malformed::Truncated)?;
    let (major, low) = (first >> 5, first & 0x1f);
    let width = match low {
        0..=23 => 0,
        24 => 1,
        25 => 2,
        26 => 4,
        27 => 8,
        _ => return Err(Malformed::Form),
    };
    let (argument, rest) = rest.split_at_checked(width).ok_or(Malformed::Truncated)?;
    *bytes = rest;
    let argument = if width == 0 {
        low.into()
    } else {
        argument.iter().fold(0, |n, &b| n << 8 | u64::from(b))
    };
    Ok(Head { major, argument })
}

fn take<'a>(bytes: &mut &'a [u8], count: u64) -> Result<&'a [u8], Malformed> {
    let count = usize::try_from(count).map_err(|_| Malformed::Truncated)?;
    let (taken, rest) = bytes.split_at_checked(count).ok_or(Malformed::Truncated)?;
    *bytes = rest;
    Ok(taken)
}

fn item(bytes: &mut &[u8], nesting: usize) -> Result<(), Malformed> {
    let start = bytes.first().copied();
    let Head { major, argument } = head(bytes)?;
    match major {
        0 | 1 => Ok(()),
        2 => take(bytes, argument).map(drop),
        3 => std::str::from_utf8(take(bytes, argument)?)
            .map(drop)
            .map_err(|_| Malformed::Utf8),
        4 | 5 if nesting == 0 => Err(Malformed::Nesting),
        4 => (0..argument).try_for_each(|_| item(bytes, nesting - 1)),
        5 => map(bytes, argument, nesting - 1),
        // False, true, null: one byte each.
        7 if matches!(start, Some(0xf4..=0xf6)) => Ok(()),
        _ => Err(Malformed::Form),
    }
}

fn map(bytes: &mut &[u8], entries: u64, nesting: usize) -> Result<(), Malformed> {
    // 32 bits a key: every connection's thread keeps the stack that it has once touched.
    let mut seen = [0_u32; MAX_KEYS];
    for n in 0..usize::try_from(entries).map_err(|_| Malformed::Key)? {
        let key = head(bytes)?;
        let number = u32::try_from(key.argument).ok().filter(|&n| n <= MAX_KEY);
        let number = number.filter(|_| key.major <= 1).ok_or(Malformed::Key)?;
        let number = number << 1 | u32::from(key.major);
        let (before, rest) = seen.split_at_mut_checked(n).ok_or(Malformed::Key)?;
        if before.contains(&number) {
            return Err(Malformed::Key);
        }
        *rest.first_mut().ok_or(Malformed::Key)? = number;
        item(bytes, nesting)?;
    }
    Ok(())
}

/// Checks the first item of `bytes` and returns its length.
///
/// # Errors
/// When it is incomplete or outside the subset.
pub fn item_len(bytes: &[u8]) -> Result<usize, Malformed> {
    let mut rest = bytes;
    item(&mut rest, MAX_NESTING)?;
    Ok(bytes.len() - rest.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_subset_is_taken() {
        for good in [
            &[0x00][..],
            &[0x3b, 255, 255, 255, 255, 255, 255, 255, 255],
            &[0x43, 1, 2, 3],
            "\u{65}z\u{f6}e!".as_bytes(),
            &[0x82, 0x18, 0x20, 0xa2, 0x00, 0xf5, 0x20, 0x80],
            &[0xf6],
        ] {
            assert_eq!(item_len(good), Ok(good.len()), "{good:02x?}");
        }
        assert_eq!(item_len(&[0x01, 0x01]), Ok(1));
    }

    #[test]
    fn what_is_outside_the_subset_is_refused() {
        for (bad, why) in [
            (&[][..], Malformed::Truncated),
            (&[0x5f, 0x41, 1, 0xff], Malformed::Form),
            (&[0x9f, 0xff], Malformed::Form),
            (&[0xbf, 0xff], Malformed::Form),
            (&[0xc0, 0x60], Malformed::Form),
            (&[0xf9, 0, 0], Malformed::Form),
            (&[0xf7], Malformed::Form),
            (&[0xf8, 0x20], Malformed::Form),
            (&[0x1c], Malformed::Form),
            (&[0x62, 0xff, 0xff], Malformed::Utf8),
            (&[0xa2, 0x01, 0x00, 0x01, 0x00], Malformed::Key),
            (&[0xa2, 0x01, 0x00, 0x18, 0x01, 0x00], Malformed::Key),
            (&[0xa1, 0x61, b'a', 0x00], Malformed::Key),
            (&[0xa1, 0x1a, 0x80, 0, 0, 0, 0x00], Malformed::Key),
            (&[0x81; 9], Malformed::Nesting),
            (
                &[0x9b, 255, 255, 255, 255, 255, 255, 255, 255],
                Malformed::Truncated,
            ),
            (
                &[0x5b, 255, 255, 255, 255, 255, 255, 255, 255],
                Malformed::Truncated,
            ),
        ] {
            assert_eq!(item_len(bad), Err(why), "{bad:02x?}");
        }
    }

    #[test]
    fn a_map_has_at_most_64_keys() {
        let with = |n: u8| {
            let mut bytes = vec![0xb8, n];
            for key in 0..n {
                bytes.extend([0x18, key, 0x00]);
            }
            bytes
        };
        assert!(item_len(&with(64)).is_ok());
        assert_eq!(item_len(&with(65)), Err(Malformed::Key));
    }

    #[test]
    fn every_truncation_is_refused() {
        let whole = [
            0x82, 0x10, 0xa3, 0x00, 0x19, 1, 0, 0x01, 0x62, b'h', b'i', 0x02, 0x41, 9,
        ];
        assert_eq!(item_len(&whole), Ok(whole.len()));
        for n in 0..whole.len() {
            assert_eq!(item_len(&whole[..n]), Err(Malformed::Truncated), "{n}");
        }
    }
}
