use std::sync::LazyLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::auth::scram::{
    ClientFirst, ClientFirstMessage, Iterations, MAX_MESSAGE, NONCE_LEN, Password, SALT_LEN,
    SaltedPassword, ScramError, ServerFirst, Verifier,
};
use crate::name::UserName;
use crate::secret::{Secret, SecretString};

const SALT: [u8; SALT_LEN] = [1; SALT_LEN];
const CLIENT_NONCE: [u8; NONCE_LEN] = [2; NONCE_LEN];
const SERVER_NONCE: [u8; NONCE_LEN] = [3; NONCE_LEN];
const BINDING: [u8; 32] = [4; 32];

/// That of a password: PBKDF2 runs once.
static SALTED: LazyLock<SaltedPassword> = LazyLock::new(|| {
    let password = SecretString::new("correct horse".to_owned());
    let password = Password::prepare(&password).unwrap();
    SaltedPassword::derive(&password, SALT, Iterations::LEAST)
});

/// A server's two messages, a line each.
///
/// A challenge that is taken is spelled in the one way there is, and its answer is one that the
/// server of that challenge takes. No signature is believed but the right one.
pub fn scram_client(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (server_first, server_final) = (line(), line());

    let user = UserName::parse("alice").unwrap();
    let first = ClientFirst::new(&user, CLIENT_NONCE);
    let claim = ClientFirstMessage::parse(first.message()).unwrap();
    if let Ok(last) = first.answer_salted(server_first, &SALTED, &BINDING) {
        let begin = format!("r={}", STANDARD.encode(CLIENT_NONCE));
        let end = format!(
            ",s={},i={}",
            STANDARD.encode(SALT),
            Iterations::LEAST.count()
        );
        let added = server_first.strip_prefix(&begin).unwrap();
        let added = STANDARD.decode(added.strip_suffix(&end).unwrap()).unwrap();
        let server = claim.challenge(SALTED.verifier(), added.try_into().unwrap());
        assert_eq!(server.message(), server_first);
        let proof = server.check(last.message(), &BINDING).unwrap();
        let signature = proof.into_server_final(1.into()).unwrap();
        let believed = last.verify(server_final).is_ok();
        assert_eq!(believed, server_final == signature);
    }
}

/// A client's two messages and a stored verifier, a line each; the proof of the second message may
/// stand alone, so that it is reached.
///
/// What is taken is spelled in the one way there is, and without the password nobody gets in.
pub fn scram_server(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let mut lines = text.split('\n');
    let mut line = || lines.next().unwrap_or_default();
    let (client_first, client_final, stored) = (line(), line(), line());

    if let Ok(claim) = ClientFirstMessage::parse(client_first) {
        let name = claim.user().lower();
        let challenge = claim.challenge(random_verifier(), SERVER_NONCE);
        let nonce = nonce(&challenge);
        let (theirs, _) = nonce.split_at(24);
        assert_eq!(client_first, format!("p=chatbox,,n={name},r={theirs}"));
        assert!(client_first.len() <= MAX_MESSAGE + 11);
        assert_no_entry(challenge, client_final);
    }
    let claim = ClientFirstMessage::parse("p=chatbox,,n=alice,r=AgICAgICAgICAgICAgICAgIC").unwrap();
    let challenge = claim.challenge(random_verifier(), SERVER_NONCE);
    let binding = STANDARD.encode([b"p=chatbox,,".as_slice(), &BINDING].concat());
    let behind = format!("c={binding},r={},p={client_final}", nonce(&challenge));
    assert_no_entry(challenge, &behind);

    if let Ok(verifier) = Verifier::parse(stored) {
        assert_eq!(verifier.to_text().expose(), stored);
    }
}

fn assert_no_entry(challenge: ServerFirst, client_final: &str) {
    let expected = format!("r={},", nonce(&challenge));
    match challenge.check(client_final, &BINDING) {
        Ok(proof) => {
            assert!(client_final.contains(&expected));
            assert!(!bool::from(proof.matches()));
            assert_eq!(
                proof.into_server_final(1.into()).err(),
                Some(ScramError::Refused)
            );
        }
        Err(error) => assert!(matches!(
            error,
            ScramError::Malformed | ScramError::OtherChannel | ScramError::Nonce
        )),
    }
}

fn nonce(challenge: &ServerFirst) -> String {
    let message = challenge.message().strip_prefix("r=").unwrap();
    message.split(',').next().unwrap().to_owned()
}

/// Of a name that nobody has: no password fits.
fn random_verifier() -> Verifier {
    Verifier {
        iterations: Iterations::DEFAULT,
        salt: SALT,
        stored_key: Secret::new([5; 32]),
        server_key: Secret::new([6; 32]),
    }
}
