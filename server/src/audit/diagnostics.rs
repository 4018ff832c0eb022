//! What the macros of `log` say, as lines of info.log.

use chatbox_common::config::LogLevel;
use log::{LevelFilter, Log, Metadata, Record, SetLoggerError};

use super::{Audit, Line};

struct Diagnostics {
    audit: Audit,
}

impl Log for Diagnostics {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.level() <= log::max_level()
    }

    fn log(&self, record: &Record<'_>) {
        if self.enabled(record.metadata()) {
            let line = Line::diagnostic(record.level(), record.target(), record.args());
            self.audit.log_unless_full(line);
        }
    }

    /// The audit thread flushes by itself.
    fn flush(&self) {}
}

/// Sends the records of `log` to info.log, up to `level`. Audit events take another way, which
/// `level` does not govern.
pub fn install(audit: Audit, level: LogLevel) -> Result<(), SetLoggerError> {
    log::set_boxed_logger(Box::new(Diagnostics { audit }))?;
    set_level(level);
    Ok(())
}

pub fn set_level(level: LogLevel) {
    log::set_max_level(match level {
        LogLevel::Off => LevelFilter::Off,
        LogLevel::Error => LevelFilter::Error,
        LogLevel::Warn => LevelFilter::Warn,
        LogLevel::Info => LevelFilter::Info,
        LogLevel::Debug => LevelFilter::Debug,
        LogLevel::Trace => LevelFilter::Trace,
    });
}

#[cfg(test)]
mod tests {
    use std::fs;

    use log::Level;

    use super::*;

    #[test]
    fn diagnostics_are_lines_of_info_log_up_to_their_level() {
        let dir = tempfile::tempdir().unwrap();
        let audit = Audit::start(dir.path()).unwrap();
        let logger = Diagnostics {
            audit: audit.clone(),
        };
        // Of the whole process, in which no other test asks for it.
        set_level(LogLevel::Debug);
        for (level, text) in [(Level::Debug, "kept\nwhole"), (Level::Trace, "too much")] {
            let args = format_args!("{text}");
            logger.log(
                &Record::builder()
                    .level(level)
                    .target("t")
                    .args(args)
                    .build(),
            );
        }
        audit.stop();
        let info = fs::read_to_string(dir.path().join("info.log")).unwrap();
        assert!(
            info.ends_with(" DEBUG diagnostic from=t text=kept\\nwhole\n"),
            "{info}"
        );
        assert_eq!(info.lines().count(), 1);
    }
}
