//! The contract of [`FrameSource`].

use std::thread;

use xscatter_core::{ErrorKind, Frame, FrameSource};

use crate::bits::{frame_difference, valid_nan};
use crate::violation::{Check, Violation, ensure};

/// How many frames of a long series are looked at, spread evenly over it.
const FRAMES: usize = 6;

/// Checks that a source keeps the contract of [`FrameSource`].
///
/// | rule | demands |
/// |---|---|
/// | `beyond-the-end` | an index of `len()` or more is an [`ErrorKind::InvalidArgument`] |
/// | `repeatable` | reading a frame twice gives the same bits, or the same kind of error |
/// | `read-many` | `read_many` gives what `read` gives, in the order asked for, repeats included |
/// | `own-error` | a frame that cannot be read fails alone: `read_many` of it fails, others go on |
/// | `threads` | reading from two threads at once gives the same bits |
/// | `not-a-number` | a pixel that is not a number is masked |
///
/// At most six frames of a long series are looked at, so that a scan of thousands can be checked.
///
/// # Errors
/// The first rule that is broken.
///
/// ```
/// use xscatter_core::{Frame, ndarray::Array2};
///
/// let stack: Vec<Frame> = (0..3).map(|i| Frame::new(Array2::from_elem((4, 4), i as f32))).collect();
/// xscatter_testkit::check_source(&stack)?;
/// # Ok::<(), xscatter_testkit::Violation>(())
/// ```
pub fn check_source(source: &dyn FrameSource) -> Result<(), Violation> {
    let len = source.len();
    for index in [len, len.saturating_add(1), usize::MAX] {
        beyond_the_end(&format!("read({index})"), len, source.read(index))?;
        let many = source.read_many(&[index]);
        beyond_the_end(&format!("read_many(&[{index}])"), len, many)?;
    }

    let first: Vec<(usize, Read)> = spread(len)
        .into_iter()
        .map(|index| (index, read(source, index)))
        .collect();
    for (index, frame) in &first {
        if let Ok(frame) = frame
            && let Some((row, column)) = valid_nan(frame)
        {
            return Err(Violation::new(
                "not-a-number",
                format!("frame {index}: pixel ({row}, {column}) is NaN and not masked"),
            ));
        }
    }
    reread(source, "repeatable", first.iter())?;
    for (index, frame) in &first {
        let many = source.read_many(&[*index]);
        ensure(many.is_ok() == frame.is_ok(), "own-error", || {
            format!("read({index}) and read_many(&[{index}]) do not fail alike")
        })?;
    }
    read_many(source, &first)?;
    thread::scope(|scope| {
        let ahead = scope.spawn(|| reread(source, "threads", first.iter()));
        let back = scope.spawn(|| reread(source, "threads", first.iter().rev()));
        join(ahead).and(join(back))
    })
}

type Read = Result<Frame, ErrorKind>;

fn beyond_the_end<T>(call: &str, len: usize, result: xscatter_core::Result<T>) -> Check {
    let found = match result {
        Ok(_) => "no error".to_owned(),
        Err(error) if error.kind() == ErrorKind::InvalidArgument => return Ok(()),
        Err(error) => format!("an error of kind {:?}", error.kind()),
    };
    Err(Violation::new(
        "beyond-the-end",
        format!("{call} of {len} frames: expected an error of kind InvalidArgument, got {found}"),
    ))
}

/// Up to [`FRAMES`] indices from the first to the last.
fn spread(len: usize) -> Vec<usize> {
    let count = len.min(FRAMES);
    (0..count)
        .map(|step| {
            if count < 2 {
                step
            } else {
                step * (len - 1) / (count - 1)
            }
        })
        .collect()
}

fn read(source: &dyn FrameSource, index: usize) -> Read {
    source.read(index).map_err(|error| error.kind())
}

/// Reads frames again, one at a time, and compares each with what was read first.
fn reread<'a>(
    source: &dyn FrameSource,
    rule: &'static str,
    frames: impl Iterator<Item = &'a (usize, Read)>,
) -> Check {
    for (index, first) in frames {
        let again = read(source, *index);
        let difference = match (first, &again) {
            (Ok(first), Ok(again)) => frame_difference(first, again),
            (Err(first), Err(again)) if first == again => None,
            (first, again) => Some(format!(
                "errors {:?} and {:?}",
                first.as_ref().err(),
                again.as_ref().err()
            )),
        };
        if let Some(difference) = difference {
            return Err(Violation::new(
                rule,
                format!("frame {index} is another one when read again: {difference}"),
            ));
        }
    }
    Ok(())
}

fn join(handle: thread::ScopedJoinHandle<'_, Check>) -> Check {
    handle
        .join()
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Two readable frames backwards, the last one again before and after them; then one that cannot be
/// read.
fn read_many(source: &dyn FrameSource, first: &[(usize, Read)]) -> Check {
    let readable: Vec<(usize, &Frame)> = first
        .iter()
        .rev()
        .filter_map(|(index, frame)| Some((*index, frame.as_ref().ok()?)))
        .take(2)
        .collect();
    let last = readable.first();
    let asked: Vec<(usize, &Frame)> = last
        .into_iter()
        .chain(&readable)
        .chain(last)
        .copied()
        .collect();
    let mut order: Vec<usize> = asked.iter().map(|(index, _)| *index).collect();
    let many = source.read_many(&order).map_err(|error| {
        Violation::new(
            "read-many",
            format!("read_many({order:?}) of readable frames: {error}"),
        )
    })?;
    ensure(many.len() == order.len(), "read-many", || {
        format!("read_many({order:?}) gave {} frames", many.len())
    })?;
    for (place, ((_, alone), frame)) in asked.iter().zip(&many).enumerate() {
        if let Some(difference) = frame_difference(alone, frame) {
            return Err(Violation::new(
                "read-many",
                format!(
                    "place {place} of read_many({order:?}) is not what read gives: {difference}"
                ),
            ));
        }
    }
    if let Some((index, _)) = first.iter().find(|(_, frame)| frame.is_err()) {
        order.push(*index);
        ensure(source.read_many(&order).is_err(), "own-error", || {
            format!("read_many({order:?}) hides that frame {index} cannot be read")
        })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use ndarray::Array2;
    use xscatter_core::{Error, Result};

    use super::*;

    /// Ways to break the contract.
    #[derive(Debug, Clone, Copy, PartialEq)]
    enum Flaw {
        None,
        Wraps,
        OtherKind,
        LetsNanThrough,
        Drifts,
        Sorts,
        DropsRepeats,
        SeesThread,
        /// No flaw: frame 1 cannot be read, and says so.
        Broken,
        HidesBroken,
    }

    struct Ramp {
        flaw: Flaw,
        reads: AtomicUsize,
        home: thread::ThreadId,
    }

    impl Ramp {
        fn new(flaw: Flaw) -> Self {
            Self {
                flaw,
                reads: AtomicUsize::new(0),
                home: thread::current().id(),
            }
        }
    }

    impl FrameSource for Ramp {
        fn len(&self) -> usize {
            3
        }

        fn read(&self, index: usize) -> Result<Frame> {
            match self.flaw {
                Flaw::OtherKind if index >= 3 => {
                    return Err(Error::new(ErrorKind::Io, "no such frame"));
                }
                Flaw::Broken | Flaw::HidesBroken if index == 1 => {
                    return Err(Error::new(ErrorKind::Truncated, "ends early"));
                }
                Flaw::Wraps => {}
                _ => self.check_index(index)?,
            }
            let mut value = (index % 3) as f32;
            match self.flaw {
                Flaw::Drifts => value += self.reads.fetch_add(1, Ordering::Relaxed) as f32,
                Flaw::LetsNanThrough => value = f32::NAN,
                Flaw::SeesThread if thread::current().id() != self.home => value += 0.5,
                _ => {}
            }
            Ok(Frame::new(Array2::from_elem((2, 3), value)))
        }

        fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
            let mut indices = indices.to_vec();
            match self.flaw {
                Flaw::Sorts => indices.sort_unstable(),
                Flaw::DropsRepeats => indices.dedup(),
                _ => {}
            }
            let frames = indices.iter().map(|&index| self.read(index));
            if self.flaw == Flaw::HidesBroken && indices.len() > 1 {
                return Ok(frames.flatten().collect());
            }
            frames.collect()
        }
    }

    #[test]
    fn sources_that_keep_the_contract_pass() {
        check_source(&Ramp::new(Flaw::None)).unwrap();
        check_source(&Ramp::new(Flaw::Broken)).unwrap();
        check_source(&Vec::<Frame>::new()).unwrap();
        let long: Vec<Frame> = (0..100)
            .map(|value| Frame::new(Array2::from_elem((2, 2), value as f32)))
            .collect();
        check_source(&long).unwrap();
    }

    #[test]
    fn every_violation_is_found() {
        for (flaw, rule) in [
            (Flaw::Wraps, "beyond-the-end"),
            (Flaw::OtherKind, "beyond-the-end"),
            (Flaw::LetsNanThrough, "not-a-number"),
            (Flaw::Drifts, "repeatable"),
            (Flaw::Sorts, "read-many"),
            (Flaw::DropsRepeats, "read-many"),
            (Flaw::SeesThread, "threads"),
            (Flaw::HidesBroken, "own-error"),
        ] {
            let violation = check_source(&Ramp::new(flaw)).unwrap_err();
            assert_eq!(violation.rule, rule, "{flaw:?}: {violation}");
        }
    }

    #[test]
    fn a_long_series_is_sampled_from_end_to_end() {
        assert_eq!(spread(0), [0; 0]);
        assert_eq!(spread(1), [0]);
        assert_eq!(spread(1001), [0, 200, 400, 600, 800, 1000]);
    }
}
