//! Finds the configuration file, and judges whether it may be taken, and commands in it be run.

use std::env;
use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use chatbox_common::config::{self, Candidate, Config, MAX_FILE};

use super::ConfigError;
use crate::file_mode::{self, FileMode};
use crate::words::config as words;

#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    /// The file was named, or lies in the person's or the system's directory. One that was only
    /// found beside the working directory may be another person's, and its commands are not run.
    pub(super) is_meant: bool,
}

/// The outcome of a search.
#[derive(Debug, Default)]
pub(super) struct ConfigSearch {
    pub(super) found: Option<Found>,
    /// Why files that lay about were not taken, as sentences.
    pub(super) passed_over: Vec<String>,
}

/// Reads the file `named`, or else the first that is found.
pub(super) fn find(named: Option<&Path>) -> Result<ConfigSearch, ConfigError> {
    match named {
        Some(path) => Ok(ConfigSearch {
            found: Some(Found {
                config: read(path)?,
                path: path.to_owned(),
                is_meant: true,
            }),
            passed_over: Vec::new(),
        }),
        None => search(
            &env::current_dir().unwrap_or_default(),
            env::var_os("XDG_CONFIG_HOME").map(PathBuf::from).as_deref(),
            env::var_os("HOME").map(PathBuf::from).as_deref(),
        ),
    }
}

pub(super) fn search(
    start: &Path,
    xdg_config_home: Option<&Path>,
    home: Option<&Path>,
) -> Result<ConfigSearch, ConfigError> {
    let mut passed_over = Vec::new();
    for Candidate { path, is_meant } in config::candidates(start, xdg_config_home, home) {
        let taken = if is_meant {
            read(&path).map(Some)
        } else {
            take_if_ours(&path, &mut passed_over)
        };
        let config = match taken {
            Err(ConfigError::Read { source, .. })
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory
                ) =>
            {
                continue;
            }
            Ok(None) => continue,
            Ok(Some(config)) => config,
            Err(error) => return Err(error),
        };
        let found = Found {
            path,
            config,
            is_meant,
        };
        return Ok(ConfigSearch {
            found: Some(found),
            passed_over,
        });
    }
    Ok(ConfigSearch {
        found: None,
        passed_over,
    })
}

/// A file that only lies about: `None` where another user could have put it there, or where it is
/// another program's.
///
/// # Errors
/// Where it is ours, and has faults.
fn take_if_ours(path: &Path, passed_over: &mut Vec<String>) -> Result<Option<Config>, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let mut pass_over = |why: &str| {
        passed_over.push(words::passed_over(path, why));
        Ok(None)
    };
    // Before it is opened: opening a FIFO waits.
    if !fs::metadata(path).map_err(failed)?.is_file() {
        return Ok(None);
    }
    let file = match File::open(path) {
        Err(error) if error.kind() == ErrorKind::PermissionDenied => {
            return pass_over(words::NOT_READABLE);
        }
        opened => opened.map_err(failed)?,
    };
    if let Some(doubt) = file_mode::doubt(&file, path).map_err(failed)? {
        return pass_over(&doubt);
    }
    let mode = FileMode::of(&file.metadata().map_err(failed)?);
    let text = match text(file, path) {
        Err(ConfigError::NotText(_)) => return pass_over(words::NO_TEXT),
        text => text?,
    };
    match parse(&text, path, mode) {
        Err(ConfigError::Faults { .. }) if !config::sets_something_of_the_client(&text) => {
            pass_over(words::ANOTHER_PROGRAMS)
        }
        parsed => parsed.map(Some),
    }
}

pub(super) fn read(path: &Path) -> Result<Config, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // The mode is that of the opened file: its name could be another's a moment later.
    let mode = FileMode::of(&file.metadata().map_err(failed)?);
    parse(&text(file, path)?, path, mode)
}

fn text(file: File, path: &Path) -> Result<String, ConfigError> {
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| ConfigError::Read {
            path: path.to_owned(),
            source,
        })?;
    String::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() as u64 <= MAX_FILE)
        .ok_or_else(|| ConfigError::NotText(path.to_owned()))
}

fn parse(text: &str, path: &Path, mode: FileMode) -> Result<Config, ConfigError> {
    let config = config::parse(text).map_err(|faults| ConfigError::Faults {
        path: path.to_owned(),
        faults,
    })?;
    if config.has_commands() {
        judge(path, mode)?;
    }
    Ok(config)
}

/// Commands run with the rights of the person who uses the file, whoever wrote them.
fn judge(path: &Path, mode: FileMode) -> Result<(), ConfigError> {
    if mode.others_write() {
        return Err(ConfigError::Writable {
            path: path.to_owned(),
            mode: mode.mode,
        });
    }
    if !mode.is_own && !mode.is_roots {
        return Err(ConfigError::Foreign(path.to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_no_text_is_no_configuration() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(matches!(read(&path), Err(ConfigError::NotText(_))));
        fs::write(&path, "#".repeat(300_000)).unwrap();
        assert!(matches!(read(&path), Err(ConfigError::NotText(_))));
    }

    #[test]
    fn a_file_is_meant_where_it_was_put_and_not_where_one_stands() {
        let root = tempfile::tempdir().unwrap();
        let (project, own) = (root.path().join("project"), root.path().join("own"));
        for directory in [&project, &own.join("chatbox")] {
            fs::create_dir_all(directory).unwrap();
            fs::write(directory.join("config.toml"), "").unwrap();
        }
        let found = |start: &Path| search(start, Some(&own), None).unwrap().found.unwrap();
        let beside = found(&project);
        assert!(!beside.is_meant && beside.path.starts_with(&project));
        assert!(found(&root.path().join("none")).is_meant);
        // The person's own directory counts as meant, also when it is the working directory.
        assert!(found(&own.join("chatbox")).is_meant);
        let named = find(Some(&project.join("config.toml"))).unwrap();
        assert!(named.found.unwrap().is_meant);
    }

    #[cfg(unix)]
    #[test]
    fn a_file_that_others_could_have_put_there_is_passed_over_with_a_sentence() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        let root = tempfile::tempdir().unwrap();
        let (open, inner) = (root.path().join("open"), root.path().join("open/inner"));
        fs::create_dir_all(&inner).unwrap();
        for (folder, port) in [(root.path(), 1), (&open, 2)] {
            let path = folder.join("config.toml");
            fs::write(&path, format!("[client]\nserver_port = {port}\n")).unwrap();
            fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        }
        let found = || {
            let searched = search(&inner, None, None).unwrap();
            let port = searched.found.unwrap().config.client.server_port;
            (port, searched.passed_over)
        };
        for (mode, port) in [(0o777, 1), (0o1777, 1), (0o775, 1), (0o755, 2)] {
            fs::set_permissions(&open, Permissions::from_mode(mode)).unwrap();
            let (found, passed_over) = found();
            assert_eq!(found, port, "{mode:o}");
            assert_eq!(passed_over.len(), usize::from(port == 1), "{passed_over:?}");
            let names = |sentence: &String| {
                sentence.contains("open/config.toml") && sentence.contains("--config")
            };
            assert!(passed_over.iter().all(names), "{passed_over:?}");
        }
        let path = open.join("config.toml");
        fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
        assert_eq!(found().0, 1);
    }

    #[test]
    fn another_programs_file_is_passed_over_and_one_s_own_mistake_is_told() {
        let root = tempfile::tempdir().unwrap();
        let inner = root.path().join("site");
        fs::create_dir(&inner).unwrap();
        fs::write(root.path().join("config.toml"), "[client]\nbell = false\n").unwrap();
        let of_inner = |text: &[u8]| {
            fs::write(inner.join("config.toml"), text).unwrap();
            search(&inner, None, None)
        };
        for text in [
            "baseURL = 'x'\n[params]\n",
            "\u{1b}",
            "[server]\nroot = '/srv'\n",
        ] {
            let searched = of_inner(text.as_bytes()).unwrap();
            assert!(!searched.found.unwrap().config.client.bell, "{text}");
            assert_eq!(searched.passed_over.len(), 1);
        }
        let binary = of_inner(b"\xff\xfe").unwrap();
        assert!(!binary.found.unwrap().config.client.bell);
        let mistaken = of_inner(b"[client]\nserver_port = 1\nbel = false\n");
        assert!(matches!(mistaken, Err(ConfigError::Faults { .. })));
        fs::remove_file(inner.join("config.toml")).unwrap();
        fs::create_dir(inner.join("config.toml")).unwrap();
        let searched = search(&inner, None, None).unwrap();
        assert!(searched.found.is_some() && searched.passed_over.is_empty());
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_commands_is_its_owner_s_alone_to_change() {
        use std::fs::Permissions;
        use std::os::unix::fs::PermissionsExt;

        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("config.toml");
        for (mode, refused) in [(0o600, false), (0o644, false), (0o664, true), (0o646, true)] {
            fs::write(&path, "[profiles.x]\notp_command = 'echo 1'\n").unwrap();
            fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
            match read(&path) {
                Ok(_) => assert!(!refused, "{mode:o}"),
                Err(error) => {
                    assert!(refused, "{mode:o}: {error}");
                    assert!(error.to_string().contains("chmod go-w"), "{error}");
                }
            }
            fs::write(&path, "[profiles.x]\nuser = 'alice'\n").unwrap();
            assert!(read(&path).is_ok(), "{mode:o}");
        }
    }

    #[test]
    fn a_file_with_commands_is_one_s_own_or_the_administrator_s() {
        for (is_own, is_roots, refused) in [
            (true, false, false),
            (false, true, false),
            (false, false, true),
        ] {
            let mode = FileMode {
                mode: 0o644,
                is_own,
                is_roots,
            };
            let judged = judge(Path::new("config.toml"), mode);
            assert_eq!(judged.is_err(), refused, "{is_own} {is_roots}");
        }
    }
}
