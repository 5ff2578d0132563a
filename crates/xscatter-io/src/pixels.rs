//! Pixels as a file stores them, before they become the `f32` counts of a [`Frame`](xscatter_core::Frame).
//!
//! Use them where the stored type matters: exact sums of integers, checks against another program,
//! markers of bad pixels. Everything else works on frames.
//!
//! Conventions: row-major, axis 0 slow. [`Stats`] of integers are exact (128-bit); of floats they
//! skip what is not a number and sum in `f64` in storage order. Cost: one pass each.

use std::fmt;

use ndarray::Array2;
use xscatter_core::{Mask, Result};

/// The type of the stored pixels; displayed under its numpy name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dtype {
    /// One byte of 0 or 1; read as [`Pixels::U8`].
    Bool,
    /// Unsigned, 8 bits.
    U8,
    /// Signed, 8 bits.
    I8,
    /// Unsigned, 16 bits.
    U16,
    /// Signed, 16 bits.
    I16,
    /// Unsigned, 32 bits.
    U32,
    /// Signed, 32 bits.
    I32,
    /// Unsigned, 64 bits.
    U64,
    /// Signed, 64 bits.
    I64,
    /// IEEE 754, 32 bits.
    F32,
    /// IEEE 754, 64 bits.
    F64,
}

impl Dtype {
    /// The name in numpy: `int32`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Bool => "bool",
            Self::U8 => "uint8",
            Self::I8 => "int8",
            Self::U16 => "uint16",
            Self::I16 => "int16",
            Self::U32 => "uint32",
            Self::I32 => "int32",
            Self::U64 => "uint64",
            Self::I64 => "int64",
            Self::F32 => "float32",
            Self::F64 => "float64",
        }
    }

    /// The size of one pixel in bytes.
    pub const fn bytes(self) -> usize {
        match self {
            Self::Bool | Self::U8 | Self::I8 => 1,
            Self::U16 | Self::I16 => 2,
            Self::U32 | Self::I32 | Self::F32 => 4,
            Self::U64 | Self::I64 | Self::F64 => 8,
        }
    }
}

impl fmt::Display for Dtype {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The order of the bytes of one pixel in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// Least significant byte first.
    Little,
    /// Most significant byte first.
    Big,
}

impl ByteOrder {
    /// The order of this machine.
    pub const NATIVE: Self = if cfg!(target_endian = "little") {
        Self::Little
    } else {
        Self::Big
    };
}

/// A number that is exact if the pixels are integers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Number {
    /// An integer.
    Int(i128),
    /// A float.
    Float(f64),
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Int(value) => value.fmt(f),
            Self::Float(value) => value.fmt(f),
        }
    }
}

/// Smallest, largest and sum.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stats {
    /// The smallest value.
    pub min: Number,
    /// The largest value.
    pub max: Number,
    /// The sum.
    pub sum: Number,
}

/// One image as stored.
#[derive(Debug, Clone, PartialEq)]
pub enum Pixels {
    /// Unsigned, 8 bits.
    U8(Array2<u8>),
    /// Signed, 8 bits.
    I8(Array2<i8>),
    /// Unsigned, 16 bits.
    U16(Array2<u16>),
    /// Signed, 16 bits.
    I16(Array2<i16>),
    /// Unsigned, 32 bits.
    U32(Array2<u32>),
    /// Signed, 32 bits.
    I32(Array2<i32>),
    /// Unsigned, 64 bits.
    U64(Array2<u64>),
    /// Signed, 64 bits.
    I64(Array2<i64>),
    /// IEEE 754, 32 bits.
    F32(Array2<f32>),
    /// IEEE 754, 64 bits.
    F64(Array2<f64>),
}

/// Runs one expression for whichever array the pixels hold.
macro_rules! each_type {
    ($pixels:expr, $values:ident => $body:expr) => {
        match $pixels {
            $crate::pixels::Pixels::U8($values) => $body,
            $crate::pixels::Pixels::I8($values) => $body,
            $crate::pixels::Pixels::U16($values) => $body,
            $crate::pixels::Pixels::I16($values) => $body,
            $crate::pixels::Pixels::U32($values) => $body,
            $crate::pixels::Pixels::I32($values) => $body,
            $crate::pixels::Pixels::U64($values) => $body,
            $crate::pixels::Pixels::I64($values) => $body,
            $crate::pixels::Pixels::F32($values) => $body,
            $crate::pixels::Pixels::F64($values) => $body,
        }
    };
}

/// No pixel at all: a buffer to read into.
impl Default for Pixels {
    fn default() -> Self {
        Self::U8(Array2::default((0, 0)))
    }
}

impl Pixels {
    /// From the bytes of a file; `None` unless `bytes` holds exactly `shape` pixels.
    pub fn from_bytes(
        bytes: &[u8],
        dtype: Dtype,
        order: ByteOrder,
        shape: (usize, usize),
    ) -> Option<Self> {
        let expected = shape.0.checked_mul(shape.1)?.checked_mul(dtype.bytes())?;
        if bytes.len() != expected {
            return None;
        }
        let mut pixels = Self::default();
        pixels.as_bytes_of(dtype, shape).copy_from_slice(bytes);
        pixels.make_native(order);
        Some(pixels)
    }

    /// Makes these an image of another type and shape, in the same memory where it is large enough,
    /// and lets `fill` write its bytes, which are in `order`; what it does not write is unspecified.
    ///
    /// # Errors
    /// That of `fill`; the pixels are then unspecified.
    pub(crate) fn fill(
        &mut self,
        dtype: Dtype,
        order: ByteOrder,
        shape: (usize, usize),
        fill: impl FnOnce(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        fill(self.as_bytes_of(dtype, shape))?;
        self.make_native(order);
        Ok(())
    }

    /// As [`fill`](Self::fill), for a reader that makes values; `T` is the type that `dtype` names.
    ///
    /// # Errors
    /// That of `fill`; the pixels are then unspecified.
    pub(crate) fn fill_values<T: bytemuck::Pod>(
        &mut self,
        dtype: Dtype,
        shape: (usize, usize),
        fill: impl FnOnce(&mut [T]) -> Result<()>,
    ) -> Result<()> {
        fill(bytemuck::cast_slice_mut(self.as_bytes_of(dtype, shape)))
    }

    fn as_bytes_of(&mut self, dtype: Dtype, shape: (usize, usize)) -> &mut [u8] {
        macro_rules! typed {
            ($kind:ident) => {{
                let memory = match std::mem::take(self) {
                    Self::$kind(values) => values.into_raw_vec_and_offset().0,
                    _ => Vec::new(),
                };
                *self = Self::$kind(resized(memory, shape));
            }};
        }
        match dtype {
            Dtype::Bool | Dtype::U8 => typed!(U8),
            Dtype::I8 => typed!(I8),
            Dtype::U16 => typed!(U16),
            Dtype::I16 => typed!(I16),
            Dtype::U32 => typed!(U32),
            Dtype::I32 => typed!(I32),
            Dtype::U64 => typed!(U64),
            Dtype::I64 => typed!(I64),
            Dtype::F32 => typed!(F32),
            Dtype::F64 => typed!(F64),
        }
        each_type!(self, values => {
            bytemuck::cast_slice_mut(values.as_slice_mut().expect("made row-major above"))
        })
    }

    /// Swaps the bytes of each value unless they are in the order of this machine already.
    fn make_native(&mut self, order: ByteOrder) {
        if order != ByteOrder::NATIVE {
            each_type!(self, values => values.mapv_inplace(Sample::swapped));
        }
    }

    /// The type of the pixels; that of a file of booleans is [`Dtype::U8`].
    pub const fn dtype(&self) -> Dtype {
        match self {
            Self::U8(_) => Dtype::U8,
            Self::I8(_) => Dtype::I8,
            Self::U16(_) => Dtype::U16,
            Self::I16(_) => Dtype::I16,
            Self::U32(_) => Dtype::U32,
            Self::I32(_) => Dtype::I32,
            Self::U64(_) => Dtype::U64,
            Self::I64(_) => Dtype::I64,
            Self::F32(_) => Dtype::F32,
            Self::F64(_) => Dtype::F64,
        }
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        each_type!(self, values => values.dim())
    }

    /// The value of one pixel; `None` outside the image.
    pub fn get(&self, row: usize, column: usize) -> Option<Number> {
        each_type!(self, values => values.get((row, column)).map(|&value| value.number()))
    }

    /// Smallest, largest and sum of all stored values; `None` if there is none.
    pub fn stats(&self) -> Option<Stats> {
        each_type!(self, values => Sample::stats(values.iter().copied()))
    }

    /// The same over the valid pixels alone; `None` if there is none.
    ///
    /// # Panics
    /// If the mask has another shape.
    pub fn stats_of_valid(&self, mask: &Mask) -> Option<Stats> {
        assert_eq!(self.shape(), mask.shape(), "a mask of the same image");
        let flags = mask.as_slice();
        each_type!(self, values => Sample::stats(
            values.iter().zip(flags).filter(|(_, flags)| flags.is_valid()).map(|(&value, _)| value)
        ))
    }

    /// As `f32`: exact for integers up to 2²⁴, rounded to nearest beyond.
    pub fn to_counts(&self) -> Array2<f32> {
        each_type!(self, values => values.mapv(Sample::count))
    }

    /// As [`to_counts`](Self::to_counts), in the same memory where a pixel takes four bytes.
    pub fn into_counts(self) -> Array2<f32> {
        fn in_place<T: Sample + bytemuck::Pod>(mut values: Array2<T>) -> Array2<f32> {
            if !values.is_standard_layout() {
                return values.mapv(Sample::count);
            }
            let shape = values.dim();
            values.mapv_inplace(|value| bytemuck::cast(value.count()));
            let (memory, offset) = values.into_raw_vec_and_offset();
            let mut counts: Vec<f32> = bytemuck::cast_vec(memory);
            // Rows that were sliced off leave values around those of the array.
            counts.drain(..offset.unwrap_or(0));
            counts.truncate(shape.0 * shape.1);
            Array2::from_shape_vec(shape, counts).expect("as many values as the shape has")
        }
        match self {
            Self::F32(values) if values.is_standard_layout() => values,
            Self::I32(values) => in_place(values),
            Self::U32(values) => in_place(values),
            other => other.to_counts(),
        }
    }
}

/// An array in this memory if that is large enough, in fresh memory else.
fn resized<T: Copy + Default>(mut memory: Vec<T>, shape: (usize, usize)) -> Array2<T> {
    let len = shape.0 * shape.1;
    if memory.capacity() < len {
        memory = Vec::new();
    }
    if memory.is_empty() {
        // Zeroed by the system where it can be, page by page as they are written.
        memory = vec![T::default(); len];
    } else {
        memory.resize(len, T::default());
    }
    Array2::from_shape_vec(shape, memory).expect("as many values as the shape has")
}

/// A stored type of pixel.
pub(crate) trait Sample: Copy + PartialOrd {
    fn swapped(self) -> Self;
    fn number(self) -> Number;
    fn count(self) -> f32;
    fn stats(values: impl Iterator<Item = Self>) -> Option<Stats>;
}

macro_rules! sample {
    ($type:ty, $wide:ty, $number:path, $ordered:expr) => {
        impl Sample for $type {
            #[inline]
            fn swapped(self) -> Self {
                let mut bytes = self.to_ne_bytes();
                bytes.reverse();
                Self::from_ne_bytes(bytes)
            }

            #[inline]
            fn number(self) -> Number {
                $number(self as $wide)
            }

            #[inline]
            fn count(self) -> f32 {
                self as f32
            }

            fn stats(values: impl Iterator<Item = Self>) -> Option<Stats> {
                let ordered: fn(&Self) -> bool = $ordered;
                let mut values = values.filter(ordered);
                let first = values.next()?;
                let (mut min, mut max, mut sum) = (first, first, first as $wide);
                for value in values {
                    if value < min {
                        min = value;
                    }
                    if value > max {
                        max = value;
                    }
                    sum += value as $wide;
                }
                Some(Stats {
                    min: min.number(),
                    max: max.number(),
                    sum: $number(sum),
                })
            }
        }
    };
}
sample!(u8, i128, Number::Int, |_| true);
sample!(i8, i128, Number::Int, |_| true);
sample!(u16, i128, Number::Int, |_| true);
sample!(i16, i128, Number::Int, |_| true);
sample!(u32, i128, Number::Int, |_| true);
sample!(i32, i128, Number::Int, |_| true);
sample!(u64, i128, Number::Int, |_| true);
sample!(i64, i128, Number::Int, |_| true);
sample!(f32, f64, Number::Float, |value| !value.is_nan());
sample!(f64, f64, Number::Float, |value| !value.is_nan());

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn both_byte_orders_give_the_same_pixels() {
        let expected = Pixels::I32(array![[1, -2], [256, i32::MIN]]);
        let values = [1_i32, -2, 256, i32::MIN];
        let little: Vec<u8> = values.iter().flat_map(|v| v.to_le_bytes()).collect();
        let big: Vec<u8> = values.iter().flat_map(|v| v.to_be_bytes()).collect();
        for (bytes, order) in [(little, ByteOrder::Little), (big, ByteOrder::Big)] {
            let pixels = Pixels::from_bytes(&bytes, Dtype::I32, order, (2, 2));
            assert_eq!(pixels.as_ref(), Some(&expected));
        }
        assert_eq!(
            Pixels::from_bytes(&[0; 15], Dtype::I32, ByteOrder::Little, (2, 2)),
            None
        );
        let huge = (usize::MAX, usize::MAX);
        assert_eq!(
            Pixels::from_bytes(&[], Dtype::I32, ByteOrder::Little, huge),
            None
        );
    }

    #[test]
    fn memory_is_used_again_whatever_it_held() {
        let mut pixels = Pixels::I32(array![[7, 8, 9], [1, 2, 3]]);
        let fill = |bytes: &mut [u8]| {
            bytes.copy_from_slice(&[1, 0, 0, 0, 2, 0, 0, 0]);
            Ok(())
        };
        let order = ByteOrder::Little;
        pixels.fill(Dtype::I32, order, (2, 1), fill).unwrap();
        assert_eq!(pixels, Pixels::I32(array![[1], [2]]));
        pixels.fill(Dtype::U16, order, (1, 4), fill).unwrap();
        assert_eq!(pixels, Pixels::U16(array![[1, 0, 2, 0]]));
    }

    #[test]
    fn counts_are_the_same_in_place() {
        let whole = array![[1, -2, 3], [4, 5, i32::MIN]];
        let unsigned = array![[7_u32, u32::MAX], [1 << 24, (1 << 24) + 1]];
        for pixels in [
            Pixels::I32(whole.clone()),
            Pixels::I32(whole.clone().slice_move(ndarray::s![1.., ..])),
            Pixels::I32(whole.clone().slice_move(ndarray::s![.., 1..])),
            Pixels::I32(whole.reversed_axes()),
            Pixels::U32(unsigned),
            Pixels::F32(array![[1.5, 2.5]]),
            Pixels::U16(array![[1, 2]]),
        ] {
            assert_eq!(pixels.to_counts(), pixels.into_counts());
        }
    }

    #[test]
    fn sums_of_integers_are_exact_where_f64_is_not() {
        let pixels = Pixels::U64(array![[u64::MAX, u64::MAX, 1]]);
        let stats = pixels.stats().unwrap();
        assert_eq!(stats.sum.to_string(), "36893488147419103231");
        assert_eq!(stats.max, Number::Int(u64::MAX as i128));
    }

    #[test]
    fn what_is_not_a_number_does_not_enter() {
        let stats = Pixels::F32(array![[1.0, f32::NAN, 2.5]]).stats().unwrap();
        assert_eq!(stats.sum, Number::Float(3.5));
        assert_eq!(Pixels::F64(array![[f64::NAN]]).stats(), None);
        assert_eq!(Pixels::U8(Array2::zeros((0, 4))).stats(), None);
    }

    #[test]
    fn masked_pixels_do_not_enter_the_statistics_of_the_valid() {
        let pixels = Pixels::I32(array![[5, -1], [7, -2]]);
        let mask = Mask::from_bad(array![[false, true], [false, true]].view());
        let stats = pixels.stats_of_valid(&mask).unwrap();
        assert_eq!((stats.min, stats.sum), (Number::Int(5), Number::Int(12)));
    }
}
