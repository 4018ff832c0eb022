//! Stands for `modes` where this program can't set a terminal's modes (not Unix): nothing is held,
//! and each question switches echo by itself.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// The names are those of `modes`.
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

    pub const fn type_lines(&mut self) -> io::Result<bool> {
        Ok(false)
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

/// Nothing can be dropped here.
pub const fn discard() -> bool {
    false
}
