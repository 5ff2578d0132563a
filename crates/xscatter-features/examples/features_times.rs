//! Times extractors on a frame, for comparisons with other programs by turns.
//!
//! ```console
//! features_times FRAME.f32 ROWS COLUMNS [MASK.u8]
//! ```
//!
//! The frame is raw little-endian `f32`, the mask a byte a pixel, non-zero for bad ones. Every line of
//! the input is a JSON object, every line of the output what it asks for:
//!
//! | input | output |
//! |---|---|
//! | `{"times": [CONFIG, ...], "rounds": 5, "frames": 1, "threads": 1}` | milliseconds of each round: all extractors, one after the other, on so many copies of the frame |
//! | `{"values": [CONFIG, ...]}` | the row of the frame |
//!
//! with `CONFIG` as in `{"glcm": {"levels": 32}}`. One call is not counted.

use std::error::Error;
use std::hint::black_box;
use std::io::{BufRead as _, Write as _};
use std::time::Instant;

use ndarray::Array2;
use serde::Deserialize;
use xscatter_core::{Concat, FeatureExtractor, Frame, FrameInfo, Geometry, Mask, PixelPosition};
use xscatter_features::FeatureConfig;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Job {
    #[serde(default)]
    times: Vec<FeatureConfig>,
    #[serde(default)]
    values: Vec<FeatureConfig>,
    #[serde(default = "five")]
    rounds: usize,
    #[serde(default = "one")]
    frames: usize,
    #[serde(default = "one")]
    threads: usize,
}

fn one() -> usize {
    1
}

fn five() -> usize {
    5
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [path, rows, columns, mask @ ..] = &arguments[..] else {
        return Err("expected a file of f32, the rows and the columns".into());
    };
    let frame = load(path, (rows.parse()?, columns.parse()?), mask.first())?;
    for line in std::io::stdin().lock().lines() {
        let job: Job = serde_json::from_str(&line?)?;
        let pool = rayon::ThreadPoolBuilder::new()
            .num_threads(job.threads)
            .build()?;
        let answer = pool.install(|| run(&job, &frame))?;
        let mut out = std::io::stdout().lock();
        writeln!(out, "{answer}")?;
        out.flush()?;
    }
    Ok(())
}

fn load(path: &str, shape: (usize, usize), mask: Option<&String>) -> Result<Frame, Box<dyn Error>> {
    let bytes = std::fs::read(path)?;
    let counts = bytes
        .as_chunks::<4>()
        .0
        .iter()
        .map(|bytes| f32::from_le_bytes(*bytes));
    let frame = Frame::new(Array2::from_shape_vec(shape, counts.collect())?);
    let centre = PixelPosition {
        row: shape.0 as f64 * 0.48,
        column: shape.1 as f64 * 0.53,
    };
    let frame = frame.with_info(FrameInfo {
        geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
        ..Default::default()
    });
    let Some(path) = mask else { return Ok(frame) };
    let bad = Array2::from_shape_vec(shape, std::fs::read(path)?)?.mapv(|byte| byte != 0);
    Ok(frame.with_mask(Mask::from_bad(bad.view()))?)
}

fn run(job: &Job, frame: &Frame) -> xscatter_core::Result<String> {
    let all = |configs: &[FeatureConfig]| -> xscatter_core::Result<Concat> {
        let built: xscatter_core::Result<Vec<_>> =
            configs.iter().map(FeatureConfig::build).collect();
        Ok(Concat::new(built?))
    };
    if job.times.is_empty() {
        let extractor = all(&job.values)?;
        let mut row = Array2::zeros((1, extractor.columns().len()));
        extractor.extract_into(std::slice::from_ref(frame), row.view_mut())?;
        return Ok(format!("{:?}", row.as_slice().unwrap_or_default()));
    }
    let extractor = all(&job.times)?;
    let frames = vec![frame.clone(); job.frames];
    let mut rows = Array2::zeros((job.frames, extractor.columns().len()));
    let mut times = Vec::with_capacity(job.rounds + 1);
    for _ in 0..=job.rounds {
        let start = Instant::now();
        extractor.extract_into(&frames, rows.view_mut())?;
        black_box(&rows);
        times.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(format!("{:?}", &times[1..]))
}
