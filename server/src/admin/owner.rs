//! Whom the data belongs to: a command on a stopped server runs as this user, so that the server can
//! read afterwards what the command has written, and so that root does nothing by the names of files
//! that another user chooses.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use rustix::fs::{Gid, Uid};
use rustix::thread::{set_thread_groups, set_thread_res_gid, set_thread_res_uid};

/// Where users have their groups. A directory service is not asked.
const USERS: &str = "/etc/passwd";

/// Makes this process, which has one thread, the owner's where root runs it.
///
/// # Errors
/// Where it is neither root's nor the owner's, or others could exchange the directory.
pub fn become_owner(data_dir: &Path) -> anyhow::Result<()> {
    let shown = data_dir.display();
    let found = match fs::metadata(data_dir) {
        Ok(found) => found,
        Err(error) if error.kind() == io::ErrorKind::NotFound => bail!(no_database(data_dir)),
        Err(error) => return Err(error).with_context(|| format!("{shown} can't be looked at")),
    };
    let owner = found.uid();
    let user = rustix::process::geteuid();
    if !user.is_root() {
        ensure!(
            owner == user.as_raw(),
            "{shown} belongs to the user with the number {owner}: run this as that user, or as root"
        );
        return Ok(());
    }
    if let Some((path, other)) = others_folder(data_dir, owner)? {
        bail!(
            "{shown} belongs to the user with the number {owner}, and {}, in which it lies, to that \
             with the number {other}: run this as the user of the server",
            path.display()
        );
    }
    if owner == 0 {
        return Ok(());
    }
    let (uid, gid) = (Uid::from_raw(owner), group_of(owner).unwrap_or(found.gid()));
    let gid = Gid::from_raw(gid);
    let dropped = set_thread_groups(&[gid])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid));
    dropped.with_context(|| format!("this can't be run as the owner of {shown}"))
}

pub fn no_database(data_dir: &Path) -> String {
    format!(
        "there is no database in {}: a server makes one when it first starts",
        data_dir.display()
    )
}

/// A folder on the way, or a link, of a user who is neither root nor the owner.
fn others_folder(data_dir: &Path, owner: u32) -> io::Result<Option<(PathBuf, u32)>> {
    let real = fs::canonicalize(data_dir)?;
    for path in data_dir.ancestors().chain(real.ancestors()) {
        let uid = fs::symlink_metadata(path)?.uid();
        if uid != 0 && uid != owner {
            return Ok(Some((path.to_owned(), uid)));
        }
    }
    Ok(None)
}

fn group_of(user: u32) -> Option<u32> {
    let text = fs::read_to_string(USERS).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let uid: u32 = fields.next()?.parse().ok()?;
        fields.next()?.parse().ok().filter(|_| uid == user)
    })
}
