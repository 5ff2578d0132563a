//! One detector image with its mask and what is known about it.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::{Array2, ArrayView2};

use crate::geometry::{Geometry, PixelPosition};
use crate::mask::{Mask, MaskError, PixelFlags};

/// Where a frame comes from and what its file says about it.
///
/// Everything here is optional: a frame in memory may have no file, a file no exposure time.
#[derive(Debug, Clone, Default)]
pub struct FrameInfo {
    /// The file that holds the frame.
    pub path: Option<PathBuf>,
    /// Which frame of that file, from 0.
    pub index: usize,
    /// The sample, experiment or scan: frames of one group are not independent of each other.
    pub group: Option<Arc<str>>,
    /// Exposure time in seconds.
    pub exposure_s: Option<f64>,
    /// The calibrated pose of the detector; shared by all frames of a scan.
    pub geometry: Option<Arc<Geometry>>,
    /// Where the direct beam meets the detector, when only that is known or was estimated.
    pub beam_centre_px: Option<PixelPosition>,
    /// The header of the file as it stands there.
    pub header: Arc<BTreeMap<String, String>>,
    /// What is wrong with a frame that could be read all the same: a checksum that does not match, a
    /// series that ended early.
    pub warnings: Vec<String>,
}

impl FrameInfo {
    /// A name that is unique within a set of scans: the file, and the frame in it.
    pub fn id(&self) -> String {
        match &self.path {
            Some(path) => format!("{}#{}", path.display(), self.index),
            None => format!("#{}", self.index),
        }
    }

    /// The group that a split must keep together: the stated one, else the file.
    pub fn group_or_file(&self) -> String {
        match (&self.group, &self.path) {
            (Some(group), _) => group.to_string(),
            (None, Some(path)) => path.display().to_string(),
            (None, None) => self.id(),
        }
    }
}

/// A detector image: counts, an optional mask, and where it comes from.
///
/// Counts are `f32`, row-major, axis 0 slow (y), axis 1 fast (x). Integers up to 2²⁴ are exact;
/// typed raw pixels stay in the readers. What a masked pixel holds is unspecified: no layer may let
/// it influence a result. A pixel that is not a number is masked by the reader, never left in.
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Frame, Mask};
///
/// let frame = Frame::new(array![[1.0, 2.0], [3.0, -1.0]])
///     .with_mask(Mask::from_bad(array![[false, false], [false, true]].view()))?;
/// assert_eq!(frame.valid_counts().sum::<f32>(), 6.0);
/// # Ok::<(), xscatter_core::mask::MaskError>(())
/// ```
#[derive(Clone)]
pub struct Frame {
    counts: Array2<f32>,
    mask: Option<Arc<Mask>>,
    /// Where the frame comes from and what its file says about it.
    pub info: FrameInfo,
}

impl Frame {
    /// A frame without a mask; the counts are kept row-major.
    pub fn new(counts: Array2<f32>) -> Self {
        let counts = if counts.is_standard_layout() {
            counts
        } else {
            counts.as_standard_layout().into_owned()
        };
        Self {
            counts,
            mask: None,
            info: FrameInfo::default(),
        }
    }

    /// Replaces the mask.
    ///
    /// # Errors
    /// [`MaskError::Shape`] if the mask has another shape than the frame.
    pub fn with_mask(mut self, mask: impl Into<Arc<Mask>>) -> Result<Self, MaskError> {
        let mask = mask.into();
        if mask.shape() != self.shape() {
            return Err(MaskError::Shape {
                frame: self.shape(),
                mask: mask.shape(),
            });
        }
        self.mask = Some(mask);
        Ok(self)
    }

    /// Replaces what is known about the frame.
    pub fn with_info(mut self, info: FrameInfo) -> Self {
        self.info = info;
        self
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        self.counts.dim()
    }

    /// All counts, those of masked pixels included.
    pub fn counts(&self) -> ArrayView2<'_, f32> {
        self.counts.view()
    }

    /// All counts in row-major order, those of masked pixels included.
    ///
    /// # Panics
    /// Never: a frame is kept row-major.
    pub fn as_slice(&self) -> &[f32] {
        self.counts.as_slice().expect("a frame is kept row-major")
    }

    /// All counts in row-major order, to change in place.
    ///
    /// # Panics
    /// Never: a frame is kept row-major.
    pub fn as_mut_slice(&mut self) -> &mut [f32] {
        self.counts
            .as_slice_mut()
            .expect("a frame is kept row-major")
    }

    /// The mask; `None` lets every pixel through.
    pub fn mask(&self) -> Option<&Arc<Mask>> {
        self.mask.as_ref()
    }

    /// Whether the pixel may be used.
    ///
    /// # Panics
    /// If the pixel is outside the frame.
    pub fn is_valid(&self, row: usize, column: usize) -> bool {
        assert!(
            row < self.counts.nrows() && column < self.counts.ncols(),
            "pixel ({row}, {column}) is outside a frame of {:?}",
            self.shape()
        );
        self.mask
            .as_ref()
            .is_none_or(|mask| mask.is_valid(row, column))
    }

    /// The counts of the valid pixels in row-major order.
    pub fn valid_counts(&self) -> impl Iterator<Item = f32> + '_ {
        let flags = self.mask.as_ref().map(|mask| mask.as_slice());
        self.as_slice()
            .iter()
            .enumerate()
            .filter(move |(index, _)| flags.is_none_or(|flags| flags[*index].is_valid()))
            .map(|(_, &count)| count)
    }

    /// How many pixels may be used.
    pub fn valid_count(&self) -> usize {
        self.counts.len() - self.mask.as_ref().map_or(0, |mask| mask.invalid_count())
    }

    /// Replaces one count by a repaired value and flags the pixel as healed and valid.
    ///
    /// # Panics
    /// If the pixel is outside the frame.
    pub fn heal(&mut self, row: usize, column: usize, count: f32) {
        let shape = self.shape();
        self.counts[(row, column)] = count;
        let mask = self
            .mask
            .get_or_insert_with(|| Arc::new(Mask::all_valid(shape)));
        Arc::make_mut(mask).set(row, column, PixelFlags::HEALED);
    }

    /// The parts.
    pub fn into_parts(self) -> (Array2<f32>, Option<Arc<Mask>>, FrameInfo) {
        (self.counts, self.mask, self.info)
    }
}

impl std::fmt::Debug for Frame {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frame")
            .field("id", &self.info.id())
            .field("shape", &self.shape())
            .field("mask", &self.mask)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn a_mask_of_another_shape_is_refused() {
        let error = Frame::new(Array2::zeros((4, 5)))
            .with_mask(Mask::all_valid((5, 4)))
            .unwrap_err();
        assert_eq!(
            error,
            MaskError::Shape {
                frame: (4, 5),
                mask: (5, 4)
            }
        );
    }

    #[test]
    fn healing_makes_a_masked_pixel_count_again_and_says_so() {
        let mut frame = Frame::new(array![[1.0, f32::NAN]])
            .with_mask(Mask::from_bad(array![[false, true]].view()))
            .unwrap();
        assert_eq!(frame.valid_count(), 1);
        frame.heal(0, 1, 2.0);
        assert_eq!(frame.valid_counts().collect::<Vec<_>>(), [1.0, 2.0]);
        assert_eq!(frame.mask().unwrap().healed_count(), 1);
    }

    #[test]
    fn healing_does_not_touch_the_mask_of_other_frames() {
        let mask = Arc::new(Mask::from_bad(array![[false, true]].view()));
        let mut one = Frame::new(array![[1.0, 0.0]])
            .with_mask(mask.clone())
            .unwrap();
        one.heal(0, 1, 5.0);
        assert_eq!(mask.invalid_count(), 1);
    }

    #[test]
    fn the_group_falls_back_to_the_file() {
        let mut info = FrameInfo {
            path: Some("a/b.cbf".into()),
            index: 3,
            ..Default::default()
        };
        assert_eq!(
            (info.id().as_str(), info.group_or_file().as_str()),
            ("a/b.cbf#3", "a/b.cbf")
        );
        info.group = Some("sample 7".into());
        assert_eq!(info.group_or_file(), "sample 7");
    }
}
