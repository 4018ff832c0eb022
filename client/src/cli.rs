//! The command line: flags, their checked values, the help, and the exit codes.
//!
//! No flag and no environment variable takes a secret: arguments stand in the process list and
//! in the shell's history. Called by `main`; knows no configuration file and opens nothing.

use std::path::PathBuf;
use std::process::ExitCode;

use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use clap::Parser;

use crate::address::ServerAddress;

const AFTER_HELP: &str = "\
Examples:
  chatbox                                  # the menu, on this machine's server
  chatbox --server chat.example:7878 --register --fingerprint SHA256:...
  echo done | chatbox --server chat.example --user bot --plain \\
      --password-file pass --otp-file otp  # a line from a script

Passwords and codes are asked for without echo, or read from the first line of a
file that only you may read (mode 600), of a FIFO, or with '-' of standard input
(the password first where both are '-'). They are never arguments.

The port is 7878 if left out. The fingerprint is what the server shows its
operator when it starts; those of known servers are kept in
$XDG_DATA_HOME/chatbox/known_hosts (~/.local/share/chatbox/known_hosts).
A key that has changed is refused. In the chat, /help lists the commands.

Exit codes:
  0  fine
  1  failure
  2  usage: a wrong flag or value
  3  configuration: a file cannot be read or is not understood
  4  cannot connect
  5  the server's key was refused
  6  the login was refused
  7  the connection was cut off";

/// Talk on a ChatBox server, encrypted and with two factors.
#[derive(Debug, Parser)]
#[command(name = "chatbox", version, after_help = AFTER_HELP)]
pub struct Cli {
    /// The server: a name or address, perhaps :port
    #[arg(long, value_name = "HOST:PORT", value_parser = ServerAddress::parse)]
    pub server: Option<ServerAddress>,

    /// The name to log in or register with
    #[arg(long, value_name = "NAME", value_parser = UserName::parse)]
    pub user: Option<UserName>,

    /// Read the password from FILE, '-' for a pipe
    #[arg(long, value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Read the second factor's code from FILE
    #[arg(long, value_name = "FILE")]
    pub otp_file: Option<PathBuf>,

    /// Accept only the server with this fingerprint
    #[arg(long, value_name = "SHA256:...", value_parser = Fingerprint::parse)]
    pub fingerprint: Option<Fingerprint>,

    /// Make a new account instead of logging in
    #[arg(long)]
    pub register: bool,

    /// Lines in, lines out: for pipes, screen readers
    #[arg(long)]
    pub plain: bool,

    /// Use this configuration file
    #[arg(long, value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Keep the fingerprints of known servers in FILE
    #[arg(long, value_name = "FILE")]
    pub known_hosts: Option<PathBuf>,
}

/// How the program ends; the numbers are promised in the help.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Exit {
    /// All went well.
    Fine = 0,
    /// Something failed for which there is no number of its own.
    Failure = 1,
    /// A wrong flag or value; clap ends the program itself with this number.
    Usage = 2,
    /// A file cannot be read or is not understood.
    Configuration = 3,
    /// No connection to the server.
    CannotConnect = 4,
    /// The server's key is not the one that was expected.
    KeyRefused = 5,
    /// The server refused the login.
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
    use clap::CommandFactory;

    use super::*;

    fn parse(arguments: &[&str]) -> Result<Cli, clap::Error> {
        Cli::try_parse_from([&["chatbox"], arguments].concat())
    }

    #[test]
    fn the_flags_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn no_flag_is_needed() {
        let cli = parse(&[]).unwrap();
        assert!(cli.server.is_none() && cli.user.is_none() && !cli.register && !cli.plain);
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
    fn the_help_names_every_flag_and_exit_code_in_80_columns() {
        let help = Cli::command().render_help().to_string();
        for line in help.lines() {
            assert!(line.chars().count() <= 80, "{line}");
        }
        for argument in Cli::command().get_arguments() {
            let flag = format!("--{}", argument.get_long().unwrap());
            assert!(help.contains(&flag), "{flag}");
        }
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
            assert!(help.contains(&format!("\n  {}  ", exit as u8)), "{exit:?}");
        }
    }
}
