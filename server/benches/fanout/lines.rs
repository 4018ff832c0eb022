//! Lines out of a byte stream, for the protocols that have them.

use anyhow::bail;

/// Cuts a stream into lines; holds nothing but the line that has begun.
#[derive(Default)]
pub struct Lines {
    part: Vec<u8>,
}

impl Lines {
    /// Hands on every line that is complete, without its line feed. A line may have `max` bytes.
    ///
    /// # Errors
    /// Those of `take`, and when a line has no end.
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
