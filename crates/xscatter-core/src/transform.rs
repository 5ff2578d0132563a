//! Frame in, frame out: masking, healing, cropping, correcting.

use std::sync::Arc;

use crate::error::Result;
use crate::frame::Frame;
use crate::source::FrameSource;

/// Changes one frame at a time.
///
/// Tuples and vectors of transforms are transforms, applied from left to right; a closure becomes
/// one through [`transform_fn`].
///
/// ```
/// use ndarray::array;
/// use xscatter_core::{Frame, FrameSource, transform_fn};
///
/// let double = transform_fn(|mut frame: Frame| {
///     frame.as_mut_slice().iter_mut().for_each(|count| *count *= 2.0);
///     Ok(frame)
/// });
/// let doubled = vec![Frame::new(array![[1.0, 2.0]])].with((double.clone(), double));
/// assert_eq!(doubled.read(0)?.as_slice(), [4.0, 8.0]);
/// # Ok::<(), xscatter_core::Error>(())
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` is not a frame transform",
    note = "implement `FrameTransform`, or wrap a closure with `transform_fn`"
)]
pub trait FrameTransform: Send + Sync {
    /// Changes the frame.
    ///
    /// # Errors
    /// If the frame lacks what the transform needs (a geometry, enough valid pixels).
    fn apply(&self, frame: Frame) -> Result<Frame>;
}

/// A source whose frames pass through a transform; see [`FrameSource::with`].
#[derive(Debug, Clone)]
pub struct With<S, T> {
    source: S,
    transform: T,
}

impl<S, T> With<S, T> {
    pub(crate) fn new(source: S, transform: T) -> Self {
        Self { source, transform }
    }
}

impl<S: FrameSource, T: FrameTransform> FrameSource for With<S, T> {
    fn len(&self) -> usize {
        self.source.len()
    }

    fn read(&self, index: usize) -> Result<Frame> {
        self.transform.apply(self.source.read(index)?)
    }

    fn read_many(&self, indices: &[usize]) -> Result<Vec<Frame>> {
        let frames = self.source.read_many(indices)?;
        frames
            .into_iter()
            .map(|frame| self.transform.apply(frame))
            .collect()
    }
}

/// A closure as a transform.
pub fn transform_fn<F>(function: F) -> TransformFn<F>
where
    F: Fn(Frame) -> Result<Frame> + Send + Sync,
{
    TransformFn(function)
}

/// A closure as a transform; see [`transform_fn`].
#[derive(Clone)]
pub struct TransformFn<F>(F);

impl<F> std::fmt::Debug for TransformFn<F> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("TransformFn")
            .field(&std::any::type_name::<F>())
            .finish()
    }
}

impl<F> FrameTransform for TransformFn<F>
where
    F: Fn(Frame) -> Result<Frame> + Send + Sync,
{
    fn apply(&self, frame: Frame) -> Result<Frame> {
        (self.0)(frame)
    }
}

impl<T: FrameTransform> FrameTransform for [T] {
    fn apply(&self, frame: Frame) -> Result<Frame> {
        self.iter()
            .try_fold(frame, |frame, transform| transform.apply(frame))
    }
}

impl<T: FrameTransform> FrameTransform for Vec<T> {
    fn apply(&self, frame: Frame) -> Result<Frame> {
        self.as_slice().apply(frame)
    }
}

macro_rules! forward_transform {
    ($($pointer:ty),*) => {$(
        impl<T: FrameTransform + ?Sized> FrameTransform for $pointer {
            fn apply(&self, frame: Frame) -> Result<Frame> {
                (**self).apply(frame)
            }
        }
    )*};
}
forward_transform!(&T, Box<T>, Arc<T>);

macro_rules! tuple_transform {
    ($($name:ident)+) => {
        impl<$($name: FrameTransform),+> FrameTransform for ($($name,)+) {
            #[allow(non_snake_case, reason = "type parameters double as bindings")]
            fn apply(&self, frame: Frame) -> Result<Frame> {
                let ($($name,)+) = self;
                $(let frame = $name.apply(frame)?;)+
                Ok(frame)
            }
        }
    };
}
tuple_transform!(A);
tuple_transform!(A B);
tuple_transform!(A B C);
tuple_transform!(A B C D);
tuple_transform!(A B C D E);
tuple_transform!(A B C D E F);

/// The empty chain: every frame as it is.
impl FrameTransform for () {
    fn apply(&self, frame: Frame) -> Result<Frame> {
        Ok(frame)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    fn add(value: f32) -> impl FrameTransform + Clone {
        transform_fn(move |mut frame: Frame| {
            frame
                .as_mut_slice()
                .iter_mut()
                .for_each(|count| *count += value);
            Ok(frame)
        })
    }

    fn scale(value: f32) -> impl FrameTransform + Clone {
        transform_fn(move |mut frame: Frame| {
            frame
                .as_mut_slice()
                .iter_mut()
                .for_each(|count| *count *= value);
            Ok(frame)
        })
    }

    #[test]
    fn tuples_and_vectors_apply_from_left_to_right() {
        let frame = Frame::new(array![[1.0]]);
        let tuple = (add(1.0), scale(3.0));
        let boxed: Vec<Box<dyn FrameTransform>> = vec![Box::new(add(1.0)), Box::new(scale(3.0))];
        assert_eq!(tuple.apply(frame.clone()).unwrap().as_slice(), [6.0]);
        assert_eq!(boxed.apply(frame.clone()).unwrap().as_slice(), [6.0]);
        assert_eq!(().apply(frame).unwrap().as_slice(), [1.0]);
    }

    #[test]
    fn reading_many_equals_reading_one_by_one() {
        let source = vec![Frame::new(array![[1.0]]), Frame::new(array![[2.0]])].with(add(0.5));
        let many = source.read_many(&[1, 0]).unwrap();
        assert_eq!(many[0].as_slice(), source.read(1).unwrap().as_slice());
        assert_eq!(many[1].as_slice(), source.read(0).unwrap().as_slice());
    }
}
