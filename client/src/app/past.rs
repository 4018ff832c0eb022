//! Messages of the past that a person asked for, shown with their dates between two notices.

use std::io;

use chatbox_common::search::Query;
use chatbox_common::wire::message::{Chat, Place, RoomId, Seq};

use super::App;
use crate::exit::ExitReason;
use crate::input::{Target, When};
use crate::model::Event as Told;
use crate::sanitize::name;
use crate::words::past as words;

impl App {
    pub(super) fn history(&mut self, count: u16, before: Option<When>) -> Result<(), ExitReason> {
        let Some(room) = self.here() else {
            return Ok(());
        };
        let Some(before) = before else {
            return self.tell_model(Told::WantOlder(room, count.into()));
        };
        match before.milliseconds(&self.clock.now()) {
            Some(time) => self.tell_model(Told::WantBefore(room, time, count.into())),
            None => self.problem(words::NO_SUCH_MOMENT),
        }
    }

    pub(super) fn unfold(&mut self, room: &Target, seq: Seq) -> Result<(), ExitReason> {
        match self.target(room)? {
            Some(room) => self.tell_model(Told::WantWhole(Place { room, seq })),
            None => Ok(()),
        }
    }

    pub(super) fn show_past(
        &mut self,
        room: RoomId,
        before: u64,
        messages: &[Chat],
        is_all: bool,
    ) -> io::Result<()> {
        let called = name(self.model.room_name(room));
        let moment = self.clock.moment(before);
        if messages.is_empty() {
            let sentence = words::nothing_before(&called, &moment);
            return self.face.notice(None, &sentence);
        }
        let title = words::before(&called, &moment);
        let end = words::end_before(&called, &moment, is_all);
        self.show_excerpt(&title, messages, &Query::default(), Some(&end))
    }

    pub(super) fn show_found(
        &mut self,
        sought: &str,
        messages: &[Chat],
        more: bool,
        incomplete: bool,
    ) -> io::Result<()> {
        let count = words::found(messages.len(), sought, more);
        if messages.is_empty() {
            self.face.notice(None, &count)?;
        } else {
            let title = words::messages_with(sought);
            self.show_excerpt(&title, messages, &Query::new(sought), Some(&count))?;
        }
        if incomplete {
            self.face.notice(None, words::NOT_ALL_SOUGHT)?;
        }
        Ok(())
    }

    fn show_excerpt(
        &mut self,
        title: &str,
        messages: &[Chat],
        sought: &Query,
        end: Option<&str>,
    ) -> io::Result<()> {
        let named = messages.iter().map(|chat| {
            let room = self.model.room_name(chat.room).to_owned();
            (room, chat.clone())
        });
        let named: Vec<_> = named.collect();
        self.face.excerpt(title, &named, sought, end)
    }
}
