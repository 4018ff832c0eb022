use std::fs;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::known_hosts::{KnownHosts, KnownHostsError, Status};

/// The content of a known_hosts.
///
/// A server that has a line of its own never counts as new, a key is only ever added, and every
/// byte that was there stays.
pub fn known_hosts(data: &[u8]) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("known_hosts");
    fs::write(&path, data).unwrap();
    let mut hosts = KnownHosts::open(path.clone()).unwrap();

    let lines: Vec<_> = data.split(|byte| *byte == b'\n').collect();
    let numbers = hosts.bad_lines().iter().map(|bad| bad.number);
    assert!(numbers.is_sorted());
    assert!(
        hosts
            .bad_lines()
            .iter()
            .all(|bad| (1..=lines.len()).contains(&bad.number))
    );

    let unknown = Fingerprint::from_key(&[1; 32]);
    let mut server = ServerAddress::parse("chat.example.org").unwrap();
    for line in lines {
        let line = String::from_utf8_lossy(line);
        let named = line.split_whitespace().next().map(ServerAddress::parse);
        if let Some(Ok(named)) = named {
            assert_ne!(hosts.lookup(&named, unknown), Status::New);
            assert_eq!(
                ServerAddress::parse(&named.to_string()).as_ref(),
                Ok(&named)
            );
            server = named;
        }
    }

    for server in [server, ServerAddress::parse("chat.example.org").unwrap()] {
        let before = fs::read(&path).unwrap();
        let status = hosts.lookup(&server, unknown);
        match hosts.remember(&server, unknown) {
            Ok(()) => assert!(matches!(status, Status::New | Status::Known)),
            Err(KnownHostsError::Conflict { line: at, .. }) => {
                assert!(matches!(status, Status::Changed { line, .. } if line == at));
            }
            Err(KnownHostsError::Damaged { line: at, .. }) => {
                assert_eq!(status, Status::Damaged { line: at });
            }
            Err(error) => panic!("{error}"),
        }
        let after = fs::read(&path).unwrap();
        let added = String::from_utf8(after.strip_prefix(&*before).unwrap().to_vec()).unwrap();
        if status == Status::New {
            assert_eq!(added.trim_start(), format!("{server} {unknown}\n"));
            assert_eq!(hosts.lookup(&server, unknown), Status::Known);
        } else {
            assert_eq!(added, "");
        }
    }
}
