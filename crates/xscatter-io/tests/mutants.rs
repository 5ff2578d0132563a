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
use xscatter_io::curve::azint::{read_1d_bytes, read_2d_bytes};
use xscatter_io::write::write;
use xscatter_io::{
    Compression, Format, LabelledSeries, Limits, MaskReadConfig, ReadConfig, WriteOptions, curve,
    labels, open_bytes, open_with, raw_binary, read_mask_bytes,
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

/// How many mutants of each file of a kind there are: together enough, and of each as many bytes.
fn shares(files: &[(String, Vec<u8>)]) -> Vec<usize> {
    let weights = files.iter().map(|(_, bytes)| 1.0 / bytes.len() as f64);
    let all: f64 = weights.clone().sum();
    let share = |weight: f64| (mutants() as f64 * weight / all).ceil() as usize;
    weights.map(share).collect()
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

/// Runs the mutants of one file, in memory or on disk, where others can lie beside it.
fn torture(name: &str, seed: u64, original: &[u8], share: usize, on_disk: bool) {
    let folder = tempfile::tempdir().unwrap();
    torture_at(&folder.path().join(name), seed, original, share, on_disk);
}

/// Some file systems wait for the disk when a file is written over, not when it is new.
fn renew(path: &Path, content: &[u8]) {
    let _ = std::fs::remove_file(path);
    std::fs::write(path, content).unwrap();
}

fn torture_at(path: &Path, seed: u64, original: &[u8], share: usize, on_disk: bool) {
    let name = path.display();
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    for number in 0..share {
        let bytes = mutant(&mut rng, original);
        let len = bytes.len();
        let given = if on_disk {
            renew(path, &bytes);
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

/// Reads the mutants of the files of each kind, so many a kind, `room` times the size of a file beyond what is
/// allowed anyway.
fn torture_kinds<K: Ord + std::fmt::Debug + Sync>(
    kinds: &BTreeMap<K, Vec<(String, Vec<u8>)>>,
    seed: u64,
    room: usize,
    read: impl Fn(&str, Vec<u8>) -> xscatter_core::Result<()> + Sync,
) {
    let kinds: Vec<_> = kinds.values().collect();
    kinds.par_iter().enumerate().for_each(|(kind, files)| {
        for (number, ((name, bytes), share)) in files.iter().zip(shares(files)).enumerate() {
            let seed = seed + 1_000_000 * (kind as u64 + 1) + number as u64;
            let mut rng = ChaCha8Rng::seed_from_u64(seed);
            for number in 0..share {
                let bytes = mutant(&mut rng, bytes);
                let what = format!("mutant {number} of {name}");
                let most = allowed(bytes.len(), Path::new(name)) + room * bytes.len();
                check(&what, most, || {
                    if let Err(error) = read(name, bytes) {
                        assert!(
                            error.file().is_some() && error.message().len() > 8,
                            "{error}"
                        );
                    }
                });
            }
        }
    });
}

/// Text becomes numbers in columns, with room to grow.
const CURVE_ROOM: usize = 48;

/// Files with curves: so many mutants a kind, by the ends of their names.
#[test]
fn curves() {
    let mut kinds: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in fixtures_of("curves.json") {
        let kind = match name.as_str() {
            "one.h5" | "two.h5" | "both.h5" => "NXazint",
            "fit2d.chi" | "fit2d_1.chi" => "CHI of FIT2D",
            name => name.rsplit('.').next().unwrap(),
        };
        kinds
            .entry(kind.to_owned())
            .or_default()
            .push((name, bytes));
    }
    let pdh = "water\nSAXS BOX\n 2 0 0 0 0 0 0 0\n 0 261 0 1 0.15\n 25 1.5 0 0 0\n 0.1 1 0.1\n\
               0.2 2 0.2\n<?xml version=\"1.0\"?>\n<fileinfo><column key=\"X\"><value \
               key=\"unit\">n_m^-1</value></column></fileinfo>\n";
    kinds.insert("pdh".into(), vec![("a.pdh".into(), pdh.into())]);
    assert_eq!(kinds.len(), 12, "{:?}", kinds.keys());
    torture_kinds(&kinds, 0, CURVE_ROOM, |name, bytes| {
        let curves = curve::open_bytes(name, bytes, &Limits::default())?;
        assert!(!curves.is_empty());
        Ok(())
    });
}

/// Series of integrated patterns, each by both of its readers.
#[test]
fn integrated_series() {
    let mut kinds: BTreeMap<bool, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in fixtures_of("curves.json") {
        for two_dimensional in [false, true] {
            if name == "both.h5" || name == ["one.h5", "two.h5"][usize::from(two_dimensional)] {
                kinds
                    .entry(two_dimensional)
                    .or_default()
                    .push((name.clone(), bytes.clone()));
            }
        }
    }
    assert_eq!(kinds.values().map(Vec::len).collect::<Vec<_>>(), [2, 2]);
    torture_kinds(&kinds, 300, CURVE_ROOM, |name, bytes| {
        let limits = Limits::default();
        let of_1d = read_1d_bytes(name, bytes.clone(), &limits).map(drop);
        let of_2d = read_2d_bytes(name, bytes, &limits).map(drop);
        of_1d.and(of_2d)
    });
}

/// Masks of every program: so many mutants a kind of file.
#[test]
fn masks() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/formats_b.json");
    let golden: Value = serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap();
    let mut files = Vec::new();
    fixtures(&golden["cases"]["masks"], &mut files);
    let mut kinds: BTreeMap<String, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in files {
        let kind = name.rsplit('.').next().unwrap().to_owned();
        kinds.entry(kind).or_default().push((name, bytes));
    }
    assert_eq!(kinds.len(), 9, "{:?}", kinds.keys());
    torture_kinds(&kinds, 500, 0, |name, bytes| {
        read_mask_bytes(name, bytes, &MaskReadConfig::default()).map(drop)
    });
}

/// Headerless pixels, and each kind of file that says something about them.
#[test]
fn headerless_files_and_what_lies_beside_them() {
    let pixels: Vec<u8> = (0..16 + 2 * 24 * 20 * 4)
        .map(|at| (at * 7 % 251) as u8)
        .collect();
    let json = r#"{"shape": [24, 20], "dtype": ">i4", "offset": 16, "distance_mm": 1500, "sample": {"name": "film 7"},
                  "pixel_size_um": [172, 172], "beam_row_px": 9.5, "beam_column_px": 3, "energy_kev": 12.0}"#;
    let lines = "# layout\n[pixels]\nshape = [2, 24, 20]\ndtype = '>i4'\noffset: 16\nwavelength_nm = 0.1\n\
                 incident_angle_deg = 0.2\nexposure_s = 0.5\nframes = 2\nbyte_order = big\n";
    let counters =
        "# scan 3\nfile, exposure_s, i0, diode\na_7.raw, 0.5, 100, 3\na_7.raw, 0.25, 101, 4\n";
    let by_number = "frame, exposure_s, i0\n6, 0.5, 100\n7, 0.25, 101\n";
    let good = [
        ("a_7.json", json),
        ("a_7.ini", lines),
        ("a_7.csv", counters),
        ("a.csv", by_number),
    ];
    let broken: [&[&str]; 5] = [
        &["a_7.raw", "a_7.json"],
        &["a_7.json"],
        &["a_7.ini"],
        &["a_7.csv", "a_7.json"],
        &["a.csv", "a_7.json"],
    ];
    for (number, names) in broken.iter().enumerate() {
        let original = match good.iter().find(|(name, _)| name == &names[0]) {
            Some((_, text)) => text.as_bytes(),
            None => &pixels,
        };
        let mut rng = ChaCha8Rng::seed_from_u64(700 + number as u64);
        let mut read = 0;
        for number in 0..mutants() {
            let bytes = mutant(&mut rng, original);
            let mut companions: Vec<(&str, &[u8])> = good
                .iter()
                .filter(|(name, _)| names[1..].contains(name))
                .map(|(name, text)| (*name, text.as_bytes()))
                .collect();
            let content = match names[0] {
                "a_7.raw" => bytes.clone(),
                name => {
                    companions.push((name, &bytes));
                    pixels.clone()
                }
            };
            let what = format!("mutant {number} of {}", names[0]);
            let most = allowed(bytes.len(), Path::new(names[0])) + 16 * (pixels.len() + json.len());
            check(&what, most, || {
                let file =
                    raw_binary::open_bytes("a_7.raw", content, &companions, &ReadConfig::default());
                match file {
                    Ok(file) => (0..file.len().min(3))
                        .for_each(|index| read += usize::from(file.read(index).is_ok())),
                    Err(error) => assert!(
                        error.file().is_some() && error.message().len() > 8,
                        "{error}"
                    ),
                }
            });
        }
        assert!(read > mutants() / 8, "{names:?}: {read} frames are read");
    }
}

/// Tables of labels, and the text beside one file.
#[test]
fn labels_of_frames() {
    let table = "path,frame,class,group,detector\na/b_1.cbf,0,SAXS,film 7,Pilatus 1M\n\"a, b.edf\",12,GI\"\"SAXS,,\n";
    let kinds = BTreeMap::from([((), vec![(labels::FILE_NAME.to_owned(), table.into())])]);
    torture_kinds(&kinds, 900, CURVE_ROOM, |name, bytes| {
        labels::read_bytes(name, &bytes).map(drop)
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npy");
    std::fs::write(&path, written(Format::Npy, 1, Compression::None)).unwrap();
    let sidecar = folder.path().join("a.json");
    let text =
        r#"{"class": "SAXS", "group": "film 7", "scan": 3, "detector": {"name": "Pilatus"}}"#;
    let mut rng = ChaCha8Rng::seed_from_u64(901);
    for number in 0..mutants() {
        let bytes = mutant(&mut rng, text.as_bytes());
        renew(&sidecar, &bytes);
        check(
            &format!("mutant {number} of a.json"),
            allowed(bytes.len(), &path),
            || {
                if let Err(error) = LabelledSeries::from_sidecars(&[&path]) {
                    assert!(
                        error.file().is_some() && error.message().len() > 8,
                        "{error}"
                    );
                }
            },
        );
    }
}

#[derive(serde::Deserialize)]
struct Cases {
    foreign: Vec<support::Foreign>,
}

fn files_of_reference() -> Vec<support::Foreign> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reference.json");
    let golden: xscatter_testkit::golden::Golden<Cases> =
        xscatter_testkit::golden::load(path).unwrap();
    golden.cases.foreign
}

/// Files that other programs wrote: so many mutants a format, shared among its files.
#[test]
fn formats_of_other_programs() {
    let mut found = fixtures_of("formats_a.json");
    found.extend(fixtures_of("formats_b.json"));
    for case in files_of_reference() {
        found.extend(
            case.files
                .iter()
                .map(|file| (file.name.clone(), file.content())),
        );
    }
    let mut formats: BTreeMap<&str, Vec<(String, Vec<u8>)>> = BTreeMap::new();
    for (name, bytes) in found {
        let config = ReadConfig::default();
        // Masks are no detector files by their content; HDF5 and headerless files have tests of their own.
        if let Ok(file) = open_bytes(&name, bytes.clone(), &config)
            && file.format() != Format::Nexus
        {
            formats
                .entry(file.format().name())
                .or_default()
                .push((name, bytes));
        }
    }
    let expected = Format::ALL.len() - [Format::Nexus, Format::Raw].len();
    assert_eq!(formats.len(), expected, "{:?}", formats.keys());
    let jobs: Vec<_> = formats.values().collect();
    jobs.par_iter().enumerate().for_each(|(format, files)| {
        for (number, ((name, bytes), share)) in files.iter().zip(shares(files)).enumerate() {
            let seed = 1000 * (format as u64 + 1) + number as u64;
            torture(name, seed, bytes, share, false);
        }
    });
}

/// Files by h5py, masters with their data files among them: the first file is broken.
#[test]
fn hdf5_of_h5py() {
    let cases = files_of_reference();
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
            case.files.len() > 1,
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
        torture("a.h5", 5 + seed as u64, &bytes, mutants() / 3, false);
    }
}
