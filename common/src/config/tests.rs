use std::time::Duration;

use super::keys::{Key, ROTATION_MIB, ROTATION_MINUTES, ROTATION_RECORDS};
use super::*;

fn faults(text: &str) -> Vec<(usize, String)> {
    let faults = parse(text).unwrap_err();
    faults.into_iter().map(|f| (f.line, f.sentence)).collect()
}

/// The only fault of a text of one line.
fn fault(text: &str) -> String {
    let faults = faults(text);
    assert_eq!(faults.len(), 1, "{faults:?}");
    faults[0].1.clone()
}

#[test]
fn an_empty_file_says_the_defaults() {
    let config = parse("").unwrap();
    assert_eq!(config, Config::default());
    assert_eq!(config.server.address.to_string(), "127.0.0.1");
    assert_eq!(config.security.max_messages_per_sec, 5);
    assert_eq!(config.security.rotation_records, 65_536);
    assert_eq!(config.security.rotation_bytes, 268_435_456);
    assert_eq!(config.security.rotation_age, Duration::from_secs(600));
}

#[test]
fn the_file_of_secure_messaging_works_as_it_stands() {
    let text = "[server]\naddress = \"127.0.0.1\"\nport = 7878\n\n\
                [security]\nmax_messages_per_sec = 5\n";
    assert_eq!(parse(text).unwrap(), Config::default());
}

/// The repository's config.toml; `uncommented` switches on the keys that are comments in it.
fn shipped(uncommented: bool) -> String {
    let text = include_str!("../../../config.toml");
    let on = |line: &str| {
        let is_key = |rest: &str| {
            rest.split_once(" = ")
                .is_some_and(|(key, _)| key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'))
        };
        match line.strip_prefix("# ") {
            Some(rest) if uncommented && is_key(rest) => format!("{rest}\n"),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(on).collect()
}

#[test]
fn the_shipped_file_says_the_defaults() {
    assert_eq!(parse(&shipped(false)).unwrap(), Config::default());
    assert_eq!(parse(&shipped(true)).unwrap(), Config::default());
}

#[test]
fn the_shipped_file_shows_every_key() {
    let text = shipped(true);
    let (document, errors) = DeTable::parse_recoverable(&text);
    assert!(errors.is_empty());
    for key in KEYS {
        let section = document.get_ref().get(key.section).expect(key.section);
        assert!(section.get_ref().get(key.name).is_some(), "{}", key.name);
    }
}

#[test]
fn no_key_is_read_for_nothing() {
    let values = [
        "0",
        "1",
        "9",
        "16",
        "64",
        "2_048",
        "4_096",
        "20_000",
        "false",
        "'::'",
        "'closed'",
        "'off'",
        "'full'",
        "'/k'",
        "'/k/info.log'",
    ];
    let checks = [
        ("logging", "log_format"),
        ("encryption", "algorithm"),
        ("encryption", "key_size"),
    ];
    for Key { section, name, .. } in KEYS {
        let changes = |value: &&str| {
            parse(&format!("[{section}]\n{name} = {value}\n"))
                .is_ok_and(|config| config != Config::default())
        };
        let is_check = checks.contains(&(section, name));
        assert_ne!(values.iter().any(changes), is_check, "{section}.{name}");
    }
}

#[test]
fn numbers_and_words_are_written_as_people_write_them() {
    for (section, line) in [
        ("server", "address = '::'"),
        ("server", "port = 0"),
        ("server", "registration = 'closed'"),
        ("server", "max_connections = 0x10"),
        ("security", "max_messages_per_sec = 0"),
        ("security", "key_directory = '/k'"),
        ("security", "log_level = 'DEBUG'"),
        ("security", "rotation_records = 20_000"),
        ("security", "rotation_mib = 64"),
        ("security", "rotation_minutes = 1"),
        ("security", "scram_iterations = 4096"),
        ("client", "server_address = 'chat.example.org'"),
        ("client", "server_port = 1"),
        ("client", "reconnect_delay = 1"),
        ("client", "scrollback = 1_000_000"),
        ("client", "bell = false"),
        ("client", "escape_ms = 5000"),
        ("logging", "directory = '/var/log/chatbox'"),
        ("logging", "log_level = 'off'"),
        ("logging", "log_file = '/var/log/chatbox/info.log'"),
        ("network", "connection_timeout = 9"),
        ("network", "buffer_size = 2048"),
        ("storage", "directory = '/var/lib/chatbox'"),
        ("storage", "durability = 'full'"),
        ("storage", "min_free_mib = 16"),
        ("limits", "outbox_kib = 16"),
        ("limits", "outbox_total_mib = 16"),
    ] {
        let config = parse(&format!("[{section}]\n{line}\n")).expect(line);
        assert_ne!(config, Config::default(), "{line}");
    }
}

#[test]
fn what_cannot_be_honoured_is_refused_with_what_can() {
    for (text, remedy) in [
        ("encryption.algorithm = 'ChaCha20-Poly1305'", "AES-256-GCM"),
        ("encryption.key_size = 128", "256 bits"),
        ("logging.log_format = 'json'", "text"),
        (
            "logging.log_file = 'logs/server.log'",
            "`directory` in [logging]",
        ),
        ("logging.directory = '~/log'", "whole path"),
        ("server.registration = 'invite'", "later version"),
        ("server.address = 'everywhere'", "0.0.0.0"),
        ("server.port = 65536", "0 to 65535"),
        ("server.port = -1", "0 to 65535"),
        ("server.port = '7878'", "whole numbers"),
        ("client.server_port = 0", "1 to 65535"),
        ("client.server_address = 'a b'", "host name"),
        ("client.scrollback = 999", "1000 to 1000000 (messages)"),
        ("client.bell = 'on'", "true or false"),
        ("client.escape_ms = 0", "1 to 5000 (milliseconds)"),
        ("network.connection_timeout = 11", "1 to 10 (seconds)"),
        ("network.buffer_size = 16385", "2048 to 16384"),
        ("security.rotation_records = 65537", "16384 to 65536"),
        ("security.rotation_mib = 257", "64 to 256"),
        ("security.rotation_minutes = 11", "1 to 10"),
        ("security.scram_iterations = 4095", "4096 to 5000000"),
        ("security.scram_iterations = 5000001", "4096 to 5000000"),
        ("security.scram_iterations = '600000'", "whole numbers"),
        ("storage.durability = true", "text in quotes"),
        ("limits.outbox_kib = 1.5", "whole numbers"),
        ("server = 5", "[server]"),
    ] {
        let sentence = fault(text);
        assert!(sentence.contains(remedy), "{text}: {sentence}");
    }
    for good in [
        "algorithm = 'aes-256-gcm'",
        "key_size = 32",
        "key_size = 256",
    ] {
        assert!(parse(&format!("[encryption]\n{good}\n")).is_ok(), "{good}");
    }
}

#[test]
fn an_unknown_name_is_answered_with_the_nearest() {
    assert!(fault("[server]\nadress = 'x'").contains("`address` in [server]"));
    assert!(fault("[server]\nmax_messages_per_sec = 5").contains("in [security]"));
    assert!(fault("[sevrer]\nport = 1").contains("[server]"));
    assert!(fault("prot = 1").contains("`port` in [server]"));
    assert!(fault("[profile.x]\nuser = 'a'").contains("[profiles.NAME]"));
    assert!(fault("[key]\n").contains("[keys]"));
    assert!(fault("[client]\npassword_comand = 'x'").contains("in [profiles.NAME]"));
    assert!(fault("[server.port.deep]\nx = 1").contains("whole numbers"));
}

#[test]
fn every_fault_is_reported_with_its_line() {
    let text = "[server]\r\nport = 99999\r\nadress = \"x\"\r\n\r\n[security]\r\n\
                rotation_minutes = 60\r\nlog_level = 1979-05-27\r\nbroken =\r\n";
    let lines: Vec<usize> = faults(text).iter().map(|(line, _)| *line).collect();
    assert_eq!(lines, [2, 3, 6, 7, 8]);
}

#[test]
fn a_broken_line_is_reported_once() {
    assert_eq!(faults("[server]\nport = seven\n").len(), 1);
    assert_eq!(faults("[server]\nport = 1\nport = 2\n").len(), 1);
    assert_eq!(faults("[server]\nport =")[0].0, 2);
    assert_eq!(faults("[server")[0].0, 1);
}

#[test]
fn two_names_of_one_setting_must_agree() {
    assert!(parse("logging.log_level = 'warn'\nsecurity.log_level = 'warn'").is_ok());
    assert!(fault("logging.log_level = 'info'\nsecurity.log_level = 'warn'").contains("keep one"));
    assert!(fault("[logging]\ndirectory = 'log'\nlog_file = 'x/chat.log'").contains("keep one"));
    assert!(parse("[logging]\ndirectory = 'x'\nlog_file = 'chat.log'").is_ok());
}

#[test]
fn a_sentence_holds_nothing_that_a_terminal_obeys() {
    for text in [
        "\"\\u001b[2J\" = 1",
        "[\"\\u202e\"]",
        "[server]\naddress = \"\\u001b]0;x\\u0007\"",
        "[server]\n\"\\u009b\" = 1",
        "[server]\nport = \u{1b}[2J",
    ] {
        for (_, sentence) in faults(text) {
            let obeyed = |c: char| c.is_control() || c == '\u{202e}';
            assert!(!sentence.contains(obeyed), "{sentence:?}");
        }
    }
    assert!(fault(&format!("[server]\naddress = '{}'", "x".repeat(100_000))).len() < 400);
}

#[test]
fn endless_nesting_and_endless_names_are_faults() {
    let depth = 100_000;
    assert!(parse(&format!("a = {}", "[".repeat(depth))).is_err());
    assert!(parse(&format!("a = {}", "{a=".repeat(depth))).is_err());
    assert!(parse(&format!("[{}]", ["a"; 1_000].join("."))).is_err());
    assert!(fault(&format!("[server]\n{} = 1", "k".repeat(depth))).len() < 400);
}

#[test]
fn another_programs_file_is_told_from_one_with_a_mistake() {
    for (text, is_ours) in [
        ("[client]\nserver_adress = 'x'\nserver_port = 0\n", true),
        ("[client]\nbell = tru\n", true),
        ("[profiles.bot]\nuser = 'a b'\npasswd = 'x'\n", true),
        ("[network]\nconnection_timeout = 99\n", true),
        ("[client]\nserver_adress = 'x'\n", false),
        ("baseURL = 'https://a.example'\n[params]\na = 1\n", false),
        ("[server]\nport = 80\nroot = '/srv'\n", false),
        ("theme = 'dark'\n[keys.normal]\nx = 'quit'\n", false),
        ("client = 1\nprofiles = 2\n[network]\nname = 'x'\n", false),
        ("not = = TOML\n", false),
        ("", false),
    ] {
        assert_eq!(sets_something_of_the_client(text), is_ours, "{text}");
    }
}

#[test]
fn the_protocol_has_the_ranges_of_the_rotation() {
    let thousands = |n: u32| format!("{},{:03}", n / 1_000, n % 1_000);
    let (records, mib, minutes) = (ROTATION_RECORDS, ROTATION_MIB, ROTATION_MINUTES);
    let sentence = format!(
        "a server can be set to {} to {} records, {} to {} MiB and {} to {} minutes",
        thousands(*records.start()),
        thousands(*records.end()),
        mib.start(),
        mib.end(),
        minutes.start(),
        minutes.end()
    );
    let document = include_str!("../../../docs/PROTOCOL.md");
    assert!(document.contains(&sentence), "{sentence}");
}
