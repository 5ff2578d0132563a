//! Zeros of Bessel functions.

/// The first `count` positive zeros of `J_m`, ascending, to a few units in the last place.
///
/// By bisection between the sign changes, which are more than 3 apart; the sign of `J_m` is that of
/// `libm::jn`. Cost: some 60 evaluations each.
///
/// ```
/// use xscatter_features::fourier_bessel::bessel_zeros;
///
/// let zeros = bessel_zeros(2, 2);
/// assert!((zeros[0] - 5.135_622_301_840_683).abs() < 1e-14);
/// assert!((zeros[1] - 8.417_244_140_399_865).abs() < 1e-14);
/// ```
pub fn bessel_zeros(m: u32, count: usize) -> Vec<f64> {
    const STEP: f64 = 1.0;
    let is_positive = |x: f64| libm::jn(m as i32, x) > 0.0;
    let mut zeros = Vec::with_capacity(count);
    // J_m is positive from just above 0 to its first zero, which lies beyond m and beyond 2.4.
    let (mut start, mut sign) = (f64::from(m).max(2.0), true);
    while zeros.len() < count {
        if is_positive(start + STEP) == sign {
            start += STEP;
            continue;
        }
        let (mut low, mut high) = (start, start + STEP);
        loop {
            let middle = 0.5 * (low + high);
            if middle <= low || middle >= high {
                break;
            }
            if is_positive(middle) == sign {
                low = middle;
            } else {
                high = middle;
            }
        }
        zeros.push(high);
        sign = !sign;
        start = high;
    }
    zeros
}
