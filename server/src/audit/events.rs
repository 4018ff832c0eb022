//! The catalogue: every event of the audit, once.
//!
//! A line is made from an event and goes to its event's file, so what is not in this list is in no
//! file. A debug build refuses a key that the event does not have there, and a line that lacks one.
//! What each event means stands in docs/OPERATING.md; a test compares its tables with this list.
//!
//! Diagnostics, which the macros of `log` make, are no events: they have any level and any text.

use log::Level;

use super::files::AuditFile;

/// One kind of line. Only this file can make one.
#[derive(Debug)]
pub struct AuditEvent {
    name: &'static str,
    level: Level,
    file: AuditFile,
    keys: &'static [EventKey],
}

#[derive(Debug, PartialEq, Eq)]
pub struct EventKey {
    /// Stands in the line as it is.
    pub(super) name: &'static str,
    pub(super) is_always_there: bool,
}

impl AuditEvent {
    /// Stands in the line as it is.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }

    pub(super) const fn level(&self) -> Level {
        self.level
    }

    pub(super) const fn file(&self) -> AuditFile {
        self.file
    }

    pub(super) const fn keys(&self) -> &'static [EventKey] {
        self.keys
    }

    #[cfg(test)]
    pub(super) const fn for_test(
        name: &'static str,
        level: Level,
        file: AuditFile,
        keys: &'static [EventKey],
    ) -> Self {
        Self {
            name,
            level,
            file,
            keys,
        }
    }
}

macro_rules! key {
    ([$name:ident]) => {
        $crate::audit::events::EventKey {
            name: stringify!($name),
            is_always_there: false,
        }
    };
    ($name:ident) => {
        $crate::audit::events::EventKey {
            name: stringify!($name),
            is_always_there: true,
        }
    };
}
pub(super) use key;

/// Makes a constant of each event, and one list of all: no event of the product is missing from the
/// list. One that nothing logs any more is dead code to the compiler.
macro_rules! events {
    ($($file:ident {
        $($constant:ident = $level:ident $name:literal ($($key:tt)*);)*
    })*) => {
        $($(
            pub const $constant: AuditEvent = AuditEvent {
                name: $name,
                level: Level::$level,
                file: AuditFile::$file,
                keys: &[$(key!($key)),*],
            };
        )*)*

        #[cfg(test)]
        const ALL: &[&AuditEvent] = &[$($(&$constant),*),*];
    };
}

// The keys stand in the order of the line; those in brackets are not in every one.
events! {
    Credentials {
        REGISTERED = Info "registered" (user account addr session);
        REGISTRATION_REFUSED = Warn "registration_refused" (addr session reason);
        LOGIN = Info "login" (user account addr session method);
        LOGIN_FAILED = Warn "login_failed" (user [name_hash] addr session reason);
        RESUME = Info "resume" (user account addr session);
        TOKEN_REUSED = Warn "token_reused" (user account);
        LOGOUT = Info "logout" (user account addr session how seconds);
        SESSION_CLOSED = Warn "session_closed" (user account addr session how seconds [why]);

        LOGGED_OUT_EVERYWHERE = Info "logged_out_everywhere" (user account addr session);
        CHANGE_FAILED = Warn "change_failed" (user account addr session reason);
        PASSWORD_CHANGED = Info "password_changed" (user account addr session method);
        PASSWORD_CHANGE_FAILED = Warn "password_change_failed" (user account addr session reason);
        FACTOR_CHANGE_BEGUN = Info "factor_change_begun" (user account addr session method);
        FACTOR_CHANGED = Info "factor_changed" (user account addr session);
        FACTOR_CHANGE_FAILED = Warn "factor_change_failed" (user account addr session reason);
        RECOVERY_CODES_CHANGED = Info "recovery_codes_changed" (user account addr session method);
        RECOVERY_CODES_CHANGE_FAILED = Warn "recovery_codes_change_failed"
            (user account addr session reason);

        USER_DISABLED = Info "user_disabled" (by uid user account gid pid);
        USER_ENABLED = Info "user_enabled" (by uid user account gid pid);
        SECOND_FACTOR_RESET = Info "second_factor_reset" (by uid user account gid pid);
        ROLE_SET = Info "role_set" (by uid user account role gid pid);
        SESSION_KICKED = Info "session_kicked" (by uid user account session gid pid);
        COMMAND_REFUSED = Warn "command_refused" (uid gid pid);
        USER_LOGGED_OUT = Info "user_logged_out" (by uid user account tokens gid pid);
    }

    Info {
        STARTED = Info "started" (version address fingerprint connections);
        ENDED_UNCLEANLY = Warn "ended_uncleanly" (last database);
        FEW_SCRAM_ITERATIONS = Warn "few_scram_iterations" (iterations why);
        STOPPED = Info "stopped" (seconds connections_left);
        SIGNAL_IGNORED = Warn "signal_ignored" (signal);
        RELOADED = Info "reloaded" ([changed] [kept] [by] [uid] [gid] [pid]);
        RELOAD_FAILED = Error "reload_failed" (why [by] [uid] [gid] [pid]);
        STATE = Info "state"
            (seconds connections people [sessions] [rooms] database_bytes log_bytes [free_bytes]
                [problems]);
        USERS_LISTED = Info "users_listed" (by uid count gid pid);
        USER_SHOWN = Info "user_shown" (by uid user account gid pid);
        ANNOUNCED = Info "announced" (by uid text gid pid);
        USER_EXPORTED = Info "user_exported" (by uid user account file gid pid);
        SESSIONS_LISTED = Info "sessions_listed" (by uid count gid pid);
        ROOMS_LISTED = Info "rooms_listed" (by uid count gid pid);
        BACKUP_MADE = Info "backup_made" (by uid file gid pid);

        ROOM_CREATED = Info "room_created" (access topic room by account);
        ROOM_JOINED = Info "room_joined" (room by account);
        ROOM_LEFT = Info "room_left" (room by account);
        CONVERSATION_BEGUN = Info "conversation_begun" (room by account);
        CONVERSATION_HIDDEN = Info "conversation_hidden" (room by account);
        TOPIC_SET = Info "topic_set" (topic room by account);
        ROOM_LOCKED = Info "room_locked" (reason room by account);
        ROOM_UNLOCKED = Info "room_unlocked" (room by account);
        ROOM_ARCHIVED = Info "room_archived" (reason room by [uid] [account] [gid] [pid]);
        ROOM_REOPENED = Info "room_reopened" (room by [uid] [account] [gid] [pid]);
        INVITED = Info "invited" (user room by account);
        KICKED = Info "kicked" (user reason room by account);
        BANNED = Info "banned" (user reason room by account);
        UNBANNED = Info "unbanned" (user reason room by account);
        MUTED = Info "muted" (user [seconds] reason room by account);
        UNMUTED = Info "unmuted" (user reason room by account);
        MODERATOR_MADE = Info "moderator_made" (user reason room by account);
        MODERATOR_UNMADE = Info "moderator_unmade" (user reason room by account);
        IGNORED = Info "ignored" (user by account);
        NO_LONGER_IGNORED = Info "no_longer_ignored" (user by account);
        REFUSED = Warn "refused" (what [why] [room] by account);

        NEVER_LOGGED_IN = Warn "never_logged_in" (addr count last);
        ACCEPT_FAILED = Error "accept_failed" (why);
        DATABASE_UNAVAILABLE = Error "database_unavailable" (why addr);

        DATABASE_GONE = Error "database_gone" (why);
        DISK_NEARLY_FULL = Error "disk_nearly_full" (min_free_bytes directory free_bytes);
        DISK_HAS_ROOM = Info "disk_has_room" (min_free_bytes);
        HISTORY_SHORTENED = Error "history_shortened" (logged_row kept_row);
        HISTORY_RENEWED = Warn "history_renewed" (why);
        CHAT_LOG_RECOVERED = Warn "chat_log_recovered" (lines id);
        KEY_DIRECTORY_CLOSED = Warn "key_directory_closed" (mode);
        KEY_DIRECTORY_OPEN = Warn "key_directory_open" (mode why);
        LOG_REPAIRED = Warn "log_repaired" (file what);
        LOG_REOPENED = Info "log_reopened" (file);
        LOG_DELETED = Warn "log_deleted" (file);
        LINES_LOST = Error "lines_lost" (lines);
        DIAGNOSTICS_DROPPED = Warn "diagnostics_dropped" (lines);

        COMMIT_FAILED = Error "commit_failed" (why);
        MESSAGE_NOT_COMMITTED = Error "message_not_committed" (why);
        LOGIN_NOT_COMMITTED = Error "login_not_committed" (why);
        ACT_NOT_COMMITTED = Error "act_not_committed" (why);
        FAILURES_NOT_COUNTED = Error "failures_not_counted" (why);
        SESSIONS_NOT_BEGUN = Error "sessions_not_begun" (why);
        SESSION_NOT_BEGUN = Error "session_not_begun" (why);
        ROOM_NOT_READ = Error "room_not_read" (why);
        SENT_MESSAGES_NOT_READ = Error "sent_messages_not_read" (why);
        ONLINE_NOT_WRITTEN = Error "online_not_written" (why);
        TOKENS_NOT_EXPIRED = Error "tokens_not_expired" (why);
        MESSAGES_NOT_INDEXED = Error "messages_not_indexed" (why);
        CHAT_LOG_NOT_CAUGHT_UP = Error "chat_log_not_caught_up" (why);
        CHECKPOINT_HELD_UP = Warn "checkpoint_held_up" (log_bytes);
        CHECKPOINT_FAILED = Error "checkpoint_failed" (why);
        LAST_WRITE = Error "last_write" (why);
    }

    Chat {
        MESSAGE = Info "message" (id room seq user account [recovered] [kind] [text] [bytes]);
    }

    // One name for statements that ran and that failed, at two levels and with other keys.
    Sql {
        SQL = Info "sql" (tx runs rows statement);
        SQL_FAILED = Error "sql" (failed [tx] [runs] [rows] statement);
        SQL_READS = Info "sql_reads" (runs rows statement);
    }
}

#[cfg(test)]
mod tests;
