//! Whose key is trusted: joins `known_hosts`, the rules of `trust`, and the person.

use std::io;
use std::path::PathBuf;

use chatbox_common::fingerprint::Fingerprint;

use super::tell;
use crate::address::ServerAddress;
use crate::cli::Exit;
use crate::known_hosts::{KnownHosts, Status};
use crate::prompt::{PromptError, Terminal};
use crate::stop::Stop;
use crate::trust::{Decision, Purpose, Refusal, Trust};

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
    ) -> Result<Self, Stop> {
        let known = KnownHosts::open(known_hosts)?;
        for bad in known.bad_lines() {
            let file = known.path().display();
            tell(&format!("line {} of {file} cannot be read", bad.number));
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
        terminal: &Terminal<'_>,
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
                    None => self.ask_yes(presented, terminal)?,
                },
                Decision::AskFingerprint => self.ask_fingerprint(presented, terminal)?,
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

    /// Whether the key is pinned.
    #[must_use]
    pub fn is_known(&self, presented: Fingerprint) -> bool {
        self.known.lookup(&self.server, presented) == Status::Known
    }

    /// Pins a key on whose channel the server has proved itself.
    pub fn pin(&mut self, fingerprint: Fingerprint) {
        // One may go on without: the person is asked again next time.
        if let Err(error) = self.known.remember(&self.server, fingerprint) {
            tell(&error.to_string());
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
                &format!(
                    "the key of {} is not known, and standard input is no terminal to ask on.\n  \
                     presented: {presented}\n\
                     If it is the one its operator gave you, use\n  --fingerprint {presented}",
                    self.server
                ),
            ),
            other => other.into(),
        }
    }

    fn ask_yes(&mut self, presented: Fingerprint, terminal: &Terminal<'_>) -> Result<(), Stop> {
        let question = format!(
            "The key of {} is not known yet:\n  {presented}\n\
             Is it the one its operator gave you? Type yes to go on: ",
            self.server
        );
        let answer = terminal.ask(&question, "--fingerprint");
        if answer.map_err(|error| self.unasked(presented, error))? == "yes" {
            self.agreed = Some(presented);
            return Ok(());
        }
        let sentence = "the key was not accepted, so nothing was sent";
        Err(Stop::because(Exit::KeyRefused, sentence))
    }

    fn ask_fingerprint(
        &mut self,
        presented: Fingerprint,
        terminal: &Terminal<'_>,
    ) -> Result<(), Stop> {
        let question = format!(
            "The key of {} is not known yet. Whoever sits in the middle when you register \
             keeps your second factor,\nso type the fingerprint that the operator gave you \
             (SHA256:...): ",
            self.server
        );
        let answer = terminal.ask(&question, "--fingerprint");
        match Fingerprint::parse(&answer.map_err(|error| self.unasked(presented, error))?) {
            Ok(fingerprint) => self.given = Some(fingerprint),
            Err(error) => tell(&error.to_string()),
        }
        Ok(())
    }
}

/// Whether there is a person at a terminal to ask.
pub fn can_ask() -> bool {
    io::IsTerminal::is_terminal(&io::stdin())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use super::*;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_key(&[number; 32])
    }

    fn gate(content: &str, given: Option<Fingerprint>) -> (tempfile::TempDir, Gate) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, content).unwrap();
        let server = ServerAddress::parse("chat:1").unwrap();
        (directory, Gate::open(server, path, given).unwrap())
    }

    fn terminal() -> Terminal<'static> {
        Terminal::open(Arc::new(AtomicBool::new(true))).unwrap()
    }

    #[test]
    fn a_changed_key_ends_with_its_own_code_whatever_was_given() {
        let (_directory, mut gate) = gate(&format!("chat:1 {}\n", key(1)), Some(key(2)));
        let stop = gate.settle(Purpose::LogIn, key(2), true, &terminal());
        let stop = stop.unwrap_err();
        assert_eq!(stop.exit, Exit::KeyRefused);
        assert!(stop.sentence.contains("HAS CHANGED"), "{}", stop.sentence);
    }

    #[test]
    fn a_yes_holds_for_the_key_it_was_said_to_and_no_other() {
        let (_directory, mut gate) = gate("", None);
        gate.agreed = Some(key(1));
        let settled = gate.settle(Purpose::LogIn, key(1), false, &terminal());
        assert_eq!(settled, Ok(false));
        let stop = gate.settle(Purpose::LogIn, key(2), false, &terminal());
        assert_eq!(stop.unwrap_err().exit, Exit::KeyRefused);
    }

    #[test]
    fn a_given_fingerprint_is_enough_and_can_be_pinned() {
        let (_directory, mut gate) = gate("", Some(key(1)));
        let settled = gate.settle(Purpose::Register, key(1), false, &terminal());
        assert_eq!(settled, Ok(false));
        assert!(!gate.is_known(key(1)));
        gate.pin(key(1));
        assert!(gate.is_known(key(1)));
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
