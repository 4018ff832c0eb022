//! The floor F0: the least that a chat server with a thread per connection can do.
//!
//! Plain bytes, one blocking write per delivery, made by the sender's own thread; no encryption,
//! no order across senders, nothing on disk. Its lines end with a line feed and carry nothing but
//! the text. It runs as a process of its own, the bench again with [`FLAG`], so that the system
//! counts its processor time apart from the generator's.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use anyhow::Context;
use chatbox_common::testkit::guard::GuardedChild;
use socket2::{Domain, Socket, Type};

use crate::lines::Lines;
use crate::measure;
use crate::target::{Heard, MemberConnection, ServerUnderTest, TEXT_LEN, Talk, dial};

/// The bench's first argument when it is to be this server.
pub const FLAG: &str = "--floor-server";

/// Connections that may wait to be accepted: holds a burst of members.
const BACKLOG: i32 = 4096;
/// The same as the product's connection threads have.
const STACK: usize = 256 * 1024;
const READ_BUFFER: usize = 4096;
/// Sent to a member once it hears the others, so that the generator talks to none before.
const GREETING: &[u8] = b"\n";

pub struct Floor {
    process: GuardedChild,
    address: SocketAddr,
}

impl Floor {
    pub fn start() -> anyhow::Result<Self> {
        let mut command = Command::new(std::env::current_exe()?);
        command
            .arg(FLAG)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = GuardedChild::spawn(&mut command);
        let said = first_line(&mut process)?;
        let address = said.trim().parse().context("the floor has no address")?;
        Ok(Self { process, address })
    }
}

fn first_line(process: &mut Child) -> io::Result<String> {
    let mut line = String::new();
    if let Some(output) = process.stdout.take() {
        BufReader::new(output).read_line(&mut line)?;
    }
    Ok(line)
}

impl ServerUnderTest for Floor {
    fn pid(&self) -> u32 {
        self.process.id()
    }

    fn connect(&self, _member: usize) -> anyhow::Result<MemberConnection> {
        let mut socket = dial(self.address, None)?;
        let mut greeting = [0; GREETING.len()];
        socket
            .read_exact(&mut greeting)
            .context("the floor did not let a member in")?;
        socket.set_read_timeout(None)?;
        Ok(MemberConnection {
            socket,
            talk: Box::new(PlainLines::default()),
        })
    }
}

/// A member's side of the floor's protocol.
#[derive(Default)]
struct PlainLines(Lines);

impl Talk for PlainLines {
    fn read(
        &mut self,
        bytes: &[u8],
        _out: &mut Vec<u8>,
        heard: &mut dyn FnMut(Heard<'_>),
    ) -> anyhow::Result<()> {
        self.0.cut(bytes, TEXT_LEN, |text| {
            heard(Heard::Text(text, None));
            Ok(())
        })
    }

    fn say(&mut self, texts: &[&str], out: &mut Vec<u8>) -> anyhow::Result<()> {
        for text in texts {
            out.extend_from_slice(text.as_bytes());
            out.push(b'\n');
        }
        Ok(())
    }
}

/// All members. Locked for reading while a line is told; members that come and go lock it for
/// writing.
type Members = RwLock<Vec<Arc<FloorMember>>>;

struct FloorMember {
    socket: TcpStream,
    /// Held over a write, so that two senders' lines never mix.
    writing: Mutex<()>,
}

impl FloorMember {
    fn tell(&self, line: &[u8]) {
        let _writing = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Fails for a member that is gone; the thread that reads from it takes it out.
        let _ = (&self.socket).write_all(line);
    }
}

/// Runs until standard input ends, so that it ends with the generator.
pub fn serve() -> anyhow::Result<()> {
    measure::raise_descriptors();
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
    socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
    socket.listen(BACKLOG)?;
    let listener = TcpListener::from(socket);
    println!("{}", listener.local_addr()?);
    thread::spawn(|| {
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        std::process::exit(0);
    });

    let members = Arc::new(Members::default());
    loop {
        let (socket, _) = listener.accept()?;
        socket.set_nodelay(true)?;
        let members = Arc::clone(&members);
        thread::Builder::new().stack_size(STACK).spawn(move || {
            let member = Arc::new(FloorMember {
                socket,
                writing: Mutex::new(()),
            });
            live(&member, &members);
        })?;
    }
}

fn live(member: &Arc<FloorMember>, members: &Members) {
    members
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .push(Arc::clone(member));
    member.tell(GREETING);
    // A stream that fails has ended: the member is gone either way.
    let _ = listen_to(member, members);
    members
        .write()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|other| !Arc::ptr_eq(other, member));
}

/// Tells each line of a member to all members, its sender included.
fn listen_to(member: &FloorMember, members: &Members) -> io::Result<()> {
    let mut reader = BufReader::with_capacity(READ_BUFFER, &member.socket);
    let mut line = Vec::new();
    while reader.read_until(b'\n', &mut line)? > 0 {
        let members = members.read().unwrap_or_else(PoisonError::into_inner);
        for member in members.iter() {
            member.tell(&line);
        }
        drop(members);
        line.clear();
    }
    Ok(())
}
