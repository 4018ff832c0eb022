//! Pages of messages, rooms, members and profiles, as far as the asker may see them.

use chatbox_common::limits::PAGE_BYTES;
use chatbox_common::name::UserName;
use chatbox_common::wire::codec;
use chatbox_common::wire::message::{
    self, AccountId, Chat, History, Member, MemberList, Members, Page, Profile, RoomId, RoomList,
    RoomSummary, Rooms, ServerMessage,
};

use crate::clock::stamp;
use crate::store::{self, Message, Snapshot, StoreError, first_readable};

/// `None` for a room that does not exist, and the same for one that the asker is not in.
pub(super) fn history(
    snapshot: &Snapshot<'_>,
    account: AccountId,
    asked: &History,
) -> Result<Option<ServerMessage>, StoreError> {
    let id = asked.room;
    let Some(member) = snapshot.membership(id, account)? else {
        return Ok(None);
    };
    let Some(room) = snapshot.room_by_id(id)? else {
        return Ok(None);
    };
    let first = first_readable(room.access, room.heads.first_kept, member.joined_seq);
    let mut page = if let Some(after) = asked.after {
        let after = after.max(first.saturating_sub(1));
        snapshot.page_after(id, after, asked.limit, PAGE_BYTES)?
    } else {
        let before = match asked.before_time {
            Some(time) => {
                let time = i64::try_from(time).unwrap_or(i64::MAX);
                snapshot.seq_at(id, first, room.heads.head, time)?
            }
            None => asked.before.unwrap_or(u64::MAX),
        };
        snapshot.page_before(id, before, asked.limit, PAGE_BYTES)?
    };
    if page
        .messages
        .first()
        .is_some_and(|oldest| oldest.seq <= first)
    {
        page.messages.retain(|message| message.seq >= first);
        page.more &= asked.after.is_some();
    }
    let messages = page.messages.iter();
    let messages = messages.map(|message| chat(id, message));
    Ok(Some(ServerMessage::Page(Page {
        request: asked.request,
        room: id,
        messages: messages.collect(),
        more: page.more,
        first,
    })))
}

pub(super) fn rooms(
    snapshot: &Snapshot<'_>,
    account: AccountId,
    asked: &Rooms,
) -> Result<ServerMessage, StoreError> {
    let after = asked.after.as_deref().unwrap_or_default();
    let mut rooms = snapshot.rooms_seen_by(account, after, asked.limit)?;
    let all = rooms.len();
    rooms.truncate(usize::try_from(asked.limit).unwrap_or(usize::MAX));
    let mut left = PAGE_BYTES;
    let summaries = rooms.into_iter().map(|room| RoomSummary {
        name: room.title.to_string(),
        topic: room.topic,
        mode: room.mode,
        access: room.access,
        members: u32::try_from(room.members).unwrap_or(u32::MAX),
        room: room.is_member.then_some(room.id),
    });
    let fitting = summaries.take_while(|summary| {
        let weight = codec::length(summary);
        let fits = weight <= left;
        left = left.saturating_sub(weight);
        fits
    });
    let rooms: Vec<_> = fitting.collect();
    Ok(ServerMessage::RoomList(RoomList {
        request: asked.request,
        more: rooms.len() < all,
        rooms,
    }))
}

pub(super) fn members(
    snapshot: &Snapshot<'_>,
    account: AccountId,
    asked: &Members,
) -> Result<Option<ServerMessage>, StoreError> {
    if snapshot.membership(asked.room, account)?.is_none() {
        return Ok(None);
    }
    let after = asked.after.as_deref().unwrap_or_default();
    let now = stamp();
    let mut members = snapshot.member_lines(asked.room, after, asked.limit, now)?;
    let limit = usize::try_from(asked.limit).unwrap_or(usize::MAX);
    let more = members.len() > limit;
    members.truncate(limit);
    let members = members.into_iter().map(|member| Member {
        user: member.user.to_string(),
        role: member.role,
        muted: member.muted,
    });
    Ok(Some(ServerMessage::MemberList(MemberList {
        request: asked.request,
        room: asked.room,
        members: members.collect(),
        more,
    })))
}

/// `None` for a name without an account. A disabled account is shown like others.
pub(super) fn profile(
    snapshot: &Snapshot<'_>,
    request: message::RequestId,
    user: &UserName,
    online_since: Option<u64>,
) -> Result<Option<ServerMessage>, StoreError> {
    let milliseconds = |time: i64| u64::try_from(time).unwrap_or(0);
    let found = snapshot.account_line(user)?;
    Ok(found.map(|account| {
        ServerMessage::Profile(Profile {
            request,
            user: account.user.to_string(),
            is_admin: account.role == store::Role::Admin,
            online_since,
            last_login: account.last_login_at.map(milliseconds),
            registered: milliseconds(account.created_at),
        })
    }))
}

pub(super) fn chat(room: RoomId, message: &Message) -> Chat {
    Chat {
        room,
        seq: message.seq,
        account: message.sender,
        user: message.sender_name.as_str().to_owned(),
        time: u64::try_from(message.time).unwrap_or(0),
        text: String::from_utf8_lossy(&message.body).into_owned(),
        kind: message.kind,
    }
}
