//! What a side understands beyond the first messages of version 1 (docs/PROTOCOL.md, 8.5).

use minicbor::{Decode, Encode};

use super::{ClientMessage, ErrorCode};

/// Something that not every client and server of version 1 knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Capability {
    /// Rooms that are archived (docs/PROTOCOL.md, 13.8).
    Archive,
    /// Conversations of two that are hidden (docs/PROTOCOL.md, 13.9).
    Hide,
    /// What the operator tells everybody (docs/PROTOCOL.md, 13.16).
    Announcement,
}

impl Capability {
    /// All that this version has.
    const ALL: [Self; 3] = [Self::Archive, Self::Hide, Self::Announcement];

    /// Its bit in [`Capabilities`], 0 to 63; never given another meaning.
    const fn bit(self) -> u32 {
        match self {
            Self::Archive => 0,
            Self::Hide => 1,
            Self::Announcement => 2,
        }
    }
}

/// A set of capabilities: a client's in `register`, `login` and `resume`, a server's in `welcome`.
/// Bits that this version does not know are kept, and mean nothing to it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub struct Capabilities(pub u64);

impl Capabilities {
    /// A side that announces nothing.
    pub const NONE: Self = Self(0);

    /// What this version announces.
    #[must_use]
    pub fn own() -> Self {
        let bits = Capability::ALL.map(|one| 1 << one.bit());
        Self(bits.iter().fold(0, |all, bit| all | bit))
    }

    /// Whether the side that announced these understands `one`.
    #[must_use]
    pub const fn has(self, one: Capability) -> bool {
        self.0 >> one.bit() & 1 == 1
    }
}

impl ClientMessage {
    /// What a server must have announced before this is sent to it.
    #[must_use]
    pub const fn needs(&self) -> Option<Capability> {
        match self {
            Self::Archive(_) => Some(Capability::Archive),
            Self::Hide(_) => Some(Capability::Hide),
            Self::Register(_)
            | Self::RegisterConfirm(_)
            | Self::Login(_)
            | Self::LoginConfirm(_)
            | Self::Resume(_)
            | Self::Send(_)
            | Self::History(_)
            | Self::Follow(_)
            | Self::List(_)
            | Self::Whoami(_)
            | Self::Info(_)
            | Self::Ping(_)
            | Self::Pong(_)
            | Self::Bye(_)
            | Self::Rooms(_)
            | Self::Create(_)
            | Self::Join(_)
            | Self::Leave(_)
            | Self::SetTopic(_)
            | Self::Invite(_)
            | Self::Members(_)
            | Self::Direct(_)
            | Self::Read(_)
            | Self::Moderate(_)
            | Self::Lock(_)
            | Self::Whois(_)
            | Self::Ignore(_)
            | Self::Search(_)
            | Self::Sessions(_)
            | Self::LogOut(_)
            | Self::Password(_)
            | Self::PasswordConfirm(_)
            | Self::Factor(_)
            | Self::FactorConfirm(_) => None,
        }
    }
}

impl ErrorCode {
    /// The code to send to a client of these capabilities: one that it knows.
    #[must_use]
    pub const fn known_to(self, client: Capabilities) -> Self {
        match self {
            Self::Archived if !client.has(Capability::Archive) => Self::Locked,
            known => known,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_side_that_announces_nothing_has_nothing_and_unknown_bits_mean_nothing() {
        for one in Capability::ALL {
            assert!(Capabilities::own().has(one));
            assert!(!Capabilities::NONE.has(one));
        }
        let later = Capabilities(u64::MAX << Capability::ALL.len());
        assert!(!later.has(Capability::Archive));
        assert!(Capabilities(u64::MAX).has(Capability::Archive));
    }

    #[test]
    fn every_capability_has_a_bit_of_its_own() {
        let bits = Capabilities::own().0.count_ones();
        assert_eq!(usize::try_from(bits).unwrap(), Capability::ALL.len());
    }

    #[test]
    fn an_older_client_is_refused_with_a_code_that_it_knows() {
        let older = |code: ErrorCode| code.known_to(Capabilities::NONE);
        assert_eq!(older(ErrorCode::Archived), ErrorCode::Locked);
        assert_eq!(older(ErrorCode::Banned), ErrorCode::Banned);
        let own = Capabilities::own();
        assert_eq!(ErrorCode::Archived.known_to(own), ErrorCode::Archived);
    }
}
