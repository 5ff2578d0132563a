//! Features as small whole numbers: the one preparation that all trees share.
//!
//! Each feature is cut at its weighted quantiles into at most 255 bins, one byte a value, stored
//! column after column. A feature with no more distinct values than bins loses nothing. `NaN` has a
//! bin of its own behind the others. Infinities count as the largest finite values.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::tree::Split;

/// The most bins that a byte can number beside the one for missing values.
pub(crate) const MOST_BINS: usize = 255;

/// All features of the training rows.
#[derive(Debug)]
pub(crate) struct Bins {
    pub(crate) columns: Vec<Column>,
    pub(crate) n_rows: usize,
}

/// One feature.
#[derive(Debug)]
pub(crate) struct Column {
    /// The bin of every row.
    pub(crate) codes: Vec<u8>,
    /// The smallest and the largest training value of every bin, ascending.
    pub(crate) ranges: Vec<(f32, f32)>,
    /// The smallest values alone, to search in.
    pub(crate) smallest: Vec<f32>,
    /// Whether a training row lacks this feature.
    pub(crate) has_missing: bool,
}

impl Bins {
    /// Bins of about equal weight; equal values share a bin.
    pub(crate) fn new(rows: ArrayView2<'_, f32>, weights: &[f64], max_bins: usize) -> Self {
        let columns = (0..rows.ncols())
            .into_par_iter()
            .map(|column| Column::new(rows.column(column).iter().copied(), weights, max_bins))
            .collect();
        Self {
            columns,
            n_rows: rows.nrows(),
        }
    }
}

impl Column {
    fn new(values: impl ExactSizeIterator<Item = f32>, weights: &[f64], max_bins: usize) -> Self {
        let n_rows = values.len();
        // The order of a value above the number of its row: sorting numbers is fast and has no ties.
        let mut keys: Vec<u64> = values
            .enumerate()
            .filter(|(_, value)| !value.is_nan())
            .map(|(row, value)| (u64::from(order(value)) << 32) | row as u64)
            .collect();
        keys.sort_unstable();
        let value_of = |key: u64| value((key >> 32) as u32);
        let row_of = |key: u64| (key & u64::from(u32::MAX)) as usize;
        let distinct = keys.chunk_by(|a, b| a >> 32 == b >> 32).count();
        let total: f64 = keys.iter().map(|&key| weights[row_of(key)]).sum();
        let share = max_bins as f64 / total;

        let mut codes = vec![0; n_rows];
        let mut ranges: Vec<(f32, f32)> = Vec::with_capacity(distinct.min(max_bins));
        let mut before = 0.0;
        let mut filled = -1.0;
        for same in keys.chunk_by(|a, b| a >> 32 == b >> 32) {
            let value = value_of(same[0]);
            // A new bin opens where the weight before it fills one more share.
            let shares = f64::floor(before * share);
            if distinct <= max_bins || (shares > filled && ranges.len() < max_bins) {
                ranges.push((value, value));
                filled = shares;
            }
            let bin = ranges.len() - 1;
            ranges[bin].1 = value;
            for &key in same {
                codes[row_of(key)] = bin as u8;
                before += weights[row_of(key)];
            }
        }
        let has_missing = keys.len() < n_rows;
        if has_missing {
            let mut known = vec![false; n_rows];
            for &key in &keys {
                known[row_of(key)] = true;
            }
            for (code, known) in codes.iter_mut().zip(known) {
                if !known {
                    *code = ranges.len() as u8;
                }
            }
        }
        Self {
            codes,
            smallest: ranges.iter().map(|range| range.0).collect(),
            ranges,
            has_missing,
        }
    }

    /// The bin of missing values.
    pub(crate) fn missing(&self) -> u8 {
        self.ranges.len() as u8
    }

    /// The threshold halfway between two bins of which the second follows the first among the rows at
    /// hand; `value <= threshold` holds for the first and not for the second.
    pub(crate) fn between(&self, left: u8, right: u8) -> f32 {
        let below = self.ranges[left as usize].1;
        let above = self.ranges[right as usize].0;
        let middle = below / 2.0 + above / 2.0;
        if middle < above { middle } else { below }
    }

    /// The wished threshold if it lies between a bin and the next, else the one halfway.
    pub(crate) fn near(&self, left: u8, wish: f32) -> f32 {
        let below = self.ranges[left as usize].1;
        let above = self.ranges[left as usize + 1].0;
        if below <= wish && wish < above {
            wish
        } else {
            self.between(left, left + 1)
        }
    }

    /// Whether a row with this code goes to the left.
    pub(crate) fn goes_left(&self, code: u8, split: &Split) -> bool {
        if code == self.missing() {
            split.missing_left
        } else {
            code <= split.last_left
        }
    }
}

/// Moves what goes to the left before what goes to the right, keeping the order on both sides;
/// returns how much goes to the left.
pub(crate) fn part<T: Copy>(
    items: &mut [T],
    moved: &mut Vec<T>,
    goes_left: impl Fn(&T) -> bool,
) -> usize {
    let Some(&first) = items.first() else {
        return 0;
    };
    moved.clear();
    moved.resize(items.len(), first);
    let (mut left, mut right) = (0, 0);
    // Written to both sides: which one holds is a coin's throw, which no processor foresees.
    for index in 0..items.len() {
        let item = items[index];
        let goes_left = usize::from(goes_left(&item));
        items[left] = item;
        moved[right] = item;
        left += goes_left;
        right += 1 - goes_left;
    }
    items[left..].copy_from_slice(&moved[..right]);
    left
}

/// A number that orders like the value.
fn order(value: f32) -> u32 {
    // Adding 0 makes the two zeros one.
    let bits = (value.clamp(f32::MIN, f32::MAX) + 0.0).to_bits();
    if bits >> 31 == 0 {
        bits | (1 << 31)
    } else {
        !bits
    }
}

/// The value that has this order.
fn value(order: u32) -> f32 {
    f32::from_bits(if order >> 31 == 0 {
        !order
    } else {
        order & !(1 << 31)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn column(values: &[f32], weights: &[f64], max_bins: usize) -> Column {
        Column::new(values.iter().copied(), weights, max_bins)
    }

    #[test]
    fn few_distinct_values_have_a_bin_each() {
        let rows = array![
            [3.0_f32],
            [-1.0],
            [f32::NAN],
            [0.0],
            [-0.0],
            [f32::INFINITY]
        ];
        let bins = Bins::new(rows.view(), &[1.0; 6], MOST_BINS);
        let column = &bins.columns[0];
        assert_eq!(column.codes, [2, 0, 4, 1, 1, 3]);
        assert_eq!((column.missing(), column.has_missing), (4, true));
        assert_eq!(column.ranges[3], (f32::MAX, f32::MAX));
        assert_eq!(column.between(0, 1), -0.5);
        assert_eq!(column.near(1, 2.5), 2.5);
        assert_eq!(column.near(1, 3.0), 1.5);
    }

    #[test]
    fn many_values_fall_into_bins_of_equal_weight() {
        let rows = Array2::from_shape_fn((1000, 1), |(row, _)| ((row * 37) % 1000) as f32);
        let bins = Bins::new(rows.view(), &[1.0; 1000], 10);
        let mut counts = [0; 10];
        for &code in &bins.columns[0].codes {
            counts[code as usize] += 1;
        }
        assert_eq!(counts, [100; 10]);
    }

    #[test]
    fn a_weight_of_two_is_a_row_twice() {
        let values: Vec<f32> = (0..100).map(|i| ((i * 61) % 100) as f32).collect();
        let weights: Vec<f64> = values.iter().map(|v| 1.0 + f64::from(v % 2.0)).collect();
        let repeated: Vec<f32> = values
            .iter()
            .flat_map(|&v| vec![v; 1 + (v % 2.0) as usize])
            .collect();
        let weighted = column(&values, &weights, 16);
        let repeated = column(&repeated, &vec![1.0; repeated.len()], 16);
        assert_eq!(weighted.ranges, repeated.ranges);
        assert!(weighted.ranges.len() <= 16);
    }

    #[test]
    fn a_heavy_value_does_not_multiply_bins() {
        let mut values = vec![5.0; 900];
        values.extend((0..100).map(|i| 10.0 + i as f32));
        let column = column(&values, &[1.0; 1000], 20);
        assert!(column.ranges.len() <= 20);
        assert_eq!(column.ranges[0], (5.0, 5.0));
    }

    #[test]
    fn neighbouring_floats_are_told_apart() {
        let low = 1.0_f32;
        let high = low.next_up();
        let column = column(&[low, high], &[1.0; 2], MOST_BINS);
        let threshold = column.between(0, 1);
        assert!(low <= threshold && threshold < high);
    }
}
