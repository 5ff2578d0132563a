//! Descriptors of a whole source, as many as fit: what a dictionary is learned from.
//!
//! Frames are read a few at a time and give the same number of descriptors each, at places drawn by the
//! seed and the number of the frame. If there are more frames than descriptors wanted, frames at equal
//! distances are read. So memory and time have a bound that does not grow with the source.

use ndarray::{Array2, s};
use rayon::prelude::*;
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Error, ErrorKind, FrameSource, Result, StopToken};

use super::descriptor::{Described, Descriptor};
use super::random::shuffled;
use super::visual::Fitting;
use crate::resample::Grid;

/// So many frames are held at a time.
const FRAMES: usize = 8;

/// At most `most` descriptors, one a row.
pub(crate) fn sample(
    source: &dyn FrameSource,
    (grid, descriptor): (Grid, &Descriptor),
    most: usize,
    seed: u64,
    stop: &StopToken,
    observer: &mut dyn FnMut(Fitting<'_>),
) -> Result<Array2<f32>> {
    let n_frames = source.len().min(most);
    if n_frames == 0 {
        let message = "expected frames to learn words from, got none";
        return Err(Error::new(ErrorKind::DegenerateData, message));
    }
    let seed = derive_named(seed, "sample");
    let width = descriptor.width();
    let mut rows: Vec<f32> = Vec::new();
    let plan: Vec<(usize, usize)> = (0..n_frames)
        // The remainder goes to the first frames, so that the sum is `most`.
        .map(|k| {
            (
                k * source.len() / n_frames,
                most / n_frames + usize::from(k < most % n_frames),
            )
        })
        .collect();
    for part in plan.chunks(FRAMES) {
        stop.check()?;
        let indices: Vec<usize> = part.iter().map(|&(index, _)| index).collect();
        let frames = source.read_many(&indices)?;
        let described: Vec<Result<Array2<f32>>> = frames
            .par_iter()
            .zip(part)
            .map(|(frame, &(index, quota))| {
                let described = Described::of(frame, grid, descriptor)?;
                let mut places = shuffled(described.len(), derive(seed, index as u64));
                places.truncate(quota);
                let mut rows = Array2::zeros((places.len(), width));
                described.fill(places.into_iter(), rows.slice_mut(s![.., ..]));
                Ok(rows)
            })
            .collect();
        for of_frame in described {
            match of_frame {
                Ok(of_frame) => rows.extend(&of_frame),
                // A frame without anything to describe has nothing to say about words.
                Err(error) if error.kind() == ErrorKind::DegenerateData => {
                    observer(Fitting::Skipped(&error));
                }
                Err(error) => return Err(error),
            }
        }
        observer(Fitting::Sampled {
            frames: part.len(),
            of: n_frames,
        });
    }
    let n_rows = rows.len() / width;
    Ok(Array2::from_shape_vec((n_rows, width), rows).expect("whole rows were added"))
}
