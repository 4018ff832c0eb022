//! Sentences for where there is no server, or no database.

use std::path::Path;

use crate::config::Settings;
use crate::store;

/// There is no socket, or nobody behind it.
pub fn nobody_answers(settings: &Settings) -> String {
    let path = settings.admin_socket();
    let (data, path) = (settings.data_dir.display(), path.display());
    if store::is_locked(&settings.data_dir) {
        format!(
            "a server is running on {data}, and nobody answers at {path}: it is just starting or \
             stopping, is of an earlier version, or has another admin_socket"
        )
    } else {
        format!("no server is running on {data}: nobody answers at {path}")
    }
}

pub fn no_database(data_dir: &Path) -> String {
    format!(
        "there is no database in {}: a server makes one when it first starts",
        data_dir.display()
    )
}
