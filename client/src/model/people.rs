//! Who is ignored, who was heard of, and which messages name one: the last look at what the model
//! is about to show.

use chatbox_common::wire::message::{Action, Chat, Invited, Presence, RoomId, Standing};

use super::room::KnownRoom;
use super::{Effect, Mention, Model, mention};

impl Model {
    #[must_use]
    pub fn is_ignored(&self, user: &str) -> bool {
        self.names.is_ignored(user)
    }

    pub fn ignored(&self) -> impl Iterator<Item = &str> {
        self.names.ignored()
    }

    pub fn rooms_heard_of(&self) -> impl Iterator<Item = &str> {
        self.names.rooms()
    }

    /// All but oneself: first those who spoke in `room`, the last speaker first.
    #[must_use]
    pub fn people_heard_of(&self, room: Option<RoomId>) -> Vec<&str> {
        let room = room.and_then(|room| self.rooms.get(&room));
        let mut people = room.map_or_else(Vec::new, KnownRoom::speakers);
        for user in self.names.people() {
            if !people.iter().any(|known| known.eq_ignore_ascii_case(user)) {
                people.push(user);
            }
        }
        people.retain(|user| !self.names.is_own(user));
        people
    }

    /// Removes what ignored people said, and marks what names one. What is removed here counts as
    /// shown: the order of the room does not depend on whom one ignores.
    pub(super) fn judge(&mut self, effects: &mut Vec<Effect>) {
        effects.retain_mut(|effect| {
            let (chat, mention) = match effect {
                Effect::Whole(chat) => return !self.names.is_ignored(&chat.user),
                Effect::Show(chat, mention) => (chat, mention),
                Effect::Older { messages, .. } => {
                    messages.retain_mut(|(chat, mention)| self.is_wanted(chat, mention));
                    return true;
                }
                Effect::Past { messages, .. } | Effect::Found { messages, .. } => {
                    messages.retain(|chat| !self.names.is_ignored(&chat.user));
                    return true;
                }
                Effect::Notice(..)
                | Effect::Forget
                | Effect::ForgetFrom(..)
                | Effect::ForgetRoom(_)
                | Effect::Unread { .. }
                | Effect::People(_)
                | Effect::Rooms(_)
                | Effect::Members(_)
                | Effect::ListCut(_)
                | Effect::Profile(_)
                | Effect::Presence(_)
                | Effect::Standing(_)
                | Effect::Invited(_)
                | Effect::Ask(_)
                | Effect::Fault(_) => return true,
            };
            self.is_wanted(chat, mention)
        });
    }

    /// Also notes who spoke, and marks the message where it names one.
    fn is_wanted(&mut self, chat: &Chat, mention: &mut Mention) -> bool {
        if self.names.is_ignored(&chat.user) {
            return false;
        }
        self.names.person(&chat.user);
        let Some(room) = self.rooms.get_mut(&chat.room) else {
            return true;
        };
        room.has_spoken(&chat.user, chat.seq);
        if !self.names.is_own(&chat.user) {
            *mention = if mention::names(&chat.text, self.names.own()) {
                room.mention(chat.seq)
            } else {
                room.address(chat.seq)
            };
        }
        true
    }

    /// Leaves out ignored people and oneself; the count of those online includes them.
    pub(super) fn presence(&mut self, presence: Presence, effects: &mut Vec<Effect>) {
        // Nothing is shown, nor kept, of a room that one is not in.
        let Some(room) = self.rooms.get_mut(&presence.room) else {
            return;
        };
        room.told.online = presence.online;
        let names = &mut self.names;
        let mut wanted = |mut people: Vec<String>| {
            for user in &people {
                names.person(user);
            }
            people.retain(|user| !names.is_own(user) && !names.is_ignored(user));
            people
        };
        let presence = Presence {
            joined: wanted(presence.joined),
            left: wanted(presence.left),
            ..presence
        };
        if !presence.joined.is_empty() || !presence.left.is_empty() {
            effects.push(Effect::Presence(presence));
        }
    }

    pub(super) fn standing(&mut self, standing: Standing, effects: &mut Vec<Effect>) {
        let Standing {
            room, user, action, ..
        } = &standing;
        if !self.rooms.contains_key(room) {
            return;
        }
        self.names.person(user);
        let comes_or_goes = matches!(action, Action::Join | Action::Leave);
        let is_hidden = self.names.is_own(user) || self.names.is_ignored(user);
        if !(comes_or_goes && is_hidden) {
            effects.push(Effect::Standing(standing));
        }
    }

    pub(super) fn invited(&mut self, invited: Invited, effects: &mut Vec<Effect>) {
        if !self.names.is_ignored(&invited.by) {
            self.names.room(&invited.name);
            effects.push(Effect::Invited(invited));
        }
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::{Chat, Ignoring, Profile, RoomRole, Seq, Welcome};

    use super::super::tests::{ROOM, at, chat, page, shown, welcome};
    use super::super::{Ask, Event, Mention};
    use super::*;

    fn said(seq: Seq, user: &str, text: &str) -> Event {
        Event::Chat(Chat {
            user: user.to_owned(),
            text: text.to_owned(),
            ..chat(seq)
        })
    }

    fn ignoring(user: &str, ignored: bool) -> Event {
        Event::Ignoring(Ignoring {
            request: None,
            user: user.to_owned(),
            ignored,
        })
    }

    fn presence(joined: &[&str], left: &[&str]) -> Presence {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        Presence {
            room: ROOM,
            joined: names(joined),
            left: names(left),
            online: 3,
        }
    }

    fn mentions(effects: &[Effect]) -> Vec<Mention> {
        let mentions = effects.iter().filter_map(|effect| match effect {
            Effect::Show(_, mention) => Some(*mention),
            _ => None,
        });
        mentions.collect()
    }

    #[test]
    fn what_somebody_ignored_says_counts_as_shown_and_is_not_seen() {
        let mut model = at(3);
        model.apply(ignoring("Bob", true));
        assert!(model.is_ignored("bOB") && !model.is_ignored("bo"));
        assert_eq!(model.apply(said(4, "BOB", "@zoe")), []);
        assert!(model.has_shown(ROOM, 4));
        // No hole is left where it was.
        assert_eq!(shown(&model.apply(said(5, "alice", "x"))), [5]);
        model.apply(ignoring("bob", false));
        assert_eq!(shown(&model.apply(said(6, "bob", "x"))), [6]);
        assert_eq!(model.apply(Event::HaveRead(None)).len(), 1);
    }

    #[test]
    fn whom_one_ignores_comes_with_the_welcome_and_holds_for_pages() {
        let Event::Welcome(mut begun) = welcome(3) else {
            unreachable!()
        };
        begun.ignored = vec!["Alice".to_owned(), "bob".to_owned()];
        let mut model = Model::new("zoe");
        model.apply(Event::Welcome(Welcome { ..begun.clone() }));
        assert_eq!(model.ignored().collect::<Vec<_>>(), ["Alice", "bob"]);
        assert!(shown(&model.apply(page(1..=3, false))).is_empty());
        assert_eq!(shown(&model.apply(said(4, "carol", "x"))), [4]);
        model.apply(Event::Disconnected);
        begun.ignored.pop();
        begun.rooms[0].head = 4;
        model.apply(Event::Welcome(begun));
        assert!(!model.is_ignored("bob"), "another session took it back");
    }

    #[test]
    fn who_is_ignored_comes_goes_and_invites_unseen() {
        let mut model = at(0);
        model.apply(ignoring("bob", true));
        let notice = |joined, left| Event::Presence(presence(joined, left));
        assert_eq!(model.apply(notice(&["Bob"], &["zoe"])), []);
        let seen = model.apply(notice(&["Bob", "carol"], &["Zoe"]));
        assert_eq!(seen, [Effect::Presence(presence(&["carol"], &[]))]);
        let invited = |by: &str| {
            Event::Invited(Invited {
                name: "#ops".to_owned(),
                by: by.to_owned(),
            })
        };
        assert_eq!(model.apply(invited("BOB")), []);
        assert_eq!(model.apply(invited("carol")).len(), 1);
        let mut standing = |user: &str, action| {
            let effects = model.apply(Event::Standing(Standing {
                room: ROOM,
                user: user.to_owned(),
                action,
                by: user.to_owned(),
                reason: String::new(),
                role: RoomRole::Member,
                seconds: None,
            }));
            !effects.is_empty()
        };
        assert!(!standing("bob", Action::Join) && !standing("zoe", Action::Leave));
        assert!(standing("carol", Action::Join));
        assert!(
            standing("bob", Action::Op),
            "what concerns the room is told"
        );
    }

    #[test]
    fn a_message_that_names_one_is_marked_and_one_s_own_is_not() {
        let mut model = at(0);
        for (seq, user, text, mention) in [
            (1, "bob", "hello @Zoe", Mention::Now),
            (2, "bob", "hello zoe", Mention::No),
            (3, "zoe", "I am @zoe", Mention::No),
            (4, "ZOE", "zoe: me", Mention::No),
            (5, "bob", "ZOE: you", Mention::Now),
        ] {
            let effects = model.apply(said(seq, user, text));
            assert_eq!(mentions(&effects), [mention], "{text}");
        }
    }

    #[test]
    fn what_was_said_before_one_came_calls_nobody() {
        let mut model = Model::new("alice2");
        model.apply(welcome(2));
        let Event::Page(mut old) = page(1..=2, false) else {
            unreachable!()
        };
        old.messages[1].text = "@alice2?".to_owned();
        // What comes meanwhile waits for the page, and is a mention all the same.
        assert_eq!(model.apply(said(3, "bob", "alice2: now")), []);
        let effects = model.apply(Event::Page(old));
        let marks = [Mention::No, Mention::Earlier, Mention::Now];
        assert_eq!(mentions(&effects), marks);
    }

    #[test]
    fn who_is_asked_about_is_asked_for_one_by_one() {
        let ask = |user: &str| [Effect::Ask(Ask::Whois(user.to_owned()))];
        let want = |user: &str| Event::WantProfile(user.to_owned());
        let mut model = at(0);
        assert_eq!(model.apply(want("bob")), ask("bob"));
        assert_eq!(model.apply(want("nobody")), []);
        assert_eq!(model.asked_about(), Some("bob"));
        let profile = Profile {
            request: 1,
            user: "Bob".to_owned(),
            is_admin: false,
            online_since: None,
            last_login: None,
            registered: 0,
        };
        let effects = model.apply(Event::Profile(profile.clone()));
        assert_eq!(effects[0], Effect::Profile(profile.clone()));
        assert_eq!(effects[1..], ask("nobody"));
        assert_eq!(model.apply(Event::PageDelayed), []);
        assert_eq!(model.apply(Event::Retry), ask("nobody"));
        assert!(!model.has_shown(ROOM, 0));
        assert_eq!(model.apply(Event::PageRefused), []);
        assert!(model.has_shown(ROOM, 0));
        assert_eq!(model.apply(Event::Profile(profile)), [], "nobody asked");
        let many = (0..100).filter(|n| {
            let effects = model.apply(want(&format!("user{n}")));
            effects
                .iter()
                .any(|effect| matches!(effect, Effect::Notice(..)))
        });
        assert_eq!(many.count(), 36);
    }
}
