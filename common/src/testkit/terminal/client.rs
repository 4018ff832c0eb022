//! The client's program at a terminal, and the steps of a person who registers or logs in there.

use super::{PAGE_UP, Program, Screen};
use crate::auth::totp::TotpSecret;
use crate::secret::Secret;
use crate::testkit::account::{Account, step_now};
use crate::testkit::process::{ServerProcess, program};

pub const PASSWORD: &str = "Canary-correct-horse-77";

/// Columns and rows, for tests that need no other.
pub const SIZE: (u16, u16) = (80, 24);

fn client_at(address: &str, config: &str) -> Program {
    Program::new(program("chatbox"))
        .file(
            "config.toml",
            &format!("{config}\n[client]\nreconnect_delay = 1\n"),
        )
        .args(["--server", address])
}

/// Knows nothing but the server's address, and so asks for everything but its key: it is run by
/// who runs the server, as in the first minute with it.
pub fn client(server: &ServerProcess) -> Program {
    let keys = server.path().join("keys");
    let config = format!("[security]\nkey_directory = '{}'\n", keys.display());
    client_at(&server.address.to_string(), &config)
}

/// As [`client`], and the server is somebody else's.
pub fn stranger(server: &ServerProcess) -> Program {
    client_at(&server.address.to_string(), "")
}

/// Has all it needs to log in without a question.
pub fn client_of(
    (address, fingerprint): (&str, &str),
    (user, password, code): (&str, &str, &str),
    config: &str,
) -> Program {
    client_at(address, config)
        .file("pass", password)
        .file("code", code)
        .args(["--user", user, "--fingerprint", fingerprint])
        .args(["--password-file", "pass", "--otp-file", "code"])
}

pub fn client_with(server: &ServerProcess, account: &mut Account, config: &str) -> Program {
    let (address, code) = (server.address.to_string(), account.factor());
    let who = (account.name.as_str(), &*account.password, code.expose());
    client_of((&address, &server.fingerprint), who, config)
}

pub fn start(server: &ServerProcess) -> Screen {
    Screen::start(client(server), SIZE)
}

/// Waits until the session has begun.
pub fn enter(server: &ServerProcess, size: (u16, u16), account: &mut Account) -> Screen {
    let screen = Screen::start(client_with(server, account, ""), size);
    screen.sees("connected");
    screen
}

/// Waits until the person is in the lobby.
pub fn registers(screen: &mut Screen, name: &str) -> TotpSecret {
    screen.sees("1) Register");
    screen.press("1");
    screen.sees("Name:");
    screen.types(name);
    screen.sees("New password");
    screen.types(PASSWORD);
    screen.sees("The same again:");
    screen.types(PASSWORD);
    screen.sees("Code shown there:");
    let secret = secret_on(screen);
    let code = secret.code_at(step_now());
    screen.types(code.expose());
    screen.sees("#lobby");
    screen.sees(&format!("you are {name}"));
    secret
}

/// The secret above the question. It is shown twice, by itself and in a link: half a frame shows
/// two different ones, so this waits until they agree.
pub fn secret_on(screen: &mut Screen) -> TotpSecret {
    screen.press(&PAGE_UP.repeat(10));
    let base32 = screen.until_rows(|rows| {
        // Without blanks, the QR code beside it and the frame around it.
        let mut text = rows.concat();
        text.retain(|c| c.is_ascii_graphic() && c != '|');
        let [typed, linked] = ["secret:", "secret="].map(|before| base32_behind(&text, before));
        let is_whole = typed.len() == 32 && typed == linked;
        is_whole
            .then_some(typed)
            .ok_or_else(|| "the secret".to_owned())
    });
    secret_of(&base32)
}

fn base32_behind(text: &str, before: &str) -> String {
    let rest = text.split_once(before).map_or("", |(_, rest)| rest);
    let is_base32 = |c: &char| matches!(c, 'A'..='Z' | '2'..='7');
    rest.chars().take_while(is_base32).take(32).collect()
}

pub fn secret_of(base32: &str) -> TotpSecret {
    let bytes = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, base32).unwrap();
    TotpSecret::new(Secret::try_from(&bytes[..]).unwrap())
}
