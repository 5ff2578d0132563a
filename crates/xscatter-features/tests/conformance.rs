//! Every extractor of the crate keeps the contract of the seam, on one and on two threads.

use ndarray::Array2;
use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Mask, PixelPosition};
use xscatter_features::{
    EmptyBin, Glcm, GlcmAggregation, GlcmConfig, HistogramConfig, HistogramForm,
    HistogramStatistics, IntensityTransform, Layout, LayoutConfig, LevelRange, RadialConfig,
    RadialProfile,
};
use xscatter_testkit::check_extractor;

fn extractors() -> Vec<Box<dyn FeatureExtractor>> {
    let glcm = |config| Glcm::new(config).expect("a sensible setting").boxed();
    let histogram = |config| {
        HistogramStatistics::new(config)
            .expect("a sensible setting")
            .boxed()
    };
    let radial = |config| {
        RadialProfile::new(config)
            .expect("a sensible setting")
            .boxed()
    };
    vec![
        glcm(GlcmConfig::default()),
        glcm(GlcmConfig {
            range: LevelRange::Rank,
            levels: 16,
            resolution: Some(24),
            ..Default::default()
        }),
        glcm(GlcmConfig {
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
        histogram(HistogramConfig::default()),
        histogram(HistogramConfig {
            form: HistogramForm::Original,
            transform: IntensityTransform::Raw,
            resolution: Some(20),
            ..Default::default()
        }),
        radial(RadialConfig::default()),
        radial(RadialConfig {
            empty: EmptyBin::Missing,
            transform: IntensityTransform::Anscombe,
            ..Default::default()
        }),
        Layout::new(LayoutConfig {
            resolution: 32,
            grid: 3,
        })
        .expect("a sensible setting")
        .boxed(),
    ]
}

/// Frames of different sizes, with and without a mask.
fn frames() -> Vec<Frame> {
    (0..6)
        .map(|k: usize| {
            let shape = (37 + 5 * k, 52 - 3 * k);
            let counts = Array2::from_shape_fn(shape, |(row, column)| {
                let halo = 9_000 / (20 + row.abs_diff(15).pow(2) + column.abs_diff(9 * k).pow(2));
                (halo + (row * 7 + column * (k + 3) + row * column) % 13) as f32
            });
            let info = FrameInfo {
                index: k,
                beam_centre_px: Some(PixelPosition {
                    row: 15.5,
                    column: 9.0 * k as f64 + 0.5,
                }),
                ..Default::default()
            };
            let frame = Frame::new(counts).with_info(info);
            if k.is_multiple_of(2) {
                return frame;
            }
            let bad = Array2::from_shape_fn(shape, |(row, column)| row == 20 || column % 17 == k);
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
fn every_value_is_finite_unless_missing_values_were_asked_for() {
    for extractor in extractors() {
        let table = extractor.extract(&frames()).expect("the frames are sound");
        let asked_for = extractor.name() == "radial";
        assert!(asked_for || table.values().iter().all(|value| value.is_finite()));
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
    for bad in [4, 2] {
        let shape = frames[bad].shape();
        let mask = Mask::from_bad(Array2::from_elem(shape, true).view());
        frames[bad] = frames[bad].clone().with_mask(mask).expect("the same shape");
    }
    for extractor in extractors() {
        let error = extractor.extract(&frames).expect_err("two frames are bad");
        assert_eq!(error.place(), Some("frame 2"), "{}", extractor.name());
        assert_eq!(error.kind(), xscatter_core::ErrorKind::DegenerateData);
    }
}
