//! What lies under the peaks of a sequence: statistics-sensitive non-linear iterative peak clipping.
//!
//! For the half-widths `p = P, P − 1, …, 1`, every value is replaced by the smaller of itself and the
//! mean of its neighbours at a distance of `p`: `v(i) ← min(v(i), (v(i − p) + v(i + p)) / 2)` (SNIP with
//! a decreasing window; Morháč et al., Nucl. Instrum. Methods A 401, 1997, 113,
//! doi:10.1016/S0168-9002(97)01023-1). Features narrower than `2P` samples vanish, what is straight or
//! convex stays. On the logarithm of intensities power laws and exponentials are convex or straight: take
//! it there. Near the ends the half-width is cut to what fits, so that nothing there counts as a peak.
//!
//! Cost: `P` passes.

/// The sequence without features narrower than twice the half-width, in samples.
///
/// ```
/// use xscatter_features::peaks::background::snip;
///
/// let slope_with_a_peak = [9.0, 8.0, 7.0, 16.0, 5.0, 4.0, 3.0];
/// assert_eq!(snip(&slope_with_a_peak, 2), [9.0, 8.0, 7.0, 6.0, 5.0, 4.0, 3.0]);
/// ```
pub fn snip(values: &[f64], half_width: usize) -> Vec<f64> {
    let mut clipped = values.to_vec();
    let mut next = clipped.clone();
    for p in (1..=half_width).rev() {
        for at in 0..values.len() {
            let reach = p.min(at).min(values.len() - 1 - at);
            let mean = f64::midpoint(clipped[at - reach], clipped[at + reach]);
            next[at] = clipped[at].min(mean);
        }
        std::mem::swap(&mut clipped, &mut next);
    }
    clipped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_is_below_and_convex_curves_stay() {
        let convex: Vec<f64> = (1..60).map(|x| -4.0 * f64::from(x).ln()).collect();
        let found = snip(&convex, 12);
        for (found, value) in found.iter().zip(&convex) {
            approx::assert_relative_eq!(found, value, epsilon = 1e-12);
        }
        let rough: Vec<f64> = (0..50).map(|x| f64::from(x * 37 % 11)).collect();
        let found = snip(&rough, 9);
        assert!(
            found
                .iter()
                .zip(&rough)
                .all(|(below, value)| below <= value)
        );
    }

    #[test]
    fn nothing_and_little_stay_as_they_are() {
        assert!(snip(&[], 3).is_empty());
        assert_eq!(snip(&[5.0], 3), [5.0]);
        assert_eq!(snip(&[5.0, 1.0], 3), [5.0, 1.0]);
        assert_eq!(snip(&[1.0, 5.0, 1.0], 0), [1.0, 5.0, 1.0]);
    }
}
