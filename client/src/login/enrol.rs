//! What the owner of a new second factor is shown, once: QR code, secret, recovery codes.

use chatbox_common::auth::recovery::RecoveryCode;
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use zeroize::Zeroizing;

use crate::prompt::Sheet;
use crate::qr;
use crate::screen::Screen;
use crate::words::enrol as words;

#[must_use]
pub fn sheet(
    (user, host): (&UserName, &str),
    secret: &TotpSecret,
    recovery: &[RecoveryCode],
    screen: Screen,
) -> Sheet {
    let uri = secret.uri(user, Some(host));
    let (invitation, picture) = if screen.pictures {
        match qr::render(uri.expose(), screen.columns, screen.escapes) {
            Ok(picture) => (words::SCAN.to_owned(), picture),
            Err(error) => (words::no_picture(error), Zeroizing::default()),
        }
    } else {
        (String::new(), Zeroizing::default())
    };
    let base32 = secret.base32();
    // Reserved whole: growing would leave copies of the secret behind, unwiped.
    let mut text = Zeroizing::new(String::with_capacity(uri.expose().len() + 2_048));
    text.push_str(words::SECRET);
    for (index, character) in base32.expose().chars().enumerate() {
        if index % 4 == 0 {
            text.push(' ');
        }
        text.push(character);
    }
    text.push_str(words::LINK);
    text.push_str(uri.expose());
    text.push('\n');
    add_recovery(&mut text, recovery);
    Sheet {
        text,
        invitation,
        picture,
    }
}

#[must_use]
pub fn recovery_alone(recovery: &[RecoveryCode]) -> Sheet {
    let mut text = Zeroizing::new(String::with_capacity(1_024));
    add_recovery(&mut text, recovery);
    Sheet {
        text,
        invitation: String::new(),
        picture: Zeroizing::default(),
    }
}

fn add_recovery(text: &mut String, recovery: &[RecoveryCode]) {
    text.push_str(words::RECOVERY);
    for code in recovery {
        text.push_str("  ");
        text.push_str(code.text().expose());
        text.push('\n');
    }
    text.push_str(words::NOTE_IT);
}

#[cfg(test)]
mod tests {
    use chatbox_common::secret::Secret;

    use super::*;
    use crate::charset::Charset;

    const SCREEN: Screen = Screen {
        pictures: true,
        escapes: true,
        colours: true,
        charset: Charset::Utf8,
        columns: Some(80),
    };

    fn shown(screen: Screen) -> Zeroizing<String> {
        let secret = TotpSecret::new(Secret::new(*b"12345678901234567890"));
        let recovery: Vec<_> = (0..10)
            .map(|n| RecoveryCode::new(Secret::new([n; 10])))
            .collect();
        let user = UserName::parse("alice").unwrap();
        let sheet = sheet((&user, "chat.example"), &secret, &recovery, screen);
        Zeroizing::new([sheet.text.as_str(), &sheet.invitation, &sheet.picture].concat())
    }

    #[test]
    fn everything_that_must_be_noted_is_there_in_groups() {
        let text = shown(Screen {
            pictures: false,
            ..SCREEN
        });
        assert!(text.contains("secret: GEZD GNBV GY3T QOJQ GEZD GNBV GY3T QOJQ\n"));
        assert!(text.contains("otpauth://totp/alice?secret="));
        assert!(text.contains("&issuer=ChatBox%20chat.example\n"));
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
        // Also where no colours are wanted; a full screen gives them itself.
        screen.colours = false;
        assert!(shown(screen).contains("\u{1b}[0;30;107m"));
        screen.escapes = false;
        assert!(shown(screen).contains('█') && !shown(screen).contains('\u{1b}'));
        screen.columns = Some(20);
        assert!(shown(screen).contains("20"));
        assert!(!shown(screen).contains('█'));
    }
}
