//! Lines of a byte stream, for the protocols that have them.

use anyhow::bail;

/// Holds nothing but an incomplete line.
#[derive(Default)]
pub struct Lines {
    part: Vec<u8>,
}

impl Lines {
    /// Passes every complete line on, without its line feed. Fails on an incomplete line of more
    /// than `max` bytes.
    pub fn cut(
        &mut self,
        mut bytes: &[u8],
        max: usize,
        mut take: impl FnMut(&[u8]) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        while let Some((line, rest)) = split(bytes) {
            bytes = rest;
            if self.part.is_empty() {
                take(line)?;
            } else {
                self.part.extend_from_slice(line);
                take(&self.part)?;
                self.part.clear();
            }
        }
        self.part.extend_from_slice(bytes);
        if self.part.len() > max {
            bail!("the server sends a line without an end");
        }
        Ok(())
    }
}

fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = memchr::memchr(b'\n', bytes)?;
    Some((bytes.get(..end)?, bytes.get(end + 1..)?))
}
