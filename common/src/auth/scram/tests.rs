//! Both ends against each other, with few rounds where the number does not matter.

use super::*;
use crate::name::UserName;
use crate::secret::{Secret, SecretString};

const CLIENT_NONCE: [u8; NONCE_LEN] = [0xc1; NONCE_LEN];
const SERVER_NONCE: [u8; NONCE_LEN] = [0x5e; NONCE_LEN];
const CHANNEL: [u8; 32] = [7; 32];
const OTHER_CHANNEL: [u8; 32] = [8; 32];
const FEW: Iterations = Iterations(2);

fn password(text: &str) -> Password {
    Password::prepare(&SecretString::new(text.to_owned())).unwrap()
}

fn alice() -> UserName {
    UserName::parse("Alice").unwrap()
}

fn verifier(text: &str) -> Verifier {
    Verifier::derive(&password(text), [1; SALT_LEN], FEW)
}

/// A login up to the client's proof, bound to `channel`.
fn exchange(verifier: Verifier, typed: &str, channel: &[u8; 32]) -> (ServerFirst, ClientFinal) {
    let client = ClientFirst::new(&alice(), CLIENT_NONCE);
    let salted = SaltedPassword::derive(&password(typed), verifier.salt, verifier.iterations);
    let server = ClientFirstMessage::parse(client.message())
        .unwrap()
        .challenge(verifier, SERVER_NONCE);
    let answer = client.answer_salted(server.message(), &salted, channel);
    (server, answer.unwrap())
}

#[test]
fn the_messages_are_the_documented_ones() {
    // Computed by another implementation.
    let counting = |from: u8| std::array::from_fn(|i| from + u8::try_from(i).unwrap());
    let channel: [u8; 32] = std::array::from_fn(|i| u8::try_from(i).unwrap());
    let password = password("correct horse");
    let verifier = Verifier::derive(
        &password,
        std::array::from_fn(|i| u8::try_from(i).unwrap()),
        Iterations::DEFAULT,
    );
    assert_eq!(
        verifier.to_text().expose(),
        "SCRAM-SHA-256$600000:AAECAwQFBgcICQoLDA0ODw==\
         $dq8bjtKfPsVoUzhSxKGjuECUafiP9NrG3BqZyMBywpw=\
         :Qn1+klokxTBX4hfSRwi29JAwhCUhubaP4rwhahNNtIU="
    );

    let client = ClientFirst::new(&alice(), counting(0));
    assert_eq!(
        client.message(),
        "p=chatbox,,n=alice,r=AAECAwQFBgcICQoLDA0ODxAR"
    );
    let server = ClientFirstMessage::parse(client.message())
        .unwrap()
        .challenge(verifier, counting(100));
    assert_eq!(
        server.message(),
        "r=AAECAwQFBgcICQoLDA0ODxARZGVmZ2hpamtsbW5vcHFyc3R1,\
         s=AAECAwQFBgcICQoLDA0ODw==,i=600000"
    );
    let client = client
        .answer(server.message(), &password, &channel)
        .unwrap();
    assert_eq!(
        client.message(),
        "c=cD1jaGF0Ym94LCwAAQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHw==,\
         r=AAECAwQFBgcICQoLDA0ODxARZGVmZ2hpamtsbW5vcHFyc3R1,\
         p=WjztYzVuwmkdwKZa0Hd4dTp1sM3KN42rh5QqnEupmCk="
    );
    let proof = server.check(client.message(), &channel).unwrap();
    let server_final = proof.into_server_final(1.into()).unwrap();
    assert_eq!(
        server_final,
        "v=HkgoXDDeTFkr+bNg5PF6oosOmHlptzeqSKIbFuR3gp4="
    );
    assert_eq!(client.verify(&server_final), Ok(()));
}

#[test]
fn the_right_password_convinces_both_sides() {
    let (server, client) = exchange(verifier("password"), "password", &CHANNEL);
    let proof = server.check(client.message(), &CHANNEL).unwrap();
    let server_final = proof.into_server_final(1.into()).unwrap();
    assert_eq!(client.verify(&server_final), Ok(()));
}

#[test]
fn a_wrong_password_matches_nothing() {
    let (server, client) = exchange(verifier("password"), "Password", &CHANNEL);
    let proof = server.check(client.message(), &CHANNEL).unwrap();
    assert!(!bool::from(proof.matches()));
    assert_eq!(proof.into_server_final(1.into()), Err(ScramError::Refused));
}

#[test]
fn an_unknown_name_walks_the_same_way_and_matches_nothing() {
    let key = Secret::new([4; 32]);
    let decoy = || Verifier {
        iterations: FEW,
        salt: salt_for(&key, &alice()),
        stored_key: Secret::random(),
        server_key: Secret::random(),
    };
    let (first, _) = exchange(decoy(), "password", &CHANNEL);
    let (server, client) = exchange(decoy(), "password", &CHANNEL);
    assert_eq!(
        first.message(),
        server.message(),
        "asking twice tells nothing"
    );
    let proof = server.check(client.message(), &CHANNEL).unwrap();
    assert!(!bool::from(proof.matches()));
}

#[test]
fn a_server_that_does_not_know_the_account_is_not_believed() {
    let mut impostor = verifier("password");
    impostor.server_key = Secret::random();
    let (server, client) = exchange(impostor, "password", &CHANNEL);
    let proof = server.check(client.message(), &CHANNEL).unwrap();
    let server_final = proof.into_server_final(1.into()).unwrap();
    assert_eq!(
        client.verify(&server_final),
        Err(ScramError::ServerSignature)
    );
}

#[test]
fn a_relayed_login_is_refused() {
    let (server, client) = exchange(verifier("password"), "password", &CHANNEL);
    let result = server.check(client.message(), &OTHER_CHANNEL);
    assert_eq!(result.err(), Some(ScramError::OtherChannel));
}

#[test]
fn a_relay_that_swaps_the_binding_spoils_the_proof() {
    let (server, client) = exchange(verifier("password"), "password", &CHANNEL);
    let swapped = client
        .message()
        .replace(&cbind_input(&CHANNEL), &cbind_input(&OTHER_CHANNEL));
    let proof = server.check(&swapped, &OTHER_CHANNEL).unwrap();
    assert!(!bool::from(proof.matches()));
}

#[test]
fn a_client_final_message_changed_anywhere_never_matches() {
    let (_, client) = exchange(verifier("password"), "password", &CHANNEL);
    let message = client.message().to_owned();
    for position in 0..message.len() {
        let mut bytes = message.clone().into_bytes();
        bytes[position] ^= 1;
        let changed = String::from_utf8(bytes).unwrap();
        let (server, _) = exchange(verifier("password"), "password", &CHANNEL);
        let matched = server
            .check(&changed, &CHANNEL)
            .is_ok_and(|proof| proof.matches().into());
        assert!(!matched, "{changed}");
    }
}

#[test]
fn a_proof_is_good_for_its_own_exchange_only() {
    let (_, client) = exchange(verifier("password"), "password", &CHANNEL);
    let again = ClientFirstMessage::parse(ClientFirst::new(&alice(), CLIENT_NONCE).message())
        .unwrap()
        .challenge(verifier("password"), [0x5f; NONCE_LEN]);
    let result = again.check(client.message(), &CHANNEL);
    assert_eq!(result.err(), Some(ScramError::Nonce));
}

#[test]
fn a_client_that_answers_checks_the_challenge_first() {
    for few in [FEW, Iterations::LEAST, Iterations(599_999)] {
        let verifier = Verifier::derive(&password("password"), [1; SALT_LEN], few);
        let client = ClientFirst::new(&alice(), CLIENT_NONCE);
        let server = ClientFirstMessage::parse(client.message())
            .unwrap()
            .challenge(verifier, SERVER_NONCE);
        let result = client.answer(server.message(), &password("password"), &CHANNEL);
        assert_eq!(result.err(), Some(ScramError::Iterations));
    }
}

#[test]
fn a_server_may_keep_fewer_rounds_than_a_client_takes_and_not_endlessly_few() {
    for (count, server_may, client_takes) in [
        (0, false, false),
        (4_095, false, false),
        (4_096, true, false),
        (599_999, true, false),
        (600_000, true, true),
        (5_000_000, true, true),
        (5_000_001, false, false),
        (u32::MAX, false, false),
    ] {
        let kept = Iterations::for_server(count);
        assert_eq!(kept.is_ok(), server_may, "{count}");
        assert_eq!(Iterations::new(count).is_ok(), client_takes, "{count}");
        let suits = kept.is_ok_and(Iterations::suits_clients);
        assert_eq!(suits, client_takes, "{count}");
    }
}

#[test]
fn a_salted_password_answers_for_its_own_salt_and_rounds_only() {
    let salted = |salt, count| SaltedPassword::derive(&password("password"), [salt; 16], count);
    let challenge = |client: &ClientFirst| {
        ClientFirstMessage::parse(client.message())
            .unwrap()
            .challenge(salted(1, FEW).verifier(), SERVER_NONCE)
    };
    for other in [salted(2, FEW), salted(1, Iterations(3))] {
        let client = ClientFirst::new(&alice(), CLIENT_NONCE);
        let server = challenge(&client);
        let result = client.answer_salted(server.message(), &other, &CHANNEL);
        assert_eq!(result.err(), Some(ScramError::OtherChallenge));
    }
    let same = salted(1, FEW);
    for nonce in [[1; NONCE_LEN], [2; NONCE_LEN]] {
        let client = ClientFirst::new(&alice(), nonce);
        let server = challenge(&client);
        let client = client.answer_salted(server.message(), &same, &CHANNEL);
        let proof = server.check(client.unwrap().message(), &CHANNEL).unwrap();
        assert!(bool::from(proof.matches()));
    }
}

#[test]
fn a_message_beyond_the_bound_is_not_taken_apart() {
    let longest = format!("r={}", "x".repeat(MAX_MESSAGE - 2));
    assert!(attributes(&longest, ["r="]).is_ok());
    assert!(attributes(&(longest + "x"), ["r="]).is_err());
}

#[test]
fn who_replaces_a_password_proves_the_old_one_and_leaves_the_new_one_s_verifier() {
    let old = Verifier::derive(
        &password("old password"),
        [1; SALT_LEN],
        Iterations::DEFAULT,
    );
    let client = ClientFirst::new(&alice(), CLIENT_NONCE);
    let first = ClientFirstMessage::parse(client.message()).unwrap();
    let server = first.challenge(old, SERVER_NONCE);
    let (typed, new) = (password("old password"), password("new password"));
    let answer = client.answer_and_replace(server.message(), &typed, &new, &CHANNEL);
    let (last, verifier) = answer.unwrap();
    let expected = Verifier::derive(&new, [1; SALT_LEN], Iterations::DEFAULT);
    assert_eq!(verifier, expected);
    let proof = server.check(last.message(), &CHANNEL).unwrap();
    let server_final = proof.into_server_final(1.into()).unwrap();
    assert_eq!(last.verify(&server_final), Ok(()));
}

#[test]
fn a_challenge_with_too_few_rounds_gets_no_new_password_either() {
    let client = ClientFirst::new(&alice(), CLIENT_NONCE);
    let first = ClientFirstMessage::parse(client.message()).unwrap();
    let server = first.challenge(verifier("old password"), SERVER_NONCE);
    let (typed, new) = (password("old password"), password("new password"));
    let answer = client.answer_and_replace(server.message(), &typed, &new, &CHANNEL);
    assert_eq!(answer.err(), Some(ScramError::Iterations));
}
