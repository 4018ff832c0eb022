//! How threads are started, and what it means when one panics.
//!
//! Without most of them the server would only look alive: the process ends, and the service manager
//! starts it anew. What was acknowledged is in the database. A thread that serves one peer takes
//! nobody along.

use std::fmt::Display;
use std::io;
use std::thread::{Builder, JoinHandle};

struct Guard(String);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            end_process(&self.0, "it panicked");
        }
    }
}

/// For a thread that can't go on, and that the server can't do without.
pub fn end_process(thread: &str, why: impl Display) -> ! {
    eprintln!("chatbox-server: the {thread} thread has failed, and the server ends: {why}");
    std::process::exit(1);
}

/// Starts a thread whose panic ends the process with exit code 1.
pub fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let guard = Guard(name.clone());
    start(Builder::new().name(name), move || {
        let _guard = guard;
        work();
    })
}

/// Starts a thread that serves one peer, with a stack of so many bytes. What it holds is dropped
/// when it panics, which must be all that others wait for.
pub fn for_one(
    name: &str,
    stack: usize,
    work: impl FnOnce() + Send + 'static,
) -> io::Result<JoinHandle<()>> {
    let thread = Builder::new().name(name.to_owned()).stack_size(stack);
    start(thread, work)
}

#[expect(
    clippy::disallowed_methods,
    reason = "here it is decided what a panic means"
)]
fn start(thread: Builder, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    thread.spawn(work)
}

#[cfg(test)]
pub mod testing {
    use std::process::Command;

    /// Set for the copy of this program in which a thread fails.
    const FAILS: &str = "CHATBOX_TEST_THREAD_FAILS";

    pub fn is_copy() -> bool {
        std::env::var_os(FAILS).is_some()
    }

    /// Runs one test, by its path, in a process of its own, whose exit code and standard error it
    /// returns.
    pub fn in_a_copy(test: &str) -> (Option<i32>, String) {
        let copy = Command::new(std::env::current_exe().unwrap())
            .args([test, "--exact", "--nocapture", "--test-threads=1"])
            .env(FAILS, "1")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&copy.stderr);
        (copy.status.code(), said.into_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::testing::{in_a_copy, is_copy};
    use super::*;

    #[test]
    fn a_thread_that_the_server_needs_takes_the_process_along_and_one_of_a_peer_does_not() {
        if is_copy() {
            let fails = || panic!("on purpose");
            for_one("conn-1", 64 * 1024, fails)
                .unwrap()
                .join()
                .unwrap_err();
            eprintln!("the peer's thread has failed");
            let _ = spawn("needed".to_owned(), fails).unwrap().join();
            unreachable!("the process has ended");
        }
        let (code, said) = in_a_copy(concat!(
            "threads::tests::",
            "a_thread_that_the_server_needs_takes_the_process_along_and_one_of_a_peer_does_not"
        ));
        assert_eq!(code, Some(1), "{said}");
        let order = [
            "the peer's thread has failed",
            "the needed thread has failed, and the server ends: it panicked",
        ];
        let places = order.map(|sentence| said.find(sentence));
        assert!(places[0].is_some() && places[0] < places[1], "{said}");
    }
}
