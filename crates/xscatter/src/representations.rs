//! The named representations of a frame, as data: a study is a list of them.
//!
//! | name | header | what |
//! |---|---|---|
//! | `histogram` | | first-order statistics of the logarithm of the counts |
//! | `glcm` | | grey-level co-occurrence properties of a reduced image |
//! | `radial-profile` | | mean and scatter on rings about the beam centre |
//! | `layout` | | where the intensity lies, whatever the storage orientation |
//! | `azimuthal` | | variation around the beam: texture, shadow, symmetry |
//! | `image` | | the five above side by side |
//! | `lenet` | | the last hidden layer of a trained LeNet |
//! | `image+lenet` | | both |
//! | `calibrated-shape` | used | `layout`, `azimuthal` about the stated beam centre, the q covered |
//! | `calibrated` | used | `image` about the stated beam centre, the q covered |
//!
//! Those without a header see the image alone and estimate the beam centre.

use std::sync::Arc;

use rayon::prelude::*;
use xscatter_core::{
    Error, ErrorKind, FeatureExtractor, FeatureTable, Frame, FrameSource, FrameTransform, Result,
    StopToken, transform_fn,
};
use xscatter_deep::{LeNetExtractor, TrainedNetwork};
use xscatter_features::FeatureConfig;
use xscatter_heal::{BeamCentre, CentreConfig, Fallback, ZingerRemoval};

use crate::describe::FeatureSet;
use crate::progress::{Observer, Progress};

/// What becomes of the geometry in a frame's header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    /// It is used where it is there.
    Kept,
    /// It is forgotten, as if the file had none.
    Forgotten,
}

/// A representation by name: the extractors whose columns stand side by side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Recipe {
    /// Its name on the leaderboard.
    pub name: &'static str,
    /// Whether it looks at the header's geometry.
    pub header: Header,
    /// The names of its parts.
    pub parts: &'static [&'static str],
}

impl Recipe {
    const fn image(name: &'static str, parts: &'static [&'static str]) -> Self {
        Self {
            name,
            header: Header::Forgotten,
            parts,
        }
    }

    const fn calibrated(name: &'static str, parts: &'static [&'static str]) -> Self {
        Self {
            name,
            header: Header::Kept,
            parts,
        }
    }

    /// Its parts as extractors with their settings.
    ///
    /// # Errors
    /// If it needs a trained network.
    pub fn features(&self) -> Result<FeatureSet> {
        let config = |part: &&str| {
            FeatureConfig::all()
                .into_iter()
                .find(|config| config.name() == *part)
                .ok_or_else(|| {
                    let message = "expected a representation that needs no trained network";
                    Error::new(ErrorKind::InvalidArgument, message)
                })
        };
        let configs: Result<Vec<FeatureConfig>> = self.parts.iter().map(config).collect();
        configs.map(FeatureSet)
    }

    /// Whether it looks through a trained network.
    pub fn needs_network(&self) -> bool {
        self.parts.contains(&"lenet")
    }
}

/// All representations.
pub const RECIPES: [Recipe; 10] = [
    Recipe::image("histogram", &["histogram"]),
    Recipe::image("glcm", &["glcm"]),
    Recipe::image("radial-profile", &["radial-profile"]),
    Recipe::image("layout", &["layout"]),
    Recipe::image("azimuthal", &["azimuthal"]),
    Recipe::image(
        "image",
        &["histogram", "glcm", "radial-profile", "layout", "azimuthal"],
    ),
    Recipe::image("lenet", &["lenet"]),
    Recipe::image(
        "image+lenet",
        &[
            "histogram",
            "glcm",
            "radial-profile",
            "layout",
            "azimuthal",
            "lenet",
        ],
    ),
    Recipe::calibrated("calibrated-shape", &["layout", "azimuthal", "q-range"]),
    Recipe::calibrated(
        "calibrated",
        &[
            "histogram",
            "glcm",
            "radial-profile",
            "layout",
            "azimuthal",
            "q-range",
        ],
    ),
];

/// The representation of that name.
///
/// # Errors
/// If there is none; the message lists them.
pub fn by_name(name: &str) -> Result<Recipe> {
    let found = RECIPES.into_iter().find(|recipe| recipe.name == name);
    found.ok_or_else(|| {
        let known: Vec<&str> = RECIPES.iter().map(|recipe| recipe.name).collect();
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
    if part == "lenet" {
        return match network {
            Some(network) => Ok(LeNetExtractor::new(network.clone()).boxed()),
            None => Err(Error::new(
                ErrorKind::InvalidArgument,
                "lenet: expected a trained network, got none",
            )),
        };
    }
    let config = FeatureConfig::all()
        .into_iter()
        .find(|config| config.name() == part);
    let config = config.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidArgument,
            format!("{part}: expected the name of a part of a representation"),
        )
    })?;
    config.build()
}

/// What is done to every frame first: zingers are removed.
pub fn cleaning() -> impl FrameTransform {
    ZingerRemoval::default()
}

/// How a cleaned frame is looked at: with or without its header's geometry. Where the header does not
/// say where the beam is, its centre is estimated (the frame's centre if the image gives none).
///
/// An incident angle in the header is always forgotten: it would give the answer away.
///
/// # Panics
/// Never: the settings are fixed and valid.
pub fn view(header: Header) -> impl FrameTransform {
    let trimmed = transform_fn(move |mut frame: Frame| {
        match header {
            Header::Kept => {
                if let Some(geometry) = &mut frame.info.geometry {
                    Arc::make_mut(geometry).incident_angle_rad = None;
                }
            }
            Header::Forgotten => {
                frame.info.geometry = None;
                frame.info.beam_centre_px = None;
            }
        }
        Ok(frame)
    });
    (trimmed, centred())
}

/// Where the header does not say where the beam is, its centre is estimated (the frame's centre if the
/// image gives none).
///
/// # Panics
/// Never: the settings are fixed and valid.
pub fn centred() -> impl FrameTransform {
    let config = CentreConfig {
        fallback: Fallback::FrameCentre,
        ..CentreConfig::default()
    };
    BeamCentre::new(config).expect("only the fallback differs from the default")
}

/// The tables of some parts over cleaned frames, looked at in one way.
///
/// # Errors
/// If there is no such part, one needs a network and there is none, or a frame cannot be described.
pub fn describe(
    frames: &[Frame],
    header: Header,
    parts: &[&str],
    network: Option<&Arc<TrainedNetwork>>,
) -> Result<Vec<FeatureTable>> {
    let view = view(header);
    let viewed: Result<Vec<Frame>> = frames
        .par_iter()
        .map(|frame| view.apply(frame.clone()))
        .collect();
    let viewed = viewed?;
    parts
        .iter()
        .map(|part| extractor(part, network)?.extract(&viewed))
        .collect()
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

/// Reads the frames of a source batch by batch, in parallel, and hands each batch to `tables`, which
/// gives as many tables for every batch; a frame that fails is skipped and reported, the rest goes on.
///
/// # Errors
/// If the work is stopped, or no frame at all could be described.
pub fn extract(
    source: &dyn FrameSource,
    tables: impl Fn(&[Frame]) -> Result<Vec<FeatureTable>>,
    observer: &mut Observer<'_>,
    stop: &StopToken,
) -> Result<Extracted> {
    let read = in_batches(source, observer, stop, tables)?;
    let mut batches = read.made.into_iter();
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
    pub(crate) made: Vec<T>,
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
        made: batches,
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
        for recipe in RECIPES {
            for part in recipe.parts.iter().filter(|part| **part != "lenet") {
                assert!(!extractor(part, None).unwrap().columns().is_empty());
            }
            assert_eq!(by_name(recipe.name).unwrap(), recipe);
        }
        assert!(extractor("lenet", None).is_err());
        assert!(by_name("lenett").unwrap_err().message().contains("lenet"));
    }

    #[test]
    fn columns_of_the_parts_of_a_recipe_are_distinct() {
        let parts = by_name("calibrated").unwrap().parts;
        let mut names: Vec<String> = parts
            .iter()
            .flat_map(|part| extractor(part, None).unwrap().columns().to_vec())
            .map(|name| name.to_string())
            .collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn a_calibrated_view_forgets_the_incident_angle_alone() {
        let centre = xscatter_core::PixelPosition {
            row: 5.0,
            column: 6.0,
        };
        let mut geometry = xscatter_core::Geometry::transmission(1.0, centre, 1e-4, 1e-10);
        geometry.incident_angle_rad = Some(0.003);
        let mut frame = Frame::new(ndarray::Array2::ones((12, 12)));
        frame.info.geometry = Some(Arc::new(geometry.clone()));
        geometry.incident_angle_rad = None;
        let kept = view(Header::Kept).apply(frame.clone()).unwrap();
        assert_eq!(kept.info.geometry.as_deref(), Some(&geometry));
        let forgotten = view(Header::Forgotten).apply(frame).unwrap();
        assert!(forgotten.info.geometry.is_none() && forgotten.info.beam_centre_px.is_some());
    }
}
