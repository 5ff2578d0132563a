//! Bruker, GE, KappaCCD, Fit2D, npz, PNG, bzip2, headerless files and masks, against the programs that
//! write or read them. Where no program writes a format, the golden script built the bytes from the
//! layout and fabio read them: each case names its writer and its reader.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::Deserialize;
use xscatter_core::{ErrorKind, Frame, FrameSource, Mask, Result};
use xscatter_io::write::write;
use xscatter_io::{
    ByteOrder, Dtype, Format, Limits, MaskPolarity, MaskReadConfig, Number, RawLayout, ReadConfig,
    WriteOptions, open, open_bytes, open_series, read_mask,
};
use xscatter_testkit::{check_source, data, golden};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

#[derive(Deserialize)]
struct Cases {
    detector: Vec<Case>,
    large: Vec<LargeCase>,
    masks: Vec<MaskCase>,
    bad: String,
}

/// A file of which almost all bytes are 0.
#[derive(Deserialize)]
struct LargeCase {
    name: String,
    file: String,
    head: String,
    length: usize,
    words: Vec<(usize, u16)>,
    frames: Vec<Vec<(usize, usize, u16)>>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    format: String,
    writer: String,
    reader: String,
    file: String,
    zlib_base64: String,
    dtype: String,
    frames: Vec<Pixels>,
    header: BTreeMap<String, String>,
    bad_pixels: Option<usize>,
    #[serde(default)]
    sidecars: BTreeMap<String, String>,
}

#[derive(Deserialize)]
struct Pixels {
    shape: (usize, usize),
    pixels: String,
}

#[derive(Deserialize)]
struct MaskCase {
    name: String,
    file: String,
    polarity: Option<String>,
    dataset: Option<String>,
    zlib_base64: String,
}

fn cases() -> Cases {
    let path = Path::new(ROOT).join("tests/golden/formats_b.json");
    golden::load::<Cases>(path).unwrap().cases
}

fn unpacked(text: &str) -> Vec<u8> {
    let packed = BASE64.decode(text).unwrap();
    let mut content = Vec::new();
    let mut decoder = flate2::read::ZlibDecoder::new(&packed[..]);
    decoder.read_to_end(&mut content).unwrap();
    content
}

fn numbers(text: &str) -> Vec<f64> {
    let bytes = unpacked(text);
    let chunks = bytes.chunks_exact(8);
    chunks
        .map(|b| f64::from_le_bytes(b.try_into().unwrap()))
        .collect()
}

impl Case {
    /// Writes the file and what lies beside it.
    fn unpack(&self, folder: &Path) -> PathBuf {
        for (name, text) in &self.sidecars {
            std::fs::write(folder.join(name), text).unwrap();
        }
        let path = folder.join(&self.file);
        std::fs::write(&path, unpacked(&self.zlib_base64)).unwrap();
        path
    }

    fn named<'a>(cases: &'a Cases, name: &str) -> &'a Self {
        let is_it = |case: &&Self| case.name == name;
        cases.detector.iter().find(is_it).expect("a golden case")
    }
}

fn value(number: Number) -> f64 {
    match number {
        Number::Int(value) => value as f64,
        Number::Float(value) => value,
    }
}

#[test]
fn pixels_types_and_headers_are_those_of_the_independent_program() {
    for case in cases().detector {
        let by = format!(
            "{} (by {}, read by {})",
            case.name, case.writer, case.reader
        );
        let folder = tempfile::tempdir().unwrap();
        let file = open(case.unpack(folder.path())).unwrap_or_else(|e| panic!("{by}: {e}"));
        assert_eq!(format!("{:?}", file.format()), case.format, "{by}");
        assert_eq!(file.dtype().name(), case.dtype, "{by}");
        assert_eq!(file.len(), case.frames.len(), "{by}");
        for (index, expected) in case.frames.iter().enumerate() {
            let frame = file.read_raw(index).unwrap_or_else(|e| panic!("{by}: {e}"));
            assert_eq!(frame.pixels.shape(), expected.shape, "{by}");
            let (rows, columns) = expected.shape;
            let found: Vec<f64> = (0..rows * columns)
                .map(|i| value(frame.pixels.get(i / columns, i % columns).unwrap()))
                .collect();
            assert!(found == numbers(&expected.pixels), "{by}, frame {index}");
            assert_eq!(frame.info.warnings, [""; 0], "{by}");
            if let Some(bad) = case.bad_pixels {
                assert_eq!(frame.mask.unwrap().invalid_count(), bad, "{by}");
            }
        }
        let header = file.info(0).unwrap().header;
        for (key, expected) in &case.header {
            assert_eq!(header.get(key), Some(expected), "{by}: {key}");
        }
        check_source(&file).unwrap_or_else(|violation| panic!("{by}: {violation:?}"));
    }
}

#[test]
fn headers_of_the_advanced_photon_source_are_read_as_fabio_reads_them() {
    for case in cases().large {
        let mut bytes = unpacked(&case.head);
        bytes.resize(case.length, 0);
        for (at, word) in case.words {
            bytes[at..at + 2].copy_from_slice(&word.to_le_bytes());
        }
        let file = open_bytes(&case.file, bytes, &ReadConfig::default()).unwrap();
        assert_eq!(
            (file.format(), file.len()),
            (Format::Ge, 2),
            "{}",
            case.name
        );
        for (index, expected) in case.frames.iter().enumerate() {
            let frame = file.read_raw(index).unwrap();
            let sum: i128 = expected
                .iter()
                .map(|&(_, _, value)| i128::from(value))
                .sum();
            assert_eq!(frame.pixels.stats().unwrap().sum, Number::Int(sum));
            for &(row, column, value) in expected {
                let found = frame.pixels.get(row, column).unwrap();
                assert_eq!(found, Number::Int(value.into()), "{}", case.name);
            }
        }
    }
}

#[test]
fn a_bruker_header_by_fabio_gives_the_geometry() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let metadata = |name: &str| {
        let file = open(Case::named(&cases, name).unpack(folder.path())).unwrap();
        file.metadata(0).unwrap()
    };
    let photon = metadata("bruker 100, no baseline");
    assert_eq!(photon.distance_m.as_ref().unwrap().value, 0.05);
    assert_eq!(photon.count_cutoff.as_ref().unwrap().value, 900_000.0);
    let centre = photon.beam_centre_px.as_ref().unwrap();
    assert_eq!((centre.value.row, centre.value.column), (12.5, 10.25));
    assert_eq!(centre.key, "CENTER");
    let wire = metadata("bruker 86, one byte");
    approx::assert_relative_eq!(wire.distance_m.as_ref().unwrap().value, 0.15);
    assert_eq!(wire.exposure_s.as_ref().unwrap().value, 60.0);
    assert!(wire.geometry().is_some());
}

#[test]
fn the_full_scale_of_a_camera_is_an_overflow_and_negative_counts_are_counts() {
    let cases = cases();
    let folder = tempfile::tempdir().unwrap();
    let case = Case::named(&cases, "bruker 100, negative");
    let frame = open(case.unpack(folder.path())).unwrap().read(0).unwrap();
    assert_eq!(frame.counts()[(0, 0)], -30.0);
    assert!(frame.is_valid(0, 0));
    assert!(!frame.is_valid(23, 19));
}

fn polarity(name: Option<&str>) -> Option<MaskPolarity> {
    name.map(|name| match name {
        "NonZeroIsBad" => MaskPolarity::NonZeroIsBad,
        "NonZeroIsGood" => MaskPolarity::NonZeroIsGood,
        other => panic!("polarity {other}"),
    })
}

#[test]
fn masks_of_every_program_are_the_same() {
    let cases = cases();
    let bad = numbers(&cases.bad);
    for case in &cases.masks {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(&case.file);
        std::fs::write(&path, unpacked(&case.zlib_base64)).unwrap();
        let config = MaskReadConfig {
            polarity: polarity(case.polarity.as_deref()),
            dataset: case.dataset.clone(),
            shape: Some((24, 20)),
            ..Default::default()
        };
        let mask = read_mask(&path, &config).unwrap_or_else(|e| panic!("{}: {e}", case.name));
        let valid: Vec<_> = mask
            .as_slice()
            .iter()
            .map(|flags| flags.is_valid())
            .collect();
        let expected: Vec<_> = bad.iter().map(|&bad| bad == 0.0).collect();
        assert!(valid == expected, "{}", case.name);
    }
}

#[test]
fn a_picture_in_colour_is_a_mask_and_no_image() {
    for case in cases().masks {
        let types = [
            ("RGBA", "Rgba"),
            ("palette", "Indexed"),
            ("alpha", "GrayscaleAlpha"),
        ];
        let Some((_, found)) = types.iter().find(|(name, _)| case.name.ends_with(name)) else {
            continue;
        };
        let content = unpacked(&case.zlib_base64);
        let error = open_bytes(&case.file, content, &ReadConfig::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error
                .message()
                .contains(&format!("a PNG picture of the type {found}")),
            "{error}"
        );
    }
}

#[test]
fn a_mask_of_another_shape_names_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("m.txt");
    std::fs::write(&path, "0 1 0\n1 0 0\n").unwrap();
    let config = |shape, threshold| MaskReadConfig {
        shape: Some(shape),
        threshold,
        ..Default::default()
    };
    let error = read_mask(&path, &config((3, 2), 0.5)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    assert!(
        error
            .to_string()
            .ends_with("expected a mask of 3x2 pixels, found 2x3"),
        "{error}"
    );
    assert_eq!(error.file(), Some(path.as_path()));
    let error = read_mask(&path, &config((2, 3), 0.0)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    // Several images are no mask.
    let path = folder.path().join("m.edf");
    let frame = Frame::new(ndarray::Array2::zeros((2, 3)));
    write(
        &path,
        Format::Edf,
        &[frame.clone(), frame],
        &WriteOptions::default(),
    )
    .unwrap();
    let error = read_mask(&path, &MaskReadConfig::default()).unwrap_err();
    assert!(error.message().contains("found 2 images"), "{error}");
}

fn real_mask(file: &str) -> Option<Mask> {
    let path = data::file(ROOT, file)?;
    Some(read_mask(path, &MaskReadConfig::default()).unwrap())
}

#[test]
fn the_painted_mask_of_a_beamline_leaves_the_white_pixels() {
    let folder = "CFN-softbio__SciAnalysis/SciAnalysis/XSAnalysis/masks/NSLSII_11BM_CMS";
    let Some(mask) = real_mask(&format!("{folder}/Pilatus2M_CMS_5m-mask.png")) else {
        return;
    };
    assert_eq!(mask.shape(), (1679, 1475));
    // Levels up to 127, as Pillow counts them: 44.5 % are black, the rest are edges.
    assert_eq!(mask.invalid_count(), 1_104_526);
}

#[test]
fn the_text_mask_of_a_protein_measurement_covers_every_negative_pixel() {
    let folder = "MikhailLifar__autoSAXS/examples/monodisperse_protein";
    let Some(mask) = real_mask(&format!("{folder}/mask-20260706_133745.txt")) else {
        return;
    };
    assert_eq!(mask.shape(), (1043, 981));
    let Some(image) = data::file(ROOT, &format!("{folder}/AgBh700_96.9_calib.tif")) else {
        return;
    };
    let frame = open(image).unwrap().read(0).unwrap();
    let negative = frame.as_slice().iter().zip(mask.as_slice());
    assert!(negative.clone().any(|(&count, _)| count < 0.0));
    assert!(
        negative
            .clone()
            .all(|(&count, flags)| count >= 0.0 || !flags.is_valid())
    );
}

#[test]
fn boolean_and_tiff_masks_of_other_projects() {
    let modules = "zyffcc__gisaxs_gui/modules";
    for (file, shape, share) in [
        (
            format!("{modules}/Ag_Polymer_Silicon_Ale/assets/mask.npy"),
            (256, 256),
            0.134,
        ),
        (
            format!("{modules}/Ag_Polymer_Silicon_Geo/assets/mask.npy"),
            (256, 256),
            0.088,
        ),
        (
            format!("{modules}/Au_Silicon_15nm/assets/mask.npy"),
            (256, 256),
            0.189,
        ),
        (
            "LightForm-group__pyFAI-integration-caking/example-calibration/DLS_CeO2_1200mm.mask"
                .to_owned(),
            (1441, 1440),
            30627.0 / (1441.0 * 1440.0),
        ),
    ] {
        let Some(mask) = real_mask(&file) else {
            return;
        };
        assert_eq!(mask.shape(), shape, "{file}");
        let found = mask.invalid_count() as f64 / (shape.0 * shape.1) as f64;
        assert!((found - share).abs() < 5e-4, "{file}: {found}");
    }
}

fn big_endian(values: impl Iterator<Item = i32>) -> Vec<u8> {
    values.flat_map(i32::to_be_bytes).collect()
}

#[test]
fn unknown_pixels_say_which_sidecar_would_do() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scan_0007.raw");
    std::fs::write(&path, big_endian(1..13)).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.message().contains("scan_0007.raw.json"), "{error}");
    // A text is not a candidate.
    std::fs::write(folder.path().join("a.txt"), "notes").unwrap();
    let error = open(folder.path().join("a.txt")).unwrap_err();
    assert!(!error.message().contains("sidecar"), "{error}");
    // JSON that says nothing about a shape belongs to something else; a bad layout is an error.
    let sidecar = folder.path().join("scan.json");
    std::fs::write(&sidecar, r#"{"sample": "film"}"#).unwrap();
    assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Unsupported);
    std::fs::write(&sidecar, r#"{"shape": [3, 4]}"#).unwrap();
    let error = open(&path).unwrap_err();
    assert_eq!(error.place(), Some("key dtype"));
    assert_eq!(error.file(), Some(sidecar.as_path()));
    std::fs::write(
        &sidecar,
        r#"{"shape": [3, 4], "dtype": ">i4", "energy_kev": 10}"#,
    )
    .unwrap();
    let file = open(&path).unwrap();
    assert_eq!((file.format(), file.shape()), (Format::Raw, (3, 4)));
    assert_eq!(file.read(0).unwrap().counts()[(2, 3)], 12.0);
    let wavelength = file.metadata(0).unwrap().wavelength_m.clone().unwrap();
    assert_eq!(wavelength.key, "energy_kev");
    approx::assert_relative_eq!(wavelength.value, 1.239_841_984e-10, max_relative = 1e-9);
}

#[test]
fn a_series_leaves_its_sidecar_and_table_out() {
    let folder = tempfile::tempdir().unwrap();
    let beside = |name: &str| folder.path().join(name);
    for number in 1..4 {
        // 1234 is how a mar345 file begins.
        let pixels: Vec<u8> = [1234_i32, number]
            .repeat(6)
            .iter()
            .flat_map(|n| n.to_le_bytes())
            .collect();
        std::fs::write(beside(&format!("run_{number}.raw")), pixels).unwrap();
    }
    std::fs::write(beside("run.json"), r#"{"shape": [3, 4], "dtype": "int32"}"#).unwrap();
    std::fs::write(beside("run.csv"), "i0\n1\n2\n3\n").unwrap();
    std::fs::write(beside("run.pdf"), "%PDF-1.4 \0").unwrap();
    let series = open_series(&[folder.path()]);
    assert_eq!(series.len(), 3);
    for skipped in series.skipped() {
        assert_eq!(
            skipped.error.kind(),
            ErrorKind::Unsupported,
            "{}",
            skipped.error
        );
    }
    let counters: Vec<_> = series
        .frames()
        .map(|frame| frame.unwrap().info.header["i0"].clone())
        .collect();
    assert_eq!(counters, ["1", "2", "3"]);
}

#[test]
fn an_explicit_layout_goes_before_everything() -> Result<()> {
    let config = |layout| ReadConfig {
        raw: Some(layout),
        ..Default::default()
    };
    let layout = RawLayout {
        byte_order: ByteOrder::Big,
        ..RawLayout::new((3, 4), Dtype::I32)
    };
    let bytes = big_endian((0..24).map(|value| value - 2));
    let file = open_bytes("a.raw", bytes.clone(), &config(layout))?;
    assert_eq!((file.len(), file.format()), (2, Format::Raw));
    let frame = file.read(0)?;
    // The markers of detectors hold here too.
    assert_eq!(frame.mask().unwrap().invalid_count(), 2);
    assert_eq!(file.read(1)?.counts()[(0, 0)], 10.0);
    let error = open_bytes("a.raw", bytes[1..].to_vec(), &config(layout)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let error = open_bytes("a.raw", bytes[..40].to_vec(), &config(layout)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Truncated);
    Ok(())
}

#[test]
fn counters_of_a_series_join_by_number() {
    let folder = tempfile::tempdir().unwrap();
    let beside = |name: &str| folder.path().join(name);
    for number in 0..3 {
        let path = beside(&format!("run1_000{number}.raw"));
        std::fs::write(path, [0xff_u8, 1, 0, 0].repeat(12)).unwrap();
    }
    std::fs::write(beside("run1.ini"), "shape = 3 4\ndtype = int32\n").unwrap();
    std::fs::write(
        beside("run1.csv"),
        "# scan\nexposure_s, i0\n1.0, 10\n2.0, 20\n3.0, 30\n",
    )
    .unwrap();
    let file = open(beside("run1_0002.raw")).unwrap();
    let info = file.info(0).unwrap();
    assert_eq!((&*info.header["i0"], info.exposure_s), ("30", Some(3.0)));
    // Without a file 0 the series begins at 1.
    std::fs::remove_file(beside("run1_0000.raw")).unwrap();
    let info = open(beside("run1_0002.raw")).unwrap().info(0).unwrap();
    assert_eq!(info.header["i0"], "20");
    // A table with no row for the file is a warning, not the end.
    std::fs::write(beside("run1.csv"), "i0\n10\n").unwrap();
    let info = open(beside("run1_0002.raw")).unwrap().info(0).unwrap();
    assert!(!info.header.contains_key("i0"));
    assert!(info.warnings[0].contains("run1.csv"), "{:?}", info.warnings);
}

#[test]
fn zeros_are_a_blank_ge_header_unless_a_sidecar_says_more() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("zeros.bin");
    std::fs::write(&path, vec![0; 8192]).unwrap();
    let error = open(&path).unwrap_err();
    assert!(
        error.message().contains("GE file with a blank header"),
        "{error}"
    );
    std::fs::write(
        folder.path().join("zeros.toml"),
        "shape = [64, 64]\ndtype = 'u2'\n",
    )
    .unwrap();
    assert_eq!(open(&path).unwrap().format(), Format::Raw);
}

#[test]
fn bombs_are_refused() {
    let cases = cases();
    // A member that claims a thousand times more than deflate can hold.
    let mut bytes = unpacked(&Case::named(&cases, "npz, compressed").zlib_base64);
    let entry = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[entry + 24..entry + 28].copy_from_slice(&0x7fff_ffff_u32.to_le_bytes());
    let error = open_bytes("a.npz", bytes, &ReadConfig::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert!(error.message().contains("cannot hold"), "{error}");
    // Unpacked bytes beyond the limits.
    let packed = unpacked(&Case::named(&cases, "edf in two bzip2 streams").zlib_base64);
    let tight = ReadConfig {
        limits: Limits {
            max_pixels: 200,
            ..Limits::default()
        },
        ..Default::default()
    };
    let error = open_bytes("a.edf.bz2", packed.clone(), &tight).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::LimitExceeded);
    let error = open_bytes("a.edf.bz2", packed[..200].to_vec(), &ReadConfig::default());
    assert_eq!(error.unwrap_err().kind(), ErrorKind::Truncated);
}

#[test]
fn a_wrong_checksum_in_an_npz_is_a_warning() {
    let cases = cases();
    let mut bytes = unpacked(&Case::named(&cases, "npz").zlib_base64);
    let entry = bytes.windows(4).position(|w| w == b"PK\x01\x02").unwrap();
    bytes[entry + 16] ^= 1;
    let file = open_bytes("a.npz", bytes, &ReadConfig::default()).unwrap();
    let frame = file.read(0).unwrap();
    assert!(
        frame.info.warnings[0].contains("CRC-32"),
        "{:?}",
        frame.info.warnings
    );
    assert_eq!(file.read(1).unwrap().info.warnings.len(), 0);
}

#[test]
fn formats_that_cannot_be_written_say_so() {
    let folder = tempfile::tempdir().unwrap();
    let frame = Frame::new(ndarray::Array2::zeros((2, 3)));
    for format in Format::ALL.into_iter().filter(|format| !format.can_write()) {
        let path = folder.path().join("a");
        let frames = std::slice::from_ref(&frame);
        let error = write(&path, format, frames, &WriteOptions::default()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{format}");
        assert!(!path.exists());
    }
}
