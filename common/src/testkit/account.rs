//! Accounts as their owners keep them, and the three ways into a session: registration, login,
//! resume.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::auth::recovery::RecoveryCode;
use crate::auth::resume::ResumeToken;
use crate::auth::scram::{ClientFinal, ClientFirst, Iterations, Password, Verifier};
use crate::auth::totp::{TotpSecret, step_of};
use crate::name::UserName;
use crate::secret::{Secret, SecretString};
use crate::wire::message::{
    Capabilities, ClientMessage, LoggedIn, Login, LoginConfirm, Register, RegisterChallenge,
    RegisterConfirm, Resume, ServerMessage,
};

use super::process::ServerProcess;
use super::scripted_client::ScriptedClient;

pub fn step_now() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    step_of(since.as_secs())
}

pub fn secret(text: &str) -> SecretString {
    SecretString::new(text.to_owned())
}

fn password(text: &str) -> Password {
    Password::prepare(&secret(text)).unwrap()
}

pub struct Account {
    pub name: UserName,
    pub password: String,
    pub totp: TotpSecret,
    pub recovery: Vec<RecoveryCode>,
    /// The last TOTP step that was spent.
    pub last_step: u64,
}

impl Account {
    pub fn new(name: &str, password: &str, challenge: &RegisterChallenge) -> Self {
        let recovery = challenge.recovery.iter().cloned();
        Self {
            name: UserName::parse(name).unwrap(),
            password: password.to_owned(),
            totp: TotpSecret::new(challenge.totp.clone()),
            recovery: recovery.map(RecoveryCode::new).collect(),
            last_step: 0,
        }
    }

    /// A second factor that is not spent: a code, or a recovery code where the next step is too far
    /// ahead for the server.
    pub fn factor(&mut self) -> SecretString {
        let now = step_now();
        let step = now.max(self.last_step + 1);
        if step > now + 1 {
            return self.recovery.pop().unwrap().text();
        }
        self.last_step = step;
        self.code(step)
    }

    pub fn code(&self, step: u64) -> SecretString {
        secret(self.totp.code_at(step).expose())
    }

    /// Six digits that are no code of any step near this moment.
    pub fn wrong_code(&self) -> SecretString {
        let now = step_now();
        let right: Vec<_> = (now - 3..=now + 3).map(|step| self.code(step)).collect();
        (0..10)
            .map(|n| secret(&format!("{n:06}")))
            .find(|code| !right.contains(code))
            .unwrap()
    }
}

impl ServerProcess {
    pub fn register(&self, name: &str) -> (Account, ScriptedClient) {
        let mut client = ScriptedClient::connect(self);
        let account = client.register(name, "correct horse battery");
        (account, client)
    }

    pub fn log_in(&self, account: &mut Account) -> ScriptedClient {
        let mut client = ScriptedClient::connect(self);
        let factor = account.factor();
        client.log_in(account, &factor);
        client
    }

    pub fn resume(&self, token: &ResumeToken) -> ScriptedClient {
        self.resume_with(token, Some(Capabilities::own()))
    }

    /// As a client does that announces these: one of version 0.1 none.
    pub fn resume_with(
        &self,
        token: &ResumeToken,
        capabilities: Option<Capabilities>,
    ) -> ScriptedClient {
        let mut client = ScriptedClient::connect(self);
        let binding = client.binding;
        client.say_resume_with(token, &binding, capabilities);
        client.enter();
        client
    }
}

impl ScriptedClient {
    pub fn say_register(&mut self, name: &str) -> u32 {
        self.ask(|request| {
            ClientMessage::Register(Register {
                request,
                user: name.to_owned(),
                invitation: None,
                capabilities: Some(Capabilities::own()),
            })
        })
    }

    pub fn challenge(&mut self) -> RegisterChallenge {
        self.until("a registration's challenge", |message| match message {
            ServerMessage::RegisterChallenge(challenge) => Some(challenge),
            ServerMessage::Error(error) => panic!("{error:?}"),
            _ => None,
        })
    }

    pub fn say_confirm(
        &mut self,
        challenge: &RegisterChallenge,
        typed: &str,
        code: SecretString,
    ) -> u32 {
        let iterations = Iterations::for_server(challenge.iterations).unwrap();
        let verifier = Verifier::derive(&password(typed), challenge.salt, iterations);
        self.ask(|request| {
            ClientMessage::RegisterConfirm(RegisterConfirm {
                request,
                stored_key: verifier.stored_key,
                server_key: verifier.server_key,
                code,
            })
        })
    }

    /// A whole registration, up to the welcome.
    pub fn register(&mut self, name: &str, password: &str) -> Account {
        self.say_register(name);
        let challenge = self.challenge();
        let mut account = Account::new(name, password, &challenge);
        let code = account.factor();
        self.say_confirm(&challenge, password, code);
        let logged_in = self.enter();
        assert_eq!((logged_in.scram, logged_in.wrong_codes), (None, 0));
        account
    }

    /// The first half of a login, up to the challenge. `binding` is this channel's, unless the test
    /// plays a man in the middle.
    pub fn prove(&mut self, name: &UserName, typed: &str, binding: &[u8; 32]) -> ClientFinal {
        let first = ClientFirst::new(name, *Secret::random().expose());
        let scram = first.message().to_owned();
        self.ask(|request| {
            ClientMessage::Login(Login {
                request,
                scram,
                capabilities: Some(Capabilities::own()),
            })
        });
        let challenge = self.until("a login's challenge", |message| match message {
            ServerMessage::LoginChallenge(challenge) => Some(challenge.scram),
            _ => None,
        });
        first.answer(&challenge, &password(typed), binding).unwrap()
    }

    pub fn say_login(&mut self, proof: &ClientFinal, code: &SecretString) -> u32 {
        let (scram, code) = (proof.message().to_owned(), code.clone());
        self.ask(|request| {
            ClientMessage::LoginConfirm(LoginConfirm {
                request,
                scram,
                code,
            })
        })
    }

    /// A login whose answer the caller reads.
    pub fn attempt(&mut self, name: &str, typed: &str, code: &SecretString) -> ClientFinal {
        let binding = self.binding;
        let proof = self.prove(&UserName::parse(name).unwrap(), typed, &binding);
        self.say_login(&proof, code);
        proof
    }

    /// A whole login, up to the welcome, the server's own proof checked.
    pub fn log_in(&mut self, account: &Account, code: &SecretString) -> LoggedIn {
        let proof = self.attempt(account.name.as_str(), &account.password, code);
        let logged_in = self.enter();
        proof.verify(logged_in.scram.as_deref().unwrap()).unwrap();
        logged_in
    }

    pub fn say_resume(&mut self, token: &ResumeToken) -> u32 {
        let binding = self.binding;
        self.say_resume_bound(token, &binding)
    }

    pub fn say_resume_bound(&mut self, token: &ResumeToken, binding: &[u8; 32]) -> u32 {
        self.say_resume_with(token, binding, Some(Capabilities::own()))
    }

    fn say_resume_with(
        &mut self,
        token: &ResumeToken,
        binding: &[u8; 32],
        capabilities: Option<Capabilities>,
    ) -> u32 {
        let (id, proof) = (token.id, token.proof(binding));
        self.ask(|request| {
            ClientMessage::Resume(Resume {
                request,
                id,
                proof,
                capabilities,
            })
        })
    }

    /// From `logged_in` to `welcome`.
    pub fn enter(&mut self) -> LoggedIn {
        let logged_in = match self.next() {
            ServerMessage::LoggedIn(logged_in) => logged_in,
            other => panic!("not logged in: {other:?}"),
        };
        self.begin_session();
        self.token = Some(ResumeToken {
            id: logged_in.token_id,
            token: logged_in.token.clone(),
        });
        match self.next() {
            ServerMessage::Welcome(welcome) => self.welcome = Some(welcome),
            other => panic!("no welcome: {other:?}"),
        }
        logged_in
    }

    pub fn token(&self) -> ResumeToken {
        self.token.clone().unwrap()
    }
}
