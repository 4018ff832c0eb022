//! The client as a program for a terminal, and a person's way into it at a screen.

use super::{PAGE_UP, Program, Screen};
use crate::auth::totp::TotpSecret;
use crate::secret::Secret;
use crate::testkit::account::{Account, step_now};
use crate::testkit::process::{ServerProcess, program};

pub const PASSWORD: &str = "Canary-correct-horse-77";

/// Columns and rows, where they are of no importance.
pub const SIZE: (u16, u16) = (80, 24);

/// The client with more configuration, for a server at this address.
fn client_at(address: &str, config: &str) -> Program {
    Program::new(program("chatbox"))
        .file(
            "config.toml",
            &format!("{config}\n[client]\nreconnect_delay = 1\n"),
        )
        .args(["--server", address])
}

/// The client, which knows nothing but the server's address.
pub fn client(server: &ServerProcess) -> Program {
    client_at(&server.address.to_string(), "")
}

/// The client, which logs somebody in (name, password, code) without a question, at a server of
/// this address and fingerprint.
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

/// The same with an account of the server.
pub fn client_with(server: &ServerProcess, account: &mut Account, config: &str) -> Program {
    let (address, code) = (server.address.to_string(), account.factor());
    let who = (account.name.as_str(), &*account.password, code.expose());
    client_of((&address, &server.fingerprint), who, config)
}

/// Starts the client at a screen of 80 by 24.
pub fn start(server: &ServerProcess) -> Screen {
    Screen::start(client(server), SIZE)
}

/// Logs somebody in at a screen of this size, and waits until the session has begun.
pub fn enter(server: &ServerProcess, size: (u16, u16), account: &mut Account) -> Screen {
    let screen = Screen::start(client_with(server, account, ""), size);
    screen.sees("connected");
    screen
}

/// Registers somebody at a screen, up to the lobby.
pub fn registers(screen: &mut Screen, name: &str) -> TotpSecret {
    screen.sees("1) Register");
    screen.press("1");
    screen.sees("Type yes to go on:");
    screen.types("yes");
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

/// The secret that is shown above, once by itself and once in a link: half a frame shows two.
pub fn secret_on(screen: &mut Screen) -> TotpSecret {
    screen.press(&PAGE_UP.repeat(10));
    let base32 = screen.until_rows(|rows| {
        // Without blanks, the picture beside it and the frame around it.
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
