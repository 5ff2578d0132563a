//! Many features of many frames: batch by batch, in bounded memory, with whatever fails left out.
//!
//! [`FeatureSet`] is a list of extractors as data: names, groups, or JSON. [`describe`] reads a source of
//! any length and hands out the rows of one batch after the other. A feature that a frame does not allow
//! (no calibration, too few pixels) is missing in its row, and counted with its reason; a frame that
//! cannot be read is left out and reported.
//!
//! ```
//! use xscatter::describe::{FeatureSet, describe};
//! use xscatter::progress::silent;
//! use xscatter::sim::{Simulation, SimulationConfig};
//! use xscatter::StopToken;
//!
//! let frames = Simulation::new(SimulationConfig { frames: 3, ..Default::default() })?;
//! let extractors = "histogram,glcm".parse::<FeatureSet>()?.build(None)?;
//! let mut rows = 0;
//! let outcome = describe(&frames, &extractors, &mut silent, &StopToken::new(), &mut |table| {
//!     rows += table.n_rows();
//!     Ok(())
//! })?;
//! assert_eq!((rows, outcome.rows, outcome.skipped.len()), (3, 3, 0));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

use std::path::Path;
use std::str::FromStr;
use std::sync::Arc;

use ndarray::{Array2, Axis, s};
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use xscatter_core::{
    Error, ErrorKind, FeatureExtractor, FeatureTable, Frame, FrameSource, Result, StopToken,
};
use xscatter_features::{Cached, FeatureConfig};

use crate::progress::{Observer, Progress};

/// A list of extractors and their settings. In JSON it is an array of
/// [`FeatureConfig`]s: `[{"glcm": {"levels": 64}}, {"lbp": {}}]`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct FeatureSet(pub Vec<FeatureConfig>);

impl FeatureSet {
    /// Every extractor with its default settings.
    pub fn all() -> Self {
        Self(FeatureConfig::all())
    }

    /// The extractors; with a folder, their rows are kept there and found again.
    ///
    /// # Errors
    /// If a setting is outside its domain, two extractors have a column of the same name, or the folder
    /// cannot be used.
    pub fn build(&self, cache: Option<&Path>) -> Result<Vec<Box<dyn FeatureExtractor>>> {
        let mut built = Vec::with_capacity(self.0.len());
        let mut columns: Vec<Arc<str>> = Vec::new();
        for config in &self.0 {
            let extractor = config.build()?;
            columns.extend_from_slice(extractor.columns());
            built.push(match cache {
                None => extractor,
                Some(folder) => {
                    let identity = serde_json::to_string(config).map_err(|error| {
                        Error::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
                    })?;
                    Cached::open(extractor, &identity, folder)?.boxed()
                }
            });
        }
        columns.sort_unstable();
        let mut pairs = columns.iter().zip(columns.iter().skip(1));
        if let Some((twice, _)) = pairs.find(|(one, next)| one == next) {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                format!("expected each column once, found {twice} twice"),
            ));
        }
        Ok(built)
    }
}

impl FromStr for FeatureSet {
    type Err = Error;

    /// `all`, or the names of extractors and groups (`texture`, `shape`, `local`, `physics`), separated
    /// by commas.
    fn from_str(text: &str) -> Result<Self> {
        let all = FeatureConfig::all();
        let mut chosen: Vec<FeatureConfig> = Vec::new();
        for word in text.split(',').map(str::trim) {
            let wanted = |config: &&FeatureConfig| {
                word == "all" || word == config.name() || word == config.group().name()
            };
            let mut found = all.iter().filter(wanted).peekable();
            if found.peek().is_none() {
                let names: Vec<&str> = all.iter().map(FeatureConfig::name).collect();
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    format!(
                        "expected all, texture, shape, local, physics or a name among {}, got {word:?}",
                        names.join(", ")
                    ),
                ));
            }
            for config in found {
                if !chosen.contains(config) {
                    chosen.push(config.clone());
                }
            }
        }
        Ok(Self(chosen))
    }
}

/// What became of the frames of a source.
#[derive(Debug)]
pub struct Described {
    /// How many rows were handed out.
    pub rows: usize,
    /// Frames that could not be read, each with its error.
    pub skipped: Vec<(usize, Error)>,
    /// Extractors that frames did not allow.
    pub missing: Vec<Missing>,
}

/// An extractor whose columns are missing in some rows.
#[derive(Debug)]
pub struct Missing {
    /// Its name.
    pub extractor: String,
    /// In how many rows.
    pub frames: usize,
    /// Why in the first of them.
    pub reason: Error,
}

/// Frames that are held at a time, for each thread.
const BATCH: usize = 8;

/// Describes the frames of a source and hands the rows to `sink`, a batch at a time, in order.
///
/// # Errors
/// If the work is stopped, the sink fails, or a feature fails for a reason that is not the frame's.
pub fn describe(
    source: &dyn FrameSource,
    extractors: &[Box<dyn FeatureExtractor>],
    observer: &mut Observer<'_>,
    stop: &StopToken,
    sink: &mut dyn FnMut(&FeatureTable) -> Result<()>,
) -> Result<Described> {
    let mut outcome = Described {
        rows: 0,
        skipped: Vec::new(),
        missing: Vec::new(),
    };
    let columns = columns(extractors);
    let indices: Vec<usize> = (0..source.len()).collect();
    for indices in indices.chunks(BATCH * rayon::current_num_threads()) {
        stop.check()?;
        let read: Vec<Result<Frame>> = indices
            .par_iter()
            .map(|&index| source.read(index))
            .collect();
        let mut frames = Vec::with_capacity(read.len());
        for (&index, frame) in indices.iter().zip(read) {
            match frame {
                Ok(frame) => frames.push(frame),
                Err(error) => outcome.skipped.push((index, error)),
            }
        }
        if !frames.is_empty() {
            let table = rows(&frames, extractors, &columns, &mut outcome.missing)?;
            outcome.rows += frames.len();
            sink(&table)?;
        }
        observer(Progress::Advance(indices.len()));
    }
    Ok(outcome)
}

/// The columns of some extractors side by side.
pub fn columns(extractors: &[Box<dyn FeatureExtractor>]) -> Vec<Arc<str>> {
    let columns = extractors.iter().flat_map(FeatureExtractor::columns);
    columns.cloned().collect()
}

/// One row a frame; what a frame does not allow is missing.
fn rows(
    frames: &[Frame],
    extractors: &[Box<dyn FeatureExtractor>],
    columns: &[Arc<str>],
    missing: &mut Vec<Missing>,
) -> Result<FeatureTable> {
    let mut values = Array2::from_elem((frames.len(), columns.len()), f32::NAN);
    let mut start = 0;
    for extractor in extractors {
        let end = start + extractor.columns().len();
        let mut block = values.slice_mut(s![.., start..end]);
        start = end;
        if extractor.extract_into(frames, block.view_mut()).is_ok() {
            continue;
        }
        // One frame does not take the others along.
        for (frame, mut row) in frames.iter().zip(block.axis_chunks_iter_mut(Axis(0), 1)) {
            let Err(error) = extractor.extract_into(std::slice::from_ref(frame), row.view_mut())
            else {
                continue;
            };
            if !is_of_the_frame(&error) {
                return Err(error);
            }
            row.fill(f32::NAN);
            count(missing, extractor.name(), error);
        }
    }
    let ids = frames.iter().map(|frame| frame.info.id().into()).collect();
    let groups = frames
        .iter()
        .map(|frame| frame.info.group_or_file().into())
        .collect();
    Ok(FeatureTable::new(values, columns.to_vec(), ids, groups)?)
}

fn is_of_the_frame(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::DegenerateData | ErrorKind::MissingMetadata | ErrorKind::ShapeMismatch
    )
}

fn count(missing: &mut Vec<Missing>, extractor: &str, reason: Error) {
    match missing.iter_mut().find(|one| one.extractor == extractor) {
        Some(known) => known.frames += 1,
        None => missing.push(Missing {
            extractor: extractor.to_owned(),
            frames: 1,
            reason,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::progress::silent;
    use xscatter_core::Mask;

    /// Frames of which the second cannot be read and the third is masked.
    struct Trouble;

    impl FrameSource for Trouble {
        fn len(&self) -> usize {
            40
        }
        fn read(&self, index: usize) -> Result<Frame> {
            let counts = Array2::from_shape_fn((30, 20), |(r, c)| ((r * c + index) % 17) as f32);
            let mut frame = Frame::new(counts);
            frame.info.index = index;
            match index {
                1 => Err(Error::new(ErrorKind::Malformed, "a broken file")),
                2 => Ok(frame
                    .with_mask(Mask::from_bad(Array2::from_elem((30, 20), true).view()))
                    .unwrap()),
                _ => Ok(frame),
            }
        }
    }

    #[test]
    fn what_a_frame_does_not_allow_is_missing_and_counted() {
        let set: FeatureSet = "histogram, radial-profile".parse().unwrap();
        let extractors = set.build(None).unwrap();
        let mut tables: Vec<FeatureTable> = Vec::new();
        let stop = StopToken::new();
        let outcome = describe(&Trouble, &extractors, &mut silent, &stop, &mut |table| {
            tables.push(table.clone());
            Ok(())
        })
        .unwrap();
        assert_eq!((outcome.rows, outcome.skipped.len()), (39, 1));
        assert_eq!(outcome.skipped[0].0, 1);
        let missing: Vec<(&str, usize, ErrorKind)> = outcome
            .missing
            .iter()
            .map(|one| (one.extractor.as_str(), one.frames, one.reason.kind()))
            .collect();
        // No frame says where the beam is.
        assert!(missing.contains(&("histogram", 1, ErrorKind::DegenerateData)));
        assert_eq!(missing[1].1, 39);
        let first = &tables[0];
        let histogram = extractors[0].columns().len();
        assert!(
            first
                .values()
                .row(0)
                .slice(s![..histogram])
                .iter()
                .all(|v| v.is_finite())
        );
        assert!(
            first
                .values()
                .row(0)
                .slice(s![histogram..])
                .iter()
                .all(|v| v.is_nan())
        );
        assert!(first.values().row(1).iter().all(|value| value.is_nan()));
    }

    #[test]
    fn a_set_is_names_groups_or_json() {
        let all = FeatureSet::all();
        assert_eq!("all".parse::<FeatureSet>().unwrap(), all);
        let texture: FeatureSet = "texture,glcm".parse().unwrap();
        assert!(texture.0.len() > 1 && texture.0.len() < all.0.len());
        let text = serde_json::to_string(&texture).unwrap();
        assert_eq!(serde_json::from_str::<FeatureSet>(&text).unwrap(), texture);
        let error = "textures".parse::<FeatureSet>().unwrap_err();
        assert!(error.message().contains("glcm") && error.message().contains("\"textures\""));
        let twice = FeatureSet(vec![all.0[0].clone(), all.0[0].clone()]);
        assert!(twice.build(None).is_err());
    }

    #[test]
    fn stopped_work_and_a_failing_sink_end_it() {
        let extractors = "histogram"
            .parse::<FeatureSet>()
            .unwrap()
            .build(None)
            .unwrap();
        let stop = StopToken::new();
        let full = &mut |_: &FeatureTable| Err(Error::new(ErrorKind::Io, "the disk is full"));
        let error = describe(&Trouble, &extractors, &mut silent, &stop, full).unwrap_err();
        assert_eq!(error.message(), "the disk is full");
        stop.stop();
        let error =
            describe(&Trouble, &extractors, &mut silent, &stop, &mut |_| Ok(())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Stopped);
    }
}
