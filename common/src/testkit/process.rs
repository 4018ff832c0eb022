//! The server's own program in a directory of its own: started, killed, stopped, started again.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::thread;

use rusqlite::{Connection, OpenFlags};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::guard::GuardedChild;
use super::wait::eventually;

pub const UNLIMITED: &str = "[security]\nmax_messages_per_sec = 0\n";

/// A port outside the range from which the system takes ports of its own: while the server is
/// down no other socket gets it, not even that of a client, which would connect to itself.
pub fn free_port() -> u16 {
    static GIVEN: AtomicU16 = AtomicU16::new(0);
    let begin = 20_000 + u16::try_from(std::process::id() % 10_000).unwrap();
    let next = || Some(begin + GIVEN.fetch_add(1, Ordering::Relaxed));
    let free = |port: &u16| TcpListener::bind(("127.0.0.1", *port)).is_ok();
    let mut ports = std::iter::from_fn(next).take(1_000);
    ports.find(free).expect("a free port")
}

pub struct ServerProcess {
    dir: TempDir,
    /// Which is run at the next start.
    program: PathBuf,
    child: GuardedChild,
    /// Kept open, and not read again: the server writes nothing there after its banner.
    stdout: BufReader<ChildStdout>,
    /// 0 lets the system choose at each start.
    port: u16,
    pub address: SocketAddr,
    pub fingerprint: String,
    pub banner: String,
}

/// A server that did not start.
#[derive(Debug)]
pub struct Refused {
    pub status: ExitStatus,
    pub stderr: String,
}

impl ServerProcess {
    pub fn start(config: &str) -> Self {
        Self::start_prepared(config, |_| ())
    }

    /// Starts a server that keeps its port when it is started again, as clients expect.
    pub fn start_on(port: u16, config: &str) -> Self {
        Self::start_at(port, config, |_| ())
    }

    /// `prepare` is given the server's directory before the start.
    pub fn start_prepared(config: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::start_at(0, config, prepare)
    }

    /// A server of another version.
    pub fn start_program(program: &Path, config: &str) -> Self {
        Self::start_as(program.to_owned(), 0, config, |_| ())
    }

    fn start_at(port: u16, config: &str, prepare: impl FnOnce(&Path)) -> Self {
        Self::start_as(program("chatbox-server"), port, config, prepare)
    }

    fn start_as(program: PathBuf, port: u16, config: &str, prepare: impl FnOnce(&Path)) -> Self {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("config.toml"), config).unwrap();
        fs::create_dir(dir.path().join("log")).unwrap();
        prepare(dir.path());
        let (child, stdout, address, fingerprint, banner) =
            launch(&program, dir.path(), port).unwrap();
        Self {
            dir,
            program,
            child,
            stdout,
            port,
            address,
            fingerprint,
            banner,
        }
    }

    /// Tries to start a second server on the same files.
    pub fn try_another(&self) -> Refused {
        launch(&self.program, self.path(), self.port).expect_err("a second server started")
    }

    /// Gives this server, or its files while it is stopped, a command of the operator's.
    pub fn operate(&self, arguments: &[&str]) -> Output {
        self.operator(arguments).output().unwrap()
    }

    /// As [`ServerProcess::operate`], not run yet.
    pub fn operator(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.program);
        command
            .args(arguments)
            .arg("--config")
            .arg(self.path().join("config.toml"))
            .current_dir(self.path())
            .stdin(Stdio::null());
        command
    }

    /// A command that must succeed; returns what it says.
    pub fn operated(&self, arguments: &[&str]) -> String {
        let output = self.operate(arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {complaint}");
        String::from_utf8(output.stdout).unwrap()
    }

    /// A command that must fail with exit code 1; returns its complaint.
    pub fn operated_in_vain(&self, arguments: &[&str]) -> String {
        let output = self.operate(arguments);
        assert_eq!(output.status.code(), Some(1), "{arguments:?}: {output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    /// The directory with config.toml, data, log and keys.
    pub fn path(&self) -> &Path {
        self.dir.path()
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// SIGKILL: nothing more is written or said.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// SIGTERM, without waiting.
    pub fn signal(&self) {
        self.send_signal(Signal::TERM);
    }

    pub fn send_signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        eventually("the server's end", || self.child.try_wait().unwrap())
    }

    /// SIGTERM; waits until the server has written everything and ended.
    pub fn stop(&mut self) -> ExitStatus {
        self.signal();
        self.wait()
    }

    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Starts it again on the same files, after it has ended.
    pub fn restart(&mut self) {
        let (child, stdout, address, fingerprint, banner) =
            launch(&self.program, self.path(), self.port).unwrap();
        assert_eq!(fingerprint, self.fingerprint, "the identity stays");
        self.banner = banner;
        self.child = child;
        self.stdout = stdout;
        self.address = address;
    }

    /// Starts another version on the same files, after this one has ended.
    pub fn restart_as(&mut self, program: &Path) {
        program.clone_into(&mut self.program);
        self.restart();
    }

    pub fn restart_refused(&mut self) -> Refused {
        launch(&self.program, self.path(), self.port).expect_err("the server started")
    }

    pub fn log_path(&self, file: &str) -> PathBuf {
        self.path().join("log").join(file)
    }

    pub fn lines(&self, file: &str) -> Vec<String> {
        let text = fs::read_to_string(self.log_path(file)).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }

    /// Waits for a line that has all these parts.
    pub fn line(&self, file: &str, parts: &[&str]) -> String {
        eventually(&format!("a line of {file} with {parts:?}"), || {
            self.lines(file)
                .into_iter()
                .find(|line| parts.iter().all(|part| line.contains(part)))
        })
    }

    /// Database and logs as they are at one moment.
    pub fn files(&mut self) -> Vec<(PathBuf, Vec<u8>)> {
        let runs = self.is_running();
        if runs {
            self.send_signal(Signal::STOP);
            eventually("the server stands still", || {
                (self.state() == Some('T')).then_some(())
            });
        }
        let files = self.read_files();
        if runs {
            self.send_signal(Signal::CONT);
        }
        files
    }

    /// As ps(1) shows it.
    fn state(&self) -> Option<char> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("State:"))?;
        line.split_whitespace().nth(1)?.chars().next()
    }

    fn read_files(&self) -> Vec<(PathBuf, Vec<u8>)> {
        let directories = ["data", "log"].map(|name| self.path().join(name));
        let entries = directories
            .iter()
            .flat_map(|path| fs::read_dir(path).unwrap());
        entries
            .map(|entry| entry.unwrap().path())
            // The admin socket has nothing to read.
            .filter(|path| path.is_file())
            .map(|path| (path.clone(), fs::read(path).unwrap()))
            .collect()
    }

    /// Makes it look as if the machine had ended while the server, which does not run any more,
    /// wrote: what it wrote to both directories after `earlier` never reached the disk.
    pub fn cut_power(&self, earlier: &[(PathBuf, Vec<u8>)]) {
        for (path, _) in self.read_files() {
            fs::remove_file(path).unwrap();
        }
        for (path, bytes) in earlier {
            fs::write(path, bytes).unwrap();
            fs::set_permissions(path, fs::Permissions::from_mode(0o600)).unwrap();
        }
        self.boot_anew();
    }

    /// Makes it look as if the server had written in an earlier boot of the machine.
    pub fn boot_anew(&self) {
        let database = Connection::open(self.path().join("data/chatbox.db")).unwrap();
        let changed = database.execute(
            "UPDATE meta SET value = 'an earlier boot' WHERE key = 'running_boot'",
            (),
        );
        assert_eq!(changed, Ok(1));
    }

    /// Opened read-only.
    pub fn database(&self) -> Connection {
        let path = self.path().join("data/chatbox.db");
        Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY).unwrap()
    }

    /// The first column of the first row.
    pub fn query(&self, sql: &str) -> Option<String> {
        let found = self.database().query_row(sql, (), |row| row.get(0));
        found.ok()
    }

    /// Resident memory.
    pub fn memory_kib(&self) -> u64 {
        let status = fs::read_to_string(format!("/proc/{}/status", self.pid())).unwrap();
        let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    fn stderr(&self) -> String {
        fs::read_to_string(self.path().join("stderr")).unwrap_or_default()
    }
}

impl Drop for ServerProcess {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let stderr = self.stderr();
        if thread::panicking() {
            eprintln!("--- the server's standard error\n{stderr}");
            for file in ["info.log", "credentials.log"] {
                eprintln!("--- {file}\n{}", self.lines(file).join("\n"));
            }
        } else {
            assert!(!stderr.contains("panicked"), "{stderr}");
        }
    }
}

type Launched = (
    GuardedChild,
    BufReader<ChildStdout>,
    SocketAddr,
    String,
    String,
);

/// One of the programs of this workspace, which cargo builds beside its tests: these are in
/// target/PROFILE/deps, the programs in target/PROFILE.
pub fn program(name: &str) -> PathBuf {
    let test = std::env::current_exe().unwrap();
    let program = test.parent().unwrap().with_file_name(name);
    assert!(
        program.exists(),
        "{} is not built: run cargo test --workspace",
        program.display()
    );
    program
}

fn launch(program: &Path, dir: &Path, port: u16) -> Result<Launched, Refused> {
    let stderr = File::options()
        .create(true)
        .append(true)
        .open(dir.join("stderr"))
        .unwrap();
    let before = usize::try_from(stderr.metadata().unwrap().len()).unwrap();
    let mut command = Command::new(program);
    command
        .args(["--port", &port.to_string(), "--config"])
        .arg(dir.join("config.toml"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(stderr);
    let mut child = GuardedChild::spawn(&mut command);
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let (mut address, mut fingerprint) = (None, None);
    let (mut banner, mut line) = (String::new(), String::new());
    while stdout.read_line(&mut line).unwrap() > 0 {
        banner.push_str(&line);
        if let Some(found) = line.strip_prefix("  listening on  ") {
            address = Some(found.trim().parse().unwrap());
        } else if let Some(found) = line.strip_prefix("  fingerprint   ") {
            fingerprint = Some(found.trim().to_owned());
        } else if line.contains("passes it as --fingerprint") {
            let (address, fingerprint) = (address.unwrap(), fingerprint.unwrap());
            return Ok((child, stdout, address, fingerprint, banner));
        }
        line.clear();
    }
    let status = child.wait().unwrap();
    let stderr = fs::read_to_string(dir.join("stderr")).unwrap();
    Err(Refused {
        status,
        stderr: stderr[before..].to_owned(),
    })
}
