//! What members of a room do to each other.

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{Action, ErrorCode, RoomId, ServerMessage, Standing};

use super::super::job::RoomRequest;
use super::super::room::{Refusal, UNKNOWN_ROOM};
use super::super::state::State;
use super::tell::{expel, tell_room};
use super::{Failure, TargetUser, done, target};
use crate::audit::Line;
use crate::clock::stamp;
use crate::event::Person;
use crate::store::{self, AccountId, RoomRole, Sanction, StoreError};

const NOT_THERE: Refusal = (ErrorCode::InvalidArgument, "they are not in this room");
const NOTHING_TO_DO: Refusal = (ErrorCode::InvalidArgument, "that is so already");
const NOT_TO_ANOTHER: Refusal = (ErrorCode::InvalidArgument, "nobody can do that to another");
const NOT_ABOVE_THEM: Refusal = (
    ErrorCode::NotAllowed,
    "they may do as much here as you, or more",
);

/// How somebody stands in a room before a room action.
struct StateBefore {
    /// What they may do there, if they belong to it.
    role: Option<RoomRole>,
    is_banned: bool,
    is_muted: bool,
}

impl StateBefore {
    /// Whether a room action would change anything.
    ///
    /// # Errors
    /// With the refusal.
    fn admits(&self, action: Action) -> Result<(), Refusal> {
        let is_there = self.role.is_some();
        match action {
            Action::Kick | Action::Op | Action::Deop if !is_there => Err(NOT_THERE),
            Action::Ban if self.is_banned => Err(NOTHING_TO_DO),
            Action::Unban if !self.is_banned => Err(NOTHING_TO_DO),
            Action::Unmute if !self.is_muted => Err(NOTHING_TO_DO),
            Action::Op if self.role >= Some(RoomRole::Moderator) => Err(NOTHING_TO_DO),
            Action::Deop if self.role != Some(RoomRole::Moderator) => Err(NOTHING_TO_DO),
            Action::Join | Action::Leave => Err(NOT_TO_ANOTHER),
            _ => Ok(()),
        }
    }
}

#[expect(clippy::too_many_arguments, reason = "the fields of one request")]
pub(super) fn moderate(
    state: &mut State,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    user: &UserName,
    action: Action,
    seconds: Option<u32>,
    reason: &str,
) -> Result<(), Failure> {
    let target = target(state, user)?;
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    let own = (who.is_admin, room.role_of(who)?);
    if target.account == who.account || own <= target.rank_in(room) {
        return Err(NOT_ABOVE_THEM.into());
    }
    let theirs = room.members.get(&target.account).map(|member| member.role);
    let before = StateBefore {
        role: theirs,
        is_banned: room.banned.contains(&target.account),
        is_muted: room.muted.contains_key(&target.account),
    };
    before.admits(action)?;
    let now = stamp();
    let ends = seconds.map(|seconds| now.saturating_add(i64::from(seconds) * 1000));
    let sanction = Sanction {
        room: store::RoomId(id),
        account: AccountId(target.account),
        by: AccountId(who.account),
        at: now,
        reason,
    };
    keep(state, action, &sanction, ends)?;
    log_sanction(state, who, request, id, &target, seconds, reason);
    apply(state, id, target.account, action, ends);
    if matches!(action, Action::Kick | Action::Ban) && theirs.is_some() {
        let (account, user) = (target.account, &target.user);
        expel(state, id, account, user, action, &who.user, reason, None);
    } else {
        let role = state.rooms().get(id).and_then(|room| {
            let member = room.members.get(&target.account)?;
            Some(member.role)
        });
        let standing = Standing {
            room: id,
            user: target.user.to_string(),
            action,
            by: who.user.to_string(),
            reason: reason.to_owned(),
            role: role.unwrap_or(RoomRole::Member).into(),
            seconds,
        };
        tell_room(state, id, &ServerMessage::Standing(standing), true);
    }
    done(state, request);
    Ok(())
}

fn keep(
    state: &mut State,
    action: Action,
    sanction: &Sanction<'_>,
    ends: Option<i64>,
) -> Result<(), StoreError> {
    let (room, account) = (sanction.room, sanction.account);
    state.write(|tx| match action {
        Action::Kick => tx.leave(room, account).map(|_| ()),
        Action::Ban => tx.ban(sanction),
        Action::Unban => tx.unban(room, account).map(|_| ()),
        Action::Mute => tx.mute(sanction, ends),
        Action::Unmute => tx.unmute(room, account).map(|_| ()),
        Action::Op => tx.set_room_role(room, account, RoomRole::Moderator),
        Action::Deop => tx.set_room_role(room, account, RoomRole::Member),
        Action::Join | Action::Leave => Ok(()),
    })
}

fn log_sanction(
    state: &State,
    who: &Person,
    request: &RoomRequest,
    id: RoomId,
    target: &TargetUser,
    seconds: Option<u32>,
    reason: &str,
) {
    let mut line = Line::info(request.action.word()).with("user", &target.user);
    if let Some(seconds) = seconds {
        line = line.with("seconds", seconds);
    }
    state.log(line.with_text("reason", reason), who, Some(id));
}

/// What a room action has changed of a room in memory, memberships apart.
fn apply(state: &mut State, id: RoomId, account: u64, action: Action, ends: Option<i64>) {
    let Some(room) = state.rooms_mut().get_mut(id) else {
        return;
    };
    match action {
        Action::Ban => {
            room.banned.insert(account);
            room.invited.remove(&account);
        }
        Action::Unban => {
            room.banned.remove(&account);
        }
        Action::Mute => {
            room.muted.insert(account, ends);
        }
        Action::Unmute => {
            room.muted.remove(&account);
        }
        Action::Op | Action::Deop => {
            if let Some(member) = room.members.get_mut(&account) {
                member.role = if action == Action::Op {
                    RoomRole::Moderator
                } else {
                    RoomRole::Member
                };
            }
        }
        Action::Join | Action::Leave | Action::Kick => {}
    }
}
