use std::os::unix::fs::symlink;

use super::*;

const LOG: &str = "chatbox.db-wal";
const MEMORY: &str = "chatbox.db-shm";
const LOCK: &str = "chatbox.lock";

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o7777
}

#[test]
fn a_file_is_made_for_its_owner_alone_and_refused_when_others_may_use_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    make_private(&path).unwrap();
    assert_eq!(mode(&path), 0o600);
    make_private(&path).unwrap();
    for loose in [0o640, 0o604, 0o660] {
        fs::set_permissions(&path, fs::Permissions::from_mode(loose)).unwrap();
        assert!(matches!(
            make_private(&path),
            Err(StoreError::Mode { mode, .. }) if mode == loose
        ));
    }
}

#[test]
fn the_log_beside_the_database_must_be_private_too() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join(DATABASE);
    make_private(&path).unwrap();
    let log = directory.path().join("chatbox.db-wal");
    fs::write(&log, "").unwrap();
    fs::set_permissions(&log, fs::Permissions::from_mode(0o644)).unwrap();
    assert!(matches!(
        make_private(&path),
        Err(StoreError::Mode { path, .. }) if path == log
    ));
}

#[test]
fn the_lock_has_one_holder_and_is_free_when_it_is_gone() {
    let directory = tempfile::tempdir().unwrap();
    let held = lock(directory.path()).unwrap();
    assert!(matches!(
        lock(directory.path()),
        Err(StoreError::Locked(path)) if path == directory.path()
    ));
    drop(held);
    lock(directory.path()).unwrap();
}

#[test]
fn a_file_that_cannot_be_looked_at_is_unavailable_and_not_gone() {
    let file = NamedFile {
        path: DATABASE.into(),
        id: (1, 2),
    };
    for kind in [
        io::ErrorKind::PermissionDenied,
        io::ErrorKind::StaleNetworkFileHandle,
        io::ErrorKind::Other,
    ] {
        let unknown = file.is_found(Err(kind.into()));
        assert!(
            matches!(&unknown, Err(StoreError::Io { .. })),
            "{unknown:?}"
        );
        assert!(unknown.is_err_and(|error| error.is_unavailable()));
    }
    for kind in [io::ErrorKind::NotFound, io::ErrorKind::NotADirectory] {
        assert!(!file.is_found(Err(kind.into())).unwrap());
    }
    assert!(file.is_found(Ok((1, 2))).unwrap());
    assert!(!file.is_found(Ok((1, 3))).unwrap());
}

#[test]
fn a_file_that_is_moved_deleted_or_replaced_is_noticed() {
    let directory = tempfile::tempdir().unwrap();
    let file = |name: &str| directory.path().join(name);
    for name in [DATABASE, LOG, MEMORY, LOCK] {
        fs::write(file(name), name).unwrap();
    }
    let place = Place::of(directory.path()).unwrap();
    place.check().unwrap();
    for name in [LOG, MEMORY, LOCK, DATABASE] {
        fs::rename(file(name), file("kept")).unwrap();
        assert!(matches!(place.check(), Err(StoreError::Gone(gone)) if gone == file(name)));
        fs::write(file(name), "another").unwrap();
        assert!(place.check().is_err());
        if name != DATABASE {
            // It is that of the database that is open.
            place.set_log_aside();
            assert!(file(LOG).exists());
        }
        fs::rename(file("kept"), file(name)).unwrap();
        place.check().unwrap();
    }

    // The log of the one must not be read into the other.
    fs::remove_file(file(DATABASE)).unwrap();
    place.set_log_aside();
    assert!(!file(LOG).exists());
    let kept = fs::read(file("chatbox.db-wal.aside")).unwrap();
    assert_eq!(kept, LOG.as_bytes());
    // Nor must a second one take the place of the first.
    for aside in ["chatbox.db-wal.aside.1", "chatbox.db-wal.aside.2"] {
        fs::write(file(LOG), aside).unwrap();
        set_aside(&file(LOG)).unwrap();
        assert_eq!(fs::read_to_string(file(aside)).unwrap(), aside);
    }
    assert_eq!(fs::read(file("chatbox.db-wal.aside")).unwrap(), kept);
    fs::write(file(LOG), "of another").unwrap();
    place.set_log_aside();
    assert!(file(LOG).exists(), "it is not ours");
}

#[test]
fn links_are_followed_to_a_file_that_need_not_be_there() {
    let directory = tempfile::tempdir().unwrap();
    let root = &directory.path().canonicalize().unwrap();
    let path = root.join(DATABASE);
    assert_eq!(real_path(root).unwrap(), path);
    symlink("one/link", &path).unwrap();
    fs::create_dir(root.join("one")).unwrap();
    assert_eq!(real_path(root).unwrap(), root.join("one/link"));
    let far = root.join("far.db");
    symlink(&far, root.join("one/link")).unwrap();
    for _ in 0..2 {
        assert_eq!(real_path(root).unwrap(), far);
        fs::write(&far, "there").unwrap();
    }
    let held = lock(root).unwrap();
    assert!(root.join("far.lock").exists());
    let other = root.join("other");
    fs::create_dir(&other).unwrap();
    symlink("../far.db", other.join(DATABASE)).unwrap();
    assert!(matches!(lock(&other), Err(StoreError::Locked(_))));
    drop(held);
    lock(&other).unwrap();
    // A server of version 0.1, which knows one lock: that beside the name.
    let theirs = File::create(root.join(LOCK)).unwrap();
    theirs.try_lock().unwrap();
    assert!(matches!(lock(root), Err(StoreError::Locked(_))));
    drop(theirs);
    let held = lock(root).unwrap();
    let theirs = File::create(root.join(LOCK)).unwrap();
    assert!(theirs.try_lock().is_err());
    drop(held);
    // One file under both names.
    fs::remove_file(root.join(LOCK)).unwrap();
    symlink("far.lock", root.join(LOCK)).unwrap();
    let held = lock(root).unwrap();
    assert!(matches!(lock(root), Err(StoreError::Locked(_))));
    drop(held);
    // It leads nowhere.
    fs::remove_file(&far).unwrap();
    symlink(&far, &far).unwrap();
    real_path(root).unwrap();
}
