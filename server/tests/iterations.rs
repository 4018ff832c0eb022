//! The number of PBKDF2 rounds: fixed with a database's first account.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;

use chatbox_common::auth::scram::{ClientFirst, Iterations, Password, SaltedPassword, ScramError};
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::testkit::account::{Account, secret};
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::ScriptedClient;
use chatbox_common::wire::message::{
    ClientMessage, Login, RegisterChallenge, RegisterConfirm, ServerMessage,
};

const PASSWORD: &str = "correct horse battery";

fn config(iterations: u32) -> String {
    format!("[security]\nscram_iterations = {iterations}\n")
}

fn write_config(server: &ServerProcess, config: &str) {
    fs::write(server.path().join("config.toml"), config).unwrap();
}

fn salted(challenge: &RegisterChallenge) -> SaltedPassword {
    let password = Password::prepare(&secret(PASSWORD)).unwrap();
    let iterations = Iterations::for_server(challenge.iterations).unwrap();
    SaltedPassword::derive(&password, challenge.salt, iterations)
}

/// Hashes the password once, for the registration and for every login.
fn register(server: &ServerProcess, name: &str) -> (Account, SaltedPassword) {
    let mut client = ScriptedClient::connect(server);
    client.say_register(name);
    let challenge = client.challenge();
    let salted = salted(&challenge);
    let mut account = Account::new(name, PASSWORD, &challenge);
    let (code, verifier) = (account.factor(), salted.verifier());
    client.ask(|request| {
        ClientMessage::RegisterConfirm(RegisterConfirm {
            request,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
            code,
        })
    });
    client.enter();
    (account, salted)
}

/// Begins a login; returns the client's state and the server's challenge.
fn first(client: &mut ScriptedClient, name: &str) -> (ClientFirst, String) {
    let name = UserName::parse(name).unwrap();
    let first = ClientFirst::new(&name, *Secret::random().expose());
    let scram = first.message().to_owned();
    client.ask(|request| {
        ClientMessage::Login(Login {
            request,
            scram,
            capabilities: None,
        })
    });
    let challenge = client.until("a login's challenge", |message| match message {
        ServerMessage::LoginChallenge(challenge) => Some(challenge.scram),
        _ => None,
    });
    (first, challenge)
}

fn log_in(server: &ServerProcess, account: &mut Account, salted: &SaltedPassword) {
    let mut client = ScriptedClient::connect(server);
    let (first, challenge) = first(&mut client, account.name.as_str());
    let proof = first.answer_salted(&challenge, salted, &client.binding);
    let proof = proof.unwrap();
    client.say_login(&proof, &account.factor());
    let logged_in = client.enter();
    proof.verify(logged_in.scram.as_deref().unwrap()).unwrap();
}

#[test]
fn a_server_with_few_rounds_says_so_and_serves_those_who_take_them() {
    let server = ServerProcess::start(&config(4_096));
    let warning = "WARNING       scram_iterations = 4096: only test clients";
    assert!(server.banner.contains(warning), "{}", server.banner);
    let parts = ["WARN  few_scram_iterations iterations=4096 why="];
    server.line("info.log", &parts);
    let (mut account, salted) = register(&server, "alice");
    log_in(&server, &mut account, &salted);

    for name in ["alice", "nobody"] {
        let mut client = ScriptedClient::connect(&server);
        let (first, challenge) = first(&mut client, name);
        assert!(challenge.ends_with(",i=4096"), "{name}: {challenge}");
        let password = Password::prepare(&secret(PASSWORD)).unwrap();
        let refused = first.answer(&challenge, &password, &client.binding);
        assert_eq!(refused.err(), Some(ScramError::Iterations));
    }
}

#[test]
fn rounds_can_be_chosen_until_there_is_an_account_and_then_only_as_they_are() {
    let mut server = ServerProcess::start("");
    assert!(!server.banner.contains("scram_iterations"));
    server.stop();
    write_config(&server, &config(4_096));
    server.restart();
    server.stop();
    write_config(&server, &config(5_000));
    server.restart();
    let (mut account, salted) = register(&server, "alice");
    server.stop();

    for other in ["", &config(4_096)] {
        write_config(&server, other);
        let refused = server.restart_refused();
        assert_eq!(refused.status.code(), Some(3), "{other}");
        let remedy = "write `scram_iterations = 5000` in [security]";
        assert!(refused.stderr.contains(remedy), "{}", refused.stderr);
    }
    write_config(&server, &config(5_000));
    server.restart();
    log_in(&server, &mut account, &salted);
}

#[test]
fn a_database_from_before_the_setting_goes_on_without_it() {
    let mut server = ServerProcess::start("");
    let (mut account, _client) = server.register("alice");
    server.stop();
    server.restart();
    server.log_in(&mut account);
    let rounds = server.query("SELECT CAST(value AS TEXT) FROM meta WHERE key = 'iterations'");
    assert_eq!(rounds.as_deref(), Some("600000"));
    server.stop();
    write_config(&server, &config(600_001));
    let refused = server.restart_refused();
    assert!(refused.stderr.contains("600000"), "{}", refused.stderr);
}
