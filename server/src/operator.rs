//! What the operator does with accounts and rooms: each act is one transaction and its line in the
//! audit, whoever holds the database. The journal carries it out beside a running server, the command
//! itself (`admin`) on a stopped one.

use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::wire::message::{AccountId, RoomId};
use chatbox_common::wire::session::SessionNumber;

use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::event::{Person, SessionId};
use crate::store::{
    Account, LOBBY, RecoveryHash, Role, RoomSetting, Spelled, Status, StoreError, Title, TokenId,
    Tx,
};
use crate::totp_seal::SealingKey;

/// Who gave a command, as the operating system knows them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Operator {
    pub uid: u32,
    pub gid: u32,
    pub pid: i32,
}

impl Operator {
    /// Whoever runs this process.
    #[must_use]
    pub fn of_process() -> Self {
        Self {
            uid: rustix::process::getuid().as_raw(),
            gid: rustix::process::getgid().as_raw(),
            pid: rustix::process::getpid().as_raw_pid(),
        }
    }

    /// A line that begins with who it was; `what` adds what was done.
    #[must_use]
    pub fn line(&self, event: &'static AuditEvent, what: impl FnOnce(Line) -> Line) -> Line {
        let line = Line::of(event).with("by", "operator");
        self.process(what(line.with("uid", self.uid)))
    }

    /// As [`Operator::line`], for events that members cause as well: who it was comes last.
    #[must_use]
    pub fn sign(&self, line: Line) -> Line {
        self.process(line.with("by", "operator").with("uid", self.uid))
    }

    fn process(&self, line: Line) -> Line {
        line.with("gid", self.gid).with("pid", self.pid)
    }
}

/// Another second factor, of which the database keeps the secret sealed and hashes of the codes.
pub struct NewFactor {
    pub totp: TotpSecret,
    pub recovery: Vec<RecoveryHash>,
}

pub enum OperatorAction {
    SetStatus(UserName, Status),
    SetRole(UserName, Role),
    /// Takes back all resume tokens.
    LogOut(UserName),
    ReplaceFactor(UserName, NewFactor),
    /// Ends a session of a running server, and the login that it continues: nothing resumes it, and
    /// other sessions of this login end as well.
    EndSession(SessionId),
    /// With a reason the room is only read from now on; without one it is opened again, if there is
    /// a place for it. How many rooms its maker may have is no matter of the operator's.
    Archive(RoomName, Option<String>),
}

/// What an act is judged by, besides the database.
pub struct Context<'a> {
    pub operator: Operator,
    /// `None` where no act of this kind comes: [`OperatorAction::ReplaceFactor`] needs it.
    pub seal: Option<&'a SealingKey>,
    /// How many rooms there may be.
    pub rooms: u64,
    /// What [`OperatorAction::EndSession`] names; `None` where there is no such session.
    pub session: Option<(Person, TokenId)>,
}

/// Why nothing was done: a sentence for the operator.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OperatorRefusal {
    #[error("no such user: {0}")]
    NoSuchUser(UserName),
    #[error("no such session: {0}")]
    NoSuchSession(SessionNumber),
    #[error("no such room: {0}")]
    NoSuchRoom(RoomName),
    #[error("the lobby can't be archived")]
    Lobby,
    #[error("{0} is archived already")]
    ArchivedAlready(Title),
    #[error("{0} is not archived")]
    NotArchived(Title),
    #[error("there are as many rooms as there may be ([limits] rooms = {0})")]
    NoPlace(u64),
}

/// What must become true in the memory of a running server.
#[derive(Debug, PartialEq, Eq)]
pub enum Effect {
    Nothing,
    /// No session of this account may go on.
    EndSessions(AccountId),
    /// Every session that has one of these tokens.
    EndLogin(Vec<TokenId>),
    SetRole(AccountId, Role),
    SetRoom(RoomId, RoomSetting),
}

#[derive(Debug)]
pub struct Done {
    /// The account or room as the database spells it.
    pub name: String,
    /// For the audit, once it is committed.
    pub line: Line,
    pub effect: Effect,
}

/// Carries out one act in its transaction. Where it is refused nothing was changed.
///
/// # Errors
/// SQLite's.
pub fn carry_out(
    tx: &Tx<'_>,
    action: &OperatorAction,
    context: &Context<'_>,
) -> Result<Result<Done, OperatorRefusal>, StoreError> {
    match action {
        OperatorAction::SetStatus(user, status) => of_account(tx, user, context, |account| {
            tx.set_status(account.id, *status)?;
            Ok(match status {
                Status::Disabled => (
                    &events::USER_DISABLED,
                    Detail::None,
                    Effect::EndSessions(account.id),
                ),
                Status::Active => (&events::USER_ENABLED, Detail::None, Effect::Nothing),
            })
        }),
        OperatorAction::SetRole(user, role) => of_account(tx, user, context, |account| {
            tx.set_role(account.id, *role)?;
            let effect = Effect::SetRole(account.id, *role);
            Ok((&events::ROLE_SET, Detail::Role(*role), effect))
        }),
        OperatorAction::LogOut(user) => of_account(tx, user, context, |account| {
            let tokens = tx.revoke_resume(account.id)?;
            let effect = Effect::EndSessions(account.id);
            Ok((&events::USER_LOGGED_OUT, Detail::Tokens(tokens), effect))
        }),
        OperatorAction::ReplaceFactor(user, factor) => of_account(tx, user, context, |account| {
            let seal = context.seal.ok_or(StoreError::Missing)?;
            let sealed = seal.seal(account.id, factor.totp.bytes());
            let sealed = sealed.map_err(|_| StoreError::Missing)?;
            tx.replace_second_factor(account.id, &sealed, 0, &factor.recovery)?;
            let effect = Effect::EndSessions(account.id);
            Ok((&events::SECOND_FACTOR_RESET, Detail::None, effect))
        }),
        OperatorAction::EndSession(session) => end_session(tx, *session, context),
        OperatorAction::Archive(room, reason) => archive(tx, room, reason.as_deref(), context),
    }
}

/// What stands in the line besides the account.
enum Detail {
    None,
    Role(Role),
    Tokens(usize),
}

type OfAccount = (&'static AuditEvent, Detail, Effect);

fn of_account(
    tx: &Tx<'_>,
    user: &UserName,
    context: &Context<'_>,
    change: impl FnOnce(&Account) -> Result<OfAccount, StoreError>,
) -> Result<Result<Done, OperatorRefusal>, StoreError> {
    let Some(account) = tx.account(user)? else {
        return Ok(Err(OperatorRefusal::NoSuchUser(user.clone())));
    };
    let (event, detail, effect) = change(&account)?;
    let line = context.operator.line(event, |line| {
        let line = line.with("user", &account.user).with("account", account.id);
        match detail {
            Detail::None => line,
            Detail::Role(role) => line.with("role", role.word()),
            Detail::Tokens(tokens) => line.with("tokens", tokens),
        }
    });
    Ok(Ok(Done {
        name: account.user.to_string(),
        line,
        effect,
    }))
}

fn end_session(
    tx: &Tx<'_>,
    session: SessionId,
    context: &Context<'_>,
) -> Result<Result<Done, OperatorRefusal>, StoreError> {
    let number = SessionNumber(session);
    let Some((person, token)) = &context.session else {
        return Ok(Err(OperatorRefusal::NoSuchSession(number)));
    };
    let mut tokens = tx.end_login(token)?;
    // It may have expired.
    tokens.push(*token);
    let line = context.operator.line(&events::SESSION_KICKED, |line| {
        line.with("user", &person.user)
            .with("account", person.account)
            .with("session", number)
    });
    Ok(Ok(Done {
        name: person.user.to_string(),
        line,
        effect: Effect::EndLogin(tokens),
    }))
}

fn archive(
    tx: &Tx<'_>,
    name: &RoomName,
    reason: Option<&str>,
    context: &Context<'_>,
) -> Result<Result<Done, OperatorRefusal>, StoreError> {
    let Some(room) = tx.room_titled(&Title::Room(name.clone()))? else {
        return Ok(Err(OperatorRefusal::NoSuchRoom(name.clone())));
    };
    if room.id == LOBBY {
        return Ok(Err(OperatorRefusal::Lobby));
    }
    match (&room.archived, reason) {
        (Some(_), Some(_)) => return Ok(Err(OperatorRefusal::ArchivedAlready(room.title))),
        (None, None) => return Ok(Err(OperatorRefusal::NotArchived(room.title))),
        _ => {}
    }
    if reason.is_none() && tx.count_rooms()? >= context.rooms {
        return Ok(Err(OperatorRefusal::NoPlace(context.rooms)));
    }
    let setting = RoomSetting::Archived(reason.map(str::to_owned));
    tx.set(room.id, &setting)?;
    let line = match reason {
        Some(reason) => Line::of(&events::ROOM_ARCHIVED).with_text("reason", reason),
        None => Line::of(&events::ROOM_REOPENED),
    };
    Ok(Ok(Done {
        name: room.title.to_string(),
        line: context.operator.sign(line.with("room", &room.title)),
        effect: Effect::SetRoom(room.id, setting),
    }))
}
