//! Titles and ends of lists of messages of the past.

pub const NO_SUCH_MOMENT: &str = "There is no such moment in the calendar.";
pub const NOT_ALL_SOUGHT: &str = "the server has not looked through all messages: some may be missing \
     here; search again in a while, or for other words";

pub fn nothing_before(room: &str, moment: &str) -> String {
    format!("{room}: there is nothing before {moment}")
}

pub fn before(room: &str, moment: &str) -> String {
    format!("{room}: messages before {moment}")
}

pub fn end_before(room: &str, moment: &str, is_all: bool) -> String {
    let earlier = if is_all {
        "; there is nothing earlier"
    } else {
        ""
    };
    format!("{room}: end of the messages before {moment}{earlier}")
}

pub fn messages_with(words: &str) -> String {
    format!("messages with: {words}")
}

pub fn found(count: usize, words: &str, more: bool) -> String {
    let found = match count {
        0 => format!("nothing found with: {words}"),
        1 => "1 message found".to_owned(),
        count => format!("{count} messages found, the newest last"),
    };
    let older = if more {
        "; there are older ones: /search without words shows them"
    } else {
        ""
    };
    format!("{found}{older}")
}
