//! A command with all that it has started, so that a late one can be ended as a whole.
//!
//! It stays in this program's process group, so that what ends a script by its group (Ctrl-C,
//! `timeout`) ends it too, and one that asks on the terminal may: its descendants are looked up.
//! Where the full screen has the terminal, it has a group of its own, and is killed by whoever does
//! not wait for it any more ([`Leash`]).

use std::io;
use std::process::{Child, Command, ExitStatus};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The shell, and how what it started is found.
pub(super) struct Family {
    pub(super) shell: Child,
    has_group: bool,
}

impl Family {
    /// With `has_group` in a process group of its own.
    pub(super) fn start(mut command: Command, has_group: bool) -> io::Result<Self> {
        #[cfg(unix)]
        if has_group {
            use std::os::unix::process::CommandExt;
            command.process_group(0);
        }
        Ok(Self {
            shell: command.spawn()?,
            has_group,
        })
    }

    /// Kills the shell, which has not been waited for, and what it has started.
    pub(super) fn kill(&mut self) {
        self.kill_group();
        #[cfg(unix)]
        if !self.has_group {
            kill_descendants(rustix::process::Pid::from_child(&self.shell));
        }
        // Both fail where it has ended just now.
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }

    /// Kills what the shell has left behind, where that can be told.
    pub(super) fn kill_group(&self) {
        #[cfg(unix)]
        if self.has_group {
            use rustix::process::{Pid, Signal, kill_process_group};
            // It fails where there is nothing left.
            let _ = kill_process_group(Pid::from_child(&self.shell), Signal::KILL);
        }
    }
}

/// Ends a command from another thread.
#[derive(Clone, Default)]
pub struct Leash(Arc<Mutex<OnLeash>>);

#[derive(Default)]
enum OnLeash {
    /// None runs yet, or none any more.
    #[default]
    Nothing,
    /// That of the shell, which has not been waited for: no other group has its number.
    #[cfg(unix)]
    Group(rustix::process::Pid),
    /// None is to be started.
    Ended,
}

impl Leash {
    fn held(&self) -> MutexGuard<'_, OnLeash> {
        // It is whole at every step, also where a thread panicked.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Kills the command with its group, or keeps it from being started.
    pub fn kill(&self) {
        let held = std::mem::replace(&mut *self.held(), OnLeash::Ended);
        #[cfg(unix)]
        if let OnLeash::Group(group) = held {
            use rustix::process::{Signal, kill_process_group};
            // It fails where there is nothing left.
            let _ = kill_process_group(group, Signal::KILL);
        }
        #[cfg(not(unix))]
        drop(held);
    }

    /// Starts it unless it was killed before.
    pub(super) fn start(&self, command: Command, has_group: bool) -> io::Result<Family> {
        let mut held = self.held();
        if matches!(*held, OnLeash::Ended) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let family = Family::start(command, has_group)?;
        #[cfg(unix)]
        if has_group {
            *held = OnLeash::Group(rustix::process::Pid::from_child(&family.shell));
        }
        Ok(family)
    }

    /// How the shell ended, if it has.
    pub(super) fn try_wait(&self, shell: &mut Child) -> io::Result<Option<ExitStatus>> {
        let mut held = self.held();
        let status = shell.try_wait()?;
        if status.is_some() && !matches!(*held, OnLeash::Ended) {
            *held = OnLeash::Nothing;
        }
        Ok(status)
    }

    /// The command is late, and is killed by its family.
    pub(super) fn kill_late(&self, family: &mut Family) {
        let mut held = self.held();
        family.kill();
        *held = OnLeash::Ended;
    }
}

/// From the shell downward, each is stopped before its children are looked up: none starts another
/// one meanwhile. A process that ends meanwhile is no failure.
#[cfg(unix)]
fn kill_descendants(shell: rustix::process::Pid) {
    use rustix::process::{Signal, kill_process};

    let mut all = vec![shell];
    let mut at = 0;
    while let Some(&one) = all.get(at).filter(|_| all.len() < MOST) {
        let _ = kill_process(one, Signal::STOP);
        all.extend(children(one));
        at += 1;
    }
    for one in all {
        let _ = kill_process(one, Signal::KILL);
    }
}
/// Processes that are looked up; of a command with more, some are left.
#[cfg(unix)]
const MOST: usize = 1_000;

#[cfg(unix)]
fn children(process: rustix::process::Pid) -> Vec<rustix::process::Pid> {
    use rustix::process::Pid;

    let Ok(threads) = std::fs::read_dir(format!("/proc/{}/task", process.as_raw_nonzero())) else {
        return Vec::new();
    };
    let lists = threads.flatten().map(|thread| {
        let list = std::fs::read_to_string(thread.path().join("children"));
        list.unwrap_or_default()
    });
    let numbers = lists.flat_map(|list| {
        let numbers = list.split_whitespace().map(str::parse);
        numbers.flatten().collect::<Vec<i32>>()
    });
    numbers.filter_map(Pid::from_raw).collect()
}

#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;
    use std::process::Stdio;

    use chatbox_common::testkit::wait::eventually;

    use super::*;

    fn sh(text: &str, directory: &Path) -> Command {
        let mut command = Command::new("/bin/sh");
        command.args(["-c", text]).current_dir(directory);
        command.stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// The process is gone, or its parent has not asked yet how it ended.
    fn has_ended(process: &str) -> bool {
        let stat = fs::read_to_string(format!("/proc/{process}/stat"));
        stat.map_or(true, |stat| stat.contains(") Z "))
    }

    fn started(file: &Path, count: usize) -> Vec<String> {
        eventually("the processes of the command", || {
            let text = fs::read_to_string(file).unwrap_or_default();
            let processes: Vec<_> = text.lines().map(str::to_owned).collect();
            (processes.len() == count).then_some(processes)
        })
    }

    #[test]
    fn a_command_is_killed_with_all_that_it_started() {
        for has_group in [false, true] {
            let directory = tempfile::tempdir().unwrap();
            let file = directory.path().join("processes");
            // A child, and a child of a child.
            let text = "echo $$ >> processes; sleep 1000 & echo $! >> processes; \
                        (sleep 1000 & echo $! >> processes; wait); echo never";
            let mut family = Family::start(sh(text, directory.path()), has_group).unwrap();
            let processes = started(&file, 3);
            family.kill();
            for process in processes {
                eventually("the end of a process", || has_ended(&process).then_some(()));
            }
        }
    }

    #[test]
    fn what_an_ended_command_left_behind_is_killed_with_its_group() {
        let directory = tempfile::tempdir().unwrap();
        let command = sh("sleep 1000 & echo $! > processes", directory.path());
        let mut family = Family::start(command, true).unwrap();
        assert!(family.shell.wait().unwrap().success());
        let processes = started(&directory.path().join("processes"), 1);
        family.kill_group();
        eventually("the end of a process", || {
            has_ended(&processes[0]).then_some(())
        });
    }
}
