//! The few distributions that intervals and tests need.
//!
//! Agree with scipy to 1e-12 in relative terms over the range of use (the golden test of the tests that
//! use them).

use std::f64::consts::{LN_2, SQRT_2};

/// The chance that a standard normal variable is `x` or less.
pub(crate) fn normal_cdf(x: f64) -> f64 {
    0.5 * libm::erfc(-x / SQRT_2)
}

/// The `x` for which [`normal_cdf`] is `p`, by bisection; infinite for 0 and 1.
pub(crate) fn normal_quantile(p: f64) -> f64 {
    if p <= 0.0 {
        return f64::NEG_INFINITY;
    }
    if p >= 1.0 {
        return f64::INFINITY;
    }
    if p > 0.5 {
        // Next to 1, the distribution has no digits left.
        return -normal_quantile(1.0 - p);
    }
    let (mut low, mut high) = (-40.0, 0.0);
    loop {
        let middle = f64::midpoint(low, high);
        if middle <= low || middle >= high {
            return middle;
        }
        if normal_cdf(middle) < p {
            low = middle;
        } else {
            high = middle;
        }
    }
}

/// The chance that a χ² variable of one degree of freedom is `x` or more.
pub(crate) fn chi_squared_1_tail(x: f64) -> f64 {
    libm::erfc((x / 2.0).sqrt())
}

/// The chance that a fair coin shows at most `few` heads (or tails) in `total` throws, either way.
pub(crate) fn fair_coin_two_sided(few: u64, total: u64) -> f64 {
    let ln_factorial = |count: u64| libm::lgamma(count as f64 + 1.0);
    let term = |heads: u64| {
        let ln_ways = ln_factorial(total) - ln_factorial(heads) - ln_factorial(total - heads);
        (ln_ways - total as f64 * LN_2).exp()
    };
    let tail: f64 = (0..=few).map(term).sum();
    (2.0 * tail).min(1.0)
}

/// The chance that a Student t variable is as far from 0 as `t`, either way.
pub(crate) fn student_t_two_sided(t: f64, degrees_of_freedom: f64) -> f64 {
    let x = degrees_of_freedom / (degrees_of_freedom + t * t);
    incomplete_beta(degrees_of_freedom / 2.0, 0.5, x)
}

/// The regularised incomplete beta function `I_x(a, b)`, by its continued fraction (Lentz's method;
/// Abramowitz and Stegun 26.5.8).
fn incomplete_beta(a: f64, b: f64, x: f64) -> f64 {
    if x <= 0.0 {
        return 0.0;
    }
    if x >= 1.0 {
        return 1.0;
    }
    // The fraction converges fast on this side of the mean.
    if x > (a + 1.0) / (a + b + 2.0) {
        return 1.0 - incomplete_beta(b, a, 1.0 - x);
    }
    let ln_front =
        libm::lgamma(a + b) - libm::lgamma(a) - libm::lgamma(b) + a * x.ln() + b * (-x).ln_1p();
    let tiny = |value: f64| if value.abs() < 1e-300 { 1e-300 } else { value };
    let mut c = 1.0;
    let mut d = 1.0 / tiny(1.0 - (a + b) * x / (a + 1.0));
    let mut fraction = d;
    for step in 1..1000 {
        let m = f64::from(step);
        let even = m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m));
        d = 1.0 / tiny(1.0 + even * d);
        c = tiny(1.0 + even / c);
        fraction *= d * c;
        let odd = -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0));
        d = 1.0 / tiny(1.0 + odd * d);
        c = tiny(1.0 + odd / c);
        fraction *= d * c;
        if (d * c - 1.0).abs() < 1e-16 {
            break;
        }
    }
    ln_front.exp() * fraction / a
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;

    #[test]
    fn quantiles_invert_the_distribution() {
        for p in [1e-12, 0.001, 0.025, 0.3, 0.5, 0.8, 0.975] {
            assert_relative_eq!(normal_cdf(normal_quantile(p)), p, max_relative = 1e-12);
        }
        assert_relative_eq!(
            normal_quantile(0.975),
            1.959963984540054,
            max_relative = 1e-14
        );
    }

    #[test]
    fn values_of_tables() {
        assert_relative_eq!(fair_coin_two_sided(2, 10), 0.109375, max_relative = 1e-12);
        assert_eq!(fair_coin_two_sided(0, 0), 1.0);
        // One degree of freedom: 1 − 2/π atan t.
        let exact = 1.0 - 2.0 / std::f64::consts::PI * 3.0_f64.atan();
        assert_relative_eq!(student_t_two_sided(3.0, 1.0), exact, max_relative = 1e-13);
        assert_relative_eq!(student_t_two_sided(0.0, 9.0), 1.0);
        assert_relative_eq!(
            chi_squared_1_tail(3.841458820694124),
            0.05,
            max_relative = 1e-12
        );
    }
}
