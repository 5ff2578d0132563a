//! One seed and a place in a tree of streams make every random number.
//!
//! A frame, a fold, a tree of a forest each derive a seed of their own from the parent's seed and
//! their index, so results do not depend on the order or the number of threads. The mixing is that
//! of SplitMix64 (Steele, Lea and Flood 2014, doi:10.1145/2660193.2660195).

/// The seed of stream number `stream` below `seed`.
///
/// ```
/// use xscatter_core::seed::derive;
///
/// assert_eq!(derive(7, 3), derive(7, 3));
/// assert_ne!(derive(7, 3), derive(7, 4));
/// ```
pub const fn derive(seed: u64, stream: u64) -> u64 {
    mix(mix(seed).wrapping_add(stream.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15)))
}

/// The seed of a named stream below `seed`, for stages that have no number.
pub const fn derive_named(seed: u64, name: &str) -> u64 {
    // FNV-1a: a stable number for a name.
    let bytes = name.as_bytes();
    let mut hash = 0xCBF2_9CE4_8422_2325_u64;
    let mut index = 0;
    while index < bytes.len() {
        hash = (hash ^ bytes[index] as u64).wrapping_mul(0x0000_0100_0000_01B3);
        index += 1;
    }
    derive(seed, hash)
}

const fn mix(mut z: u64) -> u64 {
    z = z.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_streams_share_no_seed() {
        let mut seeds: Vec<u64> = (0..64)
            .flat_map(|seed| (0..64).map(move |stream| derive(seed, stream)))
            .collect();
        seeds.sort_unstable();
        seeds.dedup();
        assert_eq!(seeds.len(), 64 * 64);
    }

    #[test]
    fn the_mixer_is_splitmix64() {
        // First output of the reference SplitMix64 for state 0 and 1234567 (Vigna's splitmix64.c).
        assert_eq!(mix(0), 0xE220_A839_7B1D_CDAF);
        assert_eq!(mix(1_234_567), 6_457_827_717_110_365_317);
    }
}
