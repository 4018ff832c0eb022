//! Whether a server's key is trusted: joins `known_hosts`, the rules of `trust`, and the person.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::cli::Exit;
use crate::exit::ExitReason;
use crate::file_mode;
use crate::known_hosts::{KnownHosts, Status};
use crate::prompt::{PromptError, Prompter};
use crate::trust::{Decision, Purpose, Refusal, Trust};
use crate::words::login as words;

/// Where a server of this user writes its fingerprint, in its key directory.
const OWN_FINGERPRINT: &str = "fingerprint";
/// In bytes.
const MAX_FINGERPRINT_FILE: u64 = 256;

pub struct HostKeyCheck {
    server: ServerAddress,
    known: KnownHosts,
    /// Of the server that this user or root runs.
    own: Option<Fingerprint>,
    /// From `--fingerprint`, or typed.
    given: Option<Fingerprint>,
    /// The key that the person accepted with `yes`, for the connections that follow.
    agreed: Option<Fingerprint>,
}

impl HostKeyCheck {
    /// Reads the pinned keys, and warns of lines that can't be read. `key_directory` is where a
    /// server of this user would keep its keys.
    pub fn open(
        server: ServerAddress,
        known_hosts: PathBuf,
        key_directory: Option<&Path>,
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
            own: key_directory.and_then(own_fingerprint),
            given,
            agreed: None,
        })
    }

    fn decide(&self, purpose: Purpose, presented: Fingerprint) -> Decision {
        let trust = Trust {
            presented,
            status: self.known.lookup(&self.server, presented),
            is_own: self.own == Some(presented),
        };
        trust.decide(purpose, self.given)
    }

    /// Whether the key is accepted by more than a `yes`: it is pinned, or known from elsewhere.
    #[must_use]
    pub fn vouches_for(&self, presented: Fingerprint) -> bool {
        self.decide(Purpose::Register, presented) == Decision::Accept
    }

    /// Decides about a key, with the person's help where the rules ask for it. Returns whether the
    /// person was asked: the connection may have timed out by then.
    pub fn settle(
        &mut self,
        purpose: Purpose,
        presented: Fingerprint,
        prompter: &mut dyn Prompter,
    ) -> Result<bool, ExitReason> {
        let mut asked = false;
        loop {
            match self.decide(purpose, presented) {
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
        let trust = Trust {
            presented,
            status: self.known.lookup(&self.server, presented),
            is_own: false,
        };
        let refusal = match trust.decide(Purpose::LogIn, Some(expected)) {
            Decision::Refuse(refusal) => refusal,
            _ => Refusal::NotTheOneGiven {
                given: expected,
                presented,
            },
        };
        self.refused(refusal)
    }

    /// Whether a key that was accepted before is accepted still, without a question. The operator
    /// may have replaced it since, and the person has pinned the next one.
    ///
    /// # Errors
    /// Where the line of known_hosts about the server can't be read.
    pub fn still_accepts(&self, key: Fingerprint) -> Result<bool, ExitReason> {
        match self.decide(Purpose::LogIn, key) {
            Decision::Accept => Ok(true),
            Decision::Refuse(refusal @ Refusal::Damaged { .. }) => Err(self.refused(refusal)),
            _ => Ok(false),
        }
    }

    /// Reads the file of pinned keys again: another run may have pinned one meanwhile.
    pub fn reread(&mut self) -> Result<(), ExitReason> {
        self.known = KnownHosts::open(self.known.path().to_owned())?;
        Ok(())
    }

    /// What is known of a key, for the sentence about the server.
    #[must_use]
    pub fn standing(&self, presented: Fingerprint) -> &'static str {
        if self.known.lookup(&self.server, presented) == Status::Known {
            return words::ITS_KEY_IS_KNOWN;
        }
        if self.own == Some(presented) {
            return words::ITS_KEY_IS_OUR_OWN;
        }
        words::ITS_KEY_IS_NEW
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

/// The fingerprint of a server that keeps its keys in `directory`; `None` where there is none, or
/// where others than this user and root could have written it.
fn own_fingerprint(directory: &Path) -> Option<Fingerprint> {
    let path = directory.join(OWN_FINGERPRINT);
    if !path.metadata().ok()?.is_file() {
        return None;
    }
    let file = File::open(&path).ok()?;
    if file_mode::doubt(&file, &path).ok()?.is_some() {
        return None;
    }
    let mut text = String::new();
    let mut start = file.take(MAX_FINGERPRINT_FILE);
    start.read_to_string(&mut text).ok()?;
    Fingerprint::parse(text.trim_end()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::prompt::Nobody;

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
            HostKeyCheck::open(server, path, None, given, &mut Nobody).unwrap(),
        )
    }

    #[test]
    fn a_changed_key_ends_with_its_own_code_whatever_was_given() {
        let (_directory, mut host_key) = host_key(&format!("chat:1 {}\n", key(1)), Some(key(2)));
        let reason = host_key.settle(Purpose::LogIn, key(2), &mut Nobody);
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
        let settled = host_key.settle(Purpose::LogIn, key(1), &mut Nobody);
        assert_eq!(settled, Ok(false));
        let reason = host_key.settle(Purpose::LogIn, key(2), &mut Nobody);
        assert_eq!(reason.unwrap_err().exit, Exit::KeyRefused);
    }

    #[test]
    fn a_given_fingerprint_is_enough_and_can_be_pinned() {
        let (_directory, mut host_key) = host_key("", Some(key(1)));
        let settled = host_key.settle(Purpose::Register, key(1), &mut Nobody);
        assert_eq!(settled, Ok(false));
        assert_eq!(host_key.standing(key(1)), words::ITS_KEY_IS_NEW);
        host_key.pin(key(1), &mut Nobody);
        assert_eq!(host_key.standing(key(1)), words::ITS_KEY_IS_KNOWN);
    }

    #[test]
    fn a_key_that_was_accepted_before_is_judged_anew() {
        let (_directory, mut host_key) = host_key("", None);
        assert_eq!(host_key.still_accepts(key(1)), Ok(false));
        host_key.pin(key(1), &mut Nobody);
        assert_eq!(host_key.still_accepts(key(1)), Ok(true));
        assert_eq!(host_key.still_accepts(key(2)), Ok(false), "it was replaced");
        host_key.given = Some(key(2));
        assert_eq!(host_key.still_accepts(key(1)), Ok(false));
        let (_directory, host_key) = self::host_key("chat:1 nonsense\n", None);
        let damaged = host_key.still_accepts(key(1)).unwrap_err();
        assert_eq!(damaged.exit, Exit::KeyRefused);
    }

    #[test]
    fn what_another_run_has_pinned_meanwhile_counts() {
        let (directory, mut host_key) = host_key(&format!("chat:1 {}\n", key(1)), None);
        assert!(!host_key.vouches_for(key(2)));
        let path = directory.path().join("known_hosts");
        std::fs::write(&path, format!("chat:1 {}\n", key(2))).unwrap();
        host_key.reread().unwrap();
        assert!(host_key.vouches_for(key(2)) && !host_key.vouches_for(key(1)));
    }

    #[test]
    fn a_yes_vouches_for_nothing() {
        let (_directory, mut host_key) = host_key("", None);
        host_key.agreed = Some(key(1));
        assert!(!host_key.vouches_for(key(1)));
        host_key.given = Some(key(1));
        assert!(host_key.vouches_for(key(1)));
    }

    #[cfg(unix)]
    #[test]
    fn the_key_of_ones_own_server_is_believed_where_nobody_else_could_write_it() {
        use std::fs::{Permissions, set_permissions};
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join(OWN_FINGERPRINT);
        let found = || own_fingerprint(directory.path());
        assert_eq!(found(), None);
        std::fs::write(&file, format!("{}\n", key(1))).unwrap();
        for (folder_mode, mode, is_believed) in [
            (0o700, 0o600, true),
            (0o755, 0o644, true),
            (0o777, 0o600, false),
            (0o700, 0o622, false),
        ] {
            set_permissions(directory.path(), Permissions::from_mode(folder_mode)).unwrap();
            set_permissions(&file, Permissions::from_mode(mode)).unwrap();
            assert_eq!(
                found(),
                is_believed.then(|| key(1)),
                "{folder_mode:o} {mode:o}"
            );
        }
        set_permissions(directory.path(), Permissions::from_mode(0o700)).unwrap();
        std::fs::write(&file, "x".repeat(10_000)).unwrap();
        assert_eq!(found(), None);
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
