//! Where the direct beam meets the detector, in image pixels, and the pose that puts it there.
//!
//! The beam centre is not the point of normal incidence of a [`Geometry`] as soon as the detector is
//! rotated: with the distance `L` along the normal, seen from the point of normal incidence,
//!
//! ```text
//! slow: +L·tan(rot2)/cos(rot1)      fast: −L·tan(rot1)
//! ```
//!
//! Use it to show or to set a centre. It does not search one in an image.
//!
//! Source: geometry of pyFAI 2026.9.0; see [`pixel_map`](crate::pixel_map) for the convention.

use xscatter_core::{Geometry, PixelPosition};

use crate::pixel_map::{GeometryError, PixelMap};

/// The cosine of the angle between the beam and the detector's normal must exceed this.
const PARALLEL: f64 = 1e-9;

/// Where 2θ = 0 is on the image, in pixels; it may lie outside the image.
///
/// `None` if the beam runs parallel to the detector or away from it, or the geometry is impossible.
///
/// ```
/// use xscatter_core::{Geometry, PixelPosition};
/// use xscatter_geometry::beam_centre_px;
///
/// let centre = PixelPosition { row: 20.25, column: 30.75 };
/// let geometry = Geometry::transmission(1.0, centre, 172e-6, 1e-10);
/// let found = beam_centre_px(&geometry, (64, 80)).expect("the detector faces the beam");
/// assert!((found.row - 20.25).abs() < 1e-9 && (found.column - 30.75).abs() < 1e-9);
/// ```
pub fn beam_centre_px(geometry: &Geometry, shape: (usize, usize)) -> Option<PixelPosition> {
    let map = PixelMap::new(geometry, shape).ok()?;
    let (offset1_m, offset2_m) = beam_from_poni_m(&map)?;
    let (row, column) = map.along_detector(
        (geometry.poni1_m + offset1_m) / geometry.pixel1_m,
        (geometry.poni2_m + offset2_m) / geometry.pixel2_m,
    );
    Some(PixelPosition { row, column })
}

/// This pose, shifted in the detector plane until the direct beam meets the image at `centre`.
///
/// Distance and rotations stay. `None` in the cases of [`beam_centre_px`].
///
/// # Errors
/// [`GeometryError`] if the geometry or the shape is impossible.
pub fn with_beam_centre(
    geometry: &Geometry,
    shape: (usize, usize),
    centre: PixelPosition,
) -> Result<Option<Geometry>, GeometryError> {
    let map = PixelMap::new(geometry, shape)?;
    let (axis1, axis2) = map.along_detector(centre.row, centre.column);
    Ok(
        beam_from_poni_m(&map).map(|(offset1_m, offset2_m)| Geometry {
            poni1_m: axis1 * geometry.pixel1_m - offset1_m,
            poni2_m: axis2 * geometry.pixel2_m - offset2_m,
            ..geometry.clone()
        }),
    )
}

/// The distance from the sample to the detector along the beam; `None` in the cases of
/// [`beam_centre_px`].
pub fn direct_distance_m(geometry: &Geometry) -> Option<f64> {
    let map = PixelMap::new(geometry, (1, 1)).ok()?;
    direct_distance(&map)
}

fn direct_distance(map: &PixelMap) -> Option<f64> {
    let cos_tilt = map.rotation()[2][2];
    let distance_m = map.geometry().distance_m / cos_tilt;
    (cos_tilt.abs() > PARALLEL && distance_m > 0.0).then_some(distance_m)
}

/// From the point of normal incidence to the beam centre along both axes of the detector.
fn beam_from_poni_m(map: &PixelMap) -> Option<(f64, f64)> {
    let distance_m = direct_distance(map)?;
    let beam = map.rotation()[2];
    Some((distance_m * beam[0], distance_m * beam[1]))
}

#[cfg(test)]
mod tests {
    use approx::assert_abs_diff_eq;
    use proptest::prelude::*;
    use xscatter_core::Orientation;

    use super::*;

    const SHAPE: (usize, usize) = (64, 80);

    fn tilted(rot: [f64; 3], orientation: u8) -> Geometry {
        let centre = PixelPosition {
            row: 10.0,
            column: 20.0,
        };
        Geometry {
            rot1_rad: rot[0],
            rot2_rad: rot[1],
            rot3_rad: rot[2],
            orientation: Orientation::from_number(orientation).unwrap(),
            ..Geometry::transmission(0.3, centre, 172e-6, 1e-10)
        }
    }

    proptest! {
        #[test]
        fn two_theta_is_zero_at_the_centre(
            rot1 in -1.2..1.2f64,
            rot2 in -1.2..1.2f64,
            rot3 in -3.0..3.0f64,
            orientation in 1..=4u8,
        ) {
            let geometry = tilted([rot1, rot2, rot3], orientation);
            let centre = beam_centre_px(&geometry, SHAPE).unwrap();
            let map = PixelMap::new(&geometry, SHAPE).unwrap();
            prop_assert!(map.two_theta_rad_at(centre.row, centre.column) < 1e-9);
        }

        #[test]
        fn a_centre_that_was_set_is_found(
            row in -50.0..150.0f64,
            column in -50.0..150.0f64,
            rot1 in -1.0..1.0f64,
            rot2 in -1.0..1.0f64,
            orientation in 1..=4u8,
        ) {
            let centre = PixelPosition { row, column };
            let geometry =
                with_beam_centre(&tilted([rot1, rot2, 0.3], orientation), SHAPE, centre)
                    .unwrap()
                    .unwrap();
            let found = beam_centre_px(&geometry, SHAPE).unwrap();
            prop_assert!((found.row - row).abs() < 1e-8 && (found.column - column).abs() < 1e-8);
        }
    }

    #[test]
    fn a_parallel_or_averted_detector_has_no_centre() {
        let half_pi = std::f64::consts::FRAC_PI_2;
        assert_eq!(beam_centre_px(&tilted([half_pi, 0.0, 0.0], 3), SHAPE), None);
        assert_eq!(beam_centre_px(&tilted([2.0, 0.0, 0.0], 3), SHAPE), None);
        let behind = Geometry {
            distance_m: -1.0,
            ..tilted([0.0; 3], 3)
        };
        assert_eq!(beam_centre_px(&behind, SHAPE), None);
        assert_eq!(direct_distance_m(&behind), None);
    }

    #[test]
    fn the_direct_distance_is_longer_than_the_normal() {
        let geometry = tilted([0.1, 0.0, 0.0], 3);
        assert_abs_diff_eq!(
            direct_distance_m(&geometry).unwrap(),
            0.3 / 0.1f64.cos(),
            epsilon = 1e-15
        );
    }
}
