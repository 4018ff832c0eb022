//! Configuration files that are not taken.

use std::path::Path;

use crate::sanitize;

pub const NOT_READABLE: &str = "it may not be read";
pub const NO_TEXT: &str = "it is no text";
pub const ANOTHER_PROGRAMS: &str = "it is another program\'s";

/// `why` may name the folder.
pub fn passed_over(path: &Path, why: &str) -> String {
    format!(
        "passed over {}: {why}; name it with --config if you mean it",
        path.display()
    )
}

/// `file` is the one that was checked.
pub fn fine(file: Option<&Path>) -> String {
    match file {
        Some(file) => format!("{} is fine\n", sanitize::line(&file.display().to_string())),
        None => "there is no configuration file, which is fine\n".to_owned(),
    }
}
