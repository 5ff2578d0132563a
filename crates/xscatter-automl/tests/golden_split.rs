//! Folds against those of scikit-learn, and how evenly tags are spread against scikit-multilearn.

use ndarray::Array2;
use serde::Deserialize;
use std::sync::Arc;
use xscatter_automl::{Fold, Split};
use xscatter_core::{Classes, TagState, Tags, Target};

fn golden(name: &str) -> String {
    format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

fn as_tags(columns: usize, is_positive: impl Fn(usize, usize) -> bool, rows: usize) -> Tags {
    let names = (0..columns).map(|tag| format!("tag {tag}").into());
    let states = Array2::from_shape_fn((rows, columns), |(row, tag)| {
        if is_positive(row, tag) {
            TagState::Positive
        } else {
            TagState::Negative
        }
    });
    Tags::new(names.collect(), states).expect("a name a column")
}

#[derive(Deserialize)]
struct Exact {
    split: Split,
    labels: Vec<u32>,
    groups: Vec<String>,
    folds: Vec<Fold>,
}

#[test]
fn folds_are_those_of_scikit_learn() {
    let golden =
        xscatter_testkit::golden::load::<Vec<Exact>>(golden("split_folds_sklearn")).unwrap();
    assert_eq!(golden.cases.len(), 28);
    for case in golden.cases {
        let n_classes = case.labels.iter().max().map_or(0, |max| max + 1);
        let names = (0..n_classes).map(|class| class.to_string().into());
        let target = Target::Classes(Classes::new(names.collect(), case.labels).unwrap());
        let groups: Vec<Arc<str>> = case.groups.iter().map(|name| (&**name).into()).collect();
        let folds = case.split.folds(&target, &groups, 1).unwrap();
        assert_eq!(folds, case.folds, "{:?}", case.split);
        // None of them draws a random number.
        assert_eq!(case.split.folds(&target, &groups, 2).unwrap(), folds);
    }
}

#[derive(Deserialize)]
struct Even {
    name: String,
    tags: Vec<String>,
    folds: usize,
    pairs: bool,
    label_distance: f64,
    pair_distance: f64,
    example_distance: f64,
    empty: f64,
}

/// The mean, over columns and folds, of the distance of the odds in the fold to those in all rows.
fn odds_distance(columns: &[Vec<bool>], folds: &[Fold]) -> f64 {
    let odds = |column: &[bool], rows: &[usize]| {
        let have = rows.iter().filter(|&&row| column[row]).count() as f64;
        have / (rows.len() as f64 - have)
    };
    let mut distances = vec![];
    for column in columns {
        let all: Vec<usize> = (0..column.len()).collect();
        let whole = odds(column, &all);
        if whole > 0.0 && whole.is_finite() {
            let of_folds = folds
                .iter()
                .map(|fold| (odds(column, &fold.validation) - whole).abs());
            distances.extend(of_folds);
        }
    }
    distances.iter().sum::<f64>() / distances.len() as f64
}

#[test]
fn tags_are_spread_as_evenly_as_by_scikit_multilearn() {
    let golden =
        xscatter_testkit::golden::load::<Vec<Even>>(golden("split_tags_skmultilearn")).unwrap();
    assert_eq!(golden.cases.len(), 8);
    for case in &golden.cases {
        let rows: Vec<Vec<bool>> = case
            .tags
            .iter()
            .map(|row| row.bytes().map(|byte| byte == b'1').collect())
            .collect();
        let n = rows[0].len();
        let column = |tag: usize| rows.iter().map(|row| row[tag]).collect::<Vec<bool>>();
        let labels: Vec<Vec<bool>> = (0..n).map(column).collect();
        let mut of_pairs = vec![];
        for one in 0..n {
            for other in one + 1..n {
                of_pairs.push(rows.iter().map(|row| row[one] && row[other]).collect());
            }
        }
        let target = Target::Tags(as_tags(n, |row, tag| rows[row][tag], rows.len()));
        let groups: Vec<Arc<str>> = (0..rows.len()).map(|row| row.to_string().into()).collect();
        let split = Split::IterativeStratified {
            folds: case.folds,
            pairs: case.pairs,
            allow_rare: true,
        };
        let seeds = 20;
        let (mut label, mut pair, mut example, mut empty) = (0.0, 0.0, 0.0, 0.0);
        for seed in 0..seeds {
            let folds = split.folds(&target, &groups, seed).unwrap();
            label += odds_distance(&labels, &folds) / seeds as f64;
            pair += odds_distance(&of_pairs, &folds) / seeds as f64;
            let wanted = rows.len() as f64 / case.folds as f64;
            for fold in &folds {
                let off = (fold.validation.len() as f64 - wanted).abs();
                example += off / (seeds * case.folds as u64) as f64;
                let without = |column: &&Vec<bool>| !fold.validation.iter().any(|&row| column[row]);
                empty += labels.iter().filter(without).count() as f64 / seeds as f64;
            }
        }
        println!(
            "{} pairs {}: labels {label:.5} / {:.5}, pairs {pair:.5} / {:.5}, rows {example:.3} / {:.3}, empty {empty} / {}",
            case.name,
            case.pairs,
            case.label_distance,
            case.pair_distance,
            case.example_distance,
            case.empty
        );
        let margin = 1.0 + golden.provenance.tolerance;
        assert!(
            label <= case.label_distance * margin,
            "{}: labels",
            case.name
        );
        if case.pairs {
            assert!(pair <= case.pair_distance * margin, "{}: pairs", case.name);
        }
        assert!(
            example <= case.example_distance * margin + 0.5,
            "{}: rows",
            case.name
        );
        assert!(empty <= case.empty, "{}: empty", case.name);
    }
}
