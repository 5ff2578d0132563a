//! Beam centres of real Pilatus 1M frames against those that other programs and people give.

use ndarray::Array2;
use xscatter_core::{ErrorKind, Frame, FrameTransform, Mask};
use xscatter_heal::{BeamCentre, CentreConfig, CentreEstimate, ZingerConfig, ZingerRemoval};
use xscatter_testkit::data;

const ROWS: usize = 1043;
const COLUMNS: usize = 981;

/// A TIFF as DECTRIS writes it: one strip of little-endian i32 at byte 4096, negative where invalid.
fn dectris(relative: &str) -> Option<Frame> {
    let path = data::file(env!("CARGO_MANIFEST_DIR"), relative)?;
    let bytes = std::fs::read(&path).expect("the file can be read");
    let counts: Vec<f32> = bytes[4096..][..4 * ROWS * COLUMNS]
        .chunks_exact(4)
        .map(|b| i32::from_le_bytes([b[0], b[1], b[2], b[3]]) as f32)
        .collect();
    let counts = Array2::from_shape_vec((ROWS, COLUMNS), counts).expect("a whole image");
    let bad = counts.map(|&count| count < 0.0);
    let mut frame = Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the same shape");
    frame.info.path = Some(path);
    Some(frame)
}

fn estimate(frame: &Frame) -> CentreEstimate {
    BeamCentre::new(CentreConfig::default())
        .expect("a sensible setting")
        .estimate(frame)
}

/// `expected` is a pixel index (row, column): the centre of a pixel is half a pixel further.
fn assert_near(relative: &str, expected: [f64; 2], within_px: f64) {
    let Some(frame) = dectris(relative) else {
        return;
    };
    let found = estimate(&frame);
    assert!(found.is_reliable, "{found:?}");
    let row = found.centre.row - 0.5 - expected[0];
    let column = found.centre.column - 0.5 - expected[1];
    assert!(
        row.abs() < within_px && column.abs() < within_px,
        "off by {row:.2} rows and {column:.2} columns: {found:?}"
    );
}

const AUTOSAXS: &str = "MikhailLifar__autoSAXS/examples/monodisperse_protein";

#[test]
fn silver_behenate_rings_and_the_protein_of_the_same_set_up() {
    // The centre of the rings of silver behenate, orders 1 to 4 within 0.25 px.
    let rings = [318.73, 588.42];
    assert_near(&format!("{AUTOSAXS}/AgBh700_96.9_calib.tif"), rings, 0.6);
    // Without a ring, and with an unmasked flight-tube aperture about another centre.
    assert_near(&format!("{AUTOSAXS}/ihs27_sample.tif"), rings, 1.2);
    assert_near(&format!("{AUTOSAXS}/ihs27_buffer.tif"), rings, 1.2);
}

#[test]
fn powder_rings_of_a_flat_panel() {
    // The calibration by pyFAI of the same set-up (DLS_CeO2_1200mm_pyFAI.poni): where 2θ = 0 lies.
    let expected = [724.65, 712.17];
    let file = "LightForm-group__pyFAI-integration-caking/example-data/pixium_03150.tif";
    let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), file) else {
        return;
    };
    // One strip of little-endian u16 at byte 8.
    let bytes = std::fs::read(&path).expect("the file can be read");
    let counts: Vec<f32> = bytes[8..][..2 * 1441 * 1440]
        .chunks_exact(2)
        .map(|b| f32::from(u16::from_le_bytes([b[0], b[1]])))
        .collect();
    let counts = Array2::from_shape_vec((1441, 1440), counts).expect("a whole image");
    let found = estimate(&Frame::new(counts));
    assert!(found.is_reliable, "{found:?}");
    let off = [
        found.centre.row - expected[0],
        found.centre.column - expected[1],
    ];
    assert!(off.iter().all(|off| off.abs() < 0.3), "off by {off:?}");
}

#[test]
fn a_muscle_fibre_is_not_isotropic_and_has_its_centre_nevertheless() {
    // MuscleX, settings/center_settings.json.
    let file = "biocatiit__musclex/musclex/tests/testImages/PILATUSimages/\
                P1_F1_tet_1_100_005_0001.tif";
    assert_near(file, [515.45, 417.03], 0.6);
}

fn mnc22(number: &str) -> Option<String> {
    let folder = data::folder(env!("CARGO_MANIFEST_DIR"))?;
    let folder = folder.join("biocatiit__musclex/Data/Circular_Projection");
    let inner = std::fs::read_dir(folder).ok()?.flatten().find(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with("MnC22")
    })?;
    let file = std::fs::read_dir(inner.path())
        .ok()?
        .flatten()
        .find(|entry| {
            let name = entry.file_name();
            name.to_string_lossy().ends_with(&format!("{number}.tif"))
        })?;
    Some(format!(
        "biocatiit__musclex/Data/Circular_Projection/{}/{}",
        inner.file_name().to_string_lossy(),
        file.file_name().to_string_lossy()
    ))
}

#[test]
fn two_rings_behind_an_unmasked_beamstop_holder() {
    // A Gaussian fit in sectors of 10 degrees, rms 0.19 px.
    if let Some(file) = mnc22("0608") {
        assert_near(&file, [531.19, 302.75], 0.6);
    }
}

#[test]
fn a_frame_with_hardly_a_pattern_is_called_unreliable_and_refused() {
    let Some(frame) = mnc22("0679").and_then(|file| dectris(&file)) else {
        return;
    };
    let centre = BeamCentre::new(CentreConfig::default()).expect("a sensible setting");
    assert!(!centre.estimate(&frame).is_reliable);
    let error = centre.apply(frame).expect_err("an error is the default");
    assert_eq!(error.kind(), ErrorKind::DegenerateData);
    assert!(error.file().is_some());
}

#[test]
fn a_short_exposure_of_a_counting_detector_has_no_spikes() {
    let file = "biocatiit__musclex/musclex/tests/testImages/PILATUSimages/\
                P1_F1_tet_1_100_005_0001.tif";
    if let Some(frame) = dectris(file) {
        let removal = ZingerRemoval::new(ZingerConfig::default()).expect("a sensible setting");
        assert_eq!(removal.find(&frame), []);
    }
}
