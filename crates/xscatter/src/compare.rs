//! Sorted files against techniques that somebody knows.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xscatter_core::{Classes, Error, ErrorKind, Result};
use xscatter_metrics::ConfusionMatrix;

use crate::sort::SortedFiles;

/// Which frames have a known technique, and how often the sorter agrees.
///
/// A few frames of a few experiments show what happens on them; they do not estimate an accuracy.
#[derive(Debug)]
pub struct Comparison {
    /// Truth against prediction.
    pub confusion: ConfusionMatrix,
    /// The frames on which the two differ: file, truth, prediction, its probability.
    pub differing: Vec<(PathBuf, Arc<str>, Arc<str>, f32)>,
    /// Sorted frames that the table does not know.
    pub unknown: usize,
}

impl Comparison {
    /// Compares with a CSV that has a column `file` or `path` and a column `technique` or `class`.
    ///
    /// A path of the table matches the files that end with it. Of the technique, the first word counts
    /// (`SAXS (buffer)` is SAXS); rows whose first word is none of `classes` are passed over.
    ///
    /// # Errors
    /// If the table cannot be read, lacks a column, or names no sorted frame.
    pub fn new(sorted: &SortedFiles, table: &Path, classes: &[Arc<str>]) -> Result<Self> {
        let truth = read(table, classes)?;
        let (mut true_labels, mut predicted) = (Vec::new(), Vec::new());
        let (mut differing, mut unknown) = (Vec::new(), 0);
        let label = |name: &str| classes.iter().position(|class| &**class == name);
        for row in &sorted.rows {
            let known = truth.iter().find(|(path, _)| row.path.ends_with(path));
            let (Some((_, class)), Some(found)) = (known, label(&row.verdict.class)) else {
                unknown += 1;
                continue;
            };
            true_labels.push(*class as u32);
            predicted.push(found as u32);
            if *class != found {
                differing.push((
                    row.path.clone(),
                    classes[*class].clone(),
                    row.verdict.class.clone(),
                    row.verdict.probability,
                ));
            }
        }
        if true_labels.is_empty() {
            return Err(Error::new(
                ErrorKind::DegenerateData,
                "expected the technique of at least one sorted file, found none",
            )
            .in_file(table));
        }
        let truth = Classes::new(classes.to_vec(), true_labels)?;
        let confusion = ConfusionMatrix::from_labels(&truth, &predicted)?;
        Ok(Self {
            confusion,
            differing,
            unknown,
        })
    }
}

/// Paths and the positions of their classes.
fn read(table: &Path, classes: &[Arc<str>]) -> Result<Vec<(PathBuf, usize)>> {
    let malformed = |message: String| Error::new(ErrorKind::Malformed, message).in_file(table);
    let mut reader = csv::Reader::from_path(table)
        .map_err(|error| Error::new(ErrorKind::Io, error.to_string()).in_file(table))?;
    let titles = reader
        .headers()
        .map_err(|error| malformed(error.to_string()))?
        .clone();
    let column = |names: [&str; 2]| {
        titles
            .iter()
            .position(|title| names.contains(&title))
            .ok_or_else(|| {
                malformed(format!(
                    "expected a column {} or {}, found none",
                    names[0], names[1]
                ))
            })
    };
    let (path, class) = (column(["file", "path"])?, column(["technique", "class"])?);
    let mut rows = Vec::new();
    for record in reader.records() {
        let record = record.map_err(|error| malformed(error.to_string()))?;
        let word = record
            .get(class)
            .unwrap_or_default()
            .split_whitespace()
            .next()
            .unwrap_or("");
        if let Some(class) = classes.iter().position(|class| &**class == word) {
            rows.push((PathBuf::from(record.get(path).unwrap_or_default()), class));
        }
    }
    Ok(rows)
}

impl fmt::Display for Comparison {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.confusion)?;
        for (path, truth, found, probability) in &self.differing {
            writeln!(
                f,
                "{truth} taken for {found} ({probability:.3}): {}",
                path.display()
            )?;
        }
        write!(f, "{} frames have no technique in the table", self.unknown)
    }
}
