//! Processes that a test starts end with it, however it ends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use chatbox_common::testkit::guard::GuardedChild;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::wait::eventually;
use rustix::process::{Pid, Signal, kill_process};

/// Set for the copy of this program that is to be killed.
const IS_VICTIM: &str = "CHATBOX_TEST_IS_KILLED";

#[test]
fn what_a_test_started_ends_when_the_test_is_killed() {
    if std::env::var_os(IS_VICTIM).is_some() {
        return start_and_wait();
    }
    // Not SIGINT: a shell that runs tests in the background has it ignored.
    for signal in [Signal::KILL, Signal::TERM, Signal::ABORT] {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args([
                "--exact",
                "what_a_test_started_ends_when_the_test_is_killed",
            ])
            .args(["--nocapture", "--test-threads=1"])
            .env(IS_VICTIM, "1")
            .stdout(Stdio::piped());
        let mut victim = GuardedChild::spawn(&mut command);
        let mut lines = BufReader::new(victim.stdout.take().unwrap()).lines();
        let started = lines
            .find_map(|line| Some(line.unwrap().split_once("started ")?.1.to_owned()))
            .expect("what was started");
        let pids: Vec<&str> = started.split(' ').collect();
        assert_eq!(pids.iter().filter(|pid| is_running(pid)).count(), 3);
        kill_process(Pid::from_child(&victim), signal).unwrap();
        let status = victim.wait().unwrap();
        assert_eq!(status.signal(), Some(signal.as_raw()));
        for pid in pids {
            eventually("the end of what was started", || {
                (!is_running(pid)).then_some(())
            });
        }
    }
}

/// Starts a server and a process with a group of its own, prints their ids, and waits to be killed.
fn start_and_wait() {
    let server = ServerProcess::start("");
    let mut command = Command::new("setsid");
    command.args(["sh", "-c", "sleep 1000 & echo $!; wait"]);
    let mut leader = GuardedChild::spawn(command.stdout(Stdio::piped()).stderr(Stdio::null()));
    // The guard does not know this one: it ends with its group.
    let mut member = String::new();
    let stdout = leader.stdout.take().unwrap();
    BufReader::new(stdout).read_line(&mut member).unwrap();
    // A process that has ended must leave the list without harm to the entries around it.
    let mut ended = GuardedChild::spawn(&mut Command::new("true"));
    assert!(ended.wait().unwrap().success());
    println!("started {} {} {member}", server.pid(), leader.id());
    leader.wait().unwrap();
}

/// A process that has ended stays a zombie until its new parent has waited for it.
fn is_running(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat
        .rsplit_once(") ")
        .and_then(|(_, state)| state.chars().next());
    state.is_some_and(|state| !"ZX".contains(state))
}
