//! What each command does and says, whoever holds the database.

use std::io::{self, Write};
use std::path::Path;

use anyhow::anyhow;
use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;
use chatbox_common::wire::message::AccountId;

use super::listing::{all_accounts, table};
use crate::audit::{Line, events};
use crate::cli::{Command, RoomCommand, UserCommand};
use crate::operator::{NewFactor, Operator, OperatorAction};
use crate::store::{AccountLine, Role, Status, StoreError};

/// A running server, or this process on a stopped one.
pub trait Holder {
    fn operator(&self) -> Operator;

    /// Returns the account or room as the database spells it.
    fn carry_out(&mut self, action: OperatorAction) -> anyhow::Result<String>;

    /// Accounts behind this one, by number; none where there are no more.
    fn accounts(&mut self, after: AccountId) -> Result<Vec<AccountLine>, StoreError>;

    /// Copies the database, as of one moment, and logs the line.
    fn copy_to(&mut self, file: &Path, line: Line) -> anyhow::Result<()>;

    fn log(&self, line: Line);

    /// Returns sentences for the operator.
    fn reload(&mut self) -> anyhow::Result<Vec<String>>;
}

/// # Errors
/// A sentence for the operator. Unless it says otherwise, nothing was changed.
pub fn carry_out(
    command: &Command,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        Command::User(command) => user(command, holder, out),
        Command::Room(RoomCommand::Archive { name, reason }) => {
            let action = OperatorAction::Archive(name.clone(), Some(reason.clone()));
            let room = holder.carry_out(action)?;
            say(
                out,
                &format!("{room} is archived: its members read it, and nothing more."),
            )
        }
        Command::Room(RoomCommand::Unarchive { name }) => {
            let room = holder.carry_out(OperatorAction::Archive(name.clone(), None))?;
            say(out, &format!("{room} is open again."))
        }
        Command::Backup { file } => {
            let made = |line: Line| line.with("file", file.display());
            let line = holder.operator().line(&events::BACKUP_MADE, made);
            holder.copy_to(file, line)?;
            say(
                out,
                &format!("The database is in {} as of now.", file.display()),
            )?;
            say(
                out,
                "A server needs the files of its key directory with it; keep the two apart.",
            )
        }
        Command::Reload => {
            let sentences = holder.reload()?;
            sentences.iter().try_for_each(|sentence| say(out, sentence))
        }
    }
}

fn say(out: &mut impl Write, sentence: &str) -> anyhow::Result<()> {
    Ok(writeln!(out, "{sentence}")?)
}

fn user(
    command: &UserCommand,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (action, sentence) = match command {
        UserCommand::List => return list(holder, out),
        UserCommand::ResetSecondFactor { name } => {
            return reset_second_factor(name, holder, out);
        }
        UserCommand::Disable { name } => (
            OperatorAction::SetStatus(name.clone(), Status::Disabled),
            "is disabled and can't log in".to_owned(),
        ),
        UserCommand::Enable { name } => (
            OperatorAction::SetStatus(name.clone(), Status::Active),
            "may log in".to_owned(),
        ),
        UserCommand::SetRole { name, role } => (
            OperatorAction::SetRole(name.clone(), *role),
            match role {
                Role::Admin => "is an administrator now".to_owned(),
                Role::Member => "is a member now".to_owned(),
            },
        ),
        UserCommand::Logout { name } => (
            OperatorAction::LogOut(name.clone()),
            "must log in again everywhere".to_owned(),
        ),
    };
    let user = holder.carry_out(action)?;
    say(out, &format!("{user} {sentence}."))
}

fn list(holder: &mut impl Holder, out: &mut impl Write) -> anyhow::Result<()> {
    let accounts = all_accounts(|after| holder.accounts(after))?;
    let counted = |line: Line| line.with("count", accounts.len());
    holder.log(holder.operator().line(&events::USERS_LISTED, counted));
    Ok(out.write_all(table(&accounts).as_bytes())?)
}

fn reset_second_factor(
    name: &UserName,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let totp = TotpSecret::new(Secret::random());
    let codes = (0..RECOVERY_CODES).map(|_| RecoveryCode::new(Secret::random()));
    let codes: Vec<RecoveryCode> = codes.collect();
    let factor = NewFactor {
        totp: totp.clone(),
        recovery: codes.iter().map(RecoveryCode::hash).collect(),
    };
    let user = holder.carry_out(OperatorAction::ReplaceFactor(name.clone(), factor))?;
    let user = UserName::parse(&user)?;
    show_second_factor(&user, &totp, &codes, out).map_err(|error| {
        anyhow!("the second factor was replaced but could not be shown ({error}): do it again")
    })
}

fn show_second_factor(
    user: &UserName,
    totp: &TotpSecret,
    codes: &[RecoveryCode],
    out: &mut impl Write,
) -> io::Result<()> {
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
