//! Files by h5py broken on purpose, thousands of them: no panic, no hang, no memory beyond what the file
//! can hold.
//!
//! The mutants are made from a seed, so that a failure repeats: `XSCATTER_MUTANTS=200000` runs more of
//! them. In every other mutant the checksums are made right again, so that what they guard is reached.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::time::{Duration, Instant};

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use xscatter_hdf5::{Dataset, File, Node, Object, Scratch, Storage};
use xscatter_testkit::memory::{Counting, peak};

mod support;

#[path = "../src/checksum.rs"]
mod checksum;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What reading a file of `bytes` may hold: deflate shrinks a thousandfold, so that a small chunk may
/// become large; the rest is listings, tables and buffers.
fn allowed(bytes: usize) -> usize {
    (1 << 20) + 2200 * bytes.min(4096) + 16 * bytes
}

const SLOWEST: Duration = Duration::from_secs(2);

fn mutants() -> usize {
    std::env::var("XSCATTER_MUTANTS").map_or(20_000, |count| count.parse().unwrap())
}

/// Where structures with a checksum at their end are, and how long they are without it.
fn guarded(bytes: &[u8]) -> Vec<std::ops::Range<usize>> {
    const SIGNATURES: [&[u8; 4]; 13] = [
        b"OHDR", b"OCHK", b"BTHD", b"BTLF", b"BTIN", b"FRHP", b"FHIB", b"FAHD", b"FADB", b"EAHD",
        b"EAIB", b"EADB", b"EASB",
    ];
    const LONGEST: usize = 3000;
    let starts = (0..bytes.len().saturating_sub(8)).filter(|&at| {
        SIGNATURES
            .iter()
            .any(|signature| bytes[at..].starts_with(*signature))
    });
    starts
        .filter_map(|start| {
            let rest = &bytes[start..];
            let end = (8..rest.len().saturating_sub(4).min(LONGEST))
                .find(|&len| rest[len..len + 4] == checksum::lookup3(&rest[..len]).to_le_bytes())?;
            Some(start..start + end)
        })
        .take(60)
        .collect()
}

/// One mutant: cut, flipped, swapped, with huge numbers, or with a piece taken out or doubled; with
/// checksums that are right where it keeps its length.
fn mutant(rng: &mut ChaCha8Rng, original: &[u8], guarded: &[std::ops::Range<usize>]) -> Vec<u8> {
    let repair = !guarded.is_empty() && rng.next_u64().is_multiple_of(2);
    let mut bytes = original.to_vec();
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    for _ in 0..=below(3) {
        if bytes.is_empty() {
            break;
        }
        let mut at = below(bytes.len());
        if repair {
            // Most wounds go where the checksums are.
            let range = &guarded[below(guarded.len())];
            at = range.start + below(range.len());
        }
        match if repair { 3 + below(13) } else { below(16) } {
            0 => bytes.truncate(at),
            1 => {
                let end = (at + below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            2 => {
                let piece = bytes[at..(at + below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
            3..=5 => bytes[at] ^= 1 << below(8),
            6..=8 => bytes[at] = below(256) as u8,
            9..=11 => {
                const HUGE: [u64; 8] = [
                    u64::MAX,
                    1 << 63,
                    u32::MAX as u64,
                    1 << 31,
                    1 << 40,
                    0xffff,
                    0x7fff_ffff,
                    0,
                ];
                let number = HUGE[below(HUGE.len())].to_le_bytes();
                let width = [1, 2, 4, 8][below(4)].min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            12 => {
                // An address that leads elsewhere in the file.
                let number = (below(bytes.len()) as u64).to_le_bytes();
                let width = 8.min(bytes.len() - at);
                bytes[at..at + width].copy_from_slice(&number[..width]);
            }
            _ => {
                let (other, width) = (below(bytes.len()), [1, 2, 4, 8][below(4)]);
                for offset in 0..width {
                    if at.max(other) + offset < bytes.len() {
                        bytes.swap(at + offset, other + offset);
                    }
                }
            }
        }
    }
    if repair {
        for range in guarded {
            let sum = checksum::lookup3(&bytes[range.clone()]).to_le_bytes();
            bytes[range.end..range.end + 4].copy_from_slice(&sum);
        }
    }
    bytes
}

fn read_dataset(dataset: &Dataset, scratch: &mut Scratch) {
    for attribute in dataset.attributes().unwrap_or_default() {
        let _ = attribute.values.as_f64s();
        let _ = attribute.values.as_strings();
    }
    let _ = dataset.mappings();
    if let Ok(values) = dataset.read_all() {
        let _ = values.as_f64s();
        let _ = values.as_integers();
        let _ = values.as_strings();
    }
    if matches!(dataset.storage(), Storage::Chunked(_)) {
        let mut raw = Vec::new();
        let first = vec![0; dataset.shape().len()];
        let _ = dataset.read_chunk_raw(&first, &mut raw);
    }
    // The first plane, as a reader of images asks for it.
    let shape = dataset.shape();
    let rank = shape.len();
    if rank >= 2 && shape.iter().all(|&len| len > 0) {
        let mut size = vec![1; rank];
        size[rank - 2..].copy_from_slice(&shape[rank - 2..]);
        let start = vec![0; rank];
        if let Ok(bytes) = dataset.check_size(&start, &size) {
            let _ = dataset.read_into(&start, &size, &mut vec![0; bytes], scratch);
        }
    }
}

fn read_everything(bytes: Vec<u8>, path: &Path) {
    let file = match File::from_bytes_at(bytes, path) {
        Ok(file) => file,
        Err(error) => {
            assert!(error.to_string().len() > 8);
            return;
        }
    };
    let mut scratch = Scratch::default();
    for entry in file.walk() {
        match &entry.node {
            Node::Object(Object::Dataset(dataset)) => read_dataset(dataset, &mut scratch),
            Node::Object(Object::Group(group)) => {
                let _ = group.attributes();
            }
            Node::Broken(error) => assert!(error.to_string().len() > 8),
            _ => {}
        }
        let _ = entry.follow();
    }
}

fn torture(names: &[&str], seed: u64, share: usize) {
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for case in support::load() {
        if !names.iter().any(|name| case.name.starts_with(name)) {
            continue;
        }
        // The other files of a case are there and whole.
        let folder = tempfile::tempdir().unwrap();
        case.unpack(folder.path());
        let whole: usize = case.files.iter().map(|file| file.content().len()).sum();
        for (which, packed) in case.files.iter().enumerate() {
            let path = folder.path().join(&packed.name);
            let original = packed.content();
            let beside = whole - original.len();
            let guarded = guarded(&original);
            for number in 0..share {
                let bytes = mutant(&mut rng, &original, &guarded);
                let len = bytes.len() + beside;
                let start = Instant::now();
                let peak = peak(|| read_everything(bytes, &path));
                let taken = start.elapsed();
                let what = format!("mutant {number} of file {which} of {}", case.name);
                assert!(
                    peak <= allowed(len),
                    "{what}: {peak} bytes held for a file of {len}"
                );
                assert!(taken < SLOWEST, "{what}: {taken:?}");
            }
        }
    }
}

#[test]
fn kinds() {
    torture(&["kinds", "user block", "aligned"], 1, mutants() / 26);
}

#[test]
fn indices() {
    torture(&["indices"], 2, mutants() / 80);
}

#[test]
fn groups() {
    torture(&["groups", "large attribute"], 3, mutants() / 26);
}

#[test]
fn filters_and_virtual_datasets() {
    torture(&["filters", "virtual"], 4, mutants() / 26);
}
