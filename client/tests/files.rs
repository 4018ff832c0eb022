//! The program, and the files and folders around it: what it takes from them, what it leaves.
#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests may assert in the plainest way, their helpers too"
)]

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use chatbox_common::testkit::client_dir::{ClientDir, end};
use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::program;
use chatbox_common::testkit::scripted_server::ScriptedServer;

#[cfg(target_os = "linux")]
#[test]
fn nothing_of_its_memory_gets_into_a_core_dump() {
    let (dir, server) = (ClientDir::new(), ScriptedServer::bind());
    let child = dir.begin(&server, &[]);
    let client = server.accept();
    let limits = fs::read_to_string(format!("/proc/{}/limits", child.id())).unwrap();
    let core = limits.lines().find(|line| line.starts_with("Max core"));
    let words: Vec<_> = core.unwrap().split_whitespace().collect();
    assert_eq!(words[4..6], ["0", "0"], "{limits}");
    drop(client);
    end(child);
}

#[test]
fn a_configuration_that_somebody_else_could_have_planted_is_not_followed() {
    let (dir, planted) = (ClientDir::new(), ScriptedServer::bind());
    let folder = dir.path("open");
    let inner = folder.join("inner");
    fs::create_dir_all(&inner).unwrap();
    let (host, port) = planted.address().rsplit_once(':').map(both).unwrap();
    let text = format!("[client]\nserver_address = '{host}'\nserver_port = {port}\n");
    fs::write(folder.join("config.toml"), text).unwrap();
    // The next one upward, which is taken.
    dir.write("config.toml", "[client]\nserver_port = 1\n");
    for (mode, is_taken) in [(0o777, false), (0o755, true)] {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        let mut command = Command::new(program("chatbox"));
        command
            .current_dir(&inner)
            .env("HOME", dir.path("home"))
            .env_remove("XDG_CONFIG_HOME")
            .args(["whoami", "--user=alice", "--password-file=../../pass"])
            .args(["--otp-file=../../code", "--known-hosts=../../known"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let child = GuardedChild::spawn(&mut command);
        if is_taken {
            planted.accept().hears_no_more();
        }
        let ended = end(child);
        assert_eq!(ended.code, if is_taken { 5 } else { 4 }, "{}", ended.err);
        let is_told = ended.err.contains("passed over") && ended.err.contains("open/config.toml");
        assert_eq!(is_told, !is_taken, "{}", ended.err);
    }
}

fn both((one, other): (&str, &str)) -> (String, String) {
    (one.to_owned(), other.to_owned())
}

#[test]
fn a_configuration_can_be_checked_with_its_keys() {
    let dir = ClientDir::new();
    for (config, code, told) in [
        ("[keys]\n'f5' = 'next-room'\n", 0, "config.toml is fine"),
        ("[keys]\n'f5' = 'next-rom'\n'f99' = 'quit'\n", 3, "line 2: "),
        ("[client]\nbel = true\n", 3, "line 2: "),
    ] {
        dir.write("config.toml", config);
        let ended = end(dir.spawn(&["--check-config"]));
        assert_eq!(ended.code, code, "{}", ended.err);
        assert!((ended.out + &ended.err).contains(told), "{config}");
    }
}
