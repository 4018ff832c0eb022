//! People: who they are, who comes and goes, and whom one ignores.

use chatbox_common::wire::message::{
    Access, ClientMessage, Ignore, Ignoring, Invited, OnlinePerson, Presence, Room, Standing,
};

use super::App;
use super::requests::Asked;
use super::script::RunMode;
use crate::cli::Exit;
use crate::completion;
use crate::exit::ExitReason;
use crate::model::Event as Told;
use crate::sanitize::name;
use crate::session::UNANSWERED;
use crate::ui::Listing;
use crate::words::app as words;

/// More names are a list of their own: a long sentence would be folded.
const MOST_IN_A_SENTENCE: usize = 20;

impl App {
    pub(super) fn ignore(&mut self, user: String, ignored: bool) -> Result<(), ExitReason> {
        self.order(Asked::Room, |request| {
            ClientMessage::Ignore(Ignore {
                request,
                user,
                ignored,
            })
        })
    }

    pub(super) fn show_ignored(&mut self) -> Result<(), ExitReason> {
        let names: Vec<String> = self.model.ignored().map(name).collect();
        if names.len() > MOST_IN_A_SENTENCE {
            return Ok(self
                .face
                .lines(words::IGNORED, &words::one_a_line(&names))?);
        }
        Ok(self.face.notice(None, &words::ignored(&names))?)
    }

    pub(super) fn ignoring(&mut self, ignoring: Ignoring) -> Result<(), ExitReason> {
        let request = ignoring.request.unwrap_or(UNANSWERED);
        self.requests.answered(request);
        self.outgoing.answered(request);
        let sentence = words::ignoring(&name(&ignoring.user), ignoring.ignored);
        self.face.notice(None, &sentence)?;
        self.tell_model(Told::Ignoring(ignoring))
    }

    /// Goes behind a sentence about an unknown name: a known one that is near, or nothing.
    pub(super) fn meant(&self, name: &str) -> String {
        match completion::meant(&self.model, self.here(), name) {
            Some(meant) => words::did_you_mean(&meant),
            None => String::new(),
        }
    }

    /// Shows a part of the list; the last one ends a script that asked for it.
    pub(super) fn show_people(&mut self, people: &[OnlinePerson]) -> Result<(), ExitReason> {
        self.face.listing(Listing::People(people))?;
        if self.run_mode == RunMode::List && !self.model.is_listing() {
            self.quitting.begin();
        }
        Ok(())
    }

    /// A script must not take a part of the list for all of it.
    pub(super) fn list_is_cut(&mut self, sentence: &str) -> Result<(), ExitReason> {
        if self.run_mode.is_question() {
            return Err(ExitReason::because(Exit::Failure, sentence));
        }
        Ok(self.face.listing(Listing::Cut(sentence))?)
    }

    pub(super) fn show_presence(&mut self, presence: &Presence) -> Result<(), ExitReason> {
        let room = name(self.model.room_name(presence.room));
        if room.starts_with('@') {
            // A conversation of two: the lobby has told it.
            return Ok(());
        }
        for (people, came) in [(&presence.joined, true), (&presence.left, false)] {
            let names: Vec<String> = people.iter().map(|who| name(who)).collect();
            if !names.is_empty() {
                let sentence = words::presence(&names, came, presence.online, &room);
                self.face.notice(Some(presence.room), &sentence)?;
            }
        }
        Ok(())
    }

    pub(super) fn show_standing(&mut self, standing: &Standing) -> Result<(), ExitReason> {
        let room = name(self.model.room_name(standing.room));
        let (user, by) = (name(&standing.user), name(&standing.by));
        let sentence = words::standing(standing, &user, &by, &room);
        Ok(self.face.notice(Some(standing.room), &sentence)?)
    }

    pub(super) fn show_invited(&mut self, invited: &Invited) -> Result<(), ExitReason> {
        let (by, room) = (name(&invited.by), name(&invited.name));
        Ok(self.face.notice(None, &words::invited(&by, &room))?)
    }

    /// Whether `room` is the conversation with somebody who is ignored.
    pub(super) fn is_hidden(&self, room: &Room) -> bool {
        partner(room).is_some_and(|user| self.model.is_ignored(user))
    }
}

/// The other one of a conversation of two; `None` for other rooms.
pub(super) fn partner(room: &Room) -> Option<&str> {
    let is_direct = room.access == Access::Direct;
    room.name.strip_prefix('@').filter(|_| is_direct)
}

/// The room (`#ops`) or person (`@bob`) that a refused request names, for [`App::meant`].
pub(super) fn named(request: &ClientMessage) -> Option<String> {
    let user = match request {
        ClientMessage::Join(join) => return Some(join.name.clone()),
        ClientMessage::Direct(direct) => &direct.user,
        ClientMessage::Invite(invite) => &invite.user,
        ClientMessage::Moderate(moderate) => &moderate.user,
        ClientMessage::Ignore(ignore) => &ignore.user,
        // Other requests name nobody.
        _ => return None,
    };
    Some(format!("@{user}"))
}
