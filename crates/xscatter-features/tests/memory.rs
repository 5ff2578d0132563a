//! A frame in flight takes at most eight times the memory of its pixels, for every extractor.

use ndarray::Array2;
use xscatter_core::{FeatureExtractor as _, Frame, FrameInfo, Geometry, Mask, PixelPosition};
use xscatter_features::FeatureConfig;
use xscatter_testkit::memory::{Counting, peak};

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_frame_in_flight_takes_eight_times_its_pixels() {
    let shape = (501, 487);
    let counts = Array2::from_shape_fn(shape, |(row, column)| {
        (row * 31 + column * column * 7 + row * column) as f32 % 113.0
    });
    let bad = Array2::from_shape_fn(shape, |(row, column)| row % 195 < 3 || column == 240);
    let centre = PixelPosition {
        row: 240.0,
        column: 260.0,
    };
    let frame = Frame::new(counts)
        .with_mask(Mask::from_bad(bad.view()))
        .expect("the shapes agree")
        .with_info(FrameInfo {
            geometry: Some(Geometry::transmission(1.0, centre, 172e-6, 1e-10).into()),
            ..Default::default()
        });
    let frames = [frame];
    // One thread, so that all of the work is done by the one that is watched.
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .use_current_thread()
        .build()
        .expect("the current thread can be used");
    pool.install(|| {
        for config in FeatureConfig::all() {
            let extractor = config.build().expect("the defaults are valid");
            // Tables that are made once and kept are no frame in flight.
            let _warm = extractor.extract(&frames);
            let held = peak(|| extractor.extract(&frames).map(drop).expect("a sound frame"));
            let limit = 8 * 4 * shape.0 * shape.1;
            assert!(held <= limit, "{}: {held} of {limit} bytes", config.name());
        }
    });
}
