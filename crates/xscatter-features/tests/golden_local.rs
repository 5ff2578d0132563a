//! Local descriptors against scikit-image; the files state version, script and tolerance.

use approx::assert_relative_eq;
use ndarray::{Array2, ArrayView2, s};
use serde::Deserialize;
use std::collections::BTreeMap;
use xscatter_core::{FeatureExtractor, Frame, Mask};
use xscatter_features::intensity::LevelRange;
use xscatter_features::lbp::{Border, Neighbourhood, codes};
use xscatter_features::local_entropy::entropies;
use xscatter_features::{
    Footprint, Grid, Hog, HogAggregation, HogConfig, HogNorm, IntensityTransform, Lbp, LbpConfig,
    LbpMethod, LocalEntropy, LocalEntropyConfig, Resampled,
};
use xscatter_testkit::golden;

fn path(name: &str) -> String {
    format!("{}/tests/golden/{name}.json", env!("CARGO_MANIFEST_DIR"))
}

/// The image of `tools/golden/scattering_image.py`.
fn counts() -> Array2<f32> {
    Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    })
}

/// The same; its gaps include one pixel in `one_in`.
fn image(masked: bool, one_in: usize) -> Frame {
    let frame = Frame::new(counts());
    if !masked {
        return frame;
    }
    let bad = Array2::from_shape_fn((48, 61), |(row, column)| {
        (20..23).contains(&row) || column == 30 || (row * 5 + column * 3) % one_in == 0
    });
    frame
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
}

#[derive(Deserialize)]
struct LbpCases {
    by_hand: BTreeMap<String, Vec<Vec<f64>>>,
    images: Vec<LbpImage>,
    rows: Vec<LbpRow>,
}

#[derive(Deserialize)]
struct LbpImage {
    points: u32,
    radius_px: f64,
    method: LbpMethod,
    labels: Vec<Vec<f64>>,
}

#[derive(Deserialize)]
struct LbpRow {
    masked: bool,
    points: u32,
    radius_px: f64,
    method: LbpMethod,
    threshold: f64,
    row: Vec<f64>,
}

fn labels(counts: ArrayView2<f32>, points: u32, radius_px: f64, method: LbpMethod) -> Array2<f64> {
    let frame = Frame::new(counts.to_owned());
    let image = Resampled::of(&frame, Grid::Native).expect("a sound frame");
    let circle = Neighbourhood::new(points, radius_px).expect("a sensible circle");
    codes(&image, &circle, method, Border::Zero)
}

fn assert_labels(found: &Array2<f64>, expected: &[Vec<f64>], method: LbpMethod, tolerance: f64) {
    assert_eq!(found.nrows(), expected.len());
    for (found, expected) in found.rows().into_iter().zip(expected) {
        for (found, expected) in found.iter().zip(expected) {
            if method == LbpMethod::Var {
                assert_relative_eq!(found, expected, max_relative = tolerance);
            } else {
                assert_eq!(found, expected);
            }
        }
    }
}

#[test]
fn g_lbp_1_to_5() {
    let golden = golden::load::<LbpCases>(path("lbp")).unwrap();
    let hand = Array2::from_shape_fn((7, 7), |(row, column)| {
        ((7 * row + column) * 37 % 101) as f32
    });
    let cases = golden.cases.by_hand;
    for method in [
        LbpMethod::Default,
        LbpMethod::Ror,
        LbpMethod::Uniform,
        LbpMethod::NriUniform,
        LbpMethod::Var,
    ] {
        let found = labels(hand.view(), 8, 1.0, method);
        assert_labels(
            &found,
            &cases[method.name()],
            method,
            golden.provenance.tolerance,
        );
    }
    let row = |method: &str| cases[method][3].clone();
    assert_eq!(row("default"), [0.0, 255.0, 239.0, 0.0, 255.0, 15.0, 0.0]);
    assert_eq!(row("ror"), [0.0, 255.0, 127.0, 0.0, 255.0, 15.0, 0.0]);
    assert_eq!(row("uniform"), [0.0, 8.0, 7.0, 0.0, 8.0, 4.0, 0.0]);
    assert_eq!(row("nri_uniform"), [0.0, 57.0, 52.0, 0.0, 57.0, 25.0, 0.0]);
    assert_relative_eq!(row("var")[0], 207.139_278_26, max_relative = 1e-9);
}

#[test]
fn patterns_of_an_image_are_those_of_scikit_image_at_every_pixel() {
    let golden = golden::load::<LbpCases>(path("lbp")).unwrap();
    let counts = counts();
    let crop = counts.slice(s![8..32, 10..40]);
    assert_eq!(golden.cases.images.len(), 15);
    for case in golden.cases.images {
        let mut found = labels(crop, case.points, case.radius_px, case.method);
        if case.method == LbpMethod::Var {
            found = found.slice(s![..;3, ..;3]).to_owned();
        }
        let tolerance = golden.provenance.tolerance;
        assert_labels(&found, &case.labels, case.method, tolerance);
    }
}

#[test]
fn shares_of_patterns_leave_out_gaps_and_noise() {
    let golden = golden::load::<LbpCases>(path("lbp")).unwrap();
    assert_eq!(golden.cases.rows.len(), 16);
    for case in golden.cases.rows {
        let lbp = Lbp::new(LbpConfig {
            points: case.points,
            radius_px: case.radius_px,
            method: case.method,
            threshold: case.threshold,
            ..Default::default()
        })
        .unwrap();
        let table = lbp.extract(&[image(case.masked, 97)]).unwrap();
        assert_eq!(table.n_columns(), case.row.len());
        for (found, expected) in table.values().iter().zip(&case.row) {
            assert_relative_eq!(f64::from(*found), expected, max_relative = 1e-6);
        }
    }
}

#[derive(Deserialize)]
struct HogCases {
    blocks: Vec<HogBlocks>,
    pools: Vec<HogPools>,
}

#[derive(Deserialize)]
struct HogBlocks {
    orientations: usize,
    cell_px: usize,
    block_cells: usize,
    norm: String,
    masked: bool,
    row: Vec<f64>,
}

#[derive(Deserialize)]
struct HogPools {
    masked: bool,
    row: Vec<f64>,
}

#[test]
fn oriented_gradients_agree_with_scikit_image() {
    let golden = golden::load::<HogCases>(path("hog")).unwrap();
    assert_eq!(golden.cases.blocks.len(), 7);
    for case in golden.cases.blocks {
        let hog = Hog::new(HogConfig {
            grid: Grid::Exact {
                rows: 48,
                columns: 61,
            },
            orientations: case.orientations,
            cell_px: case.cell_px,
            block_cells: case.block_cells,
            norm: match case.norm.as_str() {
                "L1" => HogNorm::L1,
                "L1-sqrt" => HogNorm::L1Sqrt,
                "L2" => HogNorm::L2,
                _ => HogNorm::L2Hys,
            },
            transform: IntensityTransform::Raw,
            aggregation: HogAggregation::Blocks,
        })
        .unwrap();
        let table = hog.extract(&[image(case.masked, 17)]).unwrap();
        assert_eq!(table.n_columns(), case.row.len());
        for (found, expected) in table.values().iter().zip(&case.row) {
            let tolerance = golden.provenance.tolerance;
            assert_relative_eq!(f64::from(*found), expected, max_relative = tolerance);
        }
    }
}

#[test]
fn pools_of_oriented_gradients_are_means_and_deviations_of_their_cells() {
    let golden = golden::load::<HogCases>(path("hog")).unwrap();
    for case in golden.cases.pools {
        let hog = Hog::new(HogConfig {
            grid: Grid::Native,
            cell_px: 8,
            aggregation: HogAggregation::Pooled { pool: 2 },
            ..Default::default()
        })
        .unwrap();
        let table = hog.extract(&[image(case.masked, 17)]).unwrap();
        assert_eq!(table.n_columns(), case.row.len());
        for (found, expected) in table.values().iter().zip(&case.row) {
            assert_relative_eq!(
                f64::from(*found),
                expected,
                max_relative = 2e-6,
                epsilon = 1e-8
            );
        }
    }
}

#[test]
fn g_hog_1_has_as_many_columns() {
    let hog = Hog::new(HogConfig {
        grid: Grid::Exact {
            rows: 512,
            columns: 512,
        },
        cell_px: 8,
        block_cells: 3,
        aggregation: HogAggregation::Blocks,
        ..Default::default()
    })
    .unwrap();
    assert_eq!(hog.columns().len(), 311_364);
}

#[derive(Deserialize)]
struct EntropyCase {
    footprint: Footprint,
    radius_px: usize,
    levels: u16,
    masked: bool,
    pixels: Vec<f64>,
    row: Vec<f64>,
}

#[test]
fn local_entropies_agree_with_scikit_image() {
    let golden = golden::load::<Vec<EntropyCase>>(path("local_entropy")).unwrap();
    assert_eq!(golden.cases.len(), 12);
    for case in golden.cases {
        let frame = image(case.masked, 17);
        let highest = f64::from(1u32 << 16).ln_1p();
        let level = |count: f32| {
            let level = f64::from(count).ln_1p() / highest * f64::from(case.levels);
            (level.floor() as u16).min(case.levels - 1)
        };
        let grey = Array2::from_shape_fn((48, 61), |place| {
            let valid = frame.is_valid(place.0, place.1);
            if valid {
                level(frame.counts()[place])
            } else {
                case.levels
            }
        });
        let found = entropies(grey.view(), case.levels, case.footprint, case.radius_px);
        let sampled = found.slice(s![..;5, ..;4]);
        assert_eq!(sampled.len(), case.pixels.len());
        for (found, expected) in sampled.iter().zip(&case.pixels) {
            let found = if found.is_nan() { 0.0 } else { *found };
            assert_relative_eq!(found, *expected, epsilon = golden.provenance.tolerance);
        }
        let entropy = LocalEntropy::new(LocalEntropyConfig {
            footprint: case.footprint,
            radius_px: case.radius_px,
            levels: case.levels,
            range: LevelRange::default(),
            grid: Grid::Native,
            ..Default::default()
        })
        .unwrap();
        let table = entropy.extract(&[frame]).unwrap();
        for (found, expected) in table.values().iter().zip(&case.row) {
            assert_relative_eq!(
                f64::from(*found),
                expected,
                max_relative = 1e-6,
                epsilon = 1e-8
            );
        }
    }
}
