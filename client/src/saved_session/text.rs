//! A saved session as text: six lines behind one that names the format.
//! ```text
//! chatbox-session 1
//! server chat.example:7878
//! user alice
//! fingerprint SHA256:...
//! until 1795350896
//! id <Base64 of 16 bytes>
//! token <Base64 of 32 bytes>
//! ```
//!
//! Nothing else is understood: no line may be missing, doubled, or in another place.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use zeroize::Zeroizing;

use crate::address::ServerAddress;
use crate::session::Ticket;

/// In bytes; a file of this program is shorter.
pub(super) const MAX_FILE: usize = 1024;

const HEAD: &str = "chatbox-session 1";
/// The longest life of a login (docs/PROTOCOL.md, 12): a clock that was set back does not extend
/// it.
const MAX_LIFE: Duration = Duration::from_secs(12 * 60 * 60);
/// Characters of 32 bytes in Base64.
const TOKEN_TEXT: usize = 43;

pub(super) struct SavedTicket {
    pub(super) server: ServerAddress,
    pub(super) user: UserName,
    pub(super) fingerprint: Fingerprint,
    /// Seconds since 1970-01-01 UTC.
    pub(super) until: u64,
    pub(super) token: ResumeToken,
}

/// In seconds since 1970-01-01 UTC.
pub(super) fn seconds(moment: SystemTime) -> u64 {
    let since = moment.duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_secs())
}

impl SavedTicket {
    pub(super) fn parse(bytes: &[u8]) -> Option<Self> {
        let text = str::from_utf8(bytes).ok()?.strip_suffix('\n')?;
        let mut lines = text.split('\n');
        let mut value = |key: &str| lines.next()?.strip_prefix(key)?.strip_prefix(' ');
        value(HEAD.split_once(' ')?.0).filter(|version| *version == "1")?;
        let entry = Self {
            server: ServerAddress::parse(value("server")?).ok()?,
            user: UserName::parse(value("user")?).ok()?,
            fingerprint: Fingerprint::parse(value("fingerprint")?).ok()?,
            until: value("until")?.parse().ok()?,
            token: ResumeToken {
                id: *decoded::<16>(value("id")?)?.expose(),
                token: decoded(value("token")?)?,
            },
        };
        lines.next().is_none().then_some(entry)
    }

    /// The buffer is long enough from the beginning: growing would leave copies behind, unwiped.
    pub(super) fn write(&self) -> Zeroizing<String> {
        let mut text = Zeroizing::new(String::with_capacity(MAX_FILE));
        let lines = [
            HEAD.to_owned(),
            format!("server {}", self.server),
            format!("user {}", self.user),
            format!("fingerprint {}", self.fingerprint),
            format!("until {}", self.until),
            format!("id {}", STANDARD_NO_PAD.encode(self.token.id)),
        ];
        for line in lines {
            text.push_str(&line);
            text.push('\n');
        }
        let mut token = Zeroizing::new([0; TOKEN_TEXT]);
        // There is room for 32 bytes.
        let encoded = STANDARD_NO_PAD.encode_slice(self.token.token.expose(), token.as_mut_slice());
        let token = encoded.ok().and_then(|length| token.get(..length));
        text.push_str("token ");
        text.push_str(token.map_or("", |token| str::from_utf8(token).unwrap_or_default()));
        text.push('\n');
        text
    }

    /// `None` when its time has passed.
    pub(super) fn ticket(self, now: SystemTime) -> Option<Ticket> {
        let left = self.until.checked_sub(seconds(now))?;
        let left = Duration::from_secs(left).min(MAX_LIFE);
        let ticket = Ticket::from_parts(self.token, left, self.fingerprint);
        (!left.is_zero()).then_some(ticket)
    }
}

fn decoded<const N: usize>(text: &str) -> Option<Secret<N>> {
    let mut length = None;
    let secret = Secret::fill_with(|bytes| {
        length = STANDARD_NO_PAD.decode_slice(text, bytes).ok();
    });
    (length == Some(N)).then_some(secret)
}
