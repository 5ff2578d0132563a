//! The checksum of HDF5 filter 3: four bytes behind the data, verified and taken off.
//!
//! Source: the HDF5 library 2.0; words are big-endian, sums modulo 65535, stored little-endian.

use crate::error::{CodecError, Result};

/// Words whose sums stay below 2³² without a reduction.
const WORDS: usize = 360;

/// The data without their checksum.
pub(crate) fn verified(bytes: &[u8]) -> Result<&[u8]> {
    let Some((data, stored)) = bytes.split_last_chunk::<4>() else {
        return Err(CodecError::Truncated {
            codec: "fletcher32",
            expected: 4,
            found: bytes.len(),
        });
    };
    let expected = u32::from_le_bytes(*stored);
    let found = fletcher32(data);
    // Old libraries swapped the bytes of each half on little-endian machines.
    let swapped = (found & 0x00ff_00ff) << 8 | (found >> 8) & 0x00ff_00ff;
    if expected == found || expected == swapped {
        return Ok(data);
    }
    Err(CodecError::Checksum {
        codec: "fletcher32",
        expected,
        found,
    })
}

fn fletcher32(bytes: &[u8]) -> u32 {
    let fold = |sum: u32| (sum & 0xffff) + (sum >> 16);
    let (mut sum, mut sum_of_sums) = (0_u32, 0_u32);
    let (words, odd) = bytes.as_chunks::<2>();
    for words in words.chunks(WORDS) {
        for &word in words {
            sum += u32::from(u16::from_be_bytes(word));
            sum_of_sums += sum;
        }
        sum = fold(sum);
        sum_of_sums = fold(sum_of_sums);
    }
    if let [last] = odd {
        sum += u32::from(*last) << 8;
        sum_of_sums += sum;
        sum = fold(sum);
        sum_of_sums = fold(sum_of_sums);
    }
    fold(sum_of_sums) << 16 | fold(sum)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_flipped_byte_is_found() {
        let mut bytes = vec![1, 2, 3, 4, 5];
        bytes.extend(fletcher32(&bytes).to_le_bytes());
        assert_eq!(verified(&bytes).unwrap(), [1, 2, 3, 4, 5]);
        bytes[2] ^= 1;
        let error = verified(&bytes).unwrap_err();
        assert!(matches!(error, CodecError::Checksum { .. }));
        assert!(verified(&[0; 3]).is_err());
    }

    proptest! {
        #[test]
        fn no_bytes_panic(byte: u8, len in 0_usize..3000) {
            let _ = fletcher32(&vec![byte; len]);
        }
    }
}
