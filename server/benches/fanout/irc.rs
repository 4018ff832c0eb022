//! The IRC servers of this machine under the same workload, over TLS 1.3.
//!
//! The installed programs, with a configuration of the bench: [`config`] says what differs from
//! their defaults. A member is a nick in one channel. [`tls`] knows nothing of IRC, this file
//! nothing of records.

mod config;
mod tls;

use std::fs::{self, File, Permissions};
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};
use chatbox_common::testkit::guard::GuardedChild;
use rustls::ClientConfig;
use tempfile::TempDir;

use crate::lines::Lines;
use crate::target::{Heard, MemberConnection, ServerUnderTest, Talk, dial};
use config::Endpoint;
use tls::{Identity, Tls};

/// The longest line of IRC, in bytes, its CR LF included (RFC 2812, section 2.3).
const MAX_LINE: usize = 512;
/// How a line of chat begins, both ways.
const SAID: &[u8] = b"PRIVMSG #lobby :";
/// A server that does not listen after this time has failed.
const START: Duration = Duration::from_secs(20);

#[derive(Clone, Copy, Debug)]
pub enum IrcServer {
    /// Debian's package `ngircd`.
    Ngircd,
    /// Debian's package `inspircd`.
    Inspircd,
}

impl IrcServer {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ngircd => "ngircd",
            Self::Inspircd => "inspircd",
        }
    }

    /// How many members connect at once. inspircd admits clients once a second, so one after the
    /// other would take a second each; ngircd's backlog has room for ten, and more are reset.
    const fn at_once(self) -> usize {
        match self {
            Self::Ngircd => 8,
            Self::Inspircd => 1024,
        }
    }

    /// The longest record sent to it, in bytes. ngircd takes 2,048 bytes of text at a time and then
    /// waits for the socket: the rest of a longer record stays in its TLS library until more comes.
    const fn max_record(self) -> Option<usize> {
        match self {
            Self::Ngircd => Some(2048),
            Self::Inspircd => None,
        }
    }

    /// Also looks in /usr/sbin, which is not in an ordinary user's PATH.
    fn find(self) -> Option<PathBuf> {
        let path = std::env::var_os("PATH").unwrap_or_default();
        std::env::split_paths(&path)
            .chain(["/usr/sbin".into(), "/usr/bin".into()])
            .map(|directory| directory.join(self.name()))
            .find(|program| program.is_file())
    }

    /// Runs it in the foreground, under any user.
    fn command(self, program: &Path, config: &Path) -> Command {
        let mut command = Command::new(program);
        match self {
            Self::Ngircd => command.args(["--nodaemon", "--config"]).arg(config),
            Self::Inspircd => command
                .args(["--nofork", "--nolog", "--nopid", "--runasroot", "--config"])
                .arg(config),
        };
        command
    }
}

pub struct Ircd {
    process: GuardedChild,
    address: SocketAddr,
    client: Arc<ClientConfig>,
    kind: IrcServer,
    /// Removed with its files when the server is dropped.
    _directory: TempDir,
}

impl Ircd {
    /// `None` when it is not installed.
    ///
    /// # Errors
    /// Contain what the program wrote when it does not come up.
    pub fn start(kind: IrcServer) -> anyhow::Result<Option<Self>> {
        let Some(program) = kind.find() else {
            return Ok(None);
        };
        let identity = Identity::new(kind.max_record())?;
        let address = free_address()?;
        let directory = tempfile::tempdir()?;
        // An ngircd that root starts drops to the user nobody before it reads its key.
        fs::set_permissions(&directory, Permissions::from_mode(0o755))?;
        let inside = |name: &str| directory.path().join(name);
        let (certificate, key) = (inside("certificate.pem"), inside("key.pem"));
        fs::write(&certificate, &identity.certificate)?;
        fs::write(&key, &identity.key)?;
        let endpoint = Endpoint {
            port: address.port(),
            certificate: &certificate,
            key: &key,
        };
        let (config, said) = (inside("ircd.conf"), inside("said"));
        let text = match kind {
            IrcServer::Ngircd => config::ngircd(&endpoint),
            IrcServer::Inspircd => config::inspircd(&endpoint),
        };
        fs::write(&config, text)?;

        let output = File::create(&said)?;
        let mut command = kind.command(&program, &config);
        command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output);
        let mut server = Self {
            process: GuardedChild::spawn(&mut command),
            address,
            client: identity.client,
            kind,
            _directory: directory,
        };
        server.wait().with_context(|| {
            let said = fs::read_to_string(&said).unwrap_or_default();
            format!("{} does not come up:\n{said}", kind.name())
        })?;
        Ok(Some(server))
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let end = Instant::now() + START;
        while TcpStream::connect(self.address).is_err() {
            if let Some(status) = self.process.try_wait()? {
                bail!("it ended: {status}");
            }
            ensure!(Instant::now() < end, "it does not listen");
            // Polls: the programs do not report that they listen.
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }

    fn register(&self, member: usize) -> anyhow::Result<(TcpStream, IrcSession)> {
        let mut socket = dial(self.address, None)?;
        let mut session = IrcSession {
            tls: Tls::connect(&self.client, &mut socket)?,
            lines: Lines::default(),
            clear: Vec::new(),
        };
        let hello = format!("NICK m{member}\r\nUSER m{member} 0 * :m\r\n");
        // RPL_ENDOFMOTD or ERR_NOMOTD (RFC 2812, section 5).
        session.ask(&mut socket, &hello, &["376", "422"])?;
        Ok((socket, session))
    }
}

impl ServerUnderTest for Ircd {
    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn at_once(&self, _members: usize) -> usize {
        self.kind.at_once()
    }

    fn connect(&self, member: usize) -> anyhow::Result<MemberConnection> {
        let (mut socket, mut session) = self.register(member)?;
        session.ask(&mut socket, "JOIN #lobby\r\n", &["366"])?;
        Ok(connection(socket, session)?)
    }

    fn log_in(&self, member: usize) -> anyhow::Result<MemberConnection> {
        let (socket, session) = self.register(member)?;
        Ok(connection(socket, session)?)
    }
}

fn connection(socket: TcpStream, session: IrcSession) -> std::io::Result<MemberConnection> {
    socket.set_read_timeout(None)?;
    Ok(MemberConnection {
        socket,
        talk: Box::new(session),
    })
}

/// A port that was free a moment ago: the programs can't be given a bound socket.
fn free_address() -> std::io::Result<SocketAddr> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()
}

struct IrcSession {
    tls: Tls,
    lines: Lines,
    /// Waits to be encrypted.
    clear: Vec<u8>,
}

impl IrcSession {
    /// Sends a request, and reads until one of these numerics comes.
    fn ask(&mut self, socket: &mut TcpStream, request: &str, ends: &[&str]) -> anyhow::Result<()> {
        let mut out = Vec::new();
        self.tls.write(request.as_bytes(), &mut out)?;
        let mut buffer = [0; 8192];
        let mut count = 0;
        // The first pass has no bytes: messages may have come with the end of the handshake.
        loop {
            let mut done = false;
            self.take(
                buffer.get(..count).unwrap_or_default(),
                &mut out,
                &mut |message| {
                    done |= ends.iter().any(|end| is(message, end));
                },
            )?;
            socket.write_all(&out)?;
            out.clear();
            if done {
                return Ok(());
            }
            count = socket.read(&mut buffer)?;
            ensure!(count > 0, "the server closed the connection");
        }
    }

    /// Passes complete messages on, without their prefix, and answers pings.
    fn take(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        take: &mut dyn FnMut(&[u8]),
    ) -> anyhow::Result<()> {
        let (lines, clear) = (&mut self.lines, &mut self.clear);
        self.tls.read(bytes, |piece| {
            lines.cut(piece, MAX_LINE, |line| handle(line, clear, take))
        })?;
        if !self.clear.is_empty() {
            self.tls.write(&self.clear, out)?;
            self.clear.clear();
        }
        Ok(())
    }
}

/// Answers a line, or passes it on without its end and its prefix.
fn handle(line: &[u8], answer: &mut Vec<u8>, take: &mut dyn FnMut(&[u8])) -> anyhow::Result<()> {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let message = match (line, memchr::memchr(b' ', line)) {
        ([b':', ..], Some(space)) => line.get(space + 1..).unwrap_or_default(),
        _ => line,
    };
    if let Some(token) = message.strip_prefix(b"PING ") {
        answer.extend_from_slice(b"PONG ");
        answer.extend_from_slice(token);
        answer.extend_from_slice(b"\r\n");
    } else if message.starts_with(b"ERROR") {
        bail!("the server says {}", String::from_utf8_lossy(line));
    } else {
        take(message);
    }
    Ok(())
}

/// Whether a message has this command or numeric.
fn is(message: &[u8], command: &str) -> bool {
    let rest = message.strip_prefix(command.as_bytes());
    rest.is_some_and(|rest| rest.starts_with(b" "))
}

impl Talk for IrcSession {
    fn read(
        &mut self,
        bytes: &[u8],
        out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()> {
        self.take(bytes, out, &mut |message| {
            if let Some(text) = message.strip_prefix(SAID) {
                heard(Heard::Text(text, None));
            }
        })
    }

    fn say(&mut self, texts: &[&str], out: &mut Vec<u8>) -> anyhow::Result<()> {
        for text in texts {
            self.clear.extend_from_slice(SAID);
            self.clear.extend_from_slice(text.as_bytes());
            self.clear.extend_from_slice(b"\r\n");
        }
        self.tls.write(&self.clear, out)?;
        self.clear.clear();
        Ok(())
    }
}
