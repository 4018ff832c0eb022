//! The plain face: lines for pipes, screen readers, and terminals that stay the shell's.
//!
//! Every text from the network passes [`sanitize`] here or in [`tables`], and nowhere later. Lines
//! of a message after its first are indented, so that no line feed can fake another speaker. Knows
//! neither session nor model; `app` tells it what to show.

mod questions;

use std::io::{self, Write};
use std::time::Instant;

use chatbox_common::search::Query;
use chatbox_common::wire::message::{Chat, Kind, Room, RoomId, Seq};

use super::bell::Bell;
use super::fold::{fold, fold_lines, told};
use super::hit;
use super::{Face, Intent, Listing, Reading, Scene};
use crate::charset::Output;
use crate::margin;
use crate::model::Mention;
use crate::prompt::{Terminal, Typing};
use crate::sanitize::{self, name};
use crate::screen::Screen;
use crate::width::TAB;
use crate::words::app as app_words;
use crate::words::plain as words;
use crate::words::screen as screen_words;
use crate::words::tables::{self, Clock, now_ms};
use crate::wrap::wrap_for_any;

const BELL: &str = "\u{7}";

pub struct Plain<W> {
    out: Output<W>,
    clock: Clock,
    terminal: Terminal,
    screen: Screen,
    width: fn() -> Option<usize>,
    can_ask: bool,
    has_bell: bool,
    bell: Bell,
}

impl<W: Write> Plain<W> {
    /// `can_ask` says whether anybody sits at `terminal` to be asked; `width` gives the columns of
    /// `out`, or none where it has no edge.
    #[must_use]
    pub fn new(
        out: W,
        clock: Clock,
        terminal: Terminal,
        screen: Screen,
        width: fn() -> Option<usize>,
        can_ask: bool,
    ) -> Self {
        Self {
            out: Output::new(out, screen.charset),
            clock,
            terminal,
            screen,
            width,
            can_ask,
            has_bell: false,
            bell: Bell::default(),
        }
    }

    /// The bell rings for what names the reader or is for them alone, as it does in the full screen.
    #[must_use]
    pub fn with_bell(mut self, has_bell: bool) -> Self {
        self.has_bell = has_bell;
        self
    }

    fn put(&mut self, text: &str) -> io::Result<()> {
        self.out.write_all(text.as_bytes())
    }

    /// `2026-11-22 HH:MM:SS #lobby <alice> text`, for messages that may be of any day. On a terminal
    /// a long one is cut around the first word that was sought. Words are not marked: what is
    /// written here is what was said.
    fn dated(&mut self, room: &str, chat: &Chat, sought: &Query) -> io::Result<()> {
        let head = tables::dated(&self.clock, room, chat);
        let part = (self.width)().and_then(|columns| {
            let text = sanitize::text(&chat.text).replace('\t', TAB);
            let found = hit::places(&text, sought);
            let room = margin::room(&self.out.shown(&head), columns);
            let is_folded = fold(wrap_for_any(&text, room, room).len()).1 > 0;
            let room = room.saturating_sub(hit::CUTS);
            let part = || hit::part(&text, &found, &wrap_for_any(&text, room, room));
            (is_folded && !found.is_empty()).then(|| (part(), columns))
        });
        let Some((part, columns)) = part else {
            return self.put_message(&head, room, chat);
        };
        let (head, text) = (self.out.shown(&head), self.out.shown(&part.text));
        let mut lines = margin::hang(&head, &text, Some(columns));
        let command = screen_words::unfold(Some(&name(room)), chat.seq);
        lines += &margin::fold(&told(part.hidden, &command), Some(columns));
        self.put(&lines)
    }

    /// One message among others, behind the head of its line: on a terminal a long one is folded. A
    /// program that reads the output gets all of it.
    fn put_message(&mut self, head: &str, room: &str, chat: &Chat) -> io::Result<()> {
        let text = sanitize::text(&chat.text);
        let (head, text) = (self.out.shown(head), self.out.shown(&text));
        let columns = (self.width)();
        let mut lines = margin::hang(&head, &text, columns);
        if let Some(columns) = columns {
            let command = screen_words::unfold(Some(&name(room)), chat.seq);
            lines = fold_lines(lines, |told| margin::fold(&told, Some(columns)), &command);
        }
        self.put(&lines)
    }

    /// `HH:MM:SS -- text`, with the present time.
    fn happened(&mut self, text: &str) -> io::Result<()> {
        let head = format!("{} -- ", self.clock.time(now_ms()));
        self.put_behind(&head, text)
    }

    /// A text behind the head of its line; measured is what is shown, as an ASCII terminal shows
    /// other characters of other widths.
    fn put_behind(&mut self, head: &str, text: &str) -> io::Result<()> {
        let text = sanitize::text(text);
        let (head, text) = (self.out.shown(head), self.out.shown(&text));
        let lines = margin::hang(&head, &text, (self.width)());
        self.put(&lines)
    }

    /// Lines that stand for themselves.
    fn put_lines(&mut self, text: &str) -> io::Result<()> {
        let lines = margin::fold(&self.out.shown(text), (self.width)());
        self.put(&lines)
    }

    /// What programs read, whose lines are not broken.
    pub fn put_exactly(&mut self, text: &str) -> io::Result<()> {
        self.put(text)
    }
}

impl<W: Write> Face for Plain<W> {
    /// `HH:MM:SS #lobby <alice> text`, or `HH:MM:SS #lobby * alice does`. That it names the reader
    /// is said by a word, which a screen reader speaks, and so is that it is for them alone.
    fn chat(&mut self, room: &str, chat: &Chat, mention: Mention) -> io::Result<()> {
        let time = self.clock.time(chat.time);
        let (called, user) = (name(room), name(&chat.user));
        if self.has_bell && matches!(mention, Mention::Now | Mention::Alone) {
            self.bell.want();
        }
        let mark = match mention {
            Mention::No => "",
            Mention::Alone => "[direct] ",
            Mention::Earlier | Mention::Now => "[you] ",
        };
        let head = match chat.kind {
            Kind::Text => format!("{time} {mark}{called} <{user}> "),
            Kind::Action => format!("{time} {mark}{called} * {user} "),
        };
        self.put_message(&head, room, chat)
    }

    fn older(
        &mut self,
        _: RoomId,
        room: &str,
        messages: &[(Chat, Mention)],
        begins: Option<Seq>,
    ) -> io::Result<()> {
        if let (Some((first, _)), Some((last, _))) = (messages.first(), messages.last()) {
            self.happened(&words::earlier(room, first.seq, last.seq))?;
        }
        for (chat, mention) in messages {
            self.chat(room, chat, *mention)?;
        }
        match begins {
            Some(begins) => self.happened(&words::history_begins(room, begins)),
            None if messages.is_empty() => Ok(()),
            None => self.happened(&words::end_of_earlier(room)),
        }
    }

    fn entered(&mut self, room: &Room) -> io::Result<()> {
        self.happened(&app_words::room(room))
    }

    fn unread(&mut self, _: RoomId, room: &str, count: u32, shown: usize) -> io::Result<()> {
        self.happened(&words::unread(room, count, shown))
    }

    fn excerpt(
        &mut self,
        title: &str,
        messages: &[(String, Chat)],
        sought: &Query,
        end: Option<&str>,
    ) -> io::Result<()> {
        self.happened(title)?;
        for (room, chat) in messages {
            self.dated(room, chat, sought)?;
        }
        end.map_or(Ok(()), |end| self.happened(end))
    }

    fn whole(&mut self, room: &str, chat: &Chat) -> io::Result<()> {
        let head = tables::dated(&self.clock, room, chat);
        self.put_behind(&head, &chat.text)
    }

    fn notice(&mut self, _: Option<RoomId>, text: &str) -> io::Result<()> {
        self.happened(text)
    }

    fn lines(&mut self, _: &str, text: &str) -> io::Result<()> {
        self.put_lines(text)
    }

    fn listing(&mut self, listing: Listing<'_>) -> io::Result<()> {
        self.put_lines(&listing.text(&self.clock))
    }

    fn moved(&mut self, _: RoomId, room: &str) -> io::Result<()> {
        self.happened(&words::said_in(&name(room)))
    }

    fn forget(&mut self, _: Option<RoomId>) -> io::Result<()> {
        Ok(())
    }

    fn forget_from(&mut self, _: RoomId, _: Seq) -> io::Result<()> {
        Ok(())
    }

    fn clear(&mut self, _: Option<RoomId>) -> io::Result<()> {
        Ok(())
    }

    fn reading(&self, _: &Scene<'_>) -> Reading {
        Reading::All
    }

    fn intent(&mut self, _: &Scene<'_>) -> Option<Intent> {
        None
    }

    fn flush(&mut self, _: &Scene<'_>) -> io::Result<Option<Instant>> {
        if self.bell.rings(Instant::now()) {
            self.put(BELL)?;
        }
        self.out.flush()?;
        Ok(None)
    }

    fn discard(&mut self) -> bool {
        self.can_ask && self.terminal.discard()
    }

    fn drop_line(&mut self) -> bool {
        self.terminal.typing().drop_line()
    }

    fn keys(&self) -> String {
        String::new()
    }

    fn wake_with(&mut self, _: Box<dyn Fn() + Send>) {}

    fn back(&mut self) {
        self.terminal.leave_questions();
    }

    fn type_lines(&mut self) -> Option<Typing> {
        self.terminal.type_lines()
    }

    fn hears_signals(&self) -> bool {
        false
    }

    fn close(&mut self) {
        // Nobody is left to be told of an output that is gone.
        let _ = self.out.flush();
        self.terminal.give_back();
    }
}

#[cfg(test)]
mod tests;
