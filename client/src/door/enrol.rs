//! What the owner of a new second factor gets to see, once: QR code, secret, recovery codes.

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use zeroize::Zeroizing;

use crate::qr;
use crate::screen::Screen;

/// The whole text, in lines that end with a line feed.
#[must_use]
pub fn sheet(
    user: &UserName,
    secret: &TotpSecret,
    recovery: &[RecoveryCode],
    screen: Screen,
) -> Zeroizing<String> {
    let uri = secret.uri(user);
    let picture = screen
        .pictures
        .then(|| qr::render(uri.expose(), screen.columns, screen.colours));
    let (invitation, picture) = match &picture {
        None => (String::new(), ""),
        Some(Ok(picture)) => {
            let invitation = "\nScan this with the app, or type the secret into it:\n";
            (invitation.to_owned(), picture.as_str())
        }
        Some(Err(error)) => (format!("\nType the secret into the app: {error}.\n"), ""),
    };
    let base32 = secret.base32();
    // Reserved whole, so that growing leaves no copies of the secret behind.
    let mut text = Zeroizing::new(String::with_capacity(
        picture.len() + invitation.len() + uri.expose().len() + 2_048,
    ));
    text.push_str("\nThe second factor, for an authenticator app:\n  secret:");
    for (index, character) in base32.expose().chars().enumerate() {
        if index % 4 == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text.push_str("\n  link: ");
    text.push_str(uri.expose());
    text.push('\n');
    text.push_str(&recovery_sheet(recovery));
    // Last, so that a screen of 24 lines still shows it with the question that follows.
    text.push_str(&invitation);
    text.push_str(picture);
    text
}

/// The recovery codes alone.
#[must_use]
pub fn recovery_sheet(recovery: &[RecoveryCode]) -> Zeroizing<String> {
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    text.push_str("\nRecovery codes, each good once in place of the app's code:\n");
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

    const SCREEN: Screen = Screen {
        pictures: true,
        escapes: true,
        colours: true,
        columns: Some(80),
    };

    fn shown(screen: Screen) -> Zeroizing<String> {
        let secret = TotpSecret::new(Secret::new(*b"12345678901234567890"));
        let recovery: Vec<_> = (0..10)
            .map(|n| RecoveryCode::new(Secret::new([n; 10])))
            .collect();
        let user = UserName::parse("alice").unwrap();
        sheet(&user, &secret, &recovery, screen)
    }

    #[test]
    fn everything_that_must_be_noted_is_there_in_groups() {
        let text = shown(Screen {
            pictures: false,
            ..SCREEN
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
        let mut screen = SCREEN;
        assert!(shown(screen).contains('█') && shown(screen).contains('\u{1b}'));
        screen.colours = false;
        assert!(shown(screen).contains('█') && !shown(screen).contains('\u{1b}'));
        screen.columns = Some(20);
        assert!(shown(screen).contains("20"));
        assert!(!shown(screen).contains('█'));
    }
}
