//! A room as the journal has it in memory: who belongs to it, and what each may do there.
//!
//! Read whole when a member comes online or a request must be judged by it, and changed after each
//! commit that changes it. Nothing here writes to the database.

use std::collections::{HashMap, HashSet};

use chatbox_common::wire::message::{
    self, Access, AccountId, ErrorCode, RoomId, RoomMode, RoomRole, Seq,
};

use crate::event::Person;
use crate::store::{self, RoomSetting, Snapshot, StoreError, Title, first_readable};

/// The code, and the sentence for the person.
pub(super) type Refusal = (ErrorCode, &'static str);

/// The answer is the same for a room that does not exist and for one that the person may not know
/// of: hidden rooms can't be found by trying.
pub(super) const UNKNOWN_ROOM: Refusal = (ErrorCode::UnknownRoom, "there is no such room");
pub(super) const NOT_MEMBER: Refusal = (ErrorCode::NotMember, "you are not in this room");
const NOT_ALLOWED: Refusal = (ErrorCode::NotAllowed, "you may not do that here");
const MUTED: Refusal = (ErrorCode::Muted, "you may read here, and not write for now");
pub(super) const ARCHIVED: Refusal = (
    ErrorCode::Archived,
    "this room is archived; it can be read, and nothing more",
);
/// Of those that one has begun, as many as there may be are in one's list.
pub(super) const TOO_MANY_CONVERSATIONS: Refusal = (
    ErrorCode::TooManyRooms,
    "you have begun as many conversations as one may have in one's list; hide one that is over",
);
const LOCKED: Refusal = (ErrorCode::Locked, "only moderators may write here for now");

pub(super) struct RoomState {
    pub(super) title: Title,
    /// The title as chat.log has it, formatted once.
    pub(super) called: String,
    pub(super) topic: String,
    pub(super) mode: RoomMode,
    pub(super) access: Access,
    pub(super) locked: Option<String>,
    /// Why it is only read from now on; `None` of an open room.
    pub(super) archived: Option<String>,
    /// The owner whenever a member; `None` for the lobby.
    pub(super) made_by: Option<AccountId>,
    pub(super) first: Seq,
    pub(super) head: Seq,
    /// Its head in the history that this one continues.
    pub(super) kept: Option<Seq>,
    pub(super) members: HashMap<AccountId, Member>,
    pub(super) invited: HashSet<AccountId>,
    pub(super) banned: HashSet<AccountId>,
    /// Until when, in milliseconds since 1970; `None` is until a moderator ends it.
    pub(super) muted: HashMap<AccountId, Option<i64>>,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Member {
    pub(super) role: RoomRole,
    /// Messages from this number on were sent after they had joined.
    pub(super) joined: Seq,
    /// Of the last message they have read.
    pub(super) read: Seq,
    /// They don't have it in their list until somebody speaks: none of their sessions is told what
    /// happens there.
    pub(super) hidden: bool,
}

impl RoomState {
    /// Leaves out mutes that have ended by `now`, in milliseconds since 1970.
    pub(super) fn load(
        snapshot: &Snapshot<'_>,
        id: RoomId,
        now: i64,
    ) -> Result<Option<Self>, StoreError> {
        let Some(room) = snapshot.room_by_id(id)? else {
            return Ok(None);
        };
        let members = snapshot.members_of(id)?.into_iter();
        let mut read = Self {
            members: members
                .map(|member| (member.account, Member::from(member)))
                .collect(),
            ..Self::empty(room)
        };
        // In a room of two nobody does anything of that to the other, and one may be in hundreds.
        if read.access != Access::Direct {
            read.invited = snapshot.invited_to(id)?.into_iter().collect();
            read.banned = snapshot.banned_from(id)?.into_iter().collect();
            read.muted = snapshot.muted_in(id, now)?.into_iter().collect();
        }
        Ok(Some(read))
    }

    /// Without members, invitations, bans and mutes.
    pub(super) fn empty(room: store::RoomRow) -> Self {
        Self {
            called: room.title.to_string(),
            title: room.title,
            topic: room.topic,
            mode: room.mode,
            access: room.access,
            locked: room.locked,
            archived: room.archived,
            made_by: room.made_by,
            first: room.heads.first_kept,
            head: room.heads.head,
            kept: room.heads.kept,
            members: HashMap::new(),
            invited: HashSet::new(),
            banned: HashSet::new(),
            muted: HashMap::new(),
        }
    }

    /// Whether a person may know that it exists.
    pub(super) fn is_seen_by(&self, account: AccountId) -> bool {
        let is_open = self.access == Access::Open || self.made_by == Some(account);
        is_open || self.members.contains_key(&account) || self.invited.contains(&account)
    }

    /// The role that an account has as a member, whether or not it is one just now.
    pub(super) fn standing_of(&self, account: AccountId) -> RoomRole {
        if self.made_by == Some(account) && self.access != Access::Direct {
            return RoomRole::Owner;
        }
        let member = self.members.get(&account);
        member.map_or(RoomRole::Member, |member| member.role)
    }

    /// For an account that is no member, as if it joined now.
    pub(super) fn readable_from(&self, account: AccountId) -> Seq {
        let member = self.members.get(&account);
        let joined = member.map_or(self.head + 1, |member| member.joined);
        first_readable(self.access, self.first, joined)
    }

    /// An administrator has the owner's role in every room that they may know of, rooms of two
    /// apart, without being a member.
    pub(super) fn role_of(&self, who: &Person) -> Result<RoomRole, Refusal> {
        if !self.is_seen_by(who.account) {
            return Err(UNKNOWN_ROOM);
        }
        match self.members.get(&who.account) {
            _ if who.is_admin && self.access != Access::Direct => Ok(RoomRole::Owner),
            Some(member) => Ok(member.role),
            None => Err(NOT_MEMBER),
        }
    }

    /// The members who don't have it in their list. Asked with every message: nobody looks for them
    /// among the many of a room that is not hidden.
    pub(super) fn hidden_from(&self) -> impl Iterator<Item = AccountId> {
        let is_of_two = self.access == Access::Direct;
        let members = is_of_two.then_some(&self.members).into_iter().flatten();
        let hidden = members.filter(|(_, member)| member.hidden);
        hidden.map(|(&account, _)| account)
    }

    pub(super) fn is_hidden_from(&self, account: AccountId) -> bool {
        let member = self.members.get(&account);
        member.is_some_and(|member| member.hidden)
    }

    /// Whether it takes one of the places of those that this account has begun as soon as it is in
    /// their list.
    pub(super) fn needs_place_of(&self, account: AccountId) -> bool {
        self.made_by == Some(account) && self.is_hidden_from(account)
    }

    pub(super) const fn is_archived(&self) -> bool {
        self.archived.is_some()
    }

    /// In a room of two, everything that needs more than [`RoomRole::Member`] is refused.
    pub(super) fn require(&self, who: &Person, needed: RoomRole) -> Result<RoomRole, Refusal> {
        let role = self.role_of(who)?;
        if role < needed || (self.access == Access::Direct && needed > RoomRole::Member) {
            return Err(NOT_ALLOWED);
        }
        Ok(role)
    }

    /// An administrator may write in spite of a mute or a lock, but only as a member, and nobody in an
    /// archived room.
    pub(super) fn may_write(&self, who: &Person, now: i64) -> Result<(), Refusal> {
        if !self.is_seen_by(who.account) {
            return Err(UNKNOWN_ROOM);
        }
        let member = self.members.get(&who.account).ok_or(NOT_MEMBER)?;
        if self.archived.is_some() {
            Err(ARCHIVED)
        } else if who.is_admin {
            Ok(())
        } else if self.is_muted(who.account, now) {
            Err(MUTED)
        } else if self.locked.is_some() && member.role < RoomRole::Moderator {
            Err(LOCKED)
        } else {
            Ok(())
        }
    }

    pub(super) fn is_muted(&self, account: AccountId, now: i64) -> bool {
        let end = self.muted.get(&account);
        end.is_some_and(|end| end.is_none_or(|end| end > now))
    }

    pub(super) fn set(&mut self, setting: RoomSetting) {
        match setting {
            RoomSetting::Topic(topic) => self.topic = topic,
            RoomSetting::Locked(reason) => self.locked = reason,
            RoomSetting::Archived(reason) => self.archived = reason,
        }
    }

    /// The message that tells its members what `by` has made of it.
    pub(super) fn changed(&self, id: RoomId, by: &str) -> message::RoomChanged {
        message::RoomChanged {
            room: id,
            topic: self.topic.clone(),
            locked: self.locked_as_shown(),
            archived: self.archived.clone(),
            by: by.to_owned(),
        }
    }

    /// Clients that know of no archive show it as locked.
    fn locked_as_shown(&self) -> Option<String> {
        self.locked.clone().or_else(|| self.archived.clone())
    }

    /// As this member sees it, where so many are online: a room of two is called after the other
    /// one.
    pub(super) fn describe(&self, id: RoomId, who: &Person, online: u32) -> message::Room {
        let member = self.members.get(&who.account);
        message::Room {
            room: id,
            name: self.title.seen_by(&who.user),
            topic: self.topic.clone(),
            mode: self.mode,
            first: self.readable_from(who.account),
            head: self.head,
            online,
            access: self.access,
            role: member.map_or(RoomRole::Member, |member| member.role),
            read: member.map_or(0, |member| member.read),
            locked: self.locked_as_shown(),
            archived: self.archived.clone(),
            kept: self.kept,
        }
    }
}

impl From<store::Membership> for Member {
    fn from(member: store::Membership) -> Self {
        Self {
            role: member.role,
            joined: member.joined_seq,
            read: member.read_seq,
            hidden: member.hidden,
        }
    }
}
