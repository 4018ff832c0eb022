//! The client's end of SCRAM: names the user, proves the password, checks the server's proof.

use subtle::ConstantTimeEq;

use super::keys::{self, Keys};
use super::{
    GS2_HEADER, Iterations, NONCE_LEN, Password, SALT_LEN, ScramError, Verifier, attributes,
    auth_message, cbind_input, decode, encode, is_nonce, posit_number,
};
use crate::name::UserName;
use crate::secret::Secret;

/// State after the client-first-message, before the server's challenge.
#[derive(Debug)]
pub struct ClientFirst {
    nonce: String,
    bare: String,
    message: String,
}

impl ClientFirst {
    /// Begins an exchange. `nonce` is fresh random bytes, used for no other exchange.
    #[must_use]
    pub fn new(user: &UserName, nonce: [u8; NONCE_LEN]) -> Self {
        let nonce = encode(&nonce);
        // A name holds neither ',' nor '=', so nothing needs RFC 5802's escapes.
        let bare = format!("n={},r={nonce}", user.lower());
        Self {
            nonce,
            message: format!("{GS2_HEADER}{bare}"),
            bare,
        }
    }

    /// The client-first-message (RFC 5802 section 7).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Answers the server-first-message with the proof. Takes 0.2 s or more: PBKDF2.
    ///
    /// # Errors
    /// When the message is malformed ([`ScramError::Malformed`]), does not extend this client's
    /// nonce ([`ScramError::Nonce`]), or asks for too few or too many rounds
    /// ([`ScramError::Iterations`]). Nothing has been computed from the password then.
    pub fn answer(
        self,
        server_first: &str,
        password: &Password,
        channel_binding: &[u8; 32],
    ) -> Result<ClientFinal, ScramError> {
        let challenge = Challenge::parse(server_first, &self.nonce)?;
        let iterations = Iterations::new(challenge.iterations)?;
        let salted = SaltedPassword::derive(password, challenge.salt, iterations);
        Ok(self.prove(&challenge, &salted.keys, channel_binding))
    }

    /// Answers as [`Self::answer`] does, and makes the verifier of a new password with the
    /// challenge's salt and rounds: a name has no others. Takes twice as long.
    ///
    /// # Errors
    /// As [`Self::answer`].
    pub fn answer_and_replace(
        self,
        server_first: &str,
        password: &Password,
        new: &Password,
        channel_binding: &[u8; 32],
    ) -> Result<(ClientFinal, Verifier), ScramError> {
        let challenge = Challenge::parse(server_first, &self.nonce)?;
        let iterations = Iterations::new(challenge.iterations)?;
        let verifier = Verifier::derive(new, challenge.salt, iterations);
        let last = self.answer(server_first, password, channel_binding)?;
        Ok((last, verifier))
    }

    /// Answers with a password that was salted before, in microseconds: for load generators that
    /// log in often with the same one.
    ///
    /// # Errors
    /// As [`Self::answer`], but [`ScramError::OtherChallenge`] when the server asks for another
    /// salt or count, and never [`ScramError::Iterations`]: the caller accepted the number of
    /// rounds when it salted the password.
    pub fn answer_salted(
        self,
        server_first: &str,
        salted: &SaltedPassword,
        channel_binding: &[u8; 32],
    ) -> Result<ClientFinal, ScramError> {
        let challenge = Challenge::parse(server_first, &self.nonce)?;
        if challenge.salt != salted.salt || challenge.iterations != salted.iterations.count() {
            return Err(ScramError::OtherChallenge);
        }
        Ok(self.prove(&challenge, &salted.keys, channel_binding))
    }

    fn prove(
        &self,
        challenge: &Challenge<'_>,
        keys: &Keys,
        channel_binding: &[u8; 32],
    ) -> ClientFinal {
        let without_proof = format!("c={},r={}", cbind_input(channel_binding), challenge.nonce);
        let auth_message = auth_message(&self.bare, challenge.message, &without_proof);
        let proof = encode(keys.proof(&auth_message).expose());
        ClientFinal {
            message: format!("{without_proof},p={proof}"),
            server_signature: keys::signature(&keys.server, &auth_message),
        }
    }
}

/// A password after PBKDF2: the client's proof and the server's verifier are made from it. As
/// good as the password for a thief.
pub struct SaltedPassword {
    salt: [u8; SALT_LEN],
    iterations: Iterations,
    keys: Keys,
}

impl SaltedPassword {
    /// Runs PBKDF2: 600,000 rounds take 0.2 s or more.
    #[must_use]
    pub fn derive(password: &Password, salt: [u8; SALT_LEN], iterations: Iterations) -> Self {
        Self {
            salt,
            iterations,
            keys: Keys::derive(password.as_bytes(), &salt, iterations.count()),
        }
    }

    /// What the server stores: it checks logins and can't log in.
    #[must_use]
    pub fn verifier(&self) -> Verifier {
        Verifier {
            iterations: self.iterations,
            salt: self.salt,
            stored_key: self.keys.stored.clone(),
            server_key: self.keys.server.clone(),
        }
    }
}

/// A parsed server-first-message. Its number of rounds is not checked yet.
struct Challenge<'a> {
    message: &'a str,
    nonce: &'a str,
    salt: [u8; SALT_LEN],
    iterations: u32,
}

impl<'a> Challenge<'a> {
    fn parse(message: &'a str, client_nonce: &str) -> Result<Self, ScramError> {
        let [nonce, salt, iterations] = attributes(message, ["r=", "s=", "i="])?;
        let added = nonce.strip_prefix(client_nonce).ok_or(ScramError::Nonce)?;
        if !is_nonce(added) {
            return Err(ScramError::Nonce);
        }
        Ok(Self {
            message,
            nonce,
            salt: *decode(salt).ok_or(ScramError::Malformed)?,
            iterations: posit_number(iterations).ok_or(ScramError::Malformed)?,
        })
    }
}

/// State after the client-final-message. Until [`Self::verify`] succeeds, the client shows and
/// stores nothing that the server sent.
#[derive(Debug)]
pub struct ClientFinal {
    message: String,
    server_signature: Secret<32>,
}

impl ClientFinal {
    /// The client-final-message (RFC 5802 section 7).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Checks the server-final-message.
    ///
    /// # Errors
    /// [`ScramError::ServerSignature`] for anything but the right `v=`, an error (`e=`) included:
    /// this protocol refuses a login with an `error` message instead.
    pub fn verify(self, server_final: &str) -> Result<(), ScramError> {
        let [signature] =
            attributes(server_final, ["v="]).map_err(|_| ScramError::ServerSignature)?;
        let signature = decode::<32>(signature).ok_or(ScramError::ServerSignature)?;
        if signature.ct_eq(self.server_signature.expose()).into() {
            Ok(())
        } else {
            Err(ScramError::ServerSignature)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT_NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAR";
    const SERVER_NONCE: &str = "ZGVmZ2hpamtsbW5vcHFyc3R1";
    const SALT: &str = "AAECAwQFBgcICQoLDA0ODw==";

    fn server_first() -> String {
        format!("r={CLIENT_NONCE}{SERVER_NONCE},s={SALT},i=600000")
    }

    fn refusal(message: &str) -> Option<ScramError> {
        let challenge = Challenge::parse(message, CLIENT_NONCE);
        challenge.and_then(|c| Iterations::new(c.iterations)).err()
    }

    #[test]
    fn a_challenge_is_taken_apart() {
        let message = server_first();
        let challenge = Challenge::parse(&message, CLIENT_NONCE).ok().unwrap();
        assert_eq!(challenge.nonce, format!("{CLIENT_NONCE}{SERVER_NONCE}"));
        assert_eq!(encode(&challenge.salt), SALT);
        assert_eq!(challenge.iterations, 600_000);
    }

    #[test]
    fn every_truncated_challenge_is_refused() {
        let message = server_first();
        for end in 0..message.len() {
            assert!(refusal(&message[..end]).is_some(), "{end}");
        }
    }

    #[test]
    fn a_nonce_that_is_not_ours_and_extended_is_refused() {
        for nonce in [
            CLIENT_NONCE,
            SERVER_NONCE,
            "",
            &format!("{SERVER_NONCE}{CLIENT_NONCE}"),
            &format!("{CLIENT_NONCE}x"),
            &format!("{CLIENT_NONCE}{SERVER_NONCE}x"),
            &format!("{CLIENT_NONCE}!{}", &SERVER_NONCE[1..]),
            &format!("B{}{SERVER_NONCE}", &CLIENT_NONCE[1..]),
        ] {
            let message = format!("r={nonce},s={SALT},i=600000");
            assert_eq!(refusal(&message), Some(ScramError::Nonce), "{nonce}");
        }
    }

    #[test]
    fn a_number_of_rounds_that_is_too_cheap_or_too_dear_is_refused() {
        for (count, expected) in [
            ("600000", None),
            ("5000000", None),
            ("599999", Some(ScramError::Iterations)),
            ("5000001", Some(ScramError::Iterations)),
            ("4294967295", Some(ScramError::Iterations)),
            ("4096", Some(ScramError::Iterations)),
            ("1", Some(ScramError::Iterations)),
            ("0", Some(ScramError::Malformed)),
            ("4294967296", Some(ScramError::Malformed)),
            ("0600000", Some(ScramError::Malformed)),
            ("+600000", Some(ScramError::Malformed)),
            ("-600000", Some(ScramError::Malformed)),
            ("600000 ", Some(ScramError::Malformed)),
            ("٦00000", Some(ScramError::Malformed)),
        ] {
            let message = server_first().replace("600000", count);
            assert_eq!(refusal(&message), expected, "{count}");
        }
    }

    #[test]
    fn a_salt_of_another_length_or_encoding_is_refused() {
        for salt in [
            "",
            "AAECAwQFBgcICQoLDA0O",
            "AAECAwQFBgcICQoLDA0ODxA=",
            "AAECAwQFBgcICQoLDA0ODw",
        ] {
            let message = server_first().replace(SALT, salt);
            assert_eq!(refusal(&message), Some(ScramError::Malformed), "{salt}");
        }
    }

    #[test]
    fn extensions_and_reserved_attributes_of_the_server_are_refused() {
        let message = server_first();
        for bad in [
            format!("m=x,{message}"),
            format!("{message},x=1"),
            format!("{message},"),
            message.replace(",s=", ",x=1,s="),
            format!("s={SALT},r={CLIENT_NONCE}{SERVER_NONCE},i=600000"),
            message.to_uppercase(),
            "e=unknown-user".to_owned(),
        ] {
            assert_eq!(refusal(&bad), Some(ScramError::Malformed), "{bad}");
        }
    }

    #[test]
    fn only_the_right_server_signature_is_believed() {
        let state = || ClientFinal {
            message: String::new(),
            server_signature: Secret::new([9; 32]),
        };
        let right = format!("v={}", encode(&[9; 32]));
        assert_eq!(state().verify(&right), Ok(()));
        for wrong in [
            format!("v={}", encode(&[8; 32])),
            format!("v={}", encode(&[9; 31])),
            format!("v={}", encode(&[])),
            format!("{right},x=1"),
            format!("x=1,{right}"),
            "e=invalid-proof".to_owned(),
            format!("{right},{}", "x".repeat(1_000_000)),
        ] {
            assert_eq!(state().verify(&wrong), Err(ScramError::ServerSignature));
        }
        for end in 0..right.len() {
            let result = state().verify(&right[..end]);
            assert_eq!(result, Err(ScramError::ServerSignature), "{end}");
        }
    }
}
