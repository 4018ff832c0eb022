//! Whose key is trusted: joins `known_hosts`, the rules of `trust`, and the person.

use std::path::PathBuf;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::cli::Exit;
use crate::exit::Stop;
use crate::known_hosts::{KnownHosts, Status};
use crate::prompt::{Person, PromptError};
use crate::trust::{Decision, Purpose, Refusal, Trust};
use crate::words::login as words;

/// See the module.
pub struct Gate {
    server: ServerAddress,
    known: KnownHosts,
    /// From `--fingerprint`, or typed in.
    given: Option<Fingerprint>,
    /// The key that the person said `yes` to.
    agreed: Option<Fingerprint>,
}

impl Gate {
    /// Reads the pinned keys.
    ///
    /// # Errors
    /// When the file is there and cannot be read.
    pub fn open(
        server: ServerAddress,
        known_hosts: PathBuf,
        given: Option<Fingerprint>,
        person: &mut dyn Person,
    ) -> Result<Self, Stop> {
        let known = KnownHosts::open(known_hosts)?;
        for bad in known.bad_lines() {
            let file = known.path().display();
            person.tell(&words::unreadable_line(bad.number, file));
        }
        Ok(Self {
            server,
            known,
            given,
            agreed: None,
        })
    }

    /// Decides about a key, with the person's help where the rules ask for it. Says whether the
    /// person was asked: the connection is too old then.
    ///
    /// # Errors
    /// When the key is refused, or the person can't be asked.
    pub fn settle(
        &mut self,
        purpose: Purpose,
        presented: Fingerprint,
        is_loopback: bool,
        person: &mut dyn Person,
    ) -> Result<bool, Stop> {
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
                    None => self.ask_yes(presented, person)?,
                },
                Decision::AskFingerprint => self.ask_fingerprint(presented, person)?,
            }
            asked = true;
        }
    }

    /// What a server presented that is not the one of an earlier login in this process.
    pub fn is_not(&self, expected: Fingerprint, presented: Fingerprint) -> Stop {
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
    pub fn still_accepts(&self, key: Fingerprint) -> Result<bool, Stop> {
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

    /// Whether the key is pinned.
    #[must_use]
    pub fn is_known(&self, presented: Fingerprint) -> bool {
        self.known.lookup(&self.server, presented) == Status::Known
    }

    /// Pins a key on whose channel the server has proved itself.
    pub fn pin(&mut self, fingerprint: Fingerprint, person: &mut dyn Person) {
        // One may go on without: the person is asked again next time.
        if let Err(error) = self.known.remember(&self.server, fingerprint) {
            person.tell(&error.to_string());
        }
    }

    fn refused(&self, refusal: Refusal) -> Stop {
        let sentence = refusal.explain(&self.server, self.known.path());
        Stop::because(Exit::KeyRefused, &sentence)
    }

    fn unasked(&self, presented: Fingerprint, error: PromptError) -> Stop {
        match error {
            PromptError::NoTerminal(_) => Stop::because(
                Exit::KeyRefused,
                &words::key_unasked(&self.server, presented),
            ),
            other => other.into(),
        }
    }

    fn ask_yes(&mut self, presented: Fingerprint, person: &mut dyn Person) -> Result<(), Stop> {
        let question = words::ask_yes(&self.server, presented);
        let answer = person.ask(&question, "--fingerprint");
        if answer.map_err(|error| self.unasked(presented, error))? == "yes" {
            self.agreed = Some(presented);
            return Ok(());
        }
        Err(Stop::because(Exit::KeyRefused, words::KEY_NOT_ACCEPTED))
    }

    fn ask_fingerprint(
        &mut self,
        presented: Fingerprint,
        person: &mut dyn Person,
    ) -> Result<(), Stop> {
        let question = words::ask_fingerprint(&self.server);
        let answer = person.ask(&question, "--fingerprint");
        match Fingerprint::parse(&answer.map_err(|error| self.unasked(presented, error))?) {
            Ok(fingerprint) => self.given = Some(fingerprint),
            Err(error) => person.tell(&error.to_string()),
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

    fn gate(content: &str, given: Option<Fingerprint>) -> (tempfile::TempDir, Gate) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, content).unwrap();
        let server = ServerAddress::parse("chat:1").unwrap();
        (
            directory,
            Gate::open(server, path, given, &mut Nobody).unwrap(),
        )
    }

    #[test]
    fn a_changed_key_ends_with_its_own_code_whatever_was_given() {
        let (_directory, mut gate) = gate(&format!("chat:1 {}\n", key(1)), Some(key(2)));
        let stop = gate.settle(Purpose::LogIn, key(2), true, &mut Nobody);
        let stop = stop.unwrap_err();
        assert_eq!(stop.exit, Exit::KeyRefused);
        assert!(stop.sentence.contains("HAS CHANGED"), "{}", stop.sentence);
    }

    #[test]
    fn a_yes_holds_for_the_key_it_was_said_to_and_no_other() {
        let (_directory, mut gate) = gate("", None);
        gate.agreed = Some(key(1));
        let settled = gate.settle(Purpose::LogIn, key(1), false, &mut Nobody);
        assert_eq!(settled, Ok(false));
        let stop = gate.settle(Purpose::LogIn, key(2), false, &mut Nobody);
        assert_eq!(stop.unwrap_err().exit, Exit::KeyRefused);
    }

    #[test]
    fn a_given_fingerprint_is_enough_and_can_be_pinned() {
        let (_directory, mut gate) = gate("", Some(key(1)));
        let settled = gate.settle(Purpose::Register, key(1), false, &mut Nobody);
        assert_eq!(settled, Ok(false));
        assert!(!gate.is_known(key(1)));
        gate.pin(key(1), &mut Nobody);
        assert!(gate.is_known(key(1)));
    }

    #[test]
    fn a_key_that_was_accepted_before_is_judged_anew() {
        let (_directory, mut gate) = gate("", None);
        assert_eq!(gate.still_accepts(key(1)), Ok(false));
        gate.pin(key(1), &mut Nobody);
        assert_eq!(gate.still_accepts(key(1)), Ok(true));
        assert_eq!(
            gate.still_accepts(key(2)).unwrap_err().exit,
            Exit::KeyRefused
        );
        gate.given = Some(key(2));
        assert_eq!(
            gate.still_accepts(key(1)).unwrap_err().exit,
            Exit::KeyRefused
        );
    }

    #[test]
    fn another_server_than_that_of_the_login_is_refused() {
        let (_directory, gate) = gate("", None);
        let stop = gate.is_not(key(1), key(2));
        assert_eq!(stop.exit, Exit::KeyRefused);
        for shown in [key(1), key(2)] {
            assert!(stop.sentence.contains(&shown.to_string()));
        }
    }
}
