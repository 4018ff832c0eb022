//! The ChatBox server.

use std::process::ExitCode;

fn main() -> ExitCode {
    chatbox_server::main()
}
