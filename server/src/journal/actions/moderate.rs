//! What a moderator does to another user in a room. Each [`Measure`] stands in a file of its own;
//! here is the order they share: check, commit, audit, memory, and last the room's members.

mod ban;
mod kick;
mod measure;
mod mute;
mod op;

use chatbox_common::name::UserName;
use chatbox_common::wire::message::{
    AccountId, ErrorCode, RoomId, RoomRole, ServerMessage, Standing,
};

use self::measure::{Measure, StateBefore};
use super::request::{Failure, Rule, done, target};
use super::tell::{Removal, expel, tell_room};
use crate::audit::Line;
use crate::clock::stamp;
use crate::event::Person;
use crate::journal::job::{ModeratorAction, RoomRequest};
use crate::journal::room::{Refusal, UNKNOWN_ROOM};
use crate::journal::state::JournalState;
use crate::store::Sanction;

const NOT_ABOVE_THEM: Refusal = (
    ErrorCode::NotAllowed,
    "they may do as much here as you, or more",
);

const fn measure(action: ModeratorAction) -> &'static Measure {
    match action {
        ModeratorAction::Kick => &kick::KICK,
        ModeratorAction::Ban => &ban::BAN,
        ModeratorAction::Unban => &ban::UNBAN,
        ModeratorAction::Mute { .. } => &mute::MUTE,
        ModeratorAction::Unmute => &mute::UNMUTE,
        ModeratorAction::Op => &op::OP,
        ModeratorAction::Deop => &op::DEOP,
    }
}

pub(super) const fn rule(room: RoomId, action: ModeratorAction) -> Rule {
    let measure = measure(action);
    Rule::needing(measure.event, room, measure.need)
}

pub(super) struct Moderation<'a> {
    pub(super) room: RoomId,
    pub(super) user: &'a UserName,
    pub(super) action: ModeratorAction,
    pub(super) reason: &'a str,
}

pub(super) fn carry_out(
    state: &mut JournalState,
    who: &Person,
    request: &RoomRequest,
    moderation: &Moderation<'_>,
) -> Result<(), Failure> {
    let (id, reason) = (moderation.room, moderation.reason);
    let (measure, seconds) = (measure(moderation.action), moderation.action.seconds());
    let target = target(state, moderation.user)?;
    let room = state.rooms().get(id).ok_or(UNKNOWN_ROOM)?;
    let own = (who.is_admin, room.role_of(who)?);
    if target.account == who.account || own <= target.rank_in(room) {
        return Err(NOT_ABOVE_THEM.into());
    }
    let before = StateBefore::of(target.account, room);
    (measure.check)(&before)?;
    let now = stamp();
    let ends = seconds.map(|seconds| now.saturating_add(i64::from(seconds) * 1000));
    let sanction = Sanction {
        room: id,
        account: target.account,
        by: who.account,
        at: now,
        reason,
    };
    state.write(|tx| (measure.keep)(tx, &sanction, ends))?;
    let line = Line::of(measure.event).with("user", &target.user);
    let line = match seconds {
        Some(seconds) => line.with("seconds", seconds),
        None => line,
    };
    state.log(line.with_text("reason", reason), who, Some(id));
    if let Some(room) = state.rooms_mut().get_mut(id) {
        (measure.apply)(room, target.account, ends);
    }
    if measure.expels && before.role.is_some() {
        let removal = Removal {
            account: target.account,
            user: &target.user,
            action: measure.told,
            by: &who.user,
            reason,
            asked: None,
        };
        expel(state, id, &removal);
    } else {
        let standing = Standing {
            room: id,
            user: target.user.to_string(),
            action: measure.told,
            by: who.user.to_string(),
            reason: reason.to_owned(),
            role: role_in(state, id, target.account),
            seconds,
        };
        tell_room(state, id, &ServerMessage::Standing(standing), true);
    }
    done(state, request);
    Ok(())
}

fn role_in(state: &JournalState, room: RoomId, account: AccountId) -> RoomRole {
    let room = state.rooms().get(room);
    let member = room.and_then(|room| room.members.get(&account));
    member.map_or(RoomRole::Member, |member| member.role)
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::Action;

    use super::*;
    use crate::journal::room::RoomState;
    use crate::store::testing::{account, store};
    use crate::store::{Commit, LOBBY, Store};

    /// In an order in which each is possible after those before it.
    const ALL: [ModeratorAction; 8] = [
        ModeratorAction::Op,
        ModeratorAction::Deop,
        ModeratorAction::Mute { seconds: Some(60) },
        ModeratorAction::Unmute,
        ModeratorAction::Mute { seconds: None },
        ModeratorAction::Kick,
        ModeratorAction::Ban,
        ModeratorAction::Unban,
    ];
    const NOW: i64 = 5_000;

    fn read(store: &mut Store) -> RoomState {
        let room = store.transaction(Commit::Usual, |tx| RoomState::load(tx, LOBBY, NOW));
        room.unwrap().unwrap()
    }

    #[test]
    fn memory_is_changed_as_the_database_is_and_what_is_so_already_is_refused() {
        let (_directory, mut store) = store();
        let (alice, bob) = (account(&mut store, "alice"), account(&mut store, "bob"));
        let joined = store.transaction(Commit::Usual, |tx| {
            tx.join(LOBBY, bob, RoomRole::Member, 1, NOW)?;
            tx.invite(LOBBY, bob, alice, NOW)
        });
        joined.unwrap();
        let mut room = read(&mut store);
        assert!(room.invited.contains(&bob));
        for action in ALL {
            let measure = measure(action);
            assert_eq!(
                (measure.check)(&StateBefore::of(bob, &room)),
                Ok(()),
                "{action:?}"
            );
            let sanction = Sanction {
                room: LOBBY,
                account: bob,
                by: alice,
                at: NOW,
                reason: "",
            };
            let ends = action
                .seconds()
                .map(|seconds| NOW + i64::from(seconds) * 1000);
            let kept = store.transaction(Commit::Usual, |tx| (measure.keep)(tx, &sanction, ends));
            kept.unwrap();
            (measure.apply)(&mut room, bob, ends);
            if measure.expels {
                room.members.remove(&bob);
            }
            let anew = read(&mut store);
            let roles = |room: &RoomState| room.members.get(&bob).map(|member| member.role);
            assert_eq!(roles(&room), roles(&anew), "{action:?}");
            assert_eq!(room.banned, anew.banned, "{action:?}");
            assert_eq!(room.muted, anew.muted, "{action:?}");
            assert_eq!(room.invited, anew.invited, "{action:?}");
            let again = (measure.check)(&StateBefore::of(bob, &room));
            let can_be_repeated = matches!(action, ModeratorAction::Mute { .. });
            assert_eq!(again.is_ok(), can_be_repeated, "{action:?}");
        }
    }

    #[test]
    fn what_people_are_told_is_what_was_asked_for() {
        let told = ALL.map(|action| measure(action).told);
        assert_eq!(
            told,
            [
                Action::Op,
                Action::Deop,
                Action::Mute,
                Action::Unmute,
                Action::Mute,
                Action::Kick,
                Action::Ban,
                Action::Unban
            ]
        );
    }
}
