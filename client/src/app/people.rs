//! People: who they are, who comes and goes, and whom one does not want to see.

use chatbox_common::wire::message::{
    Access, Action, ClientMessage, Ignore, Ignoring, Invited, Presence, Room, Standing,
};

use super::rooms::because;
use super::{App, Asked, UNANSWERED};
use crate::complete;
use crate::model::Event as Told;
use crate::stop::Stop;
use crate::ui::plain::name;

impl App {
    pub(super) fn ignore(&mut self, user: String, ignored: bool) {
        self.order(Asked::Room, |request| {
            ClientMessage::Ignore(Ignore {
                request,
                user,
                ignored,
            })
        });
    }

    pub(super) fn show_ignored(&mut self) -> Result<(), Stop> {
        let names: Vec<String> = self.model.ignored().map(name).collect();
        let sentence = if names.is_empty() {
            "you ignore nobody".to_owned()
        } else {
            format!("you ignore {}", names.join(", "))
        };
        Ok(self.face.notice(&sentence)?)
    }

    pub(super) fn ignoring(&mut self, ignoring: Ignoring) -> Result<(), Stop> {
        let request = ignoring.request.unwrap_or(UNANSWERED);
        self.asked.remove(&request);
        self.outgoing.answered(request);
        let user = name(&ignoring.user);
        let sentence = if ignoring.ignored {
            format!("you ignore {user} from now on")
        } else {
            format!("you no longer ignore {user}")
        };
        self.face.notice(&sentence)?;
        self.tell_model(Told::Ignoring(ignoring))
    }

    /// What to say behind a sentence about a name that is not known: which one was meant.
    pub(super) fn meant(&self, name: &str) -> String {
        match complete::meant(&self.model, self.here(), name) {
            Some(meant) => format!("; did you mean {meant}?"),
            None => String::new(),
        }
    }

    pub(super) fn show_presence(&mut self, presence: &Presence) -> Result<(), Stop> {
        let room = name(self.model.room_name(presence.room));
        if room.starts_with('@') {
            // The lobby has told it.
            return Ok(());
        }
        let online = presence.online;
        for (people, did) in [(&presence.joined, "came"), (&presence.left, "went")] {
            let names: Vec<String> = people.iter().map(|who| name(who)).collect();
            if !names.is_empty() {
                let names = names.join(", ");
                let sentence = format!("{names} {did}; {online} online in {room}");
                self.face.notice(&sentence)?;
            }
        }
        Ok(())
    }

    pub(super) fn show_standing(&mut self, standing: &Standing) -> Result<(), Stop> {
        let room = name(self.model.room_name(standing.room));
        let (user, by) = (name(&standing.user), name(&standing.by));
        let why = because(&standing.reason);
        let span = standing
            .seconds
            .map_or(String::new(), |seconds| format!(" for {seconds} s"));
        let sentence = match standing.action {
            Action::Join => format!("{user} joined {room}"),
            Action::Leave => format!("{user} left {room}"),
            Action::Kick => format!("{by} sent {user} out of {room}{why}"),
            Action::Ban => format!("{by} banned {user} from {room}{why}"),
            Action::Unban => format!("{by} took the ban of {user} from {room} back"),
            Action::Mute => format!("{by} has {user} read only in {room}{span}{why}"),
            Action::Unmute => format!("{by} lets {user} write in {room} again"),
            Action::Op => format!("{by} made {user} a moderator of {room}"),
            Action::Deop => format!("{by} made {user} a member of {room} again"),
        };
        Ok(self.face.notice(&sentence)?)
    }

    pub(super) fn show_invited(&mut self, invited: &Invited) -> Result<(), Stop> {
        let (by, room) = (name(&invited.by), name(&invited.name));
        let sentence = format!("{by} invites you: /join {room}");
        Ok(self.face.notice(&sentence)?)
    }

    /// Whether a room is the conversation with somebody whom one does not want to see.
    pub(super) fn is_hidden(&self, room: &Room) -> bool {
        partner(room).is_some_and(|user| self.model.is_ignored(user))
    }
}

/// With whom one talks in a room of two.
pub(super) fn partner(room: &Room) -> Option<&str> {
    let is_direct = room.access == Access::Direct;
    room.name.strip_prefix('@').filter(|_| is_direct)
}

/// The room or the person that a request names.
pub(super) fn named(request: &ClientMessage) -> Option<String> {
    let user = match request {
        ClientMessage::Join(join) => return Some(join.name.clone()),
        ClientMessage::Direct(direct) => &direct.user,
        ClientMessage::Invite(invite) => &invite.user,
        ClientMessage::Moderate(moderate) => &moderate.user,
        ClientMessage::Ignore(ignore) => &ignore.user,
        _ => return None,
    };
    Some(format!("@{user}"))
}
