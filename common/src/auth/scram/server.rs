//! The server's end of SCRAM: challenges every client alike, whether or not the name exists, and
//! checks the proof.

use subtle::{Choice, ConstantTimeEq};

use super::{
    GS2_HEADER, NONCE_LEN, ScramError, Verifier, attributes, auth_message, cbind_input, decode,
    encode, is_nonce, keys,
};
use crate::name::UserName;

/// A parsed client-first-message. It is a claim; nothing is proved yet.
#[derive(Debug)]
pub struct ClientFirstMessage {
    user: UserName,
    nonce: String,
    bare: String,
}

impl ClientFirstMessage {
    /// Parses the message that opens a login.
    ///
    /// # Errors
    /// [`ScramError::NotBound`] without the header `p=chatbox,,`, so also for `n`, `y` and every
    /// authorization identity; [`ScramError::Malformed`] unless exactly `n=` with a name in lower
    /// case and `r=` with 18 bytes in Base64 follow.
    pub fn parse(message: &str) -> Result<Self, ScramError> {
        let bare = message
            .strip_prefix(GS2_HEADER)
            .ok_or(ScramError::NotBound)?;
        let [name, nonce] = attributes(bare, ["n=", "r="])?;
        let user = UserName::parse(name).map_err(|_| ScramError::Malformed)?;
        if user.lower() != name || !is_nonce(nonce) {
            return Err(ScramError::Malformed);
        }
        Ok(Self {
            user,
            nonce: nonce.to_owned(),
            bare: bare.to_owned(),
        })
    }

    /// The claimed name, in lower case.
    #[must_use]
    pub const fn user(&self) -> &UserName {
        &self.user
    }

    /// Challenges the client. `nonce` is fresh random bytes; `verifier` is that of the name, or
    /// one of random keys for a name that nobody has.
    #[must_use]
    pub fn challenge(self, verifier: Verifier, nonce: [u8; NONCE_LEN]) -> ServerFirst {
        let nonce = self.nonce + &encode(&nonce);
        let salt = encode(&verifier.salt);
        ServerFirst {
            message: format!("r={nonce},s={salt},i={}", verifier.iterations.count()),
            client_first_bare: self.bare,
            nonce,
            verifier,
        }
    }
}

/// State after the challenge, before the client's proof.
#[derive(Debug)]
pub struct ServerFirst {
    client_first_bare: String,
    nonce: String,
    message: String,
    verifier: Verifier,
}

impl ServerFirst {
    /// The server-first-message (RFC 5802 section 7).
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Checks the client-final-message. A wrong password is no error: it takes the same time and
    /// returns the same type, see [`Proof`].
    ///
    /// # Errors
    /// None depends on the account. [`ScramError::Malformed`] for anything but `c=,r=,p=`;
    /// [`ScramError::OtherChannel`] when `c=` is not `p=chatbox,,` and the binding of this very
    /// channel; [`ScramError::Nonce`] for a nonce of another exchange.
    pub fn check(
        self,
        client_final: &str,
        channel_binding: &[u8; 32],
    ) -> Result<Proof, ScramError> {
        let [binding, nonce, proof] = attributes(client_final, ["c=", "r=", "p="])?;
        let proof = decode::<32>(proof).ok_or(ScramError::Malformed)?;
        // The peer knows both values, so the time of a plain comparison tells it nothing.
        if binding != cbind_input(channel_binding) {
            return Err(ScramError::OtherChannel);
        }
        if nonce != self.nonce {
            return Err(ScramError::Nonce);
        }

        let without_proof = format!("c={binding},r={nonce}");
        let auth_message = auth_message(&self.client_first_bare, &self.message, &without_proof);
        let stored_key = keys::stored_key_of(&proof, &self.verifier.stored_key, &auth_message);
        let signature = keys::signature(&self.verifier.server_key, &auth_message);
        Ok(Proof {
            matches: stored_key.expose().ct_eq(self.verifier.stored_key.expose()),
            server_final: format!("v={}", encode(signature.expose())),
        })
    }
}

/// The outcome of a proof, computed alike for a right and a wrong one.
///
/// Holds the server's signature back until the whole login has succeeded: with it, a client that
/// has a wrong password could test guesses offline.
pub struct Proof {
    matches: Choice,
    server_final: String,
}

impl Proof {
    /// Whether the password was the verifier's. The caller combines it with whether the account
    /// exists and may log in, and with the second factor, before anything branches on it.
    #[must_use]
    pub const fn matches(&self) -> Choice {
        self.matches
    }

    /// Gives out the server-final-message if the password matched and `everything_else` did.
    ///
    /// # Errors
    /// [`ScramError::Refused`] if either did not.
    pub fn into_server_final(self, everything_else: Choice) -> Result<String, ScramError> {
        if (self.matches & everything_else).into() {
            Ok(self.server_final)
        } else {
            Err(ScramError::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Iterations;
    use super::*;
    use crate::secret::Secret;

    const NONCE: &str = "AAECAwQFBgcICQoLDA0ODxAR";
    const CHANNEL: [u8; 32] = [7; 32];

    fn refusal(message: &str) -> Option<ScramError> {
        ClientFirstMessage::parse(message).err()
    }

    fn challenged() -> ServerFirst {
        let verifier = Verifier {
            iterations: Iterations::DEFAULT,
            salt: [1; 16],
            stored_key: Secret::new([2; 32]),
            server_key: Secret::new([3; 32]),
        };
        ClientFirstMessage::parse(&format!("p=chatbox,,n=alice,r={NONCE}"))
            .unwrap()
            .challenge(verifier, [5; NONCE_LEN])
    }

    /// A client-final-message with a wrong proof and everything else right.
    fn client_final() -> String {
        format!(
            "c={},r={NONCE}{},p={}",
            cbind_input(&CHANNEL),
            encode(&[5; NONCE_LEN]),
            encode(&[6; 32])
        )
    }

    fn check(message: &str) -> Result<bool, ScramError> {
        challenged()
            .check(message, &CHANNEL)
            .map(|proof| proof.matches().into())
    }

    #[test]
    fn a_login_without_channel_binding_is_refused() {
        for header in [
            "n,,",
            "y,,",
            "",
            "p=tls-unique,,",
            "p=tls-exporter,,",
            "p=Chatbox,,",
            "p=chatbox,a=bob,",
            "p=chatbox,",
            "P=chatbox,,",
        ] {
            let message = format!("{header}n=alice,r={NONCE}");
            assert_eq!(refusal(&message), Some(ScramError::NotBound), "{header}");
        }
    }

    #[test]
    fn every_truncated_first_message_is_refused() {
        let message = format!("p=chatbox,,n=alice,r={NONCE}");
        assert_eq!(refusal(&message), None);
        for end in 0..message.len() {
            assert!(refusal(&message[..end]).is_some(), "{end}");
        }
    }

    #[test]
    fn a_first_message_has_a_name_in_lower_case_a_nonce_and_nothing_else() {
        for bare in [
            format!("m=x,n=alice,r={NONCE}"),
            format!("x=1,n=alice,r={NONCE}"),
            format!("n=alice,x=1,r={NONCE}"),
            format!("n=alice,r={NONCE},x=1"),
            format!("n=alice,r={NONCE},"),
            format!("r={NONCE},n=alice"),
            format!("n=Alice,r={NONCE}"),
            format!("n=,r={NONCE}"),
            format!("n=al=2Cice,r={NONCE}"),
            format!("n=zo\u{eb},r={NONCE}"),
            format!("n=alice\0,r={NONCE}"),
            format!("n={},r={NONCE}", "a".repeat(33)),
            format!("n=alice,r={NONCE}AAAA"),
            "n=alice,r=".to_owned(),
            "n=alice,r=AAECAwQFBgcICQoLDA0ODxA=".to_owned(),
            format!("n=alice,r={NONCE}{}", "A".repeat(1_000_000)),
        ] {
            let message = format!("p=chatbox,,{bare}");
            let shown: String = bare.chars().take(80).collect();
            assert_eq!(refusal(&message), Some(ScramError::Malformed), "{shown}");
        }
    }

    #[test]
    fn every_truncated_final_message_is_refused() {
        let message = client_final();
        assert_eq!(check(&message), Ok(false));
        for end in 0..message.len() {
            assert_eq!(check(&message[..end]), Err(ScramError::Malformed), "{end}");
        }
    }

    #[test]
    fn a_final_message_has_binding_nonce_and_proof_and_nothing_else() {
        let message = client_final();
        for bad in [
            format!("{message},x=1"),
            format!("{message},"),
            format!("x=1,{message}"),
            message.replace(",p=", ",x=1,p="),
            message.replace(",p=", ",p=,p="),
            message.replace("p=", "P="),
            format!("{message}{}", "A".repeat(1_000_000)),
        ] {
            assert_eq!(check(&bad), Err(ScramError::Malformed));
        }
    }

    #[test]
    fn a_login_relayed_from_another_channel_is_refused() {
        let ours = cbind_input(&CHANNEL);
        for theirs in [
            cbind_input(&[8; 32]),
            encode(b"n,,"),
            encode(b"y,,"),
            encode(b"p=chatbox,,"),
            encode(&CHANNEL),
            String::new(),
            ours.trim_end_matches('=').to_owned(),
        ] {
            let message = client_final().replace(&ours, &theirs);
            assert_eq!(check(&message), Err(ScramError::OtherChannel), "{theirs}");
        }
    }

    #[test]
    fn a_nonce_of_another_exchange_is_refused() {
        let (whole, server_part) = (client_final(), encode(&[5; NONCE_LEN]));
        for nonce in [
            NONCE.to_owned(),
            server_part.clone(),
            format!("{NONCE}{}", encode(&[4; NONCE_LEN])),
            format!("{NONCE}{server_part}A"),
            String::new(),
        ] {
            let message = whole.replace(&format!("{NONCE}{server_part}"), &nonce);
            assert_eq!(check(&message), Err(ScramError::Nonce), "{nonce}");
        }
    }

    #[test]
    fn the_signature_stays_here_unless_everything_succeeded() {
        for (matches, everything_else) in [(0, 0), (0, 1), (1, 0), (1, 1)] {
            let proof = Proof {
                matches: matches.into(),
                server_final: "v=".to_owned(),
            };
            let expected = matches == 1 && everything_else == 1;
            let given = proof.into_server_final(everything_else.into());
            assert_eq!(given.is_ok(), expected);
        }
    }
}
