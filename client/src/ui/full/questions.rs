//! Whether questions or the chat are on the screen, and the problems told meanwhile: one that no
//! later question has shown is repeated in the chat. State only; `face` shows it.

#[derive(Debug, Default)]
pub(super) struct Questions {
    /// Since the last question began.
    told: Vec<String>,
    are_over: bool,
    has_sheet: bool,
    /// A question in the place of the input line was not seen yet.
    is_unseen: bool,
}

impl Questions {
    /// The chat is shown.
    pub(super) const fn are_over(&self) -> bool {
        self.are_over
    }

    /// Whether a key answers the question in the place of the input line.
    pub(super) const fn takes_keys(&self) -> bool {
        !self.is_unseen
    }

    pub(super) const fn take_keys(&mut self, takes: bool) {
        self.is_unseen = !takes;
    }

    /// A sheet is shown that no question followed: the person may not have seen it.
    pub(super) const fn has_sheet(&self) -> bool {
        self.has_sheet
    }

    /// The question shows what was told before it, and the sheet that it is about.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// The person is shown that something takes a while.
    pub(super) const fn wait(&mut self) {
        self.are_over = false;
    }

    pub(super) const fn show_sheet(&mut self) {
        (self.are_over, self.has_sheet) = (false, true);
    }

    pub(super) const fn end(&mut self) {
        (self.are_over, self.has_sheet) = (true, false);
    }

    pub(super) fn tell(&mut self, sentence: &str) {
        self.told.push(sentence.to_owned());
    }

    /// What was told and no later question has shown.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    /// To be called when it is said in the chat.
    pub(super) fn take_told(&mut self) -> Vec<String> {
        std::mem::take(&mut self.told)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_told_is_said_in_the_chat_unless_a_question_has_shown_it() {
        let mut questions = Questions::default();
        questions.tell("wrong password");
        questions.begin();
        questions.tell("no connection");
        questions.end();
        assert!(questions.are_over());
        assert_eq!(questions.take_told(), ["no connection"]);
        assert_eq!(questions.told(), [""; 0]);
    }

    #[test]
    fn a_sheet_is_left_to_the_person_until_a_question_or_the_chat_follows() {
        let mut questions = Questions::default();
        questions.end();
        questions.show_sheet();
        assert!(questions.has_sheet() && !questions.are_over());
        questions.wait();
        assert!(questions.has_sheet());
        questions.begin();
        assert!(!questions.has_sheet());
        questions.show_sheet();
        questions.end();
        assert!(!questions.has_sheet() && questions.are_over());
    }
}
