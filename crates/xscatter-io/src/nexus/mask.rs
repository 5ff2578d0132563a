//! The `pixel_mask` of NeXus: 32 bits a pixel that say what is wrong with it.

use ndarray::Array2;
use xscatter_core::{Mask, PixelFlags};

use crate::pixels::Pixels;

pub(super) const GAP: u32 = 1;
pub(super) const DEAD: u32 = 1 << 1;
pub(super) const USER: u32 = 1 << 8;
const VIRTUAL: u32 = 1 << 31;

/// The mask of a file; `None` if no pixel is flagged. `invalid` are the bits that invalidate.
pub(crate) fn from_bits(bits: &Pixels, invalid: u32) -> Option<Mask> {
    let flags: Array2<PixelFlags> = match bits {
        Pixels::U8(bits) => bits.mapv(|bits| flags(bits.into(), invalid)),
        Pixels::I8(bits) => bits.mapv(|bits| flags(bits as u32, invalid)),
        Pixels::U16(bits) => bits.mapv(|bits| flags(bits.into(), invalid)),
        Pixels::I16(bits) => bits.mapv(|bits| flags(bits as u32, invalid)),
        Pixels::U32(bits) => bits.mapv(|bits| flags(bits, invalid)),
        Pixels::I32(bits) => bits.mapv(|bits| flags(bits as u32, invalid)),
        Pixels::U64(bits) => bits.mapv(|bits| flags(bits as u32, invalid)),
        Pixels::I64(bits) => bits.mapv(|bits| flags(bits as u32, invalid)),
        Pixels::F32(_) | Pixels::F64(_) => return None,
    };
    let flagged = flags.iter().any(|&flags| flags != PixelFlags::VALID);
    flagged.then(|| Mask::new(flags))
}

fn flags(bits: u32, invalid: u32) -> PixelFlags {
    let wrong = bits & invalid;
    let mut flags = PixelFlags::VALID;
    if wrong & GAP != 0 {
        flags = flags.union(PixelFlags::GAP);
    }
    if wrong & USER != 0 {
        flags = flags.union(PixelFlags::USER);
    }
    if wrong & !(GAP | USER) != 0 {
        flags = flags.union(PixelFlags::BAD);
    }
    if bits & VIRTUAL & !invalid != 0 {
        flags = flags.union(PixelFlags::HEALED);
    }
    flags
}

/// The bits of one pixel, for writing.
pub(super) fn to_bits(flags: PixelFlags) -> u32 {
    let bit = |flag: PixelFlags, bit: u32| if flags.contains(flag) { bit } else { 0 };
    bit(PixelFlags::GAP, GAP)
        | bit(PixelFlags::BAD, DEAD)
        | bit(PixelFlags::USER, USER)
        | bit(PixelFlags::HEALED, VIRTUAL)
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn the_policy_decides_which_bits_invalidate() {
        let bits = Pixels::U32(array![[0, 1, 2, 1 << 5, 1 << 8, 1 << 31, 1 << 20]]);
        let by_default = from_bits(&bits, 0x1ff).unwrap();
        let expected = [
            PixelFlags::VALID,
            PixelFlags::GAP,
            PixelFlags::BAD,
            PixelFlags::BAD,
            PixelFlags::USER,
            PixelFlags::HEALED,
            PixelFlags::VALID,
        ];
        assert_eq!(by_default.as_slice(), expected);
        assert_eq!(from_bits(&bits, u32::MAX).unwrap().invalid_count(), 6);
        assert_eq!(from_bits(&bits, 0x1e).unwrap().invalid_count(), 1);
        assert!(from_bits(&Pixels::U8(array![[0, 0]]), 0x1ff).is_none());
    }

    #[test]
    fn bits_round_trip() {
        for flags in [
            PixelFlags::GAP,
            PixelFlags::BAD,
            PixelFlags::USER,
            PixelFlags::HEALED,
        ] {
            assert_eq!(super::flags(to_bits(flags), 0x1ff), flags);
        }
        assert_eq!(to_bits(PixelFlags::OVERFLOW), 0);
    }
}
