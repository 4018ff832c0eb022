use std::io::Cursor;
use std::sync::mpsc;
use std::thread;

use super::*;
use crate::crypto::handshake::{ServerIdentity, respond};
use crate::secret::Secret;
use crate::wire::codec::Read as Taken;
use crate::wire::message::{ClientMessage, Kind, Plain, RoomId, Send, ServerMessage};

#[path = "channel_hostile_tests.rs"]
mod hostile;

/// One end of a stream in memory. It ends when the other end is dropped.
struct Pipe {
    incoming: mpsc::Receiver<Vec<u8>>,
    rest: Cursor<Vec<u8>>,
    outgoing: mpsc::Sender<Vec<u8>>,
}

impl Pipe {
    fn pair() -> (Self, Self) {
        let (to_b, from_a) = mpsc::channel();
        let (to_a, from_b) = mpsc::channel();
        let end = |incoming, outgoing| Self {
            incoming,
            rest: Cursor::default(),
            outgoing,
        };
        (end(from_b, to_b), end(from_a, to_a))
    }
}

impl Read for Pipe {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.rest.read(buffer)?;
        if count > 0 {
            return Ok(count);
        }
        let Ok(next) = self.incoming.recv() else {
            return Ok(0);
        };
        self.rest = Cursor::new(next);
        self.rest.read(buffer)
    }
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = self.outgoing.send(bytes.to_vec());
        sent.map_err(|_| io::ErrorKind::BrokenPipe)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A stream with fixed input: at most `step` bytes a read.
struct Canned {
    input: Cursor<Vec<u8>>,
    step: usize,
    output: Vec<u8>,
}

impl Canned {
    fn new(input: &[u8], step: usize) -> Self {
        Self {
            input: Cursor::new(input.to_vec()),
            step,
            output: Vec::new(),
        }
    }
}

impl Read for Canned {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.step.min(buffer.len());
        self.input.read(&mut buffer[..most])
    }
}

impl Write for Canned {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.output.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn identity() -> ServerIdentity {
    ServerIdentity::from_private(Secret::new([3; 32]))
}

fn answer(message_1: &[u8]) -> Result<(Vec<u8>, SessionKeys), ChannelError> {
    Ok(respond(&identity(), message_1)?)
}

fn accept_on<S: Read + Write>(stream: &mut S) -> Result<Channel, ChannelError> {
    accept(stream, FrameBuffer::new(), Rotation::default(), |m| {
        answer(&m)
    })
}

/// Both ends of a finished handshake: the client's first.
fn channels(rotation: Rotation) -> (Channel, Channel) {
    let (mut ours, mut theirs) = Pipe::pair();
    let server = thread::spawn(move || {
        accept(&mut theirs, FrameBuffer::new(), rotation, |m| answer(&m)).unwrap()
    });
    let (client, key) = connect(&mut ours).unwrap();
    assert_eq!(key, *identity().public());
    (client, server.join().unwrap())
}

fn ping(request: u32) -> ClientMessage {
    ClientMessage::Ping(Plain { request })
}

fn said(text: &str) -> ClientMessage {
    ClientMessage::Send(Send {
        request: 1,
        room: RoomId(1),
        id: [0; 16],
        text: text.to_owned(),
        kind: Kind::Text,
    })
}

fn taken<M: Message>(content: &[u8]) -> Vec<M> {
    codec::messages(content)
        .map(|read| match read.unwrap() {
            Taken::Known(message) => message,
            Taken::Unknown { kind, .. } => panic!("type {kind}"),
        })
        .collect()
}

fn drain<M: Message>(receiver: &mut Receiver) -> Vec<M> {
    let mut all = Vec::new();
    while let Some(content) = receiver.next_record().unwrap() {
        all.extend(taken(content));
    }
    all
}

fn next<M: Message>(receiver: &mut Receiver, stream: &mut impl Read) -> M {
    loop {
        if let Some(content) = receiver.next_record().unwrap() {
            return taken(content).pop().unwrap();
        }
        receiver.fill(stream).unwrap();
    }
}

fn read_to_end(receiver: &mut Receiver, stream: &mut impl Read) -> Vec<ClientMessage> {
    let mut all = Vec::new();
    loop {
        match receiver.fill(stream) {
            Ok(()) => all.extend(drain(receiver)),
            Err(ChannelError::Closed) => return all,
            Err(error) if error.is_timeout() => {}
            Err(error) => panic!("{error}"),
        }
    }
}

fn begin_session(client: &mut Channel, server: &mut Channel) {
    for channel in [client, server] {
        channel.sender.begin_session();
        channel.receiver.begin_session();
    }
}

#[test]
fn both_sides_talk_and_share_the_binding() {
    let (mut ours, mut theirs) = Pipe::pair();
    let server = thread::spawn(move || {
        let mut channel = accept_on(&mut theirs).unwrap();
        for n in 0..20 {
            let said: ClientMessage = next(&mut channel.receiver, &mut theirs);
            assert_eq!(said, ping(n));
            if n == 10 {
                channel.sender.begin_session();
                channel.receiver.begin_session();
            }
            let answer = ServerMessage::Pong(Plain { request: n });
            channel.sender.send(&mut theirs, &answer).unwrap();
        }
        assert!(matches!(
            channel.receiver.fill(&mut theirs),
            Err(ChannelError::Closed)
        ));
        channel.binding
    });
    let (mut channel, key) = connect(&mut ours).unwrap();
    assert_eq!(key, *identity().public());
    for n in 0..20 {
        assert_eq!(
            channel.receiver.stage() == Stage::Session,
            n > 10,
            "the login ended with message 10"
        );
        channel.sender.send(&mut ours, &ping(n)).unwrap();
        if n == 10 {
            channel.sender.begin_session();
            channel.receiver.begin_session();
        }
        let answer: ServerMessage = next(&mut channel.receiver, &mut ours);
        assert_eq!(answer, ServerMessage::Pong(Plain { request: n }));
    }
    drop(ours);
    assert_eq!(server.join().unwrap(), channel.binding);
}

#[test]
fn two_connections_have_two_bindings() {
    let (first, _) = channels(Rotation::default());
    let (second, _) = channels(Rotation::default());
    assert_ne!(first.binding, second.binding);
}

#[test]
fn records_that_come_in_one_read_are_all_there() {
    let (mut client, mut server) = channels(Rotation::default());
    let mut stream = Vec::new();
    for n in 0..50 {
        client.sender.send(&mut stream, &ping(n)).unwrap();
    }
    let expected: Vec<_> = (0..50).map(ping).collect();
    let mut input = Canned::new(&stream, usize::MAX);
    assert_eq!(read_to_end(&mut server.receiver, &mut input), expected);
}

#[test]
fn a_large_record_and_the_small_one_behind_it_both_arrive() {
    for step in [1, 100, 4095, 4096, 4097, usize::MAX] {
        let (mut client, mut server) = channels(Rotation::default());
        begin_session(&mut client, &mut server);
        let large = said(&"x".repeat(60_000));
        let messages = [ping(1), large.clone(), ping(2), large, ping(3)];
        let mut stream = Vec::new();
        for message in &messages {
            client.sender.send(&mut stream, message).unwrap();
        }
        let mut input = Canned::new(&stream, step);
        assert_eq!(read_to_end(&mut server.receiver, &mut input), messages);
    }
}

/// Fails in every way that may be tried again before it gives one byte.
struct Drip {
    input: Cursor<Vec<u8>>,
    turn: usize,
}

impl Read for Drip {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.turn += 1;
        match self.turn % 4 {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            1 => Err(io::ErrorKind::TimedOut.into()),
            2 => Err(io::ErrorKind::Interrupted.into()),
            _ => self.input.read(&mut buffer[..1]),
        }
    }
}

#[test]
fn a_reader_that_runs_out_of_time_between_any_two_bytes_loses_nothing() {
    let (mut client, mut server) = channels(Rotation::default());
    begin_session(&mut client, &mut server);
    let messages = [ping(1), said(&"y".repeat(5000)), ping(2)];
    let mut stream = Vec::new();
    for message in &messages {
        client.sender.send(&mut stream, message).unwrap();
    }
    let mut input = Drip {
        input: Cursor::new(stream),
        turn: 0,
    };
    assert_eq!(read_to_end(&mut server.receiver, &mut input), messages);
    assert!(input.turn > 4 * 5000);
}

#[test]
fn key_updates_are_carried_out_on_the_way() {
    let hour = std::time::Duration::from_secs(3600);
    let (mut client, mut server) = channels(Rotation::new(2, u64::MAX, hour));
    begin_session(&mut client, &mut server);
    let mut stream = Vec::new();
    let answer = |n| ServerMessage::Pong(Plain { request: n });
    for n in 0..9 {
        server.sender.send(&mut stream, &answer(n)).unwrap();
    }
    client
        .receiver
        .fill(&mut Canned::new(&stream, usize::MAX))
        .unwrap();
    let all: Vec<ServerMessage> = drain(&mut client.receiver);
    assert_eq!(all, (0..9).map(answer).collect::<Vec<_>>());
    assert_eq!(server.sender.key_age().epoch, 4);
    assert_eq!(client.receiver.key_age().epoch, 4);
    // Only the server's limits were low, and only its own direction changed.
    assert_eq!(client.sender.key_age().epoch, 0);
    assert_eq!(server.receiver.key_age().epoch, 0);
}

#[test]
fn a_sealer_that_was_taken_out_goes_on_where_the_sender_was() {
    let (mut client, mut server) = channels(Rotation::default());
    let mut stream = Vec::new();
    client.sender.send(&mut stream, &ping(1)).unwrap();
    let mut sealer = client.sender.into_sealer();
    let mut content = Vec::new();
    codec::put(&ping(2), &mut content);
    codec::put(&ping(3), &mut content);
    sealer.seal(&content, Instant::now(), &mut stream).unwrap();
    let mut input = Canned::new(&stream, 7);
    let all = read_to_end(&mut server.receiver, &mut input);
    assert_eq!(all, [ping(1), ping(2), ping(3)]);
}

#[test]
fn a_message_too_long_for_its_stage_is_not_written() {
    let (mut client, _server) = channels(Rotation::default());
    let mut stream = Vec::new();
    let refused = client.sender.send(&mut stream, &said(&"z".repeat(4096)));
    assert!(matches!(
        refused,
        Err(ChannelError::Seal(SealError::Size(_)))
    ));
    assert!(stream.is_empty());
}

#[test]
fn nothing_said_is_kept_or_sent_in_clear() {
    let (mut client, _server) = channels(Rotation::default());
    let mut stream = Vec::new();
    client.sender.send(&mut stream, &said("in clear")).unwrap();
    assert!(client.sender.clear.is_empty());
    assert!(!stream.windows(8).any(|window| window == b"in clear"));
}
