//! Visual words: the contract of the seam, learning, symmetry, files, bad input.

use ndarray::{Array2, s};
use proptest::prelude::*;
use xscatter_core::seed::derive;
use xscatter_core::{
    ErrorKind, FeatureExtractor, Frame, FrameInfo, FrameSource, Geometry, Mask, PixelPosition,
    StopToken,
};
use xscatter_features::words::{
    Descriptor, Dictionary, Encoding, Fitting, KMeansConfig, LevelWeights, PatchConfig,
    PatchNormalisation, Pooling, Pyramid, RowNorm, SparseConfig,
};
use xscatter_features::{
    DenseSiftConfig, Grid, IntensityTransform, VisualWords, VisualWordsConfig,
};
use xscatter_testkit::check_extractor;

/// Frames with a halo, texture that differs from frame to frame, and a geometry.
fn frame(k: usize, shape: (usize, usize)) -> Frame {
    let counts = Array2::from_shape_fn(shape, |(row, column)| {
        let halo = 30_000 / (20 + row.abs_diff(25).pow(2) + column.abs_diff(9 * k).pow(2));
        (halo + (row * (7 + k) + column * (k + 3) + row * column) % 13) as f32
    });
    let centre = PixelPosition {
        row: 25.5,
        column: 30.0,
    };
    Frame::new(counts).with_info(FrameInfo {
        index: k,
        geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
        ..Default::default()
    })
}

fn frames(count: usize) -> Vec<Frame> {
    (0..count)
        .map(|k| {
            let shape = (52 + k % 3, 61 - 2 * (k % 2));
            let bad = Array2::from_shape_fn(shape, |(row, column)| row == 20 || column % 23 == k);
            let frame = frame(k, shape);
            if k % 2 == 0 {
                frame
            } else {
                frame
                    .with_mask(Mask::from_bad(bad.view()))
                    .expect("the shapes agree")
            }
        })
        .collect()
}

/// Small words, quickly learned.
fn config() -> VisualWordsConfig {
    VisualWordsConfig {
        grid: Grid::Native,
        descriptor: Descriptor::Patches(PatchConfig {
            size_px: 6,
            step_px: 3,
            ..Default::default()
        }),
        dictionary: Dictionary::KMeans(KMeansConfig {
            words: 12,
            batch: 128,
            passes: 2,
            ..Default::default()
        }),
        sample: 600,
        seed: 5,
        ..Default::default()
    }
}

fn fit(config: &VisualWordsConfig, source: &dyn FrameSource) -> VisualWords {
    config
        .fit(source, &StopToken::new(), &mut |_| {})
        .expect("frames to learn from")
}

fn variants() -> Vec<VisualWordsConfig> {
    vec![
        config(),
        VisualWordsConfig {
            encoding: Encoding::Hard,
            pooling: Pooling::Mean,
            level_weights: LevelWeights::Matching,
            norm: RowNorm::L1,
            grid: Grid::LongSide(40),
            ..config()
        },
        VisualWordsConfig {
            encoding: Encoding::Soft { beta: 4.0 },
            pooling: Pooling::Mean,
            pyramid: Pyramid::Polar {
                levels: 3,
                q_max_inv_nm: None,
            },
            ..config()
        },
        VisualWordsConfig {
            descriptor: Descriptor::DenseSift(DenseSiftConfig {
                cell_px: 2,
                step_px: 4,
                ..Default::default()
            }),
            ..config()
        },
        VisualWordsConfig {
            dictionary: Dictionary::Sparse(SparseConfig {
                words: 10,
                nonzeros: 3,
                batch: 200,
                passes: 2,
            }),
            encoding: Encoding::Sparse { nonzeros: 3 },
            norm: RowNorm::None,
            pyramid: Pyramid::Image { levels: 1 },
            ..config()
        },
    ]
}

#[test]
fn every_kind_of_words_keeps_the_contract() {
    let frames = frames(4);
    for config in variants() {
        let words = fit(&config, &frames);
        assert_eq!(
            words.columns().len(),
            config.pyramid.cells() * config.dictionary.words()
        );
        if let Err(violation) = check_extractor(&words, &frames) {
            panic!("{config:?}: {violation}");
        }
        let table = words.extract(&frames).unwrap();
        assert!(table.values().iter().all(|value| value.is_finite()));
        assert!(words.inertia().unwrap() > 0.0);
    }
}

#[test]
fn one_and_two_threads_learn_and_extract_the_same_bits() {
    let frames = frames(11);
    for config in variants() {
        let [one, two] = [1, 2].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new()
                .num_threads(threads)
                .build()
                .unwrap();
            pool.install(|| {
                let words = fit(&config, &frames);
                let table = words.extract(&frames).unwrap();
                (words.to_json().unwrap(), table.values().mapv(f32::to_bits))
            })
        });
        assert!(one == two, "{config:?}");
    }
}

#[test]
fn a_file_brings_back_the_same_rows() {
    let frames = frames(3);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("words.json");
    for config in variants() {
        let words = fit(&config, &frames);
        words.save(&path).unwrap();
        let back = VisualWords::load(&path).unwrap();
        assert_eq!(back.config(), words.config());
        assert_eq!(back.inertia(), words.inertia());
        assert_eq!(
            back.extract(&frames).unwrap().values(),
            words.extract(&frames).unwrap().values()
        );
    }
}

#[test]
fn files_that_lie_are_errors() {
    let text = fit(&config(), &frames(2)).to_json().unwrap();
    for cut in (0..text.len()).step_by(text.len() / 40) {
        let error = VisualWords::from_json(&text[..cut]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Truncated, "{cut}: {error}");
    }
    for (from, to, kind) in [
        ("\"version\":1", "\"version\":2", ErrorKind::Unsupported),
        ("xscatter-visual-words", "other", ErrorKind::Malformed),
        ("\"length\":36", "\"length\":35", ErrorKind::Malformed),
        ("\"length\":36", "\"length\":0", ErrorKind::Malformed),
        (
            "\"length\":36",
            "\"length\":18446744073709551615",
            ErrorKind::Malformed,
        ),
        ("\"size_px\":6", "\"size_px\":7", ErrorKind::Malformed),
        (
            "\"neighbours\":5",
            "\"neighbours\":13",
            ErrorKind::Malformed,
        ),
        ("\"sample\":600", "\"sampel\":600", ErrorKind::Malformed),
    ] {
        assert!(text.contains(from), "{from}");
        let error = VisualWords::from_json(&text.replace(from, to)).unwrap_err();
        assert_eq!(error.kind(), kind, "{to}: {error}");
    }
    let error = VisualWords::load("no/such/words.json").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.file().is_some());
}

#[test]
fn frames_with_nothing_to_describe_are_passed_over() {
    let mut source = frames(4);
    let shape = source[2].shape();
    let blind = Mask::from_bad(Array2::from_elem(shape, true).view());
    source[2] = source[2].clone().with_mask(blind).unwrap();
    let (mut skipped, mut sampled, mut passes) = (Vec::new(), 0, 0);
    let words = config()
        .fit(&source, &StopToken::new(), &mut |step| match step {
            Fitting::Skipped(error) => skipped.push(error.to_string()),
            Fitting::Sampled { frames, of } => {
                sampled += frames;
                assert_eq!(of, 4);
            }
            Fitting::Pass { pass, of, inertia } => {
                passes += 1;
                assert_eq!((pass, of), (passes, 2));
                assert!(inertia > 0.0);
            }
            _ => {}
        })
        .unwrap();
    assert_eq!((sampled, passes, skipped.len()), (4, 2, 1));
    assert!(skipped[0].contains("frame 2"), "{}", skipped[0]);
    assert_eq!(words.words().dim(), (12, 36));
}

#[test]
fn learning_fails_with_a_reason() {
    let stop = StopToken::new();
    let kind = |source: &dyn FrameSource, config: &VisualWordsConfig| {
        config.fit(source, &stop, &mut |_| {}).unwrap_err().kind()
    };
    assert_eq!(kind(&Vec::new(), &config()), ErrorKind::DegenerateData);
    let small = vec![Frame::new(Array2::ones((5, 40)))];
    assert_eq!(kind(&small, &config()), ErrorKind::DegenerateData);
    let few = VisualWordsConfig {
        sample: 11,
        ..config()
    };
    assert_eq!(kind(&frames(2), &few), ErrorKind::InvalidArgument);
    let wide = VisualWordsConfig {
        encoding: Encoding::Sparse { nonzeros: 13 },
        ..config()
    };
    assert_eq!(kind(&frames(2), &wide), ErrorKind::InvalidArgument);
    stop.stop();
    assert_eq!(kind(&frames(2), &config()), ErrorKind::Stopped);
}

#[test]
fn frames_without_patches_or_a_geometry_are_errors_that_name_them() {
    let source = frames(3);
    let polar = VisualWordsConfig {
        pyramid: Pyramid::Polar {
            levels: 2,
            q_max_inv_nm: Some(1e-6),
        },
        ..config()
    };
    let words = fit(&config(), &source);
    let polar = VisualWords::new(polar, words.words().to_owned()).unwrap();
    let mut bare = source[2].clone();
    bare.info.geometry = None;
    let mut stray = source[0].clone();
    stray.as_mut_slice()[7] = f32::NAN;
    stray.info.index = 2;
    let mut small = Frame::new(Array2::ones((5, 5)));
    small.info.index = 2;
    for (words, frame, kind) in [
        (&polar, bare, ErrorKind::MissingMetadata),
        (&polar, source[2].clone(), ErrorKind::DegenerateData),
        (&words, small, ErrorKind::DegenerateData),
        (&words, stray, ErrorKind::DegenerateData),
    ] {
        let error = words.extract(&[frame]).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert_eq!(error.place(), Some("frame 2"));
    }
}

#[test]
fn numbers_whose_squares_overflow_are_refused() {
    let config = VisualWordsConfig {
        descriptor: Descriptor::Patches(PatchConfig {
            size_px: 4,
            transform: IntensityTransform::Raw,
            normalisation: PatchNormalisation::None,
            ..Default::default()
        }),
        ..config()
    };
    let words = VisualWords::new(config, Array2::ones((12, 16))).unwrap();
    let frame = Frame::new(Array2::from_elem((16, 16), 3e38));
    let error = words.extract(&[frame]).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
}

#[test]
fn hard_counts_of_a_level_sum_to_its_weight() {
    let config = VisualWordsConfig {
        encoding: Encoding::Hard,
        pooling: Pooling::Mean,
        level_weights: LevelWeights::Matching,
        norm: RowNorm::None,
        ..config()
    };
    let source = frames(3);
    let table = fit(&config, &source).extract(&source).unwrap();
    for row in table.values().rows() {
        for (cells, weight) in [(0..1, 0.25), (1..5, 0.25), (5..21, 0.5)] {
            let level = row.slice(s![cells.start * 12..cells.end * 12]);
            assert!((level.sum() - weight).abs() < 1e-6);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    /// With the flipped twin of every word beside it, a flipped frame has the flipped row.
    #[test]
    fn a_flipped_frame_has_flipped_words_in_flipped_cells(k in 0usize..6, encoding in 0usize..3) {
        let encoding = [
            Encoding::Hard,
            Encoding::Llc { neighbours: 3, regularisation: 1e-4 },
            Encoding::Soft { beta: 3.0 },
        ][encoding];
        let config = VisualWordsConfig { encoding, ..config() };
        // 57 − 6 is a multiple of the step, and no patch is centred on the border of two cells.
        let upright = Frame::new(Array2::from_shape_fn((54, 57), |(row, column)| {
            (derive(k as u64, (row * 57 + column) as u64) % 97) as f32
        }));
        let flipped = Frame::new(upright.counts().slice(s![.., ..;-1]).to_owned());
        let learned = fit(&config, &vec![upright.clone()]);
        let mut both = Array2::zeros((24, 36));
        for (word, pixels) in learned.words().rows().into_iter().enumerate() {
            let pixels = pixels.to_shape((6, 6)).unwrap();
            both.row_mut(2 * word).assign(&pixels.to_shape(36).unwrap());
            let mirrored: Vec<f32> = pixels.slice(s![.., ..;-1]).iter().copied().collect();
            both.row_mut(2 * word + 1).assign(&ndarray::Array1::from(mirrored));
        }
        let config = VisualWordsConfig {
            dictionary: Dictionary::KMeans(KMeansConfig { words: 24, ..Default::default() }),
            ..config
        };
        let words = VisualWords::new(config, both).unwrap();
        let table = words.extract(&[upright, flipped]).unwrap();
        let row = |frame: usize, cell: usize, word: usize| table.values()[(frame, cell * 24 + word)];
        for word in 0..24 {
            let twin = word ^ 1;
            for (cell, there) in [(0, 0), (1, 2), (2, 1), (3, 4), (4, 3), (5, 8), (6, 7)] {
                prop_assert!((row(0, cell, word) - row(1, there, twin)).abs() < 2e-5);
            }
        }
    }
}
