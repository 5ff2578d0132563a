//! The size that a compressed chunk states for its content.
//!
//! Zstandard may make 128 KiB of four bytes, so that the stored size says little. A chunk whose own head
//! states another size than the dataset is refused before memory is set aside for it.
//!
//! Sources: RFC 8878, section 3.1.1.1; the header of blosc 1 (c-blosc, README_CHUNK_FORMAT).

use xscatter_codecs::hdf5_filters::{BLOSC, FLETCHER32, Filter, SHUFFLE, ZSTD};

/// Bytes of a chunk that are looked at.
pub(crate) const HEAD: usize = 32;

/// The size that the head of a chunk states; `None` if it states none, or that of something that is
/// decoded further.
pub(crate) fn size(head: &[u8], filters: &[Filter<'_>], filter_mask: u32) -> Option<u64> {
    let mut applied = filters
        .iter()
        .enumerate()
        .rev()
        .filter(|(index, _)| *index >= 32 || filter_mask & (1 << index) == 0)
        .map(|(_, filter)| filter);
    let outermost = applied.next()?;
    if !applied.all(|filter| matches!(filter.id, SHUFFLE | FLETCHER32)) {
        return None;
    }
    match outermost.id {
        BLOSC => head.get(4..8).map(number),
        ZSTD => zstd(head),
        _ => None,
    }
}

fn zstd(head: &[u8]) -> Option<u64> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let descriptor = *head.strip_prefix(&MAGIC)?.first()?;
    let single_segment = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let at = 5 + usize::from(!single_segment) + dictionary;
    match descriptor >> 6 {
        0 if single_segment => head.get(at..=at).map(number),
        0 => None,
        1 => head.get(at..at + 2).map(|bytes| number(bytes) + 256),
        2 => head.get(at..at + 4).map(number),
        _ => head.get(at..at + 8).map(number),
    }
}

fn number(bytes: &[u8]) -> u64 {
    bytes
        .iter()
        .rev()
        .fold(0, |number, &byte| number << 8 | u64::from(byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filter(id: u16) -> Filter<'static> {
        Filter { id, values: &[] }
    }

    #[test]
    fn sizes_of_the_heads() {
        let zstd = [filter(SHUFFLE), filter(ZSTD)];
        let head = [0x28, 0xb5, 0x2f, 0xfd, 0x60, 0x10, 0x27, 0];
        assert_eq!(size(&head, &zstd, 0), Some(0x2710 + 256));
        assert_eq!(size(&head, &zstd, 2), None);
        assert_eq!(size(&head[..6], &zstd, 0), None);
        let blosc = [2, 1, 0x13, 4, 0x10, 0x27, 0, 0, 0];
        assert_eq!(size(&blosc, &[filter(BLOSC)], 0), Some(10000));
        assert_eq!(size(&blosc, &[filter(ZSTD), filter(BLOSC)], 0), None);
    }
}
