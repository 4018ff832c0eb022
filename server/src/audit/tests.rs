use std::fs;
use std::os::unix::fs::symlink;

use chatbox_common::config::AUDIT_FILES;
use chatbox_common::limits::MAX_TEXT;
use log::Level;

use super::events::{AuditEvent, key};
use super::*;
use crate::threads::testing::{in_a_copy, is_copy};

const LOGIN: AuditEvent = AuditEvent::for_test(
    "login",
    Level::Info,
    AuditFile::Credentials,
    &[key!([n]), key!([i])],
);
const START: AuditEvent = AuditEvent::for_test("start", Level::Info, AuditFile::Info, &[]);
const STATEMENT: AuditEvent =
    AuditEvent::for_test("sql", Level::Info, AuditFile::Sql, &[key!([text])]);

#[test]
fn the_files_are_named_as_the_configuration_names_them() {
    use AuditFile::{Chat, Credentials, Info, Sql};
    assert_eq!(
        [Sql, Info, Credentials, Chat].map(AuditFile::name),
        AUDIT_FILES
    );
}

fn lines(dir: &Path, file: AuditFile) -> Vec<String> {
    let text = fs::read_to_string(dir.join(file.name())).unwrap();
    text.lines().map(|line| line[25..].to_owned()).collect()
}

#[test]
fn every_line_of_every_thread_is_written_before_stop_returns() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::start(dir.path()).unwrap();
    let threads: Vec<_> = (0..4)
        .map(|n| {
            let audit = audit.clone();
            thread::spawn(move || {
                for i in 0..QUEUE {
                    audit.log(Line::of(&LOGIN).with("n", n).with("i", i));
                }
            })
        })
        .collect();
    audit.log_together(vec![Line::of(&STATEMENT)]);
    audit.log(Line::of(&START));
    for thread in threads {
        thread.join().unwrap();
    }
    audit.stop();
    audit.stop();
    assert_eq!(lines(dir.path(), AuditFile::Sql), ["INFO  sql"]);
    assert_eq!(lines(dir.path(), AuditFile::Info), ["INFO  start"]);
    let logins = lines(dir.path(), AuditFile::Credentials);
    for n in 0..4 {
        let of_one: Vec<_> = logins
            .iter()
            .filter(|l| l.contains(&format!(" n={n} ")))
            .collect();
        let expected: Vec<_> = (0..QUEUE)
            .map(|i| format!("INFO  login n={n} i={i}"))
            .collect();
        assert!(of_one.into_iter().eq(&expected));
    }
}

#[test]
fn more_at_once_than_may_wait_is_written_all_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::start(dir.path()).unwrap();
    let line = Line::of(&STATEMENT).with_text("text", &"y".repeat(1000));
    for _ in 0..QUEUE {
        audit.log_together(vec![line.clone(); 4]);
    }
    audit.stop();
    assert_eq!(lines(dir.path(), AuditFile::Sql).len(), 4 * QUEUE);
    assert_eq!(lines(dir.path(), AuditFile::Info), [""; 0]);
}

#[test]
fn what_was_put_right_at_the_opening_stands_in_info_log() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("sql.log"), "unfinished").unwrap();
    Audit::start(dir.path()).unwrap().stop();
    let info = lines(dir.path(), AuditFile::Info);
    assert!(
        info.iter()
            .all(|l| l.starts_with("WARN  log_repaired file=sql.log"))
    );
    assert!(info.iter().any(|l| l.contains("unfinished")));
}

fn writer(dir: &Path) -> Writer {
    let open = |which| LogFile::open(dir, which).unwrap().0;
    Writer {
        sql: open(AuditFile::Sql),
        info: open(AuditFile::Info),
        credentials: open(AuditFile::Credentials),
        gone: RefCell::default(),
        state: Arc::default(),
    }
}

#[test]
fn a_full_disk_can_be_asked_for_and_holds_up_only_its_own_file() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/full", dir.path().join("credentials.log")).unwrap();
    let audit = Audit::start(dir.path()).unwrap();
    assert_eq!(audit.fault(), None);
    audit.log(Line::of(&LOGIN));
    audit.log(Line::of(&START));
    audit.stop();
    let fault = audit.fault().unwrap();
    assert!(fault.starts_with("credentials.log: "), "{fault}");
    assert_eq!(lines(dir.path(), AuditFile::Info), ["INFO  start"]);
}

#[test]
fn a_file_that_was_moved_or_deleted_is_written_under_its_name_again() {
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::start(dir.path()).unwrap();
    let log = |i| audit.log(Line::of(&LOGIN).with("n", 1).with("i", i));
    log(1);
    // Both are gone from under the thread; a look comes behind the lines before it.
    audit.look_at_files();
    fs::rename(dir.path().join("credentials.log"), dir.path().join("moved")).unwrap();
    fs::remove_file(dir.path().join("sql.log")).unwrap();
    audit.look_at_files();
    log(2);
    audit.log(Line::of(&STATEMENT));
    audit.stop();
    let login = |i| format!("INFO  login n=1 i={i}");
    assert_eq!(lines(dir.path(), AuditFile::Credentials), [login(2)]);
    let moved = fs::read_to_string(dir.path().join("moved")).unwrap();
    assert!(moved.ends_with(&(login(1) + "\n")), "{moved}");
    assert_eq!(lines(dir.path(), AuditFile::Sql), ["INFO  sql"]);
    let told = lines(dir.path(), AuditFile::Info);
    assert_eq!(
        told,
        [
            "WARN  log_deleted file=sql.log",
            "INFO  log_reopened file=credentials.log"
        ]
    );
}

#[test]
fn a_file_that_cannot_be_made_again_is_a_fault_until_it_can() {
    let dir = tempfile::tempdir().unwrap();
    let inner = dir.path().join("log");
    fs::create_dir(&inner).unwrap();
    let writer = writer(&inner);
    let fault = || lock(&writer.state.fault).clone();
    fs::rename(&inner, dir.path().join("moved")).unwrap();
    writer.look_at_files();
    writer.flush();
    assert!(
        fault().unwrap().starts_with("info.log is gone"),
        "{:?}",
        fault()
    );
    fs::create_dir(&inner).unwrap();
    writer.look_at_files();
    writer.flush();
    assert_eq!(fault(), None);
    assert_eq!(lines(&inner, AuditFile::Info).len(), 3);
}

#[test]
fn lines_beyond_the_bound_are_counted_and_told_once_the_file_works() {
    let dir = tempfile::tempdir().unwrap();
    symlink("/dev/full", dir.path().join("sql.log")).unwrap();
    let mut writer = writer(dir.path());
    let line = Line::of(&STATEMENT).with_text("text", &"y".repeat(MAX_TEXT));
    let fitting = MAX_WAITING.div_ceil(line.as_str().len() + 1);
    for _ in 0..fitting + 3 {
        assert!(writer.take(AuditJob::Write(vec![line.clone()])));
    }
    writer.flush();
    assert!(lock(&writer.state.fault).is_some());
    assert_eq!(lines(dir.path(), AuditFile::Info), [""; 0]);
    fs::remove_file(dir.path().join("sql.log")).unwrap();
    writer.sql = LogFile::open(dir.path(), AuditFile::Sql).unwrap().0;
    writer.flush();
    assert_eq!(*lock(&writer.state.fault), None);
    let told = lines(dir.path(), AuditFile::Info);
    assert_eq!(told, ["ERROR lines_lost lines=3"]);
}

#[test]
fn a_thread_that_fails_takes_the_process_along() {
    if is_copy() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::start(dir.path()).unwrap();
        audit.queue.send(AuditJob::Fail).unwrap();
        audit.stop();
        unreachable!("the process ends, and nobody goes on");
    }
    let test = "audit::tests::a_thread_that_fails_takes_the_process_along";
    let (code, said) = in_a_copy(test);
    assert_eq!(code, Some(1), "{said}");
    let sentence = "the audit thread has failed, and the server ends";
    assert!(said.contains(sentence), "{said}");
}
