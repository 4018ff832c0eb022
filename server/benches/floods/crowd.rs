//! Sixteen people in five hundred conversations each, who resume as fast as they can.

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;

use crate::flood::{give_way, resumes};
use crate::member::{self, Felt};

pub const NAME: &str = "resumes of 16 people in 500 conversations each";
/// A password costs as few rounds as a server can be set to: hundreds are made.
const CONFIG: &str = "[security]\nscram_iterations = 4096\nmax_messages_per_sec = 100\n";
const PEOPLE: usize = 16;
const CONVERSATIONS: usize = 500;

/// Returns how many resumes there were, and what the member felt before and during them.
pub fn measure(window: Duration) -> (u64, Felt, Felt) {
    let unlimited = CONFIG.replace("= 100", "= 0");
    let mut server = ServerProcess::start(&unlimited);
    let others: Vec<String> = (0..CONVERSATIONS).map(|n| format!("other{n}")).collect();
    for other in &others {
        drop(server.register(other));
    }
    let mut people: Vec<ScriptedClient> = (0..PEOPLE)
        .map(|n| server.register(&format!("resumer{n}")).1)
        .collect();
    for client in &mut people {
        for other in &others {
            client.direct(other).unwrap();
        }
    }
    let tokens: Vec<_> = people.iter().map(ScriptedClient::token).collect();
    drop(people);
    server.stop();
    fs::write(server.path().join("config.toml"), CONFIG).unwrap();
    server.restart();
    let (_account, mut member) = server.register("Member");
    let before = member::feel(&mut member, window / 2);
    let end = Instant::now() + window;
    thread::scope(|scope| {
        let server = &server;
        let flooding: Vec<_> = tokens
            .into_iter()
            .map(|token| {
                scope.spawn(move || {
                    give_way();
                    resumes(server, token, end)
                })
            })
            .collect();
        let during = member::feel(&mut member, window);
        let sent = flooding.into_iter().map(|one| one.join().unwrap()).sum();
        (sent, before, during)
    })
}
