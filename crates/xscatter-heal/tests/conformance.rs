//! Every transform of the crate keeps the contract of the seam; repairs flag what they make up.

use ndarray::Array2;
use proptest::prelude::*;
use xscatter_core::{Frame, FrameTransform, Mask, PixelFlags, PixelPosition};
use xscatter_heal::{
    BeamCentre, CentreConfig, Fallback, GapConfig, GapFill, GapMethod, ZingerConfig, ZingerRemoval,
};
use xscatter_testkit::{check_repair, check_transform};

fn zingers() -> ZingerRemoval {
    ZingerRemoval::new(ZingerConfig::default()).expect("a sensible setting")
}

fn gaps(method: GapMethod) -> GapFill {
    GapFill::new(GapConfig {
        method,
        fill: PixelFlags::GAP
            .union(PixelFlags::BAD)
            .union(PixelFlags::USER),
        max_distance_px: 3.0,
    })
    .expect("a sensible setting")
}

/// A decay about a centre with a texture, a spike and a gap.
fn frame(shape: (usize, usize), seed: usize) -> Frame {
    let counts = Array2::from_shape_fn(shape, |(row, column)| {
        let r2 = row.abs_diff(17).pow(2) + column.abs_diff(20).pow(2);
        let spike = if (row, column) == (3, 4) { 4000 } else { 0 };
        (6_000 / (15 + r2) + spike + (row * 7 + column * (seed + 3) + row * column) % 5) as f32
    });
    let mut mask = Mask::all_valid(shape);
    for column in 0..shape.1 {
        mask.insert(9 + seed % 3, column, PixelFlags::GAP);
    }
    let mut frame = Frame::new(counts).with_mask(mask).expect("the same shape");
    frame.info.beam_centre_px = Some(PixelPosition {
        row: 17.5,
        column: 20.5,
    });
    frame
}

#[test]
fn repairs_leave_measured_pixels_alone_and_flag_the_others() {
    let frames = [frame((30, 41), 0), frame((36, 33), 1)];
    for repair in [
        &zingers() as &dyn FrameTransform,
        &gaps(GapMethod::Neighbours),
        &gaps(GapMethod::FriedelThenNeighbours),
        &(zingers(), gaps(GapMethod::Neighbours)),
    ] {
        check_repair(repair, &frames).unwrap_or_else(|violation| panic!("{violation}"));
    }
}

#[test]
fn the_beam_centre_keeps_the_contract() {
    let mut frames = [frame((60, 70), 0), frame((64, 61), 1)];
    for frame in &mut frames {
        frame.info.beam_centre_px = None;
    }
    for fallback in [Fallback::Error, Fallback::FrameCentre] {
        let centre = BeamCentre::new(CentreConfig {
            fallback,
            ..Default::default()
        })
        .expect("a sensible setting");
        check_transform(&centre, &frames).unwrap_or_else(|violation| panic!("{violation}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..Default::default() })]

    #[test]
    fn repairing_twice_is_repairing_once(
        rows in 12usize..40, columns in 12usize..40, seed in 0usize..100,
        spikes in prop::collection::vec((0usize..12, 0usize..12, 10u16..5000), 0..12),
    ) {
        let mut frame = frame((rows, columns), seed);
        for (row, column, count) in spikes {
            frame.as_mut_slice()[row * columns + column] += f32::from(count);
        }
        for repair in [&zingers() as &dyn FrameTransform, &gaps(GapMethod::Neighbours)] {
            let once = repair.apply(frame.clone()).expect("repairs do not fail");
            let twice = repair.apply(once.clone()).expect("repairs do not fail");
            prop_assert_eq!(once.shape(), (rows, columns));
            prop_assert_eq!(once.counts(), twice.counts());
            prop_assert_eq!(once.mask(), twice.mask());
        }
    }

    #[test]
    fn what_masked_pixels_hold_moves_no_centre(
        held in prop::sample::select(vec![f32::NAN, f32::INFINITY, -2.0, 1e30]),
    ) {
        let clean = frame((60, 70), 2);
        let mut spoiled = clean.clone();
        let mask = clean.mask().expect("the frame has a gap").clone();
        for (count, flags) in spoiled.as_mut_slice().iter_mut().zip(mask.as_slice()) {
            if !flags.is_valid() {
                *count = held;
            }
        }
        let centre = BeamCentre::new(CentreConfig::default()).expect("a sensible setting");
        prop_assert_eq!(centre.estimate(&clean), centre.estimate(&spoiled));
    }
}
