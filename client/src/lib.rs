//! The ChatBox client: everything but the call of [`main`].
//!
//! ```text
//!  main -> cli, config      what the flags and the file say
//!       -> login            who: menu, registration, login      -> session, known_hosts, prompt
//!       -> app              the chat: one loop                  -> session, model, outgoing
//!            keyboard thread -> events <- reader thread         -> ui
//! ```

// Lists of client/clippy.toml.
#![warn(clippy::disallowed_methods)]

mod address;
mod app;
mod backoff;
mod charset;
mod cli;
mod completion;
mod config;
mod core_dumps;
mod exit;
mod file_mode;
#[cfg(any(test, feature = "fuzzing"))]
pub mod fuzzing;
mod input;
mod known_hosts;
mod locked_file;
mod login;
mod margin;
mod model;
mod outgoing;
mod password_strength;
mod prompt;
mod qr;
mod sanitize;
mod saved_session;
mod screen;
mod secret_command;
mod session;
mod trust;
mod ui;
mod width;
mod words;
mod wrap;

use std::io::{IsTerminal, Write, stdin, stdout};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use app::{App, RunMode};
use charset::Charset;
use chatbox_common::config::Fault;
use cli::{Cli, Exit, Script};
use config::{ConfigError, Settings};
use exit::ExitReason;
use jiff::tz::TimeZone;
use login::Login;
use prompt::{Above, Terminal};
use screen::Screen;
use ui::Face;
use ui::full::keymap::Keymap;
use ui::full::{Full, Wanted};
use ui::plain::Plain;
use ui::script::Script as Lines;
use words::tables::Clock;

#[must_use]
pub fn main() -> ExitCode {
    let exit = match run(Cli::of_process()) {
        Ok(exit) => exit,
        Err(reason) => {
            if !reason.sentence.is_empty() {
                prompt::complain(&reason.sentence);
            }
            reason.exit
        }
    };
    exit.into()
}

fn run(cli: Cli) -> Result<Exit, ExitReason> {
    core_dumps::forbid()?;
    let run_mode = match &cli.script {
        None => RunMode::Chat,
        Some(Script::Completions { shell }) => {
            charset::stdout().write_all(&cli::completions(*shell))?;
            return Ok(Exit::Fine);
        }
        Some(script) => RunMode::of(script).unwrap_or(RunMode::Chat),
    };
    let settings = config::load(&cli)?;
    if cli.check_config {
        return check(&settings);
    }
    let ctrl_c_ends = Arc::new(AtomicBool::new(true));
    let clock = Clock::new(TimeZone::system());
    let mut face = face(&cli, &settings, &clock, &ctrl_c_ends)?;
    if face.screen().charset == Charset::Other {
        face.tell(words::app::NOT_UTF8);
    }
    for sentence in &settings.passed_over {
        face.tell(sentence);
    }
    let mut login = Login::new(cli, &settings, &mut *face)?;
    let entered = login.enter(&mut *face)?;
    App::begin(
        login,
        face,
        clock,
        &settings,
        entered,
        run_mode,
        ctrl_c_ends,
    )?
    .run()
}

/// Says that the configuration is fine, or what is wrong with it: `[keys]` as well, which only this
/// program can judge.
fn check(settings: &Settings) -> Result<Exit, ExitReason> {
    for sentence in &settings.passed_over {
        prompt::complain(sentence);
    }
    keymap(settings)?;
    let fine = words::config::fine(settings.file.as_deref());
    charset::stdout().write_all(fine.as_bytes())?;
    Ok(Exit::Fine)
}

/// A full screen where there is one, unless lines are wanted.
fn face(
    cli: &Cli,
    settings: &Settings,
    clock: &Clock,
    ctrl_c_ends: &Arc<AtomicBool>,
) -> Result<Box<dyn Face>, ExitReason> {
    let screen = Screen::of_process(cli.plain);
    // A mistake in the keys is told also where they are not used.
    let keymap = keymap(settings)?;
    if cli.script.is_none() && screen.escapes && stdin().is_terminal() {
        let wanted = Wanted {
            scrollback: settings.scrollback,
            bell: settings.bell,
            colours: screen.colours,
            escape: settings.escape,
            charset: screen.charset,
        };
        return Ok(Box::new(Full::open(&wanted, keymap, clock.clone())?));
    }
    let terminal = Terminal::open(Arc::clone(ctrl_c_ends))?;
    let plain = Plain::new(
        Above::new(terminal.typing()),
        clock.clone(),
        terminal,
        screen,
        screen::width,
        stdin().is_terminal(),
    );
    Ok(match &cli.script {
        None => Box::new(plain.with_bell(settings.bell && stdout().is_terminal())),
        Some(script) => Box::new(Lines::new(plain, script.is_json())),
    })
}

fn keymap(settings: &Settings) -> Result<Keymap, ExitReason> {
    let keys = settings.keys.iter();
    let keys: Vec<_> = keys
        .map(|setting| (setting.key.clone(), setting.action.clone()))
        .collect();
    Keymap::with(&keys).map_err(|faults| {
        let faults = faults.into_iter().map(|fault| Fault {
            line: settings.keys.get(fault.index).map_or(0, |key| key.line),
            sentence: fault.sentence,
        });
        let path = settings.file.clone().unwrap_or_default();
        let faults = faults.collect();
        ConfigError::Faults { path, faults }.into()
    })
}
