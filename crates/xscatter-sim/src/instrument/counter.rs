//! A counting detector: rate loss, Poisson, the limit of the counter, markers.
//!
//! A pixel is blind for the dead time τ after every photon, and photons that arrive meanwhile prolong
//! it (paralysable), so of a true rate n it counts
//!
//! ```text
//! m = n exp(−n τ)
//! ```
//!
//! The noise of m is taken as Poisson's, though it is somewhat less where n τ nears 1. Gaps hold −1 and
//! bad pixels −2. A count at the limit is flagged [`PixelFlags::OVERFLOW`].

use std::sync::Arc;

use ndarray::Array2;
use xscatter_core::seed::{derive, derive_named};
use xscatter_core::{Mask, PixelFlags};

use super::ranges::{CounterRanges, log_or_off, stream};
use crate::draw::{self, chance};
use crate::noise::{by_rows, poisson_row};

/// What a gap holds.
const GAP: f32 = -1.0;
/// What a bad pixel holds.
const BAD: f32 = -2.0;

/// The counters of a detector.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    /// 0 if the loss is corrected for.
    pub(super) dead_time_s: f64,
}

impl Counter {
    pub(super) fn draw(ranges: &CounterRanges, seed: u64) -> Self {
        let rng = &mut stream(seed, "rate loss");
        let uncorrected = chance(rng, ranges.rate_loss_share);
        let dead_time_s = log_or_off(ranges.dead_time_s, rng);
        Self {
            dead_time_s: if uncorrected { dead_time_s } else { 0.0 },
        }
    }

    /// Counts in place of expectations, each row from a stream of its own.
    pub(super) fn count(
        self,
        image: &mut Array2<f32>,
        mask: Option<&Mask>,
        exposure_s: f64,
        seed: u64,
    ) {
        let loss = (self.dead_time_s / exposure_s) as f32;
        let seed = derive_named(seed, "counts");
        let columns = image.ncols();
        let flags = mask.map(Mask::as_slice);
        by_rows(image, |row, line| {
            let mut rng = draw::generator(derive(seed, row as u64));
            if loss > 0.0 {
                for value in line.iter_mut() {
                    *value *= (-loss * *value).exp();
                }
            }
            let Some(flags) = flags else {
                return poisson_row(&mut rng, line);
            };
            let flags = &flags[row * columns..][..columns];
            // What would have been counted where nothing counts must not move the stream.
            for (value, flags) in line.iter_mut().zip(flags) {
                *value = if flags.is_valid() { *value } else { 0.0 };
            }
            poisson_row(&mut rng, line);
            for (value, flags) in line.iter_mut().zip(flags) {
                if flags.contains(PixelFlags::GAP) {
                    *value = GAP;
                } else if !flags.is_valid() {
                    *value = BAD;
                }
            }
        });
    }
}

/// Cuts the counts at the limit, and the mask that says where.
pub(super) fn saturate(
    counts: &mut Array2<f32>,
    mask: Option<&Arc<Mask>>,
    limit: f32,
) -> Option<Arc<Mask>> {
    let shape = counts.dim();
    let full: Vec<usize> = counts
        .iter_mut()
        .enumerate()
        .filter_map(|(index, count)| {
            (*count >= limit).then(|| {
                *count = limit;
                index
            })
        })
        .collect();
    if full.is_empty() {
        return mask.map(Arc::clone);
    }
    let mut mask = mask.map_or_else(|| Mask::all_valid(shape), |mask| Mask::clone(mask));
    for index in full {
        mask.insert(index / shape.1, index % shape.1, PixelFlags::OVERFLOW);
    }
    Some(Arc::new(mask))
}
