//! How the server is: what an operator looks at, what a monitoring system collects, and what SIGUSR1
//! writes to info.log.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::audit::{Line, events};

/// Its name, and what it counts.
type Figure = (&'static str, u64, &'static str);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerStatus {
    pub uptime_seconds: u64,
    pub connections: u64,
    /// The most there may be.
    pub connections_max: u64,
    pub people: u64,
    pub sessions: Option<u64>,
    /// That are in memory. What is `None` is not known, since the journal does not answer.
    pub rooms: Option<u64>,
    /// The number of the last message that was committed, in all rooms: they are counted on from the
    /// first one on.
    pub messages: Option<u64>,
    /// With what waits beside the database to be moved into it.
    pub database_bytes: u64,
    /// Of the four log files, as they are named now.
    pub log_bytes: u64,
    /// On the fuller one of the disks of both.
    pub free_bytes: Option<u64>,
    /// What keeps the server from doing all of its work, a sentence each.
    pub problems: Vec<String>,
}

impl ServerStatus {
    /// All figures, by the names that they have everywhere, each with what it counts.
    fn figures(&self) -> Vec<Figure> {
        let all = [
            (
                "uptime_seconds",
                Some(self.uptime_seconds),
                "Since the start.",
            ),
            (
                "connections",
                Some(self.connections),
                "Connections, those before login among them.",
            ),
            (
                "connections_max",
                Some(self.connections_max),
                "The most connections at a time.",
            ),
            ("people", Some(self.people), "People who are online."),
            (
                "sessions",
                self.sessions,
                "Sessions of people who are online.",
            ),
            ("rooms", self.rooms, "Rooms in memory."),
            (
                "messages",
                self.messages,
                "Messages that were committed in this database.",
            ),
            (
                "database_bytes",
                Some(self.database_bytes),
                "The database and its write-ahead log.",
            ),
            (
                "log_bytes",
                Some(self.log_bytes),
                "The four audit files as they are named now.",
            ),
            (
                "free_bytes",
                self.free_bytes,
                "Free on the fuller disk of the database and the logs.",
            ),
        ];
        let known = all.into_iter();
        known
            .filter_map(|(name, figure, help)| Some((name, figure?, help)))
            .collect()
    }

    /// For people.
    #[must_use]
    pub fn table(&self) -> String {
        let mut text = String::new();
        for (name, figure, _) in self.figures() {
            let _ = writeln!(text, "{name:<16} {figure}");
        }
        if self.problems.is_empty() {
            text.push_str("problems         none\n");
        }
        for problem in &self.problems {
            let _ = writeln!(text, "problem          {problem}");
        }
        text
    }

    #[must_use]
    pub fn json(&self) -> Value {
        let figures = self.figures().into_iter();
        let figures = figures.map(|(name, figure, _)| (name.to_owned(), json!(figure)));
        let mut object: serde_json::Map<_, _> = figures.into_iter().collect();
        object.insert("problems".to_owned(), json!(self.problems));
        Value::Object(object)
    }

    /// Prometheus' text format, version 0.0.4.
    #[must_use]
    pub fn metrics(&self) -> String {
        let mut text = String::new();
        let up = ("up", 1, "Whether a server answers.");
        let degraded = u64::from(!self.problems.is_empty());
        let degraded = (
            "degraded",
            degraded,
            "Whether something keeps it from its work.",
        );
        for (name, figure, help) in [up, degraded].into_iter().chain(self.figures()) {
            metric(&mut text, name, figure, help);
        }
        text
    }

    /// The event's keys are the figures that it has had from the beginning, in their order.
    #[must_use]
    pub fn line(&self) -> Line {
        let figures = [
            ("seconds", Some(self.uptime_seconds)),
            ("connections", Some(self.connections)),
            ("people", Some(self.people)),
            ("sessions", self.sessions),
            ("rooms", self.rooms),
            ("database_bytes", Some(self.database_bytes)),
            ("log_bytes", Some(self.log_bytes)),
            ("free_bytes", self.free_bytes),
        ];
        let known = figures.into_iter();
        let known = known.filter_map(|(name, figure)| Some((name, figure?)));
        let line = known.fold(Line::of(&events::STATE), |line, (name, figure)| {
            line.with(name, figure)
        });
        if self.problems.is_empty() {
            return line;
        }
        line.with_text("problems", &self.problems.join("; "))
    }
}

/// Of a server that does not run.
#[must_use]
pub fn down_metrics() -> String {
    let mut text = String::new();
    metric(&mut text, "up", 0, "Whether a server answers.");
    text
}

fn metric(text: &mut String, name: &str, figure: u64, help: &str) {
    let kind = if name == "messages" {
        "counter"
    } else {
        "gauge"
    };
    let suffix = if name == "messages" { "_total" } else { "" };
    let _ = writeln!(text, "# HELP chatbox_{name}{suffix} {help}");
    let _ = writeln!(text, "# TYPE chatbox_{name}{suffix} {kind}");
    let _ = writeln!(text, "chatbox_{name}{suffix} {figure}");
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(problems: &[&str]) -> ServerStatus {
        ServerStatus {
            uptime_seconds: 1,
            connections: 2,
            connections_max: 3,
            people: 4,
            sessions: Some(5),
            rooms: Some(6),
            messages: Some(7),
            database_bytes: 8,
            log_bytes: 9,
            free_bytes: Some(10),
            problems: problems.iter().map(|&problem| problem.to_owned()).collect(),
        }
    }

    #[test]
    fn every_figure_stands_in_every_form_once() {
        let status = status(&["the disk is full"]);
        let (table, metrics) = (status.table(), status.metrics());
        let ends = |text: &str, number: u64| {
            let end = format!(" {number}");
            let others = ["chatbox_up ", "chatbox_degraded "];
            let rows = text
                .lines()
                .filter(|row| !others.iter().any(|other| row.starts_with(other)));
            rows.filter(|row| row.ends_with(&end)).count()
        };
        for number in 1..=10 {
            assert_eq!(ends(&table, number), 1, "{number}: {table}");
            assert_eq!(ends(&metrics, number), 1, "{number}: {metrics}");
        }
        let json = status.json();
        let object = json.as_object().unwrap();
        assert_eq!(object.len(), 11);
        assert_eq!(object["messages"], 7);
        assert_eq!(object["problems"][0], "the disk is full");
        assert!(table.ends_with("problem          the disk is full\n"));
    }

    #[test]
    fn what_is_not_known_stands_nowhere() {
        let status = ServerStatus {
            rooms: None,
            free_bytes: None,
            ..status(&["stuck"])
        };
        for text in [status.table(), status.metrics(), status.json().to_string()] {
            assert!(!text.contains("rooms") && !text.contains("free"), "{text}");
        }
        let line = status.line();
        assert!(
            line.as_str()
                .ends_with(" sessions=5 database_bytes=8 log_bytes=9 problems=stuck")
        );
    }

    #[test]
    fn metrics_are_as_prometheus_reads_them() {
        let text = status(&[]).metrics();
        let sample = "# HELP chatbox_messages_total Messages that were committed in this database.\n\
            # TYPE chatbox_messages_total counter\nchatbox_messages_total 7\n";
        assert!(text.contains(sample), "{text}");
        assert!(text.starts_with(
            "# HELP chatbox_up Whether a server answers.\n# TYPE chatbox_up gauge\nchatbox_up 1\n"
        ));
        assert!(text.contains("\nchatbox_degraded 0\n"));
        assert!(status(&["x"]).metrics().contains("\nchatbox_degraded 1\n"));
        assert!(down_metrics().ends_with("\nchatbox_up 0\n"));
        let is_name = |c: char| c.is_ascii_lowercase() || c == '_';
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (name, value) = line.split_once(' ').unwrap();
            assert!(
                name.chars().all(is_name) && value.parse::<u64>().is_ok(),
                "{line}"
            );
        }
    }
}
