//! TOTP (RFC 6238) over HOTP (RFC 4226): SHA-1, six digits, steps of 30 seconds.
//!
//! Computes and compares codes. The server records the step used last, and counts wrong guesses;
//! without that a code could be used twice within its step.

use std::fmt::Write;

use subtle::{ConditionallySelectable, ConstantTimeEq, CtOption};
use zeroize::Zeroizing;

use super::{MAX_SECOND_FACTOR, SecondFactorError, base32_groups, hmac_sha1};
use crate::name::UserName;
use crate::secret::{Secret, SecretString};

/// The length of a step (RFC 6238's X), in seconds.
pub const STEP_SECONDS: u64 = 30;

/// The length of a code, in decimal digits.
pub const DIGITS: u32 = 6;

/// Characters of a server's host in the URI: with more, the QR code would not fit on 24 lines.
const MAX_ISSUER_HOST: usize = 20;

/// The step (RFC 6238's T) in which a moment lies, given in seconds since 1970 UTC.
#[must_use]
pub const fn step_of(unix_seconds: u64) -> u64 {
    unix_seconds / STEP_SECONDS
}

/// A code of six digits. Wiped on drop, never printed.
#[derive(Debug, Clone)]
pub struct Code(SecretString);

impl Code {
    /// Takes six ASCII digits; spaces among them are dropped, because authenticators show two
    /// groups of three.
    ///
    /// # Errors
    /// When there are not exactly six digits, other characters among them, or more than
    /// [`MAX_SECOND_FACTOR`] bytes.
    pub fn parse(text: &str) -> Result<Self, SecondFactorError> {
        if text.len() > MAX_SECOND_FACTOR {
            return Err(SecondFactorError);
        }
        let mut digits = Zeroizing::new(String::with_capacity(MAX_SECOND_FACTOR));
        digits.extend(text.chars().filter(|c| *c != ' '));
        if digits.len() != DIGITS as usize || !digits.bytes().all(|b| b.is_ascii_digit()) {
            return Err(SecondFactorError);
        }
        Ok(Self(SecretString::new(digits.as_str().to_owned())))
    }

    /// The six digits: to be sent, never to be shown.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

/// What server and authenticator share: 160 bits, as RFC 4226 section 4 recommends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotpSecret(Secret<20>);

impl TotpSecret {
    /// Takes 20 random bytes.
    #[must_use]
    pub const fn new(bytes: Secret<20>) -> Self {
        Self(bytes)
    }

    /// The 20 bytes: to be sealed and stored.
    #[must_use]
    pub const fn bytes(&self) -> &Secret<20> {
        &self.0
    }

    /// The code of a step (RFC 6238 section 4.2).
    #[must_use]
    pub fn code_at(&self, step: u64) -> Code {
        let number = hotp(&self.0, step, DIGITS);
        Code(SecretString::new(format!("{number:06}")))
    }

    /// The step to which a code belongs: this one, the one before or the one after (RFC 6238
    /// section 5.2: clocks differ, and typing takes time).
    ///
    /// All three are computed and compared in the same time, whatever the outcome. Where the
    /// code fits two steps it counts for the later one, so that spending that step spends both.
    #[must_use]
    pub fn matching_step(&self, code: &Code, now_step: u64) -> CtOption<u64> {
        let steps = [
            now_step.saturating_sub(1),
            now_step,
            now_step.saturating_add(1),
        ];
        let mut found = CtOption::new(0, 0.into());
        for step in steps {
            let expected = self.code_at(step);
            let same = expected.expose().as_bytes().ct_eq(code.expose().as_bytes());
            found = CtOption::conditional_select(&found, &CtOption::new(step, 1.into()), same);
        }
        found
    }

    /// The secret as people type it into an authenticator: 32 characters of Base32.
    #[must_use]
    pub fn base32(&self) -> SecretString {
        SecretString::new(base32_groups(self.0.expose()).as_str().to_owned())
    }

    /// The secret as authenticators scan it: the text of the QR code. `host` is that of the server,
    /// where it is known: by it an authenticator tells several servers apart.
    #[must_use]
    pub fn uri(&self, user: &UserName, host: Option<&str>) -> SecretString {
        let secret = base32_groups(self.0.expose());
        let (label, host) = match host {
            // The name before the colon would have to be the issuer's, host and all.
            Some(host) => ("otpauth://totp/", issuer_of(host)),
            None => ("otpauth://totp/ChatBox:", String::new()),
        };
        let (key, issuer) = ("?secret=", "&issuer=ChatBox");
        // `concat` allocates once, so that no half of the secret is left behind.
        SecretString::new([label, user.as_str(), key, &secret, issuer, &host].concat())
    }
}

/// A blank and the beginning of the host, percent-encoded (RFC 3986, 2.1).
fn issuer_of(host: &str) -> String {
    let mut encoded = "%20".to_owned();
    for byte in host.bytes().take(MAX_ISSUER_HOST) {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~') {
            encoded.push(char::from(byte));
        } else {
            // Writing to a String does not fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// HOTP (RFC 4226 section 5.3) of at most nine digits, as a number.
fn hotp(key: &Secret<20>, counter: u64, digits: u32) -> u32 {
    let mac = hmac_sha1(key.expose(), &counter.to_be_bytes());
    let [.., last] = mac.expose();
    let offset = usize::from(last & 0xf);
    let truncated = mac
        .expose()
        .iter()
        .skip(offset)
        .take(4)
        .fold(0, |number, byte| (number << 8) | u32::from(*byte));
    (truncated & 0x7fff_ffff) % 10_u32.pow(digits)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The secret of RFC 4226 appendix D and RFC 6238 appendix B.
    fn rfc_secret() -> TotpSecret {
        TotpSecret::new(Secret::new(*b"12345678901234567890"))
    }

    fn matching(secret: &TotpSecret, code: &Code, now: u64) -> Option<u64> {
        secret.matching_step(code, now).into()
    }

    #[test]
    fn hotp_agrees_with_rfc_4226_appendix_d() {
        let expected = [
            "755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583",
            "399871", "520489",
        ];
        for (counter, code) in (0..).zip(expected) {
            assert_eq!(rfc_secret().code_at(counter).expose(), code);
        }
    }

    #[test]
    fn totp_agrees_with_rfc_6238_appendix_b() {
        for (time, code) in [
            (59, 94_287_082),
            (1_111_111_109, 7_081_804),
            (1_111_111_111, 14_050_471),
            (1_234_567_890, 89_005_924),
            (2_000_000_000, 69_279_037),
            (20_000_000_000, 65_353_130),
        ] {
            assert_eq!(hotp(&rfc_secret().0, step_of(time), 8), code, "at {time}");
        }
    }

    #[test]
    fn a_code_keeps_its_leading_zeros() {
        let code = rfc_secret().code_at(step_of(1_111_111_109));
        assert_eq!(code.expose(), "081804");
    }

    #[test]
    fn a_step_lasts_thirty_seconds() {
        assert_eq!(
            [0, 29, 30, 59, 60].map(step_of),
            [0, 0, 1, 1, 2],
            "boundaries"
        );
    }

    #[test]
    fn one_step_each_side_is_accepted_and_no_other() {
        let secret = rfc_secret();
        for step in 98..=102 {
            let expected = (99..=101).contains(&step).then_some(step);
            assert_eq!(matching(&secret, &secret.code_at(step), 100), expected);
        }
    }

    #[test]
    fn the_first_and_last_step_have_neighbours_without_overflow() {
        let secret = rfc_secret();
        for now in [0, u64::MAX] {
            assert_eq!(matching(&secret, &secret.code_at(now), now), Some(now));
        }
        assert_eq!(matching(&secret, &secret.code_at(0), u64::MAX), None);
    }

    #[test]
    fn a_code_of_two_steps_counts_for_the_later_one() {
        // The first pair of neighbours at which the RFC's secret gives one code twice.
        let secret = rfc_secret();
        let (earlier, later) = (910_737, 910_738);
        let code = secret.code_at(earlier);
        assert_eq!(code.expose(), secret.code_at(later).expose());
        for now in [earlier, later] {
            assert_eq!(matching(&secret, &code, now), Some(later));
        }
    }

    #[test]
    fn a_code_is_exactly_six_ascii_digits() {
        for good in ["123456", "123 456", " 1 2 3 4 5 6 "] {
            assert_eq!(Code::parse(good).unwrap().expose(), "123456");
        }
        for bad in [
            "",
            "12345",
            "1234567",
            "12345a",
            "+12345",
            "12345\n",
            "123-456",
            "١٢٣٤٥٦",
            "１23456",
        ] {
            assert!(Code::parse(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn the_uri_is_what_authenticators_scan() {
        let user = UserName::parse("Alice.b").unwrap();
        assert_eq!(
            rfc_secret().base32().expose(),
            "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
        );
        assert_eq!(
            rfc_secret().uri(&user, None).expose(),
            "otpauth://totp/ChatBox:Alice.b\
             ?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=ChatBox"
        );
        for (host, issuer) in [
            ("chat.example", "chat.example"),
            ("::1", "%3A%3A1"),
            ("a-long-name.of.a.server.example", "a-long-name.of.a.ser"),
        ] {
            assert_eq!(
                rfc_secret().uri(&user, Some(host)).expose(),
                format!(
                    "otpauth://totp/Alice.b?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ\
                     &issuer=ChatBox%20{issuer}"
                )
            );
        }
    }

    #[test]
    fn secret_and_code_do_not_print() {
        let shown = format!("{:?} {:?}", rfc_secret(), rfc_secret().code_at(1));
        assert_eq!(shown, "TotpSecret(<redacted>) Code(<redacted>)");
    }
}
