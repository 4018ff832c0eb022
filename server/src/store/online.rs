//! ONLINE: the connections of this run of the server. Written behind, emptied at every start and at
//! a clean shutdown. For operators who look into the database; the server never reads it.

use std::net::SocketAddr;

use chatbox_common::name::UserName;

use super::column::Column;
use super::error::StoreError;
use super::sql::Tx;
use super::statement::statements;

statements! {
    const PUT = "INSERT INTO ONLINE(client_id, ip_port, status, user) VALUES(?1, ?2, ?3, ?4) \
        ON CONFLICT(client_id) DO UPDATE SET ip_port = excluded.ip_port, status = excluded.status, \
        user = excluded.user";
    const DROP = "DELETE FROM ONLINE WHERE client_id = ?1";
    const CLEAR = "DELETE FROM ONLINE";
    const ALL_GONE = "UPDATE REGISTERED SET online = 'ko' WHERE online <> 'ko'"
        walks "once at a start, and once at a stop";
}

impl Tx<'_> {
    /// `anonymous` without a user, `online` under the user's name after login. A row that is there
    /// already is changed, so that a connection that logs in before its first row is written costs
    /// one row only.
    ///
    /// # Errors
    /// SQLite's.
    pub fn put_online(
        &self,
        client_id: u64,
        ip_port: SocketAddr,
        user: Option<&UserName>,
    ) -> Result<(), StoreError> {
        let status = if user.is_some() {
            "online"
        } else {
            "anonymous"
        };
        self.execute(
            PUT,
            (
                client_id.put(),
                ip_port.to_string(),
                status,
                user.map(Column::put),
            ),
        )?;
        Ok(())
    }

    /// `false` when there was no such row.
    ///
    /// # Errors
    /// SQLite's.
    pub fn drop_online(&self, client_id: u64) -> Result<bool, StoreError> {
        Ok(self.execute(DROP, [client_id.put()])? == 1)
    }

    /// Also notes that no account has a session.
    ///
    /// # Errors
    /// SQLite's.
    pub fn clear_online(&self) -> Result<(), StoreError> {
        self.execute(CLEAR, ())?;
        self.execute(ALL_GONE, ())?;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use chatbox_common::wire::message::AccountId;

    use super::super::statement::Statement;
    use super::super::testing::{account, name, quiet, store};
    use super::super::{Commit, Durability, Store};
    use super::*;

    type OnlineRow = (i64, String, String, Option<String>);

    fn lines(store: &mut Store) -> Vec<OnlineRow> {
        const LINES: Statement = Statement::of_test(
            "SELECT client_id, ip_port, status, user FROM ONLINE ORDER BY client_id",
        );
        store
            .transaction(Commit::Usual, |tx| {
                tx.all(LINES, (), |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?))
                })
            })
            .unwrap()
    }

    #[test]
    fn a_connection_is_anonymous_then_online_then_gone() {
        let (_directory, mut store) = store();
        let at: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let line = |status: &str, user: Option<&str>| {
            (
                7,
                at.to_string(),
                status.to_owned(),
                user.map(str::to_owned),
            )
        };
        store
            .transaction(Commit::Usual, |tx| tx.put_online(7, at, None))
            .unwrap();
        assert_eq!(lines(&mut store), [line("anonymous", None)]);
        store
            .transaction(Commit::Usual, |tx| tx.put_online(7, at, Some(&name("Al"))))
            .unwrap();
        assert_eq!(lines(&mut store), [line("online", Some("Al"))]);
        let gone = store.transaction(Commit::Usual, |tx| {
            Ok((tx.drop_online(7)?, tx.drop_online(7)?))
        });
        assert_eq!(gone.unwrap(), (true, false));
        assert_eq!(lines(&mut store), []);
    }

    #[test]
    fn nobody_is_online_after_a_start() {
        let (directory, mut store) = store();
        let alice = account(&mut store, "alice");
        let at = "192.0.2.1:5000".parse().unwrap();
        store
            .transaction(Commit::Usual, |tx| {
                tx.put_online(7, at, Some(&name("alice")))?;
                tx.set_seen(alice, at, true)
            })
            .unwrap();
        drop(store);
        let mut store = Store::open(directory.path(), Durability::Full, quiet()).unwrap();
        assert_eq!(lines(&mut store), []);
        let accounts = store
            .transaction(Commit::Usual, |tx| tx.accounts(AccountId(0), 9))
            .unwrap();
        assert!(!accounts[0].online);
        assert_eq!(accounts[0].ip_port.as_deref(), Some("192.0.2.1:5000"));
    }
}
