use std::os::unix::fs::PermissionsExt;

use super::*;

fn started_in(dir: &Path) -> Environment {
    Environment {
        working_dir: dir.to_path_buf(),
        xdg_config_home: Some(dir.join("nobody's")),
        xdg_state_home: None,
        home: Some(dir.join("home")),
    }
}

fn named(path: &Path) -> Options {
    Options {
        config: Some(path.to_path_buf()),
        ..Options::default()
    }
}

#[test]
fn the_file_is_found_upward_and_its_directories_lie_beside_it() {
    let root = tempfile::tempdir().unwrap();
    let inner = root.path().join("server/src");
    fs::create_dir_all(&inner).unwrap();
    fs::write(root.path().join(FILE_NAME), "[server]\nport = 1\n").unwrap();
    let settings = load(&Options::default(), &started_in(&inner)).unwrap();
    assert!(!settings.log_dir.exists(), "nothing is made yet");
    settings.make_directories().unwrap();
    assert_eq!(settings.config.server.port, 1);
    assert_eq!(settings.log_dir, root.path().join("log"));
    for dir in [&settings.log_dir, &settings.data_dir, &settings.key_dir] {
        let mode = fs::metadata(dir).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        let ignored = fs::read_to_string(dir.join(".gitignore")).unwrap();
        assert_eq!(ignored, "*\n");
    }
}

#[test]
fn a_file_that_others_could_have_put_there_is_refused_and_not_passed_over() {
    let root = tempfile::tempdir().unwrap();
    let inner = root.path().join("open/inner");
    fs::create_dir_all(&inner).unwrap();
    for folder in [root.path(), &root.path().join("open")] {
        fs::write(folder.join(FILE_NAME), "").unwrap();
    }
    let open = root.path().join("open");
    let found = || find(&Options::default(), &started_in(&inner));
    for mode in [0o777, 0o1777, 0o775] {
        fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
        let refusal = found().unwrap_err();
        assert!(
            refusal.contains("open/config.toml is not taken"),
            "{refusal}"
        );
        assert!(refusal.contains("--config"), "{refusal}");
    }
    fs::set_permissions(&open, fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(found(), Ok(Some(open.join(FILE_NAME))));
    fs::set_permissions(open.join(FILE_NAME), fs::Permissions::from_mode(0o646)).unwrap();
    assert!(
        found()
            .unwrap_err()
            .contains("config.toml may be changed by others")
    );
    assert!(find(&named(&open.join(FILE_NAME)), &started_in(&inner)).is_ok());
}

#[test]
fn a_directory_in_which_there_is_something_gets_no_gitignore() {
    let root = tempfile::tempdir().unwrap();
    let there = |name: &str| root.path().join(name);
    for name in ["log", "keys", "data"] {
        fs::create_dir(there(name)).unwrap();
    }
    fs::write(there("log/.gitignore"), "mine").unwrap();
    fs::write(there("keys/passwd"), "").unwrap();
    fs::write(there("data/chatbox.lock"), "").unwrap();
    fs::write(root.path().join(FILE_NAME), "").unwrap();
    let settings = load(&Options::default(), &started_in(root.path())).unwrap();
    settings.make_directories().unwrap();
    let kept = fs::read_to_string(there("log/.gitignore")).unwrap();
    assert_eq!(kept, "mine");
    assert!(!there("keys/.gitignore").exists());
    assert!(there("data/.gitignore").exists());
}

#[test]
fn without_a_file_everything_lies_in_the_users_state() {
    let root = tempfile::tempdir().unwrap();
    let mut environment = started_in(root.path());
    // A file above the temporary directory must not be found.
    environment.working_dir = PathBuf::from("/nonexistent");
    let state = base(None, &environment).unwrap();
    assert_eq!(state, root.path().join("home/.local/state/chatbox"));
    environment.xdg_state_home = Some(PathBuf::from("/s"));
    assert_eq!(
        base(None, &environment).unwrap(),
        PathBuf::from("/s/chatbox")
    );
    environment.xdg_state_home = Some(PathBuf::from("relative"));
    environment.home = None;
    assert!(base(None, &environment).unwrap_err().contains("--config"));
}

#[test]
fn flags_override_the_file() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("my.toml");
    fs::write(&path, "[logging]\ndirectory = \"/nonexistent/log\"\n").unwrap();
    let options = Options {
        port: Some(0),
        address: Some("::1".parse().unwrap()),
        log_dir: Some(PathBuf::from("elsewhere")),
        ..named(Path::new("my.toml"))
    };
    let settings = load(&options, &started_in(root.path())).unwrap();
    assert_eq!(settings.file, Some(path));
    assert_eq!(settings.config.server.port, 0);
    assert_eq!(settings.config.server.address.to_string(), "::1");
    assert_eq!(settings.log_dir, root.path().join("elsewhere"));
}

#[test]
fn every_fault_names_the_file_and_its_line() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("bad\u{1b}.toml");
    fs::write(&path, "[server]\nport = 'x'\nprot = 1\n").unwrap();
    let ConfigError(faults) = load(&named(&path), &started_in(root.path())).unwrap_err();
    assert_eq!(faults.len(), 2);
    assert!(faults[0].contains("toml, line 2: "), "{}", faults[0]);
    assert!(faults[1].contains("toml, line 3: "), "{}", faults[1]);
    assert!(!faults.concat().contains('\u{1b}'));
}

#[test]
fn what_is_no_configuration_is_refused() {
    let root = tempfile::tempdir().unwrap();
    let environment = started_in(root.path());
    let path = root.path().join("x.toml");
    let missing = load(&named(&path), &environment).unwrap_err().to_string();
    assert!(missing.contains("can't be read"), "{missing}");
    fs::write(&path, b"\xff\xfe").unwrap();
    let binary = load(&named(&path), &environment).unwrap_err().to_string();
    assert!(binary.contains("can't be read"), "{binary}");
    let endless = load(&named(Path::new("/dev/zero")), &environment).unwrap_err();
    assert!(endless.to_string().contains("longer"), "{endless}");
}

#[test]
fn all_directories_that_cannot_be_used_are_named_at_once() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join(FILE_NAME);
    fs::write(
        &path,
        "storage.directory = 'config.toml/data'\nlogging.directory = 'config.toml'\n",
    )
    .unwrap();
    let ConfigError(faults) = load(&named(&path), &started_in(root.path())).unwrap_err();
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].contains("--data-dir"), "{}", faults[0]);
    assert!(faults[1].contains("--log-dir"), "{}", faults[1]);
}

#[test]
fn a_place_that_is_not_ours_is_named() {
    let denied = io::Error::from(ErrorKind::PermissionDenied);
    let etc = Path::new("/etc/chatbox");
    let sentence = unusable(&etc.join("log"), etc, "--log-dir", &denied);
    assert!(sentence.contains("(/etc/chatbox, where it would lie"));
    assert!(sentence.ends_with("name another with --log-dir"));
}
