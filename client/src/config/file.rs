//! Finds the configuration file, and judges whether commands in it may be run.

use std::env;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};

use chatbox_common::config::{self, Config, MAX_FILE};

use super::ConfigError;
use crate::file_mode::FileMode;

#[derive(Debug)]
pub(super) struct Found {
    pub(super) path: PathBuf,
    pub(super) config: Config,
    /// The file was named, or lies in the person's or the system's directory. One that was only
    /// found beside the working directory may be another person's, and its commands are not run.
    pub(super) is_meant: bool,
}

/// Reads the file `named`, or else the first that is found.
pub(super) fn find(named: Option<&Path>) -> Result<Option<Found>, ConfigError> {
    match named {
        Some(path) => Ok(Some(Found {
            config: read(path)?,
            path: path.to_owned(),
            is_meant: true,
        })),
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
) -> Result<Option<Found>, ConfigError> {
    let candidates = config::candidates(start, xdg_config_home, home);
    let upward = start.ancestors().count();
    for path in &candidates {
        match read(path) {
            Err(ConfigError::Read { source, .. })
                if matches!(
                    source.kind(),
                    ErrorKind::NotFound | ErrorKind::NotADirectory
                ) => {}
            found => {
                let is_meant = candidates.iter().skip(upward).any(|meant| meant == path);
                let path = path.clone();
                return found.map(|config| {
                    Some(Found {
                        path,
                        config,
                        is_meant,
                    })
                });
            }
        }
    }
    Ok(None)
}

pub(super) fn read(path: &Path) -> Result<Config, ConfigError> {
    let failed = |source| ConfigError::Read {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    // The mode is that of the opened file: its name could be another's a moment later.
    let mode = FileMode::of(&file.metadata().map_err(failed)?);
    let mut bytes = Vec::new();
    file.take(MAX_FILE + 1)
        .read_to_end(&mut bytes)
        .map_err(failed)?;
    let text = String::from_utf8(bytes)
        .ok()
        .filter(|text| text.len() as u64 <= MAX_FILE)
        .ok_or_else(|| ConfigError::NotText(path.to_owned()))?;
    let config = config::parse(&text).map_err(|faults| ConfigError::Faults {
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
    use std::fs;

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
        let beside = search(&project, Some(&own), None).unwrap().unwrap();
        assert!(!beside.is_meant && beside.path.starts_with(&project));
        let found = search(&root.path().join("none"), Some(&own), None);
        assert!(found.unwrap().unwrap().is_meant);
        // The person's own directory counts as meant, also when it is the working directory.
        let found = search(&own.join("chatbox"), Some(&own), None);
        assert!(found.unwrap().unwrap().is_meant);
        let named = find(Some(&project.join("config.toml"))).unwrap().unwrap();
        assert!(named.is_meant);
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
