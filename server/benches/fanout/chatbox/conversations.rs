//! Gives members conversations with people who are not there: rooms that the server has in memory,
//! and in which nobody speaks.

use std::path::Path;

use rusqlite::Connection;

/// How many conversations each member has: as many as one may begin.
const EACH: u32 = 500;

const PARTNERS: &str = "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n \
    WHERE n < ?1) INSERT INTO REGISTERED(user, password, skeleton, created_at) \
    SELECT 'partner' || n, '', 'partner' || n, 0 FROM n";
/// Members have the names `m0` to `m<members - 1>`, and lower numbers than their partners.
const ROOMS: &str = "INSERT INTO rooms(name, mode, access, created_by, created_at) \
    SELECT '@' || m.user || '+' || p.user, 'audited', 'direct', m.id, 0 \
    FROM REGISTERED m JOIN REGISTERED p ON p.user LIKE 'partner%' \
    WHERE m.user LIKE 'm%' AND CAST(substr(m.user, 2) AS INTEGER) < ?1";
const MEMBERS: &str = "INSERT INTO members(room, account, user, joined_seq, joined_at) \
    SELECT r.id, a.id, a.user, 1, 0 FROM rooms r JOIN REGISTERED a ON a.id = r.created_by \
    OR a.user = substr(r.name, instr(r.name, '+') + 1) WHERE r.access = 'direct'";

/// `database` is of a server that does not run.
pub fn add(database: &Path, members: usize) -> rusqlite::Result<()> {
    let mut connection = Connection::open(database)?;
    let all = connection.transaction()?;
    all.execute(PARTNERS, [EACH])?;
    all.execute(ROOMS, [members.cast_signed() as i64])?;
    all.execute(MEMBERS, ())?;
    all.commit()
}
