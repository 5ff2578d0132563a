//! How a ring is bright in some directions: the kernel of a texture, or a table.
//!
//! The kernel is evaluated as it is, without an angle: cos n(χ − χ₀) follows from the n-th power of
//! the direction as a complex number, in at most eight multiplications for n up to 20. Tables are
//! for what has no formula: grains, mosaics, several crystallites.

use std::f64::consts::PI;

use rand_chacha::ChaCha8Rng;

use crate::curve::Curve;
use crate::direction::{Direction, axis};
use crate::draw;

/// The factor of a ring around the beam, of mean 1.
#[derive(Debug, Clone)]
pub(crate) enum Around {
    /// The same everywhere.
    Isotropic,
    Kernel(Kernel),
    /// Against the azimuth from −π to π, one for each order; orders beyond the last take the last.
    Tables(Vec<Curve>),
}

/// The kernel of [`texture`](crate::texture), made to be evaluated often.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Kernel {
    n: u32,
    /// Cosine and sine of n χ₀.
    towards: (f32, f32),
    numerator: f32,
    sum: f32,
    twice: f32,
}

impl Kernel {
    /// An n-fold ring about `chi0_rad` with 0 ≤ η < 1.
    pub(crate) fn new(n: u32, eta: f64, chi0_rad: f64) -> Self {
        Self {
            n,
            towards: axis(f64::from(n) * chi0_rad),
            numerator: (1.0 - eta * eta) as f32,
            sum: (1.0 + eta * eta) as f32,
            twice: (2.0 * eta) as f32,
        }
    }

    /// The factor in a direction.
    #[inline]
    pub(crate) fn at(&self, towards: Direction) -> f32 {
        let (mut base, mut power) = ((towards.cosine, towards.sine), (1.0, 0.0));
        let mut left = self.n;
        while left > 0 {
            if left % 2 == 1 {
                power = product(power, base);
            }
            base = product(base, base);
            left /= 2;
        }
        let cosine = power.0 * self.towards.0 + power.1 * self.towards.1;
        self.numerator / (self.sum - self.twice * cosine)
    }
}

/// Of two complex numbers.
#[inline]
fn product(a: (f32, f32), b: (f32, f32)) -> (f32, f32) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

/// A table over the azimuth from −π to π, scaled to a mean of 1.
pub(crate) fn azimuthal(count: usize, f: impl FnMut(f64) -> f64) -> Curve {
    let curve = Curve::sample(-PI, PI, count, f);
    let mean = curve.mean();
    if mean > 0.0 {
        curve.scaled(1.0 / mean)
    } else {
        curve
    }
}

/// The ring of a finite number of grains: spots of width `mosaic_rad` with exponential intensities.
pub(crate) fn grains(rng: &mut ChaCha8Rng, count: usize, mosaic_rad: f64) -> Curve {
    const BINS: usize = 2049;
    let step = 2.0 * PI / (BINS - 1) as f64;
    let mut sums = vec![0.0; BINS];
    let reach = (4.0 * mosaic_rad / step).ceil() as isize;
    for _ in 0..count {
        let centre = draw::uniform(rng, 0.0, (BINS - 1) as f64);
        let intensity = -draw::uniform(rng, 1e-9, 1.0).ln();
        for offset in -reach..=reach {
            let bin = centre.round() as isize + offset;
            let distance = (bin as f64 - centre) * step / mosaic_rad;
            sums[bin.rem_euclid(BINS as isize - 1) as usize] +=
                intensity * (-0.5 * distance * distance).exp();
        }
    }
    sums[BINS - 1] = sums[0];
    let mut next = sums.into_iter();
    azimuthal(BINS, |_| next.next().unwrap_or(0.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;
    use crate::texture::ring_kernel;

    #[test]
    fn the_kernel_is_that_of_its_formula() {
        for n in [2, 4, 6, 10, 20] {
            for eta in [0.0, 0.3, 0.95] {
                let kernel = Kernel::new(n, eta, 0.4);
                for step in -500..500 {
                    let chi = f64::from(step) / 500.0 * PI;
                    let (cosine, sine) = axis(chi);
                    let value = f64::from(kernel.at(Direction::new(cosine, sine)));
                    let expected = ring_kernel(chi, 0.4, f64::from(n), eta);
                    let largest = (1.0 + eta) / (1.0 - eta);
                    assert!((value - expected).abs() < 2e-4 * largest, "{n} {eta} {chi}");
                }
            }
        }
    }

    #[test]
    fn grains_are_spots_when_few_and_a_ring_when_many() {
        let mut rng = generator(3);
        let few = grains(&mut rng, 4, 0.02);
        let many = grains(&mut rng, 4000, 0.1);
        assert!((few.mean() - 1.0).abs() < 1e-3 && few.max() > 10.0);
        assert!((many.mean() - 1.0).abs() < 1e-3 && many.max() < 1.5);
    }
}
