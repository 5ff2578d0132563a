//! Finite, random-access series of frames.

use std::sync::Arc;

use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::transform::{FrameTransform, With};

/// A finite series of frames that can be read in any order: a scan on disk, a stack in memory, a
/// simulator.
///
/// A live stream is not a source: it is an `Iterator<Item = Result<Frame>>`.
///
/// # Contract
/// [`read(i)`](Self::read) gives the same frame whenever and from whichever thread it is called;
/// an index beyond the end is an [`ErrorKind::InvalidArgument`]; a frame that cannot be read is an
/// error of that index alone. `xscatter-testkit` checks all of it (`check_source`).
///
/// ```
/// use ndarray::Array2;
/// use xscatter_core::{Error, ErrorKind, Frame, FrameSource, Result};
///
/// /// Frames with one value each.
/// struct Ramp(usize);
///
/// impl FrameSource for Ramp {
///     fn len(&self) -> usize {
///         self.0
///     }
///     fn read(&self, index: usize) -> Result<Frame> {
///         self.check_index(index)?;
///         Ok(Frame::new(Array2::from_elem((4, 4), index as f32)))
///     }
/// }
///
/// let sums: Result<Vec<f32>> =
///     Ramp(3).frames().map(|frame| Ok(frame?.valid_counts().sum())).collect();
/// assert_eq!(sums?, [0.0, 16.0, 32.0]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a source of frames",
    note = "implement `FrameSource` (two methods: `len` and `read`), or use `Vec<Frame>`"
)]
pub trait FrameSource: Send + Sync {
    /// How many frames there are.
    fn len(&self) -> usize;

    /// Reads one frame.
    ///
    /// # Errors
    /// If the index is beyond the end or the frame cannot be read.
    fn read(&self, index: usize) -> Result<Frame>;

    /// Reads several frames, in the order of `indices`.
    ///
    /// # Errors
    /// That of the first frame that cannot be read.
    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        indices.iter().map(|&index| self.read(index)).collect()
    }

    /// Whether there is no frame at all.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The error that [`read`](Self::read) owes for an index beyond the end.
    ///
    /// # Errors
    /// If `index` is beyond the end.
    fn check_index(&self, index: usize) -> Result<()> {
        let len = self.len();
        if index < len {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::InvalidArgument,
            format!("expected a frame index below {len}, got {index}"),
        ))
    }

    /// This source with a transform applied to every frame that is read; a source again.
    fn with<T: FrameTransform>(self, transform: T) -> With<Self, T>
    where
        Self: Sized,
    {
        With::new(self, transform)
    }

    /// All frames in order; a frame that cannot be read is an item, not the end.
    fn frames(&self) -> Frames<'_>
    where
        Self: Sized,
    {
        Frames {
            source: self,
            next: 0,
        }
    }
}

/// Iterator over the frames of a source; see [`FrameSource::frames`].
pub struct Frames<'a> {
    source: &'a dyn FrameSource,
    next: usize,
}

impl Iterator for Frames<'_> {
    type Item = Result<Frame>;

    fn next(&mut self) -> Option<Self::Item> {
        (self.next < self.source.len()).then(|| {
            self.next += 1;
            self.source.read(self.next - 1)
        })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.source.len().saturating_sub(self.next);
        (left, Some(left))
    }
}

impl ExactSizeIterator for Frames<'_> {}

impl std::fmt::Debug for Frames<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Frames")
            .field("next", &self.next)
            .field("len", &self.source.len())
            .finish()
    }
}

/// A stack in memory.
impl FrameSource for Vec<Frame> {
    fn len(&self) -> usize {
        Vec::len(self)
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.check_index(index)?;
        Ok(self[index].clone())
    }
}

macro_rules! forward_source {
    ($($pointer:ty),*) => {$(
        impl<S: FrameSource + ?Sized> FrameSource for $pointer {
            fn len(&self) -> usize {
                (**self).len()
            }
            fn read(&self, index: usize) -> Result<Frame> {
                (**self).read(index)
            }
            fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
                (**self).read_many(indices)
            }
        }
    )*};
}
forward_source!(&S, Box<S>, Arc<S>);

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn stack() -> Vec<Frame> {
        (0..3)
            .map(|value| Frame::new(Array2::from_elem((2, 2), value as f32)))
            .collect()
    }

    #[test]
    fn an_index_beyond_the_end_is_an_error() {
        let error = stack().read(3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidArgument);
        assert_eq!(error.message(), "expected a frame index below 3, got 3");
    }

    #[test]
    fn a_boxed_source_is_a_source() {
        let source: Box<dyn FrameSource> = Box::new(stack());
        assert_eq!(source.frames().len(), 3);
        let frames = source.read_many(&[2, 0]).unwrap();
        assert_eq!(
            (frames[0].as_slice()[0], frames[1].as_slice()[0]),
            (2.0, 0.0)
        );
    }
}
