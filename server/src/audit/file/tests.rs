use std::fs;
use std::os::unix::fs::symlink;

use log::Level;

use super::*;
use crate::audit::events::{AuditEvent, key};

const A: AuditEvent = AuditEvent::for_test("a", Level::Info, AuditFile::Chat, &[]);
const B: AuditEvent = AuditEvent::for_test("b", Level::Error, AuditFile::Chat, &[key!(k)]);

fn chat(dir: &Path) -> (LogFile, Vec<Line>) {
    LogFile::open(dir, AuditFile::Chat).unwrap()
}

fn content(dir: &Path) -> String {
    fs::read_to_string(dir.join("chat.log")).unwrap()
}

#[test]
fn lines_wait_until_they_are_flushed_together() {
    let dir = tempfile::tempdir().unwrap();
    let (file, repairs) = chat(dir.path());
    let (a, b) = (Line::of(&A), Line::of(&B).with("k", "{} %s"));
    file.append(&a);
    file.append(&b);
    assert_eq!(content(dir.path()), "");
    file.flush().unwrap();
    assert_eq!(
        content(dir.path()),
        format!("{}\n{}\n", a.as_str(), b.as_str())
    );
    assert_eq!((file.waiting(), repairs), (0, vec![]));
    let mode = fs::metadata(dir.path().join("chat.log")).unwrap();
    assert_eq!(mode.permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_file_that_was_there_is_closed_to_others_and_ends_with_a_whole_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("chat.log");
    let long = "x".repeat(10_000);
    fs::write(&path, format!("whole\nhalf {long}")).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    let (file, repairs) = chat(dir.path());
    assert_eq!(repairs.len(), 2);
    assert!(repairs[0].as_str().contains("log_repaired file=chat.log"));
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let line = Line::of(&A);
    file.append(&line);
    file.flush().unwrap();
    assert_eq!(content(dir.path()), format!("whole\n{}\n", line.as_str()));
    assert_eq!(chat(dir.path()).1, vec![]);
    fs::write(&path, "half").unwrap();
    chat(dir.path());
    assert_eq!(content(dir.path()), "");

    // Nothing can write the other files' lines again: what is left of one is kept.
    let other = dir.path().join("info.log");
    fs::write(&other, "half").unwrap();
    LogFile::open(dir.path(), AuditFile::Info).unwrap();
    assert_eq!(fs::read_to_string(&other).unwrap(), "half\n");
}

#[test]
fn a_full_disk_is_reported_and_nothing_is_forgotten() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/full", dir.path().join("chat.log")).unwrap();
    let (file, _) = chat(dir.path());
    file.append(&Line::of(&A));
    let waiting = file.waiting();
    assert_eq!(
        file.flush().unwrap_err().kind(),
        ErrorKind::StorageFull,
        "the error that simplelog drops"
    );
    assert_eq!(file.waiting(), waiting);
    let other = dir.path().join("other");
    file.output.lock().file = File::create(&other).unwrap();
    file.flush().unwrap();
    assert!(fs::read_to_string(&other).unwrap().ends_with(" a\n"));
    assert_eq!(file.waiting(), 0);
}

#[test]
fn half_a_line_is_taken_back() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("chat.log"), "whole\n").unwrap();
    let (mut output, _) = Output::open(dir.path(), AuditFile::Chat).unwrap();
    output.waiting.extend_from_slice(b"next line\n");
    output.file.write_all(b"next").unwrap();
    output.undo(Some(6), 4);
    assert_eq!(content(dir.path()), "whole\n");
    output.flush();
    assert_eq!(content(dir.path()), "whole\nnext line\n");
}

#[test]
fn what_cannot_be_taken_back_is_continued() {
    let dir = tempfile::tempdir().unwrap();
    let (mut output, _) = Output::open(dir.path(), AuditFile::Chat).unwrap();
    // As of a pipe.
    output.is_regular = false;
    output.waiting.extend_from_slice(b"next line\n");
    output.file.write_all(b"next").unwrap();
    output.undo(Some(0), 4);
    output.flush();
    assert_eq!(content(dir.path()), "next line\n");
}

#[test]
fn a_file_that_was_moved_is_left_with_its_lines_and_a_new_one_begun() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = chat(dir.path());
    let syncer = file.syncer();
    let (first, second) = (Line::of(&A), Line::of(&B).with("k", 2));
    assert!(file.reopen_if_gone().unwrap().is_none());
    file.append(&first);
    let moved = dir.path().join("chat.log.1");
    fs::rename(dir.path().join("chat.log"), &moved).unwrap();
    assert_eq!(file.reopen_if_gone().unwrap(), Some((Gone::Moved, vec![])));
    file.append(&second);
    file.flush().unwrap();
    assert_eq!(
        fs::read_to_string(&moved).unwrap(),
        format!("{}\n", first.as_str())
    );
    assert_eq!(content(dir.path()), format!("{}\n", second.as_str()));
    assert!(file.output.lock().retired.is_some(), "not synced yet");
    syncer.sync().unwrap();
    assert!(file.output.lock().retired.is_none());
    assert!(file.reopen_if_gone().unwrap().is_none());

    // The name may mean a file that somebody else has made meanwhile.
    fs::rename(dir.path().join("chat.log"), &moved).unwrap();
    fs::write(dir.path().join("chat.log"), "half").unwrap();
    let (gone, repairs) = file.reopen_if_gone().unwrap().unwrap();
    assert_eq!((gone, repairs.len()), (Gone::Moved, 2));
}

#[test]
fn a_file_that_was_deleted_is_made_again() {
    let dir = tempfile::tempdir().unwrap();
    let (file, _) = chat(dir.path());
    fs::remove_file(dir.path().join("chat.log")).unwrap();
    assert_eq!(
        file.reopen_if_gone().unwrap(),
        Some((Gone::Deleted, vec![]))
    );
    file.append(&Line::of(&A));
    file.flush().unwrap();
    assert!(content(dir.path()).ends_with(" a\n"));
}

#[test]
fn a_file_that_cannot_be_made_again_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("log");
    fs::create_dir(&inner).unwrap();
    let (file, _) = chat(&inner);
    let moved = dir.path().join("moved");
    fs::rename(&inner, &moved).unwrap();
    assert!(file.reopen_if_gone().is_err());
    file.append(&Line::of(&A));
    file.flush().unwrap();
    assert!(content(&moved).ends_with(" a\n"));
}

#[test]
fn a_short_write_is_counted() {
    let mut room = [0_u8; 6];
    let (written, result) = write_counting(&mut &mut room[..], b"next line");
    assert_eq!(written, 6);
    assert!(result.is_err());
    assert_eq!(write_counting(&mut io::sink(), b"next").0, 4);
}
