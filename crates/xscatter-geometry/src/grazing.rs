//! Reciprocal space of a flat sample that the beam meets at a grazing angle.
//!
//! The convention is that of the `FiberIntegrator` of pyFAI. With the unit vector `u` from the
//! sample to the pixel, `k = 2π/λ`, the incident angle `α_i` and the tilt `τ` of the surface about
//! the beam:
//!
//! ```text
//! (x, y) = (t2, t1) turned by the sample orientation            x horizontal, y towards the normal
//! q_lab  = k·(u_z − 1, u_x, u_y)                                (beam, horizontal, vertical)
//! 1. incidence:  b' = b·cos α_i + v·sin α_i      v' = −b·sin α_i + v·cos α_i
//! 2. tilt:       h' = h·cos τ + v'·sin τ         v'' = −h·sin τ + v'·cos τ
//! q_ip = sign(h')·√(b'² + h'²)     q_oop = v''     χ_gi = atan2(q_ip, q_oop)
//! ```
//!
//! The incidence comes before the tilt. Programs that turn in the other order (pygix) agree only
//! when one of the two angles is zero; there `q_xy = −q_ip`.
//!
//! The exit angle is exact: `α_f = asin(k_f·n/k)`, with the direct beam at `−α_i` and the specular
//! reflection at `+α_i`. The `exit_angle_vert` of pyFAI 2026.9.0 turns the position in the opposite
//! sense (the direct beam comes out at `+α_i`), and `atan2(k_z, k_x)`, which some programs use, is
//! not the exit angle away from the meridian: neither is reproduced here.
//!
//! On the meridian (`h' = 0`) `q_ip` is counted positive. No refraction is corrected.
//!
//! Source: pyFAI 2026.9.0; doi:10.1107/S1600576715004306 for the geometry underneath.

use ndarray::Array2;
use xscatter_core::{Error, ErrorKind, Geometry};

use crate::pixel_map::{GeometryError, PixelMap};

/// How the sample lies on the image, in the numbering of EXIF and pyFAI.
///
/// Each variant names what the horizontal and the vertical of the sample are, with `x` along the
/// fast and `y` along the slow axis of the detector.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum SampleOrientation {
    /// 1: `(x, y)`; the surface normal points along growing rows.
    #[default]
    Up,
    /// 2: `(−x, y)`.
    UpMirrored,
    /// 3: `(−x, −y)`.
    Down,
    /// 4: `(x, −y)`; the usual case of an image whose first row is the top.
    DownMirrored,
    /// 5: `(−y, −x)`.
    LeftMirrored,
    /// 6: `(−y, x)`.
    Right,
    /// 7: `(y, x)`.
    RightMirrored,
    /// 8: `(y, −x)`.
    Left,
}

impl SampleOrientation {
    /// All orientations in the order of their numbers.
    pub const ALL: [Self; 8] = [
        Self::Up,
        Self::UpMirrored,
        Self::Down,
        Self::DownMirrored,
        Self::LeftMirrored,
        Self::Right,
        Self::RightMirrored,
        Self::Left,
    ];

    /// The number that pyFAI uses, 1 to 8.
    pub const fn number(self) -> u8 {
        self as u8 + 1
    }

    /// From the number that pyFAI uses, 1 to 8.
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number).checked_sub(1)?).copied()
    }

    fn turn(self, x: f64, y: f64) -> (f64, f64) {
        match self {
            Self::Up => (x, y),
            Self::UpMirrored => (-x, y),
            Self::Down => (-x, -y),
            Self::DownMirrored => (x, -y),
            Self::LeftMirrored => (-y, -x),
            Self::Right => (-y, x),
            Self::RightMirrored => (y, x),
            Self::Left => (y, -x),
        }
    }
}

/// Why a geometry makes no map of a sample at grazing incidence.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum GrazingError {
    /// The pose of the detector is impossible.
    #[error(transparent)]
    Geometry(#[from] GeometryError),
    /// A geometry in transmission.
    #[error("expected a geometry with an incident angle, got one in transmission")]
    NoIncidentAngle,
}

impl From<GrazingError> for Error {
    fn from(error: GrazingError) -> Self {
        let kind = match &error {
            GrazingError::Geometry(_) => ErrorKind::InvalidArgument,
            GrazingError::NoIncidentAngle => ErrorKind::MissingMetadata,
        };
        Self::new(kind, error.to_string()).with_source(error)
    }
}

/// The map from the pixels of a flat detector to the reciprocal space of the sample.
///
/// ```
/// use xscatter_core::{Geometry, PixelPosition};
/// use xscatter_geometry::{GrazingMap, SampleOrientation};
///
/// let centre = PixelPosition { row: 10.0, column: 300.0 };
/// let mut geometry = Geometry::transmission(0.3, centre, 172e-6, 1e-10);
/// geometry.incident_angle_rad = Some(0.15f64.to_radians());
/// let map = GrazingMap::new(&geometry, (619, 487), SampleOrientation::Up)?;
/// let (q_ip, q_oop) = (map.q_in_plane_inv_nm(), map.q_out_of_plane_inv_nm());
/// assert!(q_ip[(0, 0)] < 0.0 && q_oop[(618, 300)] > 0.0);
/// # Ok::<(), xscatter_geometry::grazing::GrazingError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct GrazingMap {
    map: PixelMap,
    orientation: SampleOrientation,
    /// Sine and cosine of the incident angle.
    incident: (f64, f64),
    /// Sine and cosine of the tilt.
    tilt: (f64, f64),
}

impl GrazingMap {
    /// The map for the incident angle and the tilt in `geometry`.
    ///
    /// # Errors
    /// [`GrazingError`] if the geometry has no incident angle or is impossible.
    pub fn new(
        geometry: &Geometry,
        shape: (usize, usize),
        orientation: SampleOrientation,
    ) -> Result<Self, GrazingError> {
        let incident_angle_rad = geometry
            .incident_angle_rad
            .ok_or(GrazingError::NoIncidentAngle)?;
        Ok(Self {
            map: PixelMap::new(geometry, shape)?,
            orientation,
            incident: incident_angle_rad.sin_cos(),
            tilt: geometry.tilt_rad.sin_cos(),
        })
    }

    /// Rows and columns.
    pub fn shape(&self) -> (usize, usize) {
        self.map.shape()
    }

    /// The scattering vector at a place on the image in the frame of the sample: along the beam's
    /// footprint, horizontal, along the surface normal.
    ///
    /// The centre of pixel `(i, j)` is at `(i + 0.5, j + 0.5)`.
    pub fn q_vector_inv_nm_at(&self, row: f64, column: f64) -> [f64; 3] {
        self.q_vector(self.map.position_m(row, column))
    }

    /// The component in the surface, signed by its horizontal part.
    pub fn q_in_plane_inv_nm(&self) -> Array2<f64> {
        self.map.map(|t| in_plane(self.q_vector(t)))
    }

    /// The component along the surface normal.
    pub fn q_out_of_plane_inv_nm(&self) -> Array2<f64> {
        self.map.map(|t| self.q_vector(t)[2])
    }

    /// The polar angle `χ_gi = atan2(q_ip, q_oop)`: 0 along the normal, ±π/2 in the surface.
    pub fn chi_gi_rad(&self) -> Array2<f64> {
        self.map.map(|t| {
            let q = self.q_vector(t);
            in_plane(q).atan2(q[2])
        })
    }

    /// The angle `α_f` between the surface and the scattered ray; negative below the horizon.
    pub fn exit_angle_rad(&self) -> Array2<f64> {
        self.map
            .map(|t| self.to_sample(self.unit(t))[2].clamp(-1.0, 1.0).asin())
    }

    /// (beam, horizontal, vertical) direction of the scattered ray, before the sample's rotations.
    fn unit(&self, t: [f64; 3]) -> [f64; 3] {
        let r = (t[0] * t[0] + t[1] * t[1] + t[2] * t[2]).sqrt();
        let (x, y) = self.orientation.turn(t[1], t[0]);
        [t[2] / r, x / r, y / r]
    }

    fn q_vector(&self, t: [f64; 3]) -> [f64; 3] {
        let k_inv_nm = 0.5 * self.map.four_pi_over_lambda_inv_nm();
        let [beam, horizontal, vertical] = self.unit(t);
        self.to_sample([beam - 1.0, horizontal, vertical])
            .map(|component| k_inv_nm * component)
    }

    /// Incidence first, then tilt.
    fn to_sample(&self, [beam, horizontal, vertical]: [f64; 3]) -> [f64; 3] {
        let (sin, cos) = self.incident;
        let (beam, vertical) = (beam * cos + vertical * sin, vertical * cos - beam * sin);
        let (sin, cos) = self.tilt;
        [
            beam,
            horizontal * cos + vertical * sin,
            vertical * cos - horizontal * sin,
        ]
    }
}

fn in_plane(q: [f64; 3]) -> f64 {
    q[0].hypot(q[1]).copysign(q[1])
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;
    use xscatter_core::PixelPosition;

    use super::*;

    const ALPHA_RAD: f64 = 0.02;

    fn geometry() -> Geometry {
        let centre = PixelPosition {
            row: 0.5,
            column: 0.5,
        };
        Geometry {
            incident_angle_rad: Some(ALPHA_RAD),
            ..Geometry::transmission(1.0, centre, 1e-3, 1e-10)
        }
    }

    fn map(geometry: &Geometry) -> GrazingMap {
        GrazingMap::new(geometry, (60, 80), SampleOrientation::Up).unwrap()
    }

    #[test]
    fn direct_beam_and_specular_reflection_are_where_they_should_be() {
        let map = map(&geometry());
        assert_abs_diff_eq!(map.exit_angle_rad()[(0, 0)], -ALPHA_RAD, epsilon = 1e-15);
        assert_eq!(map.q_vector_inv_nm_at(0.5, 0.5), [0.0; 3]);
        let specular_row = 0.5 + 1e3 * (2.0 * ALPHA_RAD).tan();
        let q = map.q_vector_inv_nm_at(specular_row, 0.5);
        let k_inv_nm = 2.0 * std::f64::consts::PI / 0.1;
        assert_abs_diff_eq!(q[0], 0.0, epsilon = 1e-12);
        assert_abs_diff_eq!(q[1], 0.0, epsilon = 1e-12);
        assert_abs_diff_eq!(q[2], 2.0 * k_inv_nm * ALPHA_RAD.sin(), epsilon = 1e-12);
    }

    #[test]
    fn without_an_incident_angle_there_is_no_map() {
        let geometry = Geometry {
            incident_angle_rad: None,
            ..geometry()
        };
        assert_eq!(
            GrazingMap::new(&geometry, (4, 4), SampleOrientation::Up),
            Err(GrazingError::NoIncidentAngle)
        );
    }

    #[test]
    fn numbers_round_trip() {
        for orientation in SampleOrientation::ALL {
            assert_eq!(
                SampleOrientation::from_number(orientation.number()),
                Some(orientation)
            );
        }
        assert_eq!(SampleOrientation::from_number(0), None);
        assert_eq!(SampleOrientation::from_number(9), None);
    }

    proptest! {
        #[test]
        fn the_rotations_keep_the_length_of_q(
            alpha in 0.0..0.2f64,
            tilt_rad in -1.5..1.5f64,
            number in 1..=8u8,
        ) {
            let geometry = Geometry {
                incident_angle_rad: Some(alpha),
                tilt_rad,
                ..geometry()
            };
            let orientation = SampleOrientation::from_number(number).unwrap();
            let map = GrazingMap::new(&geometry, (6, 8), orientation).unwrap();
            let q = PixelMap::new(&geometry, (6, 8)).unwrap().q_inv_nm();
            let (q_ip, q_oop) = (map.q_in_plane_inv_nm(), map.q_out_of_plane_inv_nm());
            for ((q, q_ip), q_oop) in q.iter().zip(&q_ip).zip(&q_oop) {
                prop_assert!((q_ip.hypot(*q_oop) - q).abs() < 1e-9);
            }
        }

        #[test]
        fn q_out_of_plane_follows_the_exit_angle(alpha in 0.0..0.2f64, row in 0..60usize, column in 0..80usize) {
            let geometry = Geometry { incident_angle_rad: Some(alpha), ..geometry() };
            let map = map(&geometry);
            let k_inv_nm = 2.0 * std::f64::consts::PI / 0.1;
            let expected = k_inv_nm * (map.exit_angle_rad()[(row, column)].sin() + alpha.sin());
            prop_assert!((map.q_out_of_plane_inv_nm()[(row, column)] - expected).abs() < 1e-10);
        }
    }
}
