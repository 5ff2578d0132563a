//! What every extractor of the catalogue makes of frames that have little or nothing to describe: values
//! that are finite or missing, or an error that names the frame; never a panic, never an infinity.

use ndarray::Array2;
use xscatter_core::{
    ErrorKind, FeatureExtractor as _, Frame, FrameInfo, Geometry, Mask, PixelPosition,
};
use xscatter_features::FeatureConfig;

fn frame(counts: Array2<f32>) -> Frame {
    let (rows, columns) = counts.dim();
    let centre = PixelPosition {
        row: rows as f64 / 2.0,
        column: columns as f64 / 2.0,
    };
    Frame::new(counts).with_info(FrameInfo {
        geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
        ..Default::default()
    })
}

fn waves(shape: (usize, usize)) -> Array2<f32> {
    Array2::from_shape_fn(shape, |(row, column)| {
        ((row * 7 + column * column) % 31) as f32
    })
}

/// Kinds of bad frames, and what is wrong with each.
fn bad_frames() -> Vec<(&'static str, Frame)> {
    let shape = (144, 150);
    let all_masked = Mask::from_bad(Array2::from_elem(shape, true).view());
    let all_but_one = Array2::from_shape_fn(shape, |place| place != (70, 71));
    let all_but_one = Mask::from_bad(all_but_one.view());
    let masked = |mask| {
        frame(waves(shape))
            .with_mask(mask)
            .expect("the shapes agree")
    };
    let mut stray = waves(shape);
    stray[(3, 5)] = f32::NAN;
    let mut endless = waves(shape);
    endless[(140, 2)] = f32::INFINITY;
    vec![
        ("all masked", masked(all_masked)),
        ("all masked but one", masked(all_but_one)),
        ("constant", frame(Array2::from_elem(shape, 7.0))),
        ("huge", frame(Array2::from_elem(shape, 3e38))),
        ("all zero", frame(Array2::zeros(shape))),
        ("a single pixel", frame(Array2::ones((1, 1)))),
        ("no pixel", frame(Array2::zeros((0, 4)))),
        ("a row", frame(waves((1, 200)))),
        ("a column", frame(waves((200, 1)))),
        ("far from square", frame(waves((130, 1100)))),
        ("NaN", frame(stray)),
        ("infinite", frame(endless)),
        (
            "negative counts",
            frame(waves(shape).mapv(|count| count - 20.0)),
        ),
        ("no metadata", Frame::new(waves(shape))),
    ]
}

#[test]
fn values_are_finite_or_missing_and_errors_name_the_frame() {
    for config in FeatureConfig::all() {
        let extractor = config.build().expect("the defaults are valid");
        for (what, frame) in bad_frames() {
            match extractor.extract(&[frame]) {
                Ok(table) => {
                    for (column, value) in table.columns().iter().zip(table.values()) {
                        assert!(!value.is_infinite(), "{what}: {column} is {value}");
                    }
                }
                Err(error) => {
                    let expected = [
                        ErrorKind::DegenerateData,
                        ErrorKind::MissingMetadata,
                        ErrorKind::ShapeMismatch,
                    ];
                    assert!(expected.contains(&error.kind()), "{what}: {error:?}");
                    assert_eq!(error.place(), Some("frame 0"), "{what}: {error}");
                }
            }
        }
    }
}

#[test]
fn no_valid_pixel_and_counts_that_are_no_numbers_are_errors() {
    for config in FeatureConfig::all() {
        // It reads no pixel.
        if config.name() == "q-range" {
            continue;
        }
        let extractor = config.build().expect("the defaults are valid");
        for (what, frame) in bad_frames() {
            if ["all masked", "no pixel", "NaN", "infinite"].contains(&what) {
                assert!(
                    extractor.extract(&[frame]).is_err(),
                    "{}: {what}",
                    config.name()
                );
            }
        }
    }
}
