//! Threads without which the server would only look alive: when one panics, the process ends, and
//! the service manager starts it anew. What was acknowledged is in the database.

use std::io;
use std::thread::{Builder, JoinHandle};

struct Guard(String);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "chatbox-server: the {} thread has failed; the server ends",
                self.0
            );
            std::process::exit(1);
        }
    }
}

/// Starts a thread whose panic ends the process with exit code 1.
pub fn spawn(name: String, work: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.clone()).spawn(move || {
        let guard = Guard(name);
        work();
        drop(guard);
    })
}
