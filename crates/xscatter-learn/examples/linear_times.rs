//! Times linear models and their kin, for `tools/compare/linear.py` to compare with scikit-learn.
//!
//! Every line on standard input is a job, every line on standard output its answer as JSON; the threads
//! are those of rayon:
//!
//! - `table FILE FEATURES TRAIN`: rows of little-endian `f32`, a label (as a number) after the features;
//!   the first TRAIN rows are for learning;
//! - `fit FAMILY PARAMS`: seconds of a fit with parameters as JSON, seconds of a prediction of the rest,
//!   accuracy and log-loss there.

#![allow(clippy::print_stdout, reason = "a program talks")]

use std::error::Error;
use std::io::BufRead as _;
use std::time::Instant;

use ndarray::{Array2, s};
use xscatter_core::{Classes, Estimator, Params, Predictor, Target, TrainingSet};
use xscatter_learn::Classifier;

struct Table {
    rows: Array2<f32>,
    labels: Vec<u32>,
    n_train: usize,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut table = None;
    for line in std::io::stdin().lock().lines() {
        let line = line?;
        let words: Vec<&str> = line.split_whitespace().collect();
        match (words.as_slice(), &table) {
            (["table", file, n_features, n_train], _) => {
                table = Some(read(file, n_features.parse()?, n_train.parse()?)?);
                println!("[]");
            }
            (["fit", family, params], Some(table)) => {
                let params: Params = serde_json::from_str(params)?;
                let answer = fit(table, &Classifier::from_params(family, &params, 0)?)?;
                println!("{}", serde_json::to_string(&answer)?);
            }
            _ => return Err(format!("expected a job, got {line}").into()),
        }
    }
    Ok(())
}

fn read(file: &str, n_features: usize, n_train: usize) -> Result<Table, Box<dyn Error>> {
    let bytes = std::fs::read(file)?;
    let values = bytes
        .as_chunks()
        .0
        .iter()
        .map(|four| f32::from_le_bytes(*four));
    let width = n_features + 1;
    let table = Array2::from_shape_vec((bytes.len() / 4 / width, width), values.collect())?;
    Ok(Table {
        rows: table.slice(s![.., ..n_features]).to_owned(),
        labels: table
            .column(n_features)
            .iter()
            .map(|&label| label as u32)
            .collect(),
        n_train,
    })
}

fn fit(table: &Table, classifier: &Classifier) -> Result<[f64; 4], Box<dyn Error>> {
    let (train, test) = table.rows.view().split_at(ndarray::Axis(0), table.n_train);
    let (labels, truth) = table.labels.split_at(table.n_train);
    let n_classes = labels.iter().max().map_or(0, |&most| most + 1);
    let names = (0..n_classes)
        .map(|class| class.to_string().into())
        .collect();
    let target = Target::Classes(Classes::new(names, labels.to_vec())?);
    let train = TrainingSet::new(train, &target)?;

    let start = Instant::now();
    let model = classifier.fit(&train)?;
    let fit_s = start.elapsed().as_secs_f64();
    let start = Instant::now();
    let proba = model.predict_proba(test)?;
    let predict_s = start.elapsed().as_secs_f64();

    let (mut right, mut loss) = (0, 0.0);
    for (row, &label) in proba.rows().into_iter().zip(truth) {
        let p = row[label as usize];
        right += u32::from(row.iter().all(|&other| other <= p));
        loss -= f64::from(p.max(1e-15)).ln();
    }
    let n = truth.len() as f64;
    Ok([fit_s, predict_s, f64::from(right) / n, loss / n])
}
