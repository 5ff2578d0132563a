use approx::assert_relative_eq;
use ndarray::{Array2, Axis};
use xscatter_core::Mask;
use xscatter_testkit::check_extractor;

use super::*;

fn rough(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        let (row, column) = (row as f32, column as f32);
        500.0 + 300.0 * (row * 0.37 + column * column * 0.011).sin() + 90.0 * (column * 0.9).cos()
    })
}

fn exact(shape: (usize, usize)) -> Grid {
    Grid::Exact {
        rows: shape.0,
        columns: shape.1,
    }
}

fn cells_of(counts: Array2<f32>, orientations: usize, cell_px: usize) -> CellHistograms {
    let frame = Frame::new(counts);
    let image = Resampled::of(&frame, Grid::Native).unwrap();
    cell_histograms(&image, IntensityTransform::Raw, orientations, cell_px)
}

#[test]
fn the_contract_holds_far_from_the_defaults() {
    let shape = (40, 53);
    let frames: Vec<Frame> = (0..3)
        .map(|k| Frame::new(rough(shape) + k as f32))
        .collect();
    for (norm, aggregation, block_cells, cell_px) in [
        (HogNorm::L1, HogAggregation::Blocks, 3, 8),
        (HogNorm::L1Sqrt, HogAggregation::Blocks, 1, 5),
        (HogNorm::L2, HogAggregation::Pooled { pool: 2 }, 2, 7),
    ] {
        let hog = Hog::new(HogConfig {
            grid: exact(shape),
            orientations: 6,
            cell_px,
            block_cells,
            norm,
            transform: IntensityTransform::Asinh { scale: 9.0 },
            aggregation,
        })
        .unwrap();
        check_extractor(&hog, &frames).unwrap();
    }
}

#[test]
fn a_bin_is_found_as_by_the_arcus_tangent() {
    let gradients: Vec<(f64, f64)> = (-12..=12)
        .flat_map(|down| (-12..=12).map(move |across| (f64::from(down), f64::from(across))))
        .collect();
    for orientations in [1, 2, 4, 6, 7, 8, 9, 12, 18] {
        for &(down, across) in &gradients {
            // Only the middle pixel of a cross of three has this gradient.
            let mut counts = Array2::zeros((3, 3));
            counts[(2, 1)] = down as f32;
            counts[(1, 2)] = across as f32;
            let cells = cells_of(counts, orientations, 3);
            let degrees = down.atan2(across).to_degrees().rem_euclid(180.0);
            let edge = |bin: usize| f64::from((180.0 / orientations as f64 * bin as f64) as f32);
            let bin = (1..orientations)
                .filter(|&bin| degrees >= edge(bin))
                .count();
            let magnitude = down.hypot(across) / 9.0;
            assert!(
                cells.histograms[(0, 0, bin)] >= magnitude * (1.0 - 1e-12),
                "{down}, {across} in {orientations}"
            );
        }
    }
}

#[test]
fn a_half_turn_moves_cells_and_keeps_orientations() {
    let counts = rough((48, 64));
    let mut turned = counts.clone();
    turned.invert_axis(Axis(0));
    turned.invert_axis(Axis(1));
    let (one, other) = (cells_of(counts, 9, 8), cells_of(turned, 9, 8));
    for ((row, column, orientation), &value) in one.histograms.indexed_iter() {
        let moved = other.histograms[(5 - row, 7 - column, orientation)];
        assert_relative_eq!(value, moved, max_relative = 1e-12, epsilon = 1e-9);
    }
}

#[test]
fn a_flip_mirrors_orientations() {
    let counts = rough((48, 64));
    let mut flipped = counts.clone();
    flipped.invert_axis(Axis(1));
    let (one, other) = (cells_of(counts, 8, 8), cells_of(flipped, 8, 8));
    // At the border gradients lie along the axes, which are edges of bins.
    for ((row, column, orientation), &value) in one.histograms.indexed_iter() {
        if (1..5).contains(&row) && (1..7).contains(&column) {
            let mirrored = other.histograms[(row, 7 - column, 7 - orientation)];
            assert_relative_eq!(value, mirrored, max_relative = 1e-12, epsilon = 1e-9);
        }
    }
}

#[test]
fn exposure_cancels() {
    let counts = rough((48, 64));
    let brighter = counts.mapv(|count| 8.0 * count);
    let hog = Hog::new(HogConfig {
        grid: exact((48, 64)),
        cell_px: 8,
        transform: IntensityTransform::Raw,
        ..Default::default()
    })
    .unwrap();
    let table = hog.extract(&[counts, brighter].map(Frame::new)).unwrap();
    for (one, other) in table.values().row(0).iter().zip(table.values().row(1)) {
        assert_relative_eq!(one, other, max_relative = 1e-5, epsilon = 1e-6);
    }
}

#[test]
fn a_gap_leaves_the_direction_of_a_ramp_alone() {
    let ramp = Array2::from_shape_fn((32, 32), |(row, column)| (3 * row + 4 * column) as f32);
    let bad = Array2::from_shape_fn((32, 32), |(row, column)| {
        row == 5 || column == 9 || (16..24).contains(&row) && column < 8
    });
    let frame = Frame::new(ramp)
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap();
    let image = Resampled::of(&frame, Grid::Native).unwrap();
    let cells = cell_histograms(&image, IntensityTransform::Raw, 9, 8);
    // tan⁻¹ 3/4 = 36.9° lies in bin 1; differences over two pixels are 6 and 8.
    assert_relative_eq!(cells.histograms[(1, 2, 1)], 10.0, max_relative = 1e-12);
    let inner = cells.histograms[(1, 1, 1)];
    assert_relative_eq!(inner, 10.0, max_relative = 1e-12);
    assert_eq!(cells.gradients[(1, 1)], 40);
    assert_eq!(cells.gradients[(2, 0)], 0);
    assert_eq!(cells.histograms[(2, 0, 1)], 0.0);
    // The pool of that cell alone is missing, and only that.
    let hog = Hog::new(HogConfig {
        grid: exact((32, 32)),
        cell_px: 8,
        transform: IntensityTransform::Raw,
        ..Default::default()
    })
    .unwrap();
    let table = hog.extract(&[frame]).unwrap();
    for (name, value) in table.columns().iter().zip(table.values()) {
        assert_eq!(value.is_nan(), name.contains(".p2-0."), "{name}");
    }
}

#[test]
fn frames_without_gradients_or_cells_are_errors() {
    let hog = Hog::new(HogConfig {
        grid: Grid::Native,
        cell_px: 8,
        ..Default::default()
    })
    .unwrap();
    let alone = Array2::from_shape_fn((32, 32), |place| place != (4, 4));
    let frame = Frame::new(rough((32, 32)))
        .with_mask(Mask::from_bad(alone.view()))
        .unwrap();
    let error = hog.extract(&[frame]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
    let error = hog.extract(&[Frame::new(rough((31, 90)))]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    let table = hog.extract(&[Frame::new(Array2::ones((32, 32)))]).unwrap();
    assert!(table.values().iter().all(|&value| value == 0.0));
}

#[test]
fn senseless_settings_are_refused() {
    let broken = |change: fn(&mut HogConfig)| {
        let mut config = HogConfig::default();
        change(&mut config);
        Hog::new(config).unwrap_err()
    };
    assert_eq!(broken(|c| c.orientations = 0), HogError::Orientations(0));
    assert_eq!(broken(|c| c.cell_px = 1), HogError::Cell(1));
    assert_eq!(broken(|c| c.block_cells = 17), HogError::Block(17));
    assert_eq!(
        broken(|c| c.aggregation = HogAggregation::Pooled { pool: 0 }),
        HogError::Pool(0)
    );
    assert!(matches!(broken(|c| c.cell_px = 64), HogError::Grid(_)));
    assert!(matches!(
        broken(|c| {
            c.aggregation = HogAggregation::Blocks;
            c.grid = Grid::LongSide(128);
        }),
        HogError::Grid(GridError::NotFixed(_))
    ));
    assert!(matches!(
        broken(|c| {
            c.aggregation = HogAggregation::Blocks;
            c.grid = exact((1 << 40, 1 << 40));
        }),
        HogError::Columns(_)
    ));
}
