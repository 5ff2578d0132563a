//! Medians and quantiles, the same everywhere.

/// The quantile `q` of `len` values in ascending order, linear between order statistics (the default of numpy).
///
/// # Panics
/// If there are none.
pub(crate) fn quantile(len: usize, q: f64, nth: impl Fn(usize) -> f64) -> f64 {
    let place = q * (len - 1) as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(len - 1);
    let [a, b] = [below, above].map(nth);
    a + (b - a) * (place - place.floor())
}

/// The quantile `q` of sorted counts on a transformed scale.
///
/// # Panics
/// If there are none.
pub(crate) fn quantile_of_sorted(sorted: &[f32], q: f64, transform: impl Fn(f64) -> f64) -> f64 {
    quantile(sorted.len(), q, |place| transform(f64::from(sorted[place])))
}

/// The median; `None` of nothing.
pub(crate) fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        n if n % 2 == 1 => Some(values[middle]),
        _ => Some(f64::midpoint(values[middle - 1], values[middle])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_numpy_and_medians_their_middle() {
        let sorted = [1.0f32, 2.0, 4.0, 8.0];
        for (q, expected) in [(0.0, 1.0), (0.5, 3.0), (0.9, 6.8), (1.0, 8.0)] {
            let found = quantile_of_sorted(&sorted, q, |count| count);
            assert!((found - expected).abs() < 1e-12, "{q}: {found}");
        }
        assert_eq!(quantile_of_sorted(&[5.0], 0.3, |count| 2.0 * count), 10.0);
        assert_eq!(median(vec![8.0, 1.0, 4.0, 2.0]), Some(3.0));
        assert_eq!(median(vec![8.0, 1.0, 4.0]), Some(4.0));
        assert_eq!(median(Vec::new()), None);
    }
}
