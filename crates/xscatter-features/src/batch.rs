//! The loop over frames that every extractor of this crate shares.

use ndarray::ArrayViewMut2;
use rayon::prelude::*;
use xscatter_core::{Frame, Result};

/// Computes one row a frame in parallel and writes the rows in order.
///
/// If several frames fail, the error is that of the first one, whatever the thread count.
pub(crate) fn fill_rows(
    frames: &[Frame],
    mut out: ArrayViewMut2<'_, f32>,
    row: impl Fn(&Frame) -> Result<Vec<f32>> + Send + Sync,
) -> Result<()> {
    let rows: Vec<Result<Vec<f32>>> = frames.par_iter().map(row).collect();
    for (values, mut target) in rows.into_iter().zip(out.rows_mut()) {
        let values = values?;
        debug_assert_eq!(values.len(), target.len(), "one value a column");
        for (target, value) in target.iter_mut().zip(values) {
            *target = value;
        }
    }
    Ok(())
}
