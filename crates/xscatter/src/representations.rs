//! The named representations of a frame, as data: a study is a list of them.
//!
//! | name | what |
//! |---|---|
//! | `histogram` | first-order statistics of the logarithm of the counts |
//! | `glcm` | grey-level co-occurrence properties of a reduced image |
//! | `radial-profile` | mean and scatter on rings about the beam centre |
//! | `layout` | where the intensity lies, whatever the storage orientation |
//! | `hand-crafted` | the four above side by side |
//! | `lenet` | the last hidden layer of a trained LeNet |
//! | `everything` | `hand-crafted` and `lenet` side by side |

use std::sync::Arc;

use rayon::prelude::*;
use xscatter_core::{
    Error, ErrorKind, FeatureExtractor, FeatureTable, Frame, FrameSource, FrameTransform, Result,
    StopToken, transform_fn,
};
use xscatter_deep::{LeNetExtractor, TrainedNetwork};
use xscatter_features::{
    Glcm, GlcmConfig, HistogramConfig, HistogramStatistics, Layout, LayoutConfig, RadialConfig,
    RadialProfile,
};
use xscatter_heal::{BeamCentre, ZingerRemoval};

use crate::progress::{Observer, Progress};

/// A representation by name: the extractors whose columns stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Its name on the leaderboard.
    pub name: &'static str,
    /// The names of its parts.
    pub parts: &'static [&'static str],
}

/// All representations that need no network.
pub const HAND_CRAFTED: &[Recipe] = &[
    Recipe {
        name: "histogram",
        parts: &["histogram"],
    },
    Recipe {
        name: "glcm",
        parts: &["glcm"],
    },
    Recipe {
        name: "radial-profile",
        parts: &["radial-profile"],
    },
    Recipe {
        name: "layout",
        parts: &["layout"],
    },
    Recipe {
        name: "hand-crafted",
        parts: &["histogram", "glcm", "radial-profile", "layout"],
    },
];

/// All representations that need a trained network.
pub const DEEP: &[Recipe] = &[
    Recipe {
        name: "lenet",
        parts: &["lenet"],
    },
    Recipe {
        name: "everything",
        parts: &["histogram", "glcm", "radial-profile", "layout", "lenet"],
    },
];

/// The representation of that name.
///
/// # Errors
/// If there is none; the message lists them.
pub fn by_name(name: &str) -> Result<Recipe> {
    let all = || HAND_CRAFTED.iter().chain(DEEP);
    all()
        .find(|recipe| recipe.name == name)
        .copied()
        .ok_or_else(|| {
            let known: Vec<&str> = all().map(|recipe| recipe.name).collect();
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "expected a representation among {}, got {name:?}",
                    known.join(", ")
                ),
            )
        })
}

/// The extractor of one part, with the settings of the main job.
///
/// # Errors
/// If there is no such part, or it needs a network and `network` is `None`.
pub fn extractor(
    part: &str,
    network: Option<&Arc<TrainedNetwork>>,
) -> Result<Box<dyn FeatureExtractor>> {
    let invalid = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::InvalidArgument, format!("{part}: {error}"))
    };
    Ok(match (part, network) {
        ("histogram", _) => HistogramStatistics::new(HistogramConfig::default())
            .map_err(|error| invalid(&error))?
            .boxed(),
        ("glcm", _) => Glcm::new(GlcmConfig::default())
            .map_err(|error| invalid(&error))?
            .boxed(),
        ("radial-profile", _) => RadialProfile::new(RadialConfig::default())
            .map_err(|error| invalid(&error))?
            .boxed(),
        ("layout", _) => Layout::new(LayoutConfig::default())
            .map_err(|error| invalid(&error))?
            .boxed(),
        ("lenet", Some(network)) => LeNetExtractor::new(network.clone()).boxed(),
        ("lenet", None) => return Err(invalid(&"expected a trained network, got none")),
        _ => return Err(invalid(&"expected the name of a part of a representation")),
    })
}

/// What the main job does to every frame before it looks at it: forget what the header says of the
/// geometry, remove zingers, estimate the beam centre.
///
/// Real files often lack a calibration, simulated ones never do: a model that may look at it learns
/// to depend on it.
pub fn preparation() -> impl FrameTransform {
    let image_alone = transform_fn(|mut frame: Frame| {
        frame.info.geometry = None;
        frame.info.beam_centre_px = None;
        Ok(frame)
    });
    (image_alone, ZingerRemoval::default(), BeamCentre::default())
}

/// The tables of several extractors over the frames of a source.
#[derive(Debug)]
pub struct Extracted {
    /// One table for each extractor; all have the same rows.
    pub tables: Vec<FeatureTable>,
    /// For each row the index of its frame in the source.
    pub kept: Vec<usize>,
    /// The frames that could not be read or described, each with its error.
    pub skipped: Vec<(usize, Error)>,
}

/// Reads the frames of a source batch by batch, in parallel, and extracts all features; a frame that
/// fails is skipped and reported, the rest goes on.
///
/// # Errors
/// If the work is stopped, or no frame at all could be described.
pub fn extract(
    source: &dyn FrameSource,
    extractors: &[Box<dyn FeatureExtractor>],
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Extracted> {
    let read = in_batches(source, observer, stop, |frames| {
        extractors
            .iter()
            .map(|extractor| extractor.extract(frames))
            .collect::<Result<Vec<_>>>()
    })?;
    let mut batches = read.batches.into_iter();
    let mut tables: Vec<FeatureTable> = batches.next().unwrap_or_default();
    for batch in batches {
        for (table, rows) in tables.iter_mut().zip(batch) {
            *table = table.above(&rows)?;
        }
    }
    Ok(Extracted {
        tables,
        kept: read.kept,
        skipped: read.skipped,
    })
}

/// What was made of the frames of a source, batch by batch.
pub(crate) struct Batches<T> {
    /// What was made of each batch; at least one.
    pub(crate) batches: Vec<T>,
    /// The indices of the frames in them, in order.
    pub(crate) kept: Vec<usize>,
    /// The frames that could not be read or used, each with its error.
    pub(crate) skipped: Vec<(usize, Error)>,
}

/// Reads frames in parallel, a bounded number at a time, and hands each batch to `use_frames`; if that
/// fails, the frames are tried one by one, so that a bad one does not take the others along.
pub(crate) fn in_batches<T>(
    source: &dyn FrameSource,
    observer: &mut Observer<'_>,
    stop: &StopToken,
    use_frames: impl Fn(&[Frame]) -> Result<T>,
) -> Result<Batches<T>> {
    let (mut batches, mut kept, mut skipped) = (Vec::new(), Vec::new(), Vec::new());
    let indices: Vec<usize> = (0..source.len()).collect();
    for indices in indices.chunks(8 * rayon::current_num_threads()) {
        stop.check()?;
        let read: Vec<Result<Frame>> = indices
            .par_iter()
            .map(|&index| source.read(index))
            .collect();
        let (mut frames, mut places) = (Vec::new(), Vec::new());
        for (&index, frame) in indices.iter().zip(read) {
            match frame {
                Ok(frame) => {
                    frames.push(frame);
                    places.push(index);
                }
                Err(error) => skipped.push((index, error)),
            }
        }
        observer(Progress::Advance(indices.len()));
        if frames.is_empty() {
            continue;
        }
        if let Ok(batch) = use_frames(&frames) {
            batches.push(batch);
            kept.extend(places);
        } else {
            for (frame, index) in frames.iter().zip(places) {
                match use_frames(std::slice::from_ref(frame)) {
                    Ok(batch) => {
                        batches.push(batch);
                        kept.push(index);
                    }
                    Err(error) => skipped.push((index, error)),
                }
            }
        }
    }
    skipped.sort_by_key(|(index, _)| *index);
    if batches.is_empty() {
        return Err(skipped.into_iter().next().map_or_else(
            || Error::new(ErrorKind::DegenerateData, "expected frames, found none"),
            |(_, error)| error,
        ));
    }
    Ok(Batches {
        batches,
        kept,
        skipped,
    })
}

/// The table of a representation, put together from the tables of its parts.
///
/// # Errors
/// If a part is missing.
pub fn assemble(recipe: Recipe, parts: &[(&str, &FeatureTable)]) -> Result<FeatureTable> {
    let mut assembled: Option<FeatureTable> = None;
    for name in recipe.parts {
        let (_, table) = parts.iter().find(|(part, _)| part == name).ok_or_else(|| {
            Error::new(
                ErrorKind::InvalidArgument,
                format!(
                    "representation {}: expected the table of {name}, got none",
                    recipe.name
                ),
            )
        })?;
        assembled = Some(match assembled {
            Some(left) => left.beside(table)?,
            None => (*table).clone(),
        });
    }
    assembled.ok_or_else(|| Error::new(ErrorKind::InvalidArgument, "a representation has parts"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_part_of_every_recipe_exists() {
        for recipe in HAND_CRAFTED {
            for part in recipe.parts {
                assert!(!extractor(part, None).unwrap().columns().is_empty());
            }
            assert_eq!(by_name(recipe.name).unwrap(), *recipe);
        }
        assert!(extractor("lenet", None).is_err());
        assert!(by_name("lenett").unwrap_err().message().contains("lenet"));
    }

    #[test]
    fn columns_of_all_parts_are_distinct() {
        let mut names: Vec<String> = HAND_CRAFTED[4]
            .parts
            .iter()
            .flat_map(|part| extractor(part, None).unwrap().columns().to_vec())
            .map(|name| name.to_string())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
