//! Files broken on purpose, thousands a format: no panic, no hang, no memory beyond what the file can hold.
//!
//! The mutants are made from a seed, so that a failure repeats: `XSCATTER_MUTANTS=200000` runs more of them.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use rayon::prelude::*;
use serde_json::Value;
use xscatter_core::{Frame, FrameSource, Mask};
use xscatter_io::write::write;
use xscatter_io::{
    Compression, Format, Limits, ReadConfig, WriteOptions, curve, open_bytes, open_with,
};
use xscatter_testkit::memory::{Counting, peak};

mod support;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// What a reader may hold for a file of `bytes`: deflate shrinks a thousandfold, and an image is held
/// packed and unpacked; a megabyte is for headers, tables and buffers of any file.
///
/// A block of bzip2 has up to 900 000 symbols, of which five make a run of up to 259 bytes: 47 MB that
/// a few bytes may stand for, in a buffer that doubles.
fn allowed(bytes: usize, path: &Path) -> usize {
    let is_bzip2 = path.extension().is_some_and(|end| end == "bz2");
    let blocks = if is_bzip2 { 128 << 20 } else { 0 };
    (1 << 20) + 2200 * bytes.min(4096) + 16 * bytes + blocks
}

const SLOWEST: Duration = Duration::from_secs(2);

fn mutants() -> usize {
    std::env::var("XSCATTER_MUTANTS").map_or(20_000, |count| count.parse().unwrap())
}

/// One mutant of `seed`: cut, flipped, swapped, with huge numbers, or with a piece taken out or doubled.
fn mutant(rng: &mut ChaCha8Rng, bytes: &[u8]) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    let mut below = |limit: usize| (rng.next_u64() % limit.max(1) as u64) as usize;
    for _ in 0..=below(3) {
        if bytes.is_empty() {
            break;
        }
        // Headers stand in front: half of the wounds go there.
        let reach = if below(2) == 0 {
            bytes.len().min(512)
        } else {
            bytes.len()
        };
        let at = below(reach);
        match below(8) {
            0 => bytes.truncate(at),
            1 => bytes[at] ^= 1 << below(8),
            2 => bytes[at] = below(256) as u8,
            3 => {
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
            4 => {
                let (other, width) = (below(reach), [1, 2, 4, 8][below(4)]);
                for offset in 0..width {
                    if at.max(other) + offset < bytes.len() {
                        bytes.swap(at + offset, other + offset);
                    }
                }
            }
            5 => {
                // A digit of a text becomes many.
                if let Some(digit) = bytes[at..reach].iter().position(u8::is_ascii_digit) {
                    let many = vec![b'9'; below(24)];
                    bytes.splice(at + digit..=at + digit, many);
                }
            }
            6 => {
                let end = (at + below(64)).min(bytes.len());
                bytes.drain(at..end);
            }
            _ => {
                let piece = bytes[at..(at + below(64)).min(bytes.len())].to_vec();
                bytes.splice(at..at, piece);
            }
        }
    }
    bytes
}

/// Opens a file and reads its first frames.
fn read_all(path: &Path, bytes: Option<Vec<u8>>) {
    let config = ReadConfig::default();
    let opened = match bytes {
        Some(bytes) => open_bytes(path, bytes, &config),
        None => open_with(path, &config),
    };
    match opened {
        Ok(file) => {
            for index in 0..file.len().min(3) {
                match file.read_raw(index) {
                    Ok(_) => {}
                    Err(error) => assert!(!error.message().is_empty()),
                }
            }
        }
        Err(error) => {
            assert_eq!(error.file(), Some(path));
            assert!(error.message().len() > 8, "{error}");
        }
    }
}

/// Runs the mutants of one file; HDF5 goes through the disk, the rest stays in memory.
fn torture(name: &str, seed: u64, original: &[u8], share: usize, on_disk: bool) {
    let folder = tempfile::tempdir().unwrap();
    torture_at(&folder.path().join(name), seed, original, share, on_disk);
}

fn torture_at(path: &Path, seed: u64, original: &[u8], share: usize, on_disk: bool) {
    let name = path.display();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for number in 0..share {
        let bytes = mutant(&mut rng, original);
        let len = bytes.len();
        let given = if on_disk {
            std::fs::write(path, &bytes).unwrap();
            None
        } else {
            Some(bytes)
        };
        let what = format!("mutant {number} of {name}, {len} bytes");
        check(&what, allowed(len, path), || read_all(path, given));
    }
}

/// That a piece of work neither holds too much nor takes too long.
fn check(what: &str, allowed: usize, work: impl FnOnce()) {
    let start = Instant::now();
    let peak = peak(work);
    let taken = start.elapsed();
    assert!(peak <= allowed, "{what}: {peak} bytes held");
    assert!(taken < SLOWEST, "{what}: {taken:?}");
}

fn frame(seed: usize) -> Frame {
    let counts = Array2::from_shape_fn((19, 23), |(row, column)| {
        ((row * 31 + column * 7 + seed * 13) % 211) as f32
    });
    let bad = Array2::from_shape_fn((19, 23), |(row, column)| row == 4 && column < 5);
    Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .unwrap()
}

fn written(format: Format, frames: usize, compression: Compression) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let frames: Vec<Frame> = (0..frames).map(frame).collect();
    let options = WriteOptions {
        compression,
        ..Default::default()
    };
    write(&path, format, &frames, &options).unwrap();
    std::fs::read(&path).unwrap()
}

#[test]
fn edf() {
    torture(
        "a.edf",
        1,
        &written(Format::Edf, 2, Compression::None),
        mutants(),
        false,
    );
}

#[test]
fn cbf() {
    torture(
        "a.cbf",
        2,
        &written(Format::Cbf, 1, Compression::None),
        mutants(),
        false,
    );
}

#[test]
fn tiff() {
    torture(
        "a.tif",
        3,
        &written(Format::Tiff, 1, Compression::None),
        mutants(),
        false,
    );
}

#[test]
fn npy() {
    torture(
        "a.npy",
        4,
        &written(Format::Npy, 2, Compression::None),
        mutants(),
        false,
    );
}

/// Fixtures by other programs: whatever in a golden file has a name and a content.
fn fixtures(value: &Value, found: &mut Vec<(String, Vec<u8>)>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| fixtures(value, found)),
        Value::Object(entries) => {
            let text = |key: &str| entries.get(key).and_then(Value::as_str);
            let detector = text("file").zip(text("zlib_base64"));
            if let Some((name, packed)) = detector.or(text("name").zip(text("bytes"))) {
                let content = support::unzipped(packed);
                found.push((name.to_owned(), content));
            }
            entries.values().for_each(|value| fixtures(value, found));
        }
        _ => {}
    }
}

fn fixtures_of(golden: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let text = std::fs::read_to_string(folder.join(golden)).unwrap();
    let mut found = Vec::new();
    fixtures(&serde_json::from_str(&text).unwrap(), &mut found);
    found
}

/// Files with curves: so many mutants a kind, by the ends of their names.
#[test]
fn curves() {
    let mut kinds: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in fixtures_of("curves.json") {
        let kind = name.rsplit('.').next().unwrap().to_owned();
        kinds.entry(kind).or_default().push((name, bytes));
    }
    assert!(kinds.len() >= 5, "{:?}", kinds.keys());
    let kinds: Vec<_> = kinds.values().collect();
    kinds.par_iter().enumerate().for_each(|(kind, files)| {
        for (number, (name, bytes)) in files.iter().enumerate() {
            let seed = 1_000_000 * (kind as u64 + 1) + number as u64;
            let share = mutants().div_ceil(files.len());
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for number in 0..share {
                let bytes = mutant(&mut rng, bytes);
                let what = format!("mutant {number} of {name}");
                // Text becomes numbers in columns, with room to grow.
                let most = allowed(bytes.len(), Path::new(name)) + 48 * bytes.len();
                check(&what, most, || {
                    match curve::open_bytes(name, bytes, &Limits::default()) {
                        Ok(curves) => assert!(!curves.is_empty()),
                        Err(error) => assert!(error.message().len() > 8, "{error}"),
                    }
                });
            }
        }
    });
}

/// Files of the formats that others write: so many mutants a format, shared among its files.
#[test]
fn formats_of_other_programs() {
    let mut found = fixtures_of("formats_a.json");
    found.extend(fixtures_of("formats_b.json"));
    let mut formats: BTreeMap<&str, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in found {
        let config = ReadConfig::default();
        // Masks and headerless files are no detector files by their content.
        if let Ok(file) = open_bytes(&name, bytes.clone(), &config) {
            formats
                .entry(file.format().name())
                .or_default()
                .push((name, bytes));
        }
    }
    assert!(formats.len() >= 12, "{:?}", formats.keys());
    let jobs: Vec<_> = formats.values().collect();
    jobs.par_iter().enumerate().for_each(|(format, files)| {
        for (number, (name, bytes)) in files.iter().enumerate() {
            let seed = 1000 * (format as u64 + 1) + number as u64;
            torture(name, seed, bytes, mutants().div_ceil(files.len()), false);
        }
    });
}

#[derive(serde::Deserialize)]
struct Cases {
    foreign: Vec<support::Foreign>,
}

/// Files by h5py, masters with their data files among them: the first file is broken.
#[test]
fn hdf5_of_h5py() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reference.json");
    let golden: xscatter_testkit::golden::Golden<Cases> =
        xscatter_testkit::golden::load(path).unwrap();
    let cases = golden.cases.foreign;
    let hdf5: Vec<_> = cases
        .iter()
        .filter(|case| case.files[0].content().starts_with(b"\x89HDF") || case.name == "user block")
        .collect();
    for (seed, case) in hdf5.iter().enumerate() {
        let folder = tempfile::tempdir().unwrap();
        support::unpack(case, folder.path());
        let path = folder.path().join(&case.files[0].name);
        let bytes = case.files[0].content();
        torture_at(
            &path,
            100 + seed as u64,
            &bytes,
            mutants() / hdf5.len(),
            true,
        );
    }
}

#[test]
fn hdf5() {
    for (seed, compression) in [
        Compression::None,
        Compression::Gzip,
        Compression::BitshuffleLz4,
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = written(Format::Nexus, 2, compression);
        torture("a.h5", 5 + seed as u64, &bytes, mutants() / 3, true);
    }
}
