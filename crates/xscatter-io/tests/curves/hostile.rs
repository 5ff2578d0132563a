//! Broken curve files: an error that says what is wrong, never a panic, never a large allocation.

use std::path::Path;

use xscatter_core::ErrorKind;
use xscatter_core::seed::derive;
use xscatter_io::Limits;
use xscatter_io::curve::azint::{read_1d_with, read_2d_with};
use xscatter_io::curve::{open, open_with};
use xscatter_testkit::memory::{Counting, peak};

use super::{golden, unpack, write_known};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// Small limits, so that a flipped size bit cannot ask for what the limits would allow.
fn tight() -> Limits {
    Limits {
        max_pixels: 1 << 14,
        max_frames: 1 << 8,
        max_header_bytes: 1 << 16,
    }
}

/// One small file of every kind, ours and those of other programs.
fn samples(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut paths = write_known(folder).to_vec();
    let cases = golden().cases;
    for case in &cases.written {
        paths.push(unpack(folder, &case.name, &case.bytes));
    }
    for case in &cases.azint {
        paths.push(unpack(folder, &case.name, &case.bytes));
    }
    let pdh = "water\nSAXS BOX\n 2 0 0 0 0 0 0 0\n 0 261 0 1 0.15\n 25 1.5 0 0 0\n 0.1 1 0.1\n\
               0.2 2 0.2\n<?xml version=\"1.0\"?>\n<fileinfo><column key=\"X\"><value \
               key=\"unit\">n_m^-1</value></column></fileinfo>\n";
    let chi = "a frame\n2-Theta Angle (Degrees)\nIntensity\n   3\n 1.0 5.0\n 2.0 6.0\n 3.0 7.0\n";
    for (name, text) in [("a.pdh", pdh), ("fit2d.chi", chi)] {
        paths.push(folder.join(name));
        std::fs::write(folder.join(name), text).unwrap();
    }
    paths
        .into_iter()
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, std::fs::read(path).unwrap())
        })
        .collect()
}

/// A file with one seeded fault of one of seven kinds.
fn mutant(bytes: &[u8], seed: u64) -> Vec<u8> {
    let mut draw = 0;
    let mut next = |below: usize| {
        draw += 1;
        (derive(seed, draw) % below.max(1) as u64) as usize
    };
    let mut mutant = bytes.to_vec();
    let len = bytes.len();
    match next(7) {
        0 => mutant.truncate(next(len)),
        1 => {
            for _ in 0..=next(8) {
                mutant[next(len)] = next(256) as u8;
            }
        }
        2 => {
            let at = next(len);
            mutant[at] ^= 1 << next(8);
        }
        3 => {
            // A huge claim: eight bytes of ones, or digits.
            let at = next(len);
            let fill = [0xff, b'9', 0x7f][next(3)];
            let end = (at + 8).min(len);
            mutant[at..end].fill(fill);
        }
        4 => {
            let (from, to) = (next(len), next(len));
            let count = next(64).min(len - from).min(len - to);
            mutant.copy_within(from..from + count, to);
        }
        5 => {
            let at = next(len);
            let text: &[u8] = [&b"1e999"[..], b"\n", b"<a>", b"nan", b"&#0;", b",", b"\0"][next(7)];
            mutant.splice(at..at, text.iter().copied());
        }
        _ => {
            let at = next(len);
            let count = next(256).min(len - at);
            mutant.drain(at..at + count);
        }
    }
    mutant
}

/// Opens a file in every way that there is; whatever comes of it holds what it promises.
fn read_all(path: &Path) {
    match open_with(path, &Limits::default()) {
        Ok(curves) => {
            for curve in curves {
                assert!(curve.x().iter().all(|x| x.is_finite()));
                assert_eq!(curve.intensity().len(), curve.len());
                assert!(!curve.is_empty() && curve.len() <= Limits::default().max_pixels);
                let _ = curve.q_inv_nm(Some(1e-10));
            }
        }
        Err(error) => {
            assert_eq!(error.file(), Some(path));
            assert!(!error.message().is_empty());
        }
    }
    for error in [
        read_1d_with(path, &Limits::default()).err(),
        read_2d_with(path, &Limits::default()).err(),
    ] {
        assert!(error.is_none_or(|error| error.file() == Some(path)));
    }
}

/// What a reader may hold for a file of `bytes`: deflate shrinks a thousandfold, an array is held as
/// chunk, image and column, and XML as its tree; a megabyte is for tables and buffers of any file.
fn allowed(bytes: usize) -> usize {
    (1 << 20) + 2200 * bytes.min(4096) + 64 * bytes
}

/// Mutants of all samples together; `XSCATTER_MUTANTS` sets another number.
#[test]
fn mutants_are_errors_or_curves() {
    let count = std::env::var("XSCATTER_MUTANTS").map_or(4000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let samples = samples(folder.path());
    let path = folder.path().join("mutant");
    for index in 0..count {
        let (name, bytes) = &samples[index as usize % samples.len()];
        let broken = mutant(bytes, derive(20_261_120, index));
        std::fs::write(&path, &broken).unwrap();
        let held = peak(|| read_all(&path));
        assert!(
            held <= allowed(broken.len()),
            "mutant {index} of {name}: {held} bytes held for a file of {}",
            broken.len()
        );
        // Some file systems flush a file that is written over, not one that is gone.
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn random_bytes_are_errors() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("random");
    for seed in 0..300 {
        let mut bytes: Vec<u8> = (0..600).map(|at| (derive(seed, at) >> 7) as u8).collect();
        match seed % 3 {
            0 => bytes.splice(0..8, *b"\x89HDF\r\n\x1a\n").for_each(drop),
            1 => bytes.splice(0..9, *b"<SASroot>").for_each(drop),
            _ => {}
        }
        std::fs::write(&path, bytes).unwrap();
        let error = open_with(&path, &tight()).unwrap_err();
        assert_eq!(error.file(), Some(path.as_path()));
        assert!(read_1d_with(&path, &tight()).is_err());
        std::fs::remove_file(&path).unwrap();
    }
}

#[test]
fn every_cut_of_a_file_is_an_error_or_fewer_points() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("cut");
    for (name, bytes) in samples(folder.path()) {
        for part in 0..12 {
            std::fs::write(&path, &bytes[..bytes.len() * part / 12]).unwrap();
            read_all(&path);
            std::fs::remove_file(&path).unwrap();
        }
        let counted = ["a.pdh", "fit2d.chi", "two.xml"].contains(&name.as_str());
        if counted || bytes.starts_with(b"\x89HDF") {
            std::fs::write(&path, &bytes[..bytes.len() * 9 / 10]).unwrap();
            assert!(open_with(&path, &tight()).is_err(), "{name}");
        }
    }
}

/// XML that a parser takes hours for, and files whose curves would each copy a large header.
#[test]
fn what_grows_with_the_square_of_a_file_is_refused_early() {
    let folder = tempfile::tempdir().unwrap();
    let entry = |inside: &str| format!("<SASroot><SASentry>{inside}</SASentry></SASroot>");
    let numbered = |from: &str, count: usize| -> String {
        (0..count)
            .map(|n| from.replace('#', &n.to_string()))
            .collect()
    };
    let data = "<SASdata><Idata><Q>1</Q><I>2</I></Idata></SASdata>";
    for (name, text, says) in [
        (
            "attributes",
            entry(&format!("<a {}/>", numbered("a#='1' ", 60_000))),
            "tags of 4096",
        ),
        (
            "open",
            format!("<a {}", "b ".repeat(60_000)),
            "tags of 4096",
        ),
        (
            "namespaces",
            entry(&numbered("<a xmlns:n#='#'>", 20_000)),
            "1024 namespaces",
        ),
        ("deep", entry(&"<a>".repeat(100_000)), "256 deep"),
        (
            "copies",
            entry(&(numbered("<p><n#>x</n#></p>", 20_000) + &data.repeat(20_000))),
            "bytes of headers",
        ),
    ] {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = open(&path).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::LimitExceeded, "{error}");
        assert!(error.message().contains(says), "{error}");
    }
    let path = folder.path().join("quotes");
    let text = entry(&format!("<!-- ' > \" --><a b=\"'>\" c='\">'/>{data}"));
    std::fs::write(&path, text).unwrap();
    assert_eq!(open(&path).unwrap().len(), 1);
}

#[test]
fn errors_name_file_place_found_and_expected() {
    let folder = tempfile::tempdir().unwrap();
    let message = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        let error = open_with(&path, &tight()).unwrap_err();
        assert_eq!(error.file(), Some(path.as_path()));
        format!("{}: {}", error.place().unwrap_or("-"), error.message())
    };
    for (text, expected) in [
        ("", "-: expected a curve, found an empty file"),
        (
            "\u{1f}\0\0",
            "-: expected a curve in text or HDF5, found a binary file",
        ),
        (
            "filename,a,b\nx.tif,1,2\n",
            "-: expected rows of two or more numbers, found none",
        ),
        (
            "1 2\n2 3\n3 4 5\n",
            "line 3: expected 2 numbers as in line 1, found 3",
        ),
        (
            "<html></html>",
            "-: expected the root element SASroot of canSAS, found html",
        ),
        (
            "t\nx\ny\n 99999\n1 2\n2 3\n",
            "line 4: expected at most 16384 points, found 99999",
        ),
    ] {
        assert_eq!(message("a", text), expected);
    }
    let error = open(folder.path()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    let error = open(folder.path().join("absent")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.file().is_some());
}
