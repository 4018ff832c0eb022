//! The words of the admin socket. A command sends one request and ends its writing side; the server
//! answers with frames, of which the last says how it ended.
//!
//! ```text
//! request = "chatbox-admin 1" NUL data-directory *( NUL argument )
//! frame   = kind length payload     ; one byte, four bytes in network order, `length` bytes
//! ```
//!
//! Both ends are the same program, of perhaps two versions: what a command means is decided by the
//! server, which parses the arguments as its own.

use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStringExt;

use zeroize::Zeroizing;

/// What a request begins with.
const PROTOCOL: &[u8] = b"chatbox-admin 1";
/// Bytes of the longest request.
pub const MAX_REQUEST: usize = 64 * 1024;
/// Bytes of the longest payload.
pub const MAX_PAYLOAD: usize = 64 * 1024;

#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Of the server that is meant.
    pub data_dir: OsString,
    /// The command line without the program's name.
    pub arguments: Vec<OsString>,
}

/// A frame may have been written in part: nothing can follow it.
#[derive(Debug, thiserror::Error)]
#[error("whoever asked is not reached: {0}")]
struct Broken(io::Error);

/// Whether an error is that of a frame that could not be written.
#[must_use]
pub fn is_broken(error: &anyhow::Error) -> bool {
    let all = error.chain();
    let inner = all.filter_map(|one| one.downcast_ref::<io::Error>()?.get_ref());
    inner
        .into_iter()
        .any(|inner| inner.downcast_ref::<Broken>().is_some())
}

/// Why the other end is not understood.
#[derive(Debug, thiserror::Error)]
pub enum FrameError {
    #[error("it ended in the middle of its answer")]
    Cut,
    #[error("its answer is not understood: it may be a server of another version")]
    Unknown,
    #[error(transparent)]
    Io(#[from] io::Error),
}

impl Request {
    /// # Errors
    /// When it is longer than [`MAX_REQUEST`], which no argument of ours is.
    pub fn encode(self) -> io::Result<Vec<u8>> {
        let mut bytes = PROTOCOL.to_vec();
        for part in std::iter::once(self.data_dir).chain(self.arguments) {
            bytes.push(0);
            bytes.extend_from_slice(&part.into_vec());
        }
        if bytes.len() <= MAX_REQUEST {
            return Ok(bytes);
        }
        Err(io::Error::other("the command is too long"))
    }

    /// `None` of what is no request.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let mut parts = bytes.split(|&byte| byte == 0);
        parts.next().filter(|&first| first == PROTOCOL)?;
        let mut parts = parts.map(|part| OsString::from_vec(part.to_vec()));
        Some(Self {
            data_dir: parts.next()?,
            arguments: parts.collect(),
        })
    }
}

#[derive(Debug, PartialEq, Eq)]
pub enum Frame {
    /// For standard output. It may be a secret that is shown once.
    Out(Zeroizing<Vec<u8>>),
    /// A part of the file that the command is to make.
    File(Vec<u8>),
    /// The command was carried out; its exit code.
    Done(u8),
    /// A sentence for standard error, and the exit code.
    Failed(u8, String),
}

impl Frame {
    /// A payload is cut after [`MAX_PAYLOAD`].
    ///
    /// # Errors
    /// The stream's.
    pub fn write(&self, stream: &mut impl Write) -> io::Result<()> {
        let failed;
        let (kind, payload): (u8, &[u8]) = match self {
            Self::Out(bytes) => (b'O', bytes),
            Self::File(bytes) => (b'F', bytes),
            Self::Done(code) => (b'D', std::slice::from_ref(code)),
            Self::Failed(code, sentence) => {
                failed = [&[*code], sentence.as_bytes()].concat();
                (b'E', &failed)
            }
        };
        let payload = payload.get(..MAX_PAYLOAD).unwrap_or(payload);
        let length = u32::try_from(payload.len()).unwrap_or(u32::MAX);
        let [a, b, c, d] = length.to_be_bytes();
        let written = stream
            .write_all(&[kind, a, b, c, d])
            .and_then(|()| stream.write_all(payload));
        written.map_err(|error| io::Error::new(error.kind(), Broken(error)))
    }

    /// # Errors
    /// [`FrameError`].
    pub fn read(stream: &mut impl Read) -> Result<Self, FrameError> {
        let mut head = [0; 5];
        read_exact(stream, &mut head)?;
        let [kind, a, b, c, d] = head;
        let length = usize::try_from(u32::from_be_bytes([a, b, c, d])).unwrap_or(usize::MAX);
        if length > MAX_PAYLOAD {
            return Err(FrameError::Unknown);
        }
        let mut payload = vec![0; length];
        read_exact(stream, &mut payload)?;
        match kind {
            b'O' => Ok(Self::Out(Zeroizing::new(payload))),
            b'F' => Ok(Self::File(payload)),
            b'D' => match payload.as_slice() {
                [code] => Ok(Self::Done(*code)),
                _ => Err(FrameError::Unknown),
            },
            b'E' => match payload.split_first() {
                Some((code, sentence)) => {
                    let sentence = String::from_utf8_lossy(sentence).into_owned();
                    Ok(Self::Failed(*code, sentence))
                }
                None => Err(FrameError::Unknown),
            },
            _ => Err(FrameError::Unknown),
        }
    }
}

fn read_exact(stream: &mut impl Read, buffer: &mut [u8]) -> Result<(), FrameError> {
    stream
        .read_exact(buffer)
        .map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => FrameError::Cut,
            _ => FrameError::Io(error),
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_read_as_it_was_written_and_nothing_else_is_one() {
        let request = || Request {
            data_dir: OsString::from_vec(b"/d\xff".to_vec()),
            arguments: ["user", "disable", "", "alice"]
                .map(OsString::from)
                .to_vec(),
        };
        let bytes = request().encode().unwrap();
        assert_eq!(Request::decode(&bytes), Some(request()));
        for other in [
            &b""[..],
            b"chatbox-admin 1",
            b"chatbox-admin 2\0/d",
            b"GET / HTTP/1.1\r\n",
        ] {
            assert_eq!(Request::decode(other), None);
        }
        let long = Request {
            data_dir: "x".repeat(70_000).into(),
            arguments: Vec::new(),
        };
        assert!(long.encode().is_err());
    }

    #[test]
    fn frames_are_read_as_they_were_written_and_what_is_cut_or_unknown_is_refused() {
        let frames = [
            Frame::Out(Zeroizing::new(b"a\n".to_vec())),
            Frame::File(vec![7; MAX_PAYLOAD]),
            Frame::Failed(1, "no such user".to_owned()),
            Frame::Done(1),
        ];
        let mut bytes = Vec::new();
        for frame in &frames {
            frame.write(&mut bytes).unwrap();
        }
        let mut stream = bytes.as_slice();
        for frame in frames {
            assert_eq!(Frame::read(&mut stream).unwrap(), frame);
        }
        assert!(matches!(Frame::read(&mut stream), Err(FrameError::Cut)));
        for cut in [1, 5, 6] {
            let read = Frame::read(&mut &bytes[..cut]);
            assert!(matches!(read, Err(FrameError::Cut)), "{cut}: {read:?}");
        }
        for unknown in [&b"O\xff\xff\xff\xff"[..], b"X\0\0\0\0", b"D\0\0\0\0"] {
            let read = Frame::read(&mut &*unknown);
            assert!(matches!(read, Err(FrameError::Unknown)), "{read:?}");
        }
    }
}
