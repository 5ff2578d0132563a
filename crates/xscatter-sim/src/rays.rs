//! The direction in which a pixel sees the sample, cheap enough for every pixel of every frame.
//!
//! The frame is that of pyFAI: `t1` up the slow axis, `t2` along the fast axis, `t3` the beam (see
//! `xscatter_geometry::PixelMap`, against which this is tested). Directions are linear in the pixel
//! indices before they are normalised, so a pixel costs one square root. 1 − cos 2θ is kept as a
//! number of its own: in single precision the difference would be noise at small angles.

use xscatter_geometry::PixelMap;

/// The unit vector from the sample to a pixel, and what follows from it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Ray {
    /// Component along the slow axis.
    pub(crate) t1: f32,
    /// Component along the fast axis.
    pub(crate) t2: f32,
    /// 1 − cos 2θ.
    pub(crate) shortfall: f32,
    /// Solid angle of the pixel over that at normal incidence: the cube of the cosine.
    pub(crate) solid_angle: f32,
}

impl Ray {
    /// |q|/k = 2 sin θ.
    pub(crate) fn q_over_k(self) -> f32 {
        (2.0 * self.shortfall).sqrt()
    }

    /// Seen from a surface whose normal is `t1`, tilted back by the incident angle α_i: sin α_f and
    /// the components of q/k along the footprint of the beam and across.
    pub(crate) fn at_surface(self, sine_i: f32, cosine_i: f32) -> (f32, f32, f32) {
        (
            cosine_i * self.t1 - sine_i * (1.0 - self.shortfall),
            sine_i * self.t1 - cosine_i * self.shortfall,
            self.t2,
        )
    }
}

/// All rays of a detector in one pose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Rays {
    slow: [f64; 3],
    fast: [f64; 3],
    origin: [f64; 3],
    distance_m: f64,
}

impl Rays {
    pub(crate) fn new(map: &PixelMap) -> Self {
        let origin = map.position_m(0.5, 0.5);
        let step = |place: [f64; 3]| std::array::from_fn(|axis| place[axis] - origin[axis]);
        Self {
            slow: step(map.position_m(1.5, 0.5)),
            fast: step(map.position_m(0.5, 1.5)),
            origin,
            distance_m: map.geometry().distance_m,
        }
    }

    /// The direction on the image in which `t1` grows, as a unit vector (rows, columns).
    pub(crate) fn up(&self) -> (f32, f32) {
        let length = self.slow[0].hypot(self.fast[0]);
        (
            (self.slow[0] / length) as f32,
            (self.fast[0] / length) as f32,
        )
    }

    /// The ray to the centre of a pixel.
    pub(crate) fn to(&self, row: usize, column: usize) -> Ray {
        let (i, j) = (row as f64, column as f64);
        let t: [f64; 3] = std::array::from_fn(|axis| {
            self.origin[axis] + i * self.slow[axis] + j * self.fast[axis]
        });
        // From here on every step keeps its relative precision in f32: no difference of near numbers
        // on the side of the beam.
        let [t1, t2, t3] = t.map(|component| component as f32);
        let across = t1 * t1 + t2 * t2;
        let inverse = 1.0 / (across + t3 * t3).sqrt();
        let cosine = t3 * inverse;
        let shortfall = if cosine > 0.0 {
            across * inverse * inverse / (1.0 + cosine)
        } else {
            1.0 - cosine
        };
        let slant = self.distance_m as f32 * inverse;
        Ray {
            t1: t1 * inverse,
            t2: t2 * inverse,
            shortfall,
            solid_angle: slant * slant * slant,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use approx::assert_relative_eq;
    use std::f64::consts::TAU;
    use xscatter_core::{Geometry, PixelPosition};
    use xscatter_geometry::{GrazingMap, SampleOrientation};

    fn tilted() -> Geometry {
        let centre = PixelPosition {
            row: 20.25,
            column: 30.75,
        };
        Geometry {
            rot1_rad: 0.1,
            rot2_rad: -0.05,
            rot3_rad: 0.2,
            ..Geometry::transmission(0.2, centre, 172e-6, 1e-10)
        }
    }

    #[test]
    fn q_and_chi_are_those_of_the_pixel_map() {
        let geometry = tilted();
        let map = PixelMap::new(&geometry, (64, 80)).unwrap();
        let (q, chi) = (map.q_inv_nm(), map.chi_rad());
        let rays = Rays::new(&map);
        let k_inv_nm = TAU / (geometry.wavelength_m * 1e9);
        for (row, column) in [(0, 0), (0, 79), (63, 0), (63, 79), (31, 40)] {
            let ray = rays.to(row, column);
            assert_relative_eq!(
                f64::from(ray.q_over_k()) * k_inv_nm,
                q[(row, column)],
                max_relative = 1e-6
            );
            assert_relative_eq!(
                f64::from(ray.t1.atan2(ray.t2)),
                chi[(row, column)],
                epsilon = 1e-6
            );
        }
    }

    #[test]
    fn a_surface_is_seen_as_by_the_grazing_map() {
        let mut geometry = tilted();
        geometry.incident_angle_rad = Some(0.01);
        let map = GrazingMap::new(&geometry, (64, 80), SampleOrientation::Up).unwrap();
        let exit = map.exit_angle_rad();
        let rays = Rays::new(&PixelMap::new(&geometry, (64, 80)).unwrap());
        let k_inv_nm = TAU / (geometry.wavelength_m * 1e9);
        let (sine_i, cosine_i) = 0.01_f32.sin_cos();
        for (row, column) in [(0, 0), (0, 79), (63, 0), (63, 79), (31, 40)] {
            let (sine_f, x, y) = rays.to(row, column).at_surface(sine_i, cosine_i);
            let q = map.q_vector_inv_nm_at(row as f64 + 0.5, column as f64 + 0.5);
            assert_relative_eq!(f64::from(sine_f), exit[(row, column)].sin(), epsilon = 1e-6);
            assert_relative_eq!(k_inv_nm * f64::from(x), q[0], epsilon = 1e-4);
            assert_relative_eq!(k_inv_nm * f64::from(y), q[1], epsilon = 1e-4);
            let z = k_inv_nm * f64::from(sine_f + sine_i);
            assert_relative_eq!(z, q[2], epsilon = 1e-4);
        }
        assert_eq!(rays.up().0.hypot(rays.up().1), 1.0);
    }
}
