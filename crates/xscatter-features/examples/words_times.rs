//! Times visual words, for comparisons with other programs by turns.
//!
//! ```console
//! words_times FRAME.f32 ROWS COLUMNS DESCRIPTORS.f32 WIDTH
//! ```
//!
//! Both files are raw little-endian `f32`: a frame, and descriptors, one after the other. Every line of the
//! input is a JSON object, every line of the output what it asks for, on one thread:
//!
//! | input | output |
//! |---|---|
//! | `{"learn": DICTIONARY}` | milliseconds, and the inertia |
//! | `{"assign": DICTIONARY}` | milliseconds until every descriptor has its nearest word |
//! | `{"extract": CONFIG}` | milliseconds until the frame is a row |
//!
//! with `DICTIONARY` as in `{"k_means": {"words": 256}}` and `CONFIG` as in `{"encoding": "hard"}`. What is
//! learned for `assign` and `extract` is not counted.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use ndarray::{Array2, ArrayView2};
use serde::Deserialize;
use xscatter_core::{FeatureExtractor, Frame, StopToken};
use xscatter_features::VisualWordsConfig;
use xscatter_features::words::{Dictionary, kmeans, sparse};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Job {
    Learn(Dictionary),
    Assign(Dictionary),
    Extract(VisualWordsConfig),
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [frame, rows, columns, descriptors, width] = &arguments[..] else {
        return Err("expected a frame, its rows and columns, descriptors and their width".into());
    };
    let counts = numbers(frame)?;
    let frame = Frame::new(Array2::from_shape_vec(
        (rows.parse()?, columns.parse()?),
        counts,
    )?);
    let numbers = numbers(descriptors)?;
    let width: usize = width.parse()?;
    let descriptors = Array2::from_shape_vec((numbers.len() / width, width), numbers)?;
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build()?;
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let answer = pool.install(|| run(&job, &frame, descriptors.view()))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer:?}")?;
        out.flush()?;
    }
    Ok(())
}

fn numbers(path: &str) -> Result<Vec<f32>, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let numbers = bytes.as_chunks::<4>().0.iter();
    Ok(numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
}

fn run(job: &Job, frame: &Frame, rows: ArrayView2<'_, f32>) -> xscatter_core::Result<Vec<f64>> {
    let learn = |dictionary: &Dictionary| match dictionary {
        Dictionary::KMeans(config) => {
            kmeans::mini_batch(rows, config, 1, &StopToken::new(), &mut |_, _| {})
        }
        Dictionary::Sparse(config) => {
            sparse::learn(rows, config, 1, &StopToken::new(), &mut |_, _| {})
        }
    };
    let since = |start: Instant| start.elapsed().as_secs_f64() * 1e3;
    Ok(match job {
        Job::Learn(dictionary) => {
            let start = Instant::now();
            let learned = learn(dictionary)?;
            vec![since(start), learned.inertia]
        }
        Job::Assign(dictionary) => {
            let learned = learn(dictionary)?;
            let start = Instant::now();
            black_box(kmeans::assign(rows, learned.words.view()));
            vec![since(start)]
        }
        Job::Extract(config) => {
            let frames = vec![frame.clone()];
            let words = config.fit(&frames, &StopToken::new(), &mut |_| {})?;
            let mut out = Array2::zeros((1, words.columns().len()));
            words.extract_into(&frames, out.view_mut())?;
            let times = (0..9).map(|_| {
                let start = Instant::now();
                words.extract_into(&frames, out.view_mut())?;
                black_box(&out);
                Ok(since(start))
            });
            times.collect::<xscatter_core::Result<_>>()?
        }
    })
}
