//! The face for scripts: what was asked for on standard output, line by line, as text or as JSON;
//! problems on standard error; nothing else. Writes through [`Plain`].

use std::io::{self, Write};
use std::time::Instant;

use chatbox_common::search::Query;
use chatbox_common::secret::SecretString;
use chatbox_common::wire::message::{Chat, Room, RoomId, Seq};

use super::plain::Plain;
use super::{Face, Intent, Listing, Reading, Scene, json};
use crate::model::Mention;
use crate::prompt::{Choice, PromptError, Prompter, Sheet, Task};
use crate::screen::Screen;

pub struct Script<W> {
    plain: Plain<W>,
    json: bool,
}

impl<W: Write> Script<W> {
    #[must_use]
    pub const fn new(plain: Plain<W>, json: bool) -> Self {
        Self { plain, json }
    }
}

impl<W: Write> Prompter for Script<W> {
    fn can_be_asked(&self) -> bool {
        self.plain.can_be_asked()
    }

    fn will_be_asked(&mut self) {
        self.plain.will_be_asked();
    }

    fn lend_the_terminal(&mut self) {
        self.plain.lend_the_terminal();
    }

    fn screen(&self) -> Screen {
        self.plain.screen()
    }

    fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        self.plain.choose(choices)
    }

    fn ask(&mut self, question: &str, instead: &'static str) -> Result<String, PromptError> {
        self.plain.ask(question, instead)
    }

    fn ask_secret(
        &mut self,
        question: &str,
        instead: &'static str,
    ) -> Result<SecretString, PromptError> {
        self.plain.ask_secret(question, instead)
    }

    fn ask_new_secret(
        &mut self,
        question: &str,
        instead: &'static str,
        about: &[&str],
    ) -> Result<SecretString, PromptError> {
        self.plain.ask_new_secret(question, instead, about)
    }

    /// Standard output holds only what was asked for.
    fn say(&mut self, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn tell(&mut self, sentence: &str) {
        self.plain.tell(sentence);
    }

    fn show(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.plain.show(sheet)
    }

    fn busy(&mut self, what: &str, task: Task) -> Result<(), PromptError> {
        self.plain.busy(what, task)
    }
}

impl<W: Write> Face for Script<W> {
    fn chat(&mut self, room: &str, chat: &Chat, mention: Mention) -> io::Result<()> {
        if self.json {
            self.plain.put_exactly(&json::message(room, chat))
        } else {
            // Each line says in which conversation it was said, and other programs read them.
            let mention = match mention {
                Mention::Alone => Mention::No,
                mention => mention,
            };
            self.plain.chat(room, chat, mention)
        }
    }

    fn older(
        &mut self,
        _: RoomId,
        _: &str,
        _: &[(Chat, Mention)],
        _: Option<Seq>,
    ) -> io::Result<()> {
        Ok(())
    }

    fn entered(&mut self, _: &Room) -> io::Result<()> {
        Ok(())
    }

    fn unread(&mut self, _: RoomId, _: &str, _: u32, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn excerpt(
        &mut self,
        _: &str,
        _: &[(String, Chat)],
        _: &Query,
        _: Option<&str>,
    ) -> io::Result<()> {
        Ok(())
    }

    fn whole(&mut self, _: &str, _: &Chat) -> io::Result<()> {
        Ok(())
    }

    fn notice(&mut self, _: Option<RoomId>, _: &str) -> io::Result<()> {
        Ok(())
    }

    fn lines(&mut self, title: &str, text: &str) -> io::Result<()> {
        self.plain.lines(title, text)
    }

    fn listing(&mut self, listing: Listing<'_>) -> io::Result<()> {
        match listing {
            Listing::People(people) if self.json => people
                .iter()
                .try_for_each(|person| self.plain.put_exactly(&json::person(person))),
            Listing::You(you) if self.json => self.plain.put_exactly(&json::you(you)),
            // Only `list` and `whoami` take `--json`.
            Listing::People(_)
            | Listing::You(_)
            | Listing::Rooms(_)
            | Listing::Members(_)
            | Listing::Profile(_)
            | Listing::Cut(_) => self.plain.listing(listing),
        }
    }

    fn moved(&mut self, _: RoomId, _: &str) -> io::Result<()> {
        Ok(())
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

    /// No person has read what a script has seen.
    fn reading(&self, _: &Scene<'_>) -> Reading {
        Reading::Nothing
    }

    fn intent(&mut self, _: &Scene<'_>) -> Option<Intent> {
        None
    }

    fn flush(&mut self, scene: &Scene<'_>) -> io::Result<Option<Instant>> {
        self.plain.flush(scene)
    }

    fn discard(&mut self) -> bool {
        self.plain.discard()
    }

    fn keys(&self) -> String {
        String::new()
    }

    fn wake_with(&mut self, _: Box<dyn Fn() + Send>) {}

    fn back(&mut self) {
        self.plain.back();
    }

    fn hears_signals(&self) -> bool {
        false
    }

    fn close(&mut self) {
        self.plain.close();
    }
}
