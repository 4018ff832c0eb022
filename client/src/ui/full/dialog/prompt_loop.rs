//! Joins a dialog with a terminal and its keys: draws, waits, draws again. Blocks its caller, the
//! face, until the question is answered.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;
use std::time::Duration;

use chatbox_common::secret::SecretString;
use ratatui::Terminal;
use ratatui::backend::Backend;

use super::{Answer, Dialog, DialogOutcome};
use crate::prompt::{Choice, PromptError, Sheet, Task};
use crate::ui::full::failed;
use crate::ui::full::terminal::{self, Pressed};
use crate::words::dialog as words;

/// The interval at which it is asked whether everything typed is in the channel.
const BETWEEN_KEYS: Duration = Duration::from_millis(1);

/// Its functions are those of [`Prompter`], for a terminal that is the program's own.
///
/// [`Prompter`]: crate::prompt::Prompter
pub struct PromptLoop<'s, B: Backend> {
    pub terminal: &'s mut Terminal<B>,
    pub pressed: &'s Receiver<Pressed>,
    pub dialog: &'s mut Dialog,
}

/// Knocks when it is dropped, so also when the task panics: [`PromptLoop::busy`] waits for it.
struct Knocker(SyncSender<Pressed>);

impl Drop for Knocker {
    fn drop(&mut self) {
        // In a full channel something else wakes the reader.
        let _ = self.0.try_send(Pressed::Knock);
    }
}

impl<B: Backend> PromptLoop<'_, B> {
    pub fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        self.dialog.offer(choices);
        match self.run(&|| false)? {
            Some(Answer::Chosen(at)) => Ok(at),
            _ => Err(lost()),
        }
    }

    /// Ctrl-C is a yes, as it is in the menu.
    pub fn is_to_leave(&mut self) -> Result<bool, PromptError> {
        self.dialog.say(words::LEAVE);
        self.draw().map_err(PromptError::Terminal)?;
        self.drop_keys()?;
        self.dialog.ask_to_leave();
        match self.run(&|| false) {
            Ok(Some(Answer::Chosen(at))) => Ok(at == 0),
            Ok(_) => Err(lost()),
            Err(PromptError::Cancelled) => Ok(false),
            Err(PromptError::Interrupted) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Drops what was typed before the question was seen, until nothing more comes.
    fn drop_keys(&mut self) -> Result<(), PromptError> {
        loop {
            // Asked before the channel is emptied: what was sent before the answer is in it then.
            let is_all = terminal::is_all_told();
            while let Ok(pressed) = self.pressed.try_recv() {
                if !matches!(pressed, Pressed::Key(_) | Pressed::Paste(_)) {
                    self.press(pressed)?;
                }
            }
            if is_all {
                return Ok(());
            }
            thread::sleep(BETWEEN_KEYS);
        }
    }

    /// The answer comes without the blanks around it.
    pub fn ask(&mut self, question: &str) -> Result<String, PromptError> {
        self.dialog.ask(question, false);
        self.line().map(|line| line.expose().trim().to_owned())
    }

    pub fn ask_secret(&mut self, question: &str) -> Result<SecretString, PromptError> {
        self.dialog.ask(question, true);
        self.line()
    }

    /// Shows how hard the password is to guess while it is typed.
    pub fn ask_new_secret(
        &mut self,
        question: &str,
        about: &[&str],
    ) -> Result<SecretString, PromptError> {
        self.dialog.ask_new_secret(question, about);
        self.line()
    }

    fn line(&mut self) -> Result<SecretString, PromptError> {
        match self.run(&|| false)? {
            Some(Answer::Line(line)) => Ok(line),
            _ => Err(lost()),
        }
    }

    pub fn say(&mut self, sentence: &str) -> io::Result<()> {
        self.dialog.say(sentence);
        self.draw()
    }

    pub fn tell(&mut self, sentence: &str) {
        self.dialog.tell(sentence);
        // A terminal that can't be written to is reported by the next question.
        let _ = self.draw();
    }

    pub fn show(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.dialog.show(sheet);
        self.draw()
    }

    /// Runs `task` on a thread of its own and waits for it; `knock` is the sender of `pressed`.
    /// What is typed meanwhile is dropped: it can't be meant for a question not shown yet.
    ///
    /// Fails as well when the person does not want to wait: the task goes on, and its result is
    /// ignored.
    pub fn busy(
        &mut self,
        knock: SyncSender<Pressed>,
        what: &str,
        task: Task,
    ) -> Result<(), PromptError> {
        let (working, is_working) = mpsc::sync_channel::<()>(0);
        thread::Builder::new()
            .name("task".to_owned())
            .spawn(move || {
                // Dropped in reverse order: `is_working` is disconnected before the knock comes.
                let _knocker = Knocker(knock);
                let _working = working;
                task();
            })
            .map_err(PromptError::Terminal)?;
        self.dialog.wait_for(what);
        let is_done = || is_working.try_recv() == Err(TryRecvError::Disconnected);
        match self.run(&is_done) {
            Ok(_) => Ok(()),
            Err(PromptError::Cancelled) => Err(PromptError::Interrupted),
            Err(error) => Err(error),
        }
    }

    /// Waits for an answer, or until `is_done`, which is asked whenever something comes from the
    /// terminal; `None` then.
    fn run(&mut self, is_done: &dyn Fn() -> bool) -> Result<Option<Answer>, PromptError> {
        let answer = self.wait(is_done);
        self.dialog.rest();
        answer
    }

    fn wait(&mut self, is_done: &dyn Fn() -> bool) -> Result<Option<Answer>, PromptError> {
        if let Some(over) = self.dialog.over() {
            return Err(over);
        }
        self.draw().map_err(PromptError::Terminal)?;
        loop {
            // Asked before the keys are taken: those typed before the end must not answer what
            // comes next.
            let is_done = is_done();
            let mut has_come = false;
            while let Ok(pressed) = self.pressed.try_recv() {
                has_come = true;
                if let Some(answer) = self.press(pressed)? {
                    return Ok(Some(answer));
                }
            }
            if is_done {
                return Ok(None);
            }
            self.draw().map_err(PromptError::Terminal)?;
            if has_come {
                // The knock may have been among it, sent since it was asked, and comes once.
                continue;
            }
            // The senders live as long as the threads of the terminal.
            let pressed = self.pressed.recv().unwrap_or(Pressed::Gone);
            if let Some(answer) = self.press(pressed)? {
                return Ok(Some(answer));
            }
        }
    }

    fn press(&mut self, pressed: Pressed) -> Result<Option<Answer>, PromptError> {
        match self.dialog.press(pressed) {
            None => {}
            Some(DialogOutcome::Over) => return self.dialog.over().map_or(Ok(None), Err),
            Some(DialogOutcome::Answer(answer)) => return Ok(Some(answer)),
            Some(DialogOutcome::Cancelled) => return Err(PromptError::Cancelled),
            Some(DialogOutcome::Interrupted) => return Err(PromptError::Interrupted),
            Some(DialogOutcome::Suspend) => {
                terminal::suspend();
                self.draw_anew().map_err(PromptError::Terminal)?;
            }
            Some(DialogOutcome::Redraw) => self.draw_anew().map_err(PromptError::Terminal)?,
        }
        Ok(None)
    }

    pub fn draw(&mut self) -> io::Result<()> {
        let drawn = self.terminal.draw(|frame| self.dialog.paint(frame));
        drawn.map(drop).map_err(failed)
    }

    /// Has everything drawn again, whatever the terminal shows. By `resize`: `Terminal::clear` asks
    /// the terminal for the cursor's place, and the thread that reads keys would take the answer.
    fn draw_anew(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(size.into()).map_err(failed)
    }
}

/// For an answer of another kind than the question's, which no key can give.
fn lost() -> PromptError {
    PromptError::Terminal(ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use ratatui::backend::TestBackend;

    use super::*;
    use crate::ui::full::colours::Palette;

    #[test]
    fn a_task_that_ends_between_the_question_and_the_keys_is_waited_for_no_longer() {
        let (knock, pressed) = mpsc::sync_channel(1);
        let knock = Cell::new(Some(knock));
        // Not done when it is asked first, and knocking right behind that.
        let is_done = || {
            let knock = knock.take();
            if let Some(knock) = &knock {
                knock.send(Pressed::Knock).unwrap();
            }
            knock.is_none()
        };
        let mut dialog = Dialog::new(Palette::Colours);
        dialog.wait_for("getting a secret");
        let mut prompts = PromptLoop {
            terminal: &mut Terminal::new(TestBackend::new(40, 9)).unwrap(),
            pressed: &pressed,
            dialog: &mut dialog,
        };
        assert!(matches!(prompts.run(&is_done), Ok(None)));
    }
}
