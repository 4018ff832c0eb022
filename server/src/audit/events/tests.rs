//! What holds for all events.

use super::*;

#[test]
fn events_and_keys_are_words_that_need_no_escaping() {
    let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for event in ALL {
        assert!(is_word(event.name), "{event:?}");
        assert!(event.keys.iter().all(|key| is_word(key.name)), "{event:?}");
        assert!(event.level <= Level::Info, "{event:?}");
    }
}
