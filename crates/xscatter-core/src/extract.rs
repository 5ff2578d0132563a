//! Frames in, rows of named numbers out.

use std::sync::Arc;

use ndarray::{Array2, ArrayViewMut2, s};

use crate::error::{Error, ErrorKind, Result};
use crate::frame::Frame;
use crate::table::FeatureTable;

/// Turns frames into feature rows.
///
/// The loop over frames is inside the call, so that a CPU implementation can use all cores and a GPU
/// implementation can upload one batch.
///
/// # Contract
/// The columns never change; a row depends on its own frame alone (batch equals one by one, in any
/// order); a masked pixel never influences a row; every value of `out` is written, with `NaN` for
/// *missing* only where the extractor documents it. `xscatter-testkit` checks all of it
/// (`check_extractor`).
///
/// ```
/// use std::sync::Arc;
/// use ndarray::{ArrayViewMut2, array};
/// use xscatter_core::{FeatureExtractor, Frame, Result};
///
/// /// The mean of the valid pixels.
/// struct Mean([Arc<str>; 1]);
///
/// impl FeatureExtractor for Mean {
///     fn name(&self) -> &str {
///         "mean"
///     }
///     fn columns(&self) -> &[Arc<str>] {
///         &self.0
///     }
///     fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
///         self.check_out(frames, &out)?;
///         for (frame, mut row) in frames.iter().zip(out.rows_mut()) {
///             row[0] = frame.valid_counts().sum::<f32>() / frame.valid_count() as f32;
///         }
///         Ok(())
///     }
/// }
///
/// let table = Mean(["mean.count".into()]).extract(&[Frame::new(array![[1.0, 3.0]])])?;
/// assert_eq!(table.values()[(0, 0)], 2.0);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a feature extractor",
    note = "implement `FeatureExtractor` (`name`, `columns` and `extract_into`)"
)]
pub trait FeatureExtractor: Send + Sync {
    /// A short name: `glcm`, `radial-profile`.
    fn name(&self) -> &str;

    /// The name of every column, prefixed with the name of the feature: `glcm.contrast`.
    fn columns(&self) -> &[Arc<str>];

    /// Writes one row a frame into `out` (frames × columns).
    ///
    /// # Errors
    /// If `out` has another shape, or a frame lacks what the features need.
    fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()>;

    /// The rows as a table; ids and groups are those of the frames.
    ///
    /// # Errors
    /// If a frame lacks what the features need.
    fn extract(&self, frames: &[Frame]) -> Result<FeatureTable> {
        let mut values = Array2::from_elem((frames.len(), self.columns().len()), f32::NAN);
        self.extract_into(frames, values.view_mut())?;
        let ids = frames.iter().map(|frame| frame.info.id().into()).collect();
        let groups = frames
            .iter()
            .map(|frame| frame.info.group_or_file().into())
            .collect();
        Ok(FeatureTable::new(
            values,
            self.columns().to_vec(),
            ids,
            groups,
        )?)
    }

    /// The error that [`extract_into`](Self::extract_into) owes for an `out` of another shape.
    ///
    /// # Errors
    /// If `out` is not frames × columns.
    fn check_out(&self, frames: &[Frame], out: &ArrayViewMut2<'_, f32>) -> Result<()> {
        let expected = (frames.len(), self.columns().len());
        if out.dim() == expected {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::ShapeMismatch,
            format!(
                "expected an output of {expected:?} for {}, got {:?}",
                self.name(),
                out.dim()
            ),
        ))
    }

    /// This extractor behind a pointer, to stand beside others.
    fn boxed(self) -> Box<dyn FeatureExtractor>
    where
        Self: Sized + 'static,
    {
        Box::new(self)
    }
}

macro_rules! forward_extractor {
    ($($pointer:ty),*) => {$(
        impl<E: FeatureExtractor + ?Sized> FeatureExtractor for $pointer {
            fn name(&self) -> &str {
                (**self).name()
            }
            fn columns(&self) -> &[Arc<str>] {
                (**self).columns()
            }
            fn extract_into(&self, frames: &[Frame], out: ArrayViewMut2<'_, f32>) -> Result<()> {
                (**self).extract_into(frames, out)
            }
        }
    )*};
}
forward_extractor!(&E, Box<E>, Arc<E>);

/// Several extractors side by side; each writes its own block of columns.
///
/// ```
/// # use std::sync::Arc;
/// # use xscatter_core::{Concat, FeatureExtractor};
/// # fn demo(glcm: impl FeatureExtractor + 'static, radial: impl FeatureExtractor + 'static) {
/// let both = Concat::new([glcm.boxed(), radial.boxed()]);
/// # }
/// ```
pub struct Concat {
    name: String,
    columns: Vec<Arc<str>>,
    parts: Vec<Box<dyn FeatureExtractor>>,
}

impl Concat {
    /// The parts in order; the name joins theirs with `+`.
    pub fn new(parts: impl IntoIterator<Item = Box<dyn FeatureExtractor>>) -> Self {
        let parts: Vec<_> = parts.into_iter().collect();
        Self {
            name: parts
                .iter()
                .map(FeatureExtractor::name)
                .collect::<Vec<_>>()
                .join("+"),
            columns: parts
                .iter()
                .flat_map(FeatureExtractor::columns)
                .cloned()
                .collect(),
            parts,
        }
    }
}

impl FeatureExtractor for Concat {
    fn name(&self) -> &str {
        &self.name
    }

    fn columns(&self) -> &[Arc<str>] {
        &self.columns
    }

    fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
        self.check_out(frames, &out)?;
        let mut start = 0;
        for part in &self.parts {
            let end = start + part.columns().len();
            part.extract_into(frames, out.slice_mut(s![.., start..end]))?;
            start = end;
        }
        Ok(())
    }
}

impl std::fmt::Debug for Concat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Concat")
            .field("name", &self.name)
            .field("columns", &self.columns.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    struct Power(i32, [Arc<str>; 1]);

    impl Power {
        fn new(power: i32) -> Self {
            Self(power, [format!("power.{power}").into()])
        }
    }

    impl FeatureExtractor for Power {
        fn name(&self) -> &str {
            "power"
        }
        fn columns(&self) -> &[Arc<str>] {
            &self.1
        }
        fn extract_into(&self, frames: &[Frame], mut out: ArrayViewMut2<'_, f32>) -> Result<()> {
            self.check_out(frames, &out)?;
            for (frame, mut row) in frames.iter().zip(out.rows_mut()) {
                row[0] = frame.valid_counts().map(|count| count.powi(self.0)).sum();
            }
            Ok(())
        }
    }

    #[test]
    fn concatenated_extractors_keep_their_column_blocks() {
        let both = Concat::new([Power::new(1).boxed(), Power::new(2).boxed()]);
        assert_eq!(both.name(), "power+power");
        let frames = [
            Frame::new(array![[1.0, 2.0]]),
            Frame::new(array![[3.0, 4.0]]),
        ];
        let table = both.extract(&frames).unwrap();
        assert_eq!(table.values(), array![[3.0, 5.0], [7.0, 25.0]]);
        assert_eq!(&*table.columns()[1], "power.2");
    }

    #[test]
    fn an_output_of_another_shape_is_refused() {
        let frames = [Frame::new(array![[1.0]])];
        let error = Power::new(1)
            .extract_into(&frames, Array2::zeros((2, 1)).view_mut())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::ShapeMismatch);
    }

    #[test]
    fn two_parts_with_the_same_columns_do_not_make_a_table() {
        let twice = Concat::new([Power::new(1).boxed(), Power::new(1).boxed()]);
        assert!(twice.extract(&[Frame::new(array![[1.0]])]).is_err());
    }
}
