//! The ChatBox client: `chatbox`.

use std::process::ExitCode;

fn main() -> ExitCode {
    chatbox_client::main()
}
