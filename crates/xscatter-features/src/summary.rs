//! The distribution of a local quantity over an image in seven numbers.

/// What [`summary`] gives, in its order.
pub(crate) const NAMES: [&str; 7] = ["mean", "std", "p5", "p25", "p50", "p75", "p95"];

const FRACTIONS: [f64; 5] = [0.05, 0.25, 0.5, 0.75, 0.95];

/// Mean, standard deviation (of the population) and percentiles (linear between order statistics) of
/// finite values, which are left in another order.
///
/// # Panics
/// If there are no values.
pub(crate) fn summary(values: &mut [f32]) -> [f32; NAMES.len()] {
    let n = values.len() as f64;
    let mean = values.iter().copied().map(f64::from).sum::<f64>() / n;
    let squares = values
        .iter()
        .map(|&value| (f64::from(value) - mean).powi(2));
    let mut found = [
        mean as f32,
        (squares.sum::<f64>() / n).sqrt() as f32,
        0.0,
        0.0,
        0.0,
        0.0,
        0.0,
    ];
    let mut sorted_up_to = 0;
    for (fraction, found) in FRACTIONS.into_iter().zip(&mut found[2..]) {
        let place = fraction * (values.len() - 1) as f64;
        let below = place.floor() as usize;
        // What is smaller already lies in front.
        if below > sorted_up_to || sorted_up_to == 0 {
            values[sorted_up_to..].select_nth_unstable_by(below - sorted_up_to, f32::total_cmp);
            sorted_up_to = below;
        }
        let next = values[below + 1..].iter().copied().min_by(f32::total_cmp);
        let low = f64::from(values[below]);
        let high = next.map_or(low, f64::from);
        *found = (low + (high - low) * (place - place.floor())) as f32;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn percentiles_are_those_of_sorted_values() {
        for n in [1usize, 2, 3, 7, 20, 21, 100, 1001] {
            let mut values: Vec<f32> = (0..n).map(|k| ((k * 7919) % 101) as f32).collect();
            let mut sorted = values.clone();
            sorted.sort_by(f32::total_cmp);
            let found = summary(&mut values);
            for (fraction, found) in FRACTIONS.into_iter().zip(&found[2..]) {
                let expected =
                    crate::order_statistics::quantile_of_sorted(&sorted, fraction, |x| x);
                assert_relative_eq!(f64::from(*found), expected, max_relative = 1e-6);
            }
        }
    }

    #[test]
    fn equal_values_do_not_spread() {
        assert_eq!(summary(&mut [3.0; 5]), [3.0, 0.0, 3.0, 3.0, 3.0, 3.0, 3.0]);
    }
}
