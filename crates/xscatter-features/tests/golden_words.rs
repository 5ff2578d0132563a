//! Visual words against scikit-learn and NumPy; the file states version, script and tolerance.

use ndarray::{Array2, s};
use serde::Deserialize;
use xscatter_core::{FeatureExtractor, Frame, FrameInfo, Geometry, Mask, PixelPosition, StopToken};
use xscatter_features::words::kmeans::{lloyd, mini_batch};
use xscatter_features::words::sparse::{OmpScratch, omp};
use xscatter_features::words::{
    Descriptor, Dictionary, Encoding, KMeansConfig, LevelWeights, PatchConfig, Pooling, Pyramid,
    RowNorm,
};
use xscatter_features::{Grid, VisualWords, VisualWordsConfig};
use xscatter_testkit::golden::{self, Golden};

#[derive(Deserialize)]
struct Cases {
    k_means: Vec<KMeans>,
    matching_pursuit: Vec<Pursuit>,
    image: Vec<Image>,
}

#[derive(Deserialize)]
struct KMeans {
    iterations: usize,
    inertia: f64,
    words: Vec<f64>,
}

#[derive(Deserialize)]
struct Pursuit {
    nonzeros: usize,
    codes: Vec<f64>,
}

#[derive(Deserialize)]
struct Image {
    encoding: String,
    pooling: Pooling,
    weights: LevelWeights,
    norm: RowNorm,
    pyramid: String,
    masked: bool,
    row: Vec<f64>,
}

fn golden() -> Golden<Cases> {
    golden::load(format!(
        "{}/tests/golden/words.json",
        env!("CARGO_MANIFEST_DIR")
    ))
    .expect("a golden file")
}

/// The largest difference, relative to the largest number.
fn deviation(found: impl IntoIterator<Item = f64>, expected: &[f64]) -> f64 {
    let found: Vec<f64> = found.into_iter().collect();
    assert_eq!(found.len(), expected.len());
    let largest = expected.iter().fold(0.0, |most: f64, x| most.max(x.abs()));
    let pairs = found.iter().zip(expected);
    pairs
        .map(|(a, b)| (a - b).abs() / largest)
        .fold(0.0, f64::max)
}

/// The rows of the script.
fn rows(n: usize, width: usize) -> Array2<f64> {
    Array2::from_shape_fn((n, width), |(i, j)| {
        let place = 6.0 * ((i * 7 + j * (i % 9)) % 5) as f64;
        ((i * 7919 + j * 104729 + i * j * 31) % 1009) as f64 / 128.0 + place
    })
}

#[test]
fn lloyd_agrees_with_scikit_learn_from_the_same_start() {
    let golden = golden();
    let data = rows(700, 5).mapv(|x| x as f32);
    let start = data.slice(s![..;53, ..]).slice(s![..12, ..]).to_owned();
    let stop = StopToken::new();
    for case in &golden.cases.k_means {
        let found = lloyd(data.view(), start.clone(), case.iterations, &stop).unwrap();
        let inertia = deviation([found.inertia], &[case.inertia]);
        let words = deviation(found.words.iter().map(|&x| f64::from(x)), &case.words);
        assert!(inertia < golden.provenance.tolerance, "{inertia:e}");
        assert!(words < golden.provenance.tolerance, "{words:e}");
    }
    // Batches do not lose much against all rows at once.
    let config = KMeansConfig {
        words: 12,
        batch: 100,
        passes: 10,
        ..Default::default()
    };
    let fast = mini_batch(data.view(), &config, 1, &stop, &mut |_, _| {}).unwrap();
    let full = golden.cases.k_means.last().unwrap().inertia;
    assert!(fast.inertia < 1.05 * full, "{} {full}", fast.inertia);
}

#[test]
fn codes_agree_with_orthogonal_mp_gram() {
    let golden = golden();
    let mut atoms = rows(30, 12) - 15.0;
    for mut atom in atoms.rows_mut() {
        let length = atom.dot(&atom).sqrt();
        atom /= length;
    }
    let data = rows(52, 12).slice(s![30.., ..]).to_owned() - 12.0;
    let (gram, products) = (atoms.dot(&atoms.t()), data.dot(&atoms.t()));
    let (mut scratch, mut code) = (OmpScratch::default(), Vec::new());
    for case in &golden.cases.matching_pursuit {
        let mut codes = Array2::<f64>::zeros((22, 30));
        for (row, products) in products.rows().into_iter().enumerate() {
            let products = products.to_vec();
            omp(
                gram.view(),
                &products,
                case.nonzeros,
                &mut scratch,
                &mut code,
            );
            for &(atom, coefficient) in &code {
                codes[(row, atom)] = coefficient;
            }
        }
        let off = deviation(codes, &case.codes);
        assert!(off < 1e-9, "{}: {off:e}", case.nonzeros);
    }
}

/// The image of `tools/golden/scattering_image.py`, 1 m from the sample.
fn image(masked: bool) -> Frame {
    let counts = Array2::from_shape_fn((48, 61), |(row, column)| {
        let halo = 200_000 / (40 + row.abs_diff(20).pow(2) + column.abs_diff(25).pow(2));
        let texture = (row * 37 + column * 61 + row * column * 11) % 23;
        (halo + texture).saturating_sub(130) as f32
    });
    let centre = PixelPosition {
        row: 20.0,
        column: 25.0,
    };
    let frame = Frame::new(counts).with_info(FrameInfo {
        geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
        ..Default::default()
    });
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

#[test]
fn rows_of_an_image_with_and_without_gaps_agree_with_their_definitions() {
    let golden = golden();
    let words = Array2::from_shape_fn((8, 36), |(k, p)| {
        ((k * 131 + p * 71 + k * p * 17) % 101) as f32 / 256.0 - 50.0 / 256.0
    });
    assert_eq!(golden.cases.image.len(), 9);
    for case in &golden.cases.image {
        let config = VisualWordsConfig {
            grid: Grid::Native,
            descriptor: Descriptor::Patches(PatchConfig {
                size_px: 6,
                step_px: 3,
                ..Default::default()
            }),
            dictionary: Dictionary::KMeans(KMeansConfig {
                words: 8,
                ..Default::default()
            }),
            encoding: match &*case.encoding {
                "hard" => Encoding::Hard,
                "soft" => Encoding::Soft { beta: 4.0 },
                "llc" => Encoding::Llc {
                    neighbours: 3,
                    regularisation: 1e-4,
                },
                _ => Encoding::Sparse { nonzeros: 3 },
            },
            pooling: case.pooling,
            level_weights: case.weights,
            norm: case.norm,
            pyramid: match &*case.pyramid {
                "image" => Pyramid::Image { levels: 3 },
                _ => Pyramid::Polar {
                    levels: 3,
                    q_max_inv_nm: None,
                },
            },
            ..Default::default()
        };
        let extractor = VisualWords::new(config, words.clone()).unwrap();
        let table = extractor.extract(&[image(case.masked)]).unwrap();
        let off = deviation(table.values().iter().map(|&x| f64::from(x)), &case.row);
        let (encoding, pyramid) = (&case.encoding, &case.pyramid);
        assert!(
            off < golden.provenance.tolerance,
            "{encoding} {pyramid}: {off:e}"
        );
    }
}
