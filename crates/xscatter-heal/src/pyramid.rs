//! The image at falling resolutions, on a scale on which centres can be searched.

use xscatter_core::Frame;

/// How far above the typical count the scale turns from linear to logarithmic: at a tenth.
const KNEE: f64 = 10.0;
/// The smallest part of a block that must be valid.
const MIN_COVERAGE: f64 = 0.25;

/// An image of blocks; row-major.
#[derive(Debug, Clone)]
pub(crate) struct Level {
    /// Pixels of the frame along a side of a block.
    pub(crate) block: usize,
    pub(crate) rows: usize,
    pub(crate) columns: usize,
    /// `ln(1 + 10 I / Ī)`, with the brightest cut; 0 where invalid.
    pub(crate) values: Vec<f32>,
    /// 1 where valid, else 0.
    pub(crate) weights: Vec<f32>,
}

impl Level {
    pub(crate) fn get(&self, row: usize, column: usize) -> Option<f64> {
        let index = row * self.columns + column;
        (self.weights[index] > 0.0).then(|| f64::from(self.values[index]))
    }
}

/// Levels from coarse to fine; blocks halve from one to the next, down to single pixels.
///
/// `None` if the frame has no valid pixel with a count.
pub(crate) fn pyramid(frame: &Frame, coarsest_side: usize) -> Option<Vec<Level>> {
    let long = frame.shape().0.max(frame.shape().1);
    let mut block = 1;
    while long.div_ceil(block) > coarsest_side {
        block *= 2;
    }
    let mut means = block_means(frame, block);
    let mut counts: Vec<f64> = means.iter().flatten().copied().collect();
    counts.sort_unstable_by(f64::total_cmp);
    // The direct beam and hot pixels must not set the scale: means and finer levels stay below what
    // all but two in a thousand blocks reach.
    let cap = *counts.get((counts.len() * 998 / 1000).min(counts.len().checked_sub(1)?))?;
    let typical = counts.iter().map(|count| count.min(cap)).sum::<f64>() / counts.len() as f64;
    if typical <= 0.0 {
        return None;
    }
    let mut levels = Vec::new();
    loop {
        let (rows, columns) = blocks(frame, block);
        let scaled = |mean: &Option<f64>| {
            mean.map_or(0.0, |mean| (KNEE * mean.min(cap) / typical).ln_1p() as f32)
        };
        levels.push(Level {
            block,
            rows,
            columns,
            values: means.iter().map(scaled).collect(),
            weights: means.iter().map(|mean| f32::from(mean.is_some())).collect(),
        });
        if block == 1 {
            return Some(levels);
        }
        block /= 2;
        means = block_means(frame, block);
    }
}

fn blocks(frame: &Frame, block: usize) -> (usize, usize) {
    let (rows, columns) = frame.shape();
    (rows.div_ceil(block), columns.div_ceil(block))
}

/// The mean count (not below 0) of each block of which enough is valid.
fn block_means(frame: &Frame, block: usize) -> Vec<Option<f64>> {
    let (rows, columns) = blocks(frame, block);
    let mut sums = vec![(0.0f64, 0.0f64); rows * columns];
    let flags = frame.mask().map(|mask| mask.as_slice());
    let width = frame.shape().1;
    for (row, line) in frame.as_slice().chunks(width.max(1)).enumerate() {
        let flags = flags.map(|flags| &flags[row * width..][..width]);
        let sums = &mut sums[row / block * columns..][..columns];
        for (place, (sum, counts)) in sums.iter_mut().zip(line.chunks(block)).enumerate() {
            for (offset, &count) in counts.iter().enumerate() {
                let valid = flags.is_none_or(|flags| flags[place * block + offset].is_valid());
                if valid && count.is_finite() {
                    sum.0 += f64::from(count.max(0.0));
                    sum.1 += 1.0;
                }
            }
        }
    }
    let enough = MIN_COVERAGE * (block * block) as f64;
    sums.into_iter()
        .map(|(sum, n)| (n >= enough).then(|| sum / n))
        .collect()
}
