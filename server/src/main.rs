//! The ChatBox server.

mod admin;
mod audit;
mod boot;
mod capacity;
mod cli;
mod clock;
mod commands;
mod config;
mod connection;
mod connection_threads;
mod connections;
mod delivery;
mod event;
mod handshakes;
mod journal;
mod keyfile;
mod listener;
mod login;
mod login_stream;
mod presence;
mod rate_limit;
mod readers;
mod server;
mod shared;
mod signals;
mod sql_log;
mod store;
mod threads;
mod totp_seal;

use std::io::{self, Write};
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;

use audit::Line;
use cli::{Cli, Command, Exit};
use config::{ConfigError, Environment, Settings};
use server::{FEW_ITERATIONS, Server};

fn main() -> ExitCode {
    run(&Cli::parse()).into()
}

fn run(cli: &Cli) -> Exit {
    if let Err(error) = capacity::forbid_core_dumps() {
        eprintln!("chatbox-server: core dumps can't be switched off: {error}");
        return Exit::Failure;
    }
    let settings = match settings(cli) {
        Ok(settings) => settings,
        Err(error) => {
            eprintln!("{error}");
            return Exit::Configuration;
        }
    };
    if cli.check_config {
        println!("the configuration is fine");
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
    match serve(&settings, listener) {
        Ok(()) => Exit::Fine,
        Err(error) => {
            eprintln!("chatbox-server: {error:#}");
            if error.is::<ConfigError>() {
                Exit::Configuration
            } else {
                Exit::Failure
            }
        }
    }
}

fn settings(cli: &Cli) -> anyhow::Result<Settings> {
    Ok(config::load(&cli.options(), &Environment::of_process()?)?)
}

fn administer(settings: &Settings, command: &Command) -> Exit {
    match admin::run(settings, command, &mut io::stdout().lock()) {
        Ok(()) => Exit::Fine,
        // Whoever reads the list has seen enough.
        Err(error) if is_broken_pipe(&error) => Exit::Fine,
        Err(error) => {
            eprintln!("chatbox-server: {error:#}");
            Exit::Failure
        }
    }
}

fn is_broken_pipe(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<io::Error>()
        .is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

fn serve(settings: &Settings, listener: std::net::TcpListener) -> anyhow::Result<()> {
    let signals = signals::Expected::new()?;
    let server = Server::start(settings, listener)?;
    let audit = server.shared.audit.clone();
    let ignored = move |signal| {
        audit.info(Line::warn("signal_ignored").with("signal", signal));
    };
    signals.watch(server.stopper()?, ignored)?;
    // A server whose operator has closed the other end of a pipe serves all the same.
    let _ = print_banner(&server, settings, &mut io::stdout());
    server.run();
    Ok(())
}

/// What an operator needs: where it runs, how to recognise it, and what a client types next.
fn print_banner(server: &Server, settings: &Settings, out: &mut impl Write) -> io::Result<()> {
    use chatbox_common::config::{Durability, Registration};
    let config = &settings.config;
    let file = settings
        .file
        .as_ref()
        .map(|path| path.display().to_string());
    let address = server.address;
    writeln!(out, "ChatBox server {}", env!("CARGO_PKG_VERSION"))?;
    writeln!(out, "  listening on  {address}")?;
    writeln!(out, "  fingerprint   {}", server.fingerprint)?;
    writeln!(
        out,
        "  configuration {}",
        file.as_deref().unwrap_or("none; defaults")
    )?;
    writeln!(
        out,
        "  database      {}",
        settings.data_dir.join(store::DATABASE).display()
    )?;
    writeln!(out, "  audit files   {}", settings.log_dir.display())?;
    writeln!(out, "  keys          {}", settings.key_dir.display())?;
    let durability = match config.storage.durability {
        Durability::Normal => "normal: what was acknowledged survives the server's sudden end",
        Durability::Full => "full: what was acknowledged survives a power cut",
    };
    writeln!(out, "  durability    {durability}")?;
    writeln!(
        out,
        "  connections   at most {} ({})",
        server.cap.connections, server.cap.limit
    )?;
    writeln!(
        out,
        "  audit seal    none: lines are not sealed against later changes"
    )?;
    if config.server.registration == Registration::Open && !address.ip().is_loopback() {
        writeln!(
            out,
            "  WARNING       whoever reaches this address may register; see `registration`"
        )?;
    }
    let iterations = config.security.scram_iterations;
    if !iterations.suits_clients() {
        writeln!(
            out,
            "  WARNING       scram_iterations = {}: {FEW_ITERATIONS}",
            iterations.count()
        )?;
    }
    writeln!(out)?;
    writeln!(out, "A client on this machine types")?;
    writeln!(out, "  chatbox --server {}", reachable(address))?;
    writeln!(
        out,
        "and one elsewhere compares the fingerprint above, or passes it as --fingerprint."
    )?;
    Ok(())
}

/// An address a client on this machine can use.
fn reachable(address: SocketAddr) -> SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
