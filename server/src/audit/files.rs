//! The four files, by name.

/// Which of the four files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFile {
    /// What changed the database.
    Sql,
    /// What the server did, and its diagnostics.
    Info,
    /// Registrations, logins and their failures.
    Credentials,
    /// What was said in the rooms.
    Chat,
}

impl AuditFile {
    /// The file's name in the log directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql.log",
            Self::Info => "info.log",
            Self::Credentials => "credentials.log",
            Self::Chat => "chat.log",
        }
    }

    /// The `log` target of its records.
    #[must_use]
    pub const fn target(self) -> &'static str {
        match self {
            Self::Sql => "sql",
            Self::Info => "info",
            Self::Credentials => "credentials",
            Self::Chat => "chat",
        }
    }
}
