//! Looking for words in what is shown.

use super::*;

#[test]
fn what_was_said_is_looked_for_where_it_is_shown() {
    let mut desk = Desk::begin();
    desk.press("ctrl-r \"line 44\"");
    desk.sees("line 44");
    desk.press("escape");
    desk.press("ctrl-r \"nowhere\"");
    desk.sees("(not found)");
    desk.press("enter \"typed\"");
    assert_eq!(desk.line(), "typed|");
    // What is pasted is looked for as well; nothing is missed while nothing is sought.
    desk.press("ctrl-r");
    desk.sees_not("(not found)");
    desk.paste("line 4");
    desk.sees_not("(not found)");
    desk.paste("x");
    desk.sees("(not found)");
    desk.press("ctrl-u");
    desk.sees_not("(not found)");
}
