//! The program at a terminal of its own, full screen: keys go in, and what the screen shows is read
//! back through a terminal emulator that is not ours (the crate `vt100`).
#![allow(dead_code, reason = "each test crate uses another part of it")]

pub mod wider;

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::Secret;
use rustix::process::{Pid, Signal, kill_process};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use chatbox_common::testkit::account::{Account, step_now};
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::wait::eventually;

pub const PASSWORD: &str = "Canary-correct-horse-77";

pub const ENTER: &str = "\r";
pub const CTRL_C: &str = "\u{3}";
pub const ESCAPE: &str = "\u{1b}";

struct Shown {
    /// Everything that was ever written.
    bytes: Vec<u8>,
    emulator: vt100::Parser,
}

/// See the module.
pub struct Screen {
    child: Child,
    keyboard: File,
    shown: Arc<Mutex<Shown>>,
    _home: tempfile::TempDir,
}

impl Screen {
    /// Starts the program without any flag but the server's address, on a terminal of 80 by 24.
    pub fn start(server: &ServerProcess) -> Self {
        Self::with(server, (80, 24), &[], "")
    }

    /// The same of another size (columns, rows), with more flags and a configuration.
    pub fn with(server: &ServerProcess, size: (u16, u16), flags: &[&str], config: &str) -> Self {
        let home = tempfile::tempdir().unwrap();
        Self::in_home(home, &server.address.to_string(), size, flags, config, &[])
    }

    /// The same in the locale `C`, on a terminal whose character set has ASCII alone.
    pub fn in_c(server: &ServerProcess, size: (u16, u16), flags: &[&str]) -> Self {
        let home = tempfile::tempdir().unwrap();
        let address = server.address.to_string();
        Self::in_home(home, &address, size, flags, "", &[("LC_ALL", "C")])
    }

    /// Begins to log somebody in (name, password, code) without a question, at a server of this
    /// address and fingerprint.
    pub fn begin(
        server: (&str, &str),
        who: (&str, &str, &str),
        size: (u16, u16),
        config: &str,
    ) -> Self {
        Self::begin_with(server, who, size, config, &[], &[])
    }

    /// The same with more flags and variables.
    pub fn begin_with(
        (address, fingerprint): (&str, &str),
        (user, password, code): (&str, &str, &str),
        size: (u16, u16),
        config: &str,
        more: &[&str],
        variables: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        secret_file(home.path(), "pass", password);
        secret_file(home.path(), "code", code);
        let mut flags = vec!["--user", user, "--fingerprint", fingerprint];
        flags.extend(["--password-file", "pass", "--otp-file", "code"]);
        flags.extend(more);
        Self::in_home(home, address, size, &flags, config, variables)
    }

    /// Logs somebody in, and waits until the session has begun.
    pub fn enter(
        server: &ServerProcess,
        size: (u16, u16),
        account: &mut Account,
        config: &str,
    ) -> Self {
        let (address, code) = (server.address.to_string(), account.factor());
        let who = (account.name.as_str(), &*account.password, code.expose());
        let screen = Self::begin((&address, &server.fingerprint), who, size, config);
        screen.sees("connected");
        screen
    }

    /// The same with `NO_COLOR` set.
    pub fn enter_without_colours(
        server: &ServerProcess,
        size: (u16, u16),
        account: &mut Account,
    ) -> Self {
        let (address, code) = (server.address.to_string(), account.factor());
        let who = (account.name.as_str(), &*account.password, code.expose());
        let server = (address.as_str(), server.fingerprint.as_str());
        Self::begin_with(server, who, size, "", &[], &[("NO_COLOR", "1")])
    }

    fn in_home(
        home: tempfile::TempDir,
        address: &str,
        size: (u16, u16),
        flags: &[&str],
        config: &str,
        variables: &[(&str, &str)],
    ) -> Self {
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let (columns, rows) = size;
        tcsetwinsize(&ours, window(columns, rows)).unwrap();
        let name = ptsname(&ours, Vec::new()).unwrap().into_string().unwrap();
        let theirs = || File::options().read(true).write(true).open(&name).unwrap();
        let config = format!("{config}\n[client]\nreconnect_delay = 1\n");
        fs::write(home.path().join("config.toml"), config).unwrap();
        // `setsid --ctty` makes it the controlling terminal.
        let child = Command::new("setsid")
            .args(["--ctty", "--wait", env!("CARGO_BIN_EXE_chatbox")])
            .args(["--server", address])
            .args(flags)
            .current_dir(home.path())
            .env("XDG_DATA_HOME", home.path())
            .env("HOME", home.path())
            .env("TERM", "xterm-256color")
            .env("TZ", "UTC")
            .env("NO_COLOR", "")
            .env("LC_ALL", "C.UTF-8")
            .envs(variables.iter().copied())
            .stdin(theirs())
            .stdout(theirs())
            .stderr(theirs())
            .spawn()
            .expect("setsid of util-linux starts the program");
        let mut output = File::from(ours);
        let keyboard = output.try_clone().unwrap();
        let shown = Arc::new(Mutex::new(Shown {
            bytes: Vec::new(),
            emulator: vt100::Parser::new(nonzero(rows), nonzero(columns), 0),
        }));
        let seen = Arc::clone(&shown);
        thread::spawn(move || {
            let mut bytes = [0; 8_192];
            // Reading fails once nobody has the other side open any more.
            while let Ok(count @ 1..) = output.read(&mut bytes) {
                let mut seen = seen.lock().unwrap();
                seen.bytes.extend_from_slice(&bytes[..count]);
                seen.emulator.process(&bytes[..count]);
            }
        });
        Self {
            child,
            keyboard,
            shown,
            _home: home,
        }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// The rows of the screen, without the blanks at their ends.
    pub fn rows(&self) -> Vec<String> {
        let shown = self.shown.lock().unwrap();
        let screen = shown.emulator.screen();
        let (_, columns) = screen.size();
        screen
            .rows(0, columns.get())
            .map(|row| row.trim_end().to_owned())
            .collect()
    }

    pub fn text(&self) -> String {
        self.rows().join("\n")
    }

    /// Where the cursor is (column, row), from 0.
    pub fn cursor(&self) -> (u16, u16) {
        let shown = self.shown.lock().unwrap();
        let (row, column) = shown.emulator.screen().cursor_position();
        (column, row)
    }

    /// In which column of its row a text begins, as the emulator has drawn it.
    pub fn column_of(&self, text: &str) -> Option<usize> {
        let shown = self.shown.lock().unwrap();
        let screen = shown.emulator.screen();
        let (rows, columns) = screen.size();
        (0..rows.get()).find_map(|row| {
            (0..columns.get()).find_map(|column| {
                // A wide character's second cell is no beginning.
                screen
                    .cell(row, column)
                    .filter(|cell| cell.has_contents())?;
                let cells = (column..columns.get()).filter_map(|at| screen.cell(row, at));
                let rest: String = cells.map(vt100::Cell::contents).collect();
                rest.starts_with(text).then_some(column.into())
            })
        })
    }

    /// Waits until the cursor is in this column, behind what was typed.
    pub fn cursor_is(&self, column: usize, typed: &str) {
        eventually(
            &format!("the cursor in column {column} behind {typed:?}"),
            || (usize::from(self.cursor().0) == column).then_some(()),
        );
    }

    /// Waits until the screen shows this.
    pub fn sees(&self, text: &str) {
        eventually(&format!("{text:?} on the screen"), || {
            self.text().contains(text).then_some(())
        });
    }

    /// Waits until the screen shows this no longer.
    pub fn loses(&self, text: &str) {
        eventually(&format!("no {text:?} on the screen"), || {
            (!self.text().contains(text)).then_some(())
        });
    }

    /// Waits until a row of the screen is such a one.
    pub fn sees_row(&self, what: &str, is_one: impl Fn(&str) -> bool) -> String {
        eventually(what, || self.rows().into_iter().find(|row| is_one(row)))
    }

    /// Waits, without a pause, until this stands in the line one types in.
    pub fn input_is(&self, typed: &str) {
        let deadline = Instant::now() + Duration::from_secs(30);
        loop {
            {
                let shown = self.shown.lock().unwrap();
                let screen = shown.emulator.screen();
                let (_, columns) = screen.size();
                let last = screen.rows(0, columns.get()).last().unwrap();
                let input = last.split_once("> ").map_or("", |(_, input)| input);
                if input.trim_end() == typed {
                    return;
                }
            }
            assert!(Instant::now() < deadline, "never typed: {typed}");
            thread::yield_now();
        }
    }

    /// Waits, without a pause, until something was drawn behind a mark.
    pub fn draws(&self, mark: usize) {
        let deadline = Instant::now() + Duration::from_secs(30);
        while self.mark() == mark {
            assert!(Instant::now() < deadline, "nothing is drawn");
            thread::yield_now();
        }
    }

    /// Everything that was ever written to the terminal.
    pub fn bytes(&self) -> Vec<u8> {
        self.shown.lock().unwrap().bytes.clone()
    }

    /// Waits until this was written to the terminal, behind a mark.
    pub fn wrote(&self, mark: usize, bytes: &str) {
        eventually(&format!("{bytes:?} written"), || {
            let shown = self.shown.lock().unwrap();
            let mut written = shown.bytes[mark..].windows(bytes.len());
            written
                .any(|window| window == bytes.as_bytes())
                .then_some(())
        });
    }

    pub fn mark(&self) -> usize {
        self.shown.lock().unwrap().bytes.len()
    }

    /// Presses keys, as the bytes that a terminal sends for them.
    pub fn press(&mut self, keys: &str) {
        self.keyboard.write_all(keys.as_bytes()).unwrap();
    }

    /// Types a line.
    pub fn types(&mut self, line: &str) {
        self.press(line);
        self.press(ENTER);
    }

    /// Pastes a text, as a terminal does that was told to mark it.
    pub fn pastes(&mut self, text: &str) {
        let text = text.replace('\n', "\r");
        self.press(&format!("\u{1b}[200~{text}\u{1b}[201~"));
    }

    pub fn resize(&self, columns: u16, rows: u16) {
        let mut shown = self.shown.lock().unwrap();
        shown
            .emulator
            .screen_mut()
            .set_size(nonzero(rows), nonzero(columns));
        tcsetwinsize(&self.keyboard, window(columns, rows)).unwrap();
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Waits until the terminal edits lines itself and shows what is typed, or no longer does.
    pub fn edits_lines(&self, expected: bool) {
        let what = format!("lines edited by the terminal: {expected}");
        let both = LocalModes::ICANON | LocalModes::ECHO;
        eventually(&what, || {
            let modes = tcgetattr(&self.keyboard).unwrap().local_modes & both;
            let edits = modes == both;
            (edits == expected && (edits || modes.is_empty())).then_some(())
        });
    }

    /// Registers somebody, up to the lobby.
    pub fn registers(&mut self, name: &str) -> TotpSecret {
        self.sees("1) Register");
        self.press("1");
        self.sees("Type yes to go on:");
        self.types("yes");
        self.sees("Name:");
        self.types(name);
        self.sees("New password");
        self.types(PASSWORD);
        self.sees("The same again:");
        self.types(PASSWORD);
        self.sees("Code shown there:");
        let secret = self.secret();
        let code = secret.code_at(step_now());
        self.types(code.expose());
        self.sees("#lobby");
        self.sees(&format!("you are {name}"));
        secret
    }

    /// The secret that is shown, looked for by scrolling.
    pub fn secret(&mut self) -> TotpSecret {
        let base32 = eventually("the secret", || {
            let text = self.text();
            let found = text.split("secret: ").nth(1);
            let base32 = found.map_or(String::new(), |rest| {
                let letters = rest.chars().filter(|c| matches!(c, 'A'..='Z' | '2'..='7'));
                letters.take(32).collect()
            });
            let is_whole = base32.len() == 32 && base32.chars().all(|c| c.is_ascii_alphanumeric());
            if !is_whole {
                self.press("\u{1b}[5~");
            }
            is_whole.then_some(base32)
        });
        let bytes = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &base32).unwrap();
        TotpSecret::new(Secret::try_from(&bytes[..]).unwrap())
    }

    /// Waits for the program's end.
    pub fn ends(&mut self) -> ExitStatus {
        eventually("the program's end", || self.child.try_wait().unwrap())
    }
}

fn secret_file(home: &Path, name: &str, content: &str) {
    let mut options = File::options();
    options.write(true).create(true).mode(0o600);
    let mut file = options.open(home.join(name)).unwrap();
    writeln!(file, "{content}").unwrap();
}

fn nonzero(size: u16) -> NonZeroU16 {
    NonZeroU16::new(size).unwrap()
}

const fn window(columns: u16, rows: u16) -> Winsize {
    Winsize {
        ws_row: rows,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        if thread::panicking() {
            let mut report = String::from("--- the screen\n");
            for row in self.rows() {
                let _ = writeln!(report, "|{row}");
            }
            eprintln!("{report}");
        }
        // It has ended already where the test succeeded.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
