//! What counts the frames of one output hold, which type holds them, and what would be lost.

use xscatter::io::{Dtype, Pixels};
use xscatter::{Error, ErrorKind, Mask, Result};

use super::{Stored, To, invalid};

/// What kind of counts the frames of one output hold; masked pixels do not matter.
#[derive(Debug, Clone, Default, PartialEq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each is a property of its own"
)]
pub(super) struct Kind {
    signed: bool,
    float: bool,
    /// More than 16 bits.
    wide: bool,
    masked: bool,
    /// The largest count.
    max: f64,
    /// Integers that float32 does not hold, and one of them.
    inexact: usize,
    example: Option<i128>,
    /// Float64 values that float32 does not hold.
    rounded: usize,
    /// Values that are no integers.
    broken: usize,
}

impl Kind {
    pub(super) fn new(pixels: &Pixels, mask: Option<&Mask>) -> Self {
        let dtype = pixels.dtype();
        let mut kind = Self {
            signed: matches!(dtype, Dtype::I8 | Dtype::I16 | Dtype::I32 | Dtype::I64),
            float: matches!(dtype, Dtype::F32 | Dtype::F64),
            wide: dtype.bytes() > 2,
            masked: mask.is_some_and(|mask| mask.invalid_count() > 0),
            ..Self::default()
        };
        let flags = mask.map(Mask::as_slice);
        let valid = |index: usize| flags.is_none_or(|flags| flags[index].is_valid());
        match pixels {
            Pixels::U8(values) => kind.small(values.iter().map(|&v| v.into()), valid),
            Pixels::I8(values) => kind.small(values.iter().map(|&v| v.into()), valid),
            Pixels::U16(values) => kind.small(values.iter().map(|&v| v.into()), valid),
            Pixels::I16(values) => kind.small(values.iter().map(|&v| v.into()), valid),
            Pixels::U32(values) => kind.integers(values.iter().map(|&v| v.into()), valid),
            Pixels::I32(values) => kind.integers(values.iter().map(|&v| v.into()), valid),
            Pixels::U64(values) => kind.integers(values.iter().map(|&v| v.into()), valid),
            Pixels::I64(values) => kind.integers(values.iter().map(|&v| v.into()), valid),
            Pixels::F32(values) => kind.floats(values.iter().map(|&v| v.into()), valid),
            Pixels::F64(values) => kind.floats(values.iter().copied(), valid),
        }
        kind
    }

    /// Integers of 16 bits at most: all are exact.
    fn small(&mut self, values: impl Iterator<Item = i32>, valid: impl Fn(usize) -> bool) {
        let used = values.enumerate().filter(|(index, _)| valid(*index));
        self.max = used.fold(0, |max, (_, value)| max.max(value)).into();
    }

    fn integers(&mut self, values: impl Iterator<Item = i128>, valid: impl Fn(usize) -> bool) {
        for (_, value) in values.enumerate().filter(|(index, _)| valid(*index)) {
            self.max = self.max.max(value as f64);
            if (value as f32) as i128 != value {
                self.inexact += 1;
                self.example.get_or_insert(value);
            }
        }
    }

    fn floats(&mut self, values: impl Iterator<Item = f64>, valid: impl Fn(usize) -> bool) {
        for (_, value) in values.enumerate().filter(|(index, _)| valid(*index)) {
            self.max = self.max.max(value);
            self.rounded += usize::from(f64::from(value as f32) != value);
            // A negative count is none either: integers keep those for their markers.
            self.broken += usize::from(value.fract() != 0.0 || value < 0.0);
        }
    }

    /// The kind of both together.
    pub(super) fn join(&mut self, other: &Self) {
        self.signed |= other.signed;
        self.float |= other.float;
        self.wide |= other.wide;
        self.masked |= other.masked;
        self.max = self.max.max(other.max);
        self.inexact += other.inexact;
        self.example = self.example.or(other.example);
        self.rounded += other.rounded;
        self.broken += other.broken;
    }

    /// The type that holds these counts in this format.
    pub(super) fn stored(&self, to: To) -> Result<Stored> {
        let fits = |largest: u32| self.max <= f64::from(largest);
        let signed = || {
            if fits(i32::MAX as u32) {
                Stored::I32
            } else {
                Stored::U32
            }
        };
        if to == To::Cbf {
            if self.broken > 0 {
                let message = format!(
                    "CBF holds whole counts, found {} values that are none: \
                     give --dtype i32 to round them, or another format",
                    self.broken
                );
                return Err(invalid(message));
            }
            return Ok(Stored::I32);
        }
        if self.float {
            return Ok(Stored::F32);
        }
        // An array has no marker for masked pixels in unsigned types.
        let unmarked = to == To::Npy && self.masked;
        if self.signed || unmarked {
            let stored = signed();
            return Ok(if unmarked && stored == Stored::U32 {
                Stored::F32
            } else {
                stored
            });
        }
        // The largest value of an unsigned type is a marker.
        if !self.wide && fits(u32::from(u16::MAX) - 1) {
            Ok(Stored::U16)
        } else {
            Ok(Stored::U32)
        }
    }

    /// What gets lost, in words; an error if it is integer counts and nobody allowed it.
    pub(super) fn losses(&self, dtype: Stored, allowed: bool) -> Result<Vec<String>> {
        let mut warnings = Vec::new();
        if self.inexact > 0 {
            let example = self.example.unwrap_or_default();
            let what = format!(
                "{} counts beyond 2^24 (as {example}) have no exact float32, which frames are made of",
                self.inexact
            );
            if !allowed {
                let message =
                    format!("{what}: give --allow-rounding to round them by 6e-8 at most");
                return Err(Error::new(ErrorKind::Unsupported, message));
            }
            warnings.push(format!("{what}: they were rounded"));
        }
        let whole = dtype != Stored::F32;
        if whole && self.broken > 0 {
            warnings.push(format!(
                "{} values were rounded to whole counts",
                self.broken
            ));
        } else if self.rounded > 0 {
            warnings.push(format!(
                "{} float64 values were rounded to float32",
                self.rounded
            ));
        }
        Ok(warnings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use xscatter::core::ndarray::array;

    fn kind(pixels: &Pixels) -> Kind {
        Kind::new(pixels, None)
    }

    #[test]
    fn the_default_type_is_the_exact_kin_of_the_input() {
        let cases = [
            (Pixels::I32(array![[5]]), To::Edf, Stored::I32),
            (Pixels::I64(array![[1 << 31]]), To::Edf, Stored::U32),
            (Pixels::U8(array![[255]]), To::Edf, Stored::U16),
            (Pixels::U16(array![[65534]]), To::Nexus, Stored::U16),
            (Pixels::U16(array![[65535]]), To::Nexus, Stored::U32),
            (Pixels::U32(array![[7]]), To::Tiff, Stored::U32),
            (Pixels::U16(array![[7]]), To::Cbf, Stored::I32),
            (Pixels::F64(array![[0.5]]), To::Edf, Stored::F32),
            (Pixels::F32(array![[3.0]]), To::Cbf, Stored::I32),
        ];
        for (pixels, to, expected) in cases {
            let found = kind(&pixels).stored(to).unwrap();
            assert_eq!(found, expected, "{pixels:?} {to:?}");
        }
        let error = kind(&Pixels::F32(array![[0.5]]))
            .stored(To::Cbf)
            .unwrap_err();
        assert!(error.message().contains("--dtype i32"), "{error}");
    }

    #[test]
    fn masked_pixels_of_an_array_need_a_type_with_markers() {
        let mask = Mask::from_bad(array![[true, false]].view());
        let stored = |pixels| Kind::new(&pixels, Some(&mask)).stored(To::Npy).unwrap();
        assert_eq!(stored(Pixels::U16(array![[1, 2]])), Stored::I32);
        assert_eq!(stored(Pixels::U32(array![[1, u32::MAX - 9]])), Stored::F32);
    }

    #[test]
    fn a_count_that_would_change_is_an_error_and_a_masked_one_is_none() {
        let pixels = Pixels::U32(array![[16_777_217, 16_777_216, 1 << 30]]);
        let error = kind(&pixels).losses(Stored::U32, false).unwrap_err();
        assert!(error.message().contains("16777217"), "{error}");
        assert!(error.message().starts_with("1 counts"), "{error}");
        assert_eq!(kind(&pixels).losses(Stored::U32, true).unwrap().len(), 1);
        let mask = Mask::from_bad(array![[true, false, false]].view());
        let losses = Kind::new(&pixels, Some(&mask)).losses(Stored::U32, false);
        assert_eq!(losses.unwrap(), Vec::<String>::new());
    }

    #[test]
    fn rounding_of_floats_is_told() {
        let pixels = Pixels::F64(array![[0.1, 0.5, -2.0]]);
        let told = |dtype| kind(&pixels).losses(dtype, false).unwrap();
        assert_eq!(
            told(Stored::F32),
            ["1 float64 values were rounded to float32"]
        );
        assert_eq!(told(Stored::I32), ["3 values were rounded to whole counts"]);
    }
}
