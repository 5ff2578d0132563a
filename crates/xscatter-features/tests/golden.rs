//! Values of scikit-image and scipy; the files state version, script and tolerance.

use std::collections::BTreeMap;

use approx::assert_relative_eq;
use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{FeatureExtractor, Frame, Mask};
use xscatter_features::glcm::{GlcmProperties, co_occurrence};
use xscatter_features::{
    Glcm, GlcmAggregation, GlcmConfig, GlcmProperty, Haralick, HaralickConfig, HistogramConfig,
    HistogramForm, HistogramStatistics, IntensityTransform, Tamura, TamuraConfig, haralick,
};
use xscatter_testkit::golden;

fn path(name: &str) -> String {
    format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// The image of `tools/golden/scattering_image.py`.
fn image(masked: bool) -> Frame {
    let counts = Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    });
    let frame = Frame::new(counts);
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((48, 61), |(row, column)| {
        (20..23).contains(&row) || column == 30 || (row * 5 + column * 3) % 17 == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

#[derive(Deserialize)]
struct GlcmCases {
    by_hand: Vec<ByHand>,
    image: Vec<ImageCase>,
    isotropic: Vec<IsotropicCase>,
}

#[derive(Deserialize)]
struct IsotropicCase {
    masked: bool,
    levels: u16,
    properties: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct ByHand {
    angle_deg: f64,
    counts: Vec<Vec<u32>>,
    properties: BTreeMap<String, f64>,
}

#[derive(Deserialize)]
struct ImageCase {
    masked: bool,
    distance: usize,
    angle_deg: u32,
    properties: BTreeMap<String, f64>,
}

#[test]
fn g_glcm_1_to_4_and_g_prop_1() {
    let golden = golden::load::<GlcmCases>(path("glcm")).unwrap();
    let image = ndarray::array![[0u16, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]];
    for case in golden.cases.by_hand {
        let offset = match case.angle_deg as u32 {
            0 => (0, 1),
            45 => (1, 1),
            90 => (1, 0),
            135 => (1, -1),
            other => panic!("no offset for {other} degrees"),
        };
        let counts = co_occurrence(image.view(), offset, 4);
        let expected: Vec<u32> = case.counts.concat();
        assert_eq!(counts.as_slice().unwrap(), expected);
        let properties = GlcmProperties::of(counts.view(), true).unwrap();
        for property in GlcmProperty::ALL {
            assert_relative_eq!(
                properties.get(property),
                case.properties[property.name()],
                max_relative = golden.provenance.tolerance
            );
        }
    }
}

#[test]
fn an_image_with_and_without_gaps_agrees_with_scikit_image() {
    let golden = golden::load::<GlcmCases>(path("glcm")).unwrap();
    let glcm = Glcm::new(GlcmConfig {
        distances_px: vec![1, 2, 5],
        aggregation: GlcmAggregation::PerAngle,
        ..Default::default()
    })
    .unwrap();
    let table = glcm.extract(&[image(false), image(true)]).unwrap();
    assert_eq!(golden.cases.image.len(), 24);
    for case in golden.cases.image {
        for (property, expected) in case.properties {
            let name = format!("glcm.{property}.d{}.a{}", case.distance, case.angle_deg);
            let column = table.columns().iter().position(|column| **column == *name);
            let value = table.values()[(usize::from(case.masked), column.unwrap())];
            // The features are single precision: half a unit in the last place is 6e-8.
            assert_relative_eq!(f64::from(value), expected, max_relative = 1e-7);
        }
    }
}

#[test]
fn the_isotropic_matrix_of_pycbir_agrees_with_scikit_image() {
    let golden = golden::load::<GlcmCases>(path("glcm")).unwrap();
    assert_eq!(golden.cases.isotropic.len(), 6);
    for case in golden.cases.isotropic {
        let glcm = Glcm::new(GlcmConfig {
            distances_px: vec![1],
            levels: case.levels,
            symmetric: false,
            aggregation: GlcmAggregation::Isotropic,
            ..Default::default()
        })
        .unwrap();
        let table = glcm.extract(&[image(case.masked)]).unwrap();
        for (column, &value) in table.columns().iter().zip(table.values()) {
            let property = column.split('.').nth(1).unwrap();
            let expected = case.properties[property];
            assert_relative_eq!(f64::from(value), expected, max_relative = 1e-7);
        }
    }
}

#[derive(Deserialize)]
struct HaralickCase {
    levels: u16,
    masked: bool,
    distance: usize,
    angle_deg: u32,
    features: BTreeMap<String, f64>,
}

#[test]
fn haralick_features_agree_with_mahotas() {
    let golden = golden::load::<Vec<HaralickCase>>(path("haralick")).unwrap();
    assert_eq!(golden.cases.len(), 36);
    for case in golden.cases {
        let haralick = Haralick::new(HaralickConfig {
            distances_px: vec![case.distance],
            levels: case.levels,
            aggregation: GlcmAggregation::PerAngle,
            ..Default::default()
        })
        .unwrap();
        let table = haralick.extract(&[image(case.masked)]).unwrap();
        for (feature, expected) in case.features {
            let name = format!("haralick.{feature}.d{}.a{}", case.distance, case.angle_deg);
            let column = table.columns().iter().position(|column| **column == *name);
            assert_relative_eq!(
                f64::from(table.values()[(0, column.unwrap())]),
                expected,
                max_relative = golden.provenance.tolerance
            );
        }
    }
}

#[test]
fn g_har_1() {
    let image = ndarray::array![[0u16, 0, 1, 1], [0, 0, 1, 1], [0, 2, 2, 2], [2, 2, 3, 3]];
    let counts = co_occurrence(image.view(), (0, 1), 4);
    let expected = [
        0.14583333,
        0.58333333,
        0.71953255,
        1.03993056,
        0.80833333,
        2.58333333,
        3.57638889,
        2.45914792,
        3.02205521,
        0.06597222,
        1.18872188,
        -0.42747872,
        0.89811491,
        0.8648417851,
    ];
    let found = haralick::features(counts.view(), true).unwrap();
    assert_eq!(found.len(), expected.len());
    for (found, expected) in found.into_iter().zip(expected) {
        assert_relative_eq!(found, expected, epsilon = 1e-8);
    }
}

#[derive(Deserialize)]
struct TamuraCase {
    config: TamuraConfig,
    masked: bool,
    values: BTreeMap<String, f64>,
}

#[test]
fn tamura_features_agree_with_the_formulas() {
    let golden = golden::load::<Vec<TamuraCase>>(path("tamura")).unwrap();
    assert_eq!(golden.cases.len(), 6);
    for case in golden.cases {
        let tamura = Tamura::new(case.config).unwrap();
        let table = tamura.extract(&[image(case.masked)]).unwrap();
        assert_eq!(table.n_columns(), case.values.len());
        for (column, &value) in table.columns().iter().zip(table.values()) {
            assert_relative_eq!(
                f64::from(value),
                case.values[column.strip_prefix("tamura.").unwrap()],
                max_relative = golden.provenance.tolerance
            );
        }
    }
}

#[derive(Deserialize)]
struct HistogramCase {
    masked: bool,
    intensities: BTreeMap<String, f64>,
    original: BTreeMap<String, f64>,
}

#[test]
fn first_order_statistics_agree_with_scipy() {
    let golden = golden::load::<Vec<HistogramCase>>(path("histogram")).unwrap();
    let statistics = HistogramStatistics::new(HistogramConfig::default()).unwrap();
    let original = HistogramStatistics::new(HistogramConfig {
        form: HistogramForm::Original,
        transform: IntensityTransform::Raw,
        ..Default::default()
    })
    .unwrap();
    for case in golden.cases {
        let frames = [image(case.masked)];
        for (extractor, prefix, expected) in [
            (&statistics, "histogram", case.intensities),
            (&original, "histogram.original", case.original),
        ] {
            let table = extractor.extract(&frames).unwrap();
            assert_eq!(table.n_columns(), expected.len());
            for (column, value) in table.columns().iter().zip(table.values()) {
                let name = column.strip_prefix(prefix).unwrap().trim_start_matches('.');
                assert_relative_eq!(
                    f64::from(*value),
                    expected[name],
                    max_relative = golden.provenance.tolerance
                );
            }
        }
    }
}
