//! The proof of the password with which a change of one's own account begins, in a session
//! (docs/PROTOCOL.md, 13.14 and 13.15), and the token that a change leaves.
//!
//! As at a login, each step consumes the one before, and nothing that the server sent is returned
//! before it has proved to know the account.

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::auth::scram::{ClientFinal, ClientFirst, NONCE_LEN, Password};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{
    self, Changed, ClientMessage, Factor, FactorPart, PasswordConfirm, RequestId,
};

use super::{SessionError, Ticket};

/// A proof for which the server is asked to give a challenge.
pub struct Proof {
    first: ClientFirst,
    password: Password,
}

/// The password and the request are sent; the server has to prove itself.
pub struct Proved(ClientFinal);

impl Proof {
    #[must_use]
    pub fn begin(user: &UserName, password: Password) -> Self {
        let nonce = Secret::<NONCE_LEN>::random();
        Self {
            first: ClientFirst::new(user, *nonce.expose()),
            password,
        }
    }

    /// Asks for the challenge.
    #[must_use]
    pub fn message(&self, request: RequestId) -> ClientMessage {
        ClientMessage::Password(message::Password {
            request,
            scram: self.first.message().to_owned(),
        })
    }

    /// Answers the challenge, and asks for another password. Takes 0.4 s and more of computing.
    ///
    /// # Errors
    /// When the challenge does not belong to this exchange, or asks for too few or too many
    /// rounds.
    pub fn replace(
        self,
        challenge: &str,
        new: &Password,
        code: SecretString,
        request: RequestId,
        binding: &ChannelBinding,
    ) -> Result<(ClientMessage, Proved), SessionError> {
        let Self { first, password } = self;
        let answer = first.answer_and_replace(challenge, &password, new, binding.as_bytes());
        let (last, verifier) = answer?;
        let confirm = ClientMessage::PasswordConfirm(PasswordConfirm {
            request,
            scram: last.message().to_owned(),
            code,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
        });
        Ok((confirm, Proved(last)))
    }

    /// Answers the challenge, and asks for another second factor. Takes 0.2 s and more of
    /// computing.
    ///
    /// # Errors
    /// As [`Self::replace`].
    pub fn ask_factor(
        self,
        challenge: &str,
        part: FactorPart,
        code: SecretString,
        request: RequestId,
        binding: &ChannelBinding,
    ) -> Result<(ClientMessage, Proved), SessionError> {
        let Self { first, password } = self;
        let last = first.answer(challenge, &password, binding.as_bytes())?;
        let factor = ClientMessage::Factor(Factor {
            request,
            code,
            part,
            scram: last.message().to_owned(),
        });
        Ok((factor, Proved(last)))
    }
}

impl Proved {
    /// Fails where the server does not prove that it knows the account.
    pub fn verify(self, server_final: &str) -> Result<(), SessionError> {
        Ok(self.0.verify(server_final)?)
    }
}

impl Ticket {
    /// The ticket that replaces the one before the change, for the same server.
    #[must_use]
    pub fn renewed(changed: Changed, fingerprint: Fingerprint) -> Self {
        let token = ResumeToken {
            id: changed.token_id,
            token: changed.token,
        };
        Self::new(token, changed.token_seconds, fingerprint)
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::auth::scram::{ClientFirstMessage, Iterations, Verifier};
    use chatbox_common::channel;
    use chatbox_common::crypto::handshake::{ServerIdentity, respond};
    use chatbox_common::crypto::record::Rotation;
    use chatbox_common::wire::frame::FrameBuffer;

    use super::*;

    fn password(text: &str) -> Password {
        Password::prepare(&SecretString::new(text.to_owned())).unwrap()
    }

    /// The binding of a channel, at both ends.
    fn bindings() -> [ChannelBinding; 2] {
        let (mut ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        let server = std::thread::spawn(move || {
            let identity = ServerIdentity::from_private(Secret::random());
            let buffer = FrameBuffer::new();
            let accepted = channel::accept(&mut theirs, buffer, Rotation::default(), |first| {
                Ok(respond(&identity, &first)?)
            });
            accepted.unwrap().binding
        });
        let (channel, _) = channel::connect(&mut ours).unwrap();
        [channel.binding, server.join().unwrap()]
    }

    #[test]
    fn a_server_that_does_not_prove_itself_is_not_believed() {
        let [ours, theirs] = bindings();
        let user = UserName::parse("alice").unwrap();
        let old = Verifier::derive(&password("old password"), [1; 16], Iterations::DEFAULT);
        let code = || SecretString::new("123456".to_owned());
        let exchange = |is_factor: bool, forge: fn(String) -> String| {
            let begun = Proof::begin(&user, password("old password"));
            let ClientMessage::Password(asked) = begun.message(1) else {
                panic!("another message");
            };
            let first = ClientFirstMessage::parse(&asked.scram).unwrap();
            let challenge = first.challenge(old.clone(), *Secret::random().expose());
            let text = challenge.message();
            let answer = if is_factor {
                begun.ask_factor(text, FactorPart::Secret, code(), 2, &ours)
            } else {
                begun.replace(text, &password("new password"), code(), 2, &ours)
            };
            let (message, proved) = answer.unwrap_or_else(|error| panic!("{error}"));
            let scram = match message {
                ClientMessage::Factor(factor) => factor.scram,
                ClientMessage::PasswordConfirm(confirm) => {
                    let expected =
                        Verifier::derive(&password("new password"), [1; 16], Iterations::DEFAULT);
                    assert_eq!(confirm.stored_key, expected.stored_key);
                    assert_eq!(confirm.server_key, expected.server_key);
                    confirm.scram
                }
                _ => panic!("another message"),
            };
            let proof = challenge.check(&scram, theirs.as_bytes()).unwrap();
            let server_final = proof.into_server_final(1.into()).unwrap();
            proved.verify(&forge(server_final))
        };
        for is_factor in [false, true] {
            assert!(exchange(is_factor, |right| right).is_ok());
            for forge in [
                (|_| String::new()) as fn(String) -> String,
                |_| "v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned(),
                |_| "e=other-error".to_owned(),
                |right| right.replace("v=", "v=="),
            ] {
                let result = exchange(is_factor, forge);
                assert!(matches!(result, Err(SessionError::Scram(_))));
            }
        }
    }
}
