//! What is described at each place of a frame: one interface over patches and gradients.

use ndarray::{ArrayViewMut2, s};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Frame, Result};

use super::patches::{PatchConfig, Patches};
use super::visual::VisualWordsError;
use crate::dense_sift::{DenseSift, DenseSiftConfig};
use crate::local::Descriptors;
use crate::resample::{Grid, Resampled, degenerate, name_frame};

/// What is described at each place of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Descriptor {
    /// The pixels of patches.
    Patches(PatchConfig),
    /// Histograms of gradients, by [`DenseSift`]; its own `grid` and `pooling` are not used.
    DenseSift(DenseSiftConfig),
}

impl Default for Descriptor {
    /// Patches.
    fn default() -> Self {
        Self::Patches(PatchConfig::default())
    }
}

impl Descriptor {
    pub(crate) fn check(&self) -> Result<(), VisualWordsError> {
        match self {
            Self::Patches(config) => config.check()?,
            Self::DenseSift(config) => DenseSift::new(config.clone()).map(drop)?,
        }
        Ok(())
    }

    /// Numbers a descriptor.
    pub fn width(&self) -> usize {
        match self {
            Self::Patches(config) => config.width(),
            // 4 × 4 cells of 8 orientations.
            Self::DenseSift(_) => 128,
        }
    }
}

/// The descriptors of one frame.
#[derive(Debug)]
pub(crate) struct Described {
    /// Rows and columns of the image.
    pub(crate) shape: (usize, usize),
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    /// Made when they are asked for.
    Patches(Patches),
    Rows(Descriptors),
}

impl Described {
    /// Those of a frame on a grid; an error if there is none.
    pub(crate) fn of(frame: &Frame, grid: Grid, descriptor: &Descriptor) -> Result<Self> {
        let image = Resampled::of(frame, grid)?;
        let wrong =
            |error: String| name_frame(Error::new(ErrorKind::InvalidArgument, error), frame);
        let kind = match descriptor {
            Descriptor::Patches(config) => {
                let patches = Patches::of(&image, config);
                Kind::Patches(patches.map_err(|error| wrong(error.to_string()))?)
            }
            Descriptor::DenseSift(config) => {
                let sift = DenseSift::new(config.clone());
                let sift = sift.map_err(|error| wrong(error.to_string()))?;
                Kind::Rows(sift.descriptors(&image))
            }
        };
        let described = Self {
            shape: image.shape(),
            kind,
        };
        if described.len() == 0 {
            let (rows, columns) = image.shape();
            return Err(degenerate(
                frame,
                format!(
                    "expected a place of {rows}x{columns} pixels that is large and valid enough for {descriptor:?}, found none"
                ),
            ));
        }
        Ok(described)
    }

    pub(crate) fn len(&self) -> usize {
        match &self.kind {
            Kind::Patches(patches) => patches.len(),
            Kind::Rows(descriptors) => descriptors.places.len(),
        }
    }

    /// Row and column of the centre, in pixels of the image.
    pub(crate) fn centre(&self, place: usize) -> [f64; 2] {
        match &self.kind {
            Kind::Patches(patches) => patches.centre(place),
            Kind::Rows(descriptors) => {
                let (row, column) = descriptors.places[place];
                [row, column].map(|pixel| pixel as f64 + 0.5)
            }
        }
    }

    /// Writes the descriptors at `places`, one a row.
    pub(crate) fn fill(
        &self,
        places: impl Iterator<Item = usize>,
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        for (row, place) in places.enumerate() {
            let mut out = out.slice_mut(s![row, ..]);
            match &self.kind {
                Kind::Patches(patches) => {
                    patches.fill(place, out.as_slice_mut().expect("`out` is row-major"));
                }
                Kind::Rows(descriptors) => out.assign(&descriptors.rows.row(place)),
            }
        }
    }
}
