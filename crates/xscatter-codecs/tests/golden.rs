//! Chunks written by h5py with hdf5plugin and by fabio.
#![allow(clippy::unwrap_used, reason = "a test may stop")]

use proptest::prelude::*;
use serde::Deserialize;
use xscatter_codecs::bitshuffle::{self, Compression};
use xscatter_codecs::hdf5_filters::{Filter, decode_pipeline, is_supported, largest_output};
use xscatter_codecs::{Result, Scratch, byte_offset};
use xscatter_testkit::golden;

#[derive(Deserialize)]
struct Cases {
    chunks: Vec<Chunk>,
    byte_offset: Vec<ByteOffset>,
}

#[derive(Deserialize)]
struct Chunk {
    name: String,
    count: usize,
    dtype: String,
    filter_mask: u32,
    filters: Vec<Stated>,
    stored: String,
}

#[derive(Deserialize)]
struct Stated {
    id: u16,
    values: Vec<u32>,
}

#[derive(Deserialize)]
struct ByteOffset {
    pixels: Vec<i32>,
    stored: String,
}

fn cases() -> Cases {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/codecs.json");
    golden::load(path).unwrap().cases
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits = hex.as_bytes().chunks(2);
    digits
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn text(count: usize, kind: &str) -> Vec<u8> {
    const WORDS: [&str; 8] = [
        "the ",
        "detector ",
        "counts ",
        "photons ",
        "in ",
        "every ",
        "pixel, ",
        "q ",
    ];
    let (mut state, mut out) = (1_u64, Vec::new());
    while out.len() < count {
        state = state
            .wrapping_mul(6364136223846793005)
            .wrapping_add(1442695040888963407);
        if kind == "words" {
            out.extend(WORDS[(state >> 61) as usize].bytes());
        } else {
            out.push(65 + 32 + ((state >> 32) as u32).leading_zeros() as u8);
        }
    }
    out.truncate(count);
    out
}

impl Chunk {
    fn width(&self) -> usize {
        self.dtype[1..].parse().unwrap()
    }

    /// The formulas of the script.
    fn pixels(&self) -> Vec<u8> {
        if ["words", "alphabet"].contains(&self.name.as_str()) {
            return text(self.count, &self.name);
        }
        let width = self.width();
        let mut out = Vec::new();
        for index in 0..self.count as u64 {
            let count = if index < 1024 {
                (index * index * 7 + index) >> 9 & 15
            } else {
                index >> 12
            };
            let bits = if self.dtype.starts_with('f') {
                (count as f64 * 0.25).to_bits()
            } else if index % 97 == 0 {
                u64::MAX
            } else {
                count
            };
            out.extend(&bits.to_le_bytes()[..width]);
        }
        out
    }

    fn decoded(&self, stored: &[u8], len: usize, scratch: &mut Scratch) -> Result<Vec<u8>> {
        let filters = self.filters();
        let mut out = vec![0xaa; len];
        decode_pipeline(
            stored,
            &filters,
            self.filter_mask,
            self.width(),
            &mut out,
            scratch,
        )?;
        Ok(out)
    }

    fn filters(&self) -> Vec<Filter<'_>> {
        fn filter(stated: &Stated) -> Filter<'_> {
            let Stated { id, values } = stated;
            Filter { id: *id, values }
        }
        self.filters.iter().map(filter).collect()
    }
}

#[test]
fn chunks_are_the_pixels_that_were_written() {
    let mut scratch = Scratch::new();
    for chunk in cases().chunks {
        let place = format!("{} of {} {}", chunk.name, chunk.count, chunk.dtype);
        for filter in &chunk.filters {
            assert!(is_supported(filter.id, &filter.values), "{place}");
        }
        let (stored, pixels) = (bytes(&chunk.stored), chunk.pixels());
        let limit = largest_output(stored.len(), &chunk.filters(), chunk.filter_mask);
        assert!(limit >= pixels.len(), "{place}: {limit}");
        match chunk.decoded(&stored, pixels.len(), &mut scratch) {
            Ok(decoded) => assert!(decoded == pixels, "{place}"),
            Err(error) => panic!("{place}: {error}"),
        }
    }
}

#[test]
fn blocks_side_by_side_give_the_same() {
    for chunk in cases().chunks {
        let compression = match chunk.name.as_str() {
            "bitshuffle lz4" | "bitshuffle lz4 of many pixels" => Compression::Lz4,
            "bitshuffle zstd" | "bitshuffle zstd of many pixels" => Compression::Zstd,
            _ => continue,
        };
        let (stored, pixels) = (bytes(&chunk.stored), chunk.pixels());
        let mut out = vec![0xaa; pixels.len()];
        bitshuffle::decode_parallel(compression, &stored, chunk.width(), &mut out).unwrap();
        assert!(out == pixels, "{} of {}", chunk.name, chunk.count);
    }
}

#[test]
fn chunks_of_another_size_and_truncated_ones_are_errors() {
    let mut scratch = Scratch::new();
    for chunk in cases().chunks {
        let place = format!("{} of {} {}", chunk.name, chunk.count, chunk.dtype);
        let (stored, len) = (bytes(&chunk.stored), chunk.pixels().len());
        let mut refused = |stored: &[u8], len| chunk.decoded(stored, len, &mut scratch).is_err();
        // Bitshuffle without compression states no size: a chunk that is too long goes unnoticed.
        let is_stated = !(chunk.name.starts_with("bitshuffle none") && chunk.filters.len() == 1);
        assert!(
            refused(&stored, len - chunk.width()) || !is_stated,
            "{place}"
        );
        assert!(refused(&stored, len + chunk.width()), "{place}");
        assert!(refused(&stored[..stored.len() / 2], len), "{place}");
        assert!(refused(&stored[..stored.len() - 1], len), "{place}");
        assert!(refused(&[], len), "{place}");
    }
}

#[test]
fn byte_offset_is_what_fabio_reads_and_writes() {
    for case in cases().byte_offset {
        let stored = bytes(&case.stored);
        let mut out = vec![0; case.pixels.len()];
        assert_eq!(
            byte_offset::decode(&stored, &mut out).unwrap(),
            stored.len()
        );
        assert_eq!(out, case.pixels);
        let mut encoded = Vec::new();
        byte_offset::encode(&case.pixels, &mut encoded);
        assert_eq!(encoded, stored);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(8))]

    /// Every chunk in each case: what it decodes to does not matter, that it returns does.
    #[test]
    fn damaged_chunks_never_panic(seed: u64) {
        let mut scratch = Scratch::new();
        let mut state = seed;
        let mut random = move || {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as usize
        };
        for chunk in cases().chunks {
            let (whole, len) = (bytes(&chunk.stored), chunk.pixels().len());
            for _ in 0..8 {
                let mut stored = whole.clone();
                for _ in 0..=random() % 4 {
                    let at = random() % stored.len();
                    // The first bytes hold the sizes: more often hit.
                    let at = if random() % 2 == 0 { at % 24.min(stored.len()) } else { at };
                    stored[at] = match random() % 4 {
                        0 => 0,
                        1 => 0xff,
                        2 => stored[at] ^ 1 << (random() % 8),
                        _ => random() as u8,
                    };
                }
                let _ = chunk.decoded(&stored, len, &mut scratch);
            }
        }
    }
}
