//! PONI files: every version, what real files hold, and what must be refused.

use proptest::prelude::*;
use xscatter_core::{ErrorKind, Geometry, Orientation};
use xscatter_geometry::Poni;
use xscatter_testkit::data;

const POSE: &str = "\
Distance: 0.2
Poni1: 0.08
Poni2: 0.07
Rot1: 0.05
Rot2: -3e-2
Rot3: 0.02
Wavelength: 1e-10
";

fn parse(head: &str) -> xscatter_core::Result<Poni> {
    format!("{head}{POSE}").parse()
}

#[test]
fn version_1_states_pixel_sizes() {
    let poni = parse("PixelSize1: 1e-4\nPixelSize2: 2e-4\nSplineFile: None\n").unwrap();
    assert_eq!(
        (poni.geometry.pixel1_m, poni.geometry.pixel2_m),
        (1e-4, 2e-4)
    );
    assert_eq!(
        (poni.detector, poni.shape, poni.spline_file),
        (None, None, None)
    );
    assert_eq!(poni.geometry.rot2_rad, -0.03);
}

#[test]
fn a_named_detector_brings_its_pixels_and_shape() {
    let poni = parse("poni_version: 2\nDetector: Pilatus1M\nDetector_config: {}\n").unwrap();
    assert_eq!(poni.geometry.pixel1_m, 172e-6);
    assert_eq!(poni.shape, Some((1043, 981)));
    assert_eq!(poni.geometry.orientation, Orientation::BottomRight);
}

#[test]
fn version_2_1_states_the_orientation_and_version_3_the_parallax() {
    let config = "Detector: Detector\n\
                  Detector_config: {\"pixel1\": 1e-4, \"pixel2\": 1e-4, \"max_shape\": [10, 20], \
                  \"orientation\": 2}\n";
    let poni = parse(&format!("poni_version: 2.1\n{config}")).unwrap();
    assert_eq!(poni.geometry.orientation, Orientation::TopRight);
    assert_eq!((poni.shape, poni.parallax), (Some((10, 20)), None));
    let poni = parse(&format!("poni_version: 3\n{config}Parallax: True\n")).unwrap();
    assert_eq!(poni.parallax, Some(true));
}

#[test]
fn keys_have_any_case_and_comments_are_kept_or_skipped() {
    let poni = parse(
        "# Calibration done at: some time\n# Calibrant: LaB6\n# Image: silx:///D:/a.h5?path=/b\n\
         DETECTOR: eiger 4m\nno colon here\nunknown: 3\n",
    )
    .unwrap();
    assert_eq!(poni.calibrant.as_deref(), Some("LaB6"));
    assert_eq!(poni.image.as_deref(), Some("silx:///D:/a.h5?path=/b"));
    assert_eq!(poni.shape, Some((2167, 2070)));
}

#[test]
fn in_an_appended_file_the_last_value_wins() {
    let first = format!("Detector: Pilatus1M\n{POSE}");
    let text = format!("{first}# Calibration done later\nDistance: 0.9\nRot1: 0\n");
    let poni: Poni = text.parse().unwrap();
    assert_eq!(
        (poni.geometry.distance_m, poni.geometry.rot1_rad),
        (0.9, 0.0)
    );
    assert_eq!(poni.geometry.poni1_m, 0.08);
}

#[test]
fn a_binned_image_has_no_known_shape() {
    let poni =
        parse("Detector: Pilatus1M\nDetector_config: {\"pixel1\": 344e-6, \"pixel2\": 344e-6}\n")
            .unwrap();
    assert_eq!((poni.geometry.pixel1_m, poni.shape), (344e-6, None));
}

#[test]
fn errors_name_line_key_found_and_expected() {
    let detector = "Detector: Pilatus1M\n";
    let refused = |text: &str| text.parse::<Poni>().unwrap_err();
    let error = refused(&format!("{detector}{}", POSE.replace("0.08", "wide")));
    assert_eq!(error.kind(), ErrorKind::Malformed);
    assert_eq!(
        error.to_string(),
        "at line 3, key `poni1`: expected a finite number, found `wide`"
    );
    let error = refused(&format!("{detector}{}", POSE.replace("Rot3: 0.02", "")));
    assert_eq!(error.kind(), ErrorKind::MissingMetadata);
    assert!(error.to_string().contains("`rot3`"), "{error}");
    let error = refused(&format!("{detector}{}", POSE.replace("1e-10", "nan")));
    assert_eq!(error.kind(), ErrorKind::Malformed);
    let error = refused(&format!("{detector}{}", POSE.replace("1e-10", "-1e-10")));
    assert!(
        error.to_string().contains("line 8, key `wavelength`"),
        "{error}"
    );
    for (head, kind) in [
        ("", ErrorKind::MissingMetadata),
        ("Detector: NexusDetector\n", ErrorKind::MissingMetadata),
        (
            "poni_version: 4\nDetector: Pilatus1M\n",
            ErrorKind::Unsupported,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: [1]\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: {\"pixel1\": \"a\"}\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: {\"pixel1\": -1}\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: {\"orientation\": 5}\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: {\"max_shape\": [1e9, 2]}\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nDetector_config: {\"max_shape\": [0, 2]}\n",
            ErrorKind::Malformed,
        ),
        (
            "Detector: Pilatus1M\nParallax: perhaps\n",
            ErrorKind::Malformed,
        ),
    ] {
        let error = parse(head).unwrap_err();
        assert_eq!(error.kind(), kind, "{head:?}: {error}");
    }
    assert_eq!(refused("").kind(), ErrorKind::MissingMetadata);
}

#[test]
fn a_file_that_is_no_text_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("image.poni");
    std::fs::write(&path, [b'a', 0xff, 0xfe]).unwrap();
    let error = Poni::read(&path).unwrap_err();
    assert_eq!(error.file(), Some(path.as_path()));
    assert_eq!(error.place(), Some("byte 1"));
    let error = Poni::read(folder.path().join("absent.poni")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
}

#[test]
fn a_name_with_a_line_break_is_not_written() {
    let mut poni = parse("Detector: Pilatus1M\n").unwrap();
    poni.detector = Some("a\nDistance: 3".into());
    assert_eq!(
        poni.to_text().unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

proptest! {
    #[test]
    fn written_and_read_again_every_digit_is_there(
        numbers in proptest::array::uniform6(-10.0..10.0f64),
        wavelength_m in 1e-12..1e-8f64,
        pixels in (1e-6..1e-2f64, 1e-6..1e-2f64),
        orientation in 1..=4u8,
        shape in proptest::option::of((1..5000usize, 1..5000usize)),
        parallax in proptest::option::of(any::<bool>()),
        spline in proptest::option::of(Just("a.spline".to_owned())),
    ) {
        let [distance_m, poni1_m, poni2_m, rot1_rad, rot2_rad, rot3_rad] = numbers;
        let poni = Poni {
            shape,
            parallax,
            spline_file: spline,
            calibrant: Some("AgBh".into()),
            ..Poni::new(Geometry {
                distance_m,
                poni1_m,
                poni2_m,
                rot1_rad,
                rot2_rad,
                rot3_rad,
                wavelength_m,
                pixel1_m: pixels.0,
                pixel2_m: pixels.1,
                orientation: Orientation::from_number(orientation).unwrap(),
                incident_angle_rad: None,
                tilt_rad: 0.0,
            })
        };
        prop_assert_eq!(poni.to_text().unwrap().parse::<Poni>().unwrap(), poni);
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "\\PC{0,200}") {
        let _ = text.parse::<Poni>();
        let _ = parse(&text);
    }
}

#[test]
fn the_files_of_other_programs_are_read() {
    let azint = "maxiv-science__azint/azint/benchmark/bench.poni";
    let lightform = "LightForm-group__pyFAI-integration-caking/example-calibration/\
                     54a26be_DLS_CeO2_1200mm_pyFAI.poni";
    for (file, detector, shape, pixel_m, distance_m) in [
        (
            azint,
            Some("Eiger4M"),
            Some((2167, 2070)),
            75e-6,
            0.1625632751116802,
        ),
        (
            "maxiv-science__azint/tests/test.poni",
            None,
            Some((1000, 1000)),
            1e-4,
            1.0,
        ),
        (
            "xpdAcq__PDFstream/tests/test_data/Ni_poni_file.poni",
            Some("Perkin"),
            Some((2048, 2048)),
            2e-4,
            0.24877604283795038,
        ),
        (lightform, None, None, 296e-6, 1.19389178917929),
        (
            "mlgid-project__pygid/tests/test_data/LaB6_calib.poni",
            Some("Eiger2CdTe_4M"),
            Some((2162, 2068)),
            75e-6,
            0.3271661836504515,
        ),
    ] {
        let Some(path) = data::file(env!("CARGO_MANIFEST_DIR"), file) else {
            continue;
        };
        let poni = Poni::read(&path).unwrap();
        assert_eq!(poni.detector.as_deref(), detector, "{file}");
        assert_eq!(poni.shape, shape, "{file}");
        assert_eq!(poni.geometry.pixel1_m, pixel_m, "{file}");
        assert_eq!(poni.geometry.distance_m, distance_m, "{file}");
        assert_eq!(poni.to_text().unwrap().parse::<Poni>().unwrap(), poni);
    }
}
