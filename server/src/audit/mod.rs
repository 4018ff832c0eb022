//! The audit trail: an event becomes one escaped line in one of four files.
//!
//! Owns the files, their thread, the form of a line and the list of [`events`]. Does not know what
//! leads to an event: the modules above make the [`Line`]s. sql.log, info.log and credentials.log
//! belong to one thread behind a bounded queue; chat.log belongs to the journal ([`ChatLog`]).
//!
//! A thread that logs waits while the queue is full: a trail must have no holes. It does not wait
//! for a file that can't be written, which would stop the server: up to [`MAX_WAITING`] bytes of
//! lines are kept for each file and tried again, lines beyond are counted and told in info.log as
//! `lines_lost`, and until then [`Audit::fault`] says so, so that the server refuses what must not
//! happen unseen.

use std::cell::RefCell;
use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

mod chat;
mod diagnostics;
mod ended;
pub mod events;
mod file;
mod files;
mod line;
mod noise;
mod seldom;

pub use chat::ChatLog;
pub use diagnostics::{install, set_level};
pub use ended::{last_moment, last_start};
use file::LogFile;
pub use file::{Gone, LogSync};
use files::AuditFile;
pub use line::{Line, Stamp};
pub use noise::Noise;
pub use seldom::Seldom;

use crate::threads;

/// Jobs that wait for the audit thread, each of a line or of lines that belong together; a thread
/// that logs one more waits.
const QUEUE: usize = 1_024;
/// For a file that can't be written, before lines are only counted.
const MAX_WAITING: usize = 1024 * 1024;
/// The files are written no more often than this, so that lines which come meanwhile wake no thread
/// and share a call to the system. A single line does not wait.
const PACE: Duration = Duration::from_millis(2);
/// How often a file that can't be written is tried again while no line comes.
const RETRY: Duration = Duration::from_secs(1);

enum AuditJob {
    /// Lines that stand together in their file.
    Write(Vec<Line>),
    /// At the files: whether they are still those that their names mean. Answered where somebody waits.
    Look(Option<SyncSender<()>>),
    Stop,
    /// Makes the thread fail.
    #[cfg(test)]
    Fail,
}

#[derive(Default)]
struct State {
    /// A sentence for the operator, while a file can't be written.
    fault: Mutex<Option<String>>,
    /// Lines beyond [`MAX_WAITING`] that info.log does not tell of yet.
    lost: AtomicU64,
    /// Lines of [`Audit::log_unless_full`] that found the queue full, not told of yet.
    dropped: AtomicU64,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// Why something must not happen, or not be said to have gone well.
#[derive(Debug, thiserror::Error)]
#[error("the audit can't be written: {0}")]
pub struct Unwritten(String);

/// A handle on the audit thread. Any thread but that one may hold it: it would wait for itself.
#[derive(Clone)]
pub struct Audit {
    queue: SyncSender<AuditJob>,
    state: Arc<State>,
}

impl Audit {
    /// Opens the three files in `dir` and starts their thread.
    pub fn start(dir: &Path) -> io::Result<Self> {
        let open = |which| LogFile::open(dir, which);
        let (sql, mut repairs) = open(AuditFile::Sql)?;
        let (info, more) = open(AuditFile::Info)?;
        repairs.extend(more);
        let (credentials, more) = open(AuditFile::Credentials)?;
        repairs.extend(more);
        for line in &repairs {
            info.append(line);
        }
        let (queue, jobs) = sync_channel(QUEUE);
        let state = Arc::new(State::default());
        let writer = Writer {
            sql,
            info,
            credentials,
            gone: RefCell::default(),
            state: Arc::clone(&state),
        };
        let thread = threads::spawn("audit".to_owned(), move || writer.run(&jobs))?;
        *lock(&state.thread) = Some(thread);
        Ok(Self { queue, state })
    }

    /// Logs a line of any file but chat.log. Waits while the queue is full.
    pub fn log(&self, line: Line) {
        self.log_together(vec![line]);
    }

    /// Logs lines that stand together in their file. Waits while the queue is full.
    pub fn log_together(&self, lines: Vec<Line>) {
        debug_assert!(lines.iter().all(is_ours), "{lines:?}");
        if let Err(refused) = self.queue.send(AuditJob::Write(lines))
            && let AuditJob::Write(lines) = refused.0
        {
            for line in lines {
                tell(&format!("{}: {}", line.file().name(), line.as_str()));
            }
        }
    }

    /// For lines that a peer or a user of the machine can cause any number of: where the queue is
    /// full they are only counted, so that neither a talkative log level nor a flood of signals
    /// delays a thread of the server.
    pub fn log_unless_full(&self, line: Line) {
        debug_assert!(is_ours(&line), "{line:?}");
        if self.queue.try_send(AuditJob::Write(vec![line])).is_err() {
            self.state.dropped.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Has the files opened anew that were moved or deleted. To be called once a second; where the
    /// queue is full, the next time will do.
    pub fn look_at_files(&self) {
        let _ = self.queue.try_send(AuditJob::Look(None));
    }

    /// As [`Audit::look_at_files`]; returns once nothing more is written to a file that was moved.
    pub fn reopen(&self) {
        let (answer, done) = sync_channel(1);
        if self.queue.send(AuditJob::Look(Some(answer))).is_ok() {
            // Fails where the audit ends meanwhile.
            let _ = done.recv();
        }
    }

    /// What keeps the files from being written at the moment: while there is a fault, the server
    /// refuses what must not happen unseen.
    #[must_use]
    pub fn fault(&self) -> Option<String> {
        lock(&self.state.fault).clone()
    }

    /// Waits until what was logged before is written.
    ///
    /// # Errors
    /// [`Unwritten`]; the lines are kept and tried again.
    pub fn settle(&self) -> Result<(), Unwritten> {
        self.reopen();
        self.fault().map_or(Ok(()), |fault| Err(Unwritten(fault)))
    }

    /// Writes all that was logged before, and ends the thread. What is logged afterwards goes to
    /// standard error. A second call does nothing.
    pub fn stop(&self) {
        let thread = lock(&self.state.thread).take();
        if let Some(thread) = thread {
            // Either fails only if the thread is gone, and then there is nothing to stop.
            let _ = self.queue.send(AuditJob::Stop);
            let _ = thread.join();
        }
    }
}

fn is_ours(line: &Line) -> bool {
    line.is_complete() && line.file() != AuditFile::Chat
}

/// Owned by the audit thread. It must not log by the macros of `log`: it would wait for itself.
struct Writer {
    sql: LogFile,
    info: LogFile,
    credentials: LogFile,
    /// Why files that were moved or deleted could not be opened anew, as of the last look.
    gone: RefCell<Option<String>>,
    state: Arc<State>,
}

impl Writer {
    fn run(&self, jobs: &Receiver<AuditJob>) {
        // The repairs of the opening are already waiting.
        self.flush();
        let mut running = true;
        while running {
            match self.next(jobs) {
                Ok(job) => running = self.take(job),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => running = false,
            }
            // Other jobs in the queue share the flush.
            for job in jobs.try_iter().take(QUEUE) {
                running &= self.take(job);
                if self.sql.waiting() > MAX_WAITING / 2 {
                    self.flush();
                }
            }
            self.flush();
            if running {
                // Not a wait for a line: the lines that come meanwhile share the next flush.
                thread::sleep(PACE);
            }
        }
        // Jobs that came during the last flush, up to the moment the queue is gone.
        for job in jobs.try_iter() {
            self.take(job);
        }
        self.flush();
        let waiting = self.sql.waiting() + self.info.waiting() + self.credentials.waiting();
        if waiting > 0 {
            tell(&format!("{waiting} bytes of the audit were never written"));
        }
    }

    fn next(&self, jobs: &Receiver<AuditJob>) -> Result<AuditJob, RecvTimeoutError> {
        if lock(&self.state.fault).is_some() {
            jobs.recv_timeout(RETRY)
        } else {
            jobs.recv().map_err(|_| RecvTimeoutError::Disconnected)
        }
    }

    /// False when the thread is to end.
    fn take(&self, job: AuditJob) -> bool {
        let lines = match job {
            AuditJob::Write(lines) => lines,
            AuditJob::Look(waits) => {
                self.look_at_files();
                if let Some(waits) = waits {
                    // Lines for a file that was moved, and that could not be written before.
                    self.flush();
                    let _ = waits.send(());
                }
                return true;
            }
            AuditJob::Stop => return false,
            #[cfg(test)]
            AuditJob::Fail => panic!("on purpose"),
        };
        for line in lines {
            let file = match line.file() {
                AuditFile::Sql => &self.sql,
                AuditFile::Credentials => &self.credentials,
                // chat.log is not this thread's, and `Audit` takes no line for it.
                AuditFile::Info | AuditFile::Chat => &self.info,
            };
            if file.waiting() < MAX_WAITING {
                file.append(&line);
            } else {
                self.state.lost.fetch_add(1, Ordering::Relaxed);
            }
        }
        true
    }

    fn look_at_files(&self) {
        let faults = self.files().into_iter().filter_map(|file| {
            let name = file.which().name();
            match file.reopen_if_gone() {
                Ok(None) => None,
                Ok(Some((gone, repairs))) => {
                    self.info.append(&gone.line(file.which()));
                    for line in &repairs {
                        self.info.append(line);
                    }
                    None
                }
                Err(error) => Some(format!("{name} is gone and can't be made again: {error}")),
            }
        });
        let faults = faults.reduce(|all, one| all + "; " + &one);
        *self.gone.borrow_mut() = faults;
    }

    /// info.log comes first, so that it tells of the others where its name leads now.
    const fn files(&self) -> [&LogFile; 3] {
        [&self.info, &self.sql, &self.credentials]
    }

    fn flush(&self) {
        let mut fault = self.flush_files();
        if fault.is_none() && self.tell_of_gaps() {
            fault = self.flush_files();
        }
        let fault = fault.or_else(|| self.gone.borrow().clone());
        let mut known = lock(&self.state.fault);
        if let Some(fault) = &fault
            && known.is_none()
        {
            tell(&format!("the audit can't be written: {fault}"));
        } else if fault.is_none() && known.is_some() {
            tell("the audit can be written again");
        }
        *known = fault;
    }

    /// Whether any lines were lost or dropped since the last time.
    fn tell_of_gaps(&self) -> bool {
        let lost = self.state.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            self.info
                .append(&Line::of(&events::LINES_LOST).with("lines", lost));
        }
        let dropped = self.state.dropped.swap(0, Ordering::Relaxed);
        if dropped > 0 {
            self.info
                .append(&Line::of(&events::DIAGNOSTICS_DROPPED).with("lines", dropped));
        }
        lost + dropped > 0
    }

    fn flush_files(&self) -> Option<String> {
        // All three are tried, also when the first fails.
        let faults = self.files().map(|file| {
            let failed = file.flush().err()?;
            Some(format!("{}: {failed}", file.which().name()))
        });
        faults
            .into_iter()
            .flatten()
            .reduce(|all, one| all + "; " + &one)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing panics while it holds one of these locks.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Where nothing else can be written. A closed standard error is no reason to end.
fn tell(sentence: &str) {
    let _ = writeln!(io::stderr(), "chatbox-server: {sentence}");
}

#[cfg(test)]
mod tests;
