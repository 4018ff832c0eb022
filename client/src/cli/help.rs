//! What follows the flags in `--help`: examples, and what each exit code is for.

const EXIT_CODES: &str = "\
Exit codes:
  0  fine; of send: every message was acknowledged
  1  failure: also a room that cannot be entered, or a message that is refused
  2  usage: a wrong flag or value, or nobody there to ask for what is missing
  3  configuration: a file cannot be read, or it or a command in it fails
  4  cannot connect, or nothing was acknowledged in the time of --timeout
  5  the server's key was refused
  6  the login was refused
  7  the connection was cut off";

const TOP: &str = "\
Examples:
  chatbox                                  # the menu, on this machine's server
  chatbox --server chat.example:7878 --register --fingerprint SHA256:...
  chatbox --profile bot send --room '#ops' 'the backup is done'
  chatbox --profile bot tail --room '#ops' --json --since 2h | jq -r .text
  echo done | chatbox --server chat.example --user bot --plain \\
      --password-file pass --otp-file otp  # a line from a script

Passwords and codes are asked for without echo, or read from the first line of a
file that only you may read (mode 600), of a FIFO, or with '-' of standard input
(the password first where both are '-'), or printed by a command that a profile
names. They are never arguments.

The port is 7878 if left out. The fingerprint is what the server shows its
operator when it starts; those of known servers are kept in
$XDG_DATA_HOME/chatbox/known_hosts (~/.local/share/chatbox/known_hosts).
A key that has changed is refused. In the chat, /help lists the commands.";

const SEND: &str = "\
Examples:
  chatbox send --profile bot --room '#ops' 'the backup is done'
  seq 1 1000 | chatbox send --profile bot --room '#ops'
  chatbox send --profile bot --room @bob --wait-ack -- '-- a text with a dash'
  chatbox send --profile bot --room '#ops' --timeout 5m 'the backup is done'

What is sent is a text, whatever it begins with: /me means nothing here. Put the
room in quotes: the shell takes what begins with '#' for a comment.";

const TAIL: &str = "\
Examples:
  chatbox tail --profile bot --room '#ops'
  chatbox tail --profile bot --room '#ops' --json --since 1234 | jq -r .text
  chatbox tail --profile bot --room '#ops' --since 08:00 --count 1
  chatbox tail --profile bot --room '#ops' --join   # as a member from now on

WHEN is a span (90s, 10m, 2h, 7d), a time of today (14:30), a day (2026-11-22)
or both ('2026-11-22 14:30'), by the clock on your wall. NUMBER is that of the
last message you have: what comes after it is printed. Put the room in quotes:
the shell takes what begins with '#' for a comment.";

const COMPLETIONS: &str = "\
Examples:
  chatbox completions bash > ~/.local/share/bash-completion/completions/chatbox
  chatbox completions fish > ~/.config/fish/completions/chatbox.fish
  chatbox completions zsh > ~/.zfunc/_chatbox   # in a directory of $fpath";

pub(super) fn top() -> String {
    format!("{TOP}\n\n{EXIT_CODES}")
}

pub(super) fn send() -> String {
    format!("{SEND}\n\n{EXIT_CODES}")
}

pub(super) fn tail() -> String {
    format!("{TAIL}\n\n{EXIT_CODES}")
}

pub(super) const fn asking() -> &'static str {
    EXIT_CODES
}

pub(super) const fn completions() -> &'static str {
    COMPLETIONS
}
