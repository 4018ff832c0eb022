//! Messages of the past that a person asked for, shown with their dates between two notices.

use std::io;

use chatbox_common::wire::message::{Chat, RoomId};

use super::App;
use crate::input::When;
use crate::model::Event as Told;
use crate::stop::Stop;
use crate::ui::plain::name;

impl App {
    pub(super) fn history(&mut self, count: u16, before: Option<When>) -> Result<(), Stop> {
        let Some(room) = self.here() else {
            return Ok(());
        };
        let Some(before) = before else {
            return self.tell_model(Told::WantOlder(room, count.into()));
        };
        match before.milliseconds(&self.face.now()) {
            Some(time) => self.tell_model(Told::WantBefore(room, time, count.into())),
            None => self.problem("There is no such moment in the calendar."),
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
        let moment = self.face.moment(before);
        if messages.is_empty() {
            return self
                .face
                .notice(&format!("{called}: there is nothing before {moment}"));
        }
        self.face
            .notice(&format!("{called}: messages before {moment}"))?;
        self.show_dated(messages)?;
        let earlier = if is_all {
            "; there is nothing earlier"
        } else {
            ""
        };
        self.face.notice(&format!(
            "{called}: end of the messages before {moment}{earlier}"
        ))
    }

    pub(super) fn show_found(
        &mut self,
        words: &str,
        messages: &[Chat],
        more: bool,
        incomplete: bool,
    ) -> io::Result<()> {
        let count = match messages.len() {
            0 => format!("nothing found with: {words}"),
            1 => "1 message found".to_owned(),
            count => format!("{count} messages found, the newest last"),
        };
        if !messages.is_empty() {
            self.face.notice(&format!("messages with: {words}"))?;
            self.show_dated(messages)?;
        }
        let older = if more {
            "; there are older ones: /search without words shows them"
        } else {
            ""
        };
        self.face.notice(&format!("{count}{older}"))?;
        if incomplete {
            let sentence = "the server has not indexed all messages yet: newer ones may be missing \
                            here; search again in a while";
            self.face.notice(sentence)?;
        }
        Ok(())
    }

    fn show_dated(&mut self, messages: &[Chat]) -> io::Result<()> {
        for chat in messages {
            let room = self.model.room_name(chat.room);
            self.face.dated(room, chat)?;
        }
        Ok(())
    }
}
