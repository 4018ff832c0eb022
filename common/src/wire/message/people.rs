//! What is said about people and the server.

use minicbor::{Decode, Encode};

use super::{AccountId, RequestId};

/// Asks who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct List {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Only names after this one, in the order of the list.
    #[n(1)]
    pub after: Option<String>,
    /// At most so many, 1 to [`PAGE_LIMIT`](crate::limits::PAGE_LIMIT).
    #[n(2)]
    pub limit: u32,
}

/// Somebody who is online.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct OnlinePerson {
    /// Name.
    #[n(0)]
    pub user: String,
    /// Sessions.
    #[n(1)]
    pub sessions: u32,
    /// Since when, milliseconds since 1970-01-01 UTC.
    #[n(2)]
    pub since: u64,
}

/// Who is online, in the order of their names.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct People {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// The people.
    #[n(1)]
    pub people: Vec<OnlinePerson>,
    /// Whether more follow.
    #[n(2)]
    pub more: bool,
}

/// Who one is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct You {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Name.
    #[n(1)]
    pub user: String,
    /// Number of the account.
    #[n(2)]
    pub account: AccountId,
    /// The address the server sees.
    #[n(3)]
    pub address: String,
    /// Number of this session.
    #[n(4)]
    pub session: u64,
    /// Since when, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub since: u64,
    /// Sessions of this account, this one included.
    #[n(6)]
    pub sessions: u32,
}

/// About the server.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ServerInfo {
    /// Number of the request.
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

/// Names somebody.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Named {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Who.
    #[n(1)]
    pub user: String,
}

/// Who somebody is.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Profile {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Name, as it was registered.
    #[n(1)]
    pub user: String,
    /// Whether they administer the server.
    #[n(2)]
    pub is_admin: bool,
    /// Online since then, milliseconds since 1970-01-01 UTC; otherwise they are not.
    #[n(3)]
    pub online_since: Option<u64>,
    /// When they last logged in, milliseconds since 1970-01-01 UTC, where that is known.
    #[n(4)]
    pub last_login: Option<u64>,
    /// When they registered, milliseconds since 1970-01-01 UTC.
    #[n(5)]
    pub registered: u64,
}

/// Says that one does not want to see what somebody says, or wants to again. The server keeps it;
/// the client hides.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ignore {
    /// Number of the request.
    #[n(0)]
    pub request: RequestId,
    /// Whom.
    #[n(1)]
    pub user: String,
    /// Whether not to see them.
    #[n(2)]
    pub ignored: bool,
}

/// One ignores somebody from now on, in all of one's sessions, or no longer does.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct Ignoring {
    /// Number of the request, in the session that asked.
    #[n(0)]
    pub request: Option<RequestId>,
    /// Whom, by the name as it was registered.
    #[n(1)]
    pub user: String,
    /// Whether one does.
    #[n(2)]
    pub ignored: bool,
}
