//! A network of the test's own, in which every address of some networks is this machine's.

use std::process::{Command, Stdio};

use chatbox_common::testkit::guard::GuardedChild;

/// Set for the copy of this program that runs in it.
const IS_INSIDE: &str = "CHATBOX_TEST_HAS_A_NETWORK";
/// 1: what can't run is a failure.
const REQUIRE: &str = "CHATBOX_REQUIRE";

const SCRIPT: &str = "ip link set lo up \
    && ip route add local 10.0.0.0/8 dev lo \
    && ip -6 route add local 2001:db8::/32 dev lo \
    && echo 1 > /proc/sys/net/ipv6/ip_nonlocal_bind \
    && exec \"$@\"";

/// Whether this is the inside. Outside it runs the test of this name there, which must pass.
pub fn entered(test: &str) -> bool {
    if std::env::var_os(IS_INSIDE).is_some() {
        return true;
    }
    let inside = || {
        let mut command = Command::new("unshare");
        command.args(["--user", "--map-root-user", "--net"]);
        command.args(["/bin/sh", "-c", SCRIPT, "sh"]);
        command.env(IS_INSIDE, "1").stdin(Stdio::null());
        command
    };
    let tried = inside().arg("true").output();
    let why = match tried {
        Ok(output) if output.status.success() => None,
        Ok(output) => Some(String::from_utf8_lossy(&output.stderr).trim().to_owned()),
        Err(error) => Some(format!("unshare: {error}")),
    };
    if let Some(why) = why {
        let is_required = std::env::var_os(REQUIRE).is_some_and(|value| value == "1");
        assert!(!is_required, "no network namespace: {why}");
        eprintln!("skipped {test}: no network namespace: {why}");
        return false;
    }
    let mut command = inside();
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let output = GuardedChild::spawn(&mut command).wait_with_output();
    let output = output.unwrap();
    for text in [&output.stdout, &output.stderr] {
        eprint!("{}", String::from_utf8_lossy(text));
    }
    assert!(
        output.status.success(),
        "in its own network: {}",
        output.status
    );
    false
}
