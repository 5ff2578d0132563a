//! Mesostructures: what a coherent beam sees of few particles on a lattice.
//!
//! A beam no larger than some ten particles gives spots as wide as the form of the beam demands, and
//! speckle between them. The particles are laid out in space, projected along the beam and Fourier
//! transformed. Use it for the look of coherent diffraction from one grain or several. Not for
//! powders or large crystals: their peaks are sharper than a table of this size resolves (see
//! [`lattice`](crate::lattice)).
//!
//! ```text
//! ρ(x, y) = Σ_j 2 √(R² − |r − r_j|²) · (1 + s n(r)) · exp(−r²/2b²),   mean taken out
//! I(q)    = |FT ρ|²;   many grains: Σ over orientations
//! ```
//!
//! b: width of the beam, n: smooth noise of variance 1. One transform holds two orientations, as its
//! real and its imaginary part. Some 4 ms a pair.

use std::f64::consts::PI;

use num_complex::Complex;
use rand_chacha::ChaCha8Rng;

use crate::draw::{chance, normal, uniform};
use crate::fourier::transform;
use crate::lattice::Lattice;
use crate::plane::smooth_noise;

/// The side of the table.
pub(crate) const SIDE: usize = 256;

/// Standard deviation of the beam in cells; it and its transform both fit.
const BEAM_CELLS: f64 = 20.0;

/// Beyond so many standard deviations the beam is dark.
const BEAM_REACH: f64 = 3.0;

/// What the particles do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Mesostructure {
    /// Simple, body-centred or face-centred cubic, or hexagonal: layers of it straight above each
    /// other at the distance of the neighbours.
    pub(crate) lattice: Lattice,
    /// Lattice constant in cells.
    pub(crate) spacing_cells: f64,
    /// Radius over the lattice constant.
    pub(crate) radius: f64,
    /// Thickness of the sample over the lattice constant.
    pub(crate) layers: f64,
    /// Rms displacement along each axis over the lattice constant.
    pub(crate) disorder: f64,
    /// Share of empty places.
    pub(crate) vacancies: f64,
    /// Relative strength of the smooth noise of density.
    pub(crate) noise: f64,
    /// How many grains add up, each in an orientation of its own.
    pub(crate) grains: usize,
}

impl Mesostructure {
    /// Where the first order lies, in cells of the table from its middle.
    pub(crate) fn first_order_cells(&self) -> f64 {
        let ratio: f64 = match self.lattice {
            Lattice::BodyCentred => 2.0_f64.sqrt(),
            Lattice::FaceCentred => 3.0_f64.sqrt(),
            _ => 1.0,
        };
        ratio * SIDE as f64 / self.spacing_cells
    }

    /// The intensity over the plane of q, q = 0 in the middle of the table, 1 at its maximum.
    pub(crate) fn intensity(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut sum = vec![0.0_f32; SIDE * SIDE];
        for pair in 0..self.grains.div_ceil(2) {
            let first = self.density(rng);
            let second = if 2 * pair + 1 < self.grains {
                self.density(rng)
            } else {
                vec![0.0; SIDE * SIDE]
            };
            let mut field: Vec<Complex<f32>> = first
                .into_iter()
                .zip(second)
                .map(|(re, im)| Complex::new(re, im))
                .collect();
            transform(SIDE, &mut field);
            // The squares of both transforms together; at −k as at k, since both densities are real.
            for row in 0..SIDE {
                for column in 0..SIDE {
                    let mirror = (SIDE - row) % SIDE * SIDE + (SIDE - column) % SIDE;
                    let cell = (row + SIDE / 2) % SIDE * SIDE + (column + SIDE / 2) % SIDE;
                    let here = field[row * SIDE + column].norm_sqr();
                    sum[cell] += 0.5 * (here + field[mirror].norm_sqr());
                }
            }
        }
        let largest = sum.iter().copied().fold(f32::MIN_POSITIVE, f32::max);
        for value in &mut sum {
            *value /= largest;
        }
        sum
    }

    /// The projected density of one grain under the beam.
    fn density(&self, rng: &mut ChaCha8Rng) -> Vec<f32> {
        let mut density = vec![0.0_f32; SIDE * SIDE];
        let radius = self.radius * self.spacing_cells;
        for centre in self.places(rng) {
            add_sphere(&mut density, centre, radius);
        }
        let largest = 2.0 * radius as f32;
        let noise = if self.noise > 0.0 {
            smooth_noise(rng, SIDE)
        } else {
            Vec::new()
        };
        let (mut weights, mut mean) = (0.0, 0.0);
        let profile: Vec<f64> = (0..SIDE)
            .map(|cell| {
                let off = (cell as f64 - (SIDE / 2) as f64) / BEAM_CELLS;
                if off.abs() > BEAM_REACH {
                    0.0
                } else {
                    (-0.5 * off * off).exp()
                }
            })
            .collect();
        for (row, line) in density.chunks_exact_mut(SIDE).enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                if let Some(noise) = noise.get(row * SIDE + column) {
                    *value += self.noise as f32 * largest * noise;
                }
                let weight = profile[row] * profile[column];
                weights += weight;
                mean += weight * f64::from(*value);
            }
        }
        let mean = (mean / weights) as f32;
        for (row, line) in density.chunks_exact_mut(SIDE).enumerate() {
            for (column, value) in line.iter_mut().enumerate() {
                *value = (*value - mean) * (profile[row] * profile[column]) as f32;
            }
        }
        density
    }

    /// The particles in the beam, turned at random.
    fn places(&self, rng: &mut ChaCha8Rng) -> Vec<(f64, f64)> {
        let basis: &[[f64; 3]] = match self.lattice {
            Lattice::BodyCentred => &[[0.0; 3], [0.5; 3]],
            Lattice::FaceCentred => &[[0.0; 3], [0.5, 0.5, 0.0], [0.5, 0.0, 0.5], [0.0, 0.5, 0.5]],
            _ => &[[0.0; 3]],
        };
        let axes = self.axes();
        let turn = rotation(rng);
        let beam = BEAM_REACH * BEAM_CELLS / self.spacing_cells + 1.0;
        let depth = 0.5 * self.layers;
        let reach = 1.2 * beam.hypot(depth);
        let shift: [f64; 3] = std::array::from_fn(|_| uniform(rng, 0.0, 1.0));
        let mut places = Vec::new();
        let steps = reach.ceil() as i32 + 1;
        for i in -steps..=steps {
            for j in -steps..=steps {
                for k in -steps..=steps {
                    for corner in basis {
                        let [a, b, c] = [
                            f64::from(i) + corner[0] + shift[0],
                            f64::from(j) + corner[1] + shift[1],
                            f64::from(k) + corner[2] + shift[2],
                        ];
                        let ideal: [f64; 3] = std::array::from_fn(|axis| {
                            a * axes[0][axis] + b * axes[1][axis] + c * axes[2][axis]
                        });
                        let [x, y, z] = turn
                            .map(|row| row[0] * ideal[0] + row[1] * ideal[1] + row[2] * ideal[2]);
                        if x * x + y * y > beam * beam || z.abs() > depth {
                            continue;
                        }
                        let (x, y) = (
                            x + normal(rng, self.disorder),
                            y + normal(rng, self.disorder),
                        );
                        if !chance(rng, self.vacancies) {
                            places.push((x * self.spacing_cells, y * self.spacing_cells));
                        }
                    }
                }
            }
        }
        places
    }

    fn axes(&self) -> [[f64; 3]; 3] {
        let second = if self.lattice == Lattice::Hexagonal {
            [0.5, 0.75_f64.sqrt(), 0.0]
        } else {
            [0.0, 1.0, 0.0]
        };
        [[1.0, 0.0, 0.0], second, [0.0, 0.0, 1.0]]
    }
}

/// Adds the thickness of a sphere, places in cells from the middle.
fn add_sphere(density: &mut [f32], (x, y): (f64, f64), radius: f64) {
    let middle = (SIDE / 2) as f64;
    let span = |centre: f64| {
        let low = (centre + middle - radius).ceil().max(0.0) as usize;
        let high = (centre + middle + radius).floor().min((SIDE - 1) as f64);
        low..(high + 1.0).max(0.0) as usize
    };
    for row in span(y) {
        for column in span(x) {
            let (dy, dx) = (row as f64 - middle - y, column as f64 - middle - x);
            let inside = radius * radius - dx * dx - dy * dy;
            if inside > 0.0 {
                density[row * SIDE + column] += 2.0 * inside.sqrt() as f32;
            }
        }
    }
}

/// A rotation, all alike likely: a random direction of the third axis and a turn about it.
fn rotation(rng: &mut ChaCha8Rng) -> [[f64; 3]; 3] {
    let (cosine, phi, psi) = (
        uniform(rng, -1.0, 1.0),
        uniform(rng, -PI, PI),
        uniform(rng, -PI, PI),
    );
    let sine = (1.0 - cosine * cosine).max(0.0).sqrt();
    let ((sp, cp), (ss, cs)) = (phi.sin_cos(), psi.sin_cos());
    [
        [
            cp * cosine * cs - sp * ss,
            -cp * cosine * ss - sp * cs,
            cp * sine,
        ],
        [
            sp * cosine * cs + cp * ss,
            -sp * cosine * ss + cp * cs,
            sp * sine,
        ],
        [-sine * cs, sine * ss, cosine],
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::draw::generator;

    const CRYSTAL: Mesostructure = Mesostructure {
        lattice: Lattice::SimpleCubic,
        spacing_cells: 20.0,
        radius: 0.35,
        layers: 4.0,
        disorder: 0.02,
        vacancies: 0.0,
        noise: 0.0,
        grains: 1,
    };

    fn at(table: &[f32], row: i32, column: i32) -> f32 {
        let cell = |k: i32| (k + SIDE as i32 / 2) as usize;
        table[cell(row) * SIDE + cell(column)]
    }

    #[test]
    fn it_is_centrosymmetric_and_dark_at_the_middle() {
        let table = CRYSTAL.intensity(&mut generator(1));
        assert!(table.iter().all(|value| (0.0..=1.0).contains(value)));
        for (row, column) in [(3, 9), (20, -5), (0, 40)] {
            let (a, b) = (at(&table, row, column), at(&table, -row, -column));
            assert!((a - b).abs() <= 1e-5 * a.max(b));
        }
        assert!(at(&table, 0, 0) < 0.05);
    }

    #[test]
    fn many_grains_peak_at_the_first_order() {
        for lattice in [Lattice::SimpleCubic, Lattice::BodyCentred] {
            let many = Mesostructure {
                lattice,
                grains: 40,
                radius: 0.2,
                layers: 6.0,
                ..CRYSTAL
            };
            let table = many.intensity(&mut generator(2));
            let first = many.first_order_cells();
            let ring = |radius: f64| {
                (0..360)
                    .map(|degree| f64::from(degree).to_radians())
                    .map(|chi| {
                        let (row, column) = (radius * chi.sin(), radius * chi.cos());
                        f64::from(at(&table, row.round() as i32, column.round() as i32))
                    })
                    .sum::<f64>()
            };
            assert!(ring(first) > 1.5 * ring(0.6 * first), "{lattice:?}");
            assert!(ring(first) > 1.5 * ring(1.2 * first), "{lattice:?}");
        }
    }

    #[test]
    fn a_rotation_keeps_lengths_and_angles() {
        let turn = rotation(&mut generator(3));
        for a in 0..3 {
            for b in 0..3 {
                let dot: f64 = (0..3).map(|i| turn[a][i] * turn[b][i]).sum();
                assert!((dot - f64::from(u8::from(a == b))).abs() < 1e-12);
            }
        }
    }

    /// The table against Σ_j F(q) exp(−iq·r_j) with the analytic amplitude of a sphere.
    #[test]
    fn one_sphere_has_the_form_factor_of_a_sphere() {
        let radius = 8.0;
        let mut density = vec![0.0; SIDE * SIDE];
        add_sphere(&mut density, (0.0, 0.0), radius);
        let mut field: Vec<Complex<f32>> = density
            .into_iter()
            .map(|re| Complex::new(re, 0.0))
            .collect();
        transform(SIDE, &mut field);
        let volume = f64::from(field[0].re);
        assert!((volume / (4.0 / 3.0 * PI * radius.powi(3)) - 1.0).abs() < 0.01);
        for k in [2, 5, 9] {
            let q = 2.0 * PI * k as f64 / SIDE as f64;
            let expected = volume * crate::form_factor::sphere_amplitude(q * radius);
            let got = f64::from(field[k].re);
            // The density sits about the middle of the table: odd waves change sign.
            let got = if k % 2 == 0 { got } else { -got };
            assert!(
                (got - expected).abs() < 3e-3 * volume,
                "{k} {got} {expected}"
            );
        }
    }
}
