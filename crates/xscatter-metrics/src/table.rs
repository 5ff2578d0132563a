//! A report as text: CSV and JSON for programs, Markdown and an aligned table for people.
//!
//! CSV and JSON hold full precision. A score that is not defined is an empty field in CSV,
//! `{"undefined": reason}` in JSON and a dash for people.

use std::fmt;

use serde_json::{Map, Value, json};
use xscatter_core::Score;

use crate::confusion::csv_field;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Cell {
    Name(String),
    Count(u64),
    Score(Score),
}

/// Columns with a head; the first one names the rows.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Table {
    pub(crate) head: Vec<String>,
    pub(crate) rows: Vec<Vec<Cell>>,
}

impl Cell {
    fn for_people(&self) -> String {
        match self {
            Self::Name(name) => name.clone(),
            Self::Count(count) => count.to_string(),
            Self::Score(Score::Value(value)) => format!("{value:.4}"),
            Self::Score(Score::Undefined(_)) => "–".to_owned(),
        }
    }

    fn for_csv(&self) -> String {
        match self {
            Self::Name(name) => csv_field(name),
            Self::Count(count) => count.to_string(),
            Self::Score(score) => score.value().map_or(String::new(), |v| v.to_string()),
        }
    }

    fn for_json(&self) -> Value {
        match self {
            Self::Name(name) => json!(name),
            Self::Count(count) => json!(count),
            Self::Score(Score::Value(value)) => json!(value),
            Self::Score(Score::Undefined(reason)) => json!({ "undefined": reason }),
        }
    }
}

impl Table {
    pub(crate) fn to_csv(&self) -> String {
        let mut lines = Vec::with_capacity(self.rows.len() + 1);
        let head: Vec<String> = self.head.iter().map(|name| csv_field(name)).collect();
        lines.push(head.join(","));
        for row in &self.rows {
            let cells: Vec<String> = row.iter().map(Cell::for_csv).collect();
            lines.push(cells.join(","));
        }
        lines.join("\n") + "\n"
    }

    pub(crate) fn to_json(&self) -> String {
        let rows = self.rows.iter().map(|row| {
            let cells = self
                .head
                .iter()
                .cloned()
                .zip(row.iter().map(Cell::for_json));
            Value::Object(cells.collect::<Map<_, _>>())
        });
        Value::Array(rows.collect()).to_string()
    }

    pub(crate) fn to_markdown(&self) -> String {
        let line = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
        let escaped = |text: &str| text.replace('|', "\\|");
        let mut lines = vec![line(self.head.iter().map(|name| escaped(name)).collect())];
        let rule = (0..self.head.len()).map(|column| if column == 0 { "---" } else { "---:" });
        lines.push(line(rule.map(str::to_owned).collect()).replace(' ', ""));
        for row in &self.rows {
            let cells = row.iter().map(|cell| escaped(&cell.for_people()));
            lines.push(line(cells.collect()));
        }
        lines.join("\n") + "\n"
    }
}

/// The first column to the left, the others to the right.
impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rows: Vec<Vec<String>> = self
            .rows
            .iter()
            .map(|row| row.iter().map(Cell::for_people).collect())
            .collect();
        let length = |text: &String| text.chars().count();
        let widths: Vec<usize> = (0..self.head.len())
            .map(|column| {
                let cells = rows.iter().map(|row| length(&row[column]));
                cells.fold(length(&self.head[column]), usize::max)
            })
            .collect();
        for (number, row) in std::iter::once(&self.head).chain(&rows).enumerate() {
            if number > 0 {
                writeln!(f)?;
            }
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                if column == 0 {
                    write!(f, "{cell:<width$}")?;
                } else {
                    write!(f, "  {cell:>width$}")?;
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_form_holds_the_same_cells() {
        let table = Table {
            head: vec!["tag".into(), "f1|macro".into(), "n".into()],
            rows: vec![
                vec![
                    Cell::Name("ring, weak".into()),
                    Cell::Score(Score::Value(2.0 / 3.0)),
                    Cell::Count(12),
                ],
                vec![
                    Cell::Name("halo".into()),
                    Cell::Score(Score::Undefined("no sample".into())),
                    Cell::Count(0),
                ],
            ],
        };
        assert_eq!(
            table.to_csv(),
            "tag,f1|macro,n\n\"ring, weak\",0.6666666666666666,12\nhalo,,0\n"
        );
        assert_eq!(
            table.to_markdown(),
            "| tag | f1\\|macro | n |\n|---|---:|---:|\n\
             | ring, weak | 0.6667 | 12 |\n| halo | – | 0 |\n"
        );
        assert_eq!(
            table.to_string(),
            "tag         f1|macro   n\nring, weak    0.6667  12\nhalo               –   0"
        );
        let json: Value = serde_json::from_str(&table.to_json()).unwrap();
        assert_eq!(json[1]["f1|macro"]["undefined"], "no sample");
        assert_eq!(json[0]["n"], 12);
    }
}
