use crate::config;

/// The text of a config.toml.
///
/// A text that is refused has faults in the order of its lines, each of a line that it has, and
/// nothing in their sentences is obeyed by a terminal.
pub fn config(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Err(faults) = config::parse(&text) else {
        return;
    };
    assert!(!faults.is_empty());
    assert!(faults.is_sorted_by_key(|fault| fault.line));
    let lines = text.matches('\n').count() + 1;
    for fault in faults {
        assert!((1..=lines).contains(&fault.line), "{fault:?}");
        assert!(!fault.sentence.is_empty());
        // What needs escaping: controls, what changes the order of a text, what can't be seen.
        let obeyed = |c: char| !matches!(c, '"' | '\'' | '\\') && c.escape_debug().count() > 1;
        assert!(!fault.sentence.contains(obeyed), "{fault:?}");
    }
}
