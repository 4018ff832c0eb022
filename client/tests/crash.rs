//! Both programs as they are: many clients in pipes, and a server that is killed and stopped
//! meanwhile. Every line typed must be stored once, and shown to everybody in one order.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::process::{ChildStdin, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::account::step_now;
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::{ServerProcess, UNLIMITED, free_port};
use chatbox_common::testkit::random::SeededRandom;
use chatbox_common::testkit::wait::eventually;

const SENDERS: usize = 10;
/// Messages shown to a client that comes late.
const FIRST_VIEW: usize = 10;
/// A running client, and all its output.
struct Talker {
    name: String,
    child: GuardedChild,
    stdin: Option<ChildStdin>,
    heard: Arc<Mutex<Vec<String>>>,
    reader: thread::JoinHandle<()>,
}

impl Talker {
    fn register(server: &ServerProcess, name: &str) -> Self {
        let home = server.path().join(name);
        fs::create_dir(&home).unwrap();
        fs::write(home.join("config.toml"), "[client]\nreconnect_delay = 1\n").unwrap();
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(0o600);
        let mut password = options.open(home.join("pass")).unwrap();
        writeln!(password, "correct horse battery of {name}").unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_chatbox"));
        command
            .current_dir(&home)
            .env("HOME", &home)
            .env("TZ", "UTC")
            .args(["--plain", "--register", "--user", name, "--otp-file", "-"])
            .args(["--password-file", "pass", "--fingerprint"])
            .args([&server.fingerprint, "--server"])
            .arg(server.address.to_string())
            .args(["--config", "config.toml", "--known-hosts", "known"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(fs::File::create(home.join("stderr")).unwrap());
        let mut child = GuardedChild::spawn(&mut command);
        let mut stdin = child.stdin.take().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let secret = out
            .by_ref()
            .map(Result::unwrap)
            .find_map(|line| Some(line.strip_prefix("  secret: ")?.replace(' ', "")))
            .expect("a secret");
        let secret = base32::decode(base32::Alphabet::Rfc4648 { padding: false }, &secret).unwrap();
        let secret = TotpSecret::new(Secret::new(secret.try_into().unwrap()));
        writeln!(stdin, "{}", secret.code_at(step_now()).expose()).unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let shared = Arc::clone(&heard);
        let reader = thread::spawn(move || {
            for line in out {
                shared.lock().unwrap().push(line.unwrap());
            }
        });
        let talker = Self {
            name: name.to_owned(),
            child,
            stdin: Some(stdin),
            heard,
            reader,
        };
        eventually("the lobby", || (talker.count("you are") > 0).then_some(()));
        talker
    }

    /// The messages shown: who and what.
    fn said(&self) -> Vec<(String, String)> {
        let heard = self.heard.lock().unwrap();
        let chats = heard
            .iter()
            .filter_map(|line| line.get(9..)?.strip_prefix("#lobby <"));
        let parts = chats.map(|chat| chat.split_once("> ").unwrap());
        parts
            .map(|(who, what)| (who.to_owned(), what.to_owned()))
            .collect()
    }

    fn count(&self, part: &str) -> usize {
        let heard = self.heard.lock().unwrap();
        heard.iter().filter(|line| line.contains(part)).count()
    }

    /// Ends the input, and checks how the program ends.
    fn leave(mut self, server: &ServerProcess) {
        drop(self.stdin.take());
        let status = eventually("a client's end", || self.child.try_wait().unwrap());
        self.reader.join().unwrap();
        let stderr = server.path().join(&self.name).join("stderr");
        let stderr = fs::read_to_string(stderr).unwrap();
        assert_eq!(
            (status.code(), stderr.as_str()),
            (Some(0), ""),
            "{}",
            self.name
        );
    }
}

/// The server, its clients, and the threads that type for them.
struct Crowd {
    server: ServerProcess,
    talkers: Vec<Talker>,
    /// So many for each of the first [`SENDERS`].
    lines: usize,
    writers: Vec<thread::JoinHandle<ChildStdin>>,
}

impl Crowd {
    /// All clients are registered, and begin to type `lines` lines each.
    fn begin(lines: usize) -> Self {
        let server = ServerProcess::start_on(free_port(), UNLIMITED);
        let names = ('a'..)
            .take(SENDERS)
            .map(|letter| format!("sender{letter}"));
        let mut talkers: Vec<_> = names.map(|name| Talker::register(&server, &name)).collect();
        let writers = talkers.iter_mut().map(|talker| {
            let mut stdin = talker.stdin.take().unwrap();
            let name = talker.name.clone();
            thread::spawn(move || {
                for number in 1..=lines {
                    writeln!(stdin, "{}", typed(&name, number)).unwrap();
                }
                stdin
            })
        });
        let writers = writers.collect();
        Self {
            server,
            talkers,
            lines,
            writers,
        }
    }

    fn wait_shown(&self, talker: usize, many: usize) {
        // `eventually` bounds each step, not the whole, which may take long.
        let mut shown = 0;
        while shown < many {
            shown = eventually(&format!("more than {shown} messages"), || {
                let now = self.talkers[talker].count("#lobby <");
                (now > shown).then_some(now)
            });
        }
    }

    fn came_back(&self) -> usize {
        let counts = self
            .talkers
            .iter()
            .map(|talker| talker.count("connected again"));
        counts.sum()
    }

    /// Every line typed is in the database once, numbered without a gap, in the order in which its
    /// sender typed it; every client showed them like that; chat.log has a line for each.
    fn check(mut self) {
        for (talker, writer) in self.talkers.iter_mut().zip(self.writers.drain(..)) {
            talker.stdin = Some(writer.join().unwrap());
        }
        let total = SENDERS * self.lines;
        let database = self.server.database();
        let sql = "SELECT m.seq, r.user, CAST(m.body AS TEXT) FROM messages m \
                   JOIN REGISTERED r ON r.id = m.sender ORDER BY m.seq";
        let mut all = database.prepare(sql).unwrap();
        for talker in 0..SENDERS {
            self.wait_shown(talker, total);
        }
        let rows = all.query_map((), |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        let rows: Vec<(u32, String, String)> = rows.unwrap().map(Result::unwrap).collect();
        assert!(
            rows.len() == total && (1..).zip(&rows).all(|(seq, row)| row.0 == seq),
            "{}",
            rows.len()
        );
        let order: Vec<_> = rows.into_iter().map(|row| (row.1, row.2)).collect();
        for (number, talker) in self.talkers.iter().enumerate() {
            let own = order.iter().filter(|(who, _)| *who == talker.name);
            let lines = if number < SENDERS { self.lines } else { 0 };
            let lines = (1..=lines).map(|number| typed(&talker.name, number));
            assert!(
                own.map(|(_, text)| text.clone()).eq(lines),
                "{}",
                talker.name
            );
            if number < SENDERS {
                assert!(
                    talker.said() == order,
                    "{} was shown something else",
                    talker.name
                );
            } else {
                eventually("all that was said", || {
                    (talker.said().last() == order.last()).then_some(())
                });
                let said = talker.said();
                assert!(
                    said.len() >= FIRST_VIEW && order.ends_with(&said),
                    "{}",
                    talker.name
                );
            }
        }
        let logged: Vec<_> = self
            .server
            .lines("chat.log")
            .iter()
            .map(|line| logged(line))
            .collect();
        let numbered = (1..).zip(order);
        let wanted: Vec<_> = numbered
            .map(|(seq, (who, text))| (seq, who, text))
            .collect();
        assert!(
            logged == wanted,
            "chat.log is not what was said: {} lines",
            logged.len()
        );
        let recovered = self.server.lines("chat.log");
        let recovered = recovered
            .iter()
            .filter(|line| line.contains(" recovered=1 "));
        eprintln!(
            "{total} messages, {} lines of chat.log recovered",
            recovered.count()
        );
        for talker in self.talkers {
            talker.leave(&self.server);
        }
    }
}

fn typed(name: &str, number: usize) -> String {
    format!("line {number} of {name}, whole")
}

/// Number, name and text of a line of chat.log.
fn logged(line: &str) -> (u32, String, String) {
    let after = |key: &str| line.split_once(key).unwrap_or_else(|| panic!("{line}")).1;
    let word = |key: &str| after(key).split(' ').next().unwrap().to_owned();
    let text = after(" text=\"")
        .strip_suffix('"')
        .unwrap_or_else(|| panic!("{line}"));
    (
        word(" seq=").parse().unwrap(),
        word(" user="),
        text.to_owned(),
    )
}

#[test]
fn promise_1_kills_at_any_moment_lose_nothing_show_nothing_twice_and_change_no_order() {
    const LINES: usize = 600;
    let mut random = SeededRandom::from_environment();
    let begun = Instant::now();
    let mut crowd = Crowd::begin(LINES);
    let part = SENDERS * LINES / 6;
    for kill in 1..=5 {
        crowd.wait_shown(0, kill * part + random.below(part));
        crowd.server.kill();
        crowd.server.restart();
        if kill % 2 == 0 {
            // Once more, while the clients are coming back.
            let some = crowd.came_back() + 1 + random.below(SENDERS - 1);
            eventually("the first to come back", || {
                (crowd.came_back() >= some).then_some(())
            });
            crowd.server.kill();
            crowd.server.restart();
        }
        if kill == 3 {
            let late = Talker::register(&crowd.server, "late");
            crowd.talkers.push(late);
        }
    }
    crowd.check();
    eprintln!("7 kills, {:?}", begun.elapsed());
}

#[test]
fn promise_2_a_stop_under_load_is_said_to_everybody_and_survived_by_everything() {
    const LINES: usize = 300;
    let mut random = SeededRandom::from_environment();
    let mut crowd = Crowd::begin(LINES);
    let half = SENDERS * LINES / 2;
    crowd.wait_shown(0, half + random.below(half) / 2);
    let begun = Instant::now();
    let status = crowd.server.stop();
    let took = begun.elapsed();
    assert_eq!(status.code(), Some(0));
    assert!(took < Duration::from_secs(5), "{took:?}");
    let goodbye = "the server ended the session: ";
    eventually("everybody's goodbye", || {
        let all = crowd
            .talkers
            .iter()
            .all(|talker| talker.count(goodbye) == 1);
        all.then_some(())
    });
    crowd.server.restart();
    eventually("everybody's return", || {
        (crowd.came_back() == SENDERS).then_some(())
    });
    crowd.check();
    eprintln!("stopped in {took:?}");
}
