//! Which stored values are no measurement, and why.
//!
//! Detectors mark gaps, bad pixels and overflows in the image itself; a reader that takes these
//! markers for counts spoils every sum (pyFAI#2535, #2466). The rules, each of which a format may
//! switch off:
//!
//! | stored | rule |
//! |---|---|
//! | signed integer | −1 is a gap, any other negative value is bad |
//! | `u32` | 2³²−1 is an overflow, 2³²−2 and 2³²−3 are bad |
//! | `u16`, `u64` | the largest value is an overflow |
//! | above the stated cut-off | overflow |
//! | float | not finite is bad; negative values are valid |
//!
//! A plain array (npy) has no unsigned markers. Cost: one pass; a mask is made only if a marker is
//! found. Source: DECTRIS and NeXus conventions, neggia.

use ndarray::Array2;
use xscatter_core::{Mask, PixelFlags};

use crate::pixels::Pixels;

/// Which markers a format uses.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SentinelPolicy {
    /// Negative values of signed integers are markers.
    pub negative: bool,
    /// The largest values of unsigned integers are markers.
    pub unsigned: bool,
    /// The largest valid count, where the file states one.
    pub cutoff: Option<f64>,
}

impl Default for SentinelPolicy {
    fn default() -> Self {
        Self {
            negative: true,
            unsigned: true,
            cutoff: None,
        }
    }
}

impl SentinelPolicy {
    /// The mask that the stored values call for; `None` if no pixel is a marker.
    pub fn mask(&self, pixels: &Pixels) -> Option<Mask> {
        let limit = self.cutoff.unwrap_or(f64::INFINITY);
        // An integer is above the cut-off where it is above its floor, so that the loops stay in the
        // type of the pixels; the cast saturates.
        macro_rules! signed {
            ($values:expr, $type:ty) => {{
                let (limit, negative) = (limit.floor() as $type, self.negative);
                flags($values, |value| {
                    if negative && value == -1 {
                        PixelFlags::GAP
                    } else if negative && value < 0 {
                        PixelFlags::BAD
                    } else if value > limit {
                        PixelFlags::OVERFLOW
                    } else {
                        PixelFlags::VALID
                    }
                })
            }};
        }
        macro_rules! unsigned {
            ($values:expr, $type:ty, $bad_below:expr) => {{
                let (limit, markers) = (limit.floor() as $type, self.unsigned);
                flags($values, |value| {
                    if value > limit || (markers && value == <$type>::MAX) {
                        PixelFlags::OVERFLOW
                    } else if markers && value >= <$type>::MAX - $bad_below {
                        PixelFlags::BAD
                    } else {
                        PixelFlags::VALID
                    }
                })
            }};
        }
        let float = |value: f64| {
            if !value.is_finite() {
                PixelFlags::BAD
            } else if value > limit || value.abs() > f64::from(f32::MAX) {
                PixelFlags::OVERFLOW
            } else {
                PixelFlags::VALID
            }
        };
        match pixels {
            Pixels::I8(values) => signed!(values, i8),
            Pixels::I16(values) => signed!(values, i16),
            Pixels::I32(values) => signed!(values, i32),
            Pixels::I64(values) => signed!(values, i64),
            // 255 is an ordinary grey level.
            Pixels::U8(values) => {
                let limit = limit.floor() as u8;
                flags(values, |value| {
                    if value > limit {
                        PixelFlags::OVERFLOW
                    } else {
                        PixelFlags::VALID
                    }
                })
            }
            Pixels::U16(values) => unsigned!(values, u16, 0),
            Pixels::U32(values) => unsigned!(values, u32, 2),
            Pixels::U64(values) => unsigned!(values, u64, 0),
            Pixels::F32(values) => flags(values, |value| float(value.into())),
            Pixels::F64(values) => flags(values, float),
        }
    }
}

fn flags<T: Copy>(values: &Array2<T>, flag: impl Fn(T) -> PixelFlags) -> Option<Mask> {
    // A block at a time without a way out of it, which the compiler turns into vector instructions.
    let wrong = |found: bool, &value: &T| found | (flag(value) != PixelFlags::VALID);
    let marked = match values.as_slice() {
        Some(values) => values
            .chunks(4096)
            .any(|block| block.iter().fold(false, wrong)),
        None => values.iter().fold(false, wrong),
    };
    marked.then(|| Mask::new(values.mapv(flag)))
}

/// The mask of the file and the markers of a frame together: where the file's mask says why a pixel
/// is invalid, the marker in the image adds nothing.
pub(crate) fn joined(file: &Mask, markers: &Mask) -> Mask {
    let mut flags = Array2::from_elem(file.shape(), PixelFlags::VALID);
    let pairs = file.as_slice().iter().zip(markers.as_slice());
    for (flags, (&file, &marker)) in flags.iter_mut().zip(pairs) {
        *flags = if file.is_valid() {
            file.union(marker)
        } else {
            file
        };
    }
    Mask::new(flags)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn flags_of(pixels: &Pixels, policy: SentinelPolicy) -> Vec<PixelFlags> {
        policy.mask(pixels).unwrap().as_slice().to_vec()
    }

    #[test]
    fn negative_counts_of_signed_pixels_are_gaps_and_bad_pixels() {
        let flags = flags_of(
            &Pixels::I32(array![[-1, -2, 0, 7, 11]]),
            SentinelPolicy {
                cutoff: Some(10.0),
                ..Default::default()
            },
        );
        let expected = [
            PixelFlags::GAP,
            PixelFlags::BAD,
            PixelFlags::VALID,
            PixelFlags::VALID,
            PixelFlags::OVERFLOW,
        ];
        assert_eq!(flags, expected);
    }

    #[test]
    fn the_largest_values_of_unsigned_pixels_are_markers() {
        let pixels = Pixels::U32(array![[
            0,
            u32::MAX,
            u32::MAX - 1,
            u32::MAX - 2,
            u32::MAX - 3
        ]]);
        let expected = [
            PixelFlags::VALID,
            PixelFlags::OVERFLOW,
            PixelFlags::BAD,
            PixelFlags::BAD,
            PixelFlags::VALID,
        ];
        assert_eq!(flags_of(&pixels, SentinelPolicy::default()), expected);
        let plain = SentinelPolicy {
            unsigned: false,
            ..Default::default()
        };
        assert_eq!(plain.mask(&pixels), None);
    }

    #[test]
    fn a_full_byte_is_a_grey_level_and_a_full_word_is_saturated() {
        let policy = SentinelPolicy::default();
        assert_eq!(policy.mask(&Pixels::U8(array![[255, 0]])), None);
        let flags = flags_of(&Pixels::U16(array![[65535, 65534]]), policy);
        assert_eq!(flags, [PixelFlags::OVERFLOW, PixelFlags::VALID]);
    }

    #[test]
    fn a_cut_off_holds_in_every_type() {
        let policy = SentinelPolicy {
            cutoff: Some(100.5),
            ..Default::default()
        };
        let over = [PixelFlags::VALID, PixelFlags::OVERFLOW];
        assert_eq!(flags_of(&Pixels::U8(array![[100, 101]]), policy), over);
        assert_eq!(flags_of(&Pixels::I8(array![[100, 101]]), policy), over);
        assert_eq!(flags_of(&Pixels::U16(array![[100, 101]]), policy), over);
        assert_eq!(flags_of(&Pixels::U32(array![[100, 101]]), policy), over);
        assert_eq!(flags_of(&Pixels::I64(array![[100, 101]]), policy), over);
        assert_eq!(flags_of(&Pixels::F32(array![[100.0, 101.0]]), policy), over);
    }

    #[test]
    fn floats_may_be_negative_but_not_infinite() {
        let pixels = Pixels::F64(array![[-3.0, f64::NAN, f64::INFINITY, 1e300]]);
        let expected = [
            PixelFlags::VALID,
            PixelFlags::BAD,
            PixelFlags::BAD,
            PixelFlags::OVERFLOW,
        ];
        assert_eq!(flags_of(&pixels, SentinelPolicy::default()), expected);
        assert_eq!(
            SentinelPolicy::default().mask(&Pixels::I8(array![[3]])),
            None
        );
    }
}
