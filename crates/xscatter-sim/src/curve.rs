//! A function of one variable, tabulated once and looked up for every pixel.
//!
//! Use it where a formula is too slow for a million pixels and smooth on the scale of the table's
//! step. Between two entries the curve is linear; beyond the ends it keeps its last value. A look-up
//! costs a few nanoseconds, a table of n entries 4·n bytes.

/// A curve at equal steps, linear in between.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Curve {
    start: f32,
    per_unit: f32,
    /// The place of the last entry.
    last: f32,
    values: Vec<f32>,
}

impl Curve {
    /// Tabulates `f` at `count` ≥ 2 points from `start` to `end`.
    pub(crate) fn sample(
        start: f64,
        end: f64,
        count: usize,
        mut f: impl FnMut(f64) -> f64,
    ) -> Self {
        let step = (end - start) / (count - 1) as f64;
        Self {
            start: start as f32,
            per_unit: (1.0 / step) as f32,
            last: (count - 1) as f32,
            values: (0..count)
                .map(|index| f(start + step * index as f64) as f32)
                .collect(),
        }
    }

    /// The curve at `x`.
    #[inline]
    pub(crate) fn at(&self, x: f32) -> f32 {
        let place = ((x - self.start) * self.per_unit).max(0.0).min(self.last);
        let index = (place as usize).min(self.values.len() - 2);
        let weight = place - index as f32;
        let (here, next) = (self.values[index], self.values[index + 1]);
        here + weight * (next - here)
    }

    /// All entries times `factor`.
    pub(crate) fn scaled(mut self, factor: f64) -> Self {
        for value in &mut self.values {
            *value *= factor as f32;
        }
        self
    }

    /// The mean of all entries but the last, which on a circle is the first again.
    pub(crate) fn mean(&self) -> f64 {
        let entries = &self.values[..self.values.len() - 1];
        entries.iter().map(|&value| value as f64).sum::<f64>() / entries.len() as f64
    }

    /// The largest entry.
    pub(crate) fn max(&self) -> f32 {
        self.values.iter().copied().fold(f32::MIN, f32::max)
    }

    /// The largest value from `low` to `high`: of the entries between, and at both ends.
    pub(crate) fn max_between(&self, low: f64, high: f64) -> f32 {
        let place = |x: f64| ((x - self.start as f64) * self.per_unit as f64).max(0.0) as usize;
        let last = self.values.len() - 1;
        let (from, to) = ((place(low) + 1).min(last), place(high).min(last));
        let ends = self.at(low as f32).max(self.at(high as f32));
        self.values[from..to.max(from)]
            .iter()
            .copied()
            .fold(ends, f32::max)
    }

    /// Convolved with a Gaussian of this standard deviation, in units of x.
    pub(crate) fn blurred(&self, sigma: f64) -> Self {
        let sigma_steps = sigma * self.per_unit as f64;
        if sigma_steps < 0.2 {
            return self.clone();
        }
        let reach = (4.0 * sigma_steps).ceil() as isize;
        let kernel: Vec<f64> = (-reach..=reach)
            .map(|k| (-0.5 * (k as f64 / sigma_steps).powi(2)).exp())
            .collect();
        let norm: f64 = kernel.iter().sum();
        let last = self.values.len() as isize - 1;
        let extended: Vec<f64> = (-reach..=last + reach)
            .map(|index| self.values[index.clamp(0, last) as usize].into())
            .collect();
        // One tap after the other over all entries: a loop without a carried sum is vectorised.
        let mut sums = vec![0.0_f64; self.values.len()];
        for (weight, shifted) in kernel.iter().zip(extended.windows(sums.len())) {
            for (sum, value) in sums.iter_mut().zip(shifted) {
                *sum += weight * value;
            }
        }
        let values = sums.iter().map(|sum| (sum / norm) as f32).collect();
        Self {
            start: self.start,
            per_unit: self.per_unit,
            last: self.last,
            values,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_linear_between_entries_and_constant_beyond() {
        let curve = Curve::sample(1.0, 3.0, 3, |x| x * x);
        assert_eq!(
            (curve.at(1.0), curve.at(2.0), curve.at(2.5)),
            (1.0, 4.0, 6.5)
        );
        assert_eq!((curve.at(-5.0), curve.at(99.0)), (1.0, 9.0));
        assert_eq!(curve.max(), 9.0);
    }

    #[test]
    fn blurring_keeps_the_area() {
        let curve = Curve::sample(0.0, 1.0, 201, |x| {
            if (x - 0.5).abs() < 0.01 { 1.0 } else { 0.0 }
        });
        let area = |curve: &Curve| curve.values.iter().sum::<f32>();
        let blurred = curve.blurred(0.05);
        assert!((area(&blurred) / area(&curve) - 1.0).abs() < 1e-5);
        assert!(blurred.max() < 0.3 * curve.max());
    }
}
