//! The running server as the holder of its database: for one command.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Mutex, TryLockError};
use std::time::Duration;

use anyhow::{Context, anyhow, ensure};
use chatbox_common::name::UserName;

use super::frames::{Frame, MAX_PAYLOAD};
use super::holder::Holder;
use crate::audit::Line;
use crate::connections::OnlineSession;
use crate::control::Control;
use crate::journal::OperatorRequest;
use crate::operator::{Operator, OperatorAction};
use crate::space;
use crate::status::ServerStatus;
use crate::store::{self, Reader, Snapshot, SqlLog, StoreError};

const MIB: u64 = 1024 * 1024;
/// For each part of a file.
const SLOW: Duration = Duration::from_secs(300);

/// What all commands share.
pub struct Running<'a> {
    pub control: &'a Control,
    pub sql_log: &'a SqlLog,
    /// Held while a copy is made and sent: two would not see each other's need of room.
    pub copying: &'a Mutex<()>,
}

pub struct Live<'a> {
    running: Running<'a>,
    operator: Operator,
    stream: &'a UnixStream,
    reader: Option<Reader>,
}

impl<'a> Live<'a> {
    pub const fn new(running: Running<'a>, operator: Operator, stream: &'a UnixStream) -> Self {
        Self {
            running,
            operator,
            stream,
            reader: None,
        }
    }

    fn reader(&mut self) -> Result<&mut Reader, StoreError> {
        let reader = match self.reader.take() {
            Some(reader) => reader,
            None => Reader::open(
                self.running.control.data_dir(),
                self.running.sql_log.clone(),
            )?,
        };
        Ok(self.reader.insert(reader))
    }

    /// A copy of the database beside it, which has lost its name by now: it ends with its reading.
    fn copy(&mut self) -> anyhow::Result<File> {
        let control = self.running.control;
        let directory = control.data_dir();
        let needed = store::bytes(directory)?;
        ensure!(
            space::free_in(directory)?.saturating_sub(needed) >= control.min_free(),
            "the disk of {} has no room for a copy, which needs {} MiB until it is sent",
            directory.display(),
            needed.div_ceil(MIB)
        );
        let path = store::passing_copy(directory);
        self.reader()?.back_up(&path)?;
        let copy = File::open(&path);
        fs::remove_file(&path)?;
        Ok(copy?)
    }
}

/// What is written goes to whoever asked, part by part.
pub struct StreamSink<'a>(&'a UnixStream);

impl Write for StreamSink<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let part = bytes.get(..MAX_PAYLOAD).unwrap_or(bytes);
        Frame::File(part.to_vec()).write(&mut self.0)?;
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Holder for Live<'a> {
    type Sink = StreamSink<'a>;

    fn operator(&self) -> Operator {
        self.operator
    }

    fn carry_out(&mut self, action: OperatorAction) -> anyhow::Result<String> {
        let request = OperatorRequest {
            operator: self.operator,
            action,
        };
        let shared = self.running.control.shared();
        let name = shared.journal.operate(request)?;
        let told = shared.audit.settle();
        told.map_err(|error| anyhow!("it is done, but {error}"))?;
        Ok(name)
    }

    fn announce(&mut self, text: &str, line: Line) -> anyhow::Result<usize> {
        self.log(line)?;
        let shared = self.running.control.shared();
        let told = shared.journal.announce(text.to_owned());
        told.context("the server is stopping")
    }

    fn read<T>(
        &mut self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.reader()?.read(work)
    }

    fn sessions(&self, of: Option<&UserName>) -> Vec<OnlineSession> {
        self.running.control.shared().connections.begun(of)
    }

    fn status(&self) -> Option<ServerStatus> {
        Some(self.running.control.status())
    }

    /// Sends the copy: where the file is to lie, and with whose rights, is the peer's matter. The line
    /// comes first, since whoever asked may have all of it before the end.
    fn copy_to(&mut self, file: &Path, line: Line) -> anyhow::Result<()> {
        let _one = self.running.copying.try_lock().map_err(|busy| match busy {
            TryLockError::WouldBlock => anyhow!("another backup is under way"),
            TryLockError::Poisoned(_) => anyhow!("an earlier backup has failed in the server"),
        })?;
        let mut copy = self.copy()?;
        let mut sink = self.sink(file, line)?;
        io::copy(&mut copy, &mut sink)?;
        Ok(())
    }

    fn sink(&mut self, _: &Path, line: Line) -> anyhow::Result<StreamSink<'a>> {
        self.log(line)?;
        // The file may be written to a slow disk.
        self.stream.set_write_timeout(Some(SLOW))?;
        Ok(StreamSink(self.stream))
    }

    fn finish(&mut self, _: StreamSink<'a>, _: &Path) -> anyhow::Result<()> {
        Ok(())
    }

    fn log(&self, line: Line) -> anyhow::Result<()> {
        let audit = &self.running.control.shared().audit;
        audit.log(line);
        Ok(audit.settle()?)
    }

    fn reload(&mut self) -> anyhow::Result<Vec<String>> {
        self.running.control.reload(Some(self.operator))
    }
}
