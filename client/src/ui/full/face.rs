//! The full screen as [`Face`]: what `app` shows. Frames are drawn in `flush`.

use std::fmt::Write as _;
use std::io;
use std::time::Instant;

use chatbox_common::search::Query;
use chatbox_common::wire::message::{Chat, Room, RoomId, Seq};
use ratatui::backend::Backend;

use super::excerpt;
use super::frames::NextFrame;
use super::paint::{self, Input, Painting};
use super::panel::Panel;
use super::{Full, Mode, failed};
use crate::input;
use crate::model::Mention;
use crate::sanitize;
use crate::ui::{Face, Intent, Listing, Reading, Scene, Way};
use crate::words::full as words;
use crate::words::tables::now_ms;

impl<B: Backend> Face for Full<B> {
    fn chat(&mut self, _: &str, chat: &Chat, mention: Mention) -> io::Result<()> {
        if self.has_bell && matches!(mention, Mention::Now | Mention::Alone) {
            self.bell.want();
        }
        self.views.push(chat, mention);
        self.frames.touch();
        Ok(())
    }

    fn older(
        &mut self,
        id: RoomId,
        _: &str,
        messages: &[(Chat, Mention)],
        begins: Option<Seq>,
    ) -> io::Result<()> {
        self.views.older(id, messages, begins);
        self.frames.touch();
        Ok(())
    }

    /// The topic at the top of the screen says it.
    fn entered(&mut self, _: &Room) -> io::Result<()> {
        Ok(())
    }

    fn unread(&mut self, id: RoomId, _: &str, count: u32, shown: usize) -> io::Result<()> {
        self.views.have_unread(id, count, shown);
        self.frames.touch();
        Ok(())
    }

    fn excerpt(
        &mut self,
        title: &str,
        messages: &[(String, Chat)],
        sought: &Query,
        end: Option<&str>,
    ) -> io::Result<()> {
        let columns = self.views.width();
        let mut panel = Panel::new(&sanitize::line(title), "");
        for (room, chat) in messages {
            for line in excerpt::short(&self.clock, room, chat, sought, columns) {
                panel.add_marked(line);
            }
        }
        panel.add(end.unwrap_or_default());
        panel.bottom();
        self.lay_over(panel);
        Ok(())
    }

    fn whole(&mut self, room: &str, chat: &Chat) -> io::Result<()> {
        let title = words::message(&sanitize::name(room), chat.seq);
        let text = excerpt::whole(&self.clock, room, chat);
        self.lay_over(Panel::new(&title, &text));
        Ok(())
    }

    fn notice(&mut self, room: Option<RoomId>, text: &str) -> io::Result<()> {
        self.views.notice(room, now_ms(), text);
        self.frames.touch();
        Ok(())
    }

    fn lines(&mut self, title: &str, text: &str) -> io::Result<()> {
        if !text.trim().is_empty() {
            self.lay_over(Panel::new(title, text));
        }
        Ok(())
    }

    fn listing(&mut self, listing: Listing<'_>) -> io::Result<()> {
        let text = listing.text(&self.clock);
        match listing {
            Listing::People(_) => self.add(words::PEOPLE, &text),
            Listing::Rooms(_) => self.add(words::ROOMS, &text),
            Listing::Members(_) => self.add(words::MEMBERS, &text),
            Listing::Profile(_) => self.add(words::PROFILE, &text),
            Listing::You(_) => self.lay_over(Panel::new(words::YOU, &text)),
            Listing::Cut(why) => match &mut self.panel {
                Some(panel) => panel.add(&text),
                None => self.say_here(why),
            },
        }
        Ok(())
    }

    fn moved(&mut self, id: RoomId, _: &str) -> io::Result<()> {
        self.views.look_at(Some(id));
        self.frames.touch();
        Ok(())
    }

    fn forget(&mut self, room: Option<RoomId>) -> io::Result<()> {
        self.views.forget(room);
        self.frames.touch();
        Ok(())
    }

    fn forget_from(&mut self, room: RoomId, seq: Seq) -> io::Result<()> {
        self.views.forget_from(room, seq);
        self.frames.touch();
        Ok(())
    }

    fn clear(&mut self, here: Option<RoomId>) -> io::Result<()> {
        self.panel = None;
        self.views.clear(here);
        self.frames.touch();
        Ok(())
    }

    /// The current room, at its end, with nothing that covers it.
    fn reading(&self, scene: &Scene<'_>) -> Reading {
        match scene.here {
            Some(here)
                if self.panel.is_none()
                    && matches!(self.mode, Mode::Talk)
                    && self.questions.are_over()
                    && self.views.below().is_none() =>
            {
                Reading::Room(here)
            }
            _ => Reading::Nothing,
        }
    }

    fn intent(&mut self, scene: &Scene<'_>) -> Option<Intent> {
        self.follow(scene);
        // A signal or a lost terminal that ended a question ends the program, too.
        if self.dialog.over().is_some() {
            return Some(Intent::Quit);
        }
        loop {
            if let Some(intent) = self.intents.pop_front() {
                return Some(intent);
            }
            let pressed = self.pressed.try_recv().ok()?;
            if self.take(pressed, scene).is_err() {
                // Without a terminal to draw on the person can't do anything.
                return Some(Intent::Quit);
            }
        }
    }

    fn flush(&mut self, scene: &Scene<'_>) -> io::Result<Option<Instant>> {
        self.follow(scene);
        if self.bell.rings(Instant::now())
            && let Some(raw) = &self.raw_terminal
        {
            raw.ring()?;
        }
        let counts_down = matches!(scene.way, Way::Down(_));
        let again = match self.frames.next(Instant::now(), counts_down) {
            NextFrame::Draw(again) => again,
            NextFrame::At(again) => return Ok(again),
        };
        self.draw(scene)?;
        if let Some(here) = scene.here.filter(|_| self.views.wants_older()) {
            self.views.asked_older(here);
            self.intents.push_back(Intent::Older(here));
        }
        let now = Instant::now();
        self.frames.drawn(now);
        // An intent that came of drawing is taken at once, not with the next event.
        Ok(if self.intents.is_empty() {
            again
        } else {
            Some(now)
        })
    }

    fn discard(&mut self) -> bool {
        let mut has_dropped = false;
        self.empty(|full, pressed| has_dropped |= full.let_go(&pressed));
        self.drop_line() || has_dropped
    }

    fn drop_line(&mut self) -> bool {
        self.editor.drop_line()
    }

    fn forget_line(&mut self, line: &str) {
        self.editor.forget(line);
    }

    fn keys(&self) -> String {
        let mut lines = String::from("\n");
        for row in self.keymap.help() {
            let keys = row.keys.join(", ");
            // Writing to a String never fails.
            let _ = writeln!(lines, "  {keys:<20}  {} ({})", row.help, row.action);
        }
        lines
    }

    fn wake_with(&mut self, wake: Box<dyn Fn() + Send>) {
        if let Some(raw) = &self.raw_terminal {
            raw.wake_with(wake);
        }
    }

    fn has_begun_a_line(&self) -> bool {
        !self.editor.is_empty() || self.editor.asking().is_some()
    }

    fn hears_signals(&self) -> bool {
        true
    }

    fn back(&mut self) {
        if self.questions.has_sheet() {
            // Esc or Ctrl-C also tells that the person has seen it.
            let _ = self.prompt_loop().ask(words::NOTED);
        }
        self.dialog.forget();
        self.questions.end();
        let told = self.questions.told().to_vec();
        self.say_what_was_told();
        if self.views.here.is_none() {
            // Told again in the first room, which will cover the view of no room.
            for sentence in &told {
                self.questions.tell(sentence);
            }
        }
        self.frames.hurry();
    }

    fn close(&mut self) {
        self.is_closed = true;
        if let Some(raw) = &self.raw_terminal {
            raw.close();
        }
    }
}

impl<B: Backend> Full<B> {
    /// Repeats in the chat the problems that no later question has shown.
    fn say_what_was_told(&mut self) {
        for sentence in self.questions.take_told() {
            self.say_here(&sentence);
        }
    }

    /// Adds a sentence of this program's own to the current view.
    pub(super) fn say_here(&mut self, sentence: &str) {
        self.views.notice(None, now_ms(), sentence);
        self.frames.touch();
    }

    fn lay_over(&mut self, panel: Panel) {
        self.panel = Some(panel);
        self.frames.touch();
    }

    /// A panel with the same title gets more lines: a long list comes in several answers.
    fn add(&mut self, title: &str, text: &str) {
        match &mut self.panel {
            Some(panel) if panel.title() == title => panel.add(text),
            _ => self.panel = Some(Panel::new(title, text)),
        }
        self.frames.touch();
    }

    fn follow(&mut self, scene: &Scene<'_>) {
        let before = self.views.here;
        self.views.follow(scene);
        if before != self.views.here {
            self.frames.touch();
        }
        if self.questions.are_over() && self.views.here.is_some() {
            self.say_what_was_told();
        }
        if let Some((room, before)) = self.views.take_forgotten() {
            self.intents.push_back(Intent::Forgot(room, before));
        }
    }

    pub(super) fn draw(&mut self, scene: &Scene<'_>) -> io::Result<()> {
        if matches!(self.mode, Mode::Bare) {
            return Ok(());
        }
        let size = self.terminal.size().map_err(failed)?;
        let here = scene.here.map(|here| scene.model.room_name(here));
        let prompt = words::input(here.unwrap_or_default());
        let layout = self.editor.layout(paint::input_width(size.width, &prompt));
        let hints = self.hints();
        let question = self.question(scene.unsent);
        let input = match (&question, &self.mode) {
            (Some(question), _) => Input::Question(question),
            (None, Mode::Search(search)) => Input::Search {
                text: &search.text,
                is_found: search.is_content(),
            },
            (None, _) => Input::Line {
                rows: &layout.rows,
                cursor: layout.cursor,
            },
        };
        let painting = Painting {
            scene: *scene,
            views: &mut self.views,
            panel: self.panel.as_mut(),
            prompt: &prompt,
            input,
            hints: &hints,
            shows_rooms: self.shows_rooms,
            palette: self.palette,
            now: Instant::now(),
        };
        self.terminal
            .draw(|frame| paint::paint(frame, painting))
            .map_err(failed)?;
        Ok(())
    }

    fn question(&self, unsent: usize) -> Option<String> {
        let (question, keys) = if matches!(self.mode, Mode::Quitting) {
            (words::leave(unsent), words::LEAVE_KEYS)
        } else {
            let asking = self.editor.asking()?;
            let question = words::paste(asking.lines, asking.bytes);
            (question, words::PASTE_KEYS)
        };
        Some(if self.questions.takes_keys() {
            question + keys
        } else {
            question
        })
    }

    /// The completions, or else the commands that begin with what was typed.
    fn hints(&self) -> Vec<String> {
        if let Some((candidates, chosen)) = self.editor.candidates() {
            return vec![words::candidates(candidates, chosen)];
        }
        input::hints(self.editor.text())
    }

    /// Shows the messages in sight alone, with long lines left to the terminal to wrap, so that a
    /// selection with the mouse copies exactly what was said.
    pub(super) fn show_bare(&mut self) -> io::Result<()> {
        self.mode = Mode::Bare;
        let Some(raw) = &self.raw_terminal else {
            return Ok(());
        };
        let size = self.terminal.size().map_err(failed)?;
        let lines = self.views.bare(size.width.into(), size.height.into());
        raw.print(&lines)
    }
}
