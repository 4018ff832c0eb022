//! What a new account's owner gets to see, once: QR code, secret, recovery codes.

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use zeroize::Zeroizing;

use crate::qr;

/// What the terminal can do.
#[derive(Debug, Clone, Copy)]
pub struct Look {
    /// Whether there is one: elsewhere no picture is drawn.
    pub is_terminal: bool,
    /// Its width, if it is known.
    pub columns: Option<usize>,
    /// Whether colours are allowed.
    pub colours: bool,
}

/// The whole text, in lines that end with a line feed.
#[must_use]
pub fn sheet(
    user: &UserName,
    secret: &TotpSecret,
    recovery: &[RecoveryCode],
    look: Look,
) -> Zeroizing<String> {
    let uri = secret.uri(user);
    let picture = if look.is_terminal {
        qr::render(uri.expose(), look.columns, look.colours).map_err(|error| error.to_string())
    } else {
        Ok(Zeroizing::default())
    };
    let (picture, apology) = match &picture {
        Ok(picture) => (picture.as_str(), ""),
        Err(sentence) => ("", sentence.as_str()),
    };
    let base32 = secret.base32();
    // Reserved whole, so that growing leaves no copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(
        picture.len() + apology.len() + uri.expose().len() + 2_048,
    ));
    text.push_str("Scan this code with your authenticator, or type the secret in:\n");
    text.push_str(picture);
    text.push_str(apology);
    text.push_str("\n  secret:");
    for (index, character) in base32.expose().chars().enumerate() {
        if index % 4 == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text.push_str("\n  address: ");
    text.push_str(uri.expose());
    text.push_str("\n\nRecovery codes, each good once in place of a code:\n");
    for code in recovery {
        text.push_str("  ");
        text.push_str(code.text().expose());
        text.push('\n');
    }
    text.push_str("\nNote all of this down now: it is not shown again.\n");
    text
}

#[cfg(test)]
mod tests {
    use chatbox_common::secret::Secret;

    use super::*;

    fn shown(look: Look) -> Zeroizing<String> {
        let secret = TotpSecret::new(Secret::new(*b"12345678901234567890"));
        let recovery: Vec<_> = (0..10)
            .map(|n| RecoveryCode::new(Secret::new([n; 10])))
            .collect();
        let user = UserName::parse("alice").unwrap();
        sheet(&user, &secret, &recovery, look)
    }

    #[test]
    fn everything_that_must_be_noted_is_there_in_groups() {
        let text = shown(Look {
            is_terminal: false,
            columns: None,
            colours: false,
        });
        assert!(text.contains("secret: GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\n"));
        assert!(text.contains("otpauth://totp/ChatBox:alice?secret="));
        assert_eq!(
            text.lines().filter(|l| l.matches('-').count() == 3).count(),
            10
        );
        assert!(text.contains("not shown again"));
        assert!(!text.contains(['█', '▀', '\u{1b}']));
    }

    #[test]
    fn a_terminal_gets_a_picture_or_a_reason_why_not() {
        let mut look = Look {
            is_terminal: true,
            columns: Some(80),
            colours: true,
        };
        assert!(shown(look).contains('█') && shown(look).contains('\u{1b}'));
        look.colours = false;
        assert!(shown(look).contains('█') && !shown(look).contains('\u{1b}'));
        look.columns = Some(20);
        assert!(shown(look).contains("20"));
        assert!(!shown(look).contains('█'));
    }
}
