//! What a stack learns from, and that it never judges a row that it has seen.

use std::collections::HashMap;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};
use xscatter_automl::split::Split;
use xscatter_automl::{StackConfig, StackInputs, Stacking};
use xscatter_core::{
    BoxEstimator, Classes, ErrorKind, Estimator, Family, Params, Predictor, Result, Space,
    StopToken, Target, TrainingSet, seed,
};
use xscatter_metrics::{Accuracy, LogLoss};

#[allow(dead_code, reason = "not every test program needs all of it")]
mod toy;

use toy::{Manner, Toy};

/// Knows every training row by heart and nothing else.
struct Memory;

struct Remembered {
    names: Vec<Arc<str>>,
    label_of: HashMap<Vec<u32>, u32>,
}

impl Estimator for Memory {
    type Fitted = Remembered;

    fn fit(&self, train: &TrainingSet<'_>) -> Result<Remembered> {
        let classes = train.target().classes()?;
        let rows = train.rows();
        let rows = rows.rows().into_iter().map(|row| row.map(|x| x.to_bits()));
        Ok(Remembered {
            names: classes.names().to_vec(),
            label_of: rows
                .map(|row| row.to_vec())
                .zip(classes.labels().iter().copied())
                .collect(),
        })
    }
}

impl Predictor for Remembered {
    fn outputs(&self) -> &[Arc<str>] {
        &self.names
    }

    fn predict_proba(&self, rows: ArrayView2<'_, f32>) -> Result<Array2<f32>> {
        let n = self.names.len();
        let mut scores = Array2::from_elem((rows.nrows(), n), 1.0 / n as f32);
        for (row, mut scores) in rows.rows().into_iter().zip(scores.rows_mut()) {
            if let Some(&label) = self.label_of.get(&row.map(|x| x.to_bits()).to_vec()) {
                scores.fill(0.0);
                scores[label as usize] = 1.0;
            }
        }
        Ok(scores)
    }
}

struct MemoryFamily(Space);

impl Family for MemoryFamily {
    fn name(&self) -> &str {
        "memory"
    }

    fn space(&self) -> &Space {
        &self.0
    }

    fn portfolio(&self) -> Vec<Params> {
        vec![Params::new()]
    }

    fn build(&self, _: &Params, _: u64) -> Result<BoxEstimator> {
        Ok(Memory.boxed())
    }
}

fn unit(stream: u64, row: u64) -> f32 {
    (seed::derive(stream, row) >> 40) as f32 / (1_u64 << 24) as f32
}

/// Three classes; the first member tells the first from the others, the second the last.
fn members(rows: usize) -> (Target, Vec<Arc<str>>, Vec<Array2<f32>>) {
    let names: Vec<Arc<str>> = ["a", "b", "c"].map(Into::into).to_vec();
    let labels: Vec<u32> = (0..rows).map(|row| (row % 3) as u32).collect();
    let groups = (0..rows).map(|row| (row / 6).to_string().into()).collect();
    let member = |number: u64, known: usize| {
        let mut scores = Array2::from_shape_fn((rows, 3), |(row, class)| {
            let noise = 0.2 * unit(number, (3 * row + class) as u64);
            let says = (class == known) == (row % 3 == known);
            noise + if says { 0.4 } else { 0.1 }
        });
        for mut row in scores.rows_mut() {
            let sum = row.sum();
            row /= sum;
        }
        scores
    };
    let target = Target::Classes(Classes::new(names, labels).expect("labels below 3"));
    (target, groups, vec![member(1, 0), member(2, 2)])
}

#[test]
fn a_stack_joins_what_its_members_know() {
    let (target, groups, members) = members(120);
    let views: Vec<ArrayView2<'_, f32>> = members.iter().map(|one| one.view()).collect();
    let split = Split::StratifiedGroupKFold { folds: 4 };
    let folds = split.folds(&target, &groups, 1).unwrap();
    let family = Toy::boxed("centroid", Manner::Centroid);
    let fit = |views: &[ArrayView2<'_, f32>]| {
        let config = StackConfig::default();
        let stop = StopToken::new();
        Stacking::fit(&config, &family, views, &target, &folds, &Accuracy, &stop).unwrap()
    };
    let stack = fit(&views);
    let alone = fit(&views[..1]).score.value();
    assert!(stack.score.value() > Some(0.95), "{}", stack.score);
    assert!(alone < Some(0.8), "{alone:?}");
    assert_eq!(stack.rows.len(), 120);
    assert_eq!(stack.combine(&members).unwrap().dim(), (120, 3));
    let error = stack.combine(&members[..1]).unwrap_err();
    assert_eq!(error.message(), "expected the scores of 2 members, got 1");
    // On one thread the same bits.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    let again = pool.unwrap().install(|| fit(&views));
    assert_eq!(again.out_of_fold, stack.out_of_fold);
}

#[test]
fn a_stack_never_judges_a_row_that_it_has_seen() {
    let (target, groups, members) = members(60);
    let views: Vec<ArrayView2<'_, f32>> = members.iter().map(|one| one.view()).collect();
    let family = MemoryFamily(Space::new());
    let config = StackConfig {
        inputs: StackInputs::Scores,
        ..StackConfig::default()
    };
    for split in [
        Split::StratifiedGroupKFold { folds: 3 },
        Split::Repeated {
            split: Box::new(Split::StratifiedKFold {
                folds: 5,
                shuffle: true,
            }),
            repeats: 3,
        },
        Split::TimeSeries {
            folds: 4,
            gap: 2,
            validation_rows: None,
            max_train_rows: None,
        },
    ] {
        let folds = split.folds(&target, &groups, 7).unwrap();
        let stop = StopToken::new();
        let stack =
            Stacking::fit(&config, &family, &views, &target, &folds, &LogLoss, &stop).unwrap();
        let third = 1.0 / 3.0;
        assert!(
            stack.out_of_fold.iter().all(|&p| (p - third).abs() < 1e-6),
            "{split:?}"
        );
        // Of a time series the first block has nothing before it to learn from.
        let is_series = matches!(split, Split::TimeSeries { .. });
        assert_eq!(stack.rows.len(), if is_series { 36 } else { 60 });
    }
}

#[test]
fn what_cannot_be_stacked_is_named() {
    let (target, groups, members) = members(30);
    let views: Vec<ArrayView2<'_, f32>> = members.iter().map(|one| one.view()).collect();
    let folds = Split::StratifiedGroupKFold { folds: 2 }
        .folds(&target, &groups, 7)
        .unwrap();
    let failing = Toy::boxed("failing", Manner::Fail);
    let fit = |views: &[ArrayView2<'_, f32>], folds: &[_], stop: &StopToken| {
        let config = StackConfig::default();
        let fitted = Stacking::fit(&config, &failing, views, &target, folds, &LogLoss, stop);
        fitted.err().expect("it cannot be fitted")
    };
    let stop = StopToken::new();
    let error = fit(&views, &folds, &stop);
    assert_eq!(error.message(), "fold 0: the matrix is singular");
    assert_eq!(fit(&[], &folds, &stop).kind(), ErrorKind::InvalidArgument);
    assert_eq!(fit(&views, &[], &stop).kind(), ErrorKind::DegenerateData);
    let short = views[0].slice(ndarray::s![..20, ..]);
    assert_eq!(
        fit(&[short], &folds, &stop).kind(),
        ErrorKind::ShapeMismatch
    );
}
