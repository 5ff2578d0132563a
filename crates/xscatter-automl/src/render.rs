//! A leaderboard as text: CSV and JSON for programs, Markdown and an aligned table for people.
//!
//! CSV and JSON hold every entry and full precision; a score that is not defined is an empty cell with
//! its reason in the column `note`, or `{"undefined": reason}`. In JSON all that differs from run to run
//! is under the key `times`; in CSV it is the columns `fit_s` and `predict_ms_per_1k`. Markdown and the
//! table round to four digits and show a dash for what is not defined.

use std::fmt;
use std::fmt::Write as _;

use serde_json::{Map, Value, json};
use xscatter_core::Goal;

use crate::leaderboard::{Entry, Leaderboard, Status, Summary};

/// How many entries [`Display`](fmt::Display) shows.
const TABLE_ROWS: usize = 12;

impl Leaderboard {
    /// All entries as CSV, best first.
    ///
    /// # Panics
    /// Never: text in memory takes all that is written to it.
    pub fn to_csv(&self) -> String {
        let mut writer = csv::Writer::from_writer(vec![]);
        let mut head: Vec<String> = [
            "rank",
            "representation",
            "n_columns",
            "family",
            "params",
            "status",
        ]
        .map(str::to_owned)
        .to_vec();
        for metric in &self.metrics {
            head.push(format!("{}_mean", metric.name));
            head.push(format!("{}_std", metric.name));
        }
        head.extend(["fit_s", "predict_ms_per_1k", "note"].map(str::to_owned));
        let rows = self.entries.iter().enumerate().map(|(position, entry)| {
            let mut row = vec![
                (position + 1).to_string(),
                entry.representation.to_string(),
                entry.n_columns.to_string(),
                entry.family.to_string(),
                entry.params.to_string(),
                status_name(&entry.status).to_owned(),
            ];
            for metric in 0..self.metrics.len() {
                match entry.scores.get(metric) {
                    Some(Summary::Value { mean, std, .. }) => {
                        let std = std.map(|std| std.to_string()).unwrap_or_default();
                        row.extend([mean.to_string(), std]);
                    }
                    Some(Summary::Undefined(_)) | None => {
                        row.extend([String::new(), String::new()]);
                    }
                }
            }
            match entry.times {
                Some(times) => {
                    row.extend([times.fit_s.to_string(), times.predict_ms_per_1k.to_string()]);
                }
                None => row.extend([String::new(), String::new()]),
            }
            row.push(self.note(entry));
            row
        });
        for row in std::iter::once(head).chain(rows) {
            writer
                .write_record(&row)
                .expect("all rows are as long as the head");
        }
        let bytes = writer.into_inner().expect("memory takes all bytes");
        String::from_utf8(bytes).expect("text fields make text")
    }

    /// The whole board as JSON, best entry first.
    pub fn to_json(&self) -> String {
        let metrics: Vec<Value> = self
            .metrics
            .iter()
            .map(|metric| {
                let goal = match metric.goal {
                    Goal::Maximise => "maximise",
                    Goal::Minimise => "minimise",
                };
                json!({ "name": &*metric.name, "goal": goal })
            })
            .collect();
        let entries: Vec<Value> = self
            .entries
            .iter()
            .enumerate()
            .map(|(position, entry)| self.entry_json(position + 1, entry))
            .collect();
        let board = json!({
            "rank_by": &*self.metrics[self.rank_by].name,
            "metrics": metrics,
            "folds": self.folds,
            "seed": self.seed,
            "planned": self.planned,
            "complete": self.is_complete(),
            "entries": entries,
        });
        format!("{board:#}\n")
    }

    fn entry_json(&self, rank: usize, entry: &Entry) -> Value {
        let mut scores = Map::new();
        for (metric, summary) in self.metrics.iter().zip(&entry.scores) {
            let value = match summary {
                Summary::Value { mean, std, folds } => {
                    json!({ "mean": mean, "std": std, "folds": folds })
                }
                Summary::Undefined(reason) => json!({ "undefined": reason }),
            };
            scores.insert(metric.name.to_string(), value);
        }
        let mut value = json!({
            "rank": rank,
            "representation": &*entry.representation,
            "n_columns": entry.n_columns,
            "family": &*entry.family,
            "params": entry.params,
            "status": status_name(&entry.status),
            "scores": scores,
        });
        if let Status::Failed(reason) | Status::Stopped(reason) = &entry.status {
            value["reason"] = json!(reason);
        }
        if let Some(times) = entry.times {
            value["times"] = json!({
                "fit_s": times.fit_s,
                "predict_ms_per_1k": times.predict_ms_per_1k,
            });
        }
        value
    }

    /// All entries as a Markdown table, best first, and below it what is to be said about them.
    pub fn to_markdown(&self) -> String {
        let table = self.table(self.entries.len(), |entry| entry.params.to_string());
        let line = |cells: &[String]| {
            let escaped: Vec<String> = cells.iter().map(|cell| cell.replace('|', "\\|")).collect();
            format!("| {} |\n", escaped.join(" | "))
        };
        let mut text = line(&table.head);
        text.push('|');
        for column in &table.head {
            text.push_str(if is_text(column) { " --- |" } else { " ---: |" });
        }
        text.push('\n');
        for row in &table.rows {
            text.push_str(&line(row));
        }
        for (position, entry) in self.entries.iter().enumerate() {
            let note = self.note(entry);
            if !note.is_empty() {
                // Cannot fail: a String takes all text.
                let _ = write!(text, "\n{}. {}", position + 1, note.replace('\n', " "));
            }
        }
        if text.ends_with('\n') {
            text
        } else {
            text + "\n"
        }
    }

    /// Head and first rows of the tables for people.
    fn table(&self, limit: usize, params: impl Fn(&Entry) -> String) -> Table {
        let mut head = vec!["#".to_owned(), "representation".into(), "family".into()];
        // The metric that ranks comes first, with its spread.
        let mut order: Vec<usize> = (0..self.metrics.len()).collect();
        order.sort_by_key(|&metric| metric != self.rank_by);
        head.extend(
            order
                .iter()
                .map(|&metric| self.metrics[metric].name.to_string()),
        );
        let timed = self.entries.iter().any(|entry| entry.times.is_some());
        if timed {
            head.extend(["fit s".to_owned(), "ms/1k".to_owned()]);
        }
        head.push("params".into());
        let rows = self
            .entries
            .iter()
            .take(limit)
            .enumerate()
            .map(|(position, entry)| {
                let mut row = vec![
                    (position + 1).to_string(),
                    entry.representation.to_string(),
                    entry.family.to_string(),
                ];
                row.extend(order.iter().map(|&metric| match entry.scores.get(metric) {
                    Some(Summary::Value { mean, std, .. }) if metric == self.rank_by => match std {
                        Some(std) => format!("{mean:.4} ± {std:.4}"),
                        None => format!("{mean:.4}"),
                    },
                    Some(Summary::Value { mean, .. }) => format!("{mean:.4}"),
                    Some(Summary::Undefined(_)) => "–".into(),
                    None => "failed".into(),
                }));
                if timed {
                    row.extend(entry.times.map_or(["–".into(), "–".into()], |times| {
                        [
                            format!("{:.3}", times.fit_s),
                            format!("{:.2}", times.predict_ms_per_1k),
                        ]
                    }));
                }
                row.push(params(entry));
                row
            });
        Table {
            rows: rows.collect(),
            head,
        }
    }

    /// The parameters of an entry in which the entries of its family differ.
    fn telling_params(&self, entry: &Entry) -> String {
        let differs = |name: &str| {
            let value = entry.params.get(name);
            self.entries
                .iter()
                .any(|other| other.family == entry.family && other.params.get(name) != value)
        };
        let telling = entry.params.iter().filter(|(name, _)| differs(name));
        let telling: Vec<String> = telling
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        telling.join(" ")
    }

    /// Why an entry failed, or which metrics are not defined and why.
    fn note(&self, entry: &Entry) -> String {
        if let Status::Failed(reason) | Status::Stopped(reason) = &entry.status {
            return reason.clone();
        }
        let undefined: Vec<String> = self
            .metrics
            .iter()
            .zip(&entry.scores)
            .filter_map(|(metric, summary)| match summary {
                Summary::Undefined(reason) => Some(format!("{}: {reason}", metric.name)),
                Summary::Value { .. } => None,
            })
            .collect();
        undefined.join("; ")
    }
}

struct Table {
    head: Vec<String>,
    rows: Vec<Vec<String>>,
}

/// The best entries as an aligned table; of the parameters only those that tell the entries of a family
/// apart.
impl fmt::Display for Leaderboard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Table { mut head, rows } = self.table(TABLE_ROWS, |entry| self.telling_params(entry));
        if rows
            .iter()
            .all(|row| row.last().is_some_and(String::is_empty))
        {
            // Every family has one entry a representation: no parameter tells them apart.
            head.pop();
        }
        // Long names of metrics stand in two lines: `recall` above `macro`.
        let two_lines: Vec<(&str, &str)> = head
            .iter()
            .map(|name| name.rsplit_once('-').unwrap_or(("", name)))
            .collect();
        let upper: Vec<String> = two_lines
            .iter()
            .map(|(upper, _)| (*upper).to_owned())
            .collect();
        let lower: Vec<String> = two_lines
            .iter()
            .map(|(_, lower)| (*lower).to_owned())
            .collect();
        let lines: Vec<&Vec<String>> = [&upper, &lower].into_iter().chain(&rows).collect();
        let width = |column: usize| lines.iter().map(|line| line[column].chars().count()).max();
        let widths: Vec<usize> = (0..head.len()).filter_map(width).collect();
        for line in lines {
            let mut text = String::new();
            for ((cell, &width), column) in line.iter().zip(&widths).zip(&head) {
                if is_text(column) {
                    write!(text, "{cell:<width$}  ")?;
                } else {
                    write!(text, "{cell:>width$}  ")?;
                }
            }
            writeln!(f, "{}", text.trim_end())?;
        }
        let more = self.entries.len() - rows.len();
        let failed = self.failures().count();
        write!(f, "{} trials", self.entries.len())?;
        if more > 0 {
            write!(f, ", {more} not shown")?;
        }
        if failed > 0 {
            write!(f, ", {failed} failed")?;
        }
        if !self.is_complete() {
            write!(f, ", {} not run", self.planned - self.entries.len())?;
        }
        write!(
            f,
            "; {} folds, ranked by {}",
            self.folds, self.metrics[self.rank_by].name
        )
    }
}

fn is_text(column: &str) -> bool {
    matches!(column, "representation" | "family" | "params")
}

fn status_name(status: &Status) -> &'static str {
    match status {
        Status::Scored => "scored",
        Status::Stopped(_) => "stopped",
        Status::Failed(_) => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::leaderboard::{MetricColumn, Times};
    use xscatter_core::Params;

    fn board() -> Leaderboard {
        let value = |mean, std| Summary::Value {
            mean,
            std: Some(std),
            folds: vec![mean - std, mean, mean + std],
        };
        let entry = |representation: &str, status, scores, times| Entry {
            key: 0,
            representation: representation.into(),
            n_columns: 6,
            family: "knn".into(),
            params: Params::new()
                .with("k", if representation == "radial" { 7 } else { 5 })
                .with("p", 2),
            status,
            scores,
            times,
            out_of_fold: None,
        };
        let times = Times {
            fit_s: 0.25,
            predict_ms_per_1k: 3.0,
        };
        let column = |name: &str, goal| MetricColumn {
            name: name.into(),
            goal,
        };
        Leaderboard {
            metrics: vec![
                column("log-loss", Goal::Minimise),
                column("f1-macro", Goal::Maximise),
            ],
            rank_by: 1,
            folds: 3,
            seed: 7,
            planned: 4,
            entries: vec![
                entry(
                    "glcm, d=1",
                    Status::Scored,
                    vec![value(0.5, 0.125), value(0.9, 0.05)],
                    Some(times),
                ),
                entry(
                    "radial",
                    Status::Scored,
                    vec![Summary::Undefined("fold 1: no".into()), value(0.8, 0.0)],
                    Some(times),
                ),
                entry(
                    "empty",
                    Status::Failed("fold 0: no column".into()),
                    vec![],
                    None,
                ),
            ],
        }
    }

    #[test]
    fn csv_has_a_cell_for_everything_and_the_reasons() {
        assert_eq!(
            board().to_csv(),
            "rank,representation,n_columns,family,params,status,log-loss_mean,log-loss_std,\
             f1-macro_mean,f1-macro_std,fit_s,predict_ms_per_1k,note\n\
             1,\"glcm, d=1\",6,knn,k=5 p=2,scored,0.5,0.125,0.9,0.05,0.25,3,\n\
             2,radial,6,knn,k=7 p=2,scored,,,0.8,0,0.25,3,log-loss: fold 1: no\n\
             3,empty,6,knn,k=5 p=2,failed,,,,,,,fold 0: no column\n"
        );
    }

    #[test]
    fn the_table_is_aligned_and_says_what_is_missing() {
        let expected = [
            "                                        f1     log",
            "#  representation  family            macro    loss  fit s  ms/1k  params",
            "1  glcm, d=1       knn     0.9000 ± 0.0500  0.5000  0.250   3.00  k=5",
            "2  radial          knn     0.8000 ± 0.0000       –  0.250   3.00  k=7",
            "3  empty           knn              failed  failed      –      –  k=5",
            "3 trials, 1 failed, 1 not run; 3 folds, ranked by f1-macro",
        ];
        assert_eq!(board().to_string(), expected.join("\n"));
    }

    #[test]
    fn markdown_has_a_row_an_entry_and_notes() {
        let markdown = board().to_markdown();
        assert!(markdown.starts_with("| # | representation | family | f1-macro | log-loss |"));
        assert!(markdown.contains("\n| ---: | --- | --- | ---: | ---: | ---: | ---: | --- |\n"));
        assert!(markdown.ends_with("\n2. log-loss: fold 1: no\n3. fold 0: no column\n"));
    }

    #[test]
    fn json_keeps_times_apart() {
        let json: Value = serde_json::from_str(&board().to_json()).unwrap();
        assert_eq!(json["entries"][0]["times"]["fit_s"], 0.25);
        assert_eq!(json["entries"][0]["params"]["k"], 5);
        assert_eq!(json["entries"][0]["scores"]["log-loss"]["folds"][2], 0.625);
        assert_eq!(
            json["entries"][1]["scores"]["log-loss"]["undefined"],
            "fold 1: no"
        );
        assert_eq!(json["entries"][2]["reason"], "fold 0: no column");
        assert_eq!(json["complete"], false);
        let bare = board().without_times();
        assert!(!bare.to_json().contains("times"));
        assert!(!bare.to_string().contains("fit s"));
    }
}
