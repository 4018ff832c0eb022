//! The bytes that came out of a terminal, and the one way to wait for something in them.

use std::fs::File;
use std::io::Read;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use crate::testkit::wait::{PATIENCE, POLL};

pub(super) struct Recording {
    kept: Mutex<Kept>,
    grown: Condvar,
}

struct Kept {
    bytes: Vec<u8>,
    /// The sizes (columns, rows) that the terminal had, and how much was written before each.
    sizes: Vec<(usize, (u16, u16))>,
    is_over: bool,
}

/// How much of a recording a reader has been given.
#[derive(Default)]
pub(super) struct Had {
    bytes: usize,
    sizes: usize,
}

pub(super) enum RecordedEvent<'a> {
    Bytes(&'a [u8]),
    /// Columns and rows.
    Size((u16, u16)),
}

impl Recording {
    pub(super) fn new(size: (u16, u16)) -> Self {
        Self {
            kept: Mutex::new(Kept {
                bytes: Vec::new(),
                sizes: vec![(0, size)],
                is_over: false,
            }),
            grown: Condvar::new(),
        }
    }

    /// Records on a thread of its own, until no process has the terminal's other end open.
    pub(super) fn keep(recording: &Arc<Self>, mut reader: File) {
        let recording = Arc::clone(recording);
        thread::spawn(move || {
            let mut bytes = [0; 8_192];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                recording.lock().bytes.extend_from_slice(&bytes[..count]);
                recording.grown.notify_all();
            }
            recording.lock().is_over = true;
            recording.grown.notify_all();
        });
    }

    /// A test that panicked inside a look still prints what was recorded.
    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Applies to what is written from now on.
    pub(super) fn resize(&self, size: (u16, u16)) {
        let mut kept = self.lock();
        let begin = kept.bytes.len();
        kept.sizes.push((begin, size));
    }

    pub(super) fn look<T>(&self, at: impl FnOnce(&[u8]) -> T) -> T {
        at(&self.lock().bytes)
    }

    /// Gives a reader what is new to it, in order.
    pub(super) fn replay(&self, had: &mut Had, mut to: impl FnMut(RecordedEvent<'_>)) {
        let kept = self.lock();
        for &(begin, size) in &kept.sizes[had.sizes..] {
            to(RecordedEvent::Bytes(&kept.bytes[had.bytes..begin]));
            to(RecordedEvent::Size(size));
            had.bytes = begin;
        }
        to(RecordedEvent::Bytes(&kept.bytes[had.bytes..]));
        *had = Had {
            bytes: kept.bytes.len(),
            sizes: kept.sizes.len(),
        };
    }

    /// Calls `look` after every output until it succeeds; at the deadline panics with its error.
    pub(super) fn until<T>(&self, mut look: impl FnMut() -> Result<T, String>) -> T {
        let deadline = Instant::now() + PATIENCE;
        loop {
            let seen = self.lock().bytes.len();
            let is_last = Instant::now() >= deadline;
            match look() {
                Ok(found) => return found,
                Err(missing) => assert!(!is_last, "never came: {missing}"),
            }
            let kept = self.lock();
            // Nothing signals a change of modes, a stop or an end: these are polled.
            if kept.bytes.len() == seen {
                drop(self.grown.wait_timeout(kept, POLL));
            }
        }
    }

    pub(super) fn until_over(&self) {
        self.until(|| {
            self.lock()
                .is_over
                .then_some(())
                .ok_or_else(|| "the end of what is written".to_owned())
        });
    }
}
