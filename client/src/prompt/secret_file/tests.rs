use super::*;

fn read(mut content: &[u8]) -> Result<String, SecretFileError> {
    first_line(&mut content, Path::new("pass")).map(|secret| secret.expose().to_owned())
}

#[test]
fn a_secret_is_the_first_line_without_its_end() {
    for content in ["geheim", "geheim\n", "geheim\r\n", "geheim\nmore\n"] {
        assert_eq!(read(content.as_bytes()).unwrap(), "geheim", "{content:?}");
    }
    // Blanks belong to the secret.
    assert_eq!(read(" a b \n".as_bytes()).unwrap(), " a b ");
    let longest = "x".repeat(MAX_ANSWER);
    for end in ["", "\n", "\r\n"] {
        assert_eq!(read(format!("{longest}{end}").as_bytes()).unwrap(), longest);
    }
}

#[test]
fn what_follows_the_line_is_left_for_the_next_reader() {
    let mut pipe: &[u8] = b"password\n123456\nhello\n";
    for secret in ["password", "123456"] {
        let read = first_line(&mut pipe, Path::new("-")).unwrap();
        assert_eq!(read.expose(), secret);
    }
    assert_eq!(pipe, b"hello\n");
}

#[test]
fn a_first_line_that_is_no_secret_is_refused() {
    assert!(matches!(read(b""), Err(SecretFileError::Empty(_))));
    assert!(matches!(read(b"\nx"), Err(SecretFileError::Empty(_))));
    assert!(matches!(read(b"\r\n"), Err(SecretFileError::Empty(_))));
    assert!(matches!(read(b"\xff\n"), Err(SecretFileError::NotUtf8(_))));
    for end in ["", "\n", "\r\n"] {
        let long = format!("{}{end}", "x".repeat(MAX_ANSWER + 1));
        assert!(matches!(
            read(long.as_bytes()),
            Err(SecretFileError::TooLong(_))
        ));
    }
    let mut endless = io::repeat(b'x');
    assert!(matches!(
        first_line(&mut endless, Path::new("/dev/zero")),
        Err(SecretFileError::TooLong(_))
    ));
}

#[cfg(unix)]
#[test]
fn a_file_that_others_may_open_is_refused_with_the_remedy() {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("pass");
    fs::write(&path, "geheim\n").unwrap();
    for (mode, refused) in [
        (0o600, false),
        (0o400, false),
        (0o640, true),
        (0o604, true),
        (0o620, true),
    ] {
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        match read_secret_file(&path) {
            Ok(secret) => assert!(!refused && secret.expose() == "geheim", "{mode:o}"),
            Err(error) => {
                assert!(refused, "{mode:o}: {error}");
                assert!(error.to_string().contains("chmod 600"), "{error}");
            }
        }
    }
}

#[test]
fn a_file_that_is_missing_or_a_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    for path in [directory.path().join("none"), directory.path().to_owned()] {
        let error = read_secret_file(&path).unwrap_err();
        assert!(
            error.to_string().contains(&*path.to_string_lossy()),
            "{error}"
        );
    }
}
