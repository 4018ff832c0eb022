//! The admin socket of a running server: one thread accepts, each command has one of its own.
//!
//! Who may connect is decided by the socket's mode, and looked at again here: root, the server's own
//! user and, where `admin_group` is set, whom the operating system lets in by it.

use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow, bail, ensure};
use clap::Parser;
use rustix::net::sockopt::socket_peercred;
use socket2::SockRef;
use zeroize::Zeroizing;

use super::commands;
use super::frames::{Frame, MAX_PAYLOAD, MAX_REQUEST, Request, is_broken};
use super::live::{Live, Running};
use crate::audit::{Line, Seldom, events};
use crate::cli::{Cli, Exit};
use crate::config::{ConfigError, Settings};
use crate::control::Control;
use crate::operator::Operator;
use crate::store::SqlLog;
use crate::threads;

/// Commands at a time, of a group that may give some; one more is told that the server is busy. Root
/// and the server's own user have as many beside them.
const MAX_COMMANDS: usize = 8;
/// For a request, and for each part of an answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// For commands that are under way when the server stops.
const LAST: Duration = Duration::from_millis(500);
const STACK: usize = 512 * 1024;
/// After a failed accept, such as for want of descriptors.
const PAUSE: Duration = Duration::from_millis(100);

struct Serving {
    control: Arc<Control>,
    sql_log: SqlLog,
    /// The server's user.
    own: u32,
    /// Whether a group may connect as well.
    has_group: bool,
    /// How many commands are under way.
    commands: Mutex<usize>,
    /// Notified when one has ended.
    ended: Condvar,
    copying: Mutex<()>,
    refused: Seldom,
    accept_failed: Seldom,
}

impl Serving {
    /// Root, and the server's own user.
    fn is_own(&self, operator: Operator) -> bool {
        operator.uid == 0 || operator.uid == self.own
    }

    fn commands(&self) -> MutexGuard<'_, usize> {
        // A number is whole at every step.
        self.commands.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub struct AdminSocket {
    serving: Arc<Serving>,
    listener: UnixListener,
    path: PathBuf,
    /// Of the socket's file.
    id: Option<(u64, u64)>,
    thread: JoinHandle<()>,
}

impl AdminSocket {
    /// Answers until [`AdminSocket::stop`].
    pub fn start(
        listener: UnixListener,
        settings: &Settings,
        control: &Arc<Control>,
        sql_log: SqlLog,
    ) -> io::Result<Self> {
        let serving = Arc::new(Serving {
            control: Arc::clone(control),
            sql_log,
            own: rustix::process::geteuid().as_raw(),
            has_group: settings.config.server.admin_group.is_some(),
            commands: Mutex::default(),
            ended: Condvar::new(),
            copying: Mutex::default(),
            refused: Seldom::default(),
            accept_failed: Seldom::default(),
        });
        let (accepting, serves) = (listener.try_clone()?, Arc::clone(&serving));
        let thread = threads::spawn("admin".to_owned(), move || accept(&accepting, &serves))?;
        let path = settings.admin_socket();
        Ok(Self {
            serving,
            listener,
            id: id_of(&path),
            path,
            thread,
        })
    }

    /// Takes no command any more, and gives those that are under way a moment to end.
    pub fn stop(self) {
        // It fails only when the listener is shut down already.
        let _ = SockRef::from(&self.listener).shutdown(std::net::Shutdown::Both);
        // Behind it nobody would answer; another server's is left alone.
        if id_of(&self.path) == self.id {
            let _ = fs::remove_file(&self.path);
        }
        let ended = &self.serving.ended;
        let waited = ended.wait_timeout_while(self.serving.commands(), LAST, |count| *count > 0);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        if self.thread.join().is_err() {
            log::error!("the admin thread ended by a panic");
        }
    }
}

fn id_of(path: &Path) -> Option<(u64, u64)> {
    let found = fs::symlink_metadata(path).ok()?;
    Some((found.dev(), found.ino()))
}

fn accept(listener: &UnixListener, serving: &Arc<Serving>) {
    loop {
        match listener.accept() {
            Ok((stream, _)) => serve_apart(stream, serving),
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => return,
            Err(error) => {
                if serving.accept_failed.is_time(Instant::now()) {
                    log::error!("the admin socket: {error}");
                }
                std::thread::sleep(PAUSE);
            }
        }
    }
}

/// Counts a command while it lasts.
struct UnderWay(Arc<Serving>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        *self.0.commands() -= 1;
        self.0.ended.notify_all();
    }
}

fn serve_apart(stream: UnixStream, serving: &Arc<Serving>) {
    let operator = match admit(&stream, serving) {
        Ok(operator) => operator,
        Err(error) => return refuse(&stream, &error.to_string()),
    };
    let most = if serving.is_own(operator) {
        2 * MAX_COMMANDS
    } else {
        MAX_COMMANDS
    };
    *serving.commands() += 1;
    let under_way = UnderWay(Arc::clone(serving));
    if *serving.commands() > most {
        return refuse(
            &stream,
            "the server has too many commands at a time: try again",
        );
    }
    let done = threads::for_one("admin-command", STACK, move || {
        serve(&stream, operator, &under_way.0);
    });
    if let Err(error) = done {
        log::error!("no thread for a command: {error}");
    }
}

/// Says why, without waiting for the peer: this thread accepts for all.
fn refuse(stream: &UnixStream, sentence: &str) {
    if stream.set_nonblocking(true).is_ok() {
        let mut stream = stream;
        // Best effort: the peer learns more from it than from a closed connection.
        let _ = Frame::Failed(Exit::Failure as u8, sentence.to_owned()).write(&mut stream);
    }
}

fn serve(stream: &UnixStream, operator: Operator, serving: &Serving) {
    let mut out = stream;
    let last = match answer(stream, operator, serving) {
        Ok(exit) => Frame::Done(exit as u8),
        // The stream itself: nothing can follow on it.
        Err(error) if is_broken(&error) => return log::warn!("a command: {error:#}"),
        Err(error) if error.is::<ConfigError>() => {
            Frame::Failed(Exit::Configuration as u8, error.to_string())
        }
        Err(error) => Frame::Failed(Exit::Failure as u8, format!("{error:#}")),
    };
    // Fails where whoever asked has gone.
    let _ = last.write(&mut out);
}

fn answer(stream: &UnixStream, operator: Operator, serving: &Serving) -> anyhow::Result<Exit> {
    stream.set_write_timeout(Some(PATIENCE))?;
    let request = request(stream)?;
    let data_dir = serving.control.data_dir();
    ensure!(
        is_same(Path::new(&request.data_dir), data_dir),
        "the server that answers is that of {}, not of {}",
        data_dir.display(),
        Path::new(&request.data_dir).display()
    );
    let program = "chatbox-server".into();
    let words = std::iter::once(program).chain(request.arguments);
    let parsed = Cli::try_parse_from(words).ok().and_then(|cli| cli.command);
    let command = parsed.with_context(|| {
        let version = env!("CARGO_PKG_VERSION");
        format!("the server that runs, of version {version}, does not know this command")
    })?;
    let running = Running {
        control: &serving.control,
        sql_log: &serving.sql_log,
        copying: &serving.copying,
    };
    let mut out = Kept::to(stream);
    let exit = commands::carry_out(
        &command,
        &mut Live::new(running, operator, stream),
        &mut out,
    )?;
    out.send()?;
    Ok(exit)
}

/// What comes whole within [`PATIENCE`], however slowly.
fn request(mut stream: &UnixStream) -> anyhow::Result<Request> {
    let until = Instant::now() + PATIENCE;
    let (mut bytes, mut part) = (Vec::new(), [0; 4096]);
    while bytes.len() <= MAX_REQUEST {
        let left = until.saturating_duration_since(Instant::now());
        ensure!(!left.is_zero(), "the command did not come in time");
        stream.set_read_timeout(Some(left))?;
        let length = stream.read(&mut part)?;
        match part.get(..length) {
            None | Some([]) => {
                let request = Request::decode(&bytes);
                return request.ok_or_else(|| anyhow!("this is no command that the server knows"));
            }
            Some(read) => bytes.extend_from_slice(read),
        }
    }
    bail!("this is no command that the server knows")
}

/// Who asks, as the operating system knows them.
fn admit(stream: &UnixStream, serving: &Serving) -> anyhow::Result<Operator> {
    let peer = socket_peercred(stream)?;
    let operator = Operator {
        uid: peer.uid.as_raw(),
        gid: peer.gid.as_raw(),
        pid: peer.pid.as_raw_pid(),
    };
    if serving.is_own(operator) || serving.has_group {
        return Ok(operator);
    }
    if serving.refused.is_time(Instant::now()) {
        let line = Line::of(&events::COMMAND_REFUSED).with("uid", operator.uid);
        let line = line.with("gid", operator.gid).with("pid", operator.pid);
        serving.control.shared().audit.log(line);
    }
    bail!("you may not give this server commands")
}

/// Whether both mean one directory, whatever links lead there.
fn is_same(asked: &Path, own: &Path) -> bool {
    let id = |path: &Path| {
        fs::metadata(path)
            .map(|found| (found.dev(), found.ino()))
            .ok()
    };
    asked == own || id(asked).is_some_and(|asked| Some(asked) == id(own))
}

/// Sent part by part. The other end shows it once the command has succeeded.
struct Kept<'a> {
    stream: &'a UnixStream,
    /// Never grows: that would leave copies of a secret behind that are not wiped.
    part: Zeroizing<Vec<u8>>,
}

impl<'a> Kept<'a> {
    fn to(stream: &'a UnixStream) -> Self {
        Self {
            stream,
            part: Zeroizing::new(Vec::with_capacity(MAX_PAYLOAD)),
        }
    }

    fn send(&mut self) -> io::Result<()> {
        if self.part.is_empty() {
            return Ok(());
        }
        let part = Zeroizing::new(Vec::with_capacity(MAX_PAYLOAD));
        let part = std::mem::replace(&mut self.part, part);
        Frame::Out(part).write(&mut self.stream)
    }
}

impl Write for Kept<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.part.len() == MAX_PAYLOAD {
            self.send()?;
        }
        let room = MAX_PAYLOAD - self.part.len();
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.part.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
