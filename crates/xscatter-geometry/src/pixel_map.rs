//! Where every pixel of a flat detector is: position, 2θ, χ, q, and the corrections that follow.
//!
//! The convention is that of pyFAI. With the index `(d1, d2)` of a pixel after its
//! [`Orientation`], the pitches `s1`, `s2` and the distance `L`:
//!
//! ```text
//! p  = ((d1 + ½)·s1 − poni1, (d2 + ½)·s2 − poni2, L)        metres, along slow, fast, beam
//! t  = R3(rot3)·R2(rot2)·R1(rot1)·p                         R1, R2 left-handed, R3 right-handed
//! 2θ = atan2(√(t1² + t2²), t3)      χ = atan2(t1, t2) in (−π, π]      q = (4π/λ)·sin θ
//! ```
//!
//! `t1` points up (along the slow axis), `t2` is horizontal (along the fast axis), `t3` is the beam.
//! A place on the detector is measured in pixels with pixel `n` spanning `[n, n + 1)`, its centre at
//! `n + ½`.
//!
//! Use it wherever an angle or a q of a pixel is needed; azimuthal integration itself is in
//! `xscatter-reduce`, the maps of a sample at grazing incidence in [`grazing`](crate::grazing). It
//! does not know curved or distorted detectors. Masks play no role: gaps have positions too.
//!
//! Each map costs one pass over the pixels (one `atan2` or `sqrt` each, in parallel over rows) and
//! is not cached.
//!
//! Source: the geometry of pyFAI, doi:10.1107/S1600576715004306; values checked against pyFAI
//! 2026.9.0.

use std::f64::consts::PI;

use ndarray::Array2;
use rayon::prelude::*;
use xscatter_core::{Error, ErrorKind, Geometry, Orientation};

/// Why a geometry and a shape do not make a map.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GeometryError {
    /// A detector without pixels.
    #[error("expected at least one row and one column, got {}x{}", .0.0, .0.1)]
    EmptyShape((usize, usize)),
    /// A length that must be a positive, finite number.
    #[error("expected a positive {name}, got {value}")]
    NotPositive {
        /// The name of the parameter with its unit.
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// A parameter that must be a finite number.
    #[error("expected a finite {name}, got {value}")]
    NotFinite {
        /// The name of the parameter with its unit.
        name: &'static str,
        /// What it was.
        value: f64,
    },
    /// A detector plane through the sample: no pixel but those in the plane would be lit.
    #[error("expected a distance_m other than zero")]
    ZeroDistance,
}

impl From<GeometryError> for Error {
    fn from(error: GeometryError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
    }
}

/// The map from the pixels of a flat detector to space.
///
/// ```
/// use xscatter_core::{Geometry, PixelPosition};
/// use xscatter_geometry::PixelMap;
///
/// let centre = PixelPosition { row: 20.25, column: 30.75 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let q = PixelMap::new(&geometry, (64, 80))?.q_inv_nm();
/// assert!((q[(0, 0)] - 0.390416426).abs() < 1e-8);
/// # Ok::<(), xscatter_geometry::GeometryError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PixelMap {
    geometry: Geometry,
    shape: (usize, usize),
    /// R3·R2·R1.
    rotation: [[f64; 3]; 3],
}

impl PixelMap {
    /// The map of a detector of `shape` (rows, columns) in this pose.
    ///
    /// The detector may stand behind the sample: `distance_m` may be negative, not zero.
    ///
    /// # Errors
    /// [`GeometryError`] if the shape is empty, a pixel pitch or the wavelength is not a positive
    /// number, the distance is zero, or another parameter is not finite.
    pub fn new(geometry: &Geometry, shape: (usize, usize)) -> Result<Self, GeometryError> {
        if shape.0 == 0 || shape.1 == 0 {
            return Err(GeometryError::EmptyShape(shape));
        }
        for (name, value) in [
            ("pixel1_m", geometry.pixel1_m),
            ("pixel2_m", geometry.pixel2_m),
            ("wavelength_m", geometry.wavelength_m),
        ] {
            if !(value.is_finite() && value > 0.0) {
                return Err(GeometryError::NotPositive { name, value });
            }
        }
        for (name, value) in [
            ("distance_m", geometry.distance_m),
            ("poni1_m", geometry.poni1_m),
            ("poni2_m", geometry.poni2_m),
            ("rot1_rad", geometry.rot1_rad),
            ("rot2_rad", geometry.rot2_rad),
            ("rot3_rad", geometry.rot3_rad),
            ("tilt_rad", geometry.tilt_rad),
            (
                "incident_angle_rad",
                geometry.incident_angle_rad.unwrap_or(0.0),
            ),
        ] {
            if !value.is_finite() {
                return Err(GeometryError::NotFinite { name, value });
            }
        }
        if geometry.distance_m == 0.0 {
            return Err(GeometryError::ZeroDistance);
        }
        Ok(Self {
            geometry: geometry.clone(),
            shape,
            rotation: rotation(geometry),
        })
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        self.shape
    }

    /// The pose that the map was made from.
    pub fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// 4π/λ in nm⁻¹: q is this times sin θ.
    pub(crate) fn four_pi_over_lambda_inv_nm(&self) -> f64 {
        4.0 * PI / (self.geometry.wavelength_m * 1e9)
    }

    /// Where a place on the image is in space: `[t1, t2, t3]` in metres, up, horizontal, beam.
    ///
    /// The place is in pixels, the centre of pixel `(i, j)` at `(i + 0.5, j + 0.5)`; it may lie
    /// between pixel centres and outside the image.
    #[inline]
    pub fn position_m(&self, row: f64, column: f64) -> [f64; 3] {
        let (axis1, axis2) = self.along_detector(row, column);
        let geometry = &self.geometry;
        let p = [
            axis1 * geometry.pixel1_m - geometry.poni1_m,
            axis2 * geometry.pixel2_m - geometry.poni2_m,
            geometry.distance_m,
        ];
        self.rotation
            .map(|r| r[0] * p[0] + r[1] * p[1] + r[2] * p[2])
    }

    /// From a place in the image to a place along the axes of the detector, in pixels, and back:
    /// each orientation is its own inverse.
    #[inline]
    pub(crate) fn along_detector(&self, row: f64, column: f64) -> (f64, f64) {
        let (rows, columns) = (self.shape.0 as f64, self.shape.1 as f64);
        match self.geometry.orientation {
            Orientation::TopLeft => (rows - row, columns - column),
            Orientation::TopRight => (rows - row, column),
            Orientation::BottomRight => (row, column),
            Orientation::BottomLeft => (row, columns - column),
        }
    }

    /// The rotation from the frame of the detector to that of the laboratory, R3·R2·R1.
    pub(crate) fn rotation(&self) -> &[[f64; 3]; 3] {
        &self.rotation
    }

    /// The scattering angle 2θ at a place on the image, in 0 to π.
    #[inline]
    pub fn two_theta_rad_at(&self, row: f64, column: f64) -> f64 {
        two_theta_rad(self.position_m(row, column))
    }

    /// The azimuth χ at a place on the image, in (−π, π]: 0 along the fast axis, π/2 along the slow.
    #[inline]
    pub fn chi_rad_at(&self, row: f64, column: f64) -> f64 {
        chi_rad(self.position_m(row, column))
    }

    /// The magnitude of the scattering vector at a place on the image.
    #[inline]
    pub fn q_inv_nm_at(&self, row: f64, column: f64) -> f64 {
        self.four_pi_over_lambda_inv_nm() * sin_theta(self.position_m(row, column))
    }

    /// The scattering vector at a place on the image: along the slow axis (up), along the fast axis
    /// (horizontal), along the beam.
    #[inline]
    pub fn q_vector_inv_nm_at(&self, row: f64, column: f64) -> [f64; 3] {
        let t = self.position_m(row, column);
        let r = norm(t);
        let k = 0.5 * self.four_pi_over_lambda_inv_nm();
        [k * t[0] / r, k * t[1] / r, k * (t[2] / r - 1.0)]
    }

    /// 2θ of all pixels.
    pub fn two_theta_rad(&self) -> Array2<f64> {
        self.map(two_theta_rad)
    }

    /// χ of all pixels, in (−π, π].
    pub fn chi_rad(&self) -> Array2<f64> {
        self.map(chi_rad)
    }

    /// q of all pixels.
    pub fn q_inv_nm(&self) -> Array2<f64> {
        let scale = self.four_pi_over_lambda_inv_nm();
        self.map(|t| scale * sin_theta(t))
    }

    /// The components of q of all pixels: up, horizontal, along the beam.
    pub fn q_vector_inv_nm(&self) -> [Array2<f64>; 3] {
        let k = 0.5 * self.four_pi_over_lambda_inv_nm();
        [
            self.map(|t| k * t[0] / norm(t)),
            self.map(|t| k * t[1] / norm(t)),
            self.map(|t| k * (t[2] / norm(t) - 1.0)),
        ]
    }

    /// The solid angle of all pixels relative to one at the point of normal incidence: cos³ of the
    /// angle between the ray and the normal of the detector, `(|L|/r)³`.
    ///
    /// Times `pixel1_m·pixel2_m/distance_m²` it is in steradian. Divide counts by it.
    pub fn solid_angle(&self) -> Array2<f64> {
        let distance_m = self.geometry.distance_m.abs();
        self.map(|t| (distance_m / norm(t)).powi(3))
    }

    /// The polarisation factor of all pixels, `½·(1 + cos²2θ − factor·cos 2χ·sin²2θ)`.
    ///
    /// `factor` is +1 for a beam polarised along the fast axis (horizontal), 0 for none, about 0.95
    /// to 0.99 at a synchrotron. Divide counts by it.
    pub fn polarisation(&self, factor: f64) -> Array2<f64> {
        self.map(|t| polarisation(t, factor))
    }

    /// A function of the position of each pixel centre.
    pub(crate) fn map(&self, of_position: impl Fn([f64; 3]) -> f64 + Sync) -> Array2<f64> {
        let columns = self.shape.1;
        let mut values = vec![0.0; self.shape.0 * columns];
        values
            .par_chunks_mut(columns)
            .enumerate()
            .for_each(|(row, values)| {
                for (column, value) in values.iter_mut().enumerate() {
                    *value = of_position(self.position_m(row as f64 + 0.5, column as f64 + 0.5));
                }
            });
        Array2::from_shape_vec(self.shape, values).expect("one value a pixel")
    }
}

/// R3·R2·R1 with R1 and R2 left-handed and R3 right-handed.
fn rotation(geometry: &Geometry) -> [[f64; 3]; 3] {
    let (s1, c1) = geometry.rot1_rad.sin_cos();
    let (s2, c2) = geometry.rot2_rad.sin_cos();
    let (s3, c3) = geometry.rot3_rad.sin_cos();
    [
        [c2 * c3, c3 * s1 * s2 - c1 * s3, -(c1 * c3 * s2 + s1 * s3)],
        [c2 * s3, c1 * c3 + s1 * s2 * s3, c3 * s1 - c1 * s2 * s3],
        [s2, -c2 * s1, c1 * c2],
    ]
}

#[inline]
fn norm(t: [f64; 3]) -> f64 {
    (t[0] * t[0] + t[1] * t[1] + t[2] * t[2]).sqrt()
}

#[inline]
pub(crate) fn two_theta_rad(t: [f64; 3]) -> f64 {
    (t[0] * t[0] + t[1] * t[1]).sqrt().atan2(t[2])
}

/// The sine of half the scattering angle, by square roots alone and without cancellation.
#[inline]
pub(crate) fn sin_theta(t: [f64; 3]) -> f64 {
    let r = norm(t);
    if t[2] > 0.0 {
        ((t[0] * t[0] + t[1] * t[1]) / (2.0 * r * (r + t[2]))).sqrt()
    } else {
        (0.5 * (1.0 - t[2] / r)).sqrt()
    }
}

#[inline]
fn chi_rad(t: [f64; 3]) -> f64 {
    t[0].atan2(t[1])
}

/// With the sine and cosine of 2θ and 2χ written through the position.
#[inline]
fn polarisation(t: [f64; 3], factor: f64) -> f64 {
    let across = t[0] * t[0] + t[1] * t[1];
    if across == 0.0 {
        return 1.0;
    }
    let sin2 = across / (across + t[2] * t[2]);
    let cos_2chi = (t[1] * t[1] - t[0] * t[0]) / across;
    0.5 * (2.0 - sin2 - factor * cos_2chi * sin2)
}

#[cfg(test)]
mod tests {
    use approx::assert_relative_eq;
    use xscatter_core::PixelPosition;

    use super::*;

    const PIXEL_M: f64 = 172e-6;

    fn flat() -> Geometry {
        let centre = PixelPosition {
            row: 20.25,
            column: 30.75,
        };
        Geometry::transmission(1.0, centre, PIXEL_M, 1e-10)
    }

    #[test]
    fn without_rotation_the_detector_frame_is_the_laboratory_frame() {
        let map = PixelMap::new(&flat(), (64, 80)).unwrap();
        let [t1, t2, t3] = map.position_m(21.25, 40.75);
        assert_relative_eq!(t1, PIXEL_M, max_relative = 1e-12);
        assert_relative_eq!(t2, 10.0 * PIXEL_M, max_relative = 1e-12);
        assert_eq!(t3, 1.0);
    }

    #[test]
    fn the_components_of_q_have_its_magnitude() {
        let mut geometry = flat();
        geometry.distance_m = 0.1;
        (geometry.rot1_rad, geometry.rot2_rad, geometry.rot3_rad) = (0.3, -0.2, 1.0);
        let map = PixelMap::new(&geometry, (8, 9)).unwrap();
        let [up, across, along] = map.q_vector_inv_nm();
        for (index, &q) in map.q_inv_nm().indexed_iter() {
            let sum = up[index].powi(2) + across[index].powi(2) + along[index].powi(2);
            assert_relative_eq!(sum.sqrt(), q, max_relative = 1e-12);
        }
    }

    #[test]
    fn maps_and_point_functions_agree() {
        let mut geometry = flat();
        geometry.rot1_rad = 0.4;
        geometry.orientation = Orientation::TopLeft;
        let map = PixelMap::new(&geometry, (5, 6)).unwrap();
        assert_eq!(map.q_inv_nm()[(3, 4)], map.q_inv_nm_at(3.5, 4.5));
        assert_eq!(map.chi_rad()[(3, 4)], map.chi_rad_at(3.5, 4.5));
        assert_eq!(map.two_theta_rad()[(3, 4)], map.two_theta_rad_at(3.5, 4.5));
        assert_eq!(
            map.q_vector_inv_nm().map(|q| q[(3, 4)]),
            map.q_vector_inv_nm_at(3.5, 4.5)
        );
    }

    #[test]
    fn an_orientation_mirrors_the_image() {
        let (rows, columns) = (7, 9);
        let upright = PixelMap::new(&flat(), (rows, columns)).unwrap();
        for (orientation, flip_rows, flip_columns) in [
            (Orientation::TopLeft, true, true),
            (Orientation::TopRight, true, false),
            (Orientation::BottomLeft, false, true),
        ] {
            let geometry = Geometry {
                orientation,
                ..flat()
            };
            let map = PixelMap::new(&geometry, (rows, columns)).unwrap();
            let (q, q_upright) = (map.q_inv_nm(), upright.q_inv_nm());
            for ((row, column), &value) in q.indexed_iter() {
                let row = if flip_rows { rows - 1 - row } else { row };
                let column = if flip_columns {
                    columns - 1 - column
                } else {
                    column
                };
                assert_eq!(value, q_upright[(row, column)]);
            }
        }
    }

    #[test]
    fn a_detector_behind_the_sample_scatters_backwards() {
        let geometry = Geometry {
            distance_m: -0.5,
            ..flat()
        };
        let map = PixelMap::new(&geometry, (64, 80)).unwrap();
        assert!(map.two_theta_rad().iter().all(|&angle| angle > 0.5 * PI));
        assert!(map.solid_angle().iter().all(|&omega| omega > 0.0));
    }

    #[test]
    fn impossible_parameters_are_refused() {
        let refused = |change: fn(&mut Geometry)| {
            let mut geometry = flat();
            change(&mut geometry);
            PixelMap::new(&geometry, (64, 80)).unwrap_err()
        };
        assert!(matches!(
            refused(|g| g.wavelength_m = 0.0),
            GeometryError::NotPositive {
                name: "wavelength_m",
                ..
            }
        ));
        assert!(matches!(
            refused(|g| g.pixel2_m = f64::NAN),
            GeometryError::NotPositive {
                name: "pixel2_m",
                ..
            }
        ));
        assert!(matches!(
            refused(|g| g.rot3_rad = f64::INFINITY),
            GeometryError::NotFinite {
                name: "rot3_rad",
                ..
            }
        ));
        assert!(matches!(
            refused(|g| g.distance_m = 0.0),
            GeometryError::ZeroDistance
        ));
        assert_eq!(
            PixelMap::new(&flat(), (0, 80)).unwrap_err(),
            GeometryError::EmptyShape((0, 80))
        );
    }
}
