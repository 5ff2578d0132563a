//! Real files and files of other programs, against what those programs read.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use serde::Deserialize;
use xscatter_core::{ErrorKind, FrameSource, PixelFlags};
use xscatter_io::{Number, Pixels, ReadConfig, open, open_series, open_with};
use xscatter_testkit::golden::{self, Golden};
use xscatter_testkit::{check_source, data};

mod support;
use support::{Foreign, unpack};

#[derive(Deserialize)]
struct Cases {
    real: Vec<Real>,
    foreign: Vec<Foreign>,
}

#[derive(Deserialize)]
struct Real {
    file: String,
    frames: usize,
    shape: (usize, usize),
    dtype: String,
    sum: String,
    min: String,
    max: String,
    probes: Vec<(usize, usize, String)>,
}

fn reference() -> Golden<Cases> {
    golden::load(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/golden/reference.json"
    ))
    .unwrap()
}

fn assert_number(found: Number, expected: &str, tolerance: f64, what: &str) {
    match found {
        Number::Int(found) => assert_eq!(found.to_string(), expected, "{what}"),
        Number::Float(found) => {
            let expected: f64 = expected.parse().unwrap();
            approx::assert_relative_eq!(found, expected, max_relative = tolerance);
        }
    }
}

#[test]
fn real_files_give_the_numbers_of_fabio_and_h5py() {
    let golden = reference();
    for case in &golden.cases.real {
        let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), &case.file) else {
            return;
        };
        let file = open(&path).unwrap();
        assert_eq!(file.shape(), case.shape, "{}", case.file);
        assert_eq!(file.dtype().name(), case.dtype, "{}", case.file);
        assert_eq!(file.len(), case.frames, "{}", case.file);
        let raw = file.read_raw(0).unwrap();
        let tolerance = golden.provenance.tolerance;
        let stats = raw.pixels.stats().unwrap();
        assert_number(stats.sum, &case.sum, tolerance, &case.file);
        assert_number(stats.min, &case.min, tolerance, &case.file);
        assert_number(stats.max, &case.max, tolerance, &case.file);
        for (row, column, value) in &case.probes {
            let found = raw.pixels.get(*row, *column).unwrap();
            assert_number(found, value, tolerance, &case.file);
        }
        assert!(raw.info.warnings.is_empty(), "{}", case.file);
        check_source(&file).unwrap();
    }
}

/// Every file of the manifest either opens or is refused with a reason; 25 of them are images.
#[test]
fn every_file_of_the_manifest_is_opened_or_refused() {
    let Some(folder) = data::folder(env!("CARGO_MANIFEST_DIR")) else {
        return;
    };
    let images: Vec<String> = reference()
        .cases
        .real
        .into_iter()
        .map(|case| case.file)
        .collect();
    let mut table = csv::Reader::from_path(folder.join("manifest.csv")).unwrap();
    let mut opened = 0;
    let mut refused = 0;
    for row in table.records() {
        let row = row.unwrap();
        let path = folder.join(&row[0]);
        match open(&path) {
            Ok(file) => {
                assert!(
                    images.contains(&row[0].to_owned()),
                    "{} is an image",
                    &row[0]
                );
                assert!(file.read(0).is_ok());
                opened += 1;
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Unsupported, "{error}");
                assert_eq!(error.file(), Some(path.as_path()));
                assert!(
                    error.message().contains("expected a detector image"),
                    "{error}"
                );
                refused += 1;
            }
        }
    }
    assert_eq!((opened, refused), (images.len(), 133 - images.len()));
}

#[test]
fn a_nist_text_and_its_nxcansas_twin_are_one_image() {
    let root = "SasView__sasdata/sasdata/example_data/2d_data/33837rear_2D_1.75_16.5_";
    let file = |ending: &str| {
        let path = data::file(env!("CARGO_MANIFEST_DIR"), &format!("{root}{ending}"))?;
        Some(open(path).unwrap())
    };
    let (Some(text), Some(twin)) = (file("NIST.dat"), file("NXcanSAS_v3.h5")) else {
        return;
    };
    let (found, expected) = (text.read_raw(0).unwrap(), twin.read_raw(0).unwrap());
    let (Pixels::F64(found), Pixels::F64(expected)) = (&found.pixels, &expected.pixels) else {
        panic!("other types");
    };
    // Six digits of the text; relative to what is compared, and exact where it is 0.
    for (found, expected) in found.iter().zip(expected) {
        approx::assert_relative_eq!(found, expected, epsilon = 0.0, max_relative = 5.1e-6);
    }
    let metadata = text.metadata(0).unwrap();
    let centre = metadata.beam_centre_px.as_ref().unwrap();
    approx::assert_relative_eq!(centre.value.row, 75.0, epsilon = 1e-9);
    approx::assert_relative_eq!(centre.value.column, 75.0, epsilon = 1e-9);
    let header = text.info(0).unwrap().header;
    assert_eq!(header["columns"], "Qx - Qy - I(Qx,Qy) - err(I)");
}

#[test]
fn what_is_no_image_is_named() {
    for (file, found) in [
        (
            "biocatiit__musclex/Data/Circular_Projection/MnC22-5_30umThick_50umStep_1s/MnC22-5_30umThick_50umStep_1s_diffScan_0001.hdf",
            "data/BL (",
        ),
        (
            "APS-USAXS__Matilda/TestData/NXcanSAS_DSM.h5",
            "(float64, shape [861])",
        ),
        (
            "CFN-softbio__SciAnalysis/SciAnalysis/XSAnalysis/masks/NSLSII_11BM_CMS/Pilatus2M_CMS_5m-mask.png",
            "a PNG picture",
        ),
        (
            "SasView__sasdata/sasdata/example_data/1d_data/ISIS_Polymer_Blend_TK49.xml",
            "an XML text",
        ),
        (
            "maxiv-science__azint/tests/test.poni",
            "a text that begins with",
        ),
    ] {
        let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), file) else {
            return;
        };
        let error = open(&path).unwrap_err();
        assert!(error.message().contains(found), "{error}");
    }
}

#[test]
fn masks_and_headers_of_real_files() {
    let read = |file: &str| {
        let path = data::file(env!("CARGO_MANIFEST_DIR"), file)?;
        Some(open(path).unwrap().read(0).unwrap())
    };
    let flagged = |frame: &xscatter_core::Frame, flag| {
        let mask = frame.mask().unwrap();
        mask.as_slice()
            .iter()
            .filter(|flags| flags.contains(flag))
            .count()
    };
    let Some(cbf) =
        read("zyffcc__gisaxs_gui/TestSAXSdata/jg_gisaxs_4nm_old_3ml_insitu_ds03_00001_00005.cbf")
    else {
        return;
    };
    assert_eq!(flagged(&cbf, PixelFlags::OVERFLOW), 4, "above the cut-off");
    assert_eq!(cbf.info.exposure_s, Some(0.995));
    assert_eq!(cbf.info.header["Detector"], "PILATUS 2M, S/N 24-0104, EMBL");
    assert!(cbf.info.geometry.is_none());

    let saxs =
        read("APS-USAXS__Matilda/TestData/TestSet/02_21_Megan_saxs/PU_25C_orig_0061.hdf").unwrap();
    assert_eq!(saxs.mask().unwrap().invalid_count(), 14);
    assert_eq!(saxs.info.exposure_s, Some(3.0));
    let centre = saxs.info.beam_centre_px.unwrap();
    approx::assert_relative_eq!(centre.row, 93.188, epsilon = 1e-3);
    approx::assert_relative_eq!(centre.column, -5.199, epsilon = 1e-3);
    assert!(saxs.info.geometry.is_none(), "Nika's tilt is not ours");
    let waxs =
        read("APS-USAXS__Matilda/TestData/TestSet/02_21_Megan_waxs/PU_25C_orig_0061.hdf").unwrap();
    assert_eq!(flagged(&waxs, PixelFlags::OVERFLOW), 8233);

    let lambda =
        "zyffcc__gisaxs_gui/TestSAXSdata/lmbdp03/jg_gisaxs_12nm_insitu_00001r3_00001_m01.nxs";
    let module = read(lambda).unwrap();
    let mask = module.mask().unwrap();
    let touched = mask
        .as_slice()
        .iter()
        .filter(|&&flags| flags != PixelFlags::VALID)
        .count();
    assert_eq!(touched, 25096, "all flagged pixels of its pixel_mask");
    assert!(
        mask.healed_count() > 0,
        "bit 31 flags, it does not invalidate"
    );
    approx::assert_relative_eq!(module.info.exposure_s.unwrap(), 0.998);
    let path = data::file(env!("CARGO_MANIFEST_DIR"), lambda).unwrap();
    let strict = ReadConfig {
        pixel_mask_bits: u32::MAX,
        ..Default::default()
    };
    let module = open_with(path, &strict).unwrap().read(0).unwrap();
    assert_eq!(module.mask().unwrap().invalid_count(), 25096);

    let tiff = read("biocatiit__musclex/Data/Circular_Projection/MnC22-5_30umThick_50umStep_1s/MnC22-5_30umThick_50umStep_1sExp_diffScan_0608.tif").unwrap();
    assert_eq!(tiff.info.exposure_s, Some(1.0));
    assert_eq!(tiff.info.header["Model"], "PILATUS3 1M, S/N 10-0130");
    assert!(
        tiff.info.geometry.is_none(),
        "its beam at (0, 0) is a placeholder"
    );
}

/// The pixels of the synthetic files.
fn value(frame: usize, row: usize, column: usize) -> f32 {
    ((frame * 1000 + row * 37 + column * 11) % 997) as f32
}

#[test]
fn files_of_other_programs_are_read() {
    for case in reference().cases.foreign {
        let folder = tempfile::tempdir().unwrap();
        unpack(&case, folder.path());
        let file = open(folder.path().join(&case.files[0].name))
            .unwrap_or_else(|error| panic!("{}: {error}", case.name));
        assert_eq!(file.len(), case.frames, "{}", case.name);
        assert_eq!(file.dtype().name(), case.dtype, "{}", case.name);
        assert_eq!(file.shape(), (24, 20), "{}", case.name);
        for index in 0..file.len() {
            let frame = file
                .read(index)
                .unwrap_or_else(|error| panic!("{}: {error}", case.name));
            for ((row, column), &count) in frame.counts().indexed_iter() {
                if case.name == "unwritten chunk" && index == 1 {
                    assert!(!frame.is_valid(row, column), "the fill value is a gap");
                } else if case.name.starts_with("eiger") && (row, column) == (3, 4) {
                    assert!(!frame.is_valid(row, column), "{}", case.name);
                } else {
                    assert_eq!(count, value(index, row, column), "{}", case.name);
                }
            }
        }
        check_source(&file).unwrap_or_else(|violation| panic!("{}: {violation:?}", case.name));
    }
}

#[test]
fn a_master_file_brings_mask_geometry_and_the_end_of_an_aborted_series() {
    let cases = reference().cases.foreign;
    let case = |name: &str| {
        let case = cases.iter().find(|case| case.name == name).unwrap();
        let folder = tempfile::tempdir().unwrap();
        unpack(case, folder.path());
        let file = open(folder.path().join(&case.files[0].name)).unwrap();
        (folder, file)
    };
    let (_folder, file) = case("eiger master");
    let frame = file.read(5).unwrap();
    let mask = frame.mask().unwrap();
    assert_eq!(mask.invalid_count(), 20 + 1 + 1);
    assert_eq!(mask.as_slice()[5 * 20], PixelFlags::GAP);
    assert_eq!(mask.as_slice()[7 * 20 + 8], PixelFlags::BAD);
    assert_eq!(mask.as_slice()[9 * 20 + 9], PixelFlags::HEALED);
    assert_eq!(mask.as_slice()[3 * 20 + 4], PixelFlags::OVERFLOW);
    let geometry = frame.info.geometry.unwrap();
    approx::assert_relative_eq!(geometry.poni1_m, 12.25 * 75e-6, max_relative = 1e-12);
    approx::assert_relative_eq!(geometry.wavelength_m, 1.5e-10, max_relative = 1e-12);
    assert_eq!(frame.info.exposure_s, Some(0.25));

    // Master and data files in one folder are one file of six frames.
    let (folder, file) = case("eiger virtual");
    let series = open_series(&[folder.path()]);
    assert_eq!((series.files().len(), series.len()), (1, 6));
    std::fs::remove_file(folder.path().join("run_data_000002.h5")).unwrap();
    let file = open(file.path()).unwrap();
    assert!(file.read(3).is_ok());
    let error = file.read(4).unwrap_err();
    assert!(error.message().contains("run_data_000002.h5"), "{error}");

    let (folder, file) = case("eiger aborted");
    assert_eq!(open_series(&[folder.path()]).len(), 6);
    let warning = &file.read(0).unwrap().info.warnings[0];
    assert!(
        warning.contains("ends after 2 of 3 data files"),
        "{warning}"
    );
    // The first data file gone: nothing is left, and the error says what is missing.
    std::fs::remove_file(folder.path().join("run_data_000001.h5")).unwrap();
    let error = open(file.path()).unwrap_err();
    assert!(error.message().contains("run_data_000001.h5"), "{error}");
}
