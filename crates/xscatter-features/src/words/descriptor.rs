//! What is described at each place of a frame: one interface over patches and gradients.

use ndarray::{ArrayViewMut2, s};
use serde::{Deserialize, Serialize};
use xscatter_core::{Error, ErrorKind, Frame, Result};

use super::patches::{PatchConfig, PatchError, Patches};
use crate::resample::{Grid, Resampled, degenerate, name_frame};

/// What is described at each place of a frame.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Descriptor {
    /// The pixels of patches.
    Patches(PatchConfig),
}

impl Default for Descriptor {
    /// Patches.
    fn default() -> Self {
        Self::Patches(PatchConfig::default())
    }
}

impl Descriptor {
    pub(crate) fn check(&self) -> Result<(), PatchError> {
        match self {
            Self::Patches(config) => config.check(),
        }
    }

    /// Numbers a descriptor.
    pub fn width(&self) -> usize {
        match self {
            Self::Patches(config) => config.width(),
        }
    }
}

/// The descriptors of one frame.
#[derive(Debug)]
pub(crate) struct Described {
    /// Rows and columns of the image.
    pub(crate) shape: (usize, usize),
    patches: Patches,
}

impl Described {
    /// Those of a frame on a grid; an error if there is none.
    pub(crate) fn of(frame: &Frame, grid: Grid, descriptor: &Descriptor) -> Result<Self> {
        let image = Resampled::of(frame, grid)?;
        let Descriptor::Patches(config) = descriptor;
        let patches = Patches::of(&image, config).map_err(|error| {
            name_frame(
                Error::new(ErrorKind::InvalidArgument, error.to_string()),
                frame,
            )
        })?;
        if patches.is_empty() {
            let (rows, columns) = image.shape();
            return Err(degenerate(
                frame,
                format!(
                    "expected patches of {} pixels a side with at most {} masked, found none on {rows}x{columns}",
                    config.size_px, config.max_masked
                ),
            ));
        }
        Ok(Self {
            shape: image.shape(),
            patches,
        })
    }

    pub(crate) fn len(&self) -> usize {
        self.patches.len()
    }

    /// Row and column of the centre, in pixels of the image.
    pub(crate) fn centre(&self, place: usize) -> [f64; 2] {
        self.patches.centre(place)
    }

    /// Writes the descriptors at `places`, one a row.
    pub(crate) fn fill(
        &self,
        places: impl Iterator<Item = usize>,
        mut out: ArrayViewMut2<'_, f32>,
    ) {
        for (row, place) in places.enumerate() {
            self.patches.fill(place, out.slice_mut(s![row, ..]));
        }
    }
}
