//! The ChatBox client: `chatbox`.
//!
//! ```text
//!  main -> cli, config      what the flags and the file say
//!       -> door             who: menu, registration, login      -> session, known_hosts, prompt
//!       -> app              the chat: one loop                  -> session, model, outgoing
//!            keyboard thread -> events <- reader thread         -> ui
//! ```

mod address;
mod app;
mod backoff;
mod cli;
mod complete;
mod config;
mod door;
mod input;
mod known_hosts;
mod model;
mod modes;
mod outgoing;
mod prompt;
mod qr;
mod sanitize;
mod screen;
mod session;
mod stop;
mod trust;
mod ui;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use clap::Parser;

use app::App;
use cli::{Cli, Exit};
use door::Door;
use prompt::Terminal;
use screen::Screen;
use stop::Stop;

fn main() -> ExitCode {
    let exit = match run(Cli::parse()) {
        Ok(exit) => exit,
        Err(stop) => {
            if !stop.sentence.is_empty() {
                door::tell(&stop.sentence);
            }
            stop.exit
        }
    };
    exit.into()
}

fn run(cli: Cli) -> Result<Exit, Stop> {
    let settings = config::load(&cli)?;
    let ctrl_c_ends = Arc::new(AtomicBool::new(true));
    let terminal = Terminal::open(Arc::clone(&ctrl_c_ends))?;
    let screen = Screen::of_process(cli.plain);
    let mut door = Door::new(cli, &settings, terminal, screen)?;
    let entered = door.enter()?;
    App::begin(door, &settings, entered, ctrl_c_ends, screen)?.run()
}
