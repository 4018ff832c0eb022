//! The command line: flags, their checked values, the help, and the exit codes.
//!
//! No flag and no environment variable takes a secret: arguments stand in the process list and
//! in the shell's history. Called by `main`; knows no configuration file and opens nothing.

mod help;
mod script;

use std::io::Write;
use std::path::PathBuf;
use std::process::{self, ExitCode};

use chatbox_common::config::{is_profile_name, profile_name_rule};
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::address::ServerAddress;
use crate::charset::{self, Charset};
pub use script::{Script, Since, completions};

/// Talk on a ChatBox server, encrypted and with two factors.
#[derive(Debug, Parser)]
#[command(name = "chatbox", version, after_help = help::top(), disable_help_subcommand = true)]
#[allow(clippy::struct_excessive_bools, reason = "each is a flag of its own")]
pub struct Cli {
    /// What a script wants; without it, it is the chat
    #[command(subcommand)]
    pub script: Option<Script>,

    /// The server: a name or address, perhaps :port
    #[arg(long, global = true, value_name = "HOST:PORT", value_parser = ServerAddress::parse)]
    pub server: Option<ServerAddress>,

    /// The name to log in or register with
    #[arg(long, global = true, value_name = "NAME", value_parser = UserName::parse)]
    pub user: Option<UserName>,

    /// Be whom [profiles.NAME] of config.toml says
    #[arg(long, global = true, value_name = "NAME", value_parser = profile)]
    pub profile: Option<String>,

    /// Read the password from FILE, '-' for a pipe
    #[arg(long, global = true, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Read the second factor's code from FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub otp_file: Option<PathBuf>,

    /// Accept only the server with this fingerprint
    #[arg(long, global = true, value_name = "SHA256:...", value_parser = Fingerprint::parse)]
    pub fingerprint: Option<Fingerprint>,

    /// Make a new account instead of logging in
    #[arg(long)]
    pub register: bool,

    /// Lines in, lines out: for pipes, screen readers
    #[arg(long)]
    pub plain: bool,

    /// Keep a script's login in a file for the next
    #[arg(long, global = true)]
    pub keep_session: bool,

    /// Use this configuration file
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Check the configuration, and end
    #[arg(long)]
    pub check_config: bool,

    /// Keep the fingerprints of known servers in FILE
    #[arg(long, global = true, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
}

impl Cli {
    /// Ends the program where the arguments ask for help or are not allowed.
    #[must_use]
    pub fn of_process() -> Self {
        let called = Self::try_parse().and_then(Self::checked);
        called.unwrap_or_else(|error| end(&error))
    }

    /// Rules that no flag's definition can express.
    fn checked(self) -> Result<Self, clap::Error> {
        let refused = |sentence| {
            // The usage that is shown is that of the command which was called.
            let mut whole = Self::command();
            whole.build();
            let name = self.script.as_ref().map_or("", Script::name);
            let mut called = whole.find_subcommand(name).unwrap_or(&whole).clone();
            Err(called.error(ErrorKind::ArgumentConflict, sentence))
        };
        let logs_in = self.script.as_ref().is_some_and(Script::logs_in);
        if self.keep_session && !logs_in {
            return refused("--keep-session is for send, tail, list and whoami");
        }
        if self.register && self.script.is_some() {
            return refused("--register is for the chat: a script needs an account that there is");
        }
        match &self.script {
            Some(Script::Send(sending)) if sending.is_blank() => {
                refused("TEXT is empty; leave it out to send the lines of standard input")
            }
            _ => Ok(self),
        }
    }
}

/// Ends the program as clap does, but as the terminal's character set allows: clap may repeat an
/// argument.
fn end(error: &clap::Error) -> ! {
    if Charset::of_terminal() == Charset::Utf8 {
        error.exit();
    }
    let text = error.render().to_string();
    // If this fails, there is no way left to report it.
    let _ = if error.use_stderr() {
        charset::stderr().write_all(text.as_bytes())
    } else {
        charset::stdout().write_all(text.as_bytes())
    };
    process::exit(error.exit_code())
}

fn profile(name: &str) -> Result<String, String> {
    if is_profile_name(name) {
        return Ok(name.to_owned());
    }
    Err(format!("a profile's name has {}", profile_name_rule()))
}

/// The exit codes, which the help promises.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    Fine = 0,
    /// Any failure without a code of its own.
    Failure = 1,
    /// A wrong flag or value; clap itself ends the program with it.
    Usage = 2,
    Configuration = 3,
    CannotConnect = 4,
    KeyRefused = 5,
    LoginRefused = 6,
    /// The connection ended without a goodbye.
    CutOff = 7,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit as u8)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["chatbox"], arguments].concat()).and_then(Cli::checked)
    }

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_is_needed() {
        let cli = parse(&[]).unwrap();
        assert!(cli.server.is_none() && cli.user.is_none() && !cli.register && !cli.plain);
        assert!(cli.script.is_none() && cli.profile.is_none() && !cli.keep_session);
    }

    #[test]
    fn values_are_checked_where_they_come_in() {
        let fingerprint = Fingerprint::from_key(&[1; 32]).to_string();
        let cli = parse(&[
            "--server=[::1]",
            "--user=alice",
            "--fingerprint",
            &fingerprint,
            "--password-file=-",
            "--register",
        ])
        .unwrap();
        assert_eq!(cli.server.unwrap().to_string(), "[::1]:7878");
        assert_eq!(cli.user.unwrap().as_str(), "alice");
        assert_eq!(cli.fingerprint.unwrap().to_string(), fingerprint);
        assert_eq!(cli.password_file.unwrap(), PathBuf::from("-"));
        assert!(cli.register);
        for (bad, why) in [
            ("--server=::1", "in brackets"),
            ("--server=chat:0", "1 to 65535"),
            ("--user=a b", "letters a to z"),
            ("--fingerprint=SHA256:abc", "43 letters"),
            ("--profile=a.b", "1 to 32"),
            ("--keep-session", "send, tail, list and whoami"),
        ] {
            let error = parse(&[bad]).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(Exit::Usage as u8));
            assert!(error.to_string().contains(why), "{error}");
        }
    }

    #[test]
    fn a_secret_is_no_argument_and_is_not_repeated() {
        for attempt in [
            &["--password=hunter22"][..],
            &["--otp=hunter22"],
            &["--password", "hunter22"],
        ] {
            let error = parse(attempt).unwrap_err().to_string();
            assert!(error.contains("-file"), "{error}");
            assert!(!error.contains("hunter22"), "{error}");
        }
    }

    #[test]
    fn what_a_script_needs_may_stand_before_and_behind_its_command() {
        for arguments in [
            &["--profile=bot", "--keep-session", "--server=chat", "whoami"][..],
            &["whoami", "--profile=bot", "--keep-session", "--server=chat"],
        ] {
            let cli = parse(arguments).unwrap();
            assert_eq!(cli.profile.as_deref(), Some("bot"));
            assert_eq!(cli.server.unwrap().to_string(), "chat:7878");
            assert!(cli.keep_session);
            assert!(matches!(cli.script, Some(Script::Whoami(_))));
        }
    }

    #[test]
    fn a_call_that_could_not_do_what_it_says_is_a_wrong_use() {
        for (arguments, why) in [
            (&["--register", "whoami"][..], "--register"),
            (&["completions", "bash", "--keep-session"], "--keep-session"),
            (&["send", "--room=#ops", " ", ""], "TEXT is empty"),
            (&["--keep-session"], "--keep-session"),
        ] {
            let error = parse(arguments).unwrap_err();
            assert_eq!(error.exit_code(), i32::from(Exit::Usage as u8));
            assert!(error.to_string().contains(why), "{error}");
            let script = ["send", "whoami", "completions"];
            let called = script.iter().find(|name| arguments.contains(*name));
            let usage = match called {
                Some(name) => format!("Usage: chatbox {name} "),
                None => "Usage: chatbox [OPTIONS]".to_owned(),
            };
            assert!(error.to_string().contains(&usage), "{error}");
        }
    }

    #[test]
    fn the_help_names_every_flag_and_exit_code_in_80_columns() {
        let mut whole = Cli::command();
        whole.build();
        for command in [&whole].into_iter().chain(whole.get_subcommands()) {
            let help = command.clone().render_help().to_string();
            for line in help.lines() {
                assert!(line.chars().count() <= 80, "{line}");
            }
            for argument in command.get_arguments() {
                let flag = argument.get_long().map(|long| format!("--{long}"));
                assert!(help.contains(&flag.unwrap_or_default()), "{argument}");
            }
            let is_quiet = command.get_name() == "completions";
            for exit in [
                Exit::Fine,
                Exit::Failure,
                Exit::Usage,
                Exit::Configuration,
                Exit::CannotConnect,
                Exit::KeyRefused,
                Exit::LoginRefused,
                Exit::CutOff,
            ] {
                let told = help.contains(&format!("\n  {}  ", exit as u8));
                assert!(told || is_quiet, "{} {exit:?}", command.get_name());
            }
        }
    }
}
