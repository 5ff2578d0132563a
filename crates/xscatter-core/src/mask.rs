//! Which pixels count, and why the others do not.
//!
//! Polarity differs between programs: pyFAI and NeXus write non-zero for *bad*, LImA and SciAnalysis
//! write zero for *bad*. It is settled once, where a mask enters ([`Mask::from_bad`],
//! [`Mask::from_good`]); from then on there is only [`Mask::is_valid`].

use ndarray::{Array2, ArrayView2};

/// The flags of one pixel.
///
/// A pixel is valid when none of the invalidating flags is set. [`HEALED`](PixelFlags::HEALED) does
/// not invalidate: a healed pixel can be used, stays flagged and can be counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct PixelFlags(u8);

impl PixelFlags {
    /// A pixel with nothing to say about it.
    pub const VALID: Self = Self(0);
    /// No sensor here: a gap between modules.
    pub const GAP: Self = Self(1);
    /// A dead, hot, noisy or otherwise bad pixel, or a value that is not a number.
    pub const BAD: Self = Self(1 << 1);
    /// Beyond what the detector can count.
    pub const OVERFLOW: Self = Self(1 << 2);
    /// Masked by a person or by an analysis: beamstop, shadow, region of no interest.
    pub const USER: Self = Self(1 << 3);
    /// Valid, but not measured: repaired, interpolated or replaced.
    pub const HEALED: Self = Self(1 << 4);

    const INVALID: u8 = Self::GAP.0 | Self::BAD.0 | Self::OVERFLOW.0 | Self::USER.0;

    /// Whether the pixel may be used.
    pub const fn is_valid(self) -> bool {
        self.0 & Self::INVALID == 0
    }

    /// Whether the pixel carries a repaired value.
    pub const fn is_healed(self) -> bool {
        self.0 & Self::HEALED.0 != 0
    }

    /// Whether all flags of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// These flags and those of `other`.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// The flags as bits, for writing.
    pub const fn bits(self) -> u8 {
        self.0
    }
}

/// Why a mask could not be built or applied.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MaskError {
    /// The mask belongs to another detector.
    #[error("expected a mask of {}x{} pixels as the frame, got {}x{}", .frame.0, .frame.1, .mask.0, .mask.1)]
    Shape {
        /// Rows and columns of the frame.
        frame: (usize, usize),
        /// Rows and columns of the mask.
        mask: (usize, usize),
    },
}

impl From<MaskError> for crate::Error {
    fn from(error: MaskError) -> Self {
        Self::new(crate::ErrorKind::ShapeMismatch, error.to_string())
    }
}

/// One [`PixelFlags`] for every pixel of a frame; row-major, axis 0 slow.
#[derive(Clone, PartialEq, Eq)]
pub struct Mask {
    flags: Array2<PixelFlags>,
}

impl Mask {
    /// A mask from flags; kept row-major.
    pub fn new(flags: Array2<PixelFlags>) -> Self {
        let flags = if flags.is_standard_layout() {
            flags
        } else {
            flags.as_standard_layout().into_owned()
        };
        Self { flags }
    }

    /// A mask that lets every pixel through.
    pub fn all_valid(shape: (usize, usize)) -> Self {
        Self {
            flags: Array2::from_elem(shape, PixelFlags::VALID),
        }
    }

    /// From the convention *true is bad* (pyFAI, NeXus); bad pixels get [`PixelFlags::USER`].
    pub fn from_bad(bad: ArrayView2<'_, bool>) -> Self {
        let flag = |&bad: &bool| {
            if bad {
                PixelFlags::USER
            } else {
                PixelFlags::VALID
            }
        };
        Self::new(bad.map(flag))
    }

    /// From the convention *true is good* (LImA, SciAnalysis); the others get [`PixelFlags::USER`].
    pub fn from_good(good: ArrayView2<'_, bool>) -> Self {
        let flag = |&good: &bool| {
            if good {
                PixelFlags::VALID
            } else {
                PixelFlags::USER
            }
        };
        Self::new(good.map(flag))
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        self.flags.dim()
    }

    /// Whether the pixel may be used.
    ///
    /// # Panics
    /// If the pixel is outside the mask.
    pub fn is_valid(&self, row: usize, column: usize) -> bool {
        self.flags[(row, column)].is_valid()
    }

    /// The flags of all pixels.
    pub fn flags(&self) -> ArrayView2<'_, PixelFlags> {
        self.flags.view()
    }

    /// The flags of all pixels in row-major order.
    ///
    /// # Panics
    /// Never: a mask is kept row-major.
    pub fn as_slice(&self) -> &[PixelFlags] {
        self.flags.as_slice().expect("a mask is kept row-major")
    }

    /// Adds flags to one pixel.
    ///
    /// # Panics
    /// If the pixel is outside the mask.
    pub fn insert(&mut self, row: usize, column: usize, flags: PixelFlags) {
        let pixel = &mut self.flags[(row, column)];
        *pixel = pixel.union(flags);
    }

    /// Replaces the flags of one pixel.
    ///
    /// # Panics
    /// If the pixel is outside the mask.
    pub fn set(&mut self, row: usize, column: usize, flags: PixelFlags) {
        self.flags[(row, column)] = flags;
    }

    /// The mask in which the flags of both are set: valid where both are valid.
    ///
    /// # Errors
    /// [`MaskError::Shape`] if the two masks have different shapes.
    pub fn union(&self, other: &Self) -> Result<Self, MaskError> {
        if self.shape() != other.shape() {
            return Err(MaskError::Shape {
                frame: self.shape(),
                mask: other.shape(),
            });
        }
        let mut flags = self.flags.clone();
        flags.zip_mut_with(&other.flags, |a, &b| *a = a.union(b));
        Ok(Self { flags })
    }

    /// How many pixels may not be used.
    pub fn invalid_count(&self) -> usize {
        self.flags.iter().filter(|flags| !flags.is_valid()).count()
    }

    /// How many pixels carry a repaired value.
    pub fn healed_count(&self) -> usize {
        self.flags.iter().filter(|flags| flags.is_healed()).count()
    }
}

impl std::fmt::Debug for Mask {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mask")
            .field("shape", &self.shape())
            .field("invalid", &self.invalid_count())
            .field("healed", &self.healed_count())
            .finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn both_polarities_give_the_same_mask() {
        let bad = array![[true, false], [false, false]];
        let good = bad.map(|bad| !bad);
        assert_eq!(Mask::from_bad(bad.view()), Mask::from_good(good.view()));
        assert!(!Mask::from_bad(bad.view()).is_valid(0, 0));
    }

    #[test]
    fn a_healed_pixel_is_valid_and_counted() {
        let mut mask = Mask::all_valid((2, 3));
        mask.insert(1, 2, PixelFlags::HEALED);
        assert!(mask.is_valid(1, 2));
        assert_eq!((mask.invalid_count(), mask.healed_count()), (0, 1));
        mask.insert(1, 2, PixelFlags::GAP);
        assert!(!mask.is_valid(1, 2));
    }

    #[test]
    fn union_refuses_another_shape() {
        let error = Mask::all_valid((2, 3))
            .union(&Mask::all_valid((3, 2)))
            .unwrap_err();
        assert_eq!(
            error.to_string(),
            "expected a mask of 2x3 pixels as the frame, got 3x2"
        );
    }

    #[test]
    fn a_transposed_mask_is_stored_row_major() {
        let flags = Array2::from_shape_fn((2, 3), |(row, _)| {
            if row == 0 {
                PixelFlags::GAP
            } else {
                PixelFlags::VALID
            }
        });
        let mask = Mask::new(flags.reversed_axes());
        assert_eq!(mask.shape(), (3, 2));
        assert_eq!(mask.as_slice().len(), 6);
        assert!(!mask.is_valid(2, 0) && mask.is_valid(2, 1));
    }
}
