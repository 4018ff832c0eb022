use chatbox_common::auth::resume::ResumeToken;
use chatbox_common::fingerprint::Fingerprint;
use chatbox_common::secret::Secret;

use super::*;

const HOUR: Duration = Duration::from_secs(3600);

fn ticket(number: u8, left: Duration) -> Ticket {
    let token = ResumeToken {
        id: [number; 16],
        token: Secret::new([number; 32]),
    };
    Ticket::from_parts(token, left, Fingerprint::from_key(&[1; 32]))
}

/// Has a saved session of alice.
struct SessionsDir {
    root: tempfile::TempDir,
}

impl SessionsDir {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        Self { root }
    }

    fn directory(&self) -> PathBuf {
        self.root.path().join("state/chatbox/sessions")
    }

    fn file(&self) -> PathBuf {
        self.directory().join("chat:7878_alice")
    }

    fn try_hold(&self, user: &str) -> Result<Option<SavedSession>, SavedSessionError> {
        let server = ServerAddress::parse("Chat").unwrap();
        let user = UserName::parse(user).unwrap();
        SavedSession::hold(&self.directory(), &server, &user, Duration::ZERO)
    }

    fn hold(&self) -> SavedSession {
        self.try_hold("Alice").unwrap().unwrap()
    }

    fn edited(&self, from: &str, to: &str) -> Result<Option<Ticket>, SavedSessionError> {
        let saved = self.hold();
        saved.keep(&ticket(7, HOUR)).unwrap();
        let text = fs::read_to_string(self.file()).unwrap();
        assert!(text.contains(from), "{from:?} in {text:?}");
        fs::write(self.file(), text.replacen(from, to, 1)).unwrap();
        saved.ticket()
    }
}

#[test]
fn what_is_kept_is_found_again() {
    let dir = SessionsDir::new();
    assert!(dir.hold().ticket().unwrap().is_none());
    for number in [7, 8] {
        dir.hold().keep(&ticket(number, 2 * HOUR)).unwrap();
        let found = dir.hold().ticket().unwrap().unwrap();
        assert_eq!(found.fingerprint, Fingerprint::from_key(&[1; 32]));
        let (token, left) = found.parts(Instant::now());
        assert_eq!(
            (token.id, token.token.expose()),
            ([number; 16], &[number; 32])
        );
        assert!(left > HOUR && left <= 2 * HOUR, "{left:?}");
    }
    dir.hold().forget().unwrap();
    assert!(dir.hold().ticket().unwrap().is_none());
    dir.hold().forget().unwrap();
}

#[test]
fn a_ticket_is_good_until_its_time_and_never_longer_than_a_login() {
    let dir = SessionsDir::new();
    let saved = dir.hold();
    let now = SystemTime::now();
    saved.keep_at(&ticket(7, 2 * HOUR), now).unwrap();
    let left = |now| {
        let ticket = saved.ticket_at(now).unwrap();
        ticket.map(|ticket| ticket.parts(Instant::now()).1)
    };
    assert!(left(now + HOUR).unwrap() <= HOUR);
    assert!(left(now + 2 * HOUR).is_none());
    assert!(left(now + 1000 * HOUR).is_none());
    // The clock was set back.
    assert!(left(now - 1000 * HOUR).unwrap() <= 12 * HOUR);
}

#[test]
fn one_program_at_a_time_has_a_session() {
    let dir = SessionsDir::new();
    let first = dir.hold();
    assert!(dir.try_hold("ALICE").unwrap().is_none());
    assert!(dir.try_hold("bob").unwrap().is_some());
    drop(first);
    assert!(dir.try_hold("alice").unwrap().is_some());
}

#[test]
fn a_file_of_another_form_is_not_understood() {
    let dir = SessionsDir::new();
    for (from, to) in [
        ("session 1", "session 2"),
        ("chat:7878", "other:7878"),
        ("user Alice", "user bob"),
        ("user Alice", "name Alice"),
        ("SHA256:", "SHA512:"),
        ("until 1", "until x1"),
        ("\nid ", "\nid  "),
        ("token BwcH", "token Bwc"),
        ("token BwcH", "token !wcH"),
        ("token ", "token AAAA"),
        ("token ", "\ntoken "),
        ("Bwc\n", "Bwc"),
        ("chatbox-session 1\n", ""),
        ("until", "until 1\nuntil"),
    ] {
        let found = dir.edited(from, to);
        assert!(
            matches!(found, Err(SavedSessionError::Damaged(_))),
            "{from:?} {to:?}"
        );
    }
    for content in [&b""[..], b"\xff\n", &[b'#'; 5000]] {
        fs::write(dir.file(), content).unwrap();
        assert!(matches!(
            dir.hold().ticket(),
            Err(SavedSessionError::Damaged(_))
        ));
    }
}

#[test]
fn what_was_left_of_an_interrupted_write_is_in_nobody_s_way() {
    let dir = SessionsDir::new();
    let saved = dir.hold();
    let temporary = dir.directory().join("chat:7878_alice.new");
    fs::write(&temporary, "half").unwrap();
    saved.keep(&ticket(7, HOUR)).unwrap();
    assert!(saved.ticket().unwrap().is_some() && !temporary.exists());
    // A failure leaves no ticket that was used before.
    fs::create_dir(&temporary).unwrap();
    assert!(matches!(
        saved.keep(&ticket(8, HOUR)),
        Err(SavedSessionError::Io { .. })
    ));
    assert!(saved.ticket().unwrap().is_none());
}

#[test]
fn no_sentence_shows_a_token() {
    let dir = SessionsDir::new();
    let Err(error) = dir.edited("session 1", "session 2") else {
        panic!("it was understood");
    };
    let told = format!("{error} {error:?} {:?}", ticket(7, HOUR));
    assert!(
        told.contains("delete it") && told.contains("chat:7878_alice"),
        "{told}"
    );
    assert!(
        !told.contains("BwcH") && told.contains("<redacted>"),
        "{told}"
    );
}

#[test]
fn sessions_are_kept_where_the_xdg_specification_says() {
    let path = |state: Option<&str>, home: Option<&str>| {
        default_directory(state.map(OsString::from), home.map(OsString::from))
    };
    let in_home = Some(PathBuf::from("/home/a/.local/state/chatbox/sessions"));
    let set = Some(PathBuf::from("/state/chatbox/sessions"));
    assert_eq!(path(Some("/state"), Some("/home/a")), set);
    assert_eq!(path(None, Some("/home/a")), in_home);
    assert_eq!(path(Some("relative"), Some("/home/a")), in_home);
    assert_eq!(path(None, Some("")), None);
}

#[cfg(unix)]
mod unix {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    fn set_mode(path: &Path, mode: u32) {
        fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    #[test]
    fn only_its_owner_may_do_anything_with_a_session() {
        let dir = SessionsDir::new();
        let saved = dir.hold();
        saved.keep(&ticket(7, HOUR)).unwrap();
        assert_eq!(mode(&dir.directory()), 0o700);
        for file in fs::read_dir(dir.directory()).unwrap() {
            assert_eq!(mode(&file.unwrap().path()), 0o600);
        }
        for open in [0o640, 0o604, 0o620, 0o601] {
            set_mode(&dir.file(), open);
            let error = saved.ticket().unwrap_err();
            assert!(
                matches!(error, SavedSessionError::OpenFile { .. }),
                "{open:o}"
            );
            assert!(error.to_string().contains("delete it"), "{error}");
        }
        saved.keep(&ticket(8, HOUR)).unwrap();
        assert_eq!(mode(&dir.file()), 0o600);
        assert!(saved.ticket().unwrap().is_some());
    }

    #[test]
    fn a_directory_that_others_may_enter_keeps_nothing() {
        let dir = SessionsDir::new();
        drop(dir.hold());
        for open in [0o755, 0o710, 0o770] {
            set_mode(&dir.directory(), open);
            let refused = dir.try_hold("alice");
            let Err(SavedSessionError::OpenDirectory { mode, .. }) = refused else {
                panic!("{open:o}");
            };
            assert_eq!(mode, open);
        }
    }

    #[test]
    fn what_is_no_file_of_its_own_is_not_read() {
        let dir = SessionsDir::new();
        let saved = dir.hold();
        saved.keep(&ticket(7, HOUR)).unwrap();
        let elsewhere = dir.root.path().join("elsewhere");
        fs::rename(dir.file(), &elsewhere).unwrap();
        symlink(&elsewhere, dir.file()).unwrap();
        assert!(matches!(saved.ticket(), Err(SavedSessionError::Io { .. })));
        let before = fs::read(&elsewhere).unwrap();
        saved.keep(&ticket(8, HOUR)).unwrap();
        assert!(saved.ticket().unwrap().is_some());
        assert_eq!(fs::read(&elsewhere).unwrap(), before);
        saved.forget().unwrap();
        fs::create_dir(dir.file()).unwrap();
        assert!(matches!(saved.ticket(), Err(SavedSessionError::Damaged(_))));
    }
}
