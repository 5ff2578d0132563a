//! Seconds that a greedy selection takes: entries × rows × outputs, 25 rounds, classes and tags.
//!
//! `cargo run --release -p xscatter-automl --example ensemble_times` prints a table of its own scores;
//! `… ensemble_times SCORES LABELS CLASSES` reads scores (f32, entries × rows × classes) and labels (u32)
//! and prints the seconds, the log-loss of the ensemble without a temperature and the members: what
//! `tools/compare/ensemble_selection.py` does.

use std::io::Write;
use std::time::Instant;

use ndarray::{Array2, ArrayView2};
use xscatter_automl::{Ensemble, EnsembleConfig};
use xscatter_core::{Classes, Error, ErrorKind, Metric, Result, TagState, Tags, Target, seed};
use xscatter_metrics::{BalancedAccuracy, LogLoss};

fn unit(seed: u64, stream: u64) -> f32 {
    (seed::derive(seed, stream) >> 40) as f32 / (1_u64 << 24) as f32
}

/// What a model of some skill says of rows whose outputs are known.
fn scores(is_so: &Array2<bool>, model: u64, is_class: bool) -> Array2<f32> {
    let skill = 0.5 + unit(model, 0);
    let mut scores = Array2::from_shape_fn(is_so.dim(), |(row, output)| {
        let noise = unit(model, 1 + (row * is_so.ncols() + output) as u64);
        let truth = if is_so[[row, output]] { skill } else { 0.0 };
        ((truth + noise) / 2.5).clamp(0.01, 0.99)
    });
    if is_class {
        for mut row in scores.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
    }
    scores
}

/// The smallest of some measured times, and the ensemble.
fn timed(
    config: &EnsembleConfig,
    all: &[Array2<f32>],
    truth: &Target,
    metric: &dyn Metric,
) -> Result<(f64, Ensemble)> {
    let views: Vec<ArrayView2<'_, f32>> = all.iter().map(|one| one.view()).collect();
    let mut best_s = f64::INFINITY;
    let mut ensemble = Ensemble::select_from(config, &views, truth, metric)?;
    for _ in 0..3 {
        let start = Instant::now();
        ensemble = Ensemble::select_from(config, &views, truth, metric)?;
        best_s = best_s.min(start.elapsed().as_secs_f64());
    }
    Ok((best_s, ensemble))
}

fn of_files(scores: &str, labels: &str, classes: &str) -> Result<()> {
    let classes: usize = classes.parse().map_err(|_| {
        let message = format!("expected a number of classes, got {classes:?}");
        Error::new(ErrorKind::InvalidArgument, message)
    })?;
    let words = |path: &str| -> Result<Vec<[u8; 4]>> {
        let bytes = std::fs::read(path).map_err(|error| Error::from(error).in_file(path))?;
        Ok(bytes.as_chunks().0.to_vec())
    };
    let labels: Vec<u32> = words(labels)?.into_iter().map(u32::from_le_bytes).collect();
    let scores: Vec<f32> = words(scores)?.into_iter().map(f32::from_le_bytes).collect();
    let shape = (labels.len(), classes);
    let all: Vec<Array2<f32>> = scores
        .chunks_exact(shape.0 * shape.1)
        .map(|one| Array2::from_shape_fn(shape, |(row, class)| one[row * classes + class]))
        .collect();
    let names = (0..classes).map(|k| k.to_string().into()).collect();
    let truth = Target::Classes(Classes::new(names, labels)?);
    let config = EnsembleConfig {
        patience: 25,
        calibrate: false,
        ..EnsembleConfig::default()
    };
    let (seconds, ensemble) = timed(&config, &all, &truth, &LogLoss)?;
    let mut out = std::io::stdout().lock();
    writeln!(
        out,
        "{seconds} {} {}",
        ensemble.score,
        ensemble.members.len()
    )?;
    Ok(())
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [scores, labels, classes] = &arguments[..] {
        return of_files(scores, labels, classes);
    }
    let mut out = std::io::stdout().lock();
    writeln!(out, "| entries | rows | target | metric | seconds |")?;
    writeln!(out, "|---|---|---|---|---|")?;
    let rows = 2000;
    for entries in [125, 1250] {
        for outputs in [4, 17] {
            let labels: Vec<u32> = (0..rows).map(|row| (row % outputs) as u32).collect();
            let names: Vec<_> = (0..outputs).map(|k| k.to_string().into()).collect();
            let is_class = Array2::from_shape_fn((rows, outputs), |(row, k)| row % outputs == k);
            let has_tag =
                Array2::from_shape_fn((rows, outputs), |(row, k)| unit(k as u64, row as u64) < 0.2);
            let states = has_tag.mapv(|has| {
                if has {
                    TagState::Positive
                } else {
                    TagState::Negative
                }
            });
            let classes = Target::Classes(Classes::new(names.clone(), labels)?);
            let tags = Target::Tags(Tags::new(names, states)?);
            let cases: [(&str, &Target, &Array2<bool>, &dyn Metric); 3] = [
                ("classes", &classes, &is_class, &LogLoss),
                ("classes", &classes, &is_class, &BalancedAccuracy),
                ("tags", &tags, &has_tag, &LogLoss),
            ];
            for (kind, truth, is_so, metric) in cases {
                let all: Vec<Array2<f32>> = (0..entries)
                    .map(|model| scores(is_so, model, kind == "classes"))
                    .collect();
                // All rounds, so that the figure does not depend on when the selection ends.
                let config = EnsembleConfig {
                    patience: 25,
                    ..EnsembleConfig::default()
                };
                let (best_s, _) = timed(&config, &all, truth, metric)?;
                let name = metric.name();
                writeln!(
                    out,
                    "| {entries} | {rows} | {outputs} {kind} | {name} | {best_s:.3} |"
                )?;
            }
        }
    }
    Ok(())
}
