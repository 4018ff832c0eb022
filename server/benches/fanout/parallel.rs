use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use anyhow::Context;

/// How long `take` waits for a thing before it is called with `None`.
const LOOK: Duration = Duration::from_millis(2);

/// Makes `count` things on `threads` threads, and takes each on the calling one, which gets `None`
/// every 2 ms meanwhile. Stops at the first error.
pub fn in_parallel<T: Send>(
    count: usize,
    threads: usize,
    make: impl Fn(usize) -> anyhow::Result<T> + Sync,
    mut take: impl FnMut(Option<T>) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let next = AtomicUsize::new(0);
    thread::scope(|scope| {
        let (sender, receiver) = mpsc::channel();
        for _ in 0..threads.min(count) {
            let (sender, next, make) = (sender.clone(), &next, &make);
            scope.spawn(move || {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= count {
                        return;
                    }
                    let thing = make(number).with_context(|| format!("number {number}"));
                    let failed = thing.is_err();
                    if sender.send(thing).is_err() || failed {
                        next.store(count, Ordering::Relaxed);
                        return;
                    }
                }
            });
        }
        drop(sender);
        loop {
            match receiver.recv_timeout(LOOK) {
                Ok(thing) => take(Some(thing?))?,
                Err(RecvTimeoutError::Timeout) => take(None)?,
                Err(RecvTimeoutError::Disconnected) => return Ok(()),
            }
        }
    })
}
