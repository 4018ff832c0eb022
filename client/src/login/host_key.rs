//! Whether a server's key is trusted: joins `known_hosts`, the rules of `trust`, and the person.

use std::path::PathBuf;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::known_hosts::{KnownHosts, Status};
use crate::prompt::{PromptError, Prompter};
use crate::trust::{Decision, Purpose, Refusal, Trust};
use crate::words::login as words;

pub struct HostKeyCheck {
    server: ServerAddress,
    known: KnownHosts,
    /// From `--fingerprint`, or typed.
    given: Option<Fingerprint>,
    /// The key that the person accepted with `yes`, for the connections that follow.
    agreed: Option<Fingerprint>,
}

impl HostKeyCheck {
    /// Reads the pinned keys, and warns of lines that can't be read.
    pub fn open(
        server: ServerAddress,
        known_hosts: PathBuf,
        given: Option<Fingerprint>,
        prompter: &mut dyn Prompter,
    ) -> Result<Self, ExitReason> {
        let known = KnownHosts::open(known_hosts)?;
        for bad in known.bad_lines() {
            let file = known.path().display();
            prompter.tell(&words::unreadable_line(bad.number, file));
        }
        Ok(Self {
            server,
            known,
            given,
            agreed: None,
        })
    }

    /// Decides about a key, with the person's help where the rules ask for it. Returns whether the
    /// person was asked: the connection may have timed out by then.
    pub fn settle(
        &mut self,
        purpose: Purpose,
        presented: Fingerprint,
        is_loopback: bool,
        prompter: &mut dyn Prompter,
    ) -> Result<bool, ExitReason> {
        let mut asked = false;
        loop {
            let status = self.known.lookup(&self.server, presented);
            let trust = Trust { presented, status };
            match trust.decide(purpose, is_loopback, self.given) {
                Decision::Accept => return Ok(asked),
                Decision::Refuse(refusal) => return Err(self.refused(refusal)),
                Decision::AskYes => match self.agreed {
                    Some(agreed) if agreed == presented => return Ok(asked),
                    Some(given) => {
                        return Err(self.refused(Refusal::NotTheOneGiven { given, presented }));
                    }
                    None => self.ask_yes(presented, prompter)?,
                },
                Decision::AskFingerprint => self.ask_fingerprint(presented, prompter)?,
            }
            asked = true;
        }
    }

    /// The refusal of a key that differs from that of an earlier login.
    pub fn is_not(&self, expected: Fingerprint, presented: Fingerprint) -> ExitReason {
        let status = self.known.lookup(&self.server, presented);
        let trust = Trust { presented, status };
        let refusal = match trust.decide(Purpose::LogIn, false, Some(expected)) {
            Decision::Refuse(refusal) => refusal,
            _ => Refusal::NotTheOneGiven {
                given: expected,
                presented,
            },
        };
        self.refused(refusal)
    }

    /// Whether a key that was accepted before is accepted still, without a question.
    ///
    /// # Errors
    /// When it is refused now.
    pub fn still_accepts(&self, key: Fingerprint) -> Result<bool, ExitReason> {
        let status = self.known.lookup(&self.server, key);
        let trust = Trust {
            presented: key,
            status,
        };
        match trust.decide(Purpose::LogIn, false, self.given) {
            Decision::Accept => Ok(true),
            Decision::Refuse(refusal) => Err(self.refused(refusal)),
            Decision::AskYes | Decision::AskFingerprint => Ok(false),
        }
    }

    #[must_use]
    pub fn is_known(&self, presented: Fingerprint) -> bool {
        self.known.lookup(&self.server, presented) == Status::Known
    }

    /// Called once the server has proved on the key's channel that it knows the account.
    pub fn pin(&mut self, fingerprint: Fingerprint, prompter: &mut dyn Prompter) {
        // Not pinning is no reason to stop: the person is asked again next time.
        if let Err(error) = self.known.remember(&self.server, fingerprint) {
            prompter.tell(&error.to_string());
        }
    }

    fn refused(&self, refusal: Refusal) -> ExitReason {
        let sentence = refusal.explain(&self.server, self.known.path());
        ExitReason::because(Exit::KeyRefused, &sentence)
    }

    fn unasked(&self, presented: Fingerprint, error: PromptError) -> ExitReason {
        match error {
            PromptError::NoTerminal(_) => ExitReason::because(
                Exit::KeyRefused,
                &words::key_unasked(&self.server, presented),
            ),
            other => other.into(),
        }
    }

    fn ask_yes(
        &mut self,
        presented: Fingerprint,
        prompter: &mut dyn Prompter,
    ) -> Result<(), ExitReason> {
        let question = words::ask_yes(&self.server, presented);
        let answer = prompter.ask(&question, "--fingerprint");
        if answer.map_err(|error| self.unasked(presented, error))? == "yes" {
            self.agreed = Some(presented);
            return Ok(());
        }
        Err(ExitReason::because(
            Exit::KeyRefused,
            words::KEY_NOT_ACCEPTED,
        ))
    }

    fn ask_fingerprint(
        &mut self,
        presented: Fingerprint,
        prompter: &mut dyn Prompter,
    ) -> Result<(), ExitReason> {
        let question = words::ask_fingerprint(&self.server);
        let answer = prompter.ask(&question, "--fingerprint");
        match Fingerprint::parse(&answer.map_err(|error| self.unasked(presented, error))?) {
            Ok(fingerprint) => self.given = Some(fingerprint),
            Err(error) => prompter.tell(&error.to_string()),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::nobody::Nobody;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_key(&[number; 32])
    }

    fn host_key(content: &str, given: Option<Fingerprint>) -> (tempfile::TempDir, HostKeyCheck) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, content).unwrap();
        let server = ServerAddress::parse("chat:1").unwrap();
        (
            directory,
            HostKeyCheck::open(server, path, given, &mut Nobody).unwrap(),
        )
    }

    #[test]
    fn a_changed_key_ends_with_its_own_code_whatever_was_given() {
        let (_directory, mut host_key) = host_key(&format!("chat:1 {}\n", key(1)), Some(key(2)));
        let reason = host_key.settle(Purpose::LogIn, key(2), true, &mut Nobody);
        let reason = reason.unwrap_err();
        assert_eq!(reason.exit, Exit::KeyRefused);
        assert!(
            reason.sentence.contains("HAS CHANGED"),
            "{}",
            reason.sentence
        );
    }

    #[test]
    fn a_yes_holds_for_the_key_it_was_said_to_and_no_other() {
        let (_directory, mut host_key) = host_key("", None);
        host_key.agreed = Some(key(1));
        let settled = host_key.settle(Purpose::LogIn, key(1), false, &mut Nobody);
        assert_eq!(settled, Ok(false));
        let reason = host_key.settle(Purpose::LogIn, key(2), false, &mut Nobody);
        assert_eq!(reason.unwrap_err().exit, Exit::KeyRefused);
    }

    #[test]
    fn a_given_fingerprint_is_enough_and_can_be_pinned() {
        let (_directory, mut host_key) = host_key("", Some(key(1)));
        let settled = host_key.settle(Purpose::Register, key(1), false, &mut Nobody);
        assert_eq!(settled, Ok(false));
        assert!(!host_key.is_known(key(1)));
        host_key.pin(key(1), &mut Nobody);
        assert!(host_key.is_known(key(1)));
    }

    #[test]
    fn a_key_that_was_accepted_before_is_judged_anew() {
        let (_directory, mut host_key) = host_key("", None);
        assert_eq!(host_key.still_accepts(key(1)), Ok(false));
        host_key.pin(key(1), &mut Nobody);
        assert_eq!(host_key.still_accepts(key(1)), Ok(true));
        assert_eq!(
            host_key.still_accepts(key(2)).unwrap_err().exit,
            Exit::KeyRefused
        );
        host_key.given = Some(key(2));
        assert_eq!(
            host_key.still_accepts(key(1)).unwrap_err().exit,
            Exit::KeyRefused
        );
    }

    #[test]
    fn another_server_than_that_of_the_login_is_refused() {
        let (_directory, host_key) = host_key("", None);
        let reason = host_key.is_not(key(1), key(2));
        assert_eq!(reason.exit, Exit::KeyRefused);
        for shown in [key(1), key(2)] {
            assert!(reason.sentence.contains(&shown.to_string()));
        }
    }
}
