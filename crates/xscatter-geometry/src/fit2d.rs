//! The detector's pose in the parameters of Fit2D, and conversion from and to a [`Geometry`].
//!
//! Fit2D gives the beam centre, the distance along the beam, and one tilt `τ` about an axis in the
//! detector plane whose direction is the rotation `φ` of the tilt plane. The direction of the beam
//! in the frame of the detector (slow, fast, normal) is the same in both descriptions:
//!
//! ```text
//! (sin τ·sin φ, sin τ·cos φ, cos τ) = (sin rot2, −cos rot2·sin rot1, cos rot1·cos rot2)
//! ```
//!
//! Fit2D has no rotation about the beam. On the way to Fit2D `rot3` is lost (2θ and q stay, χ turns);
//! on the way back `rot3` gets the small value that makes the whole a pure tilt, as pyFAI does.
//! Fit2D has no image orientation: convert the pose of an image in orientation 3.
//!
//! Fit2D shows mm, degrees, µm and Å; here all is in metres and radians.
//!
//! Source: pyFAI, doi:10.1107/S1600576715004306; values checked against pyFAI 2026.9.0.

use xscatter_core::{Error, ErrorKind, Geometry, Orientation, PixelPosition};

use crate::beam::{beam_centre_px, direct_distance_m};

/// Why a pose has no description in Fit2D's parameters, or the reverse.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum Fit2dError {
    /// Fit2D does not know orientations.
    #[error("expected an image in orientation 3, got {}", .0.number())]
    Orientation(Orientation),
    /// The beam does not meet the detector from the front.
    #[error("expected a detector that faces the beam, got one that is parallel to it or averted")]
    NoBeamCentre,
    /// A tilt of 90° or more, or one that is not a number.
    #[error("expected a tilt below 90 degrees, got {0} rad")]
    Tilt(f64),
}

impl From<Fit2dError> for Error {
    fn from(error: Fit2dError) -> Self {
        Self::new(ErrorKind::InvalidArgument, error.to_string()).with_source(error)
    }
}

/// A pose as Fit2D describes it, in SI units.
///
/// ```
/// use xscatter_core::PixelPosition;
/// use xscatter_geometry::{Fit2d, beam_centre_px};
///
/// let fit2d = Fit2d {
///     direct_distance_m: 0.3,
///     centre_px: PixelPosition { row: 500.0, column: 400.0 },
///     tilt_rad: 0.1,
///     tilt_plane_rotation_rad: 0.7,
///     pixel1_m: 172e-6,
///     pixel2_m: 172e-6,
///     wavelength_m: 1e-10,
/// };
/// let geometry = fit2d.to_geometry()?;
/// let centre = beam_centre_px(&geometry, (1043, 981)).expect("it faces the beam");
/// assert!((centre.row - 500.0).abs() < 1e-9);
/// # Ok::<(), xscatter_geometry::fit2d::Fit2dError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fit2d {
    /// From the sample to the detector along the beam.
    pub direct_distance_m: f64,
    /// Where the beam meets the image; Fit2D's x is the column, its y the row.
    pub centre_px: PixelPosition,
    /// The angle between the beam and the detector's normal, 0 to below π/2.
    pub tilt_rad: f64,
    /// The direction of the tilt in the detector plane, from the fast axis to the slow axis.
    pub tilt_plane_rotation_rad: f64,
    /// Pixel pitch along axis 0 (slow, y).
    pub pixel1_m: f64,
    /// Pixel pitch along axis 1 (fast, x).
    pub pixel2_m: f64,
    /// Of the beam.
    pub wavelength_m: f64,
}

impl Fit2d {
    /// The description of this pose; `rot3`, incident angle and sample tilt are not part of it.
    ///
    /// # Errors
    /// [`Fit2dError`] for another orientation than 3, or a detector that does not face the beam.
    pub fn from_geometry(geometry: &Geometry) -> Result<Self, Fit2dError> {
        if geometry.orientation != Orientation::BottomRight {
            return Err(Fit2dError::Orientation(geometry.orientation));
        }
        if geometry.distance_m < 0.0 {
            return Err(Fit2dError::NoBeamCentre);
        }
        // The shape plays no role in orientation 3.
        let centre_px = beam_centre_px(geometry, (1, 1)).ok_or(Fit2dError::NoBeamCentre)?;
        let direct_distance_m = direct_distance_m(geometry).ok_or(Fit2dError::NoBeamCentre)?;
        let (sin1, cos1) = geometry.rot1_rad.sin_cos();
        let (sin2, cos2) = geometry.rot2_rad.sin_cos();
        let (along1, along2) = (sin2, -cos2 * sin1);
        Ok(Self {
            direct_distance_m,
            centre_px,
            tilt_rad: along1.hypot(along2).atan2(cos1 * cos2),
            tilt_plane_rotation_rad: along1.atan2(along2),
            pixel1_m: geometry.pixel1_m,
            pixel2_m: geometry.pixel2_m,
            wavelength_m: geometry.wavelength_m,
        })
    }

    /// The pose in transmission that has this description.
    ///
    /// # Errors
    /// [`Fit2dError::Tilt`] if the tilt is not within 0 to 90°.
    pub fn to_geometry(&self) -> Result<Geometry, Fit2dError> {
        if !(0.0..std::f64::consts::FRAC_PI_2).contains(&self.tilt_rad) {
            return Err(Fit2dError::Tilt(self.tilt_rad));
        }
        let (sin_tilt, cos_tilt) = self.tilt_rad.sin_cos();
        let (sin_plane, cos_plane) = self.tilt_plane_rotation_rad.sin_cos();
        let (along1, along2) = (sin_tilt * sin_plane, sin_tilt * cos_plane);
        let pixel_m = self.pixel1_m;
        let flat = Geometry::transmission(
            self.direct_distance_m * cos_tilt,
            self.centre_px,
            pixel_m,
            self.wavelength_m,
        );
        Ok(Geometry {
            poni1_m: self.centre_px.row * self.pixel1_m - self.direct_distance_m * along1,
            poni2_m: self.centre_px.column * self.pixel2_m - self.direct_distance_m * along2,
            rot1_rad: (-along2).atan2(cos_tilt),
            rot2_rad: along1.asin(),
            // The rotation of the shortest way from the beam to the normal.
            rot3_rad: (-along1 * along2).atan2(1.0 + cos_tilt - along1 * along1),
            pixel1_m: self.pixel1_m,
            pixel2_m: self.pixel2_m,
            ..flat
        })
    }
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;

    use super::*;
    use crate::PixelMap;

    fn geometry(rot1_rad: f64, rot2_rad: f64, rot3_rad: f64) -> Geometry {
        let centre = PixelPosition {
            row: 300.0,
            column: 200.0,
        };
        Geometry {
            rot1_rad,
            rot2_rad,
            rot3_rad,
            pixel2_m: 100e-6,
            ..Geometry::transmission(0.25, centre, 172e-6, 1e-10)
        }
    }

    proptest! {
        #[test]
        fn there_and_back_keeps_two_theta(
            rot1 in -1.2..1.2f64,
            rot2 in -1.2..1.2f64,
            rot3 in -3.0..3.0f64,
        ) {
            let before = geometry(rot1, rot2, rot3);
            let after = Fit2d::from_geometry(&before).unwrap().to_geometry().unwrap();
            let (before, after) = (
                PixelMap::new(&before, (9, 9)).unwrap().two_theta_rad(),
                PixelMap::new(&after, (9, 9)).unwrap().two_theta_rad(),
            );
            for (a, b) in before.iter().zip(&after) {
                prop_assert!((a - b).abs() < 1e-9);
            }
        }

        #[test]
        fn from_fit2d_and_back_is_the_identity(
            tilt_rad in 1e-3..1.4f64,
            tilt_plane_rotation_rad in -3.1..3.1f64,
        ) {
            let before = Fit2d {
                tilt_rad,
                tilt_plane_rotation_rad,
                ..Fit2d::from_geometry(&geometry(0.0, 0.0, 0.0)).unwrap()
            };
            let after = Fit2d::from_geometry(&before.to_geometry().unwrap()).unwrap();
            prop_assert!((after.tilt_rad - tilt_rad).abs() < 1e-9);
            prop_assert!((after.tilt_plane_rotation_rad - tilt_plane_rotation_rad).abs() < 1e-9);
            prop_assert!((after.direct_distance_m - before.direct_distance_m).abs() < 1e-9);
            prop_assert!((after.centre_px.row - before.centre_px.row).abs() < 1e-6);
            prop_assert!((after.centre_px.column - before.centre_px.column).abs() < 1e-6);
        }
    }

    #[test]
    fn without_tilt_the_centre_is_the_point_of_normal_incidence() {
        let fit2d = Fit2d::from_geometry(&geometry(0.0, 0.0, 0.0)).unwrap();
        assert_eq!(fit2d.tilt_rad, 0.0);
        assert_abs_diff_eq!(fit2d.centre_px.row, 300.0, epsilon = 1e-9);
        assert_abs_diff_eq!(
            fit2d.centre_px.column,
            200.0 * 172.0 / 100.0,
            epsilon = 1e-9
        );
    }

    #[test]
    fn what_fit2d_cannot_say_is_an_error() {
        let turned = Geometry {
            orientation: Orientation::TopRight,
            ..geometry(0.0, 0.0, 0.0)
        };
        assert_eq!(
            Fit2d::from_geometry(&turned),
            Err(Fit2dError::Orientation(Orientation::TopRight))
        );
        assert_eq!(
            Fit2d::from_geometry(&geometry(2.0, 0.0, 0.0)),
            Err(Fit2dError::NoBeamCentre)
        );
        let fit2d = Fit2d {
            tilt_rad: 1.6,
            ..Fit2d::from_geometry(&geometry(0.0, 0.0, 0.0)).unwrap()
        };
        assert_eq!(fit2d.to_geometry(), Err(Fit2dError::Tilt(1.6)));
    }
}
