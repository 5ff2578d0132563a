//! The grey images of eight bits on which the published studies computed their features.
//!
//! Use them to repeat those studies. For anything else compute on counts: eight bits hide both the weak
//! and the strong, and a scale of its own for every frame hides how much there was.
//!
//! | scale | grey level of a valid count `I`, 0 to 255 |
//! |---|---|
//! | [`Linear`](GreyScale::Linear) | `⌊255 (I − min) / (max − min)⌋` |
//! | [`Equalised`](GreyScale::Equalised) | `⌊256 (pixels strictly below) / (valid pixels)⌋`: histogram equalisation, ties share a level |
//! | [`Logarithm`](GreyScale::Logarithm) | `⌊255 ln(max(I, 1)) / ln(max)⌋`: zeros are set to 1, the largest count is white |
//!
//! `min` and `max` are over the valid pixels of the frame. A constant frame is black. Masked pixels stay
//! masked. A frame without a valid pixel, or with a valid one that is not finite, is an error of kind
//! [`DegenerateData`](xscatter_core::ErrorKind::DegenerateData).
//!
//! Source: the preprocessing of pyCBIR (Araujo, Silva, Ushizima), facts only.

use serde::{Deserialize, Serialize};
use xscatter_core::{Frame, FrameTransform, Result};

use crate::intensity::{IntensityTransform, LevelRange, quantise};
use crate::resample::{Grid, Resampled};

/// How counts become grey levels; see the [module](self).
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Frame, FrameTransform};
/// use xscatter_features::GreyScale;
///
/// let grey = GreyScale::Logarithm.apply(Frame::new(array![[0.0, 1.0, 10.0, 100.0]]))?;
/// assert_eq!(grey.counts(), array![[0.0, 0.0, 127.0, 255.0]]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GreyScale {
    /// In proportion to the count.
    Linear,
    /// By rank.
    Equalised,
    /// In proportion to the logarithm of the count.
    Logarithm,
}

impl GreyScale {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Linear, Self::Equalised, Self::Logarithm];

    /// The name in that of a representation.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Linear => "raw",
            Self::Equalised => "equalised",
            Self::Logarithm => "log",
        }
    }
}

impl FrameTransform for GreyScale {
    fn apply(&self, mut frame: Frame) -> Result<Frame> {
        let levels = {
            let image = Resampled::of(&frame, Grid::Native)?;
            match self {
                Self::Equalised => quantise(&image, IntensityTransform::Raw, LevelRange::Rank, 256),
                Self::Linear => scaled(&image, f64::from, None),
                Self::Logarithm => {
                    scaled(&image, |count| f64::from(count.max(1.0)).ln(), Some(0.0))
                }
            }
        };
        for (count, level) in frame.as_mut_slice().iter_mut().zip(levels) {
            *count = f32::from(level);
        }
        Ok(frame)
    }
}

/// Levels from 0 to 255 in proportion to a monotone function of the count, above `black`; above the
/// smallest if that is not given.
fn scaled(image: &Resampled, value: impl Fn(f32) -> f64, black: Option<f64>) -> Vec<u16> {
    let mut limits = (f32::INFINITY, f32::NEG_INFINITY);
    for count in image.valid_values() {
        limits = (limits.0.min(count), limits.1.max(count));
    }
    let (min, max) = (value(limits.0), value(limits.1));
    if min == max {
        return image.map_valid(0, |_| 0);
    }
    let black = black.unwrap_or(min);
    let per_unit = 255.0 / (max - black);
    image.map_valid(0, |count| {
        ((value(count) - black) * per_unit).floor() as u16
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};
    use xscatter_core::{ErrorKind, Mask};

    #[test]
    fn levels_fill_eight_bits_in_the_order_of_the_counts() {
        let counts = Array2::from_shape_fn((20, 30), |(r, c)| ((r * 37 + c * c) % 501) as f32);
        for scale in GreyScale::ALL {
            let grey = scale.apply(Frame::new(counts.clone())).unwrap();
            let mut pairs: Vec<(f32, f32)> = counts
                .iter()
                .copied()
                .zip(grey.counts())
                .map(|(a, b)| (a, *b))
                .collect();
            pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
            assert!(pairs.windows(2).all(|pair| pair[0].1 <= pair[1].1));
            assert_eq!(pairs[0].1, 0.0, "{scale:?}");
            assert!(pairs[599].1 >= 254.0 && pairs[599].1 <= 255.0, "{scale:?}");
            assert!(pairs.iter().all(|pair| pair.1.fract() == 0.0));
        }
    }

    #[test]
    fn a_constant_frame_is_black_and_masked_pixels_set_no_scale() {
        for scale in GreyScale::ALL {
            for count in [0.0, 9.0] {
                let grey = scale
                    .apply(Frame::new(Array2::from_elem((3, 3), count)))
                    .unwrap();
                assert_eq!(grey.counts(), Array2::<f32>::zeros((3, 3)));
            }
            let bad = Mask::from_bad(array![[false, false, true]].view());
            let frame = |hidden| {
                Frame::new(array![[1.0, 50.0, hidden]])
                    .with_mask(bad.clone())
                    .unwrap()
            };
            let one = scale.apply(frame(1e9)).unwrap();
            assert_eq!(one.counts(), scale.apply(frame(f32::NAN)).unwrap().counts());
            assert!(!one.is_valid(0, 2));
            let none = Mask::from_bad(array![[true, true, true]].view());
            let frame = frame(1.0).with_mask(none).unwrap();
            assert_eq!(
                scale.apply(frame).unwrap_err().kind(),
                ErrorKind::DegenerateData
            );
        }
    }
}
