//! The operator's commands.
//!
//! Beside a running server each goes through its admin socket: the server alone writes the database
//! and the logs. On a stopped one the command takes the database's lock, as the user whom the data
//! belongs to. What a command does and says is the same in both (`commands`).

mod absent;
mod client;
mod commands;
mod export;
mod frames;
mod holder;
mod listing;
mod live;
mod offline;
mod owner;
mod printable;
mod socket;

use std::io::Write;

use anyhow::bail;

use crate::cli::{Command, Exit};
use crate::config::Settings;
use crate::operator::Operator;
use printable::{Printable, is_utf8_locale};
pub use socket::AdminSocket;

/// Carries out one command and shows its result on `out`. To be called before there is another
/// thread: it may give up the rights of root.
///
/// # Errors
/// A sentence for the operator. Unless it says otherwise, nothing was changed.
pub fn run(settings: &Settings, command: &Command, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut out = Printable::new(out, is_utf8_locale());
    let exit = carry_out(settings, command, &mut out)?;
    out.flush()?;
    Ok(exit)
}

fn carry_out(settings: &Settings, command: &Command, out: &mut impl Write) -> anyhow::Result<Exit> {
    let path = settings.admin_socket();
    let server = client::connect(&path, &settings.data_dir);
    if let Command::Status { json, metrics } = command {
        return client::status(server, settings, (*json, *metrics), out);
    }
    if let Some(server) = server? {
        return client::ask(&server, settings, command, out);
    }
    if matches!(
        command,
        Command::Reload | Command::Announce { .. } | Command::Kick { .. }
    ) {
        bail!(absent::nobody_answers(settings));
    }
    // Who it was, not as whom it runs.
    let operator = Operator::of_process();
    owner::become_owner(settings)?;
    offline::run(settings, operator, command, out)
}
