//! What each command does and says, whoever holds the database.

use std::io::{self, BufWriter, Write};
use std::path::Path;

use anyhow::anyhow;
use chatbox_common::auth::recovery::{RECOVERY_CODES, RecoveryCode};
use chatbox_common::auth::totp::TotpSecret;
use chatbox_common::name::UserName;
use chatbox_common::secret::Secret;

use super::export;
use super::holder::Holder;
use super::listing::{BEFORE_ALL, Listed, PAGE, account, account_json, all, json_lines, table};
use crate::audit::Line;
use crate::audit::events::{self, AuditEvent};
use crate::cli::{Command, Exit, ListForm, RoomCommand, UserCommand};
use crate::clock::stamp;
use crate::connections::OnlineSession;
use crate::operator::{NewFactor, OperatorAction, OperatorRefusal};
use crate::status::down_metrics;
use crate::store::{AccountFacts, AccountLine, Role, RoomFacts, Status};

/// # Errors
/// A sentence for the operator. Unless it says otherwise, nothing was changed.
pub fn carry_out(
    command: &Command,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    match command {
        Command::User(command) => user(command, holder, out)?,
        Command::Room(command) => room(command, holder, out)?,
        Command::Sessions { name, form } => {
            let sessions = holder.sessions(name.as_ref());
            log_list(holder, &events::SESSIONS_LISTED, sessions.len())?;
            show(&sessions, *form, out)?;
        }
        Command::Announce { text } => {
            let said = |line: Line| line.with_text("text", text);
            let line = holder.operator().line(&events::ANNOUNCED, said);
            let told = holder.announce(text, line)?;
            let sessions = if told == 1 { "session" } else { "sessions" };
            say(out, &format!("Told in {told} {sessions}."))?;
        }
        Command::Kick { session } => {
            let user = holder.carry_out(OperatorAction::EndSession(session.0))?;
            say(out, &format!("Session {session} of {user} has ended."))?;
        }
        Command::Status { json, metrics } => return status(holder, (*json, *metrics), out),
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
            )?;
        }
        Command::Reload => {
            let sentences = holder.reload()?;
            sentences
                .iter()
                .try_for_each(|sentence| say(out, sentence))?;
        }
    }
    Ok(Exit::Fine)
}

fn log_list(holder: &impl Holder, event: &'static AuditEvent, count: usize) -> anyhow::Result<()> {
    let counted = |line: Line| line.with("count", count);
    holder.log(holder.operator().line(event, counted))
}

fn show<T: Listed>(rows: &[T], form: ListForm, out: &mut impl Write) -> anyhow::Result<()> {
    let text = if form.json {
        json_lines(rows)
    } else {
        table(rows)
    };
    Ok(out.write_all(text.as_bytes())?)
}

/// Not logged: a monitoring system asks again and again.
fn status(
    holder: &impl Holder,
    (json, metrics): (bool, bool),
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let status = holder
        .status()
        .ok_or_else(|| anyhow!("no server is running"))?;
    let text = match (json, metrics) {
        (true, _) => format!("{}\n", status.json()),
        (_, true) => status.metrics(),
        _ => status.table(),
    };
    out.write_all(text.as_bytes())?;
    Ok(if status.problems.is_empty() {
        Exit::Fine
    } else {
        Exit::Failure
    })
}

/// The status where no server answers, and why.
pub fn down(
    why: &str,
    (json, metrics): (bool, bool),
    out: &mut impl Write,
) -> anyhow::Result<Exit> {
    let text = match (json, metrics) {
        (true, _) => format!("{}\n", serde_json::json!({"problems": [why]})),
        (_, true) => down_metrics(),
        _ => format!("{why}\n"),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Down)
}

fn room(
    command: &RoomCommand,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    match command {
        RoomCommand::List { form } => {
            let of = |room: &RoomFacts| room.title.to_string();
            let rooms = all(String::new(), of, |after| {
                holder.read(|snapshot| snapshot.room_facts(after, PAGE))
            })?;
            log_list(holder, &events::ROOMS_LISTED, rooms.len())?;
            show(&rooms, *form, out)
        }
        RoomCommand::Archive { name, reason } => {
            let action = OperatorAction::Archive(name.clone(), Some(reason.clone()));
            let room = holder.carry_out(action)?;
            say(
                out,
                &format!("{room} is archived: its members read it, and nothing more."),
            )
        }
        RoomCommand::Unarchive { name } => {
            let room = holder.carry_out(OperatorAction::Archive(name.clone(), None))?;
            say(out, &format!("{room} is open again."))
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
        UserCommand::List { form } => {
            let accounts = all(
                BEFORE_ALL,
                |account: &AccountLine| account.id,
                |after| holder.read(|snapshot| snapshot.accounts(*after, PAGE)),
            )?;
            log_list(holder, &events::USERS_LISTED, accounts.len())?;
            return show(&accounts, *form, out);
        }
        UserCommand::Export { name, file } => return export_account(name, file, holder, out),
        UserCommand::Show { name, form } => return show_account(name, *form, holder, out),
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

fn facts(
    name: &UserName,
    holder: &mut impl Holder,
) -> anyhow::Result<(AccountFacts, Vec<OnlineSession>)> {
    let now = stamp();
    let facts = holder.read(|snapshot| snapshot.account_facts(name, now))?;
    let facts = facts.ok_or_else(|| OperatorRefusal::NoSuchUser(name.clone()))?;
    Ok((facts, holder.sessions(Some(name))))
}

fn show_account(
    name: &UserName,
    form: ListForm,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (facts, sessions) = facts(name, holder)?;
    let line = &facts.line;
    let of = |it: Line| it.with("user", &line.user).with("account", line.id);
    holder.log(holder.operator().line(&events::USER_SHOWN, of))?;
    if form.json {
        return say(out, &account_json(&facts, &sessions).to_string());
    }
    Ok(out.write_all(account(&facts, &sessions).as_bytes())?)
}

fn export_account(
    name: &UserName,
    file: &Path,
    holder: &mut impl Holder,
    out: &mut impl Write,
) -> anyhow::Result<()> {
    let (facts, sessions) = facts(name, holder)?;
    let user = &facts.line.user;
    let of = |line: Line| {
        let line = line.with("user", user).with("account", facts.line.id);
        line.with("file", file.display())
    };
    let line = holder.operator().line(&events::USER_EXPORTED, of);
    let mut sink = BufWriter::new(holder.sink(file, line)?);
    let written = export::write(&facts, &sessions, holder, &mut sink);
    let written = written.and_then(|()| Ok(sink.flush()?));
    // Without another attempt to write what is left.
    let (sink, _) = sink.into_parts();
    written?;
    holder.finish(sink, file)?;
    say(
        out,
        &format!("What there is of {user} is in {}.", file.display()),
    )
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
