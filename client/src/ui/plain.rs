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
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::AtomicBool;

    use chatbox_common::wire::message::{AccountId, OnlinePerson, Profile};
    use jiff::tz::TimeZone;

    use super::*;
    use crate::charset::Charset;
    use crate::width::most;

    fn plain(width: fn() -> Option<usize>) -> Plain<Vec<u8>> {
        let terminal = Terminal::open(Arc::new(AtomicBool::new(true))).unwrap();
        let clock = Clock::new(TimeZone::UTC);
        let screen = Screen {
            charset: Charset::Utf8,
            ..Screen::of_process(true)
        };
        Plain::new(Vec::new(), clock, terminal, screen, width, false)
    }

    fn shown(show: impl FnOnce(&mut Plain<Vec<u8>>)) -> String {
        let mut face = plain(|| None);
        show(&mut face);
        String::from_utf8(face.out.into_inner()).unwrap()
    }

    fn chat(user: &str, text: &str) -> Chat {
        Chat {
            room: RoomId(1),
            seq: 1,
            account: AccountId(1),
            user: user.into(),
            time: 1_767_225_600_000 + 45_296_000,
            text: text.into(),
            kind: Kind::Text,
        }
    }

    #[test]
    fn a_message_is_a_line_with_time_room_and_name() {
        let line = shown(|face| {
            face.chat("#lobby", &chat("alice", "hello"), Mention::No)
                .unwrap();
        });
        assert_eq!(line, "12:34:56 #lobby <alice> hello\n");
    }

    #[test]
    fn what_somebody_does_begins_with_a_star_and_nobody_else_can_write_that() {
        let action = |user: &str, text: &str| Chat {
            kind: Kind::Action,
            ..chat(user, text)
        };
        let line = shown(|face| {
            let did = action("alice", "waves\n12:34:57 #lobby * bob waves");
            face.chat("#lobby", &did, Mention::No).unwrap();
            let said = chat("bob", "* alice waves");
            face.chat("#lobby", &said, Mention::No).unwrap();
        });
        let indent = " ".repeat("12:34:56 #lobby * alice ".len());
        assert_eq!(
            line,
            format!(
                "12:34:56 #lobby * alice waves\n{indent}12:34:57 #lobby * bob waves\n\
                 12:34:56 #lobby <bob> * alice waves\n"
            )
        );
    }

    #[test]
    fn a_message_that_names_one_says_so() {
        for (mention, told) in [
            (Mention::No, "12:34:56 #lobby <bob> alice: hi\n"),
            (Mention::Earlier, "12:34:56 [you] #lobby <bob> alice: hi\n"),
            (Mention::Now, "12:34:56 [you] #lobby <bob> alice: hi\n"),
            (Mention::Alone, "12:34:56 [direct] #lobby <bob> alice: hi\n"),
        ] {
            let line = shown(|face| {
                face.chat("#lobby", &chat("bob", "alice: hi"), mention)
                    .unwrap();
            });
            assert_eq!(line, told);
        }
    }

    #[test]
    fn a_message_of_some_day_bears_its_date() {
        let line = shown(|face| {
            let hello = chat("alice", "one\ntwo\u{1b}[2J");
            face.dated("#lobby", &hello, &Query::default()).unwrap();
            let mut wave = chat("bob", "waves");
            wave.kind = Kind::Action;
            wave.time = u64::MAX;
            face.dated("#lobby", &wave, &Query::default()).unwrap();
        });
        let begin = "2026-01-01 12:34:56 #lobby <alice> ";
        let indent = " ".repeat(begin.len());
        let last = "at an unknown time #lobby * bob waves\n";
        assert_eq!(line, format!("{begin}one\n{indent}two\\u{{1b}}[2J\n{last}"));
    }

    #[test]
    fn further_lines_are_indented_so_that_nobody_else_seems_to_speak() {
        let text = "one\n12:34:57 #lobby <bob> two\n";
        let line = shown(|face| {
            face.chat("#lobby", &chat("alice", text), Mention::No)
                .unwrap();
        });
        let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
        assert_eq!(
            line,
            format!("12:34:56 #lobby <alice> one\n{indent}12:34:57 #lobby <bob> two\n{indent}\n")
        );
    }

    #[test]
    fn nothing_said_begins_where_another_s_line_does() {
        let mut face = plain(|| Some(60));
        let text = format!("hi{}12:34:57 #lobby <bob> 界", " ".repeat(34));
        face.chat("#lobby", &chat("alice", &text), Mention::No)
            .unwrap();
        let shown = String::from_utf8(face.out.into_inner()).unwrap();
        let lines: Vec<_> = shown.lines().collect();
        assert!(lines.len() > 1, "{shown}");
        for line in &lines {
            let wide: usize = most(line);
            assert!(wide <= 60, "{line}");
        }
        let indent = " ".repeat("12:34:56 #lobby <alice> ".len());
        assert!(
            lines[1..].iter().all(|line| line.starts_with(&indent)),
            "{shown}"
        );
    }

    #[test]
    fn no_topic_and_no_sentence_of_a_server_s_begins_a_row_as_a_line_does() {
        let mut face = plain(|| Some(60));
        let forged = "12:34:57 #lobby <bob> I resign ".repeat(9);
        face.listing(Listing::Profile(&Profile {
            request: 1,
            user: forged.clone(),
            is_admin: false,
            online_since: None,
            last_login: None,
            registered: 0,
        }))
        .unwrap();
        face.lines("", &format!("  #ops  a topic: {forged}\n"))
            .unwrap();
        face.notice(None, &forged).unwrap();
        let shown = String::from_utf8(face.out.into_inner()).unwrap();
        let is_fake = |row: &str| row.starts_with("12:34:57") || most(row) > 60;
        assert!(!shown.lines().any(is_fake), "{shown}");
    }

    #[test]
    fn nothing_from_the_network_reaches_the_terminal_as_an_order() {
        let hostile = "\u{1b}]0;x\u{7}\n";
        let line = shown(|face| {
            face.chat(hostile, &chat(hostile, hostile), Mention::Now)
                .unwrap();
            face.notice(None, hostile).unwrap();
            let person = OnlinePerson {
                user: hostile.into(),
                sessions: 2,
                since: u64::MAX,
            };
            face.listing(Listing::People(&[person])).unwrap();
        });
        assert!(!line.contains(['\u{1b}', '\u{7}']), "{line:?}");
        assert_eq!(line.lines().count(), 5, "{line:?}");
    }

    #[test]
    fn a_notice_bears_the_time() {
        let line = shown(|face| face.notice(None, "gone").unwrap());
        assert_eq!(line.len(), "12:34:56 -- gone\n".len());
        assert!(line.ends_with(" -- gone\n"), "{line}");
    }

    #[test]
    fn where_a_row_ends_is_measured_on_what_a_terminal_of_ascii_shows() {
        let mut face = plain(|| Some(44));
        face.out = Output::new(Vec::new(), Charset::Other);
        let chat = chat("bób", &format!("{}Û", "✅".repeat(10)));
        face.chat("#lobby", &chat, Mention::No).unwrap();
        let indent = " ".repeat(22);
        assert_eq!(
            String::from_utf8(face.out.into_inner()).unwrap(),
            format!("12:34:56 #lobby <b?b> {}\n", "?".repeat(21))
        );
        let mut face = plain(|| Some(40));
        face.out = Output::new(Vec::new(), Charset::Other);
        face.chat("#lobby", &chat, Mention::No).unwrap();
        assert_eq!(
            String::from_utf8(face.out.into_inner()).unwrap(),
            format!("12:34:56 #lobby <b?b> {}\n{indent}???\n", "?".repeat(18))
        );
    }

    #[test]
    fn a_long_message_is_folded_on_a_terminal_and_whole_for_a_program() {
        let text: Vec<_> = (1..=40).map(|n| n.to_string()).collect();
        let long = chat("alice", &text.join("\n"));
        let show = |face: &mut Plain<Vec<u8>>| {
            face.chat("#lobby", &long, Mention::No).unwrap();
            face.dated("#lobby", &long, &Query::default()).unwrap();
        };
        let mut face = plain(|| Some(80));
        show(&mut face);
        let screen = String::from_utf8(face.out.into_inner()).unwrap();
        let lines: Vec<_> = screen.lines().collect();
        assert_eq!(lines.len(), 24, "{screen}");
        for told in [lines[11], lines[23]] {
            assert_eq!(told, "    … 29 more rows (/unfold #lobby 1)");
        }
        assert_eq!(shown(show).lines().count(), 80);
        let mut face = plain(|| Some(80));
        face.dated("#lobby", &long, &Query::new("20")).unwrap();
        let screen = String::from_utf8(face.out.into_inner()).unwrap();
        let lines: Vec<_> = screen.lines().map(str::trim_start).collect();
        let head = "2026-01-01 12:34:56 #lobby <alice> ";
        assert_eq!(lines[0], format!("{head}…17"));
        assert_eq!(lines[1..4], ["18", "19", "20"]);
        assert_eq!(lines[10..], ["27…", "… 29 more rows (/unfold #lobby 1)"]);
        let mut face = plain(|| None);
        face.dated("#lobby", &long, &Query::new("20")).unwrap();
        let piped = String::from_utf8(face.out.into_inner()).unwrap();
        assert_eq!(piped.lines().count(), 40);
        let mut face = plain(|| Some(80));
        face.whole("#lobby", &long).unwrap();
        let screen = String::from_utf8(face.out.into_inner()).unwrap();
        assert_eq!(screen.lines().count(), 40);
    }
}
