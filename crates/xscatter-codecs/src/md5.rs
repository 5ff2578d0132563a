//! MD5 of many messages at once: the checksum of CBF files.
//!
//! One message is a chain of additions that no processor can shorten; eight messages side by side
//! keep its vector units busy. Use [`digests`] for the frames of a series, a few at a time, and
//! [`decode_with_md5`](crate::byte_offset::decode_with_md5) for one alone. MD5 protects from accidents, not from
//! anybody: it is broken as a cryptographic hash.
//!
//! Cost: one message about 1.1 ns a byte, which is what its chain takes: four or five operations a step, each
//! waiting for the one before, 288 a block. The three-way logic of AVX-512 would make it 256, but those of one lane
//! take two cycles each on Zen 5: slower by three quarters. Eight at once take about 0.3 with
//! AVX2; without it they go one by one. What a message has beyond the shortest of its eight goes one
//! by one too. Source: RFC 1321.

#[cfg(target_arch = "x86_64")]
pub(crate) mod avx2;
#[cfg(target_arch = "x86_64")]
pub(crate) mod avx512;

use std::hint::black_box;

use crate::simd::Level;

/// Messages that go side by side.
pub(crate) const LANES: usize = 8;
const BLOCK: usize = 64;
/// Bytes of the length at the end of the padding.
const LENGTH: usize = 8;

/// The digest of one message.
pub type Digest = [u8; 16];

pub(crate) type State = [u32; 4];
const START: State = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476];

/// The whole part of 2³² times the sine of 1 to 64, in radians.
#[rustfmt::skip]
const SINES: [u32; 64] = [
    0xd76aa478, 0xe8c7b756, 0x242070db, 0xc1bdceee, 0xf57c0faf, 0x4787c62a, 0xa8304613, 0xfd469501,
    0x698098d8, 0x8b44f7af, 0xffff5bb1, 0x895cd7be, 0x6b901122, 0xfd987193, 0xa679438e, 0x49b40821,
    0xf61e2562, 0xc040b340, 0x265e5a51, 0xe9b6c7aa, 0xd62f105d, 0x02441453, 0xd8a1e681, 0xe7d3fbc8,
    0x21e1cde6, 0xc33707d6, 0xf4d50d87, 0x455a14ed, 0xa9e3e905, 0xfcefa3f8, 0x676f02d9, 0x8d2a4c8a,
    0xfffa3942, 0x8771f681, 0x6d9d6122, 0xfde5380c, 0xa4beea44, 0x4bdecfa9, 0xf6bb4b60, 0xbebfbc70,
    0x289b7ec6, 0xeaa127fa, 0xd4ef3085, 0x04881d05, 0xd9d4d039, 0xe6db99e5, 0x1fa27cf8, 0xc4ac5665,
    0xf4292244, 0x432aff97, 0xab9423a7, 0xfc93a039, 0x655b59c3, 0x8f0ccc92, 0xffeff47d, 0x85845dd1,
    0x6fa87e4f, 0xfe2ce6e0, 0xa3014314, 0x4e0811a1, 0xf7537e82, 0xbd3af235, 0x2ad7d2bb, 0xeb86d391,
];

/// The sines, out of sight of the compiler: it would add them last, and every step waits for that.
#[inline]
pub(crate) fn hidden_sines() -> &'static [u32; 64] {
    black_box(&SINES)
}

/// The digest of one message.
pub fn digest(message: &[u8]) -> Digest {
    finished(START, message, 0)
}

/// The digest of one message, with other work in between: after every block `beside` hears how many bytes are done.
///
/// The blocks are one chain of additions, which leaves most of the processor idle; work that does not wait for it costs
/// next to nothing if it comes in pieces no longer than a block takes.
#[inline]
pub(crate) fn digest_beside(message: &[u8], mut beside: impl FnMut(usize)) -> Digest {
    let sines = hidden_sines();
    let mut state = START;
    let mut done = 0;
    for block in message.as_chunks::<BLOCK>().0 {
        compress(&mut state, block, sines);
        done += BLOCK;
        beside(done);
    }
    finished(state, message, done)
}

/// The digests of several messages, in their order.
pub fn digests(messages: &[&[u8]]) -> Vec<Digest> {
    digests_at(Level::best(), messages)
}

/// As [`digests`], with the vector instructions of `level`.
pub fn digests_at(level: Level, messages: &[&[u8]]) -> Vec<Digest> {
    let mut out = Vec::with_capacity(messages.len());
    for group in messages.chunks(LANES) {
        let mut states = [START; LANES];
        let mut side_by_side = 0;
        if let Ok(group) = <&[&[u8]; LANES]>::try_from(group) {
            let shortest = group.iter().map(|message| message.len()).min();
            let blocks = shortest.unwrap_or(0) / BLOCK;
            if level.md5_side_by_side(&mut states, group, blocks) {
                side_by_side = blocks * BLOCK;
            }
        }
        let rest = group.iter().zip(states);
        out.extend(rest.map(|(message, state)| finished(state, message, side_by_side)));
    }
    out
}

/// The digest of a message whose first `done` bytes, whole blocks, made `state`.
fn finished(mut state: State, message: &[u8], done: usize) -> Digest {
    let (blocks, rest) = message[done..].as_chunks::<BLOCK>();
    let sines = hidden_sines();
    for block in blocks {
        compress(&mut state, block, sines);
    }
    let mut padding = [0; 2 * BLOCK];
    padding[..rest.len()].copy_from_slice(rest);
    padding[rest.len()] = 0x80;
    let end = (rest.len() + 1 + LENGTH).next_multiple_of(BLOCK);
    let bits = (message.len() as u64).wrapping_mul(8);
    padding[end - LENGTH..end].copy_from_slice(&bits.to_le_bytes());
    for block in padding[..end].as_chunks::<BLOCK>().0 {
        compress(&mut state, block, sines);
    }
    let mut out = [0; 16];
    for (bytes, word) in out.chunks_exact_mut(4).zip(state) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    out
}

// Never inlined: its registers are all taken, and what a caller keeps in some would slow the chain.
#[inline(never)]
fn compress(state: &mut State, block: &[u8; BLOCK], sines: &[u32; 64]) {
    let mut words = [0; 16];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes);
    }
    let [mut a, mut b, mut c, mut d] = *state;
    // Whatever does not wait for the step before is added first.
    let step = |a: u32, b: u32, mixed: u32, word: usize, sine: usize, shift: u32| {
        let ready = a.wrapping_add(words[word]).wrapping_add(sines[sine]);
        b.wrapping_add(ready.wrapping_add(mixed).rotate_left(shift))
    };
    let f = |b: u32, c: u32, d: u32| d ^ (b & (c ^ d));
    for i in (0..16).step_by(4) {
        a = step(a, b, f(b, c, d), i, i, 7);
        d = step(d, a, f(a, b, c), i + 1, i + 1, 12);
        c = step(c, d, f(d, a, b), i + 2, i + 2, 17);
        b = step(b, c, f(c, d, a), i + 3, i + 3, 22);
    }
    // The two terms share no bit: a sum waits for one of them only.
    let g = |b: u32, c: u32, d: u32| (c & !d).wrapping_add(b & d);
    for i in (0..16).step_by(4) {
        a = step(a, b, g(b, c, d), (5 * i + 1) % 16, 16 + i, 5);
        d = step(d, a, g(a, b, c), (5 * i + 6) % 16, 17 + i, 9);
        c = step(c, d, g(d, a, b), (5 * i + 11) % 16, 18 + i, 14);
        b = step(b, c, g(c, d, a), (5 * i + 16) % 16, 19 + i, 20);
    }
    let h = |b: u32, c: u32, d: u32| b ^ (c ^ d);
    for i in (0..16).step_by(4) {
        a = step(a, b, h(b, c, d), (3 * i + 5) % 16, 32 + i, 4);
        d = step(d, a, h(a, b, c), (3 * i + 8) % 16, 33 + i, 11);
        c = step(c, d, h(d, a, b), (3 * i + 11) % 16, 34 + i, 16);
        b = step(b, c, h(c, d, a), (3 * i + 14) % 16, 35 + i, 23);
    }
    let k = |b: u32, c: u32, d: u32| c ^ (b | !d);
    for i in (0..16).step_by(4) {
        a = step(a, b, k(b, c, d), (7 * i) % 16, 48 + i, 6);
        d = step(d, a, k(a, b, c), (7 * i + 7) % 16, 49 + i, 10);
        c = step(c, d, k(d, a, b), (7 * i + 14) % 16, 50 + i, 15);
        b = step(b, c, k(c, d, a), (7 * i + 21) % 16, 51 + i, 21);
    }
    for (state, word) in state.iter_mut().zip([a, b, c, d]) {
        *state = state.wrapping_add(word);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ::md5::Digest as _;
    use proptest::prelude::*;

    fn reference(message: &[u8]) -> Digest {
        ::md5::Md5::digest(message).into()
    }

    #[test]
    fn all_lengths_around_a_block() {
        let message: Vec<u8> = (0..200).map(|i| (i * 7) as u8).collect();
        for length in 0..200 {
            let message = &message[..length];
            assert_eq!(digest(message), reference(message), "{length}");
        }
    }

    proptest! {
        #[test]
        fn every_path_agrees_with_another_program(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..20),
        ) {
            let messages: Vec<&[u8]> = messages.iter().map(Vec::as_slice).collect();
            let expected: Vec<Digest> = messages.iter().map(|message| reference(message)).collect();
            for level in Level::available() {
                prop_assert_eq!(&digests_at(level, &messages), &expected, "{:?}", level);
            }
        }
    }
}
