//! Whoever holds the database: what a command may want of it.

use std::io::Write;
use std::path::Path;

use chatbox_common::name::UserName;

use crate::audit::Line;
use crate::connections::OnlineSession;
use crate::operator::{Operator, OperatorAction};
use crate::status::ServerStatus;
use crate::store::{Snapshot, StoreError};

/// A running server, or this process on a stopped one.
pub trait Holder {
    /// Of a file that a command makes.
    type Sink: Write;

    fn operator(&self) -> Operator;

    /// Returns the account or room as the database spells it.
    fn carry_out(&mut self, action: OperatorAction) -> anyhow::Result<String>;

    /// Tells a line to everybody who is online; returns in how many sessions that is.
    fn announce(&mut self, text: &str, line: Line) -> anyhow::Result<usize>;

    fn read<T>(
        &mut self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError>;

    /// Sessions that are open, of one person or of all.
    fn sessions(&self, of: Option<&UserName>) -> Vec<OnlineSession>;

    /// `None` where no server runs.
    fn status(&self) -> Option<ServerStatus>;

    /// Copies the database, as of one moment, and logs the line.
    fn copy_to(&mut self, file: &Path, line: Line) -> anyhow::Result<()>;

    /// Begins the file, once the line is logged: whoever asked has what is written before its end.
    fn sink(&mut self, file: &Path, line: Line) -> anyhow::Result<Self::Sink>;

    /// The file is complete.
    fn finish(&mut self, sink: Self::Sink, file: &Path) -> anyhow::Result<()>;

    /// # Errors
    /// When it can't be written: what is looked at must not be seen unseen.
    fn log(&self, line: Line) -> anyhow::Result<()>;

    /// Returns sentences for the operator.
    fn reload(&mut self) -> anyhow::Result<Vec<String>>;
}
