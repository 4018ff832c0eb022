//! Compares the tables of docs/OPERATING.md with the catalogue.

use std::collections::BTreeSet;

use chatbox_common::config::AUDIT_FILES;

use super::*;

const PAGE: &str = include_str!("../../../../docs/OPERATING.md");

/// File, event, level, and the keys as a manual shows them.
type EventRow = [String; 4];

fn row_of(event: &AuditEvent) -> EventRow {
    let keys = event.keys.iter().map(|key| {
        if key.is_always_there {
            key.name.to_owned()
        } else {
            format!("[{}]", key.name)
        }
    });
    [
        event.file.name().to_owned(),
        event.name.to_owned(),
        event.level.to_string(),
        keys.collect::<Vec<_>>().join(" "),
    ]
}

fn rows_of(page: &str) -> Vec<EventRow> {
    let mut file = None;
    let mut rows = Vec::new();
    for line in page.lines() {
        if line.starts_with('#') {
            let title = line.trim_start_matches('#').trim();
            file = AUDIT_FILES.contains(&title).then_some(title);
        } else if let Some(file) = file
            && let Some(cells) = line.strip_prefix("| `")
        {
            let cells: Vec<&str> = cells.split(" | ").collect();
            let [event, level, keys, when] = cells[..] else {
                panic!("a row has four cells: {line}");
            };
            assert!(when.ends_with(". |"), "a row says when: {line}");
            let [event, keys] = [event, keys].map(|cell| cell.replace('`', ""));
            rows.push([file.to_owned(), event, level.to_owned(), keys]);
        }
    }
    rows
}

#[test]
fn the_operators_page_has_every_event_as_the_catalogue_has_it_and_no_other() {
    let page = rows_of(PAGE);
    let catalogue: Vec<EventRow> = ALL.iter().map(|event| row_of(event)).collect();
    let set = |rows: &[EventRow]| rows.iter().cloned().collect::<BTreeSet<EventRow>>();
    let (on_page, listed) = (set(&page), set(&catalogue));
    let missing: Vec<_> = listed.difference(&on_page).collect();
    let unknown: Vec<_> = on_page.difference(&listed).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/OPERATING.md lacks {missing:#?} and has {unknown:#?}"
    );
    assert_eq!(page.len(), on_page.len(), "a row stands there twice");
    assert_eq!(catalogue.len(), listed.len(), "an event stands there twice");
}

#[test]
fn a_row_that_differs_in_anything_is_another_row() {
    let page = "### info.log\n| `a` | INFO | `k [l]` | At the start. |\n";
    let same = AuditEvent {
        name: "a",
        level: Level::Info,
        file: AuditFile::Info,
        keys: &[key!(k), key!([l])],
    };
    assert_eq!(rows_of(page), [row_of(&same)]);
    for (name, level, file, keys) in [
        ("b", Level::Info, AuditFile::Info, same.keys),
        ("a", Level::Warn, AuditFile::Info, same.keys),
        ("a", Level::Info, AuditFile::Sql, same.keys),
        ("a", Level::Info, AuditFile::Info, &[key!(k), key!(l)]),
        ("a", Level::Info, AuditFile::Info, &[key!([l]), key!(k)]),
        ("a", Level::Info, AuditFile::Info, &[key!(k)]),
    ] {
        let other = AuditEvent::for_test(name, level, file, keys);
        assert_ne!(rows_of(page), [row_of(&other)]);
    }
}

#[test]
fn events_and_keys_are_words_that_need_no_escaping() {
    let is_word = |text: &str| text.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
    for event in ALL {
        assert!(is_word(event.name), "{event:?}");
        assert!(event.keys.iter().all(|key| is_word(key.name)), "{event:?}");
        assert!(event.level <= Level::Info, "{event:?}");
    }
}
