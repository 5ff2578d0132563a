//! The contract of [`FeatureExtractor`].

use std::collections::BTreeSet;
use std::sync::Arc;
use std::thread;

use ndarray::{Array2, s};
use xscatter_core::seed::derive;
use xscatter_core::{ErrorKind, FeatureExtractor, Frame};

use crate::bits::{
    FILLS, Outcome, all_masked, difference, filled, outcome, outcome_difference, with_random_mask,
};
use crate::violation::{Check, Violation, ensure};

/// Checks that an extractor keeps the contract of [`FeatureExtractor`] on these frames.
///
/// | rule | demands |
/// |---|---|
/// | `input` | two or more frames, from which features can be extracted |
/// | `columns` | at least one column; names are unique, not empty and the same at every call |
/// | `out-shape` | an `out` of another shape is an [`ErrorKind::ShapeMismatch`] |
/// | `every-value-written` | the rows do not depend on what `out` held before |
/// | `own-block` | `out` may be a block of columns of a wider array; nothing beside it is touched |
/// | `repeatable` | the same frames give the same bits |
/// | `batch` | a batch gives what its frames give one by one, in any order, repeats included |
/// | `threads` | two threads at once get the same bits |
/// | `masked-pixels` | what a masked pixel holds (0, 1e30, -7.5, NaN, ∞) changes no bit of a row |
///
/// The kit makes masked variants of the frames itself: about one pixel in eight and one whole row,
/// and all pixels. There the extractor may fail, as long as it fails whatever the pixels hold.
///
/// # Errors
/// The first rule that is broken.
///
/// ```
/// # use std::sync::Arc;
/// # use xscatter_core::ndarray::{Array2, ArrayViewMut2};
/// # use xscatter_core::{FeatureExtractor, Frame, Result};
/// struct Brightest([Arc<str>; 1]);
/// impl FeatureExtractor for Brightest {
/// #     fn name(&self) -> &str {
/// #         "brightest"
/// #     }
/// #     fn columns(&self) -> &[Arc<str>] {
/// #         &self.0
/// #     }
///     fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
///         self.check_out(frames, &out)?;
///         for (frame, mut row) in frames.iter().zip(out.rows_mut()) {
///             row[0] = frame.valid_counts().fold(0.0, f32::max);
///         }
///         Ok(())
///     }
/// }
///
/// let frame = |value| Frame::new(Array2::from_elem((8, 8), value));
/// xscatter_testkit::check_extractor(&Brightest(["max".into()]), &[frame(1.0), frame(2.0)])?;
/// # Ok::<(), xscatter_testkit::Violation>(())
/// ```
pub fn check_extractor(
    extractor: &dyn FeatureExtractor,
    frames: &[Frame],
) -> Result<(), Violation> {
    ensure(frames.len() >= 2, "input", || {
        format!(
            "expected two or more frames to check on, got {}",
            frames.len()
        )
    })?;
    let columns = extractor.columns().to_vec();
    check_columns(&columns)?;
    check_shapes(extractor, frames)?;

    let batch = extract(extractor, frames, HELD);
    if let Err(kind) = batch {
        return Err(Violation::new(
            "input",
            format!("the frames give an error of kind {kind:?}, so there is nothing to check"),
        ));
    }
    same("repeatable", &batch, &extract(extractor, frames, HELD))?;
    same(
        "every-value-written",
        &batch,
        &extract(extractor, frames, ALSO_HELD),
    )?;
    check_block(extractor, frames, &batch)?;
    check_batch(extractor, frames, &batch)?;

    let (one, other) = thread::scope(|scope| {
        let one = scope.spawn(|| extract(extractor, frames, HELD));
        let other = scope.spawn(|| extract(extractor, frames, HELD));
        (join(one), join(other))
    });
    same("threads", &batch, &one)?;
    same("threads", &batch, &other)?;

    for (index, frame) in frames.iter().enumerate() {
        let masked = with_random_mask(frame, derive(SEED, index as u64));
        for masked in [frame, &masked, &all_masked(frame)] {
            check_masked(extractor, masked)
                .map_err(|violation| violation.within(format_args!("frame {index}")))?;
        }
    }
    ensure(extractor.columns() == columns, "columns", || {
        "the columns are not those from before the extraction".to_owned()
    })
}

const SEED: u64 = 0x6665_6174_7572;

/// What `out` holds before the call; a row must not depend on it.
const HELD: f32 = 7.25;
const ALSO_HELD: f32 = -1.234_5e33;

fn check_columns(columns: &[Arc<str>]) -> Check {
    ensure(!columns.is_empty(), "columns", || {
        "expected a column, got none".to_owned()
    })?;
    let mut seen = BTreeSet::new();
    for name in columns {
        ensure(!name.trim().is_empty(), "columns", || {
            "a column has an empty name".to_owned()
        })?;
        ensure(seen.insert(name), "columns", || {
            format!("two columns are named {name:?}")
        })?;
    }
    Ok(())
}

fn check_shapes(extractor: &dyn FeatureExtractor, frames: &[Frame]) -> Check {
    let (rows, columns) = (frames.len(), extractor.columns().len());
    for shape in [
        (rows, columns + 1),
        (rows + 1, columns),
        (rows - 1, columns),
    ] {
        let mut out = Array2::zeros(shape);
        let found = match extractor.extract_into(frames, out.view_mut()) {
            Ok(()) => "no error".to_owned(),
            Err(error) if error.kind() == ErrorKind::ShapeMismatch => continue,
            Err(error) => format!("an error of kind {:?}", error.kind()),
        };
        return Err(Violation::new(
            "out-shape",
            format!(
                "an output of {shape:?} for {:?}: expected an error of kind ShapeMismatch, got {found}",
                (rows, columns)
            ),
        ));
    }
    Ok(())
}

fn extract(extractor: &dyn FeatureExtractor, frames: &[Frame], held: f32) -> Outcome {
    let mut out = Array2::from_elem((frames.len(), extractor.columns().len()), held);
    let result = extractor.extract_into(frames, out.view_mut());
    outcome(result.map(|()| out))
}

fn check_block(extractor: &dyn FeatureExtractor, frames: &[Frame], batch: &Outcome) -> Check {
    let columns = extractor.columns().len();
    let mut wide = Array2::from_elem((frames.len(), columns + 2), HELD);
    let block = wide.slice_mut(s![.., 1..=columns]);
    let result = extractor.extract_into(frames, block);
    let inner = outcome(result.map(|()| wide.slice(s![.., 1..=columns]).to_owned()));
    same("own-block", batch, &inner)?;
    let beside = [wide.column(0), wide.column(columns + 1)];
    ensure(
        beside.iter().flatten().all(|value| *value == HELD),
        "own-block",
        || "a column beside the block was written".to_owned(),
    )
}

fn check_batch(extractor: &dyn FeatureExtractor, frames: &[Frame], batch: &Outcome) -> Check {
    let Ok(batch) = batch else { return Ok(()) };
    for (row, frame) in frames.iter().enumerate() {
        let alone = extract(extractor, std::slice::from_ref(frame), HELD);
        let expected = Ok(batch.slice(s![row..=row, ..]).to_owned());
        same("batch", &expected, &alone)
            .map_err(|violation| violation.within(format_args!("frame {row} alone")))?;
    }
    let mut order: Vec<usize> = (0..frames.len()).rev().collect();
    order.push(0);
    let shuffled: Vec<Frame> = order.iter().map(|&row| frames[row].clone()).collect();
    let expected = Ok(batch.select(ndarray::Axis(0), &order));
    same("batch", &expected, &extract(extractor, &shuffled, HELD))
        .map_err(|violation| violation.within("the frames backwards, the first one twice"))?;
    let none = extract(extractor, &[], HELD);
    ensure(none.is_ok(), "batch", || {
        format!("no frames: expected no rows, got {none:?}")
    })
}

fn check_masked(extractor: &dyn FeatureExtractor, masked: &Frame) -> Check {
    let rows = |fill| {
        let frame = filled(masked, fill);
        extract(extractor, std::slice::from_ref(&frame), HELD)
    };
    let expected = rows(FILLS[0]);
    for fill in &FILLS[1..] {
        if let Some(difference) = outcome_difference(&expected, &rows(*fill)) {
            return Err(Violation::new(
                "masked-pixels",
                format!(
                    "{} of {} pixels masked, 0 and {fill} in them: {difference}",
                    masked.as_slice().len() - masked.valid_count(),
                    masked.as_slice().len()
                ),
            ));
        }
    }
    Ok(())
}

fn same(rule: &'static str, expected: &Outcome, found: &Outcome) -> Check {
    let difference = match (expected, found) {
        (Ok(expected), Ok(found)) => difference(expected.view(), found.view()),
        (expected, found) => outcome_difference(expected, found),
    };
    difference.map_or(Ok(()), |difference| {
        Err(Violation::new(
            rule,
            format!("the rows differ: {difference}"),
        ))
    })
}

fn join(handle: thread::ScopedJoinHandle<'_, Outcome>) -> Outcome {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::ArrayViewMut2;
    use xscatter_core::{Error, Result};

    use super::*;

    /// Ways to break the contract.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Flaw {
        None,
        SameNames,
        NoColumns,
        AnyShape,
        OtherKind,
        Skips,
        Adds,
        Drifts,
        SeesBatch,
        SeesPosition,
        RefusesEmpty,
        SeesThread,
        SeesMasked,
        ZeroTimesMasked,
        Contiguous,
    }

    /// Mean and maximum of the valid pixels.
    struct Simple {
        flaw: Flaw,
        columns: Vec<Arc<str>>,
        calls: AtomicUsize,
        home: thread::ThreadId,
    }

    impl Simple {
        fn new(flaw: Flaw) -> Self {
            let names: &[&str] = match flaw {
                Flaw::SameNames => &["mean", "mean"],
                Flaw::NoColumns => &[],
                _ => &["mean", "max"],
            };
            Self {
                flaw,
                columns: names.iter().map(|&name| name.into()).collect(),
                calls: AtomicUsize::new(0),
                home: thread::current().id(),
            }
        }

        fn row(&self, frame: &Frame) -> Result<[f32; 2]> {
            if frame.valid_count() == 0 && self.flaw != Flaw::SeesMasked {
                return Err(Error::new(ErrorKind::DegenerateData, "no valid pixel"));
            }
            let sum: f32 = match self.flaw {
                Flaw::SeesMasked => frame.as_slice().iter().sum(),
                // A weight of 0 is no mask: 0 × NaN is NaN.
                Flaw::ZeroTimesMasked => frame
                    .counts()
                    .indexed_iter()
                    .map(|((row, column), count)| {
                        f32::from(u8::from(frame.is_valid(row, column))) * count
                    })
                    .sum(),
                _ => frame.valid_counts().sum(),
            };
            let mean = sum / frame.valid_count() as f32;
            Ok([mean, frame.valid_counts().fold(0.0, f32::max)])
        }
    }

    impl FeatureExtractor for Simple {
        fn name(&self) -> &str {
            "simple"
        }

        fn columns(&self) -> &[Arc<str>] {
            &self.columns
        }

        fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
            match self.flaw {
                Flaw::AnyShape => {}
                Flaw::OtherKind if self.check_out(frames, &out).is_err() => {
                    return Err(Error::new(ErrorKind::Other, "another shape"));
                }
                _ => self.check_out(frames, &out)?,
            }
            if self.flaw == Flaw::RefusesEmpty && frames.is_empty() {
                return Err(Error::new(ErrorKind::InvalidArgument, "no frames"));
            }
            if self.flaw == Flaw::Contiguous && !out.is_standard_layout() {
                return Err(Error::new(ErrorKind::Other, "not contiguous"));
            }
            let call = self.calls.fetch_add(1, Ordering::Relaxed);
            for (position, (frame, mut row)) in frames.iter().zip(out.rows_mut()).enumerate() {
                let [mean, max] = self.row(frame)?;
                if row.len() < 2 {
                    continue;
                }
                row[0] = match self.flaw {
                    Flaw::Adds => row[0] + mean,
                    Flaw::Drifts => mean + call as f32,
                    Flaw::SeesBatch => mean + frames.len() as f32,
                    Flaw::SeesPosition => mean + (frames.len() > 2 && position == 0) as u8 as f32,
                    Flaw::SeesThread if thread::current().id() != self.home => mean + 1.0,
                    _ => mean,
                };
                if self.flaw != Flaw::Skips {
                    row[1] = max;
                }
            }
            Ok(())
        }
    }

    fn frames(count: usize) -> Vec<Frame> {
        (0..count)
            .map(|index| {
                Frame::new(Array2::from_shape_fn((9, 7), |(row, column)| {
                    (derive(index as u64, (row * 7 + column) as u64) % 100) as f32
                }))
            })
            .collect()
    }

    #[test]
    fn an_extractor_that_keeps_the_contract_passes() {
        check_extractor(&Simple::new(Flaw::None), &frames(3)).unwrap();
    }

    #[test]
    fn every_violation_is_found() {
        for (flaw, rule) in [
            (Flaw::SameNames, "columns"),
            (Flaw::NoColumns, "columns"),
            (Flaw::AnyShape, "out-shape"),
            (Flaw::OtherKind, "out-shape"),
            (Flaw::Skips, "every-value-written"),
            (Flaw::Adds, "every-value-written"),
            (Flaw::Drifts, "repeatable"),
            (Flaw::SeesBatch, "batch"),
            (Flaw::SeesPosition, "batch"),
            (Flaw::RefusesEmpty, "batch"),
            (Flaw::SeesThread, "threads"),
            (Flaw::SeesMasked, "masked-pixels"),
            (Flaw::ZeroTimesMasked, "masked-pixels"),
            (Flaw::Contiguous, "own-block"),
        ] {
            let violation = check_extractor(&Simple::new(flaw), &frames(2)).unwrap_err();
            assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
        }
    }

    #[test]
    fn frames_that_prove_nothing_are_refused() {
        let one = check_extractor(&Simple::new(Flaw::None), &frames(1)).unwrap_err();
        assert_eq!(one.rule, "input");
        let masked: Vec<Frame> = frames(2).iter().map(all_masked).collect();
        let none_valid = check_extractor(&Simple::new(Flaw::None), &masked).unwrap_err();
        assert_eq!(none_valid.rule, "input");
    }
}
