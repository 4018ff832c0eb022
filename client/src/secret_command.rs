//! Passwords and codes that a command prints: `password_command` and `otp_command` of a profile.
//!
//! The shell runs the command with nothing to read; its standard error is left to the person. Of
//! its output only the first line is kept, and nothing is ever shown. It inherits this program's
//! environment, in which this program puts no secret. It stays in this program's process group and
//! so in the terminal's foreground: one that asks for a passphrase there can, and Ctrl-C ends it too.
//! Where the full screen owns the terminal, it gets neither, and is killed where nobody waits for it
//! any more. One that is late is killed with all that it has started.

mod family;

use std::fmt;
use std::io::{self, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::secret::SecretString;
use zeroize::Zeroizing;

use crate::prompt::{SecretFileError, first_line};
pub use family::Leash;

/// For a command to end; the person may have to type a passphrase for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// For reading the output of a command that ended at the last moment.
const GRACE: Duration = Duration::from_secs(1);
/// How often to see whether it has ended.
const LOOK: Duration = Duration::from_millis(10);

/// Why a command gave no secret. A sentence for the person, which names the command by its place in
/// the file: neither its text nor its output.
#[derive(Debug, thiserror::Error)]
pub enum SecretCommandError {
    #[error("cannot run {name}: {source}")]
    Run {
        /// Its place in the file, here and below.
        name: String,
        source: io::Error,
    },
    #[error("{name} failed ({status}); what it complained about stands above")]
    Failed { name: String, status: ExitStatus },
    #[error("{0} did not end within 30 s and was killed")]
    Late(String),
    /// The first line of its output is no secret.
    #[error(transparent)]
    NoSecret(#[from] SecretFileError),
}

#[derive(Clone, PartialEq, Eq)]
pub struct SecretCommand {
    name: String,
    command: String,
}

impl fmt::Debug for SecretCommand {
    /// Leaves out the text: a person may have written a secret into it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SecretCommand").field(&self.name).finish()
    }
}

impl SecretCommand {
    /// `name` is the place in the file, such as `otp_command of [profiles.bot]`.
    #[must_use]
    pub const fn new(name: String, command: String) -> Self {
        Self { name, command }
    }

    /// Runs it for at most 30 s. With `is_alone` the full screen owns the terminal: the command's
    /// output would appear on it, and both would read the keys. So the command gets no terminal,
    /// and stops where it asks; `leash` ends it then.
    pub fn run(&self, is_alone: bool, leash: &Leash) -> Result<SecretString, SecretCommandError> {
        self.run_within(PATIENCE, is_alone, leash)
    }

    fn run_within(
        &self,
        patience: Duration,
        is_alone: bool,
        leash: &Leash,
    ) -> Result<SecretString, SecretCommandError> {
        let deadline = Instant::now() + patience;
        let failed = |source| SecretCommandError::Run {
            name: self.name.clone(),
            source,
        };
        let mut command = Command::new("/bin/sh");
        command
            .arg("-c")
            .arg(&self.command)
            .stdin(Stdio::null())
            .stdout(Stdio::piped());
        if is_alone {
            command.stderr(Stdio::null());
        }
        let mut family = leash.start(command, is_alone).map_err(failed)?;
        let secret = family
            .shell
            .stdout
            .take()
            .ok_or_else(|| io::Error::other("it has no output"))
            .and_then(|output| self.listen(output));
        let status = secret
            .as_ref()
            .map_or(Ok(None), |_| end(&mut family.shell, leash, deadline));
        if !matches!(status, Ok(Some(_))) {
            leash.kill_late(&mut family);
        }
        let (secret, status) = (secret.map_err(failed)?, status.map_err(failed)?);
        let late = || SecretCommandError::Late(self.name.clone());
        let status = status.ok_or_else(late)?;
        if !status.success() {
            let name = self.name.clone();
            return Err(SecretCommandError::Failed { name, status });
        }
        // The command has ended, but a process that it left behind may keep the output open.
        let left = deadline.saturating_duration_since(Instant::now());
        let secret = secret.recv_timeout(left.max(GRACE));
        Ok(secret.map_err(|_| {
            family.kill_group();
            late()
        })??)
    }

    /// Reads the first line on a thread of its own, and then drops what follows it: a closed pipe
    /// would end the command while it prints.
    fn listen(
        &self,
        mut output: ChildStdout,
    ) -> io::Result<Receiver<Result<SecretString, SecretFileError>>> {
        let (tell, told) = mpsc::sync_channel(1);
        let name = format!("what {} printed", self.name);
        thread::Builder::new()
            .name("secret".to_owned())
            .spawn(move || {
                // Nobody receives it after the deadline.
                let _ = tell.send(first_line(&mut output, Path::new(&name)));
                let mut rest = Zeroizing::new([0; 512]);
                while output.read(rest.as_mut_slice()).is_ok_and(|read| read > 0) {}
            })?;
        Ok(told)
    }
}

/// `None` where the command did not end by the deadline.
fn end(child: &mut Child, leash: &Leash, deadline: Instant) -> io::Result<Option<ExitStatus>> {
    loop {
        let status = leash.try_wait(child)?;
        if status.is_some() || Instant::now() >= deadline {
            return Ok(status);
        }
        thread::sleep(LOOK);
    }
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use chatbox_common::testkit::wait::eventually;

    use super::*;

    fn command(text: &str) -> SecretCommand {
        SecretCommand::new("password_command of [profiles.bot]".into(), text.into())
    }

    fn fault(text: &str) -> String {
        let error = command(text).run(false, &Leash::default()).unwrap_err();
        error.to_string()
    }

    #[test]
    fn a_secret_is_the_first_line_that_is_printed() {
        for text in [
            "echo geheim",
            "printf geheim",
            "printf 'geheim\\r\\nuser: bob\\n'",
            "echo geheim; seq 1 100000",
            "cat; echo geheim",
        ] {
            assert_eq!(
                command(text)
                    .run(false, &Leash::default())
                    .unwrap()
                    .expose(),
                "geheim",
                "{text}"
            );
        }
    }

    #[test]
    fn a_command_that_fails_is_named_and_its_output_is_not() {
        let told = fault("echo hunter22; exit 3");
        assert!(
            told.starts_with("password_command of [profiles.bot] failed"),
            "{told}"
        );
        assert!(told.contains('3') && !told.contains("hunter22"), "{told}");
        assert!(fault("kill -9 $$").contains("signal"));
        assert!(fault("exit 1").contains("failed"));
    }

    #[test]
    fn what_is_no_secret_is_refused_with_where_it_came_from() {
        for (text, why) in [
            ("true", "is empty"),
            ("echo", "is empty"),
            ("printf '\\377\\n'", "not UTF-8"),
            ("yes | tr -d '\\n' | head -c 5000", "4096 bytes"),
        ] {
            let told = fault(text);
            assert!(told.contains(why), "{text}: {told}");
            assert!(
                told.contains("what password_command of [profiles.bot] printed"),
                "{told}"
            );
        }
    }

    #[test]
    fn a_command_that_does_not_end_is_killed() {
        let endless = command("exec tail -f /dev/null");
        let leash = Leash::default();
        let late = endless.run_within(Duration::ZERO, false, &leash);
        let late = late.unwrap_err();
        assert!(matches!(late, SecretCommandError::Late(_)));
        assert!(late.to_string().contains("killed"), "{late}");
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_ends_a_script_by_its_group_ends_its_command_too() {
        // proc_pid_stat(5)
        let prints = command("cut -d ' ' -f 5 /proc/$$/stat");
        let ours = rustix::process::getpgrp().as_raw_nonzero().to_string();
        for (is_alone, is_ours) in [(false, true), (true, false)] {
            let group = prints.run(is_alone, &Leash::default()).unwrap();
            assert_eq!(group.expose() == ours, is_ours, "{is_alone}");
        }
    }

    #[test]
    fn a_command_that_nobody_waits_for_is_ended() {
        let directory = tempfile::tempdir().unwrap();
        let began = directory.path().join("began");
        let text = format!("echo > '{}'; exec tail -f /dev/null", began.display());
        let leash = Leash::default();
        let runs = {
            let (leash, endless) = (leash.clone(), command(&text));
            let hour = Duration::from_secs(3_600);
            thread::spawn(move || endless.run_within(hour, true, &leash))
        };
        eventually("the command", || began.exists().then_some(()));
        leash.kill();
        let ended = runs.join().unwrap().unwrap_err();
        assert!(
            matches!(ended, SecretCommandError::Failed { .. }),
            "{ended}"
        );
        // Nor is one started that comes late.
        let late = command("echo geheim").run(true, &leash).unwrap_err();
        assert!(matches!(late, SecretCommandError::Run { .. }), "{late}");
    }

    #[test]
    fn a_command_is_not_shown() {
        let shown = format!("{:?}", command("echo hunter22"));
        assert!(!shown.contains("hunter22"), "{shown}");
    }
}
