//! The modes of the terminal: while a person talks, every key is passed on at once and a paste is
//! marked as one. They are given back whatever ends the program, and while it is stopped.
//!
//! Knows no key and no text. Only where standard input and output are a terminal that obeys escape
//! sequences; elsewhere lines come as they always did.

#[cfg(not(unix))]
pub use elsewhere::Modes;
#[cfg(unix)]
pub use unix::Modes;

#[cfg(unix)]
mod unix {
    use std::io::{self, Write};
    use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

    use rustix::process::getpgrp;
    use rustix::termios::{
        InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, tcgetattr, tcgetpgrp,
        tcsetattr,
    };
    use signal_hook::consts::SIGTSTP;
    use signal_hook::low_level::emulate_default_handler;

    /// A paste begins and ends with a mark (xterm, "bracketed paste").
    const MARK_PASTES: &[u8] = b"\x1b[?2004h";
    const NO_MARKS: &[u8] = b"\x1b[?2004l";

    #[derive(Default)]
    struct State {
        /// What the terminal is to be given back, while the modes are taken.
        before: Option<Termios>,
        /// Whether the program wants them, now or once it goes on.
        wanted: bool,
    }

    type Shared = Arc<Mutex<State>>;

    fn locked(shared: &Shared) -> MutexGuard<'_, State> {
        // What is in it is whole at every step.
        shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// See the module. Dropping them gives them back.
    #[derive(Default)]
    pub struct Modes(Shared);

    impl Modes {
        /// Takes the modes; false where the terminal does not give them.
        pub fn take(&self) -> bool {
            let mut state = locked(&self.0);
            state.wanted = true;
            state.apply();
            state.before.is_some()
        }

        /// Gives them back.
        pub fn give_back(&self) {
            let mut state = locked(&self.0);
            state.wanted = false;
            state.restore();
        }

        /// For whoever hears signals.
        pub fn watcher(&self) -> Watcher {
            Watcher(Arc::clone(&self.0))
        }
    }

    impl Drop for Modes {
        fn drop(&mut self) {
            self.give_back();
        }
    }

    /// Gives the modes back for as long as the program is stopped.
    pub struct Watcher(Shared);

    impl Watcher {
        /// The person stops the program (Ctrl-Z); comes back when it goes on.
        pub fn stop(&self) {
            locked(&self.0).restore();
            // It fails for signals without a default alone.
            let _ = emulate_default_handler(SIGTSTP);
            self.go_on();
        }

        /// The program goes on, perhaps in the background, where the terminal is not its own.
        pub fn go_on(&self) {
            let mut state = locked(&self.0);
            if state.wanted {
                state.apply();
            }
        }

        /// The person ends the program at once, by this signal.
        pub fn end(&self, signal: i32) {
            locked(&self.0).restore();
            // As above.
            let _ = emulate_default_handler(signal);
        }
    }

    impl State {
        fn apply(&mut self) {
            let stdin = io::stdin();
            let is_ours = tcgetpgrp(&stdin).is_ok_and(|group| group == getpgrp());
            if !is_ours {
                return;
            }
            if self.before.is_none() {
                self.before = tcgetattr(&stdin).ok();
            }
            if !self.set() {
                self.before = None;
            }
        }

        /// Sets the modes, also where somebody else has set others meanwhile; false where that
        /// fails.
        fn set(&self) -> bool {
            let Some(mut modes) = self.before.clone() else {
                return false;
            };
            let theirs = LocalModes::ICANON | LocalModes::ECHO | LocalModes::IEXTEN;
            modes.local_modes.remove(theirs);
            // Ctrl-Z in the middle of a paste must not lose its end.
            modes.local_modes.insert(LocalModes::NOFLSH);
            modes.input_modes.remove(InputModes::IXON);
            modes.special_codes[SpecialCodeIndex::VMIN] = 1;
            modes.special_codes[SpecialCodeIndex::VTIME] = 0;
            let is_set = tcsetattr(io::stdin(), OptionalActions::Now, &modes).is_ok();
            if is_set {
                say(MARK_PASTES);
            }
            is_set
        }

        fn restore(&mut self) {
            if let Some(before) = self.before.take() {
                say(NO_MARKS);
                // A terminal that is gone needs nothing back.
                let _ = tcsetattr(io::stdin(), OptionalActions::Now, &before);
            }
        }
    }

    fn say(order: &[u8]) {
        let mut out = io::stdout().lock();
        // As above.
        let _ = out.write_all(order).and_then(|()| out.flush());
    }
}

#[cfg(not(unix))]
mod elsewhere {
    /// See the module: lines come as the terminal edits them.
    #[derive(Default)]
    pub struct Modes;

    impl Modes {
        /// Takes nothing.
        pub fn take(&self) -> bool {
            false
        }

        /// Gives nothing back.
        pub fn give_back(&self) {}
    }
}
