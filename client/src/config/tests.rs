use std::fs;
use std::path::Path;

use clap::Parser;

use super::*;

/// Only its owner may change it, whatever the umask is.
fn write(directory: &Path, text: &str) -> PathBuf {
    let path = directory.join("config.toml");
    fs::write(&path, text).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    path
}

fn settings(text: &str, flags: &[&str]) -> Result<Settings, ConfigError> {
    let directory = tempfile::tempdir().unwrap();
    let path = write(directory.path(), text);
    let flags = [&["chatbox", "--config", path.to_str().unwrap()], flags].concat();
    let cli = Cli::parse_from(flags);
    resolve(
        file::find(cli.config.as_deref())?,
        &cli,
        PathBuf::from("known"),
    )
}

#[test]
fn the_file_says_where_the_server_is_and_a_flag_overrides_it() {
    let text = "[client]\nserver_address = \"::1\"\nserver_port = 99\nreconnect_delay = 2\n\
                [network]\nconnection_timeout = 3\n";
    let found = settings(text, &[]).unwrap();
    assert_eq!(found.server.to_string(), "[::1]:99");
    assert_eq!(found.connection_timeout, Duration::from_secs(3));
    assert_eq!(found.reconnect_delay, Duration::from_secs(2));
    let found = settings(text, &["--server", "chat:1"]).unwrap();
    assert_eq!(found.server.to_string(), "chat:1");
}

#[test]
fn a_server_on_this_link_is_named_with_its_interface() {
    let text = "[client]\nserver_address = 'fe80::1%eth0'\n";
    let found = settings(text, &[]).unwrap();
    assert_eq!(found.server.to_string(), "[fe80::1%eth0]:7878");
    let found = settings(text, &["--server=[fe80::2%wlan0]:9"]).unwrap();
    assert_eq!(found.server.to_string(), "[fe80::2%wlan0]:9");
}

#[test]
fn without_a_word_in_the_file_it_is_this_machine() {
    let found = settings("", &[]).unwrap();
    assert_eq!(found.server.to_string(), "127.0.0.1:7878");
}

/// What a folder brings that was unpacked somewhere.
#[test]
fn a_server_elsewhere_is_not_ones_own_because_a_file_that_lay_about_says_so() {
    let own = |text: &str, is_meant: bool, flags: &[&str]| {
        let directory = tempfile::tempdir().unwrap();
        let path = write(directory.path(), text);
        let config = file::read(&path).unwrap();
        let found = Found {
            path,
            config,
            is_meant,
        };
        let searched = ConfigSearch {
            found: Some(found),
            passed_over: Vec::new(),
        };
        let cli = Cli::parse_from([&["chatbox"], flags].concat());
        let settings = resolve(searched, &cli, PathBuf::from("known")).unwrap();
        let keys = settings.own_key_directory?;
        assert_eq!(keys, directory.path().join("keys"));
        Some(())
    };
    let there = "[client]\nserver_address = 'chat.example'\n";
    let here = "[client]\nserver_address = '127.0.0.1'\n";
    for (text, is_meant, flags, is_own) in [
        (there, false, &[] as &[&str], false),
        (there, true, &[], true),
        (here, false, &[], true),
        (here, false, &["--server", "chat.example"], false),
        ("", false, &[], true),
    ] {
        assert_eq!(
            own(text, is_meant, flags).is_some(),
            is_own,
            "{text} {flags:?}"
        );
    }
}

#[test]
fn every_fault_is_told_with_its_line() {
    let text = "[client]\nserver_port = 0\nreconnect_dely = 1\n";
    let told = settings(text, &[]).unwrap_err().to_string();
    assert!(
        told.contains("line 2:") && told.contains("line 3:"),
        "{told}"
    );
    assert!(told.contains("config.toml"), "{told}");
}

const WORK: &str = "[client]\nserver_address = 'here'\nscrollback = 5000\nbell = false\n\
                    [profiles.work]\nserver = 'Chat.example'\nuser = 'Alice'\n\
                    password_command = 'pass x'\notp_command = 'otp x'\n\
                    [profiles.word]\n[profiles.home]\nuser = 'ally'\n\
                    [keys]\nf1 = 'help'\n";

fn command(key: &str, text: &str) -> SecretCommand {
    SecretCommand::new(format!("{key} of [profiles.work]"), text.to_owned())
}

#[test]
fn a_profile_overrides_the_file_and_flags_override_the_profile() {
    let found = settings(WORK, &["--profile=work"]).unwrap();
    assert_eq!(found.server.to_string(), "chat.example:7878");
    assert_eq!(found.user.unwrap().as_str(), "Alice");
    let password = command("password_command", "pass x");
    assert_eq!(found.password_command, Some(password.clone()));
    assert_eq!(found.otp_command, Some(command("otp_command", "otp x")));
    assert_eq!((found.scrollback, found.bell), (5000, false));
    assert_eq!((found.keys.len(), found.keys[0].line), (1, 14));
    assert!(found.file.unwrap().ends_with("config.toml"));

    let flags = [
        "--profile=work",
        "--server=b:1",
        "--user=Bob",
        "--otp-file=-",
    ];
    let found = settings(WORK, &flags).unwrap();
    assert_eq!(found.server.to_string(), "b:1");
    assert_eq!(found.user.unwrap().as_str(), "Bob");
    assert_eq!(
        (found.password_command, found.otp_command),
        (Some(password), None)
    );
}

#[test]
fn what_a_profile_does_not_say_is_the_file_s() {
    let found = settings(WORK, &["--profile=home"]).unwrap();
    assert_eq!(found.server.to_string(), "here:7878");
    assert_eq!(found.user.unwrap().as_str(), "ally");
    assert_eq!((found.password_command, found.otp_command), (None, None));
    let found = settings(WORK, &[]).unwrap();
    assert_eq!((found.user, found.password_command), (None, None));
}

#[test]
fn an_unknown_profile_is_answered_with_those_there_are() {
    let told = |text, name| {
        let flags = ["--profile", name];
        settings(text, &flags).unwrap_err().to_string()
    };
    let sentence = told(WORK, "wrok");
    assert!(sentence.contains("no profile wrok"), "{sentence}");
    assert!(sentence.ends_with("has work, word, home"), "{sentence}");
    assert!(told("", "work").ends_with("has none"));
    let without = resolve(
        ConfigSearch::default(),
        &Cli::parse_from(["chatbox", "--profile=work"]),
        PathBuf::new(),
    );
    assert!(
        without
            .unwrap_err()
            .to_string()
            .contains("no configuration")
    );
}

#[test]
fn a_file_that_only_lies_about_runs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    write(directory.path(), WORK);
    let tried = |profile| {
        let found = file::search(directory.path(), None, None).unwrap();
        resolve(
            found,
            &Cli::parse_from(["chatbox", profile]),
            PathBuf::new(),
        )
    };
    let sentence = tried("--profile=work").unwrap_err().to_string();
    assert!(sentence.contains("--config"), "{sentence}");
    assert_eq!(
        tried("--profile=home").unwrap().user.unwrap().as_str(),
        "ally"
    );
}

#[test]
fn every_server_that_the_file_may_name_is_an_address() {
    for server in [
        "a",
        "A.b-c_d:1",
        "127.0.0.1:65535",
        "[::1]",
        "[fe80::1%eth0]:1",
        "[2001:DB8::A]:00022",
    ] {
        let text = format!("[profiles.x]\nserver = '{server}'\n");
        let found = settings(&text, &["--profile=x"]);
        assert!(found.is_ok(), "{server}: {found:?}");
    }
}
