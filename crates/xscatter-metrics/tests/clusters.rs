//! Agreement of partitions and silhouettes against scikit-learn.

use std::collections::BTreeMap;

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_metrics::{Contingency, silhouette, silhouette_samples};

#[derive(Deserialize)]
struct Cases {
    partitions: Vec<Partitions>,
    rows: Vec<RowsCase>,
}

#[derive(Deserialize)]
struct Partitions {
    name: String,
    classes: Vec<u32>,
    clusters: Vec<u32>,
    expected: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct RowsCase {
    name: String,
    rows: Vec<Vec<f32>>,
    clusters: Vec<u32>,
    samples: Vec<f64>,
}

fn golden() -> xscatter_testkit::golden::Golden<Cases> {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/metrics_clusters.json"
    );
    xscatter_testkit::golden::load(path).expect("the golden file is whole")
}

#[test]
fn agreement_of_partitions() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.partitions {
        let table = Contingency::new(&case.classes, &case.clusters).unwrap();
        let v = table.v_measure();
        for (name, found) in [
            ("ari", table.adjusted_rand_index().value()),
            ("nmi", table.normalised_mutual_information().value()),
            ("ami", table.adjusted_mutual_information().value()),
            ("homogeneity", Some(v.homogeneity)),
            ("completeness", Some(v.completeness)),
            ("v", Some(v.v)),
        ] {
            let found = found.unwrap_or_else(|| panic!("{}: {name} is undefined", case.name));
            assert!(
                (found - case.expected[name]).abs() <= tolerance,
                "{}: {name}: expected {}, got {found}",
                case.name,
                case.expected[name]
            );
        }
    }
}

#[test]
fn the_order_of_samples_does_not_change_a_bit() {
    for case in &golden().cases.partitions {
        let reversed = |labels: &[u32]| labels.iter().rev().copied().collect::<Vec<_>>();
        let table = Contingency::new(&case.classes, &case.clusters).unwrap();
        let turned = Contingency::new(&reversed(&case.classes), &reversed(&case.clusters)).unwrap();
        assert_eq!(table, turned);
    }
}

#[test]
fn silhouettes() {
    let golden = golden();
    let tolerance = golden.provenance.tolerance;
    for case in &golden.cases.rows {
        let shape = (case.rows.len(), case.rows[0].len());
        let rows = Array2::from_shape_vec(shape, case.rows.concat()).unwrap();
        let samples = silhouette_samples(rows.view(), &case.clusters).unwrap();
        for (row, (found, expected)) in samples.iter().zip(&case.samples).enumerate() {
            assert!(
                (found - expected).abs() <= tolerance,
                "{}, row {row}: expected {expected}, got {found}",
                case.name
            );
        }
        let mean = samples.iter().sum::<f64>() / samples.len() as f64;
        let score = silhouette(rows.view(), &case.clusters).unwrap();
        assert_relative_eq!(score.value().unwrap(), mean);
    }
}

#[test]
fn silhouettes_do_not_depend_on_the_number_of_threads() {
    let case = &golden().cases.rows[0];
    let shape = (case.rows.len(), case.rows[0].len());
    let rows = Array2::from_shape_vec(shape, case.rows.concat()).unwrap();
    let of = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads);
        pool.build()
            .unwrap()
            .install(|| silhouette_samples(rows.view(), &case.clusters).unwrap())
    };
    assert_eq!(of(1), of(2));
}
