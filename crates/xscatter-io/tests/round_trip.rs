//! What this crate writes it reads back: pixels, masks, geometry and headers.

#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::PathBuf;
use std::sync::Arc;

use flate2::write::GzEncoder;
use ndarray::Array2;
use xscatter_core::{
    ErrorKind, Frame, FrameInfo, FrameSource, Geometry, Mask, PixelFlags, PixelPosition,
};
use xscatter_io::write::write;
use xscatter_io::{Compression, Format, WriteDtype, WriteOptions, open};

const SHAPE: (usize, usize) = (37, 53);

fn frame(seed: usize) -> Frame {
    let counts = Array2::from_shape_fn(SHAPE, |(row, column)| {
        let mixed = (row * 7919 + column * 104_729 + seed * 31) % 4001;
        // A few large counts make byte offsets of every width.
        if mixed.is_multiple_of(97) {
            mixed as f32 * 16.0
        } else {
            (mixed % 50) as f32
        }
    });
    let mut mask = Mask::all_valid(SHAPE);
    for column in 0..SHAPE.1 {
        mask.set(20, column, PixelFlags::GAP);
    }
    mask.set(3, 4, PixelFlags::BAD);
    let centre = PixelPosition {
        row: 12.25,
        column: 100.5,
    };
    let geometry = Geometry {
        incident_angle_rad: Some(0.15_f64.to_radians()),
        rot3_rad: 0.5,
        ..Geometry::transmission(2.565, centre, 172e-6, 1.0332e-10)
    };
    let info = FrameInfo {
        exposure_s: Some(0.995),
        geometry: Some(Arc::new(geometry)),
        header: Arc::new([("Sample".to_owned(), "film 7".to_owned())].into()),
        ..Default::default()
    };
    Frame::new(counts).with_mask(mask).unwrap().with_info(info)
}

fn dtypes(format: Format) -> &'static [WriteDtype] {
    match format {
        Format::Cbf => &[WriteDtype::I32],
        Format::Npy => &[WriteDtype::I32, WriteDtype::F32],
        _ => &[
            WriteDtype::I32,
            WriteDtype::U16,
            WriteDtype::U32,
            WriteDtype::F32,
        ],
    }
}

fn round_trip(format: Format, frames: &[Frame], options: WriteOptions) -> Vec<Frame> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("name.that.says.nothing");
    write(&path, format, frames, &options).unwrap();
    assert_eq!(
        std::fs::read_dir(folder.path()).unwrap().count(),
        1,
        "no temporary file stays"
    );
    let file = open(&path).unwrap();
    assert_eq!(file.format(), format);
    assert_eq!(file.shape(), SHAPE);
    assert_eq!(file.len(), frames.len());
    file.frames().map(Result::unwrap).collect()
}

#[test]
fn pixels_and_masks_come_back() {
    for format in Format::ALL.into_iter().filter(|format| format.can_write()) {
        for &dtype in dtypes(format) {
            let options = WriteOptions {
                dtype,
                ..Default::default()
            };
            let written = frame(1);
            let read = &round_trip(format, std::slice::from_ref(&written), options)[0];
            let what = format!("{format} {dtype:?}");
            for row in 0..SHAPE.0 {
                for column in 0..SHAPE.1 {
                    let valid = written.is_valid(row, column);
                    assert_eq!(read.is_valid(row, column), valid, "{what}");
                    if valid {
                        let (a, b) = (read.counts(), written.counts());
                        assert_eq!(a[(row, column)], b[(row, column)], "{what}");
                    }
                }
            }
            if dtype == WriteDtype::I32 {
                assert_eq!(read.mask(), written.mask(), "{what}: gaps stay gaps");
            }
        }
    }
}

#[test]
fn geometry_exposure_and_header_come_back() {
    for format in [Format::Edf, Format::Cbf, Format::Tiff, Format::Nexus] {
        let written = frame(2);
        let read = &round_trip(
            format,
            std::slice::from_ref(&written),
            WriteOptions::default(),
        )[0];
        assert_eq!(read.info.geometry, written.info.geometry, "{format}");
        assert_eq!(read.info.exposure_s, Some(0.995), "{format}");
        let sample = read
            .info
            .header
            .iter()
            .find(|(key, _)| key.ends_with("Sample"));
        assert_eq!(
            sample.map(|(_, value)| value.as_str()),
            Some("film 7"),
            "{format}"
        );
        assert!(read.info.warnings.is_empty());
    }
}

#[test]
fn several_frames_stay_in_order() {
    let frames: Vec<Frame> = (0..5).map(frame).collect();
    for format in [Format::Edf, Format::Npy, Format::Nexus] {
        for compression in [
            Compression::None,
            Compression::Gzip,
            Compression::BitshuffleLz4,
        ] {
            let options = WriteOptions {
                dtype: WriteDtype::I32,
                compression,
            };
            let read = round_trip(format, &frames, options);
            for (index, (read, written)) in read.iter().zip(&frames).enumerate() {
                let (a, b): (Vec<f32>, Vec<f32>) = (
                    read.valid_counts().collect(),
                    written.valid_counts().collect(),
                );
                assert_eq!(a, b, "{format} {compression:?} frame {index}");
                assert_eq!(read.info.index, index);
            }
        }
    }
}

#[test]
fn gzipped_files_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let written = frame(4);
    for format in Format::ALL.into_iter().filter(|format| format.can_write()) {
        let path = folder.path().join(format.extension());
        write(
            &path,
            format,
            std::slice::from_ref(&written),
            &WriteOptions::default(),
        )
        .unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(&std::fs::read(&path).unwrap()).unwrap();
        let packed = gzip.finish().unwrap();
        std::fs::write(&path, &packed).unwrap();
        let read = open(&path).unwrap().read(0).unwrap();
        assert!(read.valid_counts().eq(written.valid_counts()), "{format}");
        std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
        assert_eq!(open(&path).unwrap_err().kind(), ErrorKind::Truncated);
    }
}

#[test]
fn a_beam_centre_alone_comes_back() {
    let centre = PixelPosition {
        row: -3.5,
        column: 20.25,
    };
    for format in [Format::Edf, Format::Cbf, Format::Tiff, Format::Nexus] {
        let mut written = frame(3);
        written.info.geometry = None;
        written.info.beam_centre_px = Some(centre);
        let read = &round_trip(format, &[written], WriteOptions::default())[0];
        assert_eq!(read.info.beam_centre_px, Some(centre), "{format}");
        assert!(read.info.geometry.is_none(), "{format}");
    }
}

#[test]
fn formats_with_one_frame_refuse_several_and_leave_the_old_file() {
    let folder = tempfile::tempdir().unwrap();
    let path: PathBuf = folder.path().join("a.cbf");
    let options = WriteOptions::default();
    write(&path, Format::Cbf, &[frame(1)], &options).unwrap();
    let before = std::fs::read(&path).unwrap();
    let error = write(&path, Format::Cbf, &[frame(1), frame(2)], &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument);
    assert_eq!(error.message(), "CBF holds one frame, got 2");
    let mut negative = frame(1);
    negative.as_mut_slice()[0] = -4.0;
    let error = write(&path, Format::Cbf, &[negative], &options).unwrap_err();
    assert_eq!(error.place(), Some("pixel (0, 0)"));
    assert_eq!(std::fs::read(&path).unwrap(), before);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn what_a_type_cannot_hold_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a");
    let refuse = |format, dtype, count: f32| {
        let options = WriteOptions {
            dtype,
            ..Default::default()
        };
        let frame = Frame::new(Array2::from_elem((2, 2), count));
        write(&path, format, &[frame], &options).unwrap_err().kind()
    };
    let invalid = ErrorKind::InvalidArgument;
    assert_eq!(refuse(Format::Edf, WriteDtype::U16, 65535.0), invalid);
    assert_eq!(refuse(Format::Edf, WriteDtype::I32, 3e9), invalid);
    assert_eq!(refuse(Format::Edf, WriteDtype::F32, f32::NAN), invalid);
    assert_eq!(refuse(Format::Cbf, WriteDtype::F32, 1.0), invalid);
    let options = WriteOptions {
        dtype: WriteDtype::U16,
        ..Default::default()
    };
    let error = write(&path, Format::Npy, &[frame(1)], &options).unwrap_err();
    assert_eq!(error.kind(), invalid);
    assert_eq!(
        write(&path, Format::Edf, &[], &options).unwrap_err().kind(),
        invalid
    );
    let shapes = [
        Frame::new(Array2::zeros((2, 2))),
        Frame::new(Array2::zeros((2, 3))),
    ];
    let error = write(&path, Format::Edf, &shapes, &options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    assert!(!path.exists());
}

/// A single row, a single pixel: what NeXus calls `data` is an image whatever its shape.
#[test]
fn the_smallest_frames_come_back_in_every_format() {
    let folder = tempfile::tempdir().unwrap();
    for format in [
        Format::Edf,
        Format::Cbf,
        Format::Tiff,
        Format::Npy,
        Format::Nexus,
    ] {
        for shape in [(1, 1), (1, 7), (7, 1), (2, 2)] {
            let counts = Array2::from_shape_fn(shape, |(row, column)| (row + 2 * column) as f32);
            let path = folder
                .path()
                .join(format!("{shape:?}.{}", format.extension()));
            let frame = Frame::new(counts.clone());
            write(&path, format, &[frame], &WriteOptions::default()).unwrap();
            let read = open(&path).unwrap_or_else(|error| panic!("{format} {shape:?}: {error}"));
            assert_eq!(read.read(0).unwrap().counts(), counts, "{format} {shape:?}");
        }
    }
}
