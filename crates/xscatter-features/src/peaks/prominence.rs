//! Local maxima of a sequence and how far each stands out.
//!
//! The *prominence* of a maximum is its height over the higher of its two bases: the lowest points on the
//! way to the nearest higher values on its left and right, or to the ends. Definitions and results are
//! those of SciPy 1.17.1 (`find_peaks`, `peak_prominences`, `peak_widths`, without a window). Use it on
//! any sequence of finite numbers; values are compared as they stand, so smooth noise first.
//!
//! Cost: linear in the distance from each maximum to the next higher value, at worst quadratic.

/// A local maximum and how far it stands out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Maximum {
    /// Where it is; the middle of a plateau, rounded down.
    pub index: usize,
    /// Its height over the higher base.
    pub prominence: f64,
    /// The lowest place on the left before anything higher.
    pub left_base: usize,
    /// The lowest place on the right before anything higher.
    pub right_base: usize,
}

/// All local maxima, in order; the first and the last value are none.
///
/// ```
/// use xscatter_features::peaks::prominence::maxima;
///
/// let found = maxima(&[0.0, 2.0, 1.0, 5.0, 5.0, 5.0, 0.5]);
/// assert_eq!(found.iter().map(|one| one.index).collect::<Vec<_>>(), [1, 4]);
/// assert_eq!(found.iter().map(|one| one.prominence).collect::<Vec<_>>(), [1.0, 4.5]);
/// ```
pub fn maxima(values: &[f64]) -> Vec<Maximum> {
    plateaus(values)
        .into_iter()
        .map(|index| {
            let (left_base, left) = base(values, index, (0..=index).rev());
            let (right_base, right) = base(values, index, index..values.len());
            Maximum {
                index,
                prominence: values[index] - left.max(right),
                left_base,
                right_base,
            }
        })
        .collect()
}

/// The middle of every run of equal values with lower values on both sides.
fn plateaus(values: &[f64]) -> Vec<usize> {
    let mut found = Vec::new();
    let mut start = 1;
    while start + 1 < values.len() {
        let mut after = start + 1;
        if values[start - 1] < values[start] {
            while after + 1 < values.len() && values[after] == values[start] {
                after += 1;
            }
            if values[after] < values[start] {
                found.push(usize::midpoint(start, after - 1));
                start = after;
                continue;
            }
        }
        start += 1;
    }
    found
}

/// The lowest place and value along `way`, up to the first value above that of the maximum.
fn base(values: &[f64], peak: usize, way: impl Iterator<Item = usize>) -> (usize, f64) {
    let mut lowest = (peak, values[peak]);
    for at in way.take_while(|&at| values[at] <= values[peak]) {
        if values[at] < lowest.1 {
            lowest = (at, values[at]);
        }
    }
    lowest
}

impl Maximum {
    /// Where the sequence crosses half the prominence, left and right, in indices between samples.
    ///
    /// # Panics
    /// If the maximum is not one of these values.
    pub fn half_height(&self, values: &[f64]) -> (f64, f64) {
        let height = values[self.index] - 0.5 * self.prominence;
        let mut left = self.index;
        while left > self.left_base && values[left] > height {
            left -= 1;
        }
        let mut crossing = (left as f64, self.index as f64);
        if values[left] < height {
            crossing.0 += (height - values[left]) / (values[left + 1] - values[left]);
        }
        let mut right = self.index;
        while right < self.right_base && values[right] > height {
            right += 1;
        }
        crossing.1 = right as f64;
        if values[right] < height {
            crossing.1 -= (height - values[right]) / (values[right - 1] - values[right]);
        }
        crossing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_slopes_and_flat_sequences_have_no_maximum() {
        for values in [
            &[][..],
            &[1.0],
            &[1.0, 2.0],
            &[3.0, 2.0, 1.0],
            &[1.0, 2.0, 2.0],
            &[4.0; 7],
        ] {
            assert!(maxima(values).is_empty(), "{values:?}");
        }
    }

    #[test]
    fn a_higher_neighbour_ends_the_way_to_the_base() {
        let found = maxima(&[0.0, 3.0, 1.0, 2.0, 1.5, 9.0, -1.0]);
        let bases: Vec<_> = found.iter().map(|m| (m.left_base, m.right_base)).collect();
        assert_eq!(bases, [(0, 2), (2, 4), (0, 6)]);
        assert_eq!(found[1].prominence, 0.5);
    }
}
