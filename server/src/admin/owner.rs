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

use super::absent::no_database;
use crate::config::Settings;

/// Where users have their groups. A directory service is not asked.
const USERS: &str = "/etc/passwd";
/// As many as Linux follows.
const MOST_LINKS: usize = 40;
/// What is in a directory with this bit is for its own owner to rename and remove.
const STICKY: u32 = 0o1000;
const WRITABLE: u32 = 0o022;

/// Makes this process, which has one thread, the owner's where root runs it.
///
/// # Errors
/// Where it is neither root's nor the owner's. And where root is the owner, but others could exchange
/// one of the server's directories: root would write where they choose.
pub fn become_owner(settings: &Settings) -> anyhow::Result<()> {
    let data_dir = settings.data_dir.as_path();
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
    if owner == 0 {
        let all = [data_dir, &settings.log_dir, &settings.key_dir];
        return all.into_iter().try_for_each(is_roots_alone);
    }
    let (uid, gid) = (Uid::from_raw(owner), group_of(owner).unwrap_or(found.gid()));
    let gid = Gid::from_raw(gid);
    let dropped = set_thread_groups(&[gid])
        .and_then(|()| set_thread_res_gid(gid, gid, gid))
        .and_then(|()| set_thread_res_uid(uid, uid, uid));
    dropped.with_context(|| format!("this can't be run as the owner of {shown}"))
}

/// Whether nobody but root can change what a path means. One that is not there yet ends where it is
/// to be made.
fn is_roots_alone(path: &Path) -> anyhow::Result<()> {
    let mut left = vec![path.to_owned()];
    let mut links = 0;
    while let Some(path) = left.pop() {
        for folder in path.ancestors() {
            let found = match fs::symlink_metadata(folder) {
                Ok(found) => found,
                Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
                Err(error) => return Err(error.into()),
            };
            let shown = folder.display();
            ensure!(
                found.uid() == 0,
                "{shown} belongs to the user with the number {}, who could exchange the server's files: \
                 run this as the user of the server",
                found.uid()
            );
            if found.is_symlink() {
                links += 1;
                ensure!(links <= MOST_LINKS, "{shown} leads nowhere");
                let rest = path.strip_prefix(folder).unwrap_or(Path::new(""));
                left.push(target(folder)?.join(rest));
            } else {
                let is_open = found.mode() & WRITABLE != 0 && found.mode() & STICKY == 0;
                ensure!(
                    !is_open,
                    "{shown} may be changed by others (chmod go-w), who could exchange the server's \
                     files"
                );
            }
        }
    }
    Ok(())
}

fn target(link: &Path) -> io::Result<PathBuf> {
    let target = fs::read_link(link)?;
    Ok(link.parent().unwrap_or(link).join(target))
}

fn group_of(user: u32) -> Option<u32> {
    let text = fs::read_to_string(USERS).ok()?;
    text.lines().find_map(|line| {
        let mut fields = line.split(':').skip(2);
        let uid: u32 = fields.next()?.parse().ok()?;
        fields.next()?.parse().ok().filter(|_| uid == user)
    })
}
