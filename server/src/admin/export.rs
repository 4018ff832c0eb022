//! Everything that there is of one account, as JSON lines, for the person whose it is.

use std::io::Write;

use anyhow::Context;
use chatbox_common::wire::message::Kind;
use serde_json::{Value, json};

use super::holder::Holder;
use super::listing::{PAGE, account_json, time};
use crate::clock::stamp;
use crate::connections::OnlineSession;
use crate::store::{AccountFacts, OwnMessage, Spelled};

/// Writes all of it. What the person has not made is in it where it concerns them: bans, mutes and
/// invitations, with the names of those who gave them. Secrets are not: a verifier, a TOTP secret and
/// hashes are the server's.
///
/// # Errors
/// The database's, and those of `out`.
pub fn write(
    facts: &AccountFacts,
    sessions: &[OnlineSession],
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let id = facts.line.id;
    let mut put = |object: &Value| writeln!(out, "{object}").context("the export can't be written");
    put(&account_json(facts, sessions))?;
    for object in small(facts, holder)? {
        put(&object)?;
    }
    let mut after = Vec::new();
    loop {
        let page = holder.read(|snapshot| snapshot.messages_of(id, &after, PAGE))?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.client_id.to_vec();
        for message in &page {
            put(&message_json(message))?;
        }
    }
}

/// All but the messages, of which alone there can be many.
fn small(facts: &AccountFacts, holder: &mut impl Holder) -> anyhow::Result<Vec<Value>> {
    let id = facts.line.id;
    let now = stamp();
    let (made, logins, ignores, sanctions) = holder.read(|snapshot| {
        Ok((
            snapshot.rooms_made_by(id)?,
            snapshot.logins_of(id, now)?,
            snapshot.ignores_of(id)?,
            snapshot.sanctions_of(id)?,
        ))
    })?;
    let rooms = facts.memberships.iter().map(|room| {
        json!({
            "type": "membership",
            "room": room.title.to_string(),
            "access": room.access.word(),
            "role": room.role.word(),
            "joined": time(room.joined_at),
            "read_to": room.read_seq,
            "hidden": room.is_hidden,
        })
    });
    let made = made
        .iter()
        .map(|title| json!({"type": "room_made", "room": title.to_string()}));
    let logins = logins
        .iter()
        .map(|end| json!({"type": "login", "expires": time(*end)}));
    let ignores = ignores
        .iter()
        .map(|(user, at)| json!({"type": "ignored", "user": user.as_str(), "since": time(*at)}));
    let sanctions = sanctions.iter().map(|one| {
        json!({
            "type": one.what,
            "room": one.room.to_string(),
            "user": one.user.as_str(),
            "by": one.made_by.as_str(),
            "time": time(one.made_at),
            "ends": one.ends_at.and_then(time),
            "reason": one.reason,
        })
    });
    Ok(rooms
        .chain(made)
        .chain(logins)
        .chain(ignores)
        .chain(sanctions)
        .collect())
}

fn message_json(message: &OwnMessage) -> Value {
    json!({
        "type": "message",
        "room": message.room.to_string(),
        "seq": message.seq,
        "time": time(message.time),
        "kind": match message.kind {
            Kind::Action => "action",
            Kind::Text => "text",
        },
        "text": String::from_utf8_lossy(&message.body),
    })
}
