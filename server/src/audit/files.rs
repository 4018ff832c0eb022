//! Names the four audit files, for the rest of `audit`.

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AuditFile {
    /// Statements that changed the database.
    Sql,
    /// What the server did, and its diagnostics.
    Info,
    /// Registrations, logins, changes of an account, and their failures.
    Credentials,
    /// The messages of the rooms.
    Chat,
}

impl AuditFile {
    /// In the log directory.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sql => "sql.log",
            Self::Info => "info.log",
            Self::Credentials => "credentials.log",
            Self::Chat => "chat.log",
        }
    }

    /// Of its records in `log`.
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
