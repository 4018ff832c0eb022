//! Commands on a stopped server: the database's lock keeps a server from starting meanwhile.

use std::io::{self, Write};
use std::mem;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use chatbox_common::name::UserName;

use super::absent::{no_database, nobody_answers};
use super::commands;
use super::holder::Holder;
use crate::audit::{Audit, Line};
use crate::cli::{Command, Exit};
use crate::config::Settings;
use crate::connections::OnlineSession;
use crate::keyfile::{self, IfMissing, KeyFileError, KeyName, load_or_create};
use crate::operator::{self, Operator, OperatorAction};
use crate::sql_log::sql_log;
use crate::status::ServerStatus;
use crate::store::{
    self, Commit, DataLock, Durability, PendingFile, Reader, Snapshot, SqlLog, Store, StoreError,
    Tx,
};
use crate::totp_seal::{KEY_ID, SealingKey};

pub fn run(
    settings: &Settings,
    operator: Operator,
    command: &Command,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let data_dir = &settings.data_dir;
    settings.check_directories()?;
    ensure!(store::exists(data_dir)?, no_database(data_dir));
    // Before the logs are opened: those of a running server are its own.
    let lock = store::lock(data_dir).map_err(|error| match error {
        StoreError::Locked(_) => anyhow!(nobody_answers(settings)),
        error => error.into(),
    })?;
    settings.make_directories()?;
    let audit = Audit::start(&settings.log_dir).context("the audit files can't be opened")?;
    let mut stopped = Stopped {
        settings,
        operator,
        log: sql_log(&audit),
        audit,
        database: Database::Locked(lock),
    };
    let done = commands::carry_out(command, &mut stopped, out);
    stopped.audit.stop();
    let is_done = done.as_ref().map_or_else(is_output_gone, |_| true);
    match stopped.audit.fault() {
        // Also where whoever reads the output has gone.
        Some(fault) if is_done => {
            bail!("it is done, but the audit can't be written: {fault}")
        }
        _ => done,
    }
}

fn is_output_gone(error: &anyhow::Error) -> bool {
    let error = error.downcast_ref::<io::Error>();
    error.is_some_and(|error| error.kind() == io::ErrorKind::BrokenPipe)
}

/// Opened when something of it is wanted: a copy is made of what there is, of any schema.
enum Database {
    Locked(DataLock),
    Open(Box<Store>),
    /// It could not be opened.
    Lost,
}

struct Stopped<'a> {
    settings: &'a Settings,
    operator: Operator,
    audit: Audit,
    log: SqlLog,
    database: Database,
}

impl Stopped<'_> {
    fn store(&mut self) -> Result<&mut Store, StoreError> {
        if let Database::Locked(_) = self.database
            && let Database::Locked(lock) = mem::replace(&mut self.database, Database::Lost)
        {
            let store = Store::open_locked(lock, Durability::Full, self.log.clone())?;
            self.database = Database::Open(Box::new(store));
        }
        match &mut self.database {
            Database::Open(store) => Ok(store),
            Database::Locked(_) | Database::Lost => Err(StoreError::Missing),
        }
    }

    /// A server would refuse to start with another key, and could not open what it sealed.
    fn seal(&mut self) -> anyhow::Result<SealingKey> {
        let directory = &self.settings.key_dir;
        let key = load_or_create(directory, KeyName::TotpSeal, IfMissing::MustExist)?;
        let value = keyfile::check_value(&key).context("the key can't be hashed")?;
        let kept_as = KeyName::TotpSeal.kept_as();
        let keeps = |tx: &Tx<'_>| tx.keeps_check_value(&kept_as, &value);
        if !self.store()?.transaction(Commit::Synced, keeps)? {
            let path = directory.join(KeyName::TotpSeal.file_name());
            return Err(KeyFileError::Wrong(path).into());
        }
        Ok(SealingKey::new(KEY_ID, key))
    }
}

impl Holder for Stopped<'_> {
    type Sink = PendingFile;

    fn operator(&self) -> Operator {
        self.operator
    }

    fn carry_out(&mut self, action: OperatorAction) -> anyhow::Result<String> {
        let seal = match &action {
            OperatorAction::ReplaceFactor(..) => Some(self.seal()?),
            _ => None,
        };
        let context = operator::Context {
            operator: self.operator,
            seal: seal.as_ref(),
            rooms: self.settings.config.limits.rooms.into(),
            session: None,
        };
        let act = |tx: &Tx<'_>| operator::carry_out(tx, &action, &context);
        let done = self.store()?.transaction(Commit::Synced, act)??;
        self.audit.log(done.line);
        Ok(done.name)
    }

    fn announce(&mut self, _: &str, _: Line) -> anyhow::Result<usize> {
        bail!("no server is running")
    }

    fn read<T>(
        &mut self,
        work: impl FnOnce(&Snapshot<'_>) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        self.store()?.transaction(Commit::Usual, |tx| work(tx))
    }

    fn sessions(&self, _: Option<&UserName>) -> Vec<OnlineSession> {
        Vec::new()
    }

    fn status(&self) -> Option<ServerStatus> {
        None
    }

    fn copy_to(&mut self, file: &Path, line: Line) -> anyhow::Result<()> {
        let reader = Reader::open(&self.settings.data_dir, self.log.clone())?;
        reader.back_up(file)?;
        self.log(line)
    }

    fn sink(&mut self, file: &Path, line: Line) -> anyhow::Result<PendingFile> {
        let sink = PendingFile::create(file)?;
        self.log(line)?;
        Ok(sink)
    }

    fn finish(&mut self, sink: PendingFile, file: &Path) -> anyhow::Result<()> {
        Ok(sink.publish(file)?)
    }

    fn log(&self, line: Line) -> anyhow::Result<()> {
        self.audit.log(line);
        // Written, or nothing is shown.
        Ok(self.audit.settle()?)
    }

    fn reload(&mut self) -> anyhow::Result<Vec<String>> {
        bail!("no server is running")
    }
}
