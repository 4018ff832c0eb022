//! Whether a server's key is accepted, asked about or refused. Pure: `login::host_key` looks the
//! key up in `known_hosts`, passes the answer, and does what the decision says.
//!
//! The threat is a man in the middle. At a login SCRAM binds the proof to the channel, so that a
//! wrong `yes` gives away no account. At a registration a man in the middle keeps the second factor
//! for good, so there a person has to know the key beforehand.

use std::path::Path;

use chatbox_common::fingerprint::Fingerprint;

use crate::address::ServerAddress;
use crate::known_hosts::Status;
use crate::words::trust as words;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    Register,
    LogIn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Accept,
    /// Show the fingerprint, and go on if the person says `yes`.
    AskYes,
    /// Let the person type the fingerprint that the operator gave, and decide again with it.
    AskFingerprint,
    Refuse(Refusal),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Another key is pinned in known_hosts.
    Changed {
        /// The pinned one.
        expected: Fingerprint,
        presented: Fingerprint,
        /// In known_hosts, from 1.
        line: usize,
    },
    /// The line of known_hosts about this server can't be read.
    Damaged {
        /// From 1.
        line: usize,
        presented: Fingerprint,
    },
    /// The key has another fingerprint than the one of `--fingerprint`, or the typed one.
    NotTheOneGiven {
        given: Fingerprint,
        presented: Fingerprint,
    },
}

/// A presented key, and what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Trust {
    pub presented: Fingerprint,
    pub status: Status,
    /// It is the key of the server that keeps its files where this user's would: the user or root
    /// runs it, and nobody else could have put the key there.
    pub is_own: bool,
}

impl Trust {
    /// `given` is the fingerprint of `--fingerprint`, or the typed one.
    ///
    /// Where the server is does not matter: behind a loopback address there may be another user's
    /// program, or the far end of a tunnel. A pinned key that differs is refused whatever was given: removing it is a deliberate act in
    /// the file. A given fingerprint that differs is refused even when the key is pinned.
    #[must_use]
    pub fn decide(self, purpose: Purpose, given: Option<Fingerprint>) -> Decision {
        let presented = self.presented;
        match (self.status, given) {
            (Status::Changed { expected, line }, _) => Decision::Refuse(Refusal::Changed {
                expected,
                presented,
                line,
            }),
            (Status::Damaged { line }, _) => Decision::Refuse(Refusal::Damaged { line, presented }),
            (Status::Known | Status::New, Some(given)) if given != presented => {
                Decision::Refuse(Refusal::NotTheOneGiven { given, presented })
            }
            (Status::Known, _) | (Status::New, Some(_)) => Decision::Accept,
            (Status::New, None) if self.is_own => Decision::Accept,
            (Status::New, None) => match purpose {
                Purpose::LogIn => Decision::AskYes,
                Purpose::Register => Decision::AskFingerprint,
            },
        }
    }
}

impl Refusal {
    /// Several lines for the person, with the fingerprints and what to do. `file` is known_hosts.
    #[must_use]
    pub fn explain(self, server: &ServerAddress, file: &Path) -> String {
        let file = file.display();
        match self {
            Self::Changed {
                expected,
                presented,
                line,
            } => words::key_changed(server, &file, (expected, presented), line),
            Self::Damaged { line, presented } => words::damaged(server, &file, presented, line),
            Self::NotTheOneGiven { given, presented } => {
                words::not_the_one_given(server, given, presented)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(number: u8) -> Fingerprint {
        Fingerprint::from_key(&[number; 32])
    }

    const PURPOSES: [Purpose; 2] = [Purpose::Register, Purpose::LogIn];

    fn decide(status: Status, purpose: Purpose, is_own: bool, given: Option<u8>) -> Decision {
        let trust = Trust {
            presented: key(1),
            status,
            is_own,
        };
        trust.decide(purpose, given.map(key))
    }

    #[test]
    fn a_pinned_key_is_accepted_without_a_question() {
        for purpose in PURPOSES {
            for is_own in [false, true] {
                for given in [None, Some(1)] {
                    let decision = decide(Status::Known, purpose, is_own, given);
                    assert_eq!(decision, Decision::Accept);
                }
            }
        }
    }

    #[test]
    fn registering_over_an_unknown_key_needs_the_fingerprint() {
        let register = |given| decide(Status::New, Purpose::Register, false, given);
        assert_eq!(register(None), Decision::AskFingerprint);
        assert_eq!(register(Some(1)), Decision::Accept);
    }

    #[test]
    fn logging_in_over_an_unknown_key_needs_a_yes() {
        let log_in = |given| decide(Status::New, Purpose::LogIn, false, given);
        assert_eq!(log_in(None), Decision::AskYes);
        assert_eq!(log_in(Some(1)), Decision::Accept);
    }

    #[test]
    fn the_key_of_ones_own_server_needs_no_question() {
        for purpose in PURPOSES {
            assert_eq!(decide(Status::New, purpose, true, None), Decision::Accept);
        }
    }

    #[test]
    fn a_given_fingerprint_that_differs_is_always_refused() {
        let refused = Decision::Refuse(Refusal::NotTheOneGiven {
            given: key(2),
            presented: key(1),
        });
        for purpose in PURPOSES {
            for is_own in [false, true] {
                for status in [Status::Known, Status::New] {
                    assert_eq!(decide(status, purpose, is_own, Some(2)), refused);
                }
            }
        }
    }

    #[test]
    fn a_changed_key_and_a_damaged_line_are_always_refused() {
        let changed = Status::Changed {
            expected: key(3),
            line: 7,
        };
        for purpose in PURPOSES {
            for is_own in [false, true] {
                for given in [None, Some(1), Some(3)] {
                    for status in [changed, Status::Damaged { line: 7 }] {
                        let decision = decide(status, purpose, is_own, given);
                        assert!(matches!(decision, Decision::Refuse(_)), "{status:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn a_refusal_shows_both_fingerprints_and_what_to_do() {
        let server = ServerAddress::parse("chat.example").unwrap();
        let changed = Refusal::Changed {
            expected: key(3),
            presented: key(1),
            line: 7,
        };
        let sentence = changed.explain(&server, Path::new("/home/a/known_hosts"));
        for part in [
            "chat.example:7878 HAS CHANGED",
            &key(3).to_string(),
            &format!("--fingerprint {}", key(1)),
            "line 7 of /home/a/known_hosts",
        ] {
            assert!(sentence.contains(part), "{sentence}");
        }
        let given = Refusal::NotTheOneGiven {
            given: key(2),
            presented: key(1),
        };
        let sentence = given.explain(&server, Path::new("f"));
        assert!(sentence.contains(&key(2).to_string()) && sentence.contains(&key(1).to_string()));
        assert!(sentence.lines().all(|line| line.len() <= 100), "{sentence}");
    }
}
