//! Processes that end with the test, however the test ends.
//!
//! Drop ends a process when its owner goes, also by a panic. A test that is killed, aborts or is
//! ended with Ctrl-C drops nothing; for that there is one shell beside each test process. It is
//! told which processes run, over a pipe whose other end only the test process has: when that end
//! closes, the test is gone, and the shell kills what still runs.

use std::io::{self, Write};
use std::ops::{Deref, DerefMut};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Mutex, OnceLock, PoisonError};

/// Keeps a list of process ids, each between blanks. A process that leads a group, as a terminal's
/// does, is killed with its group. The shell ignores the signals that end a test, and has a group
/// of its own, so that it outlives the test.
const SCRIPT: &str = r#"
trap '' HUP INT QUIT TERM
running=' '
while read -r sign pid; do
    case $sign in
    +) running="$running$pid " ;;
    -) running="${running%%" $pid "*} ${running#*" $pid "}" ;;
    esac
done
for pid in $running; do
    kill -s KILL "$pid"
    kill -s KILL -- "-$pid"
done
"#;

#[derive(Debug)]
pub struct GuardedChild {
    child: Child,
    is_listed: bool,
}

impl GuardedChild {
    /// Starts a process that ends with this value, and with the test at the latest.
    pub fn spawn(command: &mut Command) -> Self {
        // Before the process, so that it can be listed at once.
        let guard = guard();
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{}: {error}", command.get_program().display()));
        tell(guard, '+', child.id()).expect("the shell that ends processes runs");
        let is_listed = true;
        Self { child, is_listed }
    }

    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        let status = self.child.wait()?;
        self.take_off();
        Ok(status)
    }

    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        let status = self.child.try_wait()?;
        if status.is_some() {
            self.take_off();
        }
        Ok(status)
    }

    /// Reads both pipes at once: the process would block on a full one.
    pub fn wait_with_output(mut self) -> io::Result<Output> {
        drop(self.child.stdin.take());
        let (stdout, stderr) = (self.child.stdout.take(), self.child.stderr.take());
        let stderr = std::thread::spawn(move || read_all(stderr));
        let stdout = read_all(stdout)?;
        let stderr = stderr.join().expect("a pipe is read without a panic")?;
        let status = self.wait()?;
        Ok(Output {
            status,
            stdout,
            stderr,
        })
    }

    /// The id is free again: the shell must not kill another process that gets it.
    fn take_off(&mut self) {
        if std::mem::take(&mut self.is_listed) {
            // A test can still pass without its shell.
            let _ = tell(guard(), '-', self.child.id());
        }
    }
}

fn read_all(pipe: Option<impl io::Read>) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    if let Some(mut pipe) = pipe {
        pipe.read_to_end(&mut bytes)?;
    }
    Ok(bytes)
}

impl Deref for GuardedChild {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.child
    }
}

impl DerefMut for GuardedChild {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.child
    }
}

impl Drop for GuardedChild {
    fn drop(&mut self) {
        // Fails where the process has ended already.
        let _ = self.child.kill();
        let _ = self.wait();
    }
}

/// The shell, which is started with the first process.
fn guard() -> &'static Mutex<Child> {
    static GUARD: OnceLock<Mutex<Child>> = OnceLock::new();
    GUARD.get_or_init(|| {
        let shell = Command::new("/bin/sh")
            .args(["-c", SCRIPT])
            .current_dir("/")
            .stdin(Stdio::piped())
            // Otherwise a reader of the test's output would wait for the shell as well.
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .process_group(0)
            .spawn()
            .expect("/bin/sh starts");
        Mutex::new(shell)
    })
}

fn tell(guard: &Mutex<Child>, sign: char, pid: u32) -> io::Result<()> {
    let line = format!("{sign} {pid}\n");
    let mut shell = guard.lock().unwrap_or_else(PoisonError::into_inner);
    let pipe = shell.stdin.as_mut().expect("a pipe was asked for");
    pipe.write_all(line.as_bytes())
}
