//! The rules for passwords, and the verifier that a server stores in place of one.

use zeroize::Zeroizing;

use super::{Iterations, SALT_LEN, SaltedPassword, decode, encode, posit_number};
use crate::auth::hmac_sha256;
use crate::name::UserName;
use crate::secret::{Secret, SecretString};

/// The shortest password, in bytes of UTF-8 after SASLprep.
pub const MIN_PASSWORD: usize = 8;

/// The longest password, in bytes of UTF-8 after SASLprep.
pub const MAX_PASSWORD: usize = 1024;

/// Why a text can't be a password. The sentences are shown to the person who typed it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PasswordError {
    /// Fewer than [`MIN_PASSWORD`] bytes.
    #[error("a password has at least {MIN_PASSWORD} characters")]
    TooShort,
    /// More than [`MAX_PASSWORD`] bytes.
    #[error("a password has at most {MAX_PASSWORD} bytes")]
    TooLong,
    /// Prohibited by SASLprep: control characters, characters unknown to Unicode 3.2.
    #[error(
        "the password holds a character that keyboards and systems do not agree on, such as a \
         control character or a new emoji"
    )]
    Character,
    /// Prohibited by SASLprep (RFC 3454, section 6).
    #[error(
        "a password with letters that are written from right to left begins and ends with such \
         letters and has no others"
    )]
    Direction,
}

/// A password prepared by SASLprep (RFC 4013), so that two keyboards that write the same letter
/// in different bytes give the same password. Lives on the client only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Password(SecretString);

impl Password {
    /// Applies SASLprep to the text as typed.
    ///
    /// # Errors
    /// When SASLprep prohibits it, or when the result has not [`MIN_PASSWORD`] to
    /// [`MAX_PASSWORD`] bytes.
    pub fn prepare(typed: &SecretString) -> Result<Self, PasswordError> {
        let prepared = saslprep(typed)?;
        match prepared.expose().len() {
            ..MIN_PASSWORD => Err(PasswordError::TooShort),
            MIN_PASSWORD..=MAX_PASSWORD => Ok(Self(prepared)),
            _ => Err(PasswordError::TooLong),
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        self.0.expose().as_bytes()
    }
}

fn saslprep(typed: &SecretString) -> Result<SecretString, PasswordError> {
    stringprep::saslprep(typed.expose())
        .map(|prepared| SecretString::new(prepared.into_owned()))
        .map_err(|error| {
            // It tells by its sentence alone, which may hold a character of the password.
            let why = Zeroizing::new(error.to_string());
            match why.as_str() {
                "prohibited bidirectional text" => PasswordError::Direction,
                _ => PasswordError::Character,
            }
        })
}

/// A stored text is no verifier: the database is damaged. Never a person's mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the stored password verifier is damaged")]
pub struct VerifierError;

/// What a server keeps of a password. It checks a login, and can't log in.
///
/// For a name that nobody has, the server fills both keys with random bytes and takes the salt
/// from [`salt_for`]: the same code runs, and no password fits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verifier {
    /// Rounds of PBKDF2.
    pub iterations: Iterations,
    /// Not secret: the server sends it to every client that asks to log in.
    pub salt: [u8; SALT_LEN],
    /// RFC 5802's StoredKey, which checks the client's proof.
    pub stored_key: Secret<32>,
    /// RFC 5802's ServerKey, which signs for the server.
    pub server_key: Secret<32>,
}

impl Verifier {
    const SCHEME: &str = "SCRAM-SHA-256";

    /// Makes the verifier of a password. The client does it, at registration and for a new
    /// password; it takes 0.2 s or more, as a login does.
    #[must_use]
    pub fn derive(password: &Password, salt: [u8; SALT_LEN], iterations: Iterations) -> Self {
        SaltedPassword::derive(password, salt, iterations).verifier()
    }

    /// The text that is stored, as PostgreSQL writes it:
    /// `SCRAM-SHA-256$<i>:<salt>$<StoredKey>:<ServerKey>`, the latter three in Base64.
    #[must_use]
    pub fn to_text(&self) -> SecretString {
        let cost = format!("{}:{}", self.iterations.count(), encode(&self.salt));
        let stored_key = Zeroizing::new(encode(self.stored_key.expose()));
        let server_key = Zeroizing::new(encode(self.server_key.expose()));
        // `concat` allocates once, so that no half of a key is left behind.
        let keys = [Self::SCHEME, "$", &cost, "$", &stored_key, ":", &server_key];
        SecretString::new(keys.concat())
    }

    /// Parses what [`Self::to_text`] writes.
    ///
    /// # Errors
    /// For every other text, and for a count that [`Iterations::for_server`] refuses.
    pub fn parse(text: &str) -> Result<Self, VerifierError> {
        Self::parse_parts(text).ok_or(VerifierError)
    }

    fn parse_parts(text: &str) -> Option<Self> {
        let rest = text.strip_prefix(Self::SCHEME)?.strip_prefix('$')?;
        let (cost, keys) = rest.split_once('$')?;
        let (iterations, salt) = cost.split_once(':')?;
        let (stored_key, server_key) = keys.split_once(':')?;
        Some(Self {
            iterations: Iterations::for_server(posit_number(iterations)?).ok()?,
            salt: *decode(salt)?,
            stored_key: Secret::new(*decode(stored_key)?),
            server_key: Secret::new(*decode(server_key)?),
        })
    }
}

/// The salt of a name, registered or not: a client that asks twice, or compares names, does not
/// learn which names exist. Upper and lower case make no difference.
#[must_use]
pub fn salt_for(salt_key: &Secret<32>, user: &UserName) -> [u8; SALT_LEN] {
    let mac = hmac_sha256(salt_key.expose(), &[user.lower().as_bytes()]);
    let mut salt = [0; SALT_LEN];
    for (to, from) in salt.iter_mut().zip(mac.expose()) {
        *to = *from;
    }
    salt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> SecretString {
        SecretString::new(text.to_owned())
    }

    fn sample() -> Verifier {
        Verifier {
            iterations: Iterations::DEFAULT,
            salt: [1; SALT_LEN],
            stored_key: Secret::new([2; 32]),
            server_key: Secret::new([3; 32]),
        }
    }

    #[test]
    fn saslprep_agrees_with_rfc_4013_section_3() {
        for (typed, prepared) in [
            ("I\u{ad}X", "IX"),
            ("user", "user"),
            ("USER", "USER"),
            ("\u{aa}", "a"),
            ("\u{2168}", "IX"),
        ] {
            let result = saslprep(&secret(typed)).unwrap();
            assert_eq!(result.expose(), prepared, "{typed:?}");
        }
        for (prohibited, why) in [
            ("\u{7}", PasswordError::Character),
            ("\u{1f600}", PasswordError::Character),
            ("\u{627}\u{31}", PasswordError::Direction),
            ("\u{627}a\u{627}", PasswordError::Direction),
        ] {
            let result = saslprep(&secret(prohibited));
            assert_eq!(result, Err(why), "{prohibited:?}");
        }
    }

    #[test]
    fn one_letter_typed_in_two_ways_is_one_password() {
        let composed = Password::prepare(&secret("p\u{e9}trichor")).unwrap();
        let combining = Password::prepare(&secret("pe\u{301}trichor")).unwrap();
        assert_eq!(composed.as_bytes(), combining.as_bytes());
    }

    #[test]
    fn a_password_is_measured_after_its_preparation() {
        for (typed, expected) in [
            ("1234567".to_owned(), Some(PasswordError::TooShort)),
            ("12345678".to_owned(), None),
            // Soft hyphens vanish: 21 bytes are 7.
            ("1\u{ad}".repeat(7), Some(PasswordError::TooShort)),
            ("x".repeat(1024), None),
            ("x".repeat(1025), Some(PasswordError::TooLong)),
            // One ligature of 3 bytes becomes 18 characters, 33 bytes.
            ("\u{fdfa}".repeat(32), Some(PasswordError::TooLong)),
            (String::new(), Some(PasswordError::TooShort)),
            ("pass\nword".to_owned(), Some(PasswordError::Character)),
        ] {
            let result = Password::prepare(&secret(&typed));
            assert_eq!(result.err(), expected, "{typed:?}");
        }
    }

    #[test]
    fn a_verifier_comes_back_from_its_text() {
        let text = sample().to_text();
        assert_eq!(
            text.expose(),
            "SCRAM-SHA-256$600000:AQEBAQEBAQEBAQEBAQEBAQ==\
             $AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=\
             :AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="
        );
        assert_eq!(Verifier::parse(text.expose()), Ok(sample()));
    }

    #[test]
    fn every_truncated_or_lengthened_verifier_is_refused() {
        let text = sample().to_text();
        for end in 0..text.expose().len() {
            let cut = &text.expose()[..end];
            assert_eq!(Verifier::parse(cut), Err(VerifierError), "{cut}");
        }
        for bad in [
            format!("{}=", text.expose()),
            format!("{}:", text.expose()),
            format!(" {}", text.expose()),
            text.expose().replace("256$", "1$"),
            text.expose().replace("600000", "+600000"),
            text.expose().replace("600000", "0600000"),
            text.expose().replace("600000", "4095"),
            text.expose().replace("600000", "5000001"),
            text.expose().replace("600000", "99999999999999999999"),
            text.expose().replace("600000", ""),
            text.expose().replace("AQ==", "AR=="),
            text.expose().replace("AQ==", "AQ"),
            text.expose().replace(':', "$"),
        ] {
            assert_eq!(Verifier::parse(&bad), Err(VerifierError), "{bad}");
        }
    }

    #[test]
    fn a_verifier_shows_no_key() {
        let shown = format!("{:?}", sample());
        assert!(shown.contains("stored_key: <redacted>, server_key: <redacted>"));
    }

    #[test]
    fn the_salt_of_a_name_is_the_documented_one_whatever_its_case() {
        let key = Secret::fill_with(|bytes| {
            for (byte, value) in bytes.iter_mut().zip(0..) {
                *byte = value;
            }
        });
        let salt = |name| salt_for(&key, &UserName::parse(name).unwrap());
        // Computed by another implementation.
        assert_eq!(
            salt("alice"),
            0x6eef_ad2b_ed97_b6d9_3ee6_63d6_7a44_b460_u128.to_be_bytes()
        );
        assert_eq!(salt("Alice"), salt("alice"));
        assert_ne!(salt("alice"), salt("alicf"));
    }
}
