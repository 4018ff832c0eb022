//! Whether the person is asked something or sees the chat, and what was told meanwhile: a sentence
//! that no question has shown is said again in the chat.

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Questions {
    /// What was told since the last question.
    told: Vec<String>,
    /// Questions are over, and the chat is shown.
    are_over: bool,
    /// A sheet is shown that no question followed.
    has_sheet: bool,
}

impl Questions {
    /// Whether the chat is shown.
    pub(super) const fn are_over(&self) -> bool {
        self.are_over
    }

    /// Whether a sheet is shown that no question followed, so that it may not have been seen.
    pub(super) const fn has_sheet(&self) -> bool {
        self.has_sheet
    }

    /// A question is asked. What was told before it has been seen, and so has the sheet that it is
    /// about.
    pub(super) fn begin(&mut self) {
        *self = Self::default();
    }

    /// Something is waited for.
    pub(super) const fn wait(&mut self) {
        self.are_over = false;
    }

    /// A sheet is shown.
    pub(super) const fn show_sheet(&mut self) {
        (self.are_over, self.has_sheet) = (false, true);
    }

    /// The chat is shown from here on.
    pub(super) const fn end(&mut self) {
        (self.are_over, self.has_sheet) = (true, false);
    }

    /// Something was told outside the chat.
    pub(super) fn tell(&mut self, sentence: &str) {
        self.told.push(sentence.to_owned());
    }

    /// What was told and no question has shown.
    pub(super) fn told(&self) -> &[String] {
        &self.told
    }

    /// It is said in the chat now.
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
