//! The operator's commands: accounts, rooms, and a copy of the database.
//!
//! A change of an account or a room takes the database's lock, so that a running server is never changed
//! behind its back; lists and copies are made beside one. Each command is a line in credentials.log
//! or info.log, and its statements are in sql.log. Knows no connection and no peer. Called by
//! `main`.

use std::io::Write;
use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::{RoomName, UserName};
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::AccountId;
use jiff::Timestamp;

use crate::audit::events::{self, AuditEvent};
use crate::audit::{Audit, Line};
use crate::cli::{Command, RoomCommand, UserCommand};
use crate::config::Settings;
use crate::keyfile::{self, IfMissing, KeyFileError, KeyName, load_or_create};
use crate::sql_log::sql_log;
use crate::store::{
    self, Account, AccountLine, Commit, Durability, LOBBY, Reader, Role, RoomSetting, SqlLog,
    Status, Store, StoreError, Title, Tx,
};
use crate::totp_seal::{KEY_ID, SealingKey};

const PAGE: u32 = 1_000;

/// Carries out one command and shows its result on `out`.
///
/// # Errors
/// A sentence for the operator. Unless it says otherwise, nothing was changed.
pub fn run(settings: &Settings, command: &Command, out: &mut impl Write) -> anyhow::Result<()> {
    ensure!(
        store::exists(&settings.data_dir)?,
        "there is no database in {}: a server makes one when it first starts",
        settings.data_dir.display()
    );
    settings.make_directories()?;
    let audit =
        Audit::start_beside(&settings.log_dir).context("the audit files can't be opened")?;
    let admin = Admin {
        settings,
        log: sql_log(&audit),
        audit,
    };
    let done = match command {
        Command::User(command) => admin.user(command, out),
        Command::Room(RoomCommand::Archive { name, reason }) => {
            admin.archive(name, Some(reason), out)
        }
        Command::Room(RoomCommand::Unarchive { name }) => admin.archive(name, None, out),
        Command::Backup { file } => admin.back_up(file, out),
    };
    admin.audit.stop();
    match (done, admin.audit.fault()) {
        (Ok(()), Some(fault)) => bail!("it is done, but the audit can't be written: {fault}"),
        (done, _) => done,
    }
}

struct Admin<'a> {
    settings: &'a Settings,
    audit: Audit,
    log: SqlLog,
}

impl Admin<'_> {
    fn user(&self, command: &UserCommand, out: &mut impl Write) -> anyhow::Result<()> {
        match command {
            UserCommand::List => self.list(out),
            UserCommand::Disable { name } => self.set_status(name, Status::Disabled, out),
            UserCommand::Enable { name } => self.set_status(name, Status::Active, out),
            UserCommand::ResetSecondFactor { name } => self.reset_second_factor(name, out),
            UserCommand::SetRole { name, role } => self.set_role(name, *role, out),
            UserCommand::Logout { name } => self.log_out(name, out),
        }
    }

    fn store(&self) -> Result<Store, StoreError> {
        Store::open(&self.settings.data_dir, Durability::Full, self.log.clone())
    }

    fn reader(&self) -> Result<Reader, StoreError> {
        Reader::open(&self.settings.data_dir, self.log.clone())
    }

    fn change<T>(
        &self,
        name: &UserName,
        work: impl FnOnce(&Tx<'_>, &Account) -> Result<T, StoreError>,
    ) -> anyhow::Result<(Account, T)> {
        let changed = self.store()?.transaction(Commit::Synced, |tx| {
            let Some(account) = tx.account(name)? else {
                return Ok(None);
            };
            let value = work(tx, &account)?;
            Ok(Some((account, value)))
        })?;
        changed.ok_or_else(|| anyhow!("there is no user {name}"))
    }

    /// A line about an account, to which the command appends what else it did.
    fn line(event: &'static AuditEvent, account: &Account) -> Line {
        by_operator(event)
            .with("user", &account.user)
            .with("account", account.id)
    }

    fn set_status(
        &self,
        name: &UserName,
        status: Status,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let (account, ()) = self.change(name, |tx, found| tx.set_status(found.id, status))?;
        let user = &account.user;
        let (event, sentence) = match status {
            Status::Disabled => (&events::USER_DISABLED, "is disabled and can't log in"),
            Status::Active => (&events::USER_ENABLED, "may log in"),
        };
        self.audit.log(Self::line(event, &account));
        writeln!(out, "{user} {sentence}.")?;
        Ok(())
    }

    fn set_role(&self, name: &UserName, role: Role, out: &mut impl Write) -> anyhow::Result<()> {
        let (account, ()) = self.change(name, |tx, found| tx.set_role(found.id, role))?;
        let role = role_word(role);
        let line = Self::line(&events::ROLE_SET, &account).with("role", role);
        self.audit.log(line);
        writeln!(out, "{} is {role} now.", account.user)?;
        Ok(())
    }

    fn log_out(&self, name: &UserName, out: &mut impl Write) -> anyhow::Result<()> {
        let (account, tokens) = self.change(name, |tx, found| tx.revoke_resume(found.id))?;
        let line = Self::line(&events::USER_LOGGED_OUT, &account).with("tokens", tokens);
        self.audit.log(line);
        let user = &account.user;
        writeln!(out, "{user} must log in again everywhere.")?;
        Ok(())
    }

    fn reset_second_factor(&self, name: &UserName, out: &mut impl Write) -> anyhow::Result<()> {
        let key = load_or_create(
            &self.settings.key_dir,
            KeyName::TotpSeal,
            IfMissing::MustExist,
        )?;
        let check_value = keyfile::check_value(&key).context("the key can't be hashed")?;
        let seal = SealingKey::new(KEY_ID, key);
        let totp = TotpSecret::new(Secret::random());
        let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::new(Secret::random()));
        let codes: Vec<RecoveryCode> = codes.collect();
        let hashes: Vec<_> = codes.iter().map(RecoveryCode::hash).collect();
        let path = self.settings.key_dir.join(KeyName::TotpSeal.file_name());
        let is_ours = self.store()?.transaction(Commit::Synced, |tx| {
            tx.keeps_check_value(&KeyName::TotpSeal.kept_as(), &check_value)
        })?;
        if !is_ours {
            // The server would refuse to start with it, and could not open what it sealed.
            return Err(KeyFileError::Wrong(path).into());
        }
        let (account, ()) = self.change(name, |tx, found| {
            let sealed = seal.seal(found.id, totp.bytes());
            let sealed = sealed.map_err(|_| StoreError::Missing)?;
            tx.replace_second_factor(found.id, &sealed, 0, &hashes)
        })?;
        let line = Self::line(&events::SECOND_FACTOR_RESET, &account);
        self.audit.log(line);
        show_second_factor(&account.user, &totp, &codes, out).map_err(|error| {
            anyhow!("the second factor was replaced but could not be shown ({error}): do it again")
        })
    }

    /// With a reason the room is only read from now on; without one it is opened again, if there is
    /// a place for it. How many rooms its maker may have is no matter of the operator's.
    fn archive(
        &self,
        name: &RoomName,
        reason: Option<&str>,
        out: &mut impl Write,
    ) -> anyhow::Result<()> {
        let most = u64::from(self.settings.config.limits.rooms);
        let setting = RoomSetting::Archived(reason.map(str::to_owned));
        let title = self.store()?.transaction(Commit::Synced, |tx| {
            let Some(room) = tx.room_titled(&Title::Room(name.clone()))? else {
                return Ok(Err(anyhow!("there is no room {name}")));
            };
            let title = &room.title;
            if room.id == LOBBY {
                return Ok(Err(anyhow!("the lobby can't be archived")));
            }
            if room.archived.is_some() == reason.is_some() {
                let state = reason.map_or("not archived", |_| "archived already");
                return Ok(Err(anyhow!("{title} is {state}")));
            }
            if reason.is_none() && tx.count_rooms()? >= most {
                return Ok(Err(anyhow!(
                    "there are as many rooms as there may be ([limits] rooms = {most})"
                )));
            }
            tx.set(room.id, &setting)?;
            Ok(Ok(room.title))
        })??;
        let (line, sentence) = match reason {
            Some(reason) => (
                Line::of(&events::ROOM_ARCHIVED).with_text("reason", reason),
                "is archived: its members read it, and nothing more",
            ),
            None => (Line::of(&events::ROOM_REOPENED), "is open again"),
        };
        self.audit.log(signed(line.with("room", &title)));
        writeln!(out, "{title} {sentence}.")?;
        Ok(())
    }

    fn list(&self, out: &mut impl Write) -> anyhow::Result<()> {
        let accounts = match self.store() {
            Ok(mut store) => all_accounts(|after| {
                store.transaction(Commit::Usual, |tx| tx.accounts(after, PAGE))
            }),
            Err(StoreError::Locked(_)) => {
                let mut reader = self.reader()?;
                all_accounts(|after| reader.read(|snapshot| snapshot.accounts(after, PAGE)))
            }
            Err(error) => Err(error),
        }?;
        let line = by_operator(&events::USERS_LISTED);
        self.audit.log(line.with("count", accounts.len()));
        out.write_all(table(&accounts).as_bytes())?;
        Ok(())
    }

    fn back_up(&self, file: &Path, out: &mut impl Write) -> anyhow::Result<()> {
        self.reader()?.back_up(file)?;
        let line = by_operator(&events::BACKUP_MADE);
        self.audit.log(line.with("file", file.display()));
        writeln!(out, "The database is in {} as of now.", file.display())?;
        writeln!(
            out,
            "A server needs the files in {} with it; keep the two apart.",
            self.settings.key_dir.display()
        )?;
        Ok(())
    }
}

/// The operating system's user number is all that is known of the operator.
fn by_operator(event: &'static AuditEvent) -> Line {
    signed(Line::of(event))
}

fn signed(line: Line) -> Line {
    let uid = rustix::process::getuid().as_raw();
    line.with("by", "operator").with("uid", uid)
}

/// All accounts by number. Each page is a transaction of its own: a checkpoint can't pass one that
/// stays open.
fn all_accounts(
    mut page: impl FnMut(AccountId) -> Result<Vec<AccountLine>, StoreError>,
) -> Result<Vec<AccountLine>, StoreError> {
    let mut accounts: Vec<AccountLine> = Vec::new();
    loop {
        let last = accounts.last().map_or(AccountId(0), |account| account.id);
        let more = page(last)?;
        if more.is_empty() {
            return Ok(accounts);
        }
        accounts.extend(more);
    }
}

const fn role_word(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
    }
}

fn table(accounts: &[AccountLine]) -> String {
    let header = [
        "ID",
        "NAME",
        "STATUS",
        "ROLE",
        "ONLINE",
        "LAST SEEN",
        "CREATED (UTC)",
        "LAST LOGIN (UTC)",
    ];
    let mut rows = vec![header.map(str::to_owned)];
    rows.extend(accounts.iter().map(row));
    let mut widths = [0; 8];
    for row in &rows {
        for (width, cell) in widths.iter_mut().zip(row) {
            *width = cell.len().max(*width);
        }
    }
    let mut text = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths);
        let cells = cells.map(|(cell, width)| format!("{cell:<width$}"));
        let line = cells.collect::<Vec<_>>().join("  ");
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(account: &AccountLine) -> [String; 8] {
    let status = match account.status {
        Status::Active => "ok",
        Status::Disabled => "ko",
    };
    // Whatever the column holds: only an address reaches the terminal.
    let seen = account.ip_port.as_deref();
    let seen = seen.and_then(|text| text.parse::<SocketAddr>().ok());
    [
        account.id.to_string(),
        account.user.to_string(),
        status.to_owned(),
        role_word(account.role).to_owned(),
        if account.online { "yes" } else { "no" }.to_owned(),
        seen.map_or_else(|| "-".to_owned(), |address| address.to_string()),
        moment(Some(account.created_at)),
        moment(account.last_login_at),
    ]
}

/// Milliseconds since 1970-01-01 UTC, to the second.
fn moment(at: Option<i64>) -> String {
    at.and_then(|at| Timestamp::from_millisecond(at).ok())
        .map_or_else(
            || "-".to_owned(),
            |time| time.strftime("%Y-%m-%d %H:%M:%S").to_string(),
        )
}

fn show_second_factor(
    user: &UserName,
    totp: &TotpSecret,
    codes: &[RecoveryCode],
    out: &mut impl Write,
) -> std::io::Result<()> {
    writeln!(
        out,
        "{user} has another second factor; the old one and its recovery codes are void."
    )?;
    writeln!(out, "This is shown once. Hand it over unseen by others.")?;
    writeln!(out)?;
    writeln!(out, "secret   {}", totp.base32().expose())?;
    writeln!(out, "as URI   {}", totp.uri(user, None).expose())?;
    writeln!(out, "recovery codes, each good once:")?;
    for code in codes {
        writeln!(out, "         {}", code.text().expose())?;
    }
    out.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn listed(ip_port: &str) -> AccountLine {
        AccountLine {
            id: AccountId(7),
            user: UserName::parse("Alice").unwrap(),
            status: Status::Disabled,
            role: Role::Admin,
            online: true,
            ip_port: Some(ip_port.to_owned()),
            created_at: 1_000,
            last_login_at: None,
        }
    }

    #[test]
    fn the_table_is_as_wide_as_what_is_in_it() {
        let text = table(&[listed("[2001:db8::1]:4000")]);
        assert_eq!(
            text,
            "ID  NAME   STATUS  ROLE   ONLINE  LAST SEEN           CREATED (UTC)        \
             LAST LOGIN (UTC)\n\
             7   Alice  ko      admin  yes     [2001:db8::1]:4000  1970-01-01 00:00:01  -\n"
        );
    }

    #[test]
    fn nothing_but_an_address_is_shown_as_one() {
        let text = table(&[listed("\u{1b}[2J")]);
        assert!(!text.contains('\u{1b}'), "{text:?}");
    }

    #[test]
    fn every_page_is_asked_for() {
        let all: Vec<_> = (1..=5)
            .map(|n| AccountLine {
                id: AccountId(n),
                ..listed("192.0.2.1:1")
            })
            .collect();
        let page = |after: AccountId| {
            let behind = all.iter().filter(|account| account.id > after);
            Ok(behind.take(2).cloned().collect())
        };
        assert_eq!(all_accounts(page).unwrap(), all);
    }
}
