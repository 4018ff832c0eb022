//! Another password in a session, and the token that a change leaves.
//!
//! As at a login, each step consumes the one before, and nothing that the server sent comes back
//! before it has proved to know the account.

use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::auth::scram::{ClientFinal, ClientFirst, NONCE_LEN, Password};
use chatbox_common::crypto::handshake::ChannelBinding;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use chatbox_common::secret::{Secret, SecretString};
use chatbox_common::wire::message::{self, Changed, ClientMessage, PasswordConfirm, RequestId};

use super::{SessionError, Ticket};

/// A change of the password that the server was asked for.
pub struct NewPassword {
    first: ClientFirst,
    old: Password,
    new: Password,
}

/// The old password was proved, and the new one sent.
pub struct Replaced(ClientFinal);

impl NewPassword {
    /// Begins with fresh random bytes.
    #[must_use]
    pub fn begin(user: &UserName, old: Password, new: Password) -> Self {
        let nonce = Secret::<NONCE_LEN>::random();
        Self {
            first: ClientFirst::new(user, *nonce.expose()),
            old,
            new,
        }
    }

    /// The request.
    #[must_use]
    pub fn message(&self, request: RequestId) -> ClientMessage {
        ClientMessage::Password(message::Password {
            request,
            scram: self.first.message().to_owned(),
        })
    }

    /// Answers the challenge. Takes 0.4 s and more.
    ///
    /// # Errors
    /// When the challenge is none of this exchange, or asks for too few or too many rounds.
    pub fn confirm(
        self,
        challenge: &str,
        code: SecretString,
        request: RequestId,
        binding: &ChannelBinding,
    ) -> Result<(ClientMessage, Replaced), SessionError> {
        let Self { first, old, new } = self;
        let answer = first.answer_and_replace(challenge, &old, &new, binding.as_bytes());
        let (last, verifier) = answer?;
        let confirm = ClientMessage::PasswordConfirm(PasswordConfirm {
            request,
            scram: last.message().to_owned(),
            code,
            stored_key: verifier.stored_key,
            server_key: verifier.server_key,
        });
        Ok((confirm, Replaced(last)))
    }
}

impl Replaced {
    /// Has the server prove itself.
    ///
    /// # Errors
    /// When it could not.
    pub fn verify(self, changed: &Changed) -> Result<(), SessionError> {
        Ok(self
            .0
            .verify(changed.scram.as_deref().unwrap_or_default())?)
    }
}

impl Ticket {
    /// What continues the login from a change on, at the same server.
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

    /// The two ends' bindings of a channel that nobody goes on to use.
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
        let changed = |scram: Option<String>| Changed {
            request: 2,
            scram,
            token_id: [1; 16],
            token: Secret::new([1; 32]),
            token_seconds: 60,
        };
        let user = UserName::parse("alice").unwrap();
        let old = Verifier::derive(&password("old password"), [1; 16], Iterations::DEFAULT);
        let exchange = |forge: fn(String) -> Option<String>| {
            let begun =
                NewPassword::begin(&user, password("old password"), password("new password"));
            let ClientMessage::Password(asked) = begun.message(1) else {
                panic!("another message");
            };
            let first = ClientFirstMessage::parse(&asked.scram).unwrap();
            let challenge = first.challenge(old.clone(), *Secret::random().expose());
            let code = SecretString::new("123456".to_owned());
            let answer = begun.confirm(challenge.message(), code, 2, &ours);
            let Ok((ClientMessage::PasswordConfirm(confirm), replaced)) = answer else {
                panic!("no confirmation");
            };
            let expected =
                Verifier::derive(&password("new password"), [1; 16], Iterations::DEFAULT);
            assert_eq!(confirm.stored_key, expected.stored_key);
            assert_eq!(confirm.server_key, expected.server_key);
            let proof = challenge.check(&confirm.scram, theirs.as_bytes()).unwrap();
            let server_final = proof.into_server_final(1.into()).unwrap();
            replaced.verify(&changed(forge(server_final)))
        };
        assert!(exchange(Some).is_ok());
        for forge in [
            (|_| None) as fn(String) -> Option<String>,
            |_| Some("v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=".to_owned()),
            |_| Some("e=other-error".to_owned()),
            |right| Some(right.replace("v=", "v==")),
        ] {
            assert!(matches!(exchange(forge), Err(SessionError::Scram(_))));
        }
    }
}
