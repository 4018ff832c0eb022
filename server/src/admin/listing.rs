//! The table that `user list` shows.

use std::net::SocketAddr;

use chatbox_common::wire::message::AccountId;
use jiff::Timestamp;

use crate::store::{AccountLine, Status, StoreError};

/// Accounts that are read in one transaction.
pub const PAGE: u32 = 1_000;

/// All accounts by number. Each page is a transaction of its own: a checkpoint can't pass one that
/// stays open.
pub fn all_accounts(
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

pub fn table(accounts: &[AccountLine]) -> String {
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
        account.role.to_string(),
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

#[cfg(test)]
mod tests {
    use chatbox_common::name::UserName;

    use super::*;
    use crate::store::Role;

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
