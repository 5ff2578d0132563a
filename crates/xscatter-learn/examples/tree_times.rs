//! Times the trees on a table: the Rust side of `tools/compare/trees.py`.
//!
//! The folder in the first argument holds a table as little-endian numbers: `shape` (`u32`: rows and
//! features of the training table, rows of the test table), `train`, `test` (`f32`, row after row),
//! `train_labels`, `test_labels` (`u32`). Each line of standard input is a [`Classifier`] as JSON; the
//! answer is a line with the seconds of processor time of fit and prediction (of wall time where the system is not
//! Linux), and the test rows' probabilities lie in the
//! file `proba` (`f32`).
#![allow(clippy::print_stdout, reason = "the answer is what it is for")]

use std::io::{BufRead, Write};
use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use xscatter_core::{Classes, Error, ErrorKind, Estimator, Predictor, Result, Target, TrainingSet};
use xscatter_learn::Classifier;

/// Seconds that the threads of this process have run, or seconds since the start.
fn now_s(start: Instant) -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else {
        return start.elapsed().as_secs_f64();
    };
    let nanoseconds = |path: &Path| {
        let text = std::fs::read_to_string(path.join("schedstat")).ok()?;
        text.split(' ').next()?.parse::<f64>().ok()
    };
    let of_tasks = tasks.flatten().filter_map(|task| nanoseconds(&task.path()));
    of_tasks.sum::<f64>() / 1e9
}

fn words(folder: &Path, name: &str) -> Result<Vec<[u8; 4]>> {
    let path = folder.join(name);
    let bytes = std::fs::read(&path).map_err(|error| Error::from(error).in_file(&path))?;
    Ok(bytes.as_chunks().0.to_vec())
}

fn numbers(folder: &Path, name: &str) -> Result<Vec<u32>> {
    let words = words(folder, name)?;
    Ok(words.into_iter().map(u32::from_le_bytes).collect())
}

fn table(folder: &Path, name: &str, n_features: usize) -> Result<Array2<f32>> {
    let values: Vec<f32> = words(folder, name)?
        .into_iter()
        .map(f32::from_le_bytes)
        .collect();
    let shape = (values.len() / n_features, n_features);
    Array2::from_shape_vec(shape, values)
        .map_err(|error| Error::new(ErrorKind::Malformed, error.to_string()))
}

fn main() -> Result<()> {
    let folder = std::env::args().nth(1).ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            "expected the folder of the table, got none",
        )
    })?;
    let folder = Path::new(&folder);
    let n_features = numbers(folder, "shape")?[1] as usize;
    let train = table(folder, "train", n_features)?;
    let test = table(folder, "test", n_features)?;
    let labels = numbers(folder, "train_labels")?;
    let n_classes = labels.iter().max().map_or(0, |&last| last + 1);
    let names = (0..n_classes)
        .map(|class| class.to_string().into())
        .collect();
    let target = Target::Classes(Classes::new(names, labels)?);
    let train = TrainingSet::new(train.view(), &target)?;
    let start = Instant::now();
    for line in std::io::stdin().lock().lines() {
        let classifier: Classifier = serde_json::from_str(&line?)
            .map_err(|error| Error::new(ErrorKind::InvalidArgument, error.to_string()))?;
        let before = now_s(start);
        let model = classifier.fit(&train)?;
        let between = now_s(start);
        let proba = model.predict_proba(test.view())?;
        let (fit_s, predict_s) = (between - before, now_s(start) - between);
        let bytes: Vec<u8> = proba.iter().flat_map(|p| p.to_le_bytes()).collect();
        std::fs::write(folder.join("proba"), bytes)?;
        println!("{fit_s} {predict_s}");
        std::io::stdout().flush()?;
    }
    Ok(())
}
