//! The ChatBox server: everything but the call of [`main`], so that benches and tests link it.
//!
//! Modules are private but for those that others measure or test.

// What tests start ends with them.
#![cfg_attr(not(test), warn(clippy::disallowed_methods))]

mod account_budget;
mod admin;
mod audit;
mod banner;
mod boot;
mod bucket;
mod capacity;
mod cli;
mod clock;
mod commands;
mod config;
mod connection;
mod connection_threads;
mod connections;
mod control;
mod crowd;
mod delivery;
mod event;
mod faults;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod handshakes;
mod housekeeper;
mod journal;
mod keyfile;
mod listener;
mod local_socket;
mod login;
mod login_stream;
mod networks;
mod new_file;
mod open_session;
mod operator;
mod presence;
mod prices;
mod rate_limit;
mod readers;
mod server;
mod shared;
mod signals;
mod space;
mod sql_log;
mod startup;
mod status;
pub mod store;
mod strangers;
mod threads;
mod totp_seal;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command, Exit};
use config::{ConfigError, Environment, Settings, Sources};
use server::Server;

/// Which terminal keys and actions there are is not known here.
const KEYS_ARE_THE_CLIENTS: &str =
    "what stands in [keys] was not checked: chatbox --check-config does";

#[must_use]
pub fn main() -> ExitCode {
    run(&Cli::parse()).into()
}

fn run(cli: &Cli) -> Exit {
    if let Err(error) = capacity::forbid_core_dumps() {
        eprintln!("chatbox-server: core dumps can't be switched off: {error}");
        return Exit::Failure;
    }
    if let Err(error) = signals::survive_file_size_limit() {
        eprintln!("chatbox-server: SIGXFSZ can't be handled: {error}");
        return Exit::Failure;
    }
    let (sources, settings) = match settings(cli) {
        Ok(found) => found,
        Err(error) => {
            complain(&error);
            return Exit::Configuration;
        }
    };
    if cli.check_config {
        println!("the configuration is fine");
        if !settings.config.keys.is_empty() {
            println!("{KEYS_ARE_THE_CLIENTS}");
        }
        return Exit::Fine;
    }
    if let Some(command) = &cli.command {
        return administer(&settings, command);
    }
    let address = SocketAddr::new(settings.config.server.address, settings.config.server.port);
    let listener = match listener::bind(address) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("chatbox-server: can't listen on {address}: {error}");
            return Exit::CannotBind;
        }
    };
    match serve(sources, &settings, listener, cli.new_database) {
        Ok(()) => Exit::Fine,
        Err(error) => failed(&error),
    }
}

fn settings(cli: &Cli) -> anyhow::Result<(Sources, Settings)> {
    let sources = Sources {
        options: cli.options(),
        environment: Environment::of_process()?,
    };
    let settings = match &cli.command {
        Some(_) => sources.read()?,
        None => sources.load()?,
    };
    settings.admin_group()?;
    Ok((sources, settings))
}

fn administer(settings: &Settings, command: &Command) -> Exit {
    match admin::run(settings, command, &mut io::stdout().lock()) {
        Ok(exit) => exit,
        // `user list | head` closes the pipe once it has what it wants.
        Err(error) if is_broken_pipe(&error) => Exit::Fine,
        Err(error) => failed(&error),
    }
}

fn failed(error: &anyhow::Error) -> Exit {
    complain(error);
    if error.is::<ConfigError>() {
        Exit::Configuration
    } else {
        Exit::Failure
    }
}

/// What SQLite says of a damaged database has bytes of it: they give the terminal no orders.
fn complain(error: &anyhow::Error) {
    match error.downcast_ref::<ConfigError>() {
        Some(ConfigError(faults)) => {
            for fault in faults {
                eprintln!("chatbox-server: {}", printable(fault));
            }
        }
        None => {
            for line in format!("{error:#}").lines() {
                eprintln!("chatbox-server: {}", printable(line));
            }
        }
    }
}

fn printable(text: &str) -> String {
    let shown = |c: char| match c {
        '"' | '\'' | '\\' => c.to_string(),
        c => c.escape_debug().to_string(),
    };
    text.chars().map(shown).collect()
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn serve(
    sources: Sources,
    settings: &Settings,
    listener: std::net::TcpListener,
    begins_anew: bool,
) -> anyhow::Result<()> {
    let signals = signals::Expected::new()?;
    let server = Server::start(sources, settings, listener, begins_anew)?;
    signals.watch(server.stopper()?, &server.control)?;
    if let Some(shortage) = &server.shortage {
        let warning = "nobody can log in or write anything until there is room";
        // Also where standard error is closed.
        let _ = writeln!(
            io::stderr(),
            "chatbox-server: WARNING: {shortage}: {warning}"
        );
    }
    // A closed standard output is no reason not to serve.
    let _ = banner::print(&server, settings, &mut io::stdout());
    Ok(server.run()?)
}
