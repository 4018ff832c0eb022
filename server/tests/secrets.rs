//! No secret is in the server's files.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test may assert in the plainest way, in its helpers as well"
)]

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;

use chatbox_common::testkit::account::{Account, step_now};
use chatbox_common::testkit::account_changes::take_factor;
use chatbox_common::testkit::process::ServerProcess;
use chatbox_common::testkit::scripted_client::{ScriptedClient, id};
use chatbox_common::wire::message::FactorPart;

/// Every encoding in which a secret could be in a file.
fn forms(secret: &[u8]) -> Vec<Vec<u8>> {
    let hex = secret
        .iter()
        .fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
    let alphabet = base32::Alphabet::Rfc4648 { padding: false };
    let base32 = base32::encode(alphabet, secret);
    let mut forms = vec![secret.to_vec(), hex.to_uppercase().into(), hex.into()];
    forms.extend([base32.to_lowercase().into(), base32.into()]);
    // Base64 depends on where in a group of three bytes the secret begins: for each of the three
    // cases, the characters that do not depend on the bytes around it.
    for shift in 0..3 {
        let encoded = STANDARD_NO_PAD.encode([&vec![0; shift][..], secret].concat());
        let sure = (shift + secret.len()) / 3 * 4;
        let begin = [0, 2, 3][shift];
        forms.push(encoded[begin..sure].into());
    }
    forms
}

fn files(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        // The admin socket has nothing to read.
        .filter(|path| path.is_file())
        .map(|path| (path.clone(), fs::read(path).unwrap()))
        .collect()
}

fn holds(haystack: &[u8], needle: &[u8]) -> bool {
    haystack
        .windows(needle.len())
        .any(|window| window == needle)
}

fn found(server: &ServerProcess, secret: &[u8]) -> Vec<PathBuf> {
    let forms = forms(secret);
    let files = ["data", "log"].map(|dir| files(&server.path().join(dir)));
    let files = files.into_iter().flatten();
    let found = files.filter(|(_, bytes)| forms.iter().any(|form| holds(bytes, form)));
    found.map(|(path, _)| path).collect()
}

#[test]
fn promise_6_no_secret_lies_in_a_file() {
    let mut server = ServerProcess::start("");
    let password = "canary-P4ssw0rd!";
    let mut client = ScriptedClient::connect(&server);
    let mut account = client.register("Alice", password);
    client.post(id(1, 1), "canary-in-a-chat-line");
    let mut tokens = vec![client.token()];
    let mut codes = vec![account.code(account.last_step)];
    let code = account.factor();
    tokens.push({
        let mut client = ScriptedClient::connect(&server);
        client.log_in(&account, &code);
        client.token()
    });
    codes.push(code);
    // Refused secrets are secrets as well, and people type a password in place of the name.
    let typed = account.recovery[3].text();
    for (name, secret, factor) in [
        ("canary-P4ssw0rd", password, &codes[0]),
        ("Alice", "canary-misspelt", &codes[1]),
        ("Alice", password, &typed),
    ] {
        let mut client = ScriptedClient::connect(&server);
        client.attempt(name, secret, factor);
        client.answer();
    }
    tokens.push(server.resume(&tokens[1]).token());

    let mut secrets = recovery(&account);
    secrets.extend(tokens.iter().map(|token| token.token.expose().to_vec()));
    secrets.extend(codes.iter().map(|code| code.expose().into()));
    secrets.push(account.totp.bytes().expose().to_vec());
    secrets.push(account.totp.base32().expose().into());
    secrets.push(account.code(step_now()).expose().into());
    secrets.extend([password, "canary-p4ssw0rd", "canary-misspelt"].map(Vec::from));

    let look = |server: &ServerProcess| {
        for secret in &secrets {
            let text = String::from_utf8_lossy(secret);
            assert_eq!(found(server, secret), [""; 0].map(PathBuf::from), "{text}");
        }
        // Proves that the search finds what is there.
        let chat = found(server, b"canary-in-a-chat-line");
        assert!(chat.contains(&server.log_path("chat.log")), "{chat:?}");
        assert!(chat.len() > 1, "and the database: {chat:?}");
    };
    look(&server);
    server.stop();
    look(&server);
}

fn recovery(account: &Account) -> Vec<Vec<u8>> {
    let codes = account.recovery.iter();
    let forms = codes.flat_map(|code| {
        let text = code.text().expose().to_owned();
        [text.replace('-', "").into_bytes(), text.into_bytes()]
    });
    forms.collect()
}

#[test]
fn promise_6_no_secret_of_a_changed_account_lies_in_a_file() {
    let mut server = ServerProcess::start("");
    let mut client = ScriptedClient::connect(&server);
    let mut account = client.register("Alice", "canary-0ld-P4ss");
    let mut secrets: Vec<Vec<u8>> = ["canary-0ld-P4ss", "canary-N3w-P4ss", "canary-misspelt"]
        .map(Vec::from)
        .into();
    let mut keep = |client: &ScriptedClient, account: &Account| {
        secrets.extend(recovery(account));
        secrets.push(account.totp.bytes().expose().to_vec());
        secrets.push(account.totp.base32().expose().into());
        secrets.push(client.token().token.expose().to_vec());
    };
    keep(&client, &account);
    let code = account.recovery.pop().unwrap().text();
    let mut change = client.new_password(&account, "canary-N3w-P4ss", code.clone());
    change.old = "canary-misspelt";
    client.change_password(change).unwrap_err();
    let change = client.new_password(&account, "canary-N3w-P4ss", code.clone());
    client.change_password(change).unwrap();
    account.password = "canary-N3w-P4ss".to_owned();
    keep(&client, &account);
    client
        .new_factor(&account, code, FactorPart::Secret)
        .unwrap_err();
    for part in [FactorPart::RecoveryCodes, FactorPart::Secret] {
        let code = account.recovery.pop().unwrap().text();
        let factor = client.new_factor(&account, code, part).unwrap();
        take_factor(&mut account, &factor);
        keep(&client, &account);
    }
    client.confirm_factor(account.code(step_now())).unwrap();
    keep(&client, &account);
    client.say_log_out();
    client.goodbye();
    server.stop();
    for secret in &secrets {
        let text = String::from_utf8_lossy(secret);
        assert_eq!(found(&server, secret), [""; 0].map(PathBuf::from), "{text}");
    }
}

#[test]
fn the_search_finds_every_form() {
    let secret = b"0123456789abcdef";
    for text in [
        "30313233343536373839616263646566",
        "GAYTEMZUGU3DOOBZMFRGGZDFMY",
        "MDEyMzQ1Njc4OWFiY2RlZg==",
        "eDAxMjM0NTY3ODlhYmNkZWY=",
        "eHgwMTIzNDU2Nzg5YWJjZGVm",
    ] {
        let hidden = format!("before {text} behind");
        let found = forms(secret)
            .iter()
            .any(|form| holds(hidden.as_bytes(), form));
        assert!(found, "{text}");
    }
}
