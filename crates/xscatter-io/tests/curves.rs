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
use xscatter_io::curve::azint::{
    Azint1d, Azint2d, AzintInfo, Bins, read_1d, read_2d, write_1d, write_2d,
};
use xscatter_io::curve::{
    AbscissaUnit, Column, Curve, Resolution, open, write_dat, write_nxcansas,
};
use xscatter_testkit::golden::{self, Golden};

#[path = "curves/hostile.rs"]
mod hostile;

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

/// With the environment variable `XSCATTER_CURVES_OUT`, the folder of that name keeps the files, for
/// `python tools/golden/curves_reference.py --check FILE...`, which reads them with h5py.
#[test]
fn what_was_written_reads_back_to_the_bit() {
    if let Some(kept) = std::env::var_os("XSCATTER_CURVES_OUT") {
        write_known(Path::new(&kept));
    }
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
