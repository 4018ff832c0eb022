//! Bytes that must not be seen: wiped when dropped, compared in constant time, never printed.

use std::fmt;

use rand::rngs::SysRng;
use rand::{Rng, TryRng};
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

/// A secret of `N` bytes. Wiped on drop; `Debug` shows `<redacted>`; `==` takes the same time
/// wherever the two differ.
///
/// It lives on the heap, because moving a value on the stack leaves a copy behind that nobody
/// can wipe.
pub struct Secret<const N: usize>(Box<[u8; N]>);

impl<const N: usize> Secret<N> {
    /// Takes the bytes over. The caller's own copy, if it kept one, is the caller's to wipe.
    #[must_use]
    pub fn new(mut bytes: [u8; N]) -> Self {
        let secret = Self::fill_with(|to| *to = bytes);
        bytes.zeroize();
        secret
    }

    /// Lets `fill` write the bytes in place, so that no copy of them is left elsewhere.
    pub fn fill_with(fill: impl FnOnce(&mut [u8; N])) -> Self {
        let mut secret = Self(Box::new([0; N]));
        fill(&mut secret.0);
        secret
    }

    /// `N` bytes from the operating system, not from a generator in this process.
    #[must_use]
    pub fn random() -> Self {
        Self::fill_with(|bytes| {
            if SysRng.try_fill_bytes(bytes).is_err() {
                // The system has no randomness: seeding this generator panics then.
                rand::rng().fill_bytes(bytes);
            }
        })
    }

    /// The bytes themselves: for the cryptography that uses them, never for display.
    #[must_use]
    pub const fn expose(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> Clone for Secret<N> {
    fn clone(&self) -> Self {
        Self::fill_with(|bytes| bytes.copy_from_slice(&*self.0))
    }
}

impl<const N: usize> Drop for Secret<N> {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl<const N: usize> TryFrom<&[u8]> for Secret<N> {
    type Error = std::array::TryFromSliceError;

    fn try_from(bytes: &[u8]) -> Result<Self, Self::Error> {
        let bytes = <&[u8; N]>::try_from(bytes)?;
        Ok(Self::fill_with(|to| to.copy_from_slice(bytes)))
    }
}

impl<const N: usize> PartialEq for Secret<N> {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&*other.0).into()
    }
}

impl<const N: usize> Eq for Secret<N> {}

impl<const N: usize> fmt::Debug for Secret<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

/// A secret text, such as a password or a one-time code. Wiped on drop, never printed.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    /// Takes the text over.
    #[must_use]
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// The text itself: for the cryptography that uses it, never for display.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("<redacted>")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_shows_no_byte() {
        assert_eq!(format!("{:?}", Secret::new([0x41; 4])), "<redacted>");
        assert_eq!(
            format!("{:?}", SecretString::new("AAAA".into())),
            "<redacted>"
        );
    }

    #[test]
    fn equality_is_about_every_byte() {
        assert_eq!(Secret::new([1, 2, 3]), Secret::new([1, 2, 3]));
        assert_ne!(Secret::new([1, 2, 3]), Secret::new([1, 2, 4]));
        assert_ne!(Secret::<16>::random(), Secret::<16>::random());
    }

    #[test]
    fn a_slice_of_another_length_is_refused() {
        assert!(Secret::<4>::try_from(&[0; 5][..]).is_err());
        assert!(Secret::<4>::try_from(&[0; 4][..]).is_ok());
    }
}
