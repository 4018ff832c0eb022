//! Joins a dialog with a terminal and its keys: draws, waits, draws again. Blocks whoever asks, as
//! questions do.

use std::io::{self, ErrorKind};
use std::sync::mpsc::{self, Receiver, SyncSender, TryRecvError};
use std::thread;

use chatbox_common::secret::SecretString;
use ratatui::Terminal;
use ratatui::backend::Backend;

use super::{Answer, Dialog, DialogOutcome};
use crate::prompt::{Choice, PromptError, Sheet, Task};
use crate::ui::full::failed;
use crate::ui::full::terminal::{self, Pressed};

/// See the module. What it does is what [`Prompter`] asks for.
///
/// [`Prompter`]: crate::prompt::Prompter
pub struct PromptLoop<'s, B: Backend> {
    /// What is drawn on.
    pub terminal: &'s mut Terminal<B>,
    /// What comes from it.
    pub pressed: &'s Receiver<Pressed>,
    /// What is said.
    pub dialog: &'s mut Dialog,
}

/// Knocks when it is dropped.
struct Knocker(SyncSender<Pressed>);

impl Drop for Knocker {
    fn drop(&mut self) {
        // Where there is no room, what is in it makes the reader look.
        let _ = self.0.try_send(Pressed::Knock);
    }
}

impl<B: Backend> PromptLoop<'_, B> {
    /// Offers some ways to go on; says which one was chosen, by its place.
    ///
    /// # Errors
    /// Here and below, when the person cancels, or the terminal or the program ends.
    pub fn choose(&mut self, choices: &[Choice]) -> Result<usize, PromptError> {
        self.dialog.offer(choices);
        match self.run(&|| false)? {
            Some(Answer::Chosen(at)) => Ok(at),
            _ => Err(lost()),
        }
    }

    /// Asks for something that may be seen, without the blanks around it.
    ///
    /// # Errors
    /// As above.
    pub fn ask(&mut self, question: &str) -> Result<String, PromptError> {
        self.dialog.ask(question, false);
        self.line().map(|line| line.expose().trim().to_owned())
    }

    /// Asks for a secret.
    ///
    /// # Errors
    /// As above.
    pub fn ask_secret(&mut self, question: &str) -> Result<SecretString, PromptError> {
        self.dialog.ask(question, true);
        self.line()
    }

    /// Asks for a new password and shows how hard it is to guess.
    ///
    /// # Errors
    /// As above.
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

    /// Says how things stand, and shows it at once.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn say(&mut self, sentence: &str) -> io::Result<()> {
        self.dialog.say(sentence);
        self.draw()
    }

    /// Tells of a problem, and shows it at once.
    pub fn tell(&mut self, sentence: &str) {
        self.dialog.tell(sentence);
        // A terminal that takes nothing is noticed by the next question.
        let _ = self.draw();
    }

    /// Shows a sheet.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn show(&mut self, sheet: &Sheet) -> io::Result<()> {
        self.dialog.show(sheet);
        self.draw()
    }

    /// Does something that takes a while; `knock` leads to the keys. What is typed meanwhile goes
    /// nowhere: it was not meant for a question that nobody has seen yet.
    ///
    /// # Errors
    /// When the person does not want to wait: the task goes on, unheard. And as above.
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
                // Also where the task panics; the knock comes after the end of the work.
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

    /// Waits for an answer, or until there is none to wait for any more, which is looked after
    /// whenever something comes from the terminal.
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
            // Asked first: what was typed before the end is no answer to what comes next.
            let is_done = is_done();
            while let Ok(pressed) = self.pressed.try_recv() {
                if let Some(answer) = self.press(pressed)? {
                    return Ok(Some(answer));
                }
            }
            if is_done {
                return Ok(None);
            }
            self.draw().map_err(PromptError::Terminal)?;
            // Whoever holds the other end is the terminal.
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

    /// Draws what there is to see.
    ///
    /// # Errors
    /// When the terminal does not take it.
    pub fn draw(&mut self) -> io::Result<()> {
        let drawn = self.terminal.draw(|frame| self.dialog.paint(frame));
        drawn.map(drop).map_err(failed)
    }

    /// Has all of the screen drawn anew, whatever stands on it. Not by `Terminal::clear`, which
    /// asks the terminal for the cursor's place.
    fn draw_anew(&mut self) -> io::Result<()> {
        let size = self.terminal.size().map_err(failed)?;
        self.terminal.resize(size.into()).map_err(failed)
    }
}

/// Another kind of answer than the question's, which nothing brings about.
fn lost() -> PromptError {
    PromptError::Terminal(ErrorKind::InvalidData.into())
}
