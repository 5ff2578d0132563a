//! Plug a detector, a feature and a metric of your own into the search engine.
//!
//! ```console
//! cargo run --release --example plug_in_your_own
//! ```
//!
//! A made-up detector writes its scans in a file form that xscatter has never heard of. The question
//! is whether a sample is a powder (closed rings) or oriented (arcs). Three short `impl` blocks bring
//! in what is ours:
//!
//! | ours | trait | what to write |
//! |---|---|---|
//! | `Scan`, the file form | `FrameSource` | `len`, `read` |
//! | `Orientation`, the physics | `FeatureExtractor` | `name`, `columns`, `extract_into` |
//! | `WorstRecall`, what we care about | `Metric` | `name`, `goal`, `evaluate` |
//!
//! The testkit proves that each keeps its contract; then the search engine takes them as its own.
#![allow(clippy::print_stdout, reason = "a lesson reports to a terminal")]

use std::error::Error as StdError;
use std::f64::consts::TAU;
use std::fs::{self, File};
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use xscatter_automl::{Representation, Study, StudyConfig};
use xscatter_core::ndarray::{Array2, ArrayView2, ArrayViewMut2};
use xscatter_core::seed::derive;
use xscatter_core::{
    Classes, Error, ErrorKind, FeatureExtractor, Frame, FrameInfo, FrameSource, Goal, Mask, Metric,
    PixelPosition, Predictor, Result, Score, StopToken, Target,
};

// ── 1. The detector ─────────────────────────────────────────────────────────────────────────────

/// A scan on disk: `RING`, then frames, rows and columns as little-endian `u32`, then `u16` counts.
struct Scan {
    path: PathBuf,
    frames: usize,
    shape: (usize, usize),
}

const MAGIC: &[u8; 4] = b"RING";
const HEADER_BYTES: u64 = 16;
/// What the detector writes for a pixel that does not count.
const DEAD: u16 = u16::MAX;

impl Scan {
    /// Reads the header and believes nothing that the size of the file does not confirm.
    fn open(path: &Path) -> Result<Self> {
        let describe = |error| Error::from(error).in_file(path);
        let mut file = File::open(path).map_err(describe)?;
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact(&mut header).map_err(describe)?;
        if header[..4] != *MAGIC {
            let message = format!("expected RING, found {:?}", &header[..4]);
            return Err(Error::new(ErrorKind::Malformed, message)
                .in_file(path)
                .at("byte 0"));
        }
        let number = |place: usize| {
            let bytes: [u8; 4] = std::array::from_fn(|byte| header[place + byte]);
            u32::from_le_bytes(bytes) as usize
        };
        let (frames, shape) = (number(4), (number(8), number(12)));
        let expected = [frames, shape.0, shape.1, size_of::<u16>()]
            .iter()
            .try_fold(1_u64, |product, &factor| product.checked_mul(factor as u64));
        let found = file.metadata().map_err(describe)?.len() - HEADER_BYTES;
        if expected != Some(found) {
            let message = format!("expected {frames} frames of {shape:?}, found {found} bytes");
            return Err(Error::new(ErrorKind::Truncated, message)
                .in_file(path)
                .at("byte 16"));
        }
        Ok(Self {
            path: path.to_path_buf(),
            frames,
            shape,
        })
    }
}

impl FrameSource for Scan {
    fn len(&self) -> usize {
        self.frames
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        let describe = |error| Error::from(error).in_file(&self.path);
        let mut bytes = vec![0; self.shape.0 * self.shape.1 * size_of::<u16>()];
        let mut file = File::open(&self.path).map_err(describe)?;
        file.seek(SeekFrom::Start(HEADER_BYTES + (index * bytes.len()) as u64))
            .map_err(describe)?;
        file.read_exact(&mut bytes).map_err(describe)?;

        let counts: Vec<u16> = bytes
            .chunks_exact(2)
            .map(|pair| u16::from_le_bytes([pair[0], pair[1]]))
            .collect();
        let counts = Array2::from_shape_vec(self.shape, counts)
            .expect("as many bytes as the shape needs were read");
        // Polarity is settled here, at the door: from now on a pixel is valid or it is not.
        let mask = Mask::from_bad(counts.map(|&count| count == DEAD).view());
        let info = FrameInfo {
            path: Some(self.path.clone()),
            index,
            // Frames of one scan show one sample: a split must not tear them apart.
            group: Some(self.path.display().to_string().into()),
            beam_centre_px: Some(PixelPosition {
                row: self.shape.0 as f64 / 2.0,
                column: self.shape.1 as f64 / 2.0,
            }),
            ..FrameInfo::default()
        };
        Ok(Frame::new(counts.mapv(f32::from))
            .with_mask(mask)?
            .with_info(info))
    }
}

// ── 2. The feature ──────────────────────────────────────────────────────────────────────────────

/// How oriented the scattering is: |Σ I exp(2iχ)| / Σ I in rings about the beam, 0 for a powder, 1
/// for two opposite spots. Needs the beam centre.
struct Orientation {
    columns: Vec<Arc<str>>,
}

impl Orientation {
    fn new(rings: usize) -> Self {
        let columns = (0..rings).map(|ring| format!("orientation.{ring}").into());
        Self {
            columns: columns.collect(),
        }
    }

    fn row(&self, frame: &Frame) -> Result<Vec<f32>> {
        let centre = frame.info.beam_centre_px.ok_or_else(|| {
            Error::new(
                ErrorKind::MissingMetadata,
                "expected a beam centre, got none",
            )
        })?;
        let rings = self.columns.len();
        let (rows, columns) = frame.shape();
        let width_px = rows.min(columns) as f64 / 2.0 / rings as f64;
        // f64 sums, in the order of the pixels: the same bits on any machine with any load.
        let mut sums = vec![[0.0_f64; 3]; rings];
        for ((row, column), &count) in frame.counts().indexed_iter() {
            if !frame.is_valid(row, column) {
                continue;
            }
            let y = row as f64 + 0.5 - centre.row;
            let x = column as f64 + 0.5 - centre.column;
            if let Some([all, real, imaginary]) = sums.get_mut((x.hypot(y) / width_px) as usize) {
                let (sin, cos) = (2.0 * y.atan2(x)).sin_cos();
                *all += f64::from(count);
                *real += f64::from(count) * cos;
                *imaginary += f64::from(count) * sin;
            }
        }
        sums.iter()
            .map(|[all, real, imaginary]| {
                if *all > 0.0 {
                    Ok((real.hypot(*imaginary) / all) as f32)
                } else {
                    // Undefined is an error, never 0.
                    let message = "expected counts in every ring, found one without";
                    Err(Error::new(ErrorKind::DegenerateData, message))
                }
            })
            .collect()
    }
}

impl FeatureExtractor for Orientation {
    fn name(&self) -> &str {
        "orientation"
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        for (frame, mut row) in frames.iter().zip(out.rows_mut()) {
            for (value, found) in row.iter_mut().zip(self.row(frame)?) {
                *value = found;
            }
        }
        Ok(())
    }
}

// ── 3. The metric ───────────────────────────────────────────────────────────────────────────────

/// The recall of the class that is served worst: a sorter that gives up a rare class scores 0.
struct WorstRecall;

impl Metric for WorstRecall {
    fn name(&self) -> &str {
        "recall-worst"
    }

    fn goal(&self) -> Goal {
        Goal::Maximise
    }

    fn evaluate(&self, truth: &Target, scores: ArrayView2<'_, f32>) -> Result<Score> {
        let classes = truth.classes()?;
        let expected = (classes.labels().len(), classes.n_classes());
        if scores.dim() != expected {
            let message = format!("expected scores of {expected:?}, got {:?}", scores.dim());
            return Err(Error::new(ErrorKind::ShapeMismatch, message));
        }
        if scores.iter().any(|score| score.is_nan()) {
            let message = "expected numbers as scores, got NaN";
            return Err(Error::new(ErrorKind::InvalidArgument, message));
        }
        let counts = classes.counts();
        if let Some(absent) = counts.iter().position(|&count| count == 0) {
            let name = &classes.names()[absent];
            return Ok(Score::Undefined(format!("class {name} has no sample")));
        }
        let mut right = vec![0; counts.len()];
        for (row, &label) in scores.rows().into_iter().zip(classes.labels()) {
            let best = (1..row.len()).fold(0, |best, k| if row[k] > row[best] { k } else { best });
            right[label as usize] += usize::from(best == label as usize);
        }
        let recalls = right
            .iter()
            .zip(&counts)
            .map(|(&r, &n)| r as f64 / n as f64);
        Ok(Score::Value(recalls.fold(1.0, f64::min)))
    }
}

// ── 4. Prove them, then use them ────────────────────────────────────────────────────────────────

const SIZE_PX: usize = 64;
const SCANS_PER_CLASS: usize = 8;
const FRAMES_PER_SCAN: usize = 6;

fn main() -> std::result::Result<(), Box<dyn StdError>> {
    let folder = std::env::temp_dir().join(format!("plug_in_your_own-{}", std::process::id()));
    fs::create_dir_all(&folder)?;
    let result = run(&folder);
    fs::remove_dir_all(&folder)?;
    result
}

fn run(folder: &Path) -> std::result::Result<(), Box<dyn StdError>> {
    let mut frames = Vec::new();
    let mut labels = Vec::new();
    for (class, name) in ["oriented", "powder"].into_iter().enumerate() {
        for scan in 0..SCANS_PER_CLASS {
            let path = folder.join(format!("{name}_{scan}.ring"));
            measure(
                &path,
                name == "oriented",
                (class * SCANS_PER_CLASS + scan) as u64,
            )?;
            let scan = Scan::open(&path)?;
            xscatter_testkit::check_source(&scan)?;
            for frame in scan.frames() {
                frames.push(frame?);
                labels.push(name);
            }
        }
    }
    let orientation = Orientation::new(4);
    xscatter_testkit::check_extractor(&orientation, &frames[..3])?;
    xscatter_testkit::check_metric(&WorstRecall)?;
    println!("the testkit finds no fault with our source, extractor and metric\n");

    // From here on nothing knows that the detector, the feature and the metric are ours.
    let table = orientation.extract(&frames)?;
    let target = Target::Classes(Classes::from_names(&labels));
    let config = StudyConfig {
        folds: 4,
        rank_by: WorstRecall.name().to_owned(),
        ..StudyConfig::default()
    };
    let study = Study::new(
        xscatter_learn::families(),
        vec![Box::new(WorstRecall)],
        config,
    )?;
    let representations = [Representation::new("orientation", table.clone())];
    let leaderboard = study.run(&representations, &target, &mut |_| {}, &StopToken::new())?;
    println!("{leaderboard}");

    let best = leaderboard.best().ok_or("expected a trial with a score")?;
    let model = study.refit(best, &table, &target, &StopToken::new())?;
    let path = folder.join("unknown.ring");
    measure(&path, true, 1000)?;
    let unknown = Scan::open(&path)?.read(0)?;
    let row = orientation.extract(&[unknown])?;
    let proba = model.predict_proba(row.values())?;
    for (name, proba) in model.outputs().iter().zip(&proba) {
        println!("a new scan of an oriented sample is {name} with probability {proba:.2}");
    }
    Ok(())
}

/// Writes what our detector would: two rings, more or less gathered into arcs about a direction of the
/// scan's own, with shot noise and a few dead pixels.
fn measure(path: &Path, oriented: bool, scan: u64) -> std::io::Result<()> {
    let uniform = |stream: u64, index: usize| {
        (derive(derive(scan, stream), index as u64) >> 11) as f64 / (1_u64 << 53) as f64
    };
    let direction_rad = uniform(0, 0) * TAU;
    // A real powder is not perfect: a weakly oriented sample is hard to tell from it.
    let strength = if oriented {
        0.05 + 0.2 * uniform(0, 1)
    } else {
        0.1 * uniform(0, 1)
    };
    let mut bytes = MAGIC.to_vec();
    for number in [FRAMES_PER_SCAN, SIZE_PX, SIZE_PX] {
        bytes.extend((number as u32).to_le_bytes());
    }
    for frame in 0..FRAMES_PER_SCAN {
        for pixel in 0..SIZE_PX * SIZE_PX {
            let half = SIZE_PX as f64 / 2.0;
            let y = (pixel / SIZE_PX) as f64 + 0.5 - half;
            let x = (pixel % SIZE_PX) as f64 + 0.5 - half;
            let rings: f64 = [12.0, 22.0]
                .iter()
                .map(|radius_px| (-((x.hypot(y) - radius_px) / 2.0).powi(2)).exp())
                .sum();
            let gathered = 1.0 + strength * (2.0 * (y.atan2(x) - direction_rad)).cos();
            let mean = 3.0 + 12.0 * rings * gathered;
            // Twelve uniform numbers make a normal one, and that makes shot noise good enough here.
            let place = (frame * SIZE_PX * SIZE_PX + pixel) * 12;
            let normal = (0..12).map(|k| uniform(1, place + k)).sum::<f64>() - 6.0;
            let count = (mean + mean.sqrt() * normal).round().max(0.0) as u16;
            let is_dead = uniform(2, pixel) < 0.01;
            bytes.extend((if is_dead { DEAD } else { count }).to_le_bytes());
        }
    }
    fs::write(path, bytes)
}
