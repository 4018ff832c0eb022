//! What the server prints when it starts: where it runs, how to recognise it, and what a client
//! types next.

use std::io::{self, Write};
use std::net::SocketAddr;

use crate::config::Settings;
use crate::server::{FEW_ITERATIONS, Server};
use crate::store;

pub fn print(server: &Server, settings: &Settings, out: &mut impl Write) -> io::Result<()> {
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

/// 0.0.0.0 and `::` are addresses to listen on, and none to connect to.
fn reachable(address: SocketAddr) -> SocketAddr {
    use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
    let ip = match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => Ipv4Addr::LOCALHOST.into(),
        IpAddr::V6(ip) if ip.is_unspecified() => Ipv6Addr::LOCALHOST.into(),
        ip => ip,
    };
    SocketAddr::new(ip, address.port())
}
