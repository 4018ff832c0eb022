//! Messages about people and the server (docs/PROTOCOL.md, sections 13.6 and 13.11).

use minicbor::{Decode, Encode};

use super::{AccountId, RequestId};

/// Asks who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct List {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Only names after this one, in the order of the list.
    #[n(1)]
    pub after: Option<String>,
    /// The most people in the page, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(2)]
    pub limit: u32,
}

/// A person who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OnlinePerson {
    /// Name, as it was registered.
    #[n(0)]
    pub user: String,
    /// Number of the person's sessions.
    #[n(1)]
    pub sessions: u32,
    /// Online since then, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub since: u64,
}

/// Answers [`List`].
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct People {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// In the order of their names in lower case (ASCII), compared bytewise.
    #[n(1)]
    pub people: Vec<OnlinePerson>,
    /// Whether others come after the last of these.
    #[n(2)]
    pub more: bool,
}

/// Answers `whoami`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct You {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Name, as it was registered.
    #[n(1)]
    pub user: String,
    /// Number of the account.
    #[n(2)]
    pub account: AccountId,
    /// Address and port, as the server sees them.
    #[n(3)]
    pub address: String,
    /// Number of this session.
    #[n(4)]
    pub session: u64,
    /// Online since then, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub since: u64,
    /// Sessions of this account, this one included.
    #[n(6)]
    pub sessions: u32,
}

/// From the server, to all sessions that know of it: what its operator tells everybody
/// (docs/PROTOCOL.md, 13.16). Left out for a session that has no room for it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Announcement {
    /// Milliseconds since 1970-01-01 UTC.
    #[n(1)]
    pub time: u64,
    /// A line of at most [`MAX_TOPIC`](crate::limits::MAX_TOPIC) bytes.
    #[n(2)]
    pub text: String,
}

/// Answers `info`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServerInfo {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The server's version.
    #[n(1)]
    pub server: String,
    /// Seconds since it started.
    #[n(2)]
    pub uptime: u64,
    /// People online.
    #[n(3)]
    pub people: u32,
    /// Connections, logged in or not.
    #[n(4)]
    pub connections: u32,
    /// The most connections it takes.
    #[n(5)]
    pub most_connections: u32,
}

/// Names a person: the keys of `whois`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Named {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Name, in any case of letters.
    #[n(1)]
    pub user: String,
}

/// Answers `whois`.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// Repeats the number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Name, as it was registered.
    #[n(1)]
    pub user: String,
    /// Whether the person administers the server.
    #[n(2)]
    pub is_admin: bool,
    /// Online since then, milliseconds since 1970-01-01 UTC; `None` for who is offline.
    #[n(3)]
    pub online_since: Option<u64>,
    /// The last login, milliseconds since 1970-01-01 UTC, where it is known.
    #[n(4)]
    pub last_login: Option<u64>,
    /// The registration, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub registered: u64,
}

/// Hides a person's messages from now on, or shows them again. The server keeps the list of whom
/// an account ignores; hiding is the client's.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ignore {
    /// Chosen by the client; the answer repeats it.
    #[n(0)]
    pub request: RequestId,
    /// Whom, in any case of letters.
    #[n(1)]
    pub user: String,
    /// Whether to hide the person's messages.
    #[n(2)]
    pub ignored: bool,
}

/// Tells all sessions of an account that it ignores a person from now on, or no longer does.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ignoring {
    /// Repeats the number of the request, in the session that asked.
    #[n(0)]
    pub request: Option<RequestId>,
    /// Whom, by the name as it was registered.
    #[n(1)]
    pub user: String,
    /// Whether the account ignores them.
    #[n(2)]
    pub ignored: bool,
}
