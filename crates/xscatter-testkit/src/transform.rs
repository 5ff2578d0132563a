//! The contract of [`FrameTransform`].

use std::thread;

use xscatter_core::seed::derive;
use xscatter_core::{ErrorKind, Frame, FrameTransform, PixelFlags};

use crate::bits::{
    FILLS, all_masked, filled, flags, frame_difference, valid_difference, valid_nan,
    with_random_mask,
};
use crate::violation::{Check, Violation, ensure};

/// Checks that a transform keeps the contract of [`FrameTransform`] on these frames.
///
/// | rule | demands |
/// |---|---|
/// | `input` | at least one frame to check on |
/// | `repeatable` | the same frame gives the same bits, or the same kind of error |
/// | `threads` | so it does on two threads at once |
/// | `masked-pixels` | what a masked pixel holds changes no valid pixel of the result |
/// | `not-a-number` | a pixel that becomes not a number is masked |
///
/// The kit makes masked variants of the frames itself: about one pixel in eight and one whole row,
/// and all pixels.
///
/// # Errors
/// The first rule that is broken.
pub fn check_transform(transform: &dyn FrameTransform, frames: &[Frame]) -> Result<(), Violation> {
    ensure(!frames.is_empty(), "input", || {
        "expected frames to check the transform on, got none".to_owned()
    })?;
    for (index, frame) in frames.iter().enumerate() {
        check_one(transform, frame, index as u64)
            .map_err(|violation| violation.within(format_args!("frame {index}")))?;
    }
    Ok(())
}

/// Checks that a transform is a repair: it leaves the measured pixels alone and flags what it made
/// up.
///
/// It checks all that [`check_transform`] does, and on top of it
///
/// | rule | demands |
/// |---|---|
/// | `shape` | the frame keeps its shape |
/// | `healed-flag` | a pixel with a new value, or one that becomes valid, is flagged [`PixelFlags::HEALED`] |
///
/// # Errors
/// The first rule that is broken.
pub fn check_repair(transform: &dyn FrameTransform, frames: &[Frame]) -> Result<(), Violation> {
    check_transform(transform, frames)?;
    for (index, frame) in frames.iter().enumerate() {
        let masked = with_random_mask(frame, derive(SEED, index as u64));
        for before in [frame, &masked] {
            if let Ok(after) = transform.apply(before.clone()) {
                measured_or_flagged(before, &after)
                    .map_err(|violation| violation.within(format_args!("frame {index}")))?;
            }
        }
    }
    Ok(())
}

const SEED: u64 = 0x7472_616E_7366;

type Applied = Result<Frame, ErrorKind>;

fn apply(transform: &dyn FrameTransform, frame: &Frame) -> Applied {
    transform.apply(frame.clone()).map_err(|error| error.kind())
}

fn check_one(transform: &dyn FrameTransform, frame: &Frame, index: u64) -> Check {
    let first = apply(transform, frame);
    same(
        "repeatable",
        &first,
        &apply(transform, frame),
        frame_difference,
    )?;
    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| apply(transform, frame));
        let other = scope.spawn(|| apply(transform, frame));
        (join(one), join(other))
    });
    same("threads", &first, &one, frame_difference)?;
    same("threads", &first, &other, frame_difference)?;

    let masked = with_random_mask(frame, derive(SEED, index));
    for masked in [frame, &masked, &all_masked(frame)] {
        let expected = apply(transform, &filled(masked, FILLS[0]));
        if valid_nan(masked).is_none()
            && let Ok(result) = &expected
            && let Some((row, column)) = valid_nan(result)
        {
            return Err(Violation::new(
                "not-a-number",
                format!("pixel ({row}, {column}) of the result is NaN and not masked"),
            ));
        }
        for fill in &FILLS[1..] {
            let found = apply(transform, &filled(masked, *fill));
            same("masked-pixels", &expected, &found, valid_difference).map_err(|violation| {
                violation.within(format_args!("0 and {fill} in the masked pixels"))
            })?;
        }
    }
    Ok(())
}

fn join(handle: thread::ScopedJoinHandle<'_, Applied>) -> Applied {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

fn same(
    rule: &'static str,
    left: &Applied,
    right: &Applied,
    compare: fn(&Frame, &Frame) -> Option<String>,
) -> Check {
    let difference = match (left, right) {
        (Ok(left), Ok(right)) => compare(left, right),
        (Err(left), Err(right)) if left == right => None,
        (left, right) => Some(format!(
            "errors {:?} and {:?}",
            left.as_ref().err(),
            right.as_ref().err()
        )),
    };
    difference.map_or(Ok(()), |difference| {
        Err(Violation::new(
            rule,
            format!("the results differ: {difference}"),
        ))
    })
}

fn measured_or_flagged(before: &Frame, after: &Frame) -> Check {
    ensure(before.shape() == after.shape(), "shape", || {
        format!(
            "expected {:?} as before, got {:?}",
            before.shape(),
            after.shape()
        )
    })?;
    for ((row, column), &count) in after.counts().indexed_iter() {
        let now = flags(after, row, column);
        if !now.is_valid() || now.contains(PixelFlags::HEALED) {
            continue;
        }
        let measured = flags(before, row, column).is_valid()
            && before.counts()[(row, column)].to_bits() == count.to_bits();
        ensure(measured, "healed-flag", || {
            format!("pixel ({row}, {column}) was repaired to {count} without a flag")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::Array2;
    use xscatter_core::{Error, transform_fn};

    use super::*;

    fn frames() -> Vec<Frame> {
        (0..2)
            .map(|index| {
                Frame::new(Array2::from_shape_fn((8, 9), |(row, column)| {
                    (row * 9 + column + index) as f32
                }))
            })
            .collect()
    }

    fn rule(transform: &dyn FrameTransform) -> &'static str {
        check_transform(transform, &frames()).unwrap_err().rule
    }

    /// Puts the mean of the valid pixels into the masked ones.
    fn fill_with_mean(mut frame: Frame) -> xscatter_core::Result<Frame> {
        if frame.valid_count() == 0 {
            return Err(Error::new(ErrorKind::DegenerateData, "no valid pixel"));
        }
        let mean = frame.valid_counts().sum::<f32>() / frame.valid_count() as f32;
        let (rows, columns) = frame.shape();
        for pixel in 0..rows * columns {
            let (row, column) = (pixel / columns, pixel % columns);
            if !frame.is_valid(row, column) {
                frame.heal(row, column, mean);
            }
        }
        Ok(frame)
    }

    #[test]
    fn transforms_that_keep_the_contract_pass() {
        check_transform(&(), &frames()).unwrap();
        check_repair(&transform_fn(fill_with_mean), &frames()).unwrap();
    }

    #[test]
    fn every_violation_is_found() {
        let calls = AtomicUsize::new(0);
        let drifting = transform_fn(|mut frame: Frame| {
            frame.as_mut_slice()[0] = calls.fetch_add(1, Ordering::Relaxed) as f32;
            Ok(frame)
        });
        assert_eq!(rule(&drifting), "repeatable");

        let home = thread::current().id();
        let homesick = transform_fn(move |mut frame: Frame| {
            frame.as_mut_slice()[0] = f32::from(u8::from(thread::current().id() == home));
            Ok(frame)
        });
        assert_eq!(rule(&homesick), "threads");

        let mean_of_all = transform_fn(|mut frame: Frame| {
            let mean = frame.counts().mean().expect("a frame with pixels");
            frame
                .as_mut_slice()
                .iter_mut()
                .for_each(|count| *count -= mean);
            Ok(frame)
        });
        assert_eq!(rule(&mean_of_all), "masked-pixels");

        let log = transform_fn(|mut frame: Frame| {
            frame
                .as_mut_slice()
                .iter_mut()
                .for_each(|count| *count = (*count - 1.0).ln());
            Ok(frame)
        });
        assert_eq!(rule(&log), "not-a-number");
        assert_eq!(check_transform(&(), &[]).unwrap_err().rule, "input");
    }

    #[test]
    fn a_repair_without_a_flag_is_found() {
        let smoothing = transform_fn(|mut frame: Frame| {
            frame.as_mut_slice()[1] = 3.5;
            Ok(frame)
        });
        let rule = check_repair(&smoothing, &frames()).unwrap_err().rule;
        assert_eq!(rule, "healed-flag");

        let cropping =
            transform_fn(|frame: Frame| Ok(Frame::new(Array2::zeros((1, frame.shape().1)))));
        assert_eq!(
            check_repair(&cropping, &frames()).unwrap_err().rule,
            "shape"
        );

        let unmasking = transform_fn(|frame: Frame| {
            let counts = frame.counts().mapv(|_| 0.0);
            Ok(Frame::new(counts))
        });
        let rule = check_repair(&unmasking, &frames()).unwrap_err().rule;
        assert_eq!(rule, "healed-flag");
    }
}
