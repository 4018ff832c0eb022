use super::*;
use crate::crypto::handshake::ClientHandshake;

const STEPS: [usize; 4] = [1, 2, 7, usize::MAX];

/// Preface and message 1.
fn flight() -> Vec<u8> {
    let (_, message_1) = ClientHandshake::start().unwrap();
    let mut out = PREFACE.to_vec();
    frame::put(&message_1, &mut out).unwrap();
    out
}

/// The server's error on `input`, and what it wrote.
fn server_hears(input: &[u8], step: usize) -> (Option<ChannelError>, Vec<u8>) {
    let mut stream = Canned::new(input, step);
    let end = accept_on(&mut stream).err();
    (end, stream.output)
}

fn client_hears(input: &[u8], step: usize) -> ChannelError {
    connect(&mut Canned::new(input, step)).err().unwrap()
}

#[test]
fn a_handshake_that_comes_byte_by_byte_is_answered() {
    for step in STEPS {
        let (end, output) = server_hears(&flight(), step);
        assert!(end.is_none(), "{end:?}");
        assert_eq!(output.len(), LENGTH_LEN + MESSAGE_2_LEN);
    }
}

#[test]
fn bytes_that_were_read_before_belong_to_the_handshake() {
    let flight = flight();
    for n in [0, 1, 9, 10, 11, 12, 13, 500, flight.len()] {
        let mut frames = FrameBuffer::new();
        frames.space()[..n].copy_from_slice(&flight[..n]);
        frames.filled(n);
        let mut stream = Canned::new(&flight[n..], usize::MAX);
        let channel = accept(&mut stream, frames, Rotation::default(), |m| answer(&m));
        assert!(channel.is_ok(), "{n}");
    }
}

#[test]
fn a_record_that_follows_message_1_at_once_is_kept_for_the_receiver() {
    // Nothing can be sealed before message 2, but what comes early must not vanish either.
    let early = [&flight()[..], &[0, 17], &[0; 17]].concat();
    let mut stream = Canned::new(&early, usize::MAX);
    let mut channel = accept_on(&mut stream).unwrap();
    assert!(channel.receiver.is_partial());
    let refused = channel.receiver.next_record();
    assert!(matches!(
        refused,
        Err(ChannelError::Open(OpenError::Authentication))
    ));
}

#[test]
fn another_version_is_told_ours_in_one_line() {
    for (preface, version) in [("CHATBOX/2\n", 2), ("CHATBOX/0\n", 0), ("CHATBOX/9", 9)] {
        for step in STEPS {
            let (end, output) = server_hears(preface.as_bytes(), step);
            assert!(
                matches!(end, Some(ChannelError::Version(n)) if n == version),
                "{preface:?} {end:?}"
            );
            assert_eq!(output, PREFACE);
            assert!(output.len() <= MAX_LINE);
        }
    }
}

#[test]
fn a_version_of_many_digits_overflows_nothing() {
    let long = format!("CHATBOX/{}\n", "9".repeat(4000));
    let (end, output) = server_hears(long.as_bytes(), usize::MAX);
    assert!(matches!(end, Some(ChannelError::Version(u32::MAX))));
    assert_eq!(output, PREFACE);
}

#[test]
fn whoever_speaks_something_else_gets_no_answer() {
    for other in [
        &b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"[..],
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"chatbox/1\n",
        b"CHATBOX 1\n",
        b"\0\0\0\0\0\0\0\0\0\0",
        b"\n",
    ] {
        for step in STEPS {
            let (end, output) = server_hears(other, step);
            assert!(matches!(end, Some(ChannelError::NotChatBox)), "{end:?}");
            assert!(output.is_empty());
        }
    }
}

#[test]
fn every_wrong_byte_of_the_preface_is_refused() {
    for at in 0..PREFACE.len() {
        for value in (0..=255).filter(|&value| value != PREFACE[at]) {
            let mut input = flight();
            input[at] = value;
            let (end, _) = server_hears(&input, usize::MAX);
            let refused = match end {
                Some(ChannelError::NotChatBox) => at < PREFACE_NAME.len(),
                Some(ChannelError::Version(_)) => at >= PREFACE_NAME.len(),
                _ => false,
            };
            assert!(refused, "{at} {value}");
        }
    }
}

#[test]
fn a_frame_that_is_no_message_1_is_refused_at_its_length() {
    let exact = u16::try_from(MESSAGE_1_LEN).unwrap();
    for length in [0, 1, exact - 1, exact + 1, u16::MAX] {
        let input = [&PREFACE[..], &length.to_be_bytes()].concat();
        let (end, output) = server_hears(&input, 1);
        let most = MESSAGE_1_LEN;
        assert!(
            matches!(end, Some(ChannelError::Frame(FrameLength { most: m, .. })) if m == most),
            "{length}: {end:?}"
        );
        assert!(output.is_empty());
    }
}

/// Noise, section 12.1: such a key is not refused, and harms its sender alone.
#[test]
fn a_public_key_of_small_order_is_answered_like_any_other() {
    let mut input = flight();
    input[PREFACE.len() + LENGTH_LEN..][..32].fill(0);
    let (end, output) = server_hears(&input, usize::MAX);
    assert!(end.is_none(), "{end:?}");
    assert_eq!(output.len(), LENGTH_LEN + MESSAGE_2_LEN);
}

#[test]
fn a_message_1_of_garbage_is_refused() {
    let mut input = PREFACE.to_vec();
    frame::put(&[0xff; MESSAGE_1_LEN], &mut input).unwrap();
    let (end, output) = server_hears(&input, usize::MAX);
    let expected = HandshakeError::EncapsulationKey;
    assert!(matches!(end, Some(ChannelError::Handshake(e)) if e == expected));
    assert!(output.is_empty());
}

#[test]
fn a_stream_that_ends_within_the_handshake_is_told_from_one_that_ends_between() {
    let flight = flight();
    for n in 0..flight.len() {
        let (end, output) = server_hears(&flight[..n], usize::MAX);
        let between = n == 0 || n == PREFACE.len();
        match end {
            Some(ChannelError::Closed) => assert!(between, "{n}"),
            Some(ChannelError::CutOff) => assert!(!between, "{n}"),
            other => panic!("{n}: {other:?}"),
        }
        assert!(output.is_empty());
    }
    let mut message_2 = Vec::new();
    frame::put(&[7; MESSAGE_2_LEN], &mut message_2).unwrap();
    for n in 0..message_2.len() {
        match client_hears(&message_2[..n], 100) {
            ChannelError::Closed => assert_eq!(n, 0),
            ChannelError::CutOff => assert_ne!(n, 0),
            other => panic!("{n}: {other:?}"),
        }
    }
    let end = client_hears(&message_2, 100);
    let expected = HandshakeError::Noise;
    assert!(matches!(end, ChannelError::Handshake(e) if e == expected));
}

#[test]
fn a_client_reads_the_lines_of_busy_and_of_other_versions() {
    for step in STEPS {
        assert!(matches!(client_hears(BUSY_LINE, step), ChannelError::Busy));
        for (line, version) in [
            (&b"CHATBOX/2\n"[..], 2),
            (b"CHATBOX/1\n", 1),
            (b"CHATBOX/1234567\n", 1_234_567),
            (b"CHATBOX/2\nand more", 2),
        ] {
            let end = client_hears(line, step);
            assert!(matches!(end, ChannelError::Version(n) if n == version));
        }
    }
}

#[test]
fn a_client_takes_nothing_else_for_a_server() {
    for line in [
        &b"CHATBOX/\n"[..],
        b"CHATBOX/+2\n",
        b"CHATBOX/-1\n",
        b"CHATBOX/2 \n",
        b"CHATBOX/\xff\n",
        b"CHATBOX/1 bus\n",
        b"CHATBOX/1  busy\n",
        b"CHATBOX/9999999\x1b[2J\n",
        b"CHATBOX/0000000002\n",
        b"CHATBOX/00000000000000000000",
        b"CHEESE\n",
        b"CH\n",
        b"HTTP/1.1 400 Bad Request\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.9\r\n",
        b"\x15\x03\x03\x00\x02\x02\x28",
        b"\xff\xff\xff\xff",
    ] {
        for step in STEPS {
            let end = client_hears(line, step);
            assert!(matches!(end, ChannelError::NotChatBox), "{line:?} {end:?}");
        }
    }
}

#[test]
fn a_line_that_breaks_off_is_cut_off() {
    for n in 1..BUSY_LINE.len() {
        let end = client_hears(&BUSY_LINE[..n], usize::MAX);
        assert!(matches!(end, ChannelError::CutOff), "{n} {end:?}");
    }
}

#[test]
fn the_client_sends_its_preface_and_message_1_before_it_listens() {
    let mut stream = Canned::new(&[], 1);
    assert!(connect(&mut stream).is_err());
    assert_eq!(stream.output.len(), flight().len());
    let (end, _) = server_hears(&stream.output, usize::MAX);
    assert!(end.is_none());
}

#[test]
fn a_stream_that_ends_within_a_record_is_cut_off() {
    let (mut client, _) = channels(Rotation::default());
    let mut record = Vec::new();
    client.sender.send(&mut record, &ping(1)).unwrap();
    for n in 0..record.len() {
        let (_, mut server) = channels(Rotation::default());
        let mut stream = Canned::new(&record[..n], usize::MAX);
        if n > 0 {
            server.receiver.fill(&mut stream).unwrap();
            assert!(server.receiver.next_record().unwrap().is_none());
        }
        assert_eq!(server.receiver.is_partial(), n > 0);
        match server.receiver.fill(&mut stream) {
            Err(ChannelError::Closed) => assert_eq!(n, 0),
            Err(ChannelError::CutOff) => assert_ne!(n, 0),
            other => panic!("{n}: {other:?}"),
        }
    }
}

#[test]
fn a_record_out_of_bounds_is_refused_at_its_length() {
    for (in_session, refused) in [(false, &[0, 16, 4097, 65_535][..]), (true, &[0, 16])] {
        for &length in refused {
            let (_, mut server) = channels(Rotation::default());
            if in_session {
                server.receiver.begin_session();
            }
            let mut stream = Canned::new(&u16::to_be_bytes(length), 1);
            server.receiver.fill(&mut stream).unwrap();
            assert!(server.receiver.next_record().unwrap().is_none());
            server.receiver.fill(&mut stream).unwrap();
            let end = server.receiver.next_record();
            assert!(
                matches!(end, Err(ChannelError::Frame(FrameLength { least: 17, .. }))),
                "{length}"
            );
        }
    }
}

#[test]
fn bytes_changed_on_the_way_end_the_channel() {
    let (mut client, mut server) = channels(Rotation::default());
    let mut record = Vec::new();
    client.sender.send(&mut record, &ping(1)).unwrap();
    let last = record.len() - 1;
    record[last] ^= 1;
    let mut stream = Canned::new(&record, usize::MAX);
    server.receiver.fill(&mut stream).unwrap();
    let refused = server.receiver.next_record();
    assert!(matches!(
        refused,
        Err(ChannelError::Open(OpenError::Authentication))
    ));
}

#[test]
fn a_server_that_can_not_answer_writes_nothing() {
    let mut stream = Canned::new(&flight(), usize::MAX);
    let refused = accept(&mut stream, FrameBuffer::new(), Rotation::default(), |_| {
        Err(ChannelError::Busy)
    });
    assert!(matches!(refused, Err(ChannelError::Busy)));
    assert!(stream.output.is_empty());
}

#[test]
fn a_writer_that_fails_ends_the_sending() {
    let (mut client, _) = channels(Rotation::default());
    let mut full = &mut [0; 10][..];
    let refused = client.sender.send(&mut full, &ping(1));
    assert!(matches!(&refused, Err(ChannelError::Io(e)) if e.kind() == io::ErrorKind::WriteZero));
    assert!(!refused.unwrap_err().is_timeout());
}

#[test]
fn only_a_reader_that_ran_out_of_time_may_be_read_again() {
    use io::ErrorKind::{ConnectionReset, TimedOut, UnexpectedEof, WouldBlock};
    for (kind, again) in [
        (WouldBlock, true),
        (TimedOut, true),
        (ConnectionReset, false),
        (UnexpectedEof, false),
    ] {
        assert_eq!(
            ChannelError::from(io::Error::from(kind)).is_timeout(),
            again
        );
    }
    assert!(!ChannelError::Closed.is_timeout() && !ChannelError::CutOff.is_timeout());
}
