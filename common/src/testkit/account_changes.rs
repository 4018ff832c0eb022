//! Changes of an account from one of its sessions, and their answers.

use crate::auth::recovery::RecoveryCode;
use crate::auth::resume::ResumeToken;
use crate::auth::scram::{ClientFinal, ClientFirst, Iterations, Password, Verifier};
use crate::auth::totp::TotpSecret;
use crate::name::UserName;
use crate::secret::{Secret, SecretString};
use crate::wire::message::{
    self, ByeReason, Changed, ClientMessage, ErrorCode, Factor, FactorConfirm, FactorPart,
    NewFactor, PasswordChallenge, PasswordConfirm, Plain, ServerMessage, SessionInfo,
};

use super::account::{Account, secret};
use super::process::ServerProcess;
use super::scripted_client::ScriptedClient;

/// The password that tests change to.
pub const NEW: &str = "a better horse battery";
/// The two messages of a refused login or resume.
pub const LOGIN_REFUSED: (ErrorCode, ByeReason) =
    (ErrorCode::LoginRefused, ByeReason::LoginRefused);

pub fn assert_token_is_dead(server: &ServerProcess, token: &ResumeToken) {
    let mut client = ScriptedClient::connect_from(server, 200);
    client.say_resume(token);
    assert_eq!(client.refusal(), LOGIN_REFUSED);
}

/// Everything of account 1 that a change may touch.
pub fn state(server: &ServerProcess) -> Option<String> {
    server.query(
        "SELECT password || hex(totp) || last_step \
         || (SELECT group_concat(hex(hash) || ifnull(spent_at, '-')) FROM recovery_codes) \
         || (SELECT count(*) FROM resume_tokens) FROM REGISTERED WHERE id = 1",
    )
}

/// The account as a thief of its codes has it.
pub fn without_password(account: &Account) -> Account {
    Account {
        name: account.name.clone(),
        password: "some other password".to_owned(),
        totp: account.totp.clone(),
        recovery: Vec::new(),
        last_step: account.last_step,
    }
}

pub fn some_verifier() -> Verifier {
    Verifier {
        iterations: Iterations::DEFAULT,
        salt: [0; 16],
        stored_key: Secret::random(),
        server_key: Secret::random(),
    }
}

/// The parts of a change of password, any of which a test may make wrong.
pub struct NewPassword<'a> {
    pub name: &'a str,
    pub old: &'a str,
    pub new: &'a str,
    pub code: SecretString,
    pub binding: [u8; 32],
}

impl ScriptedClient {
    /// All parts right.
    pub fn new_password<'a>(
        &self,
        account: &'a Account,
        new: &'a str,
        code: SecretString,
    ) -> NewPassword<'a> {
        NewPassword {
            name: account.name.as_str(),
            old: &account.password,
            new,
            code,
            binding: self.binding,
        }
    }

    pub fn say_password(&mut self, scram: &str) -> u32 {
        let scram = scram.to_owned();
        self.ask(|request| ClientMessage::Password(message::Password { request, scram }))
    }

    pub fn password_challenge(&mut self, asked: u32) -> Result<PasswordChallenge, ErrorCode> {
        self.until("a challenge", |message| match message {
            ServerMessage::PasswordChallenge(challenge) if challenge.request == asked => {
                Some(Ok(challenge))
            }
            ServerMessage::Error(error) if error.request == Some(asked) => Some(Err(error.code)),
            _ => None,
        })
    }

    /// Checks the server's proof as well.
    pub fn change_password(&mut self, change: NewPassword<'_>) -> Result<Changed, ErrorCode> {
        let prepared = |text| Password::prepare(&secret(text)).unwrap();
        let user = UserName::parse(change.name).unwrap();
        let first = ClientFirst::new(&user, *Secret::random().expose());
        let asked = self.say_password(first.message());
        let scram = self.password_challenge(asked)?.scram;
        let (old, new) = (prepared(change.old), prepared(change.new));
        let answer = first.answer_and_replace(&scram, &old, &new, &change.binding);
        let (last, verifier) = answer.unwrap();
        let changed = self.say_password_confirm(last.message(), change.code, verifier)?;
        last.verify(changed.scram.as_deref().unwrap()).unwrap();
        Ok(changed)
    }

    pub fn say_password_confirm(
        &mut self,
        scram: &str,
        code: SecretString,
        verifier: Verifier,
    ) -> Result<Changed, ErrorCode> {
        let scram = scram.to_owned();
        let asked = self.ask(|request| {
            ClientMessage::PasswordConfirm(PasswordConfirm {
                request,
                scram,
                code,
                stored_key: verifier.stored_key,
                server_key: verifier.server_key,
            })
        });
        self.changed(asked)
    }

    fn changed(&mut self, asked: u32) -> Result<Changed, ErrorCode> {
        let changed = self.until("a change", |message| match message {
            ServerMessage::Changed(changed) if changed.request == asked => Some(Ok(changed)),
            ServerMessage::Error(error) if error.request == Some(asked) => Some(Err(error.code)),
            _ => None,
        })?;
        self.token = Some(ResumeToken {
            id: changed.token_id,
            token: changed.token.clone(),
        });
        Ok(changed)
    }

    /// `name` may be another than the session's own.
    pub fn answer_challenge(
        &mut self,
        name: &str,
        password: &str,
        binding: &[u8; 32],
    ) -> Result<ClientFinal, ErrorCode> {
        let user = UserName::parse(name).unwrap();
        let first = ClientFirst::new(&user, *Secret::random().expose());
        let asked = self.say_password(first.message());
        let scram = self.password_challenge(asked)?.scram;
        let password = Password::prepare(&secret(password)).unwrap();
        Ok(first.answer(&scram, &password, binding).unwrap())
    }

    /// Checks the server's proof as well.
    pub fn new_factor(
        &mut self,
        account: &Account,
        code: SecretString,
        part: FactorPart,
    ) -> Result<NewFactor, ErrorCode> {
        let binding = self.binding;
        let name = account.name.as_str();
        let last = self.answer_challenge(name, &account.password, &binding)?;
        let factor = self.say_factor(last.message(), code, part)?;
        last.verify(&factor.scram).unwrap();
        Ok(factor)
    }

    pub fn say_factor(
        &mut self,
        scram: &str,
        code: SecretString,
        part: FactorPart,
    ) -> Result<NewFactor, ErrorCode> {
        let scram = scram.to_owned();
        let asked = self.ask(|request| {
            ClientMessage::Factor(Factor {
                request,
                code,
                part,
                scram,
            })
        });
        self.until("a new factor", |message| match message {
            ServerMessage::NewFactor(factor) if factor.request == asked => Some(Ok(factor)),
            ServerMessage::Error(error) if error.request == Some(asked) => Some(Err(error.code)),
            _ => None,
        })
    }

    pub fn confirm_factor(&mut self, code: SecretString) -> Result<Changed, ErrorCode> {
        let asked =
            self.ask(|request| ClientMessage::FactorConfirm(FactorConfirm { request, code }));
        self.changed(asked)
    }

    pub fn sessions(&mut self) -> Vec<SessionInfo> {
        let asked = self.ask(|request| ClientMessage::Sessions(Plain { request }));
        self.until("the sessions", |message| match message {
            ServerMessage::SessionList(list) if list.request == asked => Some(list.sessions),
            _ => None,
        })
    }

    pub fn say_log_out(&mut self) -> u32 {
        self.ask(|request| ClientMessage::LogOut(Plain { request }))
    }
}

pub fn take_factor(account: &mut Account, factor: &NewFactor) {
    let recovery = factor.recovery.iter().cloned();
    account.recovery = recovery.map(RecoveryCode::new).collect();
    if let Some(totp) = &factor.totp {
        account.totp = TotpSecret::new(totp.clone());
        account.last_step = 0;
    }
}
