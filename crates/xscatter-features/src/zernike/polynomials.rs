//! Zernike's polynomials up to a degree, at a point.

/// `V_nm = z^m P_nm(|z|²)` for 0 ≤ m ≤ n ≤ degree with n − m even, by Kintner's recurrence in n.
#[derive(Debug, Clone)]
pub(super) struct Polynomials {
    degree: usize,
    /// `P_n = (a r² + b) P_{n−2} + c P_{n−4}`, m by m with n ascending from m + 2.
    steps: Vec<[f64; 3]>,
}

impl Polynomials {
    pub(super) fn new(degree: usize) -> Self {
        let mut steps = Vec::new();
        for m in 0..=degree {
            for n in (m + 2..=degree).step_by(2) {
                steps.push(step(n as f64, m as f64));
            }
        }
        Self { degree, steps }
    }

    /// n and m of each, in the order of [`Polynomials::at`]: m by m, n ascending.
    pub(super) fn indices(&self) -> Vec<(usize, usize)> {
        let of = |m: usize| (m..=self.degree).step_by(2).map(move |n| (n, m));
        (0..=self.degree).flat_map(of).collect()
    }

    /// Real and imaginary part of each.
    #[inline]
    pub(super) fn at(&self, x: f64, y: f64, mut take: impl FnMut(usize, f64, f64)) {
        let square = x * x + y * y;
        let (mut re, mut im) = (1.0, 0.0);
        let (mut index, mut steps) = (0, self.steps.iter());
        for m in 0..=self.degree {
            let (mut before, mut now) = (0.0, 1.0);
            take(index, re, im);
            index += 1;
            for [a, b, c] in steps.by_ref().take((self.degree - m) / 2) {
                let next = (a * square + b) * now + c * before;
                (before, now) = (now, next);
                take(index, re * now, im * now);
                index += 1;
            }
            (re, im) = (re * x - im * y, re * y + im * x);
        }
    }
}

fn step(n: f64, m: f64) -> [f64; 3] {
    if n < m + 3.0 {
        return [m + 2.0, -(m + 1.0), 0.0];
    }
    let all = (n + m) * (n - m) * (n - 2.0) / 2.0;
    [
        2.0 * n * (n - 1.0) * (n - 2.0) / all,
        -(n - 1.0) * (m * m + n * (n - 2.0)) / all,
        -n * (n + m - 2.0) * (n - m - 2.0) / (2.0 * all),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_abs_diff_eq;

    #[test]
    fn the_recurrence_gives_the_sums_of_factorials() {
        let factorial = |n: usize| (1..=n).map(|k| k as f64).product::<f64>();
        let polynomials = Polynomials::new(12);
        let indices = polynomials.indices();
        for (x, y) in [(0.3_f64, -0.4_f64), (0.0, 0.0), (0.6, 0.8), (-0.1, 0.9)] {
            let (r, angle) = (x.hypot(y), y.atan2(x));
            polynomials.at(x, y, |index, re, im| {
                let (n, m) = indices[index];
                let mut radial = 0.0;
                for k in 0..=(n - m) / 2 {
                    let sign = if k % 2 == 0 { 1.0 } else { -1.0 };
                    radial += sign * factorial(n - k) * r.powi((n - 2 * k) as i32)
                        / factorial(k)
                        / factorial(n.midpoint(m) - k)
                        / factorial((n - m) / 2 - k);
                }
                let angle = m as f64 * angle;
                assert_abs_diff_eq!(re, radial * angle.cos(), epsilon = 1e-12);
                assert_abs_diff_eq!(im, radial * angle.sin(), epsilon = 1e-12);
            });
        }
        assert_eq!(indices.len(), 49);
    }

    #[test]
    fn they_stay_within_one_at_high_degrees() {
        let polynomials = Polynomials::new(60);
        for k in 0..=1000 {
            let r = f64::from(k) / 1000.0;
            polynomials.at(r, 0.0, |_, re, _| assert!(re.abs() <= 1.0 + 1e-9));
        }
    }
}
