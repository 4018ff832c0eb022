//! How many connections this machine can carry: numbers in, a cap and its reason out.
//!
//! [`cap`] is pure. [`Machine::read`] gets the numbers; one that it can't read limits nothing,
//! because a container may hide any of them. Called when the server starts; above the cap the
//! listener answers `busy` before it starts a thread.

use std::fmt;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::process::{DumpableBehavior, Resource, Rlimit};

use crate::delivery::FLOOR;
use crate::strangers::MAX_LEAVING;

/// Memory maps of one thread: its stack, that one's guard page, and the same two for signals.
/// Past `vm.max_map_count` a new thread does not fail, it aborts the process.
pub const MAPS_PER_THREAD: u64 = 4;
/// Threads and descriptors of connections that have lost their place to others.
const LEAVING: u64 = MAX_LEAVING as u64;
/// Maps for the program, its allocator's arenas, SQLite, the threads that serve no connection
/// (those kept for the next login among them), the stacks that the C library keeps (40 MiB, two
/// maps each), and large outboxes.
const MAPS_RESERVE: u64 = 2_594 + LEAVING * MAPS_PER_THREAD;
/// Descriptors for the listener, the database and its readers, the logs, epoll, and those that the
/// system's libraries open.
const DESCRIPTORS_RESERVE: u64 = 128 + LEAVING;
/// Threads that serve no connection, among them those kept for the next login, and a shell beside
/// the server in the same control group.
const PIDS_RESERVE: u64 = 128 + LEAVING;
/// Threads of other programs of the same user.
const USER_RESERVE: u64 = 512;
/// Threads of other programs on the machine.
const SYSTEM_RESERVE: u64 = 2_048;

/// What the machine allows this process; `None` is unknown or unlimited.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Machine {
    /// `vm.max_map_count`
    pub max_map_count: Option<u64>,
    /// `RLIMIT_NOFILE`, soft.
    pub descriptors: Option<u64>,
    /// What is left of the tightest `pids.max` of this process's control groups.
    pub pids_left: Option<u64>,
    /// `RLIMIT_NPROC`, soft; counts threads, and binds everybody but root.
    pub user_threads: Option<u64>,
    /// The smaller of `kernel.threads-max` and `kernel.pid_max`.
    pub system_threads: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// `max_connections` in `[server]`.
    Configured,
    /// `outbox_total_mib` in `[limits]`: each session needs its minimum of it.
    Outbox,
    /// `vm.max_map_count`
    Maps,
    /// `RLIMIT_NOFILE`
    Descriptors,
    /// The control group's `pids.max`.
    Pids,
    /// `RLIMIT_NPROC`
    UserThreads,
    /// `kernel.threads-max` or `kernel.pid_max`.
    SystemThreads,
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Configured => "max_connections in [server]",
            Self::Outbox => "outbox_total_mib in [limits]",
            Self::Maps => "vm.max_map_count",
            Self::Descriptors => "the limit of open files (ulimit -n)",
            Self::Pids => "the control group's pids.max",
            Self::UserThreads => "the limit of the user's processes (ulimit -u)",
            Self::SystemThreads => "kernel.threads-max or kernel.pid_max",
        })
    }
}

/// 0 connections: the machine can't serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cap {
    pub connections: u64,
    pub limit: Limit,
}

/// The smallest of all limits, each less its reserve. `configured` 0 is no limit; `outbox_total` is
/// in bytes.
#[must_use]
pub fn cap(machine: &Machine, configured: u32, outbox_total: u64) -> Cap {
    let less = |number: Option<u64>, reserve: u64| number.map(|n| n.saturating_sub(reserve));
    let maps = less(machine.max_map_count, MAPS_RESERVE).map(|maps| maps / MAPS_PER_THREAD);
    let smallest = Cap {
        connections: outbox_total / FLOOR as u64,
        limit: Limit::Outbox,
    };
    [
        (
            (configured > 0).then_some(configured.into()),
            Limit::Configured,
        ),
        (maps, Limit::Maps),
        (
            less(machine.descriptors, DESCRIPTORS_RESERVE),
            Limit::Descriptors,
        ),
        (less(machine.pids_left, PIDS_RESERVE), Limit::Pids),
        (less(machine.user_threads, USER_RESERVE), Limit::UserThreads),
        (
            less(machine.system_threads, SYSTEM_RESERVE),
            Limit::SystemThreads,
        ),
    ]
    .into_iter()
    .filter_map(|(connections, limit)| connections.map(|connections| Cap { connections, limit }))
    .fold(smallest, |smallest, other| {
        if other.connections < smallest.connections {
            other
        } else {
            smallest
        }
    })
}

impl Machine {
    #[must_use]
    pub fn read() -> Self {
        let kernel = |name: &str| number(&Path::new("/proc/sys").join(name));
        let bound_as_user = !rustix::process::geteuid().is_root();
        Self {
            max_map_count: kernel("vm/max_map_count"),
            descriptors: rustix::process::getrlimit(Resource::Nofile).current,
            pids_left: pids_left(),
            user_threads: rustix::process::getrlimit(Resource::Nproc)
                .current
                .filter(|_| bound_as_user),
            system_threads: [kernel("kernel/threads-max"), kernel("kernel/pid_max")]
                .into_iter()
                .flatten()
                .min(),
        }
    }
}

/// Raises the soft limit of open files to the hard one. Where that fails, the soft one counts.
pub fn raise_descriptors() {
    let limit = rustix::process::getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    let _ = rustix::process::setrlimit(Resource::Nofile, raised);
}

/// Keeps this process's memory, which holds keys, out of core dumps. The resource limit alone does
/// not: the kernel ignores it where `kernel.core_pattern` is a program.
pub fn forbid_core_dumps() -> io::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none)?;
    Ok(rustix::process::set_dumpable_behavior(
        DumpableBehavior::NotDumpable,
    )?)
}

fn number(path: &Path) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn pids_left() -> Option<u64> {
    let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
    control_groups(&groups)
        .iter()
        .filter_map(|dir| {
            let current = number(&dir.join("pids.current")).unwrap_or(0);
            Some(number(&dir.join("pids.max"))?.saturating_sub(current))
        })
        .min()
}

/// The directories whose `pids.max` binds a process with this /proc/self/cgroup: its own groups and
/// all above them, in version 2 (`0::/path`) and version 1 (`n:pids:/path`).
fn control_groups(text: &str) -> Vec<PathBuf> {
    let mut dirs = Vec::new();
    for line in text.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else {
            continue;
        };
        let root = match controllers {
            "" => Path::new("/sys/fs/cgroup"),
            "pids" => Path::new("/sys/fs/cgroup/pids"),
            _ => continue,
        };
        let own = Path::new(path.trim_start_matches('/'));
        dirs.extend(own.ancestors().map(|dir| root.join(dir)));
    }
    dirs
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;

    /// The kernel's defaults.
    const USUAL: Machine = Machine {
        max_map_count: Some(65_530),
        descriptors: Some(524_288),
        pids_left: None,
        user_threads: Some(63_000),
        system_threads: Some(126_000),
    };

    #[test]
    fn the_smallest_number_decides_and_is_named() {
        let with = |change: fn(&mut Machine)| {
            let mut machine = USUAL;
            change(&mut machine);
            let cap = cap(&machine, 0, 256 * MIB);
            (cap.connections, cap.limit)
        };
        assert_eq!(with(|_| ()), (15_670, Limit::Maps));
        assert_eq!(
            with(|m| m.descriptors = Some(1_024)),
            (832, Limit::Descriptors)
        );
        assert_eq!(with(|m| m.pids_left = Some(4_900)), (4_708, Limit::Pids));
        assert_eq!(
            with(|m| m.user_threads = Some(1_512)),
            (1_000, Limit::UserThreads)
        );
        assert_eq!(
            with(|m| m.system_threads = Some(7_000)),
            (4_952, Limit::SystemThreads)
        );
        assert_eq!(
            with(|m| m.max_map_count = Some(262_144)),
            (16_384, Limit::Outbox)
        );
    }

    #[test]
    fn the_operator_can_lower_the_cap_but_not_raise_it() {
        assert_eq!(cap(&USUAL, 50, 256 * MIB).limit, Limit::Configured);
        assert_eq!(cap(&USUAL, 50, 256 * MIB).connections, 50);
        assert_eq!(cap(&USUAL, 100_000, 256 * MIB).limit, Limit::Maps);
    }

    #[test]
    fn a_machine_that_tells_nothing_is_bound_by_the_outboxes() {
        let cap = cap(&Machine::default(), 0, 16 * MIB);
        assert_eq!((cap.connections, cap.limit), (1_024, Limit::Outbox));
    }

    #[test]
    fn a_machine_without_room_carries_nobody() {
        let tight = Machine {
            descriptors: Some(64),
            ..USUAL
        };
        assert_eq!(cap(&tight, 0, 256 * MIB).connections, 0);
    }

    #[test]
    fn there_are_no_more_sessions_than_floors() {
        for total in [16 * MIB, 100 * MIB, 256 * MIB] {
            let connections = cap(&Machine::default(), 0, total).connections;
            assert!(connections > 0 && connections * FLOOR as u64 <= total);
        }
    }

    #[test]
    fn the_control_groups_of_both_versions_are_found_up_to_the_root() {
        let dirs = control_groups("9:name=systemd:/\n8:pids:/docker/x\n0::/user.slice\nnonsense\n");
        let dirs: Vec<_> = dirs.iter().map(|dir| dir.to_str().unwrap()).collect();
        assert_eq!(
            dirs,
            [
                "/sys/fs/cgroup/pids/docker/x",
                "/sys/fs/cgroup/pids/docker",
                "/sys/fs/cgroup/pids/",
                "/sys/fs/cgroup/user.slice",
                "/sys/fs/cgroup/",
            ]
        );
    }

    #[test]
    fn raising_the_descriptors_reaches_the_hard_limit() {
        let limit = rustix::process::getrlimit(Resource::Nofile);
        let lowered = Rlimit {
            current: limit.maximum.map(|hard| hard - 1),
            ..limit
        };
        rustix::process::setrlimit(Resource::Nofile, lowered).unwrap();
        raise_descriptors();
        let raised = rustix::process::getrlimit(Resource::Nofile);
        assert_eq!(raised.current, limit.maximum);
        assert_eq!(Machine::read().descriptors, limit.maximum);
    }

    #[test]
    fn no_core_is_dumped_whoever_would_take_it() {
        forbid_core_dumps().unwrap();
        let limit = rustix::process::getrlimit(Resource::Core);
        assert_eq!((limit.current, limit.maximum), (Some(0), Some(0)));
        assert_eq!(
            rustix::process::dumpable_behavior().unwrap(),
            DumpableBehavior::NotDumpable
        );
    }
}
