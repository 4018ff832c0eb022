//! A command beside a running server: sends what it was called with, and shows the answer.

use std::fs;
use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, anyhow, bail, ensure};
use rustix::net::sockopt::socket_peercred;
use zeroize::Zeroizing;

use super::absent::nobody_answers;
use super::commands;
use super::frames::{Frame, FrameError, MAX_PAYLOAD, Request};
use crate::cli::{Command, Exit, UserCommand};
use crate::config::{ConfigError, Settings};
use crate::local_socket;
use crate::store::PendingFile;

/// Bytes of output that are kept until the command has ended: it may be piped into a pager, for
/// which the server does not wait. Of longer output the rest is written as it comes.
const MAX_OUTPUT: usize = 64 * 1024 * 1024;
/// For the server to accept, and to say how it is.
const ACCEPTED: Duration = Duration::from_secs(10);
/// For an answer, which waits for the server's disk. A copy may take longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// `None` where no server listens at `path`.
///
/// # Errors
/// When one may, and can't be reached, or somebody else listens in its place.
pub fn connect(path: &Path, data_dir: &Path) -> anyhow::Result<Option<UnixStream>> {
    let stream = match local_socket::connect(path, ACCEPTED) {
        Ok(stream) => stream,
        Err(error) => match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => return Ok(None),
            io::ErrorKind::PermissionDenied => bail!(
                "{} is not for this user: run this as the server's user, as root, or as a member \
                 of admin_group",
                path.display()
            ),
            _ => return Err(error).with_context(|| format!("{} can't be reached", path.display())),
        },
    };
    let peer = socket_peercred(&stream)?.uid;
    let is_owner = match fs::metadata(data_dir) {
        Ok(data) => data.uid() == peer.as_raw(),
        // The data is not for this user to look at. Nobody else can have put the socket there.
        Err(_) => local_socket::doubt(path)?.is_none(),
    };
    ensure!(
        peer.is_root() || is_owner || peer == rustix::process::geteuid(),
        "at {} the user with the number {} listens, whom {} does not belong to",
        path.display(),
        peer.as_raw(),
        data_dir.display()
    );
    Ok(Some(stream))
}

pub fn ask(
    server: &UnixStream,
    settings: &Settings,
    command: &Command,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let request = Request {
        data_dir: settings.data_dir.clone().into_os_string(),
        arguments: std::env::args_os().skip(1).collect(),
    };
    // Before the server makes what is to be in it.
    let mut file = match command.file() {
        Some(file) => Some((PendingFile::create(file)?, file)),
        None => None,
    };
    let patience = match command {
        Command::Status { .. } => Some(ACCEPTED),
        _ => file.is_none().then_some(PATIENCE),
    };
    server.set_read_timeout(patience)?;
    let mut stream = server;
    // A server that refuses this process says so before it reads.
    let _ = stream.write_all(&request.encode()?);
    let _ = server.shutdown(Shutdown::Write);
    let mut output = Zeroizing::new(Vec::with_capacity(MAX_PAYLOAD));
    let exit = loop {
        match Frame::read(&mut stream).map_err(without_answer)? {
            Frame::Out(bytes) => {
                output.extend_from_slice(&bytes);
                if output.len() > MAX_OUTPUT {
                    out.write_all(&output)?;
                    output.clear();
                }
            }
            Frame::File(bytes) => match &mut file {
                Some((pending, _)) => pending
                    .write_all(&bytes)
                    .context("the file can't be written")?,
                None => bail!("the server: {}", FrameError::Unknown),
            },
            Frame::Failed(code, sentence) => return Err(failed(code, sentence)),
            Frame::Done(code) => break Exit::of(code),
        }
    };
    if let Some((pending, file)) = file {
        pending.publish(file)?;
    }
    let shown = out.write_all(&output).and_then(|()| out.flush());
    if matches!(
        command,
        Command::User(UserCommand::ResetSecondFactor { .. })
    ) {
        shown.map_err(|error| {
            anyhow!("the second factor was replaced but could not be shown ({error}): do it again")
        })?;
    } else {
        shown?;
    }
    Ok(exit)
}

/// A server that runs and does not answer is down as well. Who may not ask is told so.
///
/// # Errors
/// When it can't be known.
pub fn status(
    server: anyhow::Result<Option<UnixStream>>,
    settings: &Settings,
    (json, metrics): (bool, bool),
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let asked = match server {
        Err(error) if is_late(&error) => "the server does not accept the command".to_owned(),
        other => match other? {
            Some(server) => {
                let mut kept = Vec::new();
                let command = Command::Status { json, metrics };
                match ask(&server, settings, &command, &mut kept) {
                    Ok(exit) => {
                        out.write_all(&kept)?;
                        return Ok(exit);
                    }
                    // It answers, and refuses.
                    Err(error) if error.is::<ServerRefusal>() || error.is::<ConfigError>() => {
                        return Err(error);
                    }
                    Err(error) => format!("{error:#}"),
                }
            }
            None => nobody_answers(settings),
        },
    };
    commands::down(&asked, (json, metrics), out)
}

fn failed(code: u8, sentence: String) -> anyhow::Error {
    if code == Exit::Configuration as u8 {
        return ConfigError(sentence.lines().map(str::to_owned).collect()).into();
    }
    ServerRefusal(sentence).into()
}

/// What the server says.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct ServerRefusal(String);

fn is_late(error: &anyhow::Error) -> bool {
    let io = error.downcast_ref::<io::Error>();
    io.is_some_and(|error| error.kind() == io::ErrorKind::WouldBlock)
}

fn without_answer(error: FrameError) -> anyhow::Error {
    let is_late =
        matches!(&error, FrameError::Io(error) if error.kind() == io::ErrorKind::WouldBlock);
    match error {
        _ if is_late => anyhow!("the server does not answer; what was asked may be done later"),
        FrameError::Cut => anyhow!("the server: {error}; what was asked may have been done"),
        error => anyhow!("the server: {error}"),
    }
}
