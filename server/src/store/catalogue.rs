//! Every statement of the database, and what its plan must be.
//!
//! SQLite must find the rows of each by an index or a primary key, and in the order asked for, so
//! that its cost does not grow with a table; what may do otherwise says why, where it is declared.

use super::statement::Statement;
use super::{
    accounts, export, factors, history, ignores, index, members, meta, moment, online, overview,
    resume, rooms, search, sql,
};

const ALL: &[&[Statement]] = &[
    accounts::STATEMENTS,
    export::STATEMENTS,
    factors::STATEMENTS,
    history::STATEMENTS,
    ignores::STATEMENTS,
    index::STATEMENTS,
    members::STATEMENTS,
    meta::STATEMENTS,
    moment::STATEMENTS,
    online::STATEMENTS,
    overview::STATEMENTS,
    resume::STATEMENTS,
    rooms::STATEMENTS,
    search::STATEMENTS,
    sql::STATEMENTS,
];

/// How many there are: what a connection keeps prepared, so that each is compiled once.
pub(super) const COUNT: usize = count(ALL);

const fn count(lists: &[&[Statement]]) -> usize {
    match lists {
        [] => 0,
        [first, rest @ ..] => first.len() + count(rest),
    }
}

#[cfg(test)]
mod tests {
    use rusqlite::types::Null;
    use rusqlite::{Connection, params_from_iter};

    use super::super::files::DATABASE;
    use super::super::testing::store;
    use super::*;

    /// SQLite's plan, a step a line.
    fn plan(connection: &Connection, statement: &str) -> Vec<String> {
        let mut explained = connection
            .prepare(&format!("EXPLAIN QUERY PLAN {statement}"))
            .unwrap();
        let arguments = vec![Null; explained.parameter_count()];
        let steps = explained.query_map(params_from_iter(arguments), |row| row.get(3));
        steps.unwrap().map(Result::unwrap).collect()
    }

    fn walks(step: &str) -> bool {
        // SQLite says SCAN of a virtual table in any case; `:M` is a look-up by MATCH.
        let finds_words = step.contains("VIRTUAL TABLE INDEX") && step.contains(":M");
        (step.starts_with("SCAN") && !finds_words) || step.contains("TEMP B-TREE")
    }

    #[test]
    fn no_statement_walks_through_a_table_without_a_reason() {
        let (directory, _store) = store();
        let connection = Connection::open(directory.path().join(DATABASE)).unwrap();
        let all: Vec<_> = ALL.iter().copied().flatten().collect();
        assert_eq!(all.len(), COUNT);
        let otherwise: Vec<_> = all
            .into_iter()
            .map(|statement| (statement, plan(&connection, statement.text())))
            .filter(|(statement, plan)| {
                let walks = plan.iter().any(|step| walks(step));
                walks == statement.walks().is_empty()
            })
            .collect();
        assert!(otherwise.is_empty(), "{otherwise:#?}");
    }

    #[test]
    fn what_somebody_has_made_and_where_they_are_is_counted_without_looking_at_the_rooms() {
        let (directory, _store) = store();
        let connection = Connection::open(directory.path().join(DATABASE)).unwrap();
        let by_account = ["FROM rooms WHERE created_by", "FROM members WHERE account"];
        let is_count = |text: &str| {
            text.contains("count(*)") && by_account.iter().any(|from| text.contains(from))
        };
        let all = ALL.iter().copied().flatten();
        let all = all.map(|statement| statement.text());
        let counts: Vec<_> = all.filter(|text| is_count(text)).collect();
        assert_eq!(counts.len(), 4, "{counts:#?}");
        for count in counts {
            let plan = plan(&connection, count);
            assert!(
                plan.iter().all(|step| step.contains("COVERING INDEX")),
                "{count} {plan:?}"
            );
        }
    }
}
