//! Curves against numbers that h5py, numpy and xml.etree read from the same files.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine;
use flate2::read::ZlibDecoder;
use ndarray::{Array2, Array3, s};
use serde::Deserialize;
use xscatter_core::ErrorKind;
use xscatter_core::seed::derive;
use xscatter_io::Limits;
use xscatter_io::curve::azint::{
    Azint1d, Azint2d, AzintInfo, Bins, read_1d, read_1d_with, read_2d, read_2d_with, write_1d,
    write_2d,
};
use xscatter_io::curve::{
    AbscissaUnit, Column, Curve, Resolution, open, open_with, write_dat, write_nxcansas,
};
use xscatter_testkit::golden::{self, Golden};

#[derive(Debug, Deserialize)]
struct Cases {
    real: Vec<Real>,
    refused: Vec<String>,
    written: Vec<Written>,
    azint: Vec<Azint>,
}

#[derive(Debug, Deserialize)]
struct Real {
    file: String,
    curves: Vec<Expected>,
}

#[derive(Debug, Deserialize)]
struct Written {
    name: String,
    writer: String,
    bytes: String,
    curves: Vec<Expected>,
    /// What the message says if the file is refused.
    message: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Expected {
    unit: String,
    points: usize,
    columns: BTreeMap<String, Summary>,
    others: BTreeMap<String, Summary>,
    facts: BTreeMap<String, serde_json::Value>,
}

#[derive(Debug, Deserialize)]
struct Summary {
    /// `None` for what is no number.
    first: Option<f64>,
    last: Option<f64>,
    sum: Option<f64>,
    size: Option<f64>,
    crc: u32,
}

#[derive(Debug, Deserialize)]
struct Azint {
    name: String,
    bytes: String,
    kinds: Vec<u8>,
    unit: String,
    radial: Summary,
    azimuthal: Summary,
    one: Summary,
    one_errors: Summary,
    two: Summary,
    shape: [usize; 3],
}

fn golden() -> Golden<Cases> {
    golden::load(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/curves.json")).unwrap()
}

fn unpack(folder: &Path, name: &str, packed: &str) -> PathBuf {
    let packed = base64::engine::general_purpose::STANDARD
        .decode(packed)
        .unwrap();
    let mut bytes = Vec::new();
    ZlibDecoder::new(&packed[..])
        .read_to_end(&mut bytes)
        .unwrap();
    let path = folder.join(name);
    std::fs::write(&path, bytes).unwrap();
    path
}

fn assert_column(values: &[f64], expected: &Summary, tolerance: f64, place: &str) {
    for (value, expected) in [
        (values.first(), expected.first),
        (values.last(), expected.last),
    ] {
        if let (Some(value), Some(expected)) = (value, expected) {
            // The parser of JSON may be off by the last bit.
            let near = (value - expected).abs() <= 1e-15 * expected.abs();
            assert!(near, "{place}: {value} and {expected}");
        }
    }
    if let (Some(sum), Some(size)) = (expected.sum, expected.size) {
        let found: f64 = values.iter().sum();
        assert!(
            (found - sum).abs() <= tolerance * size,
            "{place}: {found} and {sum}"
        );
    }
    let mut crc = flate2::Crc::new();
    for value in values {
        crc.update(&value.to_le_bytes());
    }
    assert_eq!(crc.sum(), expected.crc, "bits of {place}");
}

fn assert_curve(curve: &Curve, expected: &Expected, tolerance: f64, place: &str) {
    assert_eq!(format!("{:?}", curve.x_unit()), expected.unit, "{place}");
    assert_eq!(curve.len(), expected.points, "{place}");
    let mut found: BTreeMap<&str, &[f64]> = BTreeMap::new();
    found.insert("x", curve.x());
    found.insert("i", curve.intensity());
    found.extend(curve.sigma().map(|sigma| ("sigma", sigma)));
    match curve.resolution() {
        Some(Resolution::Pinhole(dq)) => {
            found.insert("dq", dq);
        }
        Some(Resolution::Slit { width, length }) => {
            found.extend(width.as_deref().map(|width| ("dqw", width)));
            found.extend(length.as_deref().map(|length| ("dql", length)));
        }
        None => {}
    }
    let names: Vec<&str> = found.keys().copied().collect();
    assert!(
        names.iter().eq(expected.columns.keys()),
        "{place}: {names:?}"
    );
    for (name, values) in found {
        let place = format!("{place}, {name}");
        assert_column(values, &expected.columns[name], tolerance, &place);
    }
    assert_eq!(curve.columns().len(), expected.others.len(), "{place}");
    for Column { name, values } in curve.columns() {
        let place = format!("{place}, {name}");
        assert_column(values, &expected.others[name], tolerance, &place);
    }
    let info = &curve.info;
    for (fact, value) in &expected.facts {
        let place = format!("{place}, {fact}");
        let found = match fact.as_str() {
            "title" => &info.title,
            "run" => &info.run,
            "sample" => &info.sample,
            "intensity_unit" => &info.intensity_unit,
            "wavelength_nm" => {
                let found = info.wavelength_m.unwrap() * 1e9;
                approx::assert_relative_eq!(found, value.as_f64().unwrap(), max_relative = 1e-7);
                continue;
            }
            other => panic!("{other}"),
        };
        assert_eq!(found.as_deref(), value.as_str(), "{place}");
    }
}

#[test]
fn real_files_agree_with_h5py_numpy_and_etree() {
    let golden = golden();
    for case in &golden.cases.real {
        let Some(path) = xscatter_testkit::data::file(env!("CARGO_MANIFEST_DIR"), &case.file)
        else {
            return;
        };
        let curves = open(&path).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(curves.len(), case.curves.len(), "{}", case.file);
        for (curve, expected) in curves.iter().zip(&case.curves) {
            assert_curve(curve, expected, golden.provenance.tolerance, &case.file);
            assert_eq!(curve.info.path.as_deref(), Some(path.as_path()));
        }
    }
    assert!(golden.cases.real.len() >= 40);
}

#[test]
fn real_tables_images_and_settings_are_refused_with_their_name() {
    for name in golden().cases.refused {
        let Some(path) = xscatter_testkit::data::file(env!("CARGO_MANIFEST_DIR"), &name) else {
            return;
        };
        let error = match open(&path) {
            Ok(curves) => panic!("{name}: {} points", curves[0].len()),
            Err(error) => error,
        };
        assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
        assert_eq!(error.file(), Some(path.as_path()), "{error}");
    }
}

#[test]
fn a_2d_nxcansas_and_its_text_twin_are_named_as_such() {
    let root = "SasView__sasdata/sasdata/example_data/2d_data/33837rear_2D_1.75_16.5_";
    for (ending, says) in [
        ("NXcanSAS_v3.h5", "found [150, 150]: a 2D data set"),
        ("NIST.dat", "qx and qy"),
    ] {
        let name = format!("{root}{ending}");
        let Some(path) = xscatter_testkit::data::file(env!("CARGO_MANIFEST_DIR"), &name) else {
            return;
        };
        let error = open(path).unwrap_err();
        assert!(error.message().contains(says), "{error}");
        assert!(error.place().is_some(), "{error}");
    }
}

#[test]
fn format_twins_agree() {
    let root = "SasView__sasdata/sasdata/example_data/1d_data/33837rear_1D_1.75_16.5_";
    let read = |ending: &str| {
        let name = format!("{root}{ending}");
        let path = xscatter_testkit::data::file(env!("CARGO_MANIFEST_DIR"), &name)?;
        Some(open(path).unwrap().remove(0))
    };
    let (Some(xml), Some(hdf5)) = (read("CanSAS1D.xml"), read("NXcanSAS_v3.h5")) else {
        return;
    };
    assert_eq!(
        (xml.x_unit(), &xml.info.run),
        (hdf5.x_unit(), &hdf5.info.run)
    );
    let worst = |a: &[f64], b: &[f64]| {
        assert_eq!(a.len(), b.len());
        let difference = a.iter().zip(b).map(|(a, b)| (a / b - 1.0).abs());
        difference.fold(0.0, f64::max)
    };
    assert!(worst(xml.x(), hdf5.x()) < 4.2e-6);
    assert!(worst(xml.intensity(), hdf5.intensity()) < 4.2e-6);
    assert!(worst(xml.sigma().unwrap(), hdf5.sigma().unwrap()) < 4.2e-6);
    // What the two files say about the unit of the same numbers.
    assert_eq!(xml.info.intensity_unit.as_deref(), Some("1/cm"));
    assert_eq!(hdf5.info.intensity_unit.as_deref(), Some("Counts"));
}

#[test]
fn files_of_independent_programs_read_to_the_bit() {
    let golden = golden();
    let folder = tempfile::tempdir().unwrap();
    for case in &golden.cases.written {
        let place = format!("{} by {}", case.name, case.writer);
        let path = unpack(folder.path(), &case.name, &case.bytes);
        let read = open(&path);
        if let Some(message) = &case.message {
            let error = read.expect_err(&place);
            assert!(error.message().contains(message), "{place}: {error}");
            assert_eq!(error.file(), Some(path.as_path()), "{place}");
            continue;
        }
        let curves = read.unwrap_or_else(|error| panic!("{place}: {error}"));
        assert_eq!(curves.len(), case.curves.len(), "{place}");
        for (curve, expected) in curves.iter().zip(&case.curves) {
            assert_curve(curve, expected, golden.provenance.tolerance, &place);
        }
    }
    assert!(golden.cases.written.len() >= 25);
}

#[test]
fn azint_files_of_h5py_read_to_the_bit() {
    let golden = golden();
    let folder = tempfile::tempdir().unwrap();
    for case in &golden.cases.azint {
        let path = unpack(folder.path(), &case.name, &case.bytes);
        let [frames, etas, radii] = case.shape;
        let info = |info: &AzintInfo| {
            assert!(info.solid_angle_applied && info.normalization_applied);
            assert!(!info.polarization_applied && !info.monitor_applied);
            assert_eq!(info.program.as_deref(), Some("azint-pipeline"));
            assert_eq!(info.input["n_splitting"], "15");
            assert_eq!(info.instrument.as_deref(), Some("DanMAX"));
            assert_eq!(info.source_name.as_deref(), Some("MAX IV"));
            approx::assert_relative_eq!(info.wavelength_m.unwrap(), 0.35424e-10);
        };
        let tolerance = golden.provenance.tolerance;
        if case.kinds.contains(&1) {
            let data = read_1d(&path).unwrap();
            assert_eq!(data.intensity.dim(), (frames, radii));
            let slice = |array: &Array2<f64>| array.as_slice().unwrap().to_vec();
            assert_column(&slice(&data.intensity), &case.one, tolerance, "I");
            let errors = data.errors.as_ref().unwrap();
            assert_column(&slice(errors), &case.one_errors, tolerance, "I_errors");
            assert_column(&data.radial.centres, &case.radial, tolerance, "radial");
            assert_eq!(data.radial.edges.as_ref().unwrap().len(), radii + 1);
            assert_eq!(format!("{:?}", data.radial_unit), case.unit);
            assert_eq!(data.norm.as_ref().unwrap()[radii - 1], radii as f64 - 1.0);
            info(&data.info);
            // The same as curves, one a frame.
            let curves = open(&path).unwrap();
            assert_eq!(curves.len(), frames);
            for (curve, row) in curves.iter().zip(data.intensity.rows()) {
                assert_eq!(curve.intensity(), row.as_slice().unwrap());
                assert_eq!(format!("{:?}", curve.x_unit()), case.unit);
                assert!(curve.sigma().is_some());
            }
        } else {
            let error = read_1d(&path).unwrap_err();
            assert!(error.message().contains("found none"), "{error}");
            let error = open(&path).unwrap_err();
            assert!(error.message().contains("read_2d"), "{error}");
        }
        if case.kinds.contains(&2) {
            let data = read_2d(&path).unwrap();
            assert_eq!(data.intensity.dim(), (frames, etas, radii));
            assert!(
                data.intensity
                    .slice(s![.., 0, 0])
                    .iter()
                    .all(|i| i.is_nan())
            );
            let filled = data.intensity.mapv(|i| if i.is_nan() { 0.0 } else { i });
            assert_column(filled.as_slice().unwrap(), &case.two, tolerance, "cake");
            let eta = &data.azimuthal_deg;
            assert_column(&eta.centres, &case.azimuthal, tolerance, "azimuths");
            assert_eq!(data.norm.as_ref().unwrap().dim(), (etas, radii));
            info(&data.info);
        }
    }
}

/// The curves that `tools/golden/curves_reference.py --check` knows.
fn known(slit: bool) -> Curve {
    let n: Vec<f64> = (1..8).map(f64::from).collect();
    let of = |f: fn(f64) -> f64| n.iter().map(|&n| f(n)).collect::<Vec<f64>>();
    let (x, tenth) = (of(|n| n / 3.0), of(|n| n / 3.0 / 10.0));
    let resolution = if slit {
        Resolution::Slit {
            width: Some(tenth),
            length: Some(x.clone()),
        }
    } else {
        Resolution::Pinhole(tenth)
    };
    let mut curve = Curve::new(x, AbscissaUnit::QInvAngstrom, of(|n| 1e5 / (n * n)))
        .unwrap()
        .with_sigma(of(f64::sqrt))
        .unwrap()
        .with_resolution(resolution)
        .unwrap();
    curve.info.title = Some("a title".into());
    curve.info.sample = Some("water".into());
    curve.info.run = Some("17".into());
    curve.info.intensity_unit = Some("1/cm".into());
    curve.info.wavelength_m = Some(1.0332e-10);
    let header = &mut curve.info.header;
    header.insert("SASprocess/name".into(), "x".into());
    curve
}

fn known_info() -> AzintInfo {
    AzintInfo {
        solid_angle_applied: true,
        program: Some("a program".into()),
        version: Some("1".into()),
        date: Some("2026-11-20T12:00:00".into()),
        reference: Some("a paper".into()),
        note: Some("azimuth 0 at 3 o'clock".into()),
        input: BTreeMap::from([("bins".to_owned(), "7".to_owned())]),
        instrument: Some("a beamline".into()),
        source_name: Some("a ring".into()),
        source_type: Some("Synchrotron".into()),
        source_probe: Some("x-ray".into()),
        wavelength_m: Some(1.0332e-10),
        intensity_unit: Some("arbitrary units".into()),
        ..Default::default()
    }
}

fn known_radial() -> Bins {
    Bins {
        centres: (1..8).map(|n| f64::from(n) / 3.0).collect(),
        edges: Some((0..8).map(|n| f64::from(n) / 3.0).collect()),
    }
}

fn known_1d() -> Azint1d {
    let intensity = Array2::from_shape_fn((2, 7), |(t, r)| (t * 7 + r) as f64 / 3.0);
    Azint1d {
        errors: Some(intensity.mapv(f64::sqrt)),
        norm: Some(intensity.row(0).to_vec()),
        intensity,
        radial: known_radial(),
        radial_unit: AbscissaUnit::QInvAngstrom,
        monitor: Some(vec![1.0, 2.0]),
        info: known_info(),
    }
}

fn known_2d() -> Azint2d {
    let value = |(t, a, r): (usize, usize, usize)| ((t * 3 + a) * 7 + r) as f64 / 3.0;
    let intensity = Array3::from_shape_fn((2, 3, 7), value);
    Azint2d {
        errors: Some(intensity.mapv(f64::sqrt)),
        norm: Some(intensity.slice(s![0, .., ..]).to_owned()),
        intensity,
        azimuthal_deg: Bins {
            centres: vec![60.0, 180.0, 300.0],
            edges: Some(vec![0.0, 120.0, 240.0, 360.0]),
        },
        radial: known_radial(),
        radial_unit: AbscissaUnit::QInvAngstrom,
        monitor: Some(vec![1.0, 2.0]),
        info: known_info(),
    }
}

fn write_known(folder: &Path) -> [PathBuf; 4] {
    let paths =
        ["columns.dat", "nxcansas.h5", "azint1d.h5", "azint2d.h5"].map(|name| folder.join(name));
    write_dat(&paths[0], &known(false)).unwrap();
    write_nxcansas(&paths[1], &[known(false), known(true)]).unwrap();
    write_1d(&paths[2], &known_1d()).unwrap();
    write_2d(&paths[3], &known_2d()).unwrap();
    paths
}

/// Files for `python tools/golden/curves_reference.py --check FILE...`, which reads them by h5py.
#[test]
#[ignore = "writes files to be checked by hand with h5py"]
fn files_for_h5py() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("curves");
    std::fs::create_dir_all(&folder).unwrap();
    write_known(&folder);
}

#[test]
fn what_was_written_reads_back_to_the_bit() {
    let folder = tempfile::tempdir().unwrap();
    let [dat, canonical, one, two] = write_known(folder.path());
    let read = |path: &Path| {
        let mut curves = open(path).unwrap();
        for curve in &mut curves {
            curve.info.path = None;
            curve.info.x_label = None;
        }
        curves
    };
    let columns = read(&dat).remove(0);
    assert_eq!(columns.x(), known(false).x());
    assert_eq!(columns.resolution(), known(false).resolution());
    for (read, known) in read(&canonical).iter().zip([known(false), known(true)]) {
        assert_eq!(read.intensity(), known.intensity());
        assert_eq!(read.sigma(), known.sigma());
        assert_eq!(read.resolution(), known.resolution());
        assert_eq!(read.info.wavelength_m, known.info.wavelength_m);
    }
    // Å and back rounds the wavelength.
    let near = |info: &mut AzintInfo| {
        let metres = info.wavelength_m.replace(1.0332e-10).unwrap();
        approx::assert_relative_eq!(metres, 1.0332e-10, max_relative = 1e-15);
    };
    let mut data = read_1d(&one).unwrap();
    near(&mut data.info);
    assert_eq!(data, known_1d());
    let mut data = read_2d(&two).unwrap();
    near(&mut data.info);
    assert_eq!(data, known_2d());
}

#[test]
fn a_pattern_that_does_not_fit_its_axes_is_not_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.h5");
    let mut data = known_2d();
    data.radial.centres.pop();
    let error = write_2d(&path, &data).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    let mut data = known_2d();
    data.radial.edges = Some(vec![1.0]);
    assert!(write_2d(&path, &data).is_err());
    let mut data = known_1d();
    data.radial_unit = AbscissaUnit::QInvNm;
    let error = write_1d(&path, &data).unwrap_err();
    assert!(error.message().contains("NXazint1d demands"), "{error}");
    let mut data = known_1d();
    data.monitor = Some(vec![1.0]);
    assert!(write_1d(&path, &data).is_err());
    let mut data = known_1d();
    data.intensity = Array2::zeros((0, 7));
    data.errors = None;
    assert!(write_1d(&path, &data).is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

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
    match open_with(path, &tight()) {
        Ok(curves) => {
            for curve in curves {
                assert!(curve.x().iter().all(|x| x.is_finite()));
                assert_eq!(curve.intensity().len(), curve.len());
                assert!(!curve.is_empty() && curve.len() <= tight().max_pixels);
                let _ = curve.q_inv_nm(Some(1e-10));
            }
        }
        Err(error) => {
            assert_eq!(error.file(), Some(path));
            assert!(!error.message().is_empty());
        }
    }
    for error in [
        read_1d_with(path, &tight()).err(),
        read_2d_with(path, &tight()).err(),
    ] {
        assert!(error.is_none_or(|error| error.file() == Some(path)));
    }
}

/// Mutants of all samples together; `XSCATTER_MUTANTS` sets another number.
#[test]
fn mutants_are_errors_or_curves() {
    let count = std::env::var("XSCATTER_MUTANTS").map_or(4000, |text| text.parse().unwrap());
    let folder = tempfile::tempdir().unwrap();
    let samples = samples(folder.path());
    let path = folder.path().join("mutant");
    for index in 0..count {
        let (_, bytes) = &samples[index as usize % samples.len()];
        let broken = mutant(bytes, derive(20_261_120, index));
        std::fs::write(&path, broken).unwrap();
        read_all(&path);
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
