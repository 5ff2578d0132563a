//! Every extractor of the crate keeps the contract of the seam, on one and on two threads.

use ndarray::Array2;
use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, Mask, PixelPosition};
use xscatter_features::{
    EmptyBin, FeatureConfig, GlcmAggregation, GlcmConfig, Grid, HistogramConfig, HistogramForm,
    IntensityTransform, LayoutConfig, LevelRange, RadialConfig,
};
use xscatter_testkit::check_extractor;

/// Extractors whose module says which values may be missing.
const MAY_BE_MISSING: &[&str] = &[
    "beamstop",
    "circular-harmonics",
    "correlation",
    "fourier-bessel",
    "harmonics",
    "hog",
    "hu-moments",
    "lattices",
    "orientation",
    "peaks",
    "radial",
    "reflection",
    "rings",
    "scherrer",
    "small-angle",
    "zernike",
];

/// The whole catalogue, and settings far from the defaults.
fn extractors() -> Vec<Box<dyn FeatureExtractor>> {
    let mut configs = FeatureConfig::all();
    configs.extend([
        FeatureConfig::Glcm(GlcmConfig {
            range: LevelRange::Rank,
            levels: 16,
            grid: Grid::LongSide(24),
            ..Default::default()
        }),
        FeatureConfig::Glcm(GlcmConfig {
            transform: IntensityTransform::Asinh { scale: 3.0 },
            range: LevelRange::Quantile {
                low: 0.02,
                high: 0.98,
            },
            levels: 256,
            symmetric: false,
            aggregation: GlcmAggregation::PerAngle,
            ..Default::default()
        }),
        FeatureConfig::Histogram(HistogramConfig {
            form: HistogramForm::Original,
            transform: IntensityTransform::Raw,
            grid: Grid::LongSide(20),
            ..Default::default()
        }),
        FeatureConfig::RadialProfile(RadialConfig {
            empty: EmptyBin::Missing,
            transform: IntensityTransform::Anscombe,
            ..Default::default()
        }),
        FeatureConfig::Layout(LayoutConfig {
            resolution: 32,
            grid: 3,
        }),
    ]);
    let built = configs.iter().map(FeatureConfig::build);
    built.map(|one| one.expect("sensible settings")).collect()
}

/// Frames of different sizes, with and without a mask.
fn frames() -> Vec<Frame> {
    (0..4)
        .map(|k: usize| {
            let shape = (137 + 5 * k, 152 - 3 * k);
            let counts = Array2::from_shape_fn(shape, |(row, column)| {
                let halo = 90_000 / (20 + row.abs_diff(65).pow(2) + column.abs_diff(19 * k).pow(2));
                (halo + (row * 7 + column * (k + 3) + row * column) % 13) as f32
            });
            let centre = PixelPosition {
                row: 65.5,
                column: 19.0 * k as f64 + 0.5,
            };
            let info = FrameInfo {
                index: k,
                geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
                ..Default::default()
            };
            let frame = Frame::new(counts).with_info(info);
            if k.is_multiple_of(2) {
                return frame;
            }
            let bad = Array2::from_shape_fn(shape, |(row, column)| row == 20 || column % 37 == k);
            frame
                .with_mask(Mask::from_bad(bad.view()))
                .expect("the shapes agree")
        })
        .collect()
}

#[test]
fn every_extractor_keeps_the_contract() {
    for extractor in extractors() {
        if let Err(violation) = check_extractor(&extractor, &frames()) {
            panic!("{}: {violation}", extractor.name());
        }
    }
}

#[test]
fn every_value_is_finite_or_documented_as_missing() {
    for extractor in extractors() {
        let table = extractor.extract(&frames()).expect("the frames are sound");
        for (column, value) in table.columns().iter().zip(table.values()) {
            let missing = value.is_nan() && MAY_BE_MISSING.contains(&extractor.name());
            assert!(missing || value.is_finite(), "{column}: {value}");
        }
    }
}

#[test]
fn one_and_two_threads_give_the_same_bits() {
    let frames = frames();
    for extractor in extractors() {
        let [one, two] = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .expect("two threads can be started");
            let table = pool.install(|| extractor.extract(&frames));
            let table = table.expect("the frames are sound");
            table.values().map(|value| value.to_bits())
        });
        assert_eq!(one, two, "{}", extractor.name());
    }
}

#[test]
fn the_first_bad_frame_is_the_one_that_is_named() {
    let mut frames = frames();
    for bad in [3, 2] {
        let shape = frames[bad].shape();
        let mask = Mask::from_bad(Array2::from_elem(shape, true).view());
        frames[bad] = frames[bad].clone().with_mask(mask).expect("the same shape");
    }
    for extractor in extractors() {
        // The one extractor that reads no pixel has nothing to complain about.
        if extractor.name() == "q-range" {
            continue;
        }
        let error = extractor.extract(&frames).expect_err("two frames are bad");
        assert_eq!(error.place(), Some("frame 2"), "{}", extractor.name());
        assert_eq!(error.kind(), xscatter_core::ErrorKind::DegenerateData);
    }
}
