//! Times support vector machines and nearest neighbours, for `tools/compare/svm_knn.py`.
//!
//! The argument is a folder with `shape` (rows to learn from, features, rows to predict, classes),
//! `train`, `test` and `train_labels`, little-endian `u32`, `f32`, `f32` and `u32`. Each line on standard
//! input is a recipe as JSON, `{"kernel-svm": {…}}`, `{"linear-svm": {…}}` or
//! `{"k-nearest-neighbours": {…}}`; the answer has the seconds of the fit, of the decision values
//! (0 for neighbours) and of the probabilities, which go to the file `proba`. Threads are those of rayon.

#![allow(clippy::print_stdout, reason = "a program talks")]

use std::error::Error;
use std::io::BufRead as _;
use std::path::Path;
use std::time::Instant;

use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Classes, Estimator, Predictor, Target, TrainingSet};
use xscatter_learn::{KernelSvm, LinearSvm, NearestNeighbours};

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Recipe {
    KernelSvm(KernelSvm),
    LinearSvm(LinearSvm),
    KNearestNeighbours(NearestNeighbours),
}

fn words(path: &Path) -> std::io::Result<Vec<[u8; 4]>> {
    Ok(std::fs::read(path)?.as_chunks().0.to_vec())
}

fn table(path: &Path, n_rows: usize, n_features: usize) -> Result<Array2<f32>, Box<dyn Error>> {
    let values = words(path)?.into_iter().map(f32::from_le_bytes).collect();
    Ok(Array2::from_shape_vec((n_rows, n_features), values)?)
}

/// What `work` gives, and the seconds it took.
fn timed<T>(work: impl FnOnce() -> xscatter_core::Result<T>) -> xscatter_core::Result<(T, f64)> {
    let start = Instant::now();
    let result = work()?;
    Ok((result, start.elapsed().as_secs_f64()))
}

fn main() -> Result<(), Box<dyn Error>> {
    let folder = std::env::args().nth(1).ok_or("expected a folder")?;
    let folder = Path::new(&folder);
    let shape: Vec<usize> = words(&folder.join("shape"))?
        .into_iter()
        .map(|word| u32::from_le_bytes(word) as usize)
        .collect();
    let [n_train, n_features, n_test, n_classes] = shape[..] else {
        return Err("expected four numbers in shape".into());
    };
    let rows = table(&folder.join("train"), n_train, n_features)?;
    let test = table(&folder.join("test"), n_test, n_features)?;
    let labels = words(&folder.join("train_labels"))?;
    let labels = labels.into_iter().map(u32::from_le_bytes).collect();
    let names = (0..n_classes).map(|class| class.to_string().into());
    let target = Target::Classes(Classes::new(names.collect(), labels)?);
    let train = TrainingSet::new(rows.view(), &target)?;
    for line in std::io::stdin().lock().lines() {
        let (fit_s, decision_s, (proba, proba_s)) = match serde_json::from_str(&line?)? {
            Recipe::KernelSvm(recipe) => {
                let (model, fit_s) = timed(|| recipe.fit(&train))?;
                let (_, decision_s) = timed(|| model.decisions(test.view()))?;
                (
                    fit_s,
                    decision_s,
                    timed(|| model.predict_proba(test.view()))?,
                )
            }
            Recipe::LinearSvm(recipe) => {
                let (model, fit_s) = timed(|| recipe.fit(&train))?;
                let (_, decision_s) = timed(|| model.decisions(test.view()))?;
                (
                    fit_s,
                    decision_s,
                    timed(|| model.predict_proba(test.view()))?,
                )
            }
            Recipe::KNearestNeighbours(recipe) => {
                let (model, fit_s) = timed(|| recipe.fit(&train))?;
                (fit_s, 0.0, timed(|| model.predict_proba(test.view()))?)
            }
        };
        let bytes = proba.iter().flat_map(|p| p.to_le_bytes());
        std::fs::write(folder.join("proba"), bytes.collect::<Vec<u8>>())?;
        println!("{fit_s} {decision_s} {proba_s}");
    }
    Ok(())
}
