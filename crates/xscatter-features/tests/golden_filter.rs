//! Filter banks against SciPy, OpenCV, PyWavelets, NumPy and kymatio; the files state version, script and
//! tolerance.

use approx::assert_abs_diff_eq;
use ndarray::{Array2, s};
use serde::Deserialize;
use serde_json::{Value, json};
use xscatter_core::{FeatureExtractor as _, Frame, Mask};
use xscatter_features::{FeatureConfig, Scattering};
use xscatter_testkit::golden::{self, Golden};

fn load<T: serde::de::DeserializeOwned>(name: &str) -> Golden<Vec<T>> {
    golden::load(format!(
        "{}/tests/golden/{name}.json",
        env!("CARGO_MANIFEST_DIR")
    ))
    .expect("a golden file is sound")
}

/// The upper left part of the image of `tools/golden/scattering_image.py`.
fn frame(shape: (usize, usize), bad: impl Fn(usize, usize) -> bool) -> Frame {
    let counts = Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    });
    let counts = counts.slice(s![..shape.0, ..shape.1]).to_owned();
    let bad = Array2::from_shape_fn(shape, |(row, column)| bad(row, column));
    let frame = Frame::new(counts);
    if bad.iter().any(|&bad| bad) {
        let mask = Mask::from_bad(bad.view());
        return frame.with_mask(mask).expect("the shapes agree");
    }
    frame
}

fn gaps(row: usize, column: usize) -> bool {
    (20..23).contains(&row) || column == 30 || (row * 5 + column * 3).is_multiple_of(17)
}

/// The row of an extractor against the expected one.
fn compare(name: &str, config: Value, frame: Frame, expected: &[f64], tolerance: f64) {
    let config: FeatureConfig =
        serde_json::from_value(json!({ name: config })).expect("a configuration");
    let extractor = config.build().expect("sensible settings");
    let table = extractor.extract(&[frame]).expect("a sound frame");
    assert_eq!(table.n_columns(), expected.len(), "{name}");
    let columns = table.columns().iter().zip(table.values()).zip(expected);
    let deviations = columns.map(|((column, &value), &expected)| {
        let deviation = (f64::from(value) - expected).abs() / expected.abs();
        (deviation, column, value, expected)
    });
    let largest = deviations.max_by(|a, b| a.0.total_cmp(&b.0));
    let (deviation, column, value, expected) = largest.expect("there are columns");
    assert!(
        deviation <= tolerance,
        "{column} of {config:?}: {value} for {expected}, {deviation:.1e}"
    );
}

#[derive(Deserialize)]
struct ConfigCase {
    config: Value,
    masked: bool,
    row: Vec<f64>,
}

fn check_configs(name: &str, file: &str) {
    let golden = load::<ConfigCase>(file);
    assert_eq!(golden.cases.len(), 4);
    for mut case in golden.cases {
        case.config["grid"] = json!("native");
        let frame = frame((48, 61), |row, column| case.masked && gaps(row, column));
        compare(
            name,
            case.config,
            frame,
            &case.row,
            golden.provenance.tolerance,
        );
    }
}

#[test]
fn gabor_features_are_those_of_scipy_and_opencv() {
    check_configs("gabor", "gabor");
}

#[test]
fn shares_of_the_power_spectrum_are_those_of_numpy() {
    check_configs("power-spectrum", "power_spectrum");
}

#[derive(Deserialize)]
struct WaveletCase {
    wavelet: String,
    scheme: String,
    levels: usize,
    shape: (usize, usize),
    masked: bool,
    row: Vec<f64>,
}

#[test]
fn wavelet_features_are_those_of_pywavelets() {
    let golden = load::<WaveletCase>("wavelet");
    assert_eq!(golden.cases.len(), 7 * 3 * 2);
    for case in golden.cases {
        let frame = frame(case.shape, |row, column| {
            case.masked && row == 11 && (17..20).contains(&column)
        });
        let config = json!({
            "wavelet": case.wavelet, "scheme": case.scheme, "levels": case.levels,
        });
        compare(
            "wavelet",
            config,
            frame,
            &case.row,
            golden.provenance.tolerance,
        );
    }
}

#[derive(Deserialize)]
struct ScatteringCase {
    scales: usize,
    orientations: usize,
    shape: (usize, usize),
    masked: bool,
    tolerance: f64,
    row: Vec<f64>,
    /// The low-pass, the first and the last path.
    maps: Vec<Vec<Option<f64>>>,
}

#[test]
fn scattering_paths_are_those_of_kymatio() {
    let golden = load::<ScatteringCase>("scattering");
    assert_eq!(golden.cases.len(), 6);
    for case in golden.cases {
        let tolerance = case.tolerance;
        let frame = || frame(case.shape, |row, column| case.masked && gaps(row, column));
        let (rows, columns) = case.shape;
        let config = json!({
            "scales": case.scales, "orientations": case.orientations, "rotations": "kept",
            "grid": {"exact": {"rows": rows, "columns": columns}},
        });
        compare("scattering", config.clone(), frame(), &case.row, tolerance);
        let config = serde_json::from_value(config).expect("a configuration");
        let scattering = Scattering::new(config).expect("sensible settings");
        let maps = scattering.maps(&frame()).expect("a sound frame");
        for (index, expected) in [0, 1, maps.len() - 1].into_iter().zip(&case.maps) {
            let (path, map) = &maps[index];
            assert_eq!(map.len(), expected.len());
            let largest = expected
                .iter()
                .flatten()
                .fold(0.0f64, |a, b| a.max(b.abs()));
            for (&value, expected) in map.iter().zip(expected) {
                match expected {
                    None => assert!(value.is_nan(), "{path:?}"),
                    Some(expected) => {
                        assert_abs_diff_eq!(
                            f64::from(value),
                            expected,
                            epsilon = tolerance * largest
                        );
                    }
                }
            }
        }
    }
}
