//! Where a terminal has no modes that are known here: nothing is held, and each question switches
//! echo by itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// See the module; the names are those of `modes`.
pub struct Modes;

#[expect(
    clippy::unused_self,
    clippy::unnecessary_wraps,
    reason = "elsewhere there is something to do, which may fail"
)]
impl Modes {
    pub fn new(_: Arc<AtomicBool>) -> Self {
        Self
    }

    pub const fn hold(&mut self) -> io::Result<()> {
        Ok(())
    }

    pub const fn give_back(&self) {}

    pub const fn is_held(&self) -> bool {
        true
    }

    pub const fn wait(&self, _: bool) {}

    pub fn interruptible<T>(&self, task: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        task()
    }
}

/// What was typed can't be thrown away here.
pub const fn discard() -> bool {
    false
}
