//! The table: medians with their spread, ratios of alternating runs, and the bounds.

use std::fmt::Write as _;

use serde_json::{Value, json};

use crate::book::Faults;
use crate::rows::{Binding, Metric, Row, grouped};
use crate::run::RunOutcome;
use crate::targets::Kind;

/// All runs of a row. Runs with the same index alternated, so their ratios are of the same minutes.
pub struct Measured {
    pub row: Row,
    /// The product first. A failed run is `None` and keeps its index.
    pub runs: Vec<(Kind, Vec<Option<RunOutcome>>)>,
}

#[derive(Debug, Clone, Copy)]
struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(mut figures: Vec<f64>) -> Option<Self> {
        figures.sort_by(f64::total_cmp);
        let middle = figures.len() / 2;
        let upper = *figures.get(middle)?;
        let median = if figures.len().is_multiple_of(2) {
            f64::midpoint(figures[middle - 1], upper)
        } else {
            upper
        };
        Some(Self {
            median,
            least: figures[0],
            most: figures[figures.len() - 1],
        })
    }

    fn to_text(self) -> String {
        if self.least.to_bits() == self.most.to_bits() {
            return short(self.median);
        }
        format!(
            "{} ({}–{})",
            short(self.median),
            short(self.least),
            short(self.most)
        )
    }

    fn to_json(self) -> Value {
        let rounded = |figure: f64| (figure * 1e3).round() / 1e3;
        json!({
            "median": rounded(self.median),
            "min": rounded(self.least),
            "max": rounded(self.most),
        })
    }
}

/// Three significant digits.
fn short(figure: f64) -> String {
    match figure.abs() {
        1000.0.. => grouped(figure.round() as usize),
        100.0.. => format!("{figure:.0}"),
        10.0.. => format!("{figure:.1}"),
        1.0.. => format!("{figure:.2}"),
        _ => format!("{figure:.3}"),
    }
}

fn spread(outcomes: &[Option<RunOutcome>], metric: Metric) -> Option<Spread> {
    let given = outcomes.iter().flatten();
    Spread::of(given.filter_map(|o| o.get(metric)).collect())
}

fn faults(outcomes: &[Option<RunOutcome>]) -> Faults {
    outcomes
        .iter()
        .flatten()
        .fold(Faults::default(), |sum, outcome| {
            let Faults {
                lost,
                lagged,
                held_back,
                out_of_order,
            } = outcome.faults;
            Faults {
                lost: sum.lost + lost,
                lagged: sum.lagged + lagged,
                held_back: sum.held_back + held_back,
                out_of_order: sum.out_of_order + out_of_order,
            }
        })
}

impl Measured {
    fn of(&self, kind: Kind) -> &[Option<RunOutcome>] {
        let mut runs = self.runs.iter();
        runs.find(|(is, _)| *is == kind)
            .map_or(&[], |(_, outcomes)| outcomes)
    }

    /// The product's figure, divided by another server's in the run with the same index.
    fn ratio(&self, metric: Metric, against: Kind) -> Option<Spread> {
        let pairs = self.of(Kind::Chatbox).iter().zip(self.of(against));
        let ratios = pairs.filter_map(|(own, other)| {
            let (own, other) = (own.as_ref()?.get(metric)?, other.as_ref()?.get(metric)?);
            (other > 0.0).then_some(own / other)
        });
        Spread::of(ratios.collect())
    }

    fn bound(&self, binding: &Binding) -> Option<Spread> {
        match binding.against {
            Some(against) => self.ratio(binding.metric, against),
            None => spread(self.of(Kind::Chatbox), binding.metric),
        }
    }

    /// Whether no run failed, no text was lost or out of order, and only the slow reader lagged.
    pub fn is_whole(&self) -> bool {
        self.runs.iter().all(|(_, outcomes)| {
            if outcomes.iter().any(Option::is_none) {
                return false;
            }
            let faults = faults(outcomes);
            let lagged = faults.lagged > 0 && !self.row.slow_reader;
            faults.lost == 0 && faults.out_of_order == 0 && !lagged
        })
    }
}

pub fn markdown(heading: &str, all: &[Measured]) -> String {
    let mut out = format!("{heading}\n\n| workload | server |");
    for metric in Metric::ALL {
        let _ = write!(out, " {} |", metric.title());
    }
    out.push_str(" lost | lagged | out of order | ChatBox ÷ this: deliveries/s, CPU |\n|");
    let columns = 2 + Metric::ALL.len() + 4;
    out.push_str(&"---|".repeat(columns));
    out.push('\n');
    for measured in all {
        for (kind, outcomes) in &measured.runs {
            line(&mut out, measured, *kind, outcomes);
        }
    }
    bindings(&mut out, all);
    out
}

fn line(out: &mut String, measured: &Measured, kind: Kind, outcomes: &[Option<RunOutcome>]) {
    let _ = write!(out, "| {} | {kind} |", measured.row);
    for metric in Metric::ALL {
        let text = spread(outcomes, metric).map(Spread::to_text);
        let _ = write!(out, " {} |", text.unwrap_or_default());
    }
    let faults = faults(outcomes);
    let _ = write!(
        out,
        " {} | {} | {} |",
        faults.lost, faults.lagged, faults.out_of_order
    );
    let ratios: Vec<String> = [Metric::Deliveries, Metric::Cost, Metric::LoginCost]
        .into_iter()
        .filter(|_| kind != Kind::Chatbox)
        .filter_map(|metric| Some(measured.ratio(metric, kind)?.to_text()))
        .collect();
    let _ = writeln!(out, " {} |", ratios.join(", "));
}

fn bindings(out: &mut String, all: &[Measured]) {
    if all.iter().all(|measured| measured.row.bindings.is_empty()) {
        return;
    }
    out.push_str("\n| workload | binding | measured | |\n|---|---|---|---|\n");
    for measured in all {
        for binding in measured.row.bindings {
            let (what, figure) = (binding.metric.title(), measured.bound(binding));
            let against = binding
                .against
                .map_or_else(String::new, |kind| format!(" × {kind}'s"));
            let (text, verdict) = match figure {
                Some(figure) if binding.bound.holds(figure.median) => (figure.to_text(), "holds"),
                Some(figure) => (figure.to_text(), "**missed**"),
                None => (String::new(), "not measured"),
            };
            let bound = binding.bound;
            let row = &measured.row;
            let _ = writeln!(
                out,
                "| {row} | {what} {bound}{against} | {text} | {verdict} |"
            );
        }
    }
}

/// One line for each server in each row, and for each binding.
pub fn json_lines(heading: &str, all: &[Measured]) -> String {
    let mut lines = vec![json!({"machine": heading})];
    for measured in all {
        let row = measured.row.to_string();
        for (kind, outcomes) in &measured.runs {
            let faults = faults(outcomes);
            let mut line = json!({
                "row": row,
                "server": kind.to_string(),
                "runs": outcomes.iter().flatten().count(),
                "lost": faults.lost,
                "lagged": faults.lagged,
                "held_back": faults.held_back,
                "out_of_order": faults.out_of_order,
            });
            for metric in Metric::ALL {
                if let Some(figure) = spread(outcomes, metric) {
                    line[metric.key()] = figure.to_json();
                }
            }
            lines.push(line);
        }
        for binding in measured.row.bindings {
            let figure = measured.bound(binding);
            lines.push(json!({
                "row": row,
                "binding": binding.metric.key(),
                "against": binding.against.map(|kind| kind.to_string()),
                "bound": binding.bound.to_string(),
                "measured": figure.map(Spread::to_json),
                "holds": figure.map(|figure| binding.bound.holds(figure.median)),
            }));
        }
    }
    lines.iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "{line}");
        out
    })
}
