//! How the program ends: an exit code and a sentence. Every error that ends it becomes one here.

use std::io::{self, ErrorKind};

use chatbox_common::channel::ChannelError;
use chatbox_common::wire::message::{ByeReason, ErrorCode};

use crate::cli::Exit;
use crate::config::ConfigError;
use crate::known_hosts::KnownHostsError;
use crate::prompt::{PromptError, SecretFileError};
use crate::sanitize;
use crate::saved_session::SavedSessionError;
use crate::secret_command::SecretCommandError;
use crate::session::SessionError;

/// The sentence is fit for a terminal; an empty one is not shown.
#[derive(Debug, PartialEq, Eq)]
pub struct ExitReason {
    pub exit: Exit,
    pub sentence: String,
}

impl ExitReason {
    /// The sentence may come from a peer: it is made fit for a terminal here.
    #[must_use]
    pub fn because(exit: Exit, sentence: &str) -> Self {
        Self {
            exit,
            sentence: sanitize::text(sentence).into_owned(),
        }
    }

    /// The person wants to end.
    #[must_use]
    pub const fn fine() -> Self {
        Self {
            exit: Exit::Fine,
            sentence: String::new(),
        }
    }

    /// Another attempt would end in the same way, so the menu does not return.
    #[must_use]
    pub const fn is_final(&self) -> bool {
        matches!(
            self.exit,
            Exit::Fine | Exit::Usage | Exit::Configuration | Exit::KeyRefused
        )
    }
}

impl From<io::Error> for ExitReason {
    fn from(error: io::Error) -> Self {
        if error.kind() == ErrorKind::BrokenPipe {
            // The reader of the output (`| head`) has what it wants.
            return Self::fine();
        }
        Self::because(Exit::Failure, &error.to_string())
    }
}

impl From<ConfigError> for ExitReason {
    fn from(error: ConfigError) -> Self {
        Self::because(Exit::Configuration, &error.to_string())
    }
}

impl From<KnownHostsError> for ExitReason {
    fn from(error: KnownHostsError) -> Self {
        Self::because(Exit::Configuration, &error.to_string())
    }
}

impl From<SecretCommandError> for ExitReason {
    fn from(error: SecretCommandError) -> Self {
        Self::because(Exit::Configuration, &error.to_string())
    }
}

impl From<SavedSessionError> for ExitReason {
    fn from(error: SavedSessionError) -> Self {
        Self::because(Exit::Configuration, &error.to_string())
    }
}

impl From<PromptError> for ExitReason {
    fn from(error: PromptError) -> Self {
        let exit = match error {
            PromptError::NoTerminal(_) => Exit::Usage,
            PromptError::Cancelled
            | PromptError::Interrupted
            | PromptError::TooLong
            | PromptError::Ended
            | PromptError::Terminal(_) => Exit::Failure,
        };
        Self::because(exit, &error.to_string())
    }
}

impl From<SecretFileError> for ExitReason {
    fn from(error: SecretFileError) -> Self {
        let exit = match error {
            SecretFileError::WouldEcho => Exit::Usage,
            SecretFileError::Read { .. }
            | SecretFileError::Exposed { .. }
            | SecretFileError::Empty(_)
            | SecretFileError::TooLong(_)
            | SecretFileError::NotUtf8(_) => Exit::Configuration,
        };
        Self::because(exit, &error.to_string())
    }
}

impl From<SessionError> for ExitReason {
    fn from(error: SessionError) -> Self {
        let exit = match &error {
            SessionError::Resolve { .. }
            | SessionError::Connect { .. }
            | SessionError::Handshake { .. }
            | SessionError::Timeout
            // These pass by themselves, and say nothing of the login.
            | SessionError::Refused {
                code: ErrorCode::Unavailable | ErrorCode::Busy,
                ..
            }
            | SessionError::Goodbye {
                reason: ByeReason::Busy | ByeReason::Shutdown | ByeReason::Timeout,
                ..
            }
            | SessionError::Channel(
                ChannelError::Closed | ChannelError::CutOff | ChannelError::Io(_),
            ) => Exit::CannotConnect,
            SessionError::Refused { .. }
            | SessionError::Goodbye {
                reason: ByeReason::LoginRefused,
                ..
            } => Exit::LoginRefused,
            SessionError::Goodbye { .. } | SessionError::Channel(_) => Exit::CutOff,
            SessionError::Scram(_) | SessionError::Protocol => Exit::Failure,
        };
        Self::because(exit, &error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_s_sentence_gives_no_orders_to_the_terminal() {
        let reason = ExitReason::from(SessionError::Refused {
            code: ErrorCode::LoginRefused,
            sentence: "no\u{1b}[2J".into(),
            retry: None,
        });
        assert_eq!(
            reason,
            ExitReason {
                exit: Exit::LoginRefused,
                sentence: "no\\u{1b}[2J".into(),
            }
        );
    }

    #[test]
    fn what_passes_by_itself_is_no_refusal_of_the_login() {
        for (code, exit) in [
            (ErrorCode::LoginRefused, Exit::LoginRefused),
            (ErrorCode::Unavailable, Exit::CannotConnect),
            (ErrorCode::Busy, Exit::CannotConnect),
        ] {
            let reason = ExitReason::from(SessionError::Refused {
                code,
                sentence: String::new(),
                retry: None,
            });
            assert_eq!(reason.exit, exit, "{code:?}");
        }
        for (reason, exit) in [
            (ByeReason::LoginRefused, Exit::LoginRefused),
            (ByeReason::Busy, Exit::CannotConnect),
            (ByeReason::Shutdown, Exit::CannotConnect),
            (ByeReason::Timeout, Exit::CannotConnect),
            (ByeReason::Flood, Exit::CutOff),
        ] {
            let sentence = String::new();
            let ended = ExitReason::from(SessionError::Goodbye { reason, sentence });
            assert_eq!(ended.exit, exit, "{reason:?}");
        }
        let closed = ExitReason::from(SessionError::Channel(ChannelError::Closed));
        assert_eq!(closed.exit, Exit::CannotConnect);
    }

    #[test]
    fn a_reader_that_went_away_is_no_failure() {
        let broken = ExitReason::from(io::Error::from(ErrorKind::BrokenPipe));
        assert_eq!(broken, ExitReason::fine());
        let full = ExitReason::from(io::Error::from(ErrorKind::StorageFull));
        assert_eq!(full.exit, Exit::Failure);
    }

    #[test]
    fn what_cannot_be_asked_is_a_wrong_use() {
        let reason = ExitReason::from(PromptError::NoTerminal("--user"));
        assert_eq!(reason.exit, Exit::Usage);
        assert!(reason.sentence.contains("--user"));
        assert!(reason.is_final());
    }
}
